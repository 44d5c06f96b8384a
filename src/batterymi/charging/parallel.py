"""Many charges of one cell, by one process or several."""

import os
from collections.abc import Callable, Sequence

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.protocols import Protocol
from batterymi.charging.simulator import ChargeSetup, ChargingSimulator
from batterymi.process_pool import run_in_processes
from batterymi.progress import make_report

# importing PyBaMM takes longer than building a model
PRELOAD = ("pybamm", "batterymi.charging.simulator")


def simulate_protocols(
    protocols: Sequence[Protocol],
    setup: ChargeSetup,
    *,
    processes: int = 1,
    keep_traces: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[ChargeResult]:
    """Charge the same cell by many protocols.

    Args:
        protocols: the protocols.
        setup: the cell, its model, and between which states it is charged.
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
        build=setup.build,
        preload=PRELOAD,
        progress=make_report("charges simulated") if progress is None else progress,
    )


def _charge(simulator: ChargingSimulator, task: tuple[Protocol, bool]) -> ChargeResult:
    """Return what comes of a charge by a protocol."""
    protocol, keep_trace = task
    return simulator.run(protocol, keep_trace=keep_trace)
