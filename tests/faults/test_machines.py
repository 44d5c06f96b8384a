"""Machines as they are: full disks, folders that cannot be written, wrong clocks, other languages, edits meanwhile."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SMALL, SMOKE, Workspace, copy_workflow
from kills import await_jobs, digests, start
from stages import STAGES, run_adapter, run_stage, smoke_study
from timing import RUN, end_within, wait_until

from batterymi.config.slices.sampling import SamplingSettings
from batterymi.errors import TableError
from batterymi.files import CHECKSUM_FOLDER, compute_sha256
from batterymi.workflow.manifest import read_manifest
from batterymi.workflow.preflight import NEEDED_MB, find_date_problems, find_folder_problems
from batterymi.workflow.run import log_to_file

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machines")]
TITLE = "=<img src=x onerror=alert(1)> Na"
MARKED = (
    ("title: Na-ion cathodes", f'title: "{TITLE}"'),
    ("label: Structure type,", f'label: "{TITLE}",'),
    ("label: Capacity\n", f'label: "{TITLE}"\n'),
    ("label: Specific energy of the cathode,", f'label: "{TITLE}",'),
    ("reason: The chapter's hypothesis", f"reason: \"{TITLE} The chapter's hypothesis"),
    ("this shows what the type adds.", 'this shows what the type adds."'),
    ("- name: NaNi0.5Mn0.5O2\n", f'- name: "{TITLE}"\n'),
    ("case_study: Na-ion Batteries", f'case_study: "{TITLE}"'),
    ("key_descriptors: Structure type, Voltage", f'key_descriptors: "{TITLE}"'),
    ("figure: capacity_voltage\n", f'figure: capacity_voltage\nremarks: ["{TITLE}"]\n'),
)
ONE = (*SMOKE, "--config", 'studies=["sodium_ion"]', "--cores", "1")
# a system whose encoding is ASCII, without the rescue that Python has for the plain C locale, and no home
POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/proc/none"}
NOT_ROOT = "mounting needs root"
TWO = ["ncm_cathodes", "sodium_ion"]


@dataclass(frozen=True)
class Odd(Workspace):
    """A copy on a poor system; its caches lie in the folder, as `make` has it where home cannot be written."""

    @property
    def environment(self) -> dict[str, str]:
        """The system's variables."""
        return {**super().environment, **POOR, "XDG_CACHE_HOME": str(self.folder / ".snakemake/cache")}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    """A run on a poor system, of files dated in 1970, whose settings were edited while it ran."""
    workspace = Odd(copy_workflow(tmp_path_factory.mktemp("odd") / "mind the gap & co").folder)
    for old, new in MARKED:
        workspace.edit("config/studies/sodium_ion.yaml", old, new)
    for path in ("data/textbook/sodium_ion.csv", "scripts/train_surrogate.py", "src/batterymi/files.py"):
        os.utime(workspace.folder / path, (0, 0))
    output = workspace.folder / "output.txt"
    with output.open("w") as stream:
        process = subprocess.Popen(
            workspace.command(*ONE), cwd=workspace.folder, env=workspace.environment, stdout=stream, stderr=stream
        )
        assert await_jobs(workspace, process)
        workspace.edit("config/studies/sodium_ion.yaml", "seed: 42", "seed: 43")
        end_within(RUN, process)
    assert process.returncode == 0, output.read_text(errors="replace")
    (workspace.folder / "jobs_after_the_edit.json").write_text(json.dumps(sorted(workspace.jobs(*ONE))))
    workspace.edit("config/studies/sodium_ion.yaml", "seed: 43", "seed: 42")
    return workspace


def test_a_poor_system_and_an_edit_meanwhile_change_no_number(odd: Odd, done: Workspace) -> None:
    """The run uses the settings that it checked; titles and labels are the only difference to the other copy."""
    mine, others = digests(odd.folder), digests(done.folder)
    shared = [
        f"results/sodium_ion/{name}"
        for name in ("table.parquet", "campaign/history.parquet", "campaign/suggestions.csv")
    ]
    shared += [f"results/sodium_ion/surrogate/{name}" for name in ("metrics.csv", "predictions.parquet", "model.skops")]
    assert {name: mine[name] for name in shared} == {name: others[name] for name in shared}
    assert "Traceback" not in (odd.folder / "output.txt").read_text(errors="replace")


