"""Measure the charging simulator: its speed, and its numbers against a fine mesh and tight tolerances.

    python benchmarks/charging.py [--protocols N] [--processes 2]

Prints Markdown for docs/results. Times are of the processor, on one core, so that other work on the machine counts
little; the speed-up of several processes is of the clock and needs a machine that does nothing else.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

from batterymi.charging.parallel import simulate_protocols
from batterymi.charging.protocols import FourStep
from batterymi.charging.simulator import ChargeSetup, ChargingSimulator
from batterymi.charging.state import Start
from batterymi.closed_loop.thermal_life import make_ten_minute_protocols as rates_of_protocols

FINENESS = 3
STEP_S = 60.0
ENVIRONMENT_RATE = 1.5
MODELS = ("SPMe", "DFN")
PEERS = (FourStep((2.0, 1.5, 1.0, 0.8)), FourStep((4.0, 3.0, 2.0, 1.5)), FourStep((1.5,) * 4))


def cpu_seconds(job: Callable[[], object]) -> float:
    """Processor time of a job."""
    started = time.process_time()
    job()
    return time.process_time() - started


def ten_minute_protocols(n: int | None) -> list[FourStep]:
    """The 224 four-step protocols of Attia et al. 2020, or some of them, evenly spread."""
    protocols = [FourStep(tuple(map(float, rates))) for rates in rates_of_protocols().to_numpy()]
    return protocols if n is None else protocols[:: max(len(protocols) // n, 1)][:n]


def measure_speed(model: str, n: int | None) -> list[tuple[str, str]]:
    """Rows of building, starting, stepping and charging by many protocols."""
    found: list[ChargingSimulator] = []
    build = cpu_seconds(lambda: found.append(ChargingSimulator("power_cell", model)))
    simulator = found[0]
    protocols = ten_minute_protocols(n)
    start = Start(soc=0.0)
    charges = cpu_seconds(lambda: [simulator.run(protocol, start=start) for protocol in protocols])
    begin = cpu_seconds(lambda: [simulator.begin() for _ in range(20)]) / 20
    sessions = [simulator.begin() for _ in range(5)]
    n_steps = 28
    steps = cpu_seconds(lambda: [s.step(ENVIRONMENT_RATE, STEP_S) for s in sessions for _ in range(n_steps)])
    return [
        (f"{model}: build", f"{build:.1f} s"),
        (f"{model}: begin a charge", f"{1000 * begin:.1f} ms"),
        (f"{model}: {len(protocols)} four-step protocols", f"{charges:.1f} s"),
        (f"{model}: environment steps of {STEP_S:.0f} s", f"{len(sessions) * n_steps / steps:.0f} per second"),
    ]


def measure_scaling(processes: int, n: int) -> tuple[str, str]:
    """Row of the clock's speed-up by several processes; building counts, importing PyBaMM does not."""
    protocols = ten_minute_protocols(n)
    simulate_protocols(protocols[:processes], ChargeSetup(), processes=processes)
    times = []
    for workers in (1, processes):
        started = time.perf_counter()
        simulate_protocols(protocols, ChargeSetup(), processes=workers)
        times.append(time.perf_counter() - started)
    load = os.getloadavg()[0]
    label = f"{processes} processes against 1, {len(protocols)} protocols, load of the machine {load:.1f}"
    return label, f"{times[0] / times[1]:.2f} times"


def measure_accuracy(model: str) -> tuple[str, str]:
    """Row of the largest deviations from a fine mesh with tight tolerances, over charges of different speed."""
    usual, fine = ChargingSimulator("power_cell", model), ChargingSimulator("power_cell", model, fineness=FINENESS)
    margin = voltage = temperature = 0.0
    for protocol in PEERS:
        coarse, reference = usual.run(protocol), fine.run(protocol)
        margin = max(margin, abs(coarse.plating_margin_mv - reference.plating_margin_mv))
        voltage = max(voltage, 1000 * abs(coarse.voltage_max_v - reference.voltage_max_v))
        temperature = max(temperature, abs(coarse.temperature_max_c - reference.temperature_max_c))
    label = f"{model}: against {FINENESS} times the mesh and tolerances a hundredth"
    return label, f"margin {margin:.2f} mV, voltage {voltage:.2f} mV, temperature {temperature:.3f} °C"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocols", type=int, help="fewer than the 224, for a quick check")
    parser.add_argument("--scaling", action="store_true", help="measure the speed-up alone")
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the speed-up")
    options = parser.parse_args()
    rows: list[tuple[str, str]] = []
    if not options.scaling:
        rows += [row for model in MODELS for row in measure_speed(model, options.protocols)]
        rows += [measure_accuracy(model) for model in MODELS]
    rows.append(measure_scaling(options.processes, options.protocols or 224))
    print("| What | Measured |\n|---|---|")
    for label, value in rows:
        print(f"| {label} | {value} |")


if __name__ == "__main__":
    main()
