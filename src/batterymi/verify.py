"""Rebuild the results of a run in a clean folder, and compare."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from batterymi.errors import BatteryMIError
from batterymi.files import write_json
from batterymi.manifest import (
    NAME,
    Comparison,
    check_inputs,
    check_outputs,
    compare_results,
    read_manifest,
)

LEFT_OUT = (".git", ".venv", ".snakemake", "logs", "raw", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache")
LAST_LINES = 25


class RebuildError(BatteryMIError):
    """The rebuild did not come to its end."""


def verify(results: Path, cores: int, *, rebuild: bool = True) -> tuple[bool, list[str]]:
    """Hold results against their manifest, then rebuild them elsewhere and compare.

    Args:
        results: the folder of the results; MANIFEST.json lies in it.
        cores: cores of the rebuild.
        rebuild: whether to rebuild; else only what is there is held against the manifest.

    Returns:
        Whether all is as it should be, and what to tell.

    Raises:
        TableError: if there is no manifest.
        RebuildError: if the rebuild fails.
    """
    manifest = read_manifest(results / NAME)
    changed = check_inputs(manifest)
    if changed:
        return False, ["the results are of other settings, tables or another lock:", *changed, "run snakemake again"]
    wrong = check_outputs(manifest, results)
    if wrong:
        return False, [*wrong, "remove these files and run snakemake again"]
    told = [f"{len(manifest['inputs'])} inputs and {len(manifest['outputs'])} outputs are as the manifest says"]
    if not rebuild:
        return True, told
    with tempfile.TemporaryDirectory(prefix="battery-mi-verify-") as name:
        clean = Path(name) / "workflow"
        copy_workflow(Path(), clean, results)
        rebuild_in(clean, manifest["settings"], cores, Path("data/raw").resolve())
        found = compare(results, manifest, clean / "results")
    return found.agrees, [*told, "rebuilt in a clean folder:", *found.lines()]


def compare(results: Path, manifest: dict[str, Any], rebuilt: Path) -> Comparison:
    """Results beside a rebuild of them."""
    return compare_results(results, rebuilt, manifest["outputs"], read_manifest(rebuilt / NAME)["outputs"])


def copy_workflow(source: Path, target: Path, results: Path) -> None:
    """Copy the workflow without results, downloads, caches and environments.

    Args:
        source: the workflow's folder.
        target: a folder that does not exist.
        results: the folder of the results, which is left out.
    """
    out = results.resolve()

    def unwanted(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in LEFT_OUT or (Path(folder) / name).resolve() == out]

    shutil.copytree(source, target, ignore=unwanted)


def rebuild_in(folder: Path, settings: dict[str, Any], cores: int, raw: Path) -> None:
    """Run the workflow in a folder.

    Args:
        folder: a copy of the workflow.
        settings: configuration of the run.
        cores: cores to use.
        raw: where data sets were fetched to, which serves as the mirror.

    Raises:
        RebuildError: if Snakemake fails; the message has its last lines.
    """
    plain = {key: value for key, value in settings.items() if key not in ("pathvars", "mirror")}
    write_json(folder / "verify.json", plain | ({"mirror": str(raw)} if raw.is_dir() else {}), recorded=False)
    call = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--configfile", "verify.json", "--quiet", "rules"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RebuildError("the rebuild failed:\n" + "\n".join(done.stderr.splitlines()[-LAST_LINES:]))
