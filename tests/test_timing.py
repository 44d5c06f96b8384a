"""The tests themselves: limits that scale with the machine, fixtures that fail once, studies of a user beside."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import prepared_snakemake
import pytest
import timing
from conftest import MIRROR, ROOT, SHIPPED, Workspace, copy_workflow
from prepared_snakemake import run_prepared
from timing import LONG, NIGHT, Deadline, run_within, wait_until

TESTS = Path(__file__).parent
LIMITS = {"timeout", "patience", "deadline"}
WAITING = {"wait", "communicate", "acquire", "settimeout"}
CLOCKS = {"monotonic", "perf_counter", "process_time", "time"}


def has_number(node: ast.AST | None) -> bool:
    """Whether an expression holds a number; what it hands to functions does not count."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if node is None or isinstance(node, ast.Call):
        return False
    return any(has_number(part) for part in ast.iter_child_nodes(node))


def reads_clock(node: ast.AST) -> bool:
    """Whether an expression asks what time it is; dates are compared as well, and are no limits if only added to."""
    clocks = CLOCKS if isinstance(node, ast.Compare) else CLOCKS - {"time"}
    return any(isinstance(one, ast.Attribute) and one.attr in clocks for one in ast.walk(node))


def fixed_limits(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of a module on which a limit of time is a number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            named = any(one.arg in LIMITS and has_number(one.value) for one in node.keywords)
            waits = isinstance(node.func, ast.Attribute) and node.func.attr in WAITING
            if named or (waits and any(has_number(one) for one in node.args)):
                yield node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            listed = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            named_only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            if any(argument.arg in LIMITS and has_number(value) for argument, value in [*listed, *named_only]):
                yield node.lineno
        elif isinstance(node, ast.BinOp | ast.Compare) and reads_clock(node) and has_number(node):
            yield node.lineno


@pytest.mark.parametrize(
    "text",
    [
        "subprocess.run(command, timeout=300)",
        "process.wait(60)",
        "process.communicate(timeout=2 * 30)",
        "def run(command, timeout=300): ...",
        "def run(*, patience: float = 10.0): ...",
        "deadline = time.monotonic() + 60",
        "assert time.perf_counter() - started < 1",
        "assert time.time() < started + 5",
    ],
)
def test_a_fixed_limit_is_found(text: str) -> None:
    assert list(fixed_limits(ast.parse(text))) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "settings(deadline=None)",
        "run(command, units=LONG)",
        "assert process_time() - started < seconds_of(2)",
        "late = time.time() + 3600",
        '", ".join(names)',
        "wait()",
    ],
)
def test_what_is_no_fixed_limit_is_let_alone(text: str) -> None:
    assert list(fixed_limits(ast.parse(text))) == []


