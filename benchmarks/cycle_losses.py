"""Measure what a charge costs the fresh power cell, alone and with an hour's rest and a discharge at 1C after it.

    python benchmarks/cycle_losses.py

Prints Markdown for docs/results. Charges of constant currents from 10 to 80 % at 25 °C, and back to 10 %.
"""

import os
from collections.abc import Mapping, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

from batterymi.charging.cell_model import CellModel
from batterymi.charging.cells import find_cell
from batterymi.charging.controllers import CHAPTER_PHASES
from batterymi.charging.readout import measure_charge
from batterymi.charging.state import Start

SOC_START, SOC_END = 0.1, 0.8
REST_S, DISCHARGE_C = 3600.0, -1.0
MODELS = ("SPMe", "DFN")
# pairs of C-rate and the state of charge where it ends
PROTOCOLS: Mapping[str, Sequence[tuple[float, float]]] = {
    "1C": ((1.0, SOC_END),),
    "2C": ((2.0, SOC_END),),
    "chapter: 3C": ((3.0, SOC_END),),
    "chapter: optimized profile": ((5.0, 0.1 + 25 / 60), (3.0, SOC_END)),
    "chapter: four phases": tuple((rate, end) for end, rate in CHAPTER_PHASES),
    "4C falling to 1.3C": ((4.0, 0.275), (2.9, 0.45), (2.7, 0.625), (1.3, SOC_END)),
}


def measure_cycle(cell: CellModel, windows: Sequence[tuple[float, float]]) -> list[float]:
    """Return minutes, lithium plated at the charge's end (mAh), and losses (µAh) after charge, rest and discharge."""
    origin = cell.begin(Start(soc=SOC_START, ambient_c=25.0))
    state, soc, minutes = origin.state, SOC_START, 0.0
    before = cell.solve(origin, state, 0.0, 1.0)[1]
    losses = []
    for rate, end in windows:
        seconds = 3600 * (end - soc) * origin.capacity_ah / (rate * cell.capacity_ah)
        state, values = cell.solve(origin, state, rate, seconds)
        soc, minutes = end, minutes + seconds / 60
    charged = measure_charge(before, values)
    losses.append(1000 * charged["capacity_lost_mah"])
    for rate, seconds in ((0.0, REST_S), (DISCHARGE_C, 3600 * (SOC_END - SOC_START))):
        state, values = cell.solve(origin, state, rate, seconds)
        losses.append(1000 * measure_charge(before, values)["capacity_lost_mah"])
    return [minutes, charged["plated_mah"], *losses]


def main() -> None:
    """Print a table for each model, and by how much the protocols differ."""
    for model in MODELS:
        cell = CellModel(find_cell("power_cell"), model)
        found = {name: measure_cycle(cell, windows) for name, windows in PROTOCOLS.items()}
        print(f"\n| {model} | Minutes | Plated at the end (mAh) | Lost: charge (µAh) | with rest | with discharge |")
        print("|---|---|---|---|---|---|")
        for name, (minutes, plated, *losses) in found.items():
            print(f"| {name} | {minutes:.1f} | {plated:.1f} | " + " | ".join(f"{loss:.1f}" for loss in losses) + " |")
        columns = list(zip(*found.values(), strict=True))[2:]
        ratios = " | ".join(f"{max(column) / min(column):.2f}" for column in columns)
        print(f"| largest over smallest | | | {ratios} |")


if __name__ == "__main__":
    main()
