"""A folder of one's own: nothing depends on the working directory being the clone."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Workspace, name_foreign_files

ONE = ("--configfile", str(ROOT / "tests/smoke.yaml"), "--config", 'studies=["sodium_ion"]')


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    """A folder with settings and tables, and nothing else."""
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=name_foreign_files)
    shutil.copytree(ROOT / "data/textbook", tmp_path / "data/textbook")
    return Workspace(tmp_path)


@pytest.mark.nightly  # a project of the installed package has the same in another form
def test_a_study_runs_in_a_folder_of_ones_own_and_then_is_up_to_date(elsewhere: Workspace) -> None:
    workflow = ("--snakefile", str(ROOT / "Snakefile"), "--cores", "1")
    finished = elsewhere.run(*workflow, *ONE)
    assert finished.returncode == 0, finished.stdout
    assert (elsewhere.folder / "results/sodium_ion/summary.json").is_file()
    assert elsewhere.jobs("--snakefile", str(ROOT / "Snakefile"), *ONE) == set()


@pytest.mark.slow
def test_the_workflow_can_be_included_as_a_module(elsewhere: Workspace) -> None:
    (elsewhere.folder / "Snakefile").write_text(
        'configfile: "config/config.yaml"\n\n\n'
        f'module battery:\n    snakefile: "{ROOT}/Snakefile"\n    config: config\n\n\n'
        "use rule * from battery\n"
    )
    assert "train_surrogate:sodium_ion" in elsewhere.jobs(*ONE)