def test_the_next_run_redoes_what_was_edited_meanwhile_and_only_that(odd: Odd) -> None:
    jobs = set(json.loads((odd.folder / "jobs_after_the_edit.json").read_text()))
    assert {"train_surrogate:sodium_ion", "run_campaign:sodium_ion", "build_summary"} <= jobs
    assert "prepare_table:sodium_ion" not in jobs


def test_the_manifest_names_the_settings_that_the_run_checked_not_those_edited_meanwhile(odd: Odd) -> None:
    """The fixture put the file right again after the run, so it is what the run began with."""
    path = "config/studies/sodium_ion.yaml"
    manifest = read_manifest(odd.folder / "results/MANIFEST.json")
    assert manifest["inputs"][path] == compute_sha256(odd.folder / path)


def test_a_title_with_markup_reaches_no_page_as_markup_and_no_sheet_as_a_formula(odd: Odd) -> None:
    results = odd.folder / "results"
    finished = odd.run("--report", "results/report.zip", *ONE)
    assert finished.returncode == 0, finished.stdout
    unpacked = results.with_name("report")
    shutil.unpack_archive(results / "report.zip", unpacked)
    pages = [*results.rglob("*.html"), *results.rglob("*.md"), *results.rglob("*.svg"), *unpacked.rglob("*.svg")]
    pages += [page for page in unpacked.rglob("*.html") if page.name != "report.html"]
    assert len(pages) > 10
    for page in pages:
        assert "<img src=x" not in page.read_text(encoding="utf-8"), page
    # within the report's own page, settings are strings of a script; nothing that ends a script gets so far
    assert "{'title': '=<img" in (unpacked / "report/report.html").read_text(encoding="utf-8")
    assert f"\nsodium_ion,'{TITLE}," in (results / "summary.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", ["</script>", "</ScRipt ", "<script>", "<!--"])
def test_settings_hold_nothing_that_ends_a_script_of_the_report(word: str, tmp_path: Path) -> None:
    from batterymi.config.load import load_config, read_yaml
    from batterymi.errors import ConfigError

    (tmp_path / "study.yaml").write_text(f'title: "a {word} b"\n')
    with pytest.raises(ConfigError, match=r"study\.yaml: line 1, column 8: .*scripts are not allowed in settings"):
        read_yaml(tmp_path / "study.yaml")
    with pytest.raises(ConfigError, match="scripts are not allowed in settings"):
        load_config({"overrides": {"all": {"title": word}}})


def test_files_dated_in_the_past_are_not_made_again_and_in_the_future_told_before_the_run(odd: Odd) -> None:
    table, files = odd.folder / "data/textbook/sodium_ion.csv", list((odd.folder / "results").rglob("*"))
    try:
        for path in files:
            os.utime(path, (0, 0))
        assert odd.jobs(*ONE) == set()
        for path in (table, odd.folder / "results/summary.csv"):
            os.utime(path, (2**31 - 1, 2**31 - 1))
        told = odd.run(*ONE)
    finally:
        for path in (table, *files):
            os.utime(path)
    assert told.returncode == 1
    future = "dated in the future: data/textbook/sodium_ion.csv, results/summary.csv (the first 2038-01-19"
    assert future in told.stdout
    assert "find . -newermt now -exec touch {} +" in told.stdout
    assert "Traceback" not in told.stdout


def test_a_clock_that_jumps_in_the_middle_of_a_run_ends_it_and_the_next_one_tells_the_remedy(odd: Odd) -> None:
    """A stage's outputs are dated an hour ahead; the settings, which no job is held against, may be dated so too."""
    before, stamped = digests(odd.folder), odd.folder / "config/studies/sodium_ion.yaml"
    for folder in ("results/sodium_ion", "logs/train_surrogate"):
        shutil.rmtree(odd.folder / folder)
    process = start(odd, *ONE)
    wait_until((odd.folder / "logs/train_surrogate/sodium_ion.log").exists, RUN, process)
    late = time.time() + 3600
    for path in (odd.folder / "results/sodium_ion").glob("table.*"):
        os.utime(path, (late, late))
    assert end_within(RUN, process) == 1
    told = odd.run(*ONE)
    assert told.returncode == 1
    assert "dated in the future: results/sodium_ion/table.json, results/sodium_ion/table.parquet" in told.stdout
    remedy = told.stdout[told.stdout.index("find . ") :].splitlines()[0]
    subprocess.run(remedy, shell=True, cwd=odd.folder, check=True)  # noqa: S602
    os.utime(stamped, (late, late))
    try:
        finished = odd.run(*ONE)
    finally:
        os.utime(stamped)
    assert finished.returncode == 0, finished.stdout
    assert digests(odd.folder) == before


