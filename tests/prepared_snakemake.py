"""Runs of Snakemake without its imports: each is forked from a process that has made them once.

They take half of the processor time of a short run. The process that is forked has imported Snakemake and its libraries
alone: the package is imported by each run, from where that finds it. Scripts of rules are forked in the same way from
another process, see `prepared_jobs`.
"""

import atexit
import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from prepared_jobs import serve_jobs, start_scripts_here
from timing import Deadline, run_within

# variables that a forked process can still be given; others are read while Python or libraries start
FREE = frozenset({"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST"})
# beside Snakemake itself, what it and the package would import in every run
LIBRARIES = (
    *("snakemake.cli", "snakemake.executors.local", "snakemake.executors.dryrun", "pydantic", "ruamel.yaml"),
    *("nbformat", "numpy", "pyarrow", "rich.console", "smart_open", "sqlmodel", "yaml"),
)


def run_prepared(
    units: float, command: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end, both streams as stdout.

    Args:
        units: how many units of work it may take.
        command: program and arguments.
        cwd: the folder to run it in.
        environment: its variables; if more than those that are free differ, it is started as any other program.

    Raises:
        TimeoutError: if it has not ended by then; it has been killed.
    """
    started, process = _start_process()
    if {key: value for key, value in environment.items() if key not in FREE} != started or process.poll() is not None:
        return run_within(units, command, cwd=cwd, env=dict(environment))
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        job = {"command": list(command), "cwd": str(cwd), "environment": dict(environment), "output": str(output)}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        deadline = Deadline(units)
        while not select.select([process.stdout], [], [], deadline.seconds_left())[0]:
            if deadline.has_passed():
                os.killpg(process.pid, signal.SIGKILL)
                said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
                raise TimeoutError(
                    "\n".join([f"{' '.join(command)}: not ended after {deadline}", *said.splitlines()[-20:]])
                )
        status = process.stdout.readline()
        return subprocess.CompletedProcess(command, int(status), output.read_text(encoding="utf-8"))


@cache
def _start_process() -> tuple[dict[str, str], subprocess.Popen[str]]:
    """Start the process that is forked; return the variables that it has, but for those that are free, and itself."""
    variables = {key: value for key, value in os.environ.items() if key not in FREE}
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    process = subprocess.Popen(
        [sys.executable, __file__, folder],
        env=variables | {"PATH": os.environ.get("PATH", os.defpath)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    atexit.register(process.stdin.close)  # at its end, the process ends
    return variables, process


def _fork_runs() -> None:
    """Import Snakemake, and fork a run for each line of stdin; the exit status of each is a line of stdout."""
    for name in LIBRARIES:
        __import__(name)
    # looks for plugins of Snakemake, which takes half a second
    sys.modules["snakemake.cli"].get_argument_parser()
    jobs = Path(sys.argv[1]) / "jobs"
    serve_jobs(jobs)
    gc.freeze()
    for line in sys.stdin:
        number = os.fork()
        if not number:
            _become(json.loads(line))
            start_scripts_here(jobs)
            sys.modules["snakemake.cli"].main()
            return
        print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)


def _become(job: dict[str, Any]) -> None:
    """Make this process what it would be, had it been started for a job."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = job["command"]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:1] = [str(Path(sys.argv[0]).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    null, output = os.open(os.devnull, os.O_RDONLY), os.open(job["output"], os.O_WRONLY | os.O_CREAT)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    _fork_runs()
