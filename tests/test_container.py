"""The container recipe, step by step in a clean folder, since a runtime that could build the image is often missing."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, SMOKE, Workspace
from timing import LONG, RUN, START, run_within

RECIPE = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[list[str]]:
    """The words of each instruction of a kind."""
    lines = RECIPE.replace("\\\n", " ").splitlines()
    return [line.split()[1:] for line in lines if line.startswith(f"{name} ")]


def test_the_recipe_copies_what_the_set_up_reads() -> None:
    copied = {source for *sources, _ in instructions("COPY") for source in sources}
    assert {"Makefile", "pyproject.toml", "requirements.lock", "README.md", "src"} <= copied
    assert all((ROOT / source).exists() for source in copied)
    assert ["make", "setup"] in instructions("RUN")


def test_the_builder_is_sent_what_the_recipe_copies_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {source for *sources, _ in instructions("COPY") for source in sources}
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == copied


@pytest.mark.nightly
def test_the_steps_of_the_recipe_give_an_environment_in_which_a_job_runs(tmp_path: Path, workspace: Workspace) -> None:
    image = tmp_path / "opt"
    image.mkdir()
    for *sources, target in instructions("COPY"):
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, image / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, image / target)
    own = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = run_within(LONG, ["make", "setup"], cwd=image, env=own)
    assert done.returncode == 0, done.stdout
    inside = {**own, "PATH": f"{image}/.venv/bin:{own['PATH']}", "PYTHONPATH": "src"}
    for folder, package in ((workspace.folder, workspace.folder / "src"), (tmp_path, image / "src")):
        command = ["python", "-c", "import batterymi.files; print(batterymi.files.__file__)"]
        found = run_within(START, command, cwd=folder, env=inside)
        assert found.stdout.strip() == str(package / "batterymi/files.py")
    job = ["snakemake", "results/sodium_ion/table.parquet", "--cores", "1", *SMOKE]
    done = run_within(RUN, job, cwd=workspace.folder, env=inside)
    assert done.returncode == 0, done.stdout
    assert (workspace.folder / "results/sodium_ion/table.parquet").is_file()
