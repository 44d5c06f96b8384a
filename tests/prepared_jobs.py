"""Jobs of Snakemake without their imports: each is forked from a process that has imported the large libraries once.

A rule's script is then started by a small client, which hands its streams, folder and variables to that process, and
ends as the job ends; a client that is stopped takes its job along. The package itself is imported by each job, from
where that finds it.
"""

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "matplotlib.figure", "numpy", "pandas"),
    *(
        "pint",
        "pyarrow.parquet",
        "pydantic",
        "pymatgen.core",
        "scipy.optimize",
        "scipy.stats",
        "skops.io",
        "snakemake.io",
    ),
    *("sklearn.compose", "sklearn.ensemble", "sklearn.gaussian_process", "sklearn.inspection", "sklearn.linear_model"),
    *("sklearn.model_selection", "sklearn.pipeline", "sklearn.svm", "snakemake.script", "threadpoolctl", "yaml"),
)
LENGTH = 8  # bytes that say how long a request is
PATIENCE = 5.0  # seconds between two looks at whether the tests still run


def serve_jobs(place: Path) -> None:
    """Fork a process that starts jobs when a client connects, and ends when the process that called this ends.

    Args:
        place: the socket to listen at.
    """
    owner = os.getpid()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen(64)
    if os.fork():
        listener.close()
        return
    _serve(listener, owner)
    # nothing of what the owner would do at its end
    os._exit(0)


def _serve(listener: socket.socket, owner: int) -> None:
    """Start a job for each client, send its exit status back, and end those whose client has gone.

    Raises:
        SystemExit: in the process of a job, at its end.
    """
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    is_prepared = False
    while os.getppid() == owner:
        for key, _ in selector.select(PATIENCE):
            if key.data is not None:
                key.data()
                continue
            if not is_prepared:
                for name in LIBRARIES:
                    __import__(name)
                gc.freeze()
                is_prepared = True
            client, _ = listener.accept()
            head, streams, _, _ = socket.recv_fds(client, LENGTH, 3)
            request = json.loads(_receive(client, int(head)))
            number = os.fork()
            if not number:
                for held in (selector, listener, client):
                    held.close()
                _run_job(request, streams)
            for stream in streams:
                os.close(stream)
            _watch(selector, client, number)


def _watch(selector: selectors.BaseSelector, client: socket.socket, number: int) -> None:
    """Have a job's end reported to its client, and the client's end to the job."""
    job = os.pidfd_open(number)

    def report() -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        selector.unregister(job)
        os.close(job)
        if client.fileno() in selector.get_map():
            selector.unregister(client)
            client.sendall(str(status).encode())
        client.close()

    def stop() -> None:
        selector.unregister(client)
        signal.pidfd_send_signal(job, signal.SIGTERM)

    selector.register(job, selectors.EVENT_READ, report)
    selector.register(client, selectors.EVENT_READ, stop)


def _run_job(request: dict[str, Any], streams: list[int]) -> None:
    """Become the job that a client describes, and end with its exit status."""
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    script = request["script"]
    sys.argv = [script]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:1] = [
        str(Path(script).parent),
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    runpy.run_path(script, run_name="__main__")
    sys.exit(0)


def _receive(connection: socket.socket, length: int) -> bytes:
    """Return so many bytes of a connection."""
    parts = b""
    while len(parts) < length:
        parts += connection.recv(length - len(parts))
    return parts


def start_scripts_here(place: Path) -> None:
    """Have the Snakemake of this process start Python scripts of rules by the process that listens at a socket."""
    from snakemake.script import PythonScript

    start: Callable[..., Any] = PythonScript._execute_cmd

    def execute(script: PythonScript, command: str, py_exec: str, **more: Any) -> Any:
        return start(script, command, py_exec=f"{py_exec} -I -S {__file__} {place}", **more)

    PythonScript._execute_cmd = execute


def _be_client(place: str, script: str) -> None:
    """Have a script run, and end as it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place)
    request = json.dumps({"folder": str(Path.cwd()), "variables": dict(os.environ), "script": script}).encode()
    socket.send_fds(connection, [f"{len(request):0{LENGTH}d}".encode()], [0, 1, 2])
    connection.sendall(request)
    status = int(b"".join(iter(lambda: connection.recv(16), b"")) or 1)
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    _be_client(sys.argv[1], sys.argv[2])
