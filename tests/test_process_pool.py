"""Work shared among processes: order, errors, progress, and scripts that are not run again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from timing import START, run_within

import batterymi
from batterymi.errors import BatteryMIError
from batterymi.process_pool import run_in_processes


class Tool:
    """Counts how often it is used."""

    def __init__(self, base: int) -> None:
        """Refuse a base that nothing can be built on."""
        if base < 0:
            raise BatteryMIError(f"base must be at least 0, found {base}")
        self.base, self.process = base, os.getpid()


def add(tool: Tool, number: int) -> tuple[int, int]:
    """Return a sum, and the process that computed it."""
    if number == 13:
        raise BatteryMIError("13 cannot be added")
    return tool.base + number, tool.process


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks_with_progress_after_each(processes: int) -> None:
    reports: list[tuple[int, int]] = []
    found = run_in_processes(
        add, range(5), processes, build=Tool, build_args=(10,), progress=lambda *now: reports.append(now)
    )
    assert [total for total, _ in found] == [10, 11, 12, 13, 14]
    assert reports == [(n, 5) for n in range(1, 6)]
    here = {process == os.getpid() for _, process in found}
    assert here == {processes == 1}


def test_nothing_is_built_where_there_is_nothing_to_do() -> None:
    assert run_in_processes(add, [], 2, build=Tool, build_args=(-1,)) == []


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(("base", "message"), [(-1, "base must be at least 0"), (1, "13 cannot be added")])
def test_an_error_keeps_its_message_wherever_it_happens(processes: int, base: int, message: str) -> None:
    with pytest.raises(BatteryMIError, match=message):
        run_in_processes(add, [13, 13], processes, build=Tool, build_args=(base,))


@pytest.mark.parametrize("preload", [(), ("json",)])
def test_workers_do_not_run_the_script_again(preload: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "adapter.py"
    script.write_text(
        "from operator import add\nfrom batterymi.process_pool import run_in_processes\n"
        "with open('ran', 'a') as stream:\n    stream.write('x')\n"
        f"print(run_in_processes(add, [1, 2, 3], 2, build=int, build_args=('4',), preload={preload!r}))\n"
    )
    done = run_within(START, [sys.executable, script], cwd=tmp_path, stderr=subprocess.PIPE)
    assert done.stdout == "[5, 6, 7]\n", done.stderr
    assert (tmp_path / "ran").read_text() == "x"


def test_nothing_else_starts_processes() -> None:
    package = Path(batterymi.__file__).parent
    starting = [
        path.name
        for path in package.rglob("*.py")
        if "ProcessPoolExecutor" in path.read_text(encoding="utf-8") or "multiprocessing" in path.read_text("utf-8")
    ]
    # `jobs.py` starts the one worker of the app
    assert sorted(starting) == ["jobs.py", "process_pool.py"]