def test_no_test_has_a_fixed_limit() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in TESTS.rglob("*.py")
        for line in fixed_limits(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(), "limits are multiples of a unit of work, see tests/timing.py"


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """What measuring a unit finds, one time after the other; the last one again and again."""
    found = [0.05]
    monkeypatch.setenv(timing.FOLDER, str(tmp_path))
    monkeypatch.setattr(timing, "measure_unit", lambda: found.pop(0) if len(found) > 1 else found[0])
    return found


def test_what_hangs_is_stopped_with_what_it_said(units: list[float]) -> None:
    with pytest.raises(TimeoutError, match=r"sleep.*: not ended after .*2 times what `snakemake -n` takes(.|\n)*hello"):
        run_within(2, ["bash", "-c", "echo hello; exec sleep 600"])


def test_a_machine_that_has_become_slower_gets_the_time_that_it_needs(units: list[float]) -> None:
    units[:] = [0.05, 600.0]
    assert run_within(1, ["bash", "-c", "sleep 0.3; echo done"]).stdout == "done\n"
    assert timing.read_unit() == 600, "whoever comes next is as patient"


def test_the_unit_is_measured_once_until_a_limit_is_reached(units: list[float]) -> None:
    units[:] = [5.0, 7.0, 9.0]
    assert [timing.read_unit(), Deadline(2).seconds, timing.read_unit()] == [5, 10, 5]
    assert not Deadline(2).has_passed()
    assert Deadline(0).has_passed()
    assert timing.read_unit() == 7


def test_waiting_ends_with_the_process_that_was_waited_for(units: list[float]) -> None:
    units[:] = [600.0]
    process = subprocess.Popen(["true"])
    assert not wait_until(lambda: False, 1, process)
    assert wait_until(lambda: True, 1, process)


def test_a_unit_is_what_a_dry_run_without_work_takes() -> None:
    assert timing.measure_unit() > 0.1


@pytest.mark.slow
def test_a_prepared_run_takes_the_package_of_its_folder_and_says_what_one_from_the_start_says(
    workspace: Workspace,
) -> None:
    workspace.edit("src/batterymi/workflow/refuse.py", "battery-mi cannot start", "the package of the folder says")
    prepared, plain = workspace.run("sodium_iom"), workspace.run_command(workspace.command("sodium_iom"))
    assert "the package of the folder says:\n  'sodium_iom' is neither a study nor a rule" in prepared.stdout
    assert (prepared.returncode, prepared.stdout) == (plain.returncode, plain.stdout)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Put another program in the place of the process that is forked; it has the variable A=1."""
    started = []

    def start(*command: str) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, text=True, start_new_session=True, **streams)
        monkeypatch.setattr(prepared_snakemake, "_start_process", lambda: ({"A": "1"}, process))
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_with_other_variables_or_without_what_is_prepared_begins_from_the_start(
    units: list[float], stand_in: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    units[:] = [600.0]
    said = ["bash", "-c", "echo $A in $PWD"]
    stand_in("cat")
    assert run_prepared(1, said, tmp_path, {"A": "2"}).stdout == f"2 in {tmp_path}\n"
    stand_in("true").wait()
    assert run_prepared(1, said, tmp_path, {"A": "1"}).stdout == f"1 in {tmp_path}\n"


def test_a_prepared_run_that_hangs_is_stopped(
    units: list[float], stand_in: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = stand_in("sleep", "600")
    with pytest.raises(TimeoutError, match=r"snakemake -n: not ended after .*2 times what"):
        run_prepared(2, ["snakemake", "-n"], tmp_path, {"A": "1"})
    assert process.wait() == -9


FAILING = """
from pathlib import Path
import pytest
from conftest import build_once, shared_folder

def build():
    with Path(__file__).with_name("built.txt").open("a") as stream:
        stream.write("x")
    raise RuntimeError("no luck today\\nand more of it")

@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    build_once(shared_folder(tmp_path_factory) / "costly", build)

@pytest.fixture(scope="module")
def copied(shared):
    return shared

@pytest.mark.parametrize("number", range(8))
def test_a(copied, number):
    pass
"""


@pytest.mark.slow
def test_a_fixture_that_fails_does_so_once_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(FAILING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    environment = {**plain, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "conftest", "-p", "no:cacheprovider", "-n", "2", "."]
    done = run_within(LONG, command, cwd=tmp_path, env=environment)
    assert (tmp_path / "built.txt").read_text() == "x"
    assert "7 skipped, 1 error in" in done.stdout, done.stdout
    assert done.stdout.count("E       RuntimeError: no luck today") == 1, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert skipped
    assert all("no luck today" in line and "see " in line for line in skipped)


def test_no_test_takes_every_study_that_lies_in_the_folder_for_one_of_the_project() -> None:
    listed = re.compile(r"config.{1,5}studies\"?\)?\.(glob|rglob|iterdir)")
    found = [str(path) for path in TESTS.rglob("test_*.py") if listed.search(path.read_text(encoding="utf-8"))]
    assert found == [], "conftest.SHIPPED names those of the project; others are a user's own"


@pytest.mark.nightly
def test_the_tests_pass_in_a_folder_that_holds_a_users_own_study(tmp_path: Path) -> None:
    """Those that take long run in copies, which own studies do not get into."""
    clone = tmp_path / "clone"
    clone.mkdir()
    made = {".git", ".venv", ".snakemake", ".hypothesis", "results", "logs"}
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, clone)
        elif path.name not in made and not path.name.endswith("_cache"):
            shutil.copytree(path, clone / path.name, ignore=shutil.ignore_patterns("__pycache__", "raw"))
    rows = [f"{600 + 30 * n},{n % 5 + 1},{100 + 5 * n - n * n}" for n in range(10)]
    (clone / "data/mine.csv").write_text("\n".join(["temperature [°C],time [h],capacity [mAh/g]", *rows]), "utf-8")
    path = {"PYTHONPATH": str(clone / "src"), "MIRROR": str(MIRROR)}
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    for command in (
        ["-m", "batterymi.cli", "new-study", "data/mine.csv"],
        ["-m", "pytest", "-q", "-m", "not slow and not nightly", "-p", "no:cacheprovider"],
    ):
        done = run_within(NIGHT, [sys.executable, *command], cwd=clone, env={**plain, **path})
        assert done.returncode == 0, done.stdout
    assert (clone / "config/studies/mine.yaml").is_file()


def test_a_copy_holds_the_studies_of_the_project_and_none_of_its_user(tmp_path: Path) -> None:
    studies = copy_workflow(tmp_path).folder / "config/studies"
    assert {path.name for path in studies.iterdir()} == {f"{study}.yaml" for study in SHIPPED}
