"""Many charges of one cell, by one process or several."""

import os
from collections.abc import Callable, Sequence

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.protocols import Protocol
from batterymi.charging.simulator import ChargingSimulator
from batterymi.process_pool import report_every, run_in_processes

# importing PyBaMM takes longer than building a model
PRELOAD = ("pybamm", "batterymi.charging.simulator")


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
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    return run_in_processes(
        _charge,
        [(protocol, keep_traces) for protocol in protocols],
        processes,
        build=ChargingSimulator,
        build_args=(cell, model, soc_start, soc_end, ambient_c),
        preload=PRELOAD,
        progress=report_every(20, "charges simulated") if progress is None else progress,
    )


def _charge(simulator: ChargingSimulator, task: tuple[Protocol, bool]) -> ChargeResult:
    """Charge by a protocol."""
    protocol, keep_trace = task
    return simulator.run(protocol, keep_trace=keep_trace)
