"""SIGKILL at random moments: the run resumes to the same results, and leaves nothing lying about."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, Workspace
from kills import Kill, digests, kill_at_random, survivors

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]
DEFAULT = ("--cores", "2")


def kill_and_resume(
    workspace: Workspace, options: Sequence[str], seeds: Sequence[int], longest: float, reference: dict[str, str]
) -> list[Kill]:
    """Kill a run once per seed, finish it, and compare every output; the kills that hit it."""
    hits = [kill_at_random(workspace, options, seed, longest) for seed in seeds]
    assert survivors(workspace.folder) == []
    finished = workspace.run(*options, timeout=3600)
    assert finished.returncode == 0, finished.stdout
    assert digests(workspace.folder) == reference
    results = workspace.folder / "results"
    left = [str(path) for path in results.rglob("*") if path.name.endswith(".tmp") or path.name.startswith("journal")]
    assert left == []
    return [hit for hit in hits if hit is not None]


def test_a_run_killed_five_times_resumes_to_the_same_results_on_one_core(done: Workspace, workspace: Workspace) -> None:
    hits = kill_and_resume(workspace, (*SMALL, "--cores", "1"), range(5), 6, digests(done.folder))
    assert len(hits) >= 4
    assert any(hit.cut_off for hit in hits)


@pytest.mark.nightly
def test_the_default_run_survives_fifty_kills(workspace: Workspace) -> None:
    """Rounds of kills: of a run from nothing first, then of runs that remake some stages."""
    fresh = workspace.folder.with_name("reference")
    shutil.copytree(workspace.folder, fresh)
    finished = Workspace(fresh).run(*DEFAULT, timeout=3600)
    assert finished.returncode == 0, finished.stdout
    reference = digests(fresh)
    hits, seed = [], 100
    while len(hits) < 50:
        size, longest = (5, 15) if hits else (10, 40)
        hits += kill_and_resume(workspace, DEFAULT, range(seed, seed + size), longest, reference)
        seed += size
        forget_stages(workspace.folder, seed)
    stages = {Path(job).name for hit in hits for job in hit.jobs}
    assert {"surrogate", "campaign"} <= stages


def forget_stages(folder: Path, seed: int) -> None:
    """Remove what a stage of two studies made, and their summaries, so that the next run has something to do."""
    chance = np.random.default_rng(seed)
    for table in (folder / "results").glob("summary.*"):
        table.unlink()  # Snakemake makes nothing again that only something finished was made from
    studies = sorted((folder / "results").glob("*/summary.json"))
    for number in chance.choice(len(studies), size=2, replace=False):
        studies[number].unlink()
        shutil.rmtree(studies[number].with_name(str(chance.choice(["surrogate", "campaign", "figures"]))))
