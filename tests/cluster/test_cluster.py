"""The workflow through a real Slurm of one node, which slurm.py installs, starts and stops.

Where that cannot be, all of this is skipped with the reason.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import SMALL, SMOKE, Workspace, copy_workflow, needs_torch
from slurm import NoSlurmError, Slurm, install
from timing import LONG, NIGHT, RUN, end_within, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("cluster")]
HERE = Path(__file__).parent
PROFILE = ("--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "3")
STUDIES = ("cancelled", "too_large", "too_long", "outlives_slurmd")
CANDIDATES = "formula,avg_voltage_v\nNaFeO2,3.1\nNaMnO2,2.9\nNa3V2(PO4)3,3.4\n"
SCREEN = """
screen:
  source: {name: file, file: candidates.csv}
  variant: voltage_only
"""
REQUEST = "set-resources:\n  prepare_table: {mem_mb: attempt * 800, runtime: attempt * %s}\n"


@dataclass(frozen=True)
class Cluster(Workspace):
    """A copy of the workflow whose jobs may go to Slurm."""

    slurm: Slurm

    @property
    def environment(self) -> dict[str, str]:
        """Where the package and Slurm are found."""
        return {**super().environment, **self.slurm.environment}


@dataclass(frozen=True)
class Incidents:
    """A run in which things happen to jobs, under way or ended."""

    cluster: Cluster
    process: subprocess.Popen[bytes]

    def output(self) -> str:
        """What the run printed; waits until it has ended."""
        code = end_within(LONG, self.process)
        text = (self.cluster.folder / "output.txt").read_text()
        assert code == 0, text
        return text

    def slurm_job(self, study: str) -> str:
        """The first Slurm job in which a study's table was prepared; waits until it runs."""
        file = self.cluster.folder / "started" / study
        assert wait_until(lambda: file.exists() and file.read_text().endswith("\n"), RUN, self.process), (
            f"{study} did not start"
        )
        return file.read_text().splitlines()[0]

    def jobs(self) -> Counter[str]:
        """State, memory and time limit of every Slurm job of the run, as Slurm has them."""
        run = self.output().split("SLURM run ID: ")[1].split()[0]
        ended = self.cluster.slurm.ask("squeue", "--states=all", "--noheader", "--name", run, "--format", "%T %m %l")
        return Counter(ended.splitlines())


def differences(folder: Path, other: Path) -> list[str]:
    """Results that are not in both folders, byte for byte the same."""
    files = ((f, p) for f in (folder, other) for p in (f / "results").rglob("*") if p.is_file())
    names = {str(path.relative_to(place)) for place, path in files if not path.name.startswith(".battery-mi.")}
    assert len(names) > 40
    return sorted(name for name in names if content(folder / name) != content(other / name))


