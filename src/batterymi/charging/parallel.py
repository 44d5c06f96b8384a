"""Many charges of one cell, by one process or several."""

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import Any

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.protocols import Protocol
from batterymi.charging.simulator import ChargingSimulator
from batterymi.process_guard import end_with_owner

logger = logging.getLogger(__name__)

_WORKER: dict[str, ChargingSimulator] = {}


def simulate_protocols(
    protocols: Sequence[Protocol],
    *,
    cell: str,
    model: str,
    soc_start: float = 0.1,
    soc_end: float = 0.8,
    ambient_c: float = 25.0,
    processes: int = 1,
    keep_traces: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[ChargeResult]:
    """Charge the same cell by many protocols.

    Args:
        protocols: the protocols.
        cell: a declared cell.
        model: "SPMe" or "DFN".
        soc_start: state of charge at the start.
        soc_end: state of charge to reach.
        ambient_c: ambient and initial temperature, °C.
        processes: worker processes, each with a model of its own; results do not depend on it.
        keep_traces: whether to keep the charges over time.
        progress: called with (done, all) after each protocol.

    Returns:
        One result per protocol, in their order.
    """
    settings = (cell, model, soc_start, soc_end, ambient_c)
    results: list[ChargeResult] = []
    if processes <= 1 or len(protocols) < 2:
        if not protocols:
            return results
        simulator = ChargingSimulator(*settings)
        for protocol in protocols:
            results.append(simulator.run(protocol, keep_trace=keep_traces))
            _report(progress, len(results), len(protocols))
        return results
    tasks = [(protocol, keep_traces) for protocol in protocols]
    with ProcessPoolExecutor(
        processes, mp_context=worker_context(), initializer=_build_in_worker, initargs=settings
    ) as pool:
        for result in pool.map(_run_in_worker, tasks, chunksize=4):
            results.append(result)
            _report(progress, len(results), len(protocols))
    return results


def worker_context() -> BaseContext:
    """Workers are forked from a server that has imported PyBaMM once, which takes longer than building a model."""
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["pybamm", __name__])
    return context


def _build_in_worker(*settings: Any) -> None:
    """Build the model once in each worker."""
    end_with_owner()
    _WORKER["simulator"] = ChargingSimulator(*settings)


def _run_in_worker(task: tuple[Protocol, bool]) -> ChargeResult:
    """Charge by this worker's model."""
    protocol, keep_trace = task
    return _WORKER["simulator"].run(protocol, keep_trace=keep_trace)


def _report(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    """Tell how far it is, in the log every 20 charges and to whoever asked."""
    if done % 20 == 0 or done == total:
        logger.info("%d of %d charges simulated", done, total)
    if progress is not None:
        progress(done, total)