def test_dates_are_compared_with_the_clock(tmp_path: Path) -> None:
    for name, date in (("a", 0), ("b", 2**31 - 1), ("c", 2**31 - 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (date, date))
    assert find_date_problems([tmp_path / "a", tmp_path / "missing"]) == []
    (found,) = find_date_problems([tmp_path])
    assert f"{tmp_path}/b, {tmp_path}/c (the first 2038-01-19" in found


def test_a_poor_system_with_a_folder_that_it_cannot_name_is_told_the_remedy(done: Workspace) -> None:
    finished = Odd(done.folder).run("-n", *ONE)
    assert finished.returncode == 1
    assert "letters that the system's encoding 'ascii' lacks; set PYTHONUTF8=1, or move the folder" in finished.stdout
    assert "Traceback" not in finished.stdout


@dataclass(frozen=True)
class Latin(Odd):
    """A copy on a system whose encoding is ISO-8859-1."""

    locales: Path

    @property
    def environment(self) -> dict[str, str]:
        """The system's variables."""
        return {**super().environment, "LOCPATH": str(self.locales), "LC_ALL": "de_DE.ISO-8859-1"}


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    """A folder with a German locale of the time before UTF-8."""
    call = ["localedef", "--inputfile=de_DE", "--charmap=ISO-8859-1", str(tmp_path / "de_DE.ISO-8859-1")]
    if shutil.which("localedef") is None or subprocess.run(call, capture_output=True, check=False).returncode:
        pytest.skip("this system cannot build a locale")
    return tmp_path


@pytest.mark.nightly  # a faster test has the same in another form
def test_a_system_of_latin_letters_makes_the_same_files(odd: Odd, done: Workspace, locales: Path) -> None:
    latin = Latin(odd.folder, locales)
    encoding = [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"]
    assert latin.run_command(encoding).stdout.strip() == "iso8859-1"
    before = digests(odd.folder)
    goals = [f"results/{name}" for name in ("sodium_ion/table.json", "sodium_ion/figures/index.json", "summary.csv")]
    finished = latin.run(*goals, "--force", *ONE)
    assert finished.returncode == 0, finished.stdout
    assert digests(odd.folder) == before
    told = Latin(done.folder, locales).run("-n", *ONE)
    assert told.returncode == 1
    assert "the system's encoding 'iso8859-1'" in told.stdout
    assert "Traceback" not in told.stdout


def test_a_study_with_the_settings_of_another_is_made_anew(done: Workspace) -> None:
    path = done.folder / "config/studies/sodium_ion.yaml"
    before = path.read_bytes()
    try:
        path.write_bytes(path.with_name("lithium_sulfur.yaml").read_bytes())
        jobs = done.jobs(*SMALL)
    finally:
        path.write_bytes(before)
    stages = ("prepare_table", "train_surrogate", "run_campaign", "plot_study", "summarise_study", "run_recipe")
    assert {job for job in jobs if ":" in job} == {f"{stage}:sodium_ion" for stage in stages}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a few kB."""
    if os.geteuid() != 0:
        pytest.skip(NOT_ROOT)
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


FULL = "cannot be written: No space left on device"


@pytest.mark.parametrize("rule", STAGES)
def test_a_stage_that_fills_the_disk_says_so_and_leaves_whole_files_only(
    rule: str, done: Workspace, small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Log and results lie on one disk; what the log cannot hold is told on stderr."""
    monkeypatch.chdir(done.folder)
    if rule in ("prepare_table", "summarise_study"):
        (small_disk / "filler").write_bytes(bytes(8 * 1024))
    status, log = run_stage(Workspace(Path()), rule, outputs=small_disk, log=small_disk / "job.log")
    said = log + capsys.readouterr().err
    assert status == 1, said
    assert said.count(FULL) == 1
    assert "Traceback" not in said
    assert "Logging error" not in said
    for path in small_disk.rglob("*"):
        if path.is_file() and path.name not in ("filler", "job.log") and path.parent.name != CHECKSUM_FOLDER:
            whole = done.folder / "results/sodium_ion" / path.relative_to(small_disk)
            assert path.read_bytes() == whole.read_bytes(), "half a file"


# rules of no study, and sampling: what they read and are told, and the first file that they write
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "build_summary": ({"summaries": [f"results/{one}/summary.json" for one in TWO]}, {}, ("csv", "md", "html", "txt")),
    "build_claims": (
        {
            "claims": str(ROOT / "data/textbook/claims.csv"),
            "summaries": [f"results/{one}/summary.json" for one in TWO],
            "calculated": [],
        },
        {"others": {}, "digests": {}},
        ("csv", "html"),
    ),
    "write_manifest": (
        {},
        {"studies": TWO, "settings": {}, "digests": {}, "ledgers": [], "made": [r"summary\.csv"]},
        ("manifest",),
    ),
    "cite_datasets": ({}, {"settings": {"datasets": {}}}, ("citations",)),
    "sample_table": (
        {},
        {"settings": SamplingSettings.dump_from(smoke_study("ncm_cathodes")) | {"n_sampled": 8}},
        ("rows", "failures"),
    ),
}


@pytest.mark.parametrize("rule", OTHERS)
def test_a_rule_on_a_disk_that_is_full_says_so_in_one_line_and_leaves_nothing(
    rule: str,
    done: Workspace,
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(done.folder)
    inputs, params, names = OTHERS[rule]
    (tmp_path / "room").mkdir()
    outputs = {name: str(tmp_path / "room" / name) for name in names}
    assert run_adapter(rule, inputs, outputs, params, tmp_path / "job.log")[0] == 0, "it works where there is room"
    (small_disk / "filler").write_bytes(bytes(16 * 1024))
    outputs = {name: str(small_disk / name) for name in names}
    assert run_adapter(rule, inputs, outputs, params, small_disk / "job.log") == (1, "")
    assert re.fullmatch(rf"error: {small_disk}/\w+: {FULL}\n", capsys.readouterr().err)
    assert {path.name for path in small_disk.rglob("*") if path.is_file()} == {"filler", "job.log"}


def work(error: Exception | None) -> None:
    """A job that logs, and may fail."""
    logging.getLogger("batterymi.test").info("something")
    if error:
        raise error


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("/dev/full", None, f"/dev/full: {FULL}"),
        ("/proc/none/a.log", None, "/proc/none/a.log: cannot be written: No such file or directory"),
        ("/dev/full", TableError("x.csv: is wrong"), "x.csv: is wrong"),
        ("/dev/full", KeyError("odd"), "unexpected error, KeyError: 'odd'"),
    ],
)
def test_a_log_that_cannot_be_written_fails_the_job_in_one_line(
    path: str, error: Exception | None, said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match="1"), log_to_file(path):
        work(error)
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_disk_without_room_is_told_before_the_run(small_disk: Path) -> None:
    (found,) = find_folder_problems([small_disk, small_disk / "results"])[:1]
    assert found == f"{small_disk}: 0 MB are left on the disk; free at least {NEEDED_MB} MB"