def content(file: Path) -> bytes | None:
    """What a file holds, None if there is none."""
    return file.read_bytes() if file.exists() else None


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A Slurm that runs, or a skip that says why there is none."""
    own = Slurm(Path(tempfile.mkdtemp(prefix="slurm-")))
    try:
        install()
        own.up()
    except NoSlurmError as error:
        own.down()
        shutil.rmtree(own.folder)
        pytest.skip(f"no Slurm to test with: {error}")
    yield own
    own.down()
    shutil.rmtree(own.folder)


@pytest.fixture(scope="module")
def incidents(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incidents]:
    """Four jobs at once: one is cancelled, one needs too much memory, one too much time, one outlives slurmd."""
    cluster = Cluster(copy_workflow(tmp_path_factory.mktemp("incidents") / "copy").folder, slurm)
    for study in STUDIES:
        shutil.copy(cluster.folder / "config/studies/sodium_ion.yaml", cluster.folder / f"config/studies/{study}.yaml")
    cluster.edit(
        "profiles/slurm/config.yaml", "set-resources:\n", REQUEST % "(1 if wildcards.study == 'too_long' else 5)"
    )
    script = cluster.folder / "scripts/prepare_table.py"
    script.write_text((HERE / "incidents.py").read_text() + script.read_text())
    with (cluster.folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            cluster.command(*(f"results/{study}/table.parquet" for study in STUDIES), *SMOKE, *PROFILE),
            cwd=cluster.folder,
            env=cluster.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    found = Incidents(cluster, process)
    try:
        for study in ("too_long", "outlives_slurmd"):
            found.slurm_job(study)
        slurm.ask("scancel", found.slurm_job("cancelled"))
        slurm.kill("slurmd")
        time.sleep(2)
        slurm.start("slurmd")
        slurm.wait_until_idle()
        (cluster.folder / "slurmd_is_back").touch()
        yield found
    finally:
        process.terminate()
        process.wait()


def test_two_studies_give_the_same_files_through_slurm_as_here(
    incidents: Incidents, small_run: Workspace, workspace: Workspace
) -> None:
    """While the incidents happen beside it."""
    cluster = Cluster(workspace.folder, incidents.cluster.slurm)
    finished = cluster.run(*SMALL, *PROFILE, units=LONG)
    assert finished.returncode == 0, finished.stdout
    assert finished.stdout.count("has been submitted with SLURM jobid") == 10, finished.stdout
    assert differences(workspace.folder, small_run.folder) == []
    assert workspace.jobs(*SMALL) == set(), "what a cluster made is up to date here"


def test_jobs_are_tried_again_with_more_memory_and_time_and_the_run_ends_right(
    incidents: Incidents, small_run: Workspace
) -> None:
    incidents.output()
    table = (small_run.folder / "results/sodium_ion/table.parquet").read_bytes()
    for study in STUDIES:
        assert (incidents.cluster.folder / f"results/{study}/table.parquet").read_bytes() == table, study
    assert incidents.jobs() == {
        "CANCELLED 800M 5:00": 1,
        "FAILED 800M 5:00": 1,  # over its memory; Slurm says OUT_OF_MEMORY where it uses control groups
        "TIMEOUT 800M 1:00": 1,
        "COMPLETED 800M 5:00": 1,
        "COMPLETED 1600M 10:00": 2,
        "COMPLETED 1600M 2:00": 1,
    }


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ("cancelled", r"\*\*\* JOB {job} ON \S+ CANCELLED AT \S+ \*\*\*"),
        ("too_large", r"StepId={job}\.0 exceeded memory limit \(\d+ > 838860800\), being killed"),
        ("too_long", r"\*\*\* JOB {job} ON \S+ CANCELLED AT \S+ DUE TO TIME LIMIT \*\*\*"),
    ],
)
def test_the_run_says_what_happened_to_a_job(study: str, words: str, incidents: Incidents) -> None:
    assert re.search(words.format(job=incidents.slurm_job(study)), incidents.output())


def test_a_job_goes_on_while_slurmd_is_killed_and_started_again(incidents: Incidents) -> None:
    incidents.output()
    assert (incidents.cluster.folder / "started/outlives_slurmd").read_text().count("\n") == 1


@pytest.mark.nightly
def test_a_screen_of_more_shards_than_jobs_at_once_ends_and_gives_the_same_files_as_here(
    slurm: Slurm, small_run: Workspace, tmp_path: Path
) -> None:
    """Two of five shards are submitted while the others wait."""
    found = []
    for name, options in (("here", ("--cores", "1")), ("slurm", (*PROFILE, "--jobs", "2"))):
        cluster = Cluster(Path(shutil.copytree(small_run.folder, tmp_path / name)), slurm)
        (cluster.folder / "candidates.csv").write_text(CANDIDATES)
        with (cluster.folder / "config/studies/sodium_ion.yaml").open("a") as study:
            study.write(SCREEN)
        folder = cluster.folder / "results/sodium_ion/screen"
        finished = cluster.run(
            "results/sodium_ion/screen/funnel.svg", *SMALL, *options, "--set-scatter", "screen=5", units=LONG
        )
        assert finished.returncode == 0, finished.stdout
        found.append([(folder / name).read_bytes() for name in ("top.csv", "report.json", "funnel.svg")])
    assert finished.stdout.count("has been submitted with SLURM jobid") == 10, finished.stdout
    assert found[0] == found[1]


@pytest.mark.nightly
def test_all_five_studies_give_the_same_files_through_slurm_as_here(
    slurm: Slurm, workspace: Workspace, tmp_path: Path
) -> None:
    here = copy_workflow(tmp_path / "here").run(*SMOKE, "--cores", "2", units=NIGHT)
    assert here.returncode == 0, here.stdout
    finished = Cluster(workspace.folder, slurm).run(*SMOKE, *PROFILE, units=NIGHT)
    assert finished.returncode == 0, finished.stdout
    assert differences(workspace.folder, tmp_path / "here") == []


@needs_torch
@pytest.mark.nightly
def test_an_array_of_trainings_gives_the_same_policies_as_here(
    slurm: Slurm, workspace: Workspace, tmp_path: Path
) -> None:
    options = ("--configfile", "tests/arena_smoke.yaml")
    goals = [f"results/arena/agents/power_cell/sac/{seed}/policy.json" for seed in (1, 2)]
    here = copy_workflow(tmp_path / "here").run(*goals, *options, "--cores", "2", units=NIGHT)
    assert here.returncode == 0, here.stdout
    arrays = ("--slurm-array-jobs", "train_agent", "--jobs", "unlimited")
    finished = Cluster(workspace.folder, slurm).run(*goals, *options, *PROFILE, *arrays, units=NIGHT)
    assert finished.returncode == 0, finished.stdout
    assert "Submitted array job" in finished.stdout
    for goal in goals:
        assert (workspace.folder / goal).read_bytes() == (tmp_path / "here" / goal).read_bytes()
