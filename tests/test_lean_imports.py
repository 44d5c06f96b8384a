"""What the package does not import where it is not needed, since each second counts in a job that takes two."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import Workspace, needs_torch

from batterymi.lean_imports import leave_out

MODELS = """
from batterymi.surrogates.store import load_models, save_models
save_models("m.skops", [])
assert load_models("m.skops") == []
"""
TABLE = """
import pandas as pd
from batterymi.config.parts import Feature
from batterymi.data.schema import find_outside_schema
feature = Feature(name="a", label="a", unit="1", bounds=(0, 1), valid=(0, 1))
assert find_outside_schema(pd.DataFrame({"a": [0.5, 2.0]}), [feature], [], None)[0]["line"] == 1
"""
RULES = """
import sys
from pathlib import Path
from snakemake.cli import main
sys.argv = ["snakemake", "-n", "--quiet", "all", "--snakefile", SNAKEFILE, "all"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
"""
MODULES = "import sys\nprint(*sys.modules)\nimport {name}\n"


@pytest.mark.parametrize(
    ("work", "name"),
    [pytest.param(MODELS, "torch", marks=needs_torch, id="torch"), pytest.param(TABLE, "hypothesis", id="hypothesis")],
)
def test_what_takes_long_to_import_is_not_imported_before_it_is_needed(work: str, name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", work + MODULES.format(name=name)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "batterymi.lean_imports" in done.stdout.split()
    assert name not in done.stdout.split()


def test_the_rules_import_no_library_of_models_or_figures(workspace: Workspace) -> None:
    """Each start of Snakemake would wait for it."""
    work = RULES.replace("SNAKEFILE", repr(str(workspace.folder / "Snakefile"))) + "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", work],
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "batterymi" in loaded
    assert not loaded & {"scipy", "sklearn", "matplotlib", "pymatgen", "skopt", "torch", "pybamm"}


def test_a_module_that_is_left_out_is_there_after_the_block_and_one_that_was_imported_stays() -> None:
    name = "wsgiref.validate"
    sys.modules.pop(name, None)
    with leave_out(name, "json"):
        with pytest.raises(ImportError):
            __import__(name)
        import json

        assert json.loads("1") == 1
    assert find_spec(name) is not None
    assert __import__(name)
    assert sys.modules["json"] is json
