"""Work shared among several processes, each of which builds once what it works with."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from batterymi.process_guard import end_with_owner

Tool = TypeVar("Tool")
Task = TypeVar("Task")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

LARGEST_CHUNK = 4
CHUNKS_PER_PROCESS = 8

# each worker's own copy, filled once, so evaluators are not rebuilt or pickled for every seed
_WORKER: dict[str, Any] = {}


def run_in_processes(
    work: Callable[[Tool, Task], Result],
    tasks: Sequence[Task],
    processes: int,
    *,
    build: Callable[..., Tool],
    build_args: tuple[Any, ...] = (),
    preload: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Work on every task, in this process or in several.

    Args:
        work: called with what `build` returned, and a task; a function of a module, so that it can be pickled.
        tasks: what to work on; the results do not depend on which process takes which.
        processes: how many; with one, or one task, everything happens here.
        build: makes what all tasks of a process share, once in each.
        build_args: its arguments.
        preload: modules that are slow to import; where the system can, workers are forked from a process that has
            imported them once.
        progress: called with (done, all) after each task.

    Returns:
        One result per task, in their order.
    """
    if not tasks:
        return []
    if processes <= 1 or len(tasks) < 2:
        tool = build(*build_args)
        return _collect((work(tool, task) for task in tasks), len(tasks), progress)
    chunk = min(LARGEST_CHUNK, max(1, len(tasks) // (CHUNKS_PER_PROCESS * processes)))
    with ProcessPoolExecutor(
        processes, mp_context=_choose_context(preload), initializer=_start_worker, initargs=(build, build_args)
    ) as pool:
        try:
            with _hidden_script(), _deferred_signals():
                results = pool.map(partial(_work_in_process, work), tasks, chunksize=chunk)
            return _collect(results, len(tasks), progress)
        except KeyboardInterrupt:
            # the pool would work on all tasks before it ends
            for worker in active_children():
                worker.terminate()
            raise


def count_cores() -> int:
    """Return how many processors this process may use, as far as the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def use_single_torch_thread() -> Iterator[None]:
    """Let PyTorch use one thread: more are slower for small models, and other jobs need the processors."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _collect(results: Iterator[Result], total: int, progress: Callable[[int, int], None] | None) -> list[Result]:
    """Return results as a list, and report each as it comes."""
    found = []
    for result in results:
        found.append(result)
        if progress is not None:
            progress(len(found), total)
    return found


def _choose_context(preload: Sequence[str]) -> BaseContext:
    """Return how workers are started: afresh, or forked from a process that has imported some modules."""
    if not preload or "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([*preload, __name__])
    return context


@contextmanager
def _hidden_script() -> Iterator[None]:
    """Keep workers that start inside the block from running the script of this process again.

    Python imports it in each worker, for functions defined there. Here that would start the same job once more.
    """
    main = sys.modules["__main__"]
    path = main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        if path is not None:
            main.__file__ = path


@contextmanager
def _deferred_signals() -> Iterator[None]:
    """Handle SIGTERM after the block, in which workers start, and keep Ctrl-C from them.

    A worker whose start is broken off belongs to nobody. Ctrl-C reaches all processes of a terminal, and each would
    end with a traceback; Snakemake sends SIGTERM to the job too, which stops its workers itself.
    """
    arrived: list[int] = []
    try:
        before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, _: arrived.append(number)),
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        }
    except ValueError:  # not in the main thread, where Python handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(signal.SIGTERM)


def _start_worker(build: Callable[..., Any], build_args: tuple[Any, ...]) -> None:
    """Tie a worker to the Snakemake that owns it, and keep what it is to build."""
    end_with_owner()
    _WORKER.update(build=partial(build, *build_args), tool=None)


def _work_in_process(work: Callable[[Any, Any], Any], task: Any) -> Any:
    """Work on a task with this worker's tool; it is built here, since errors of an initializer are not reported."""
    if _WORKER["tool"] is None:
        from threadpoolctl import threadpool_limits

        # the workers occupy the cores already
        threadpool_limits(1)
        _WORKER["tool"] = _WORKER["build"]()
    return work(_WORKER["tool"], task)