def test_results_that_cannot_be_written_are_told_before_the_run(odd: Odd) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip(NOT_ROOT)
    mount = "mount --bind results results && mount -o remount,ro,bind results || exit 77"
    finished = subprocess.run(
        ["unshare", "--mount", "bash", "-c", f'{mount}; "$@"', "bash", *odd.command(*ONE)],
        cwd=odd.folder,
        env=odd.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode == 77:
        pytest.skip("this system lets nobody mount")
    said = finished.stdout + finished.stderr
    assert finished.returncode == 1
    assert "results: cannot be written; make the folder writable, or name another under pathvars" in said
    assert "Traceback" not in said


def test_make_keeps_caches_here_where_home_cannot_be_written(odd: Odd) -> None:
    shutil.copy(Path(__file__).parents[2] / "Makefile", odd.folder)
    shown = "print: ; @echo $$PYTHONUTF8 $$XDG_CACHE_HOME $$MPLCONFIGDIR"
    command = ["make", "--silent", "--eval", shown, "print"]
    for home, wanted in (("/proc/none", True), (str(odd.folder), False)):
        plain = {"PATH": os.environ["PATH"], "HOME": home}
        said = subprocess.run(command, cwd=odd.folder, env=plain, capture_output=True, text=True, check=True).stdout
        assert said.startswith("1")
        assert (".snakemake/cache" in said) == wanted
