"""Energy and cost of candidate positive electrodes for Na-ion cells: of the material, and against hard carbon."""

from dataclasses import replace

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.costing.bills import list_bill_prices, price_parts
from batterymi.costing.cells import Chemistry, get_chemistry, make_design
from batterymi.costing.inputs import Inputs
from batterymi.costing.prices import compute_mass_fractions, list_prices
from batterymi.costing.stack import Stack, compute_stack
from batterymi.errors import TableError
from batterymi.features.formulas import parse_formula

ION = "Na"  # of the cells
OXIDE_CELL, POLYANION_CELL = "sodium_layered", "sodium_nvpf"  # whose layers and densities candidates get
CENTRES = frozenset(("P", "S", "Si", "B", "C"))
NEGATIVE = "hard_carbon.mean_potential_v"
UNKNOWN = "unknown"
COLUMNS = (
    *("energy_wh_kg", "cell", "cell_voltage_v", "cell_wh_kg", "cell_wh_kg_lower_95", "cell_wh_kg_upper_95"),
    *("elements_usd_per_kwh", "materials_usd_per_kwh", "unpriced", "volume_change"),
)


def rate_electrodes(candidates: pd.DataFrame, inputs: Inputs, prices: Inputs) -> pd.DataFrame:
    """Compute what each candidate stores and costs, as a material and in a cell.

    The cell is that of a known chemistry, with the candidate's theoretical capacity, which is more than a cell gets in
    practice, and a voltage lower than the electrode's by the mean potential of hard carbon. Intervals are those of the
    voltage alone.

    Args:
        candidates: columns formula, ion, capacity_mah_g, predicted, lower_95 and upper_95 (V vs the metal of the ion).
        inputs: of cells.
        prices: of elements and components.

    Returns:
        The columns of `COLUMNS`, index as `candidates`: energies in Wh/kg; cost of the elements of the electrode and of
        all materials of the cell in USD per kWh of the cell; NaN where an element has no price, which `unpriced` names.
        Of other ions than Na, whose cells have other negative electrodes, the energy of the material alone.
    """
    potential = inputs[NEGATIVE].value
    rows = []
    for _, row in candidates.iterrows():
        formula, capacity = str(row["formula"]), float(row["capacity_mah_g"])
        if row["ion"] != ION:
            rows.append([float(row["predicted"]) * capacity, "", *[np.nan] * 6, "", UNKNOWN])
            continue
        cell = choose_cell(formula)
        volts = np.array([row["predicted"], row["lower_95"], row["upper_95"]], dtype=float)
        stacks = compute_cell_stack(inputs, cell, capacity, volts - potential)
        elements, materials, unpriced = _price_cell(replace(get_chemistry(cell), positive=formula), stacks, prices)
        energies = np.asarray(stacks.specific_energy_wh_kg)
        known = [float(volts[0] * capacity), cell, float(volts[0] - potential), *energies.tolist()]
        rows.append([*known, elements, materials, unpriced, UNKNOWN])
    return pd.DataFrame(rows, columns=list(COLUMNS), index=candidates.index)


def choose_cell(formula: str) -> str:
    """Return the cell whose layers a candidate gets: by whether it holds a polyanion."""
    amounts = parse_formula(formula)
    return POLYANION_CELL if CENTRES & set(amounts) and "O" in amounts else OXIDE_CELL


def compute_cell_stack(inputs: Inputs, cell: str, capacity_mah_g: float, volts: Array) -> Stack:
    """Return the stack of a cell with another positive electrode.

    Args:
        inputs: of cells.
        cell: whose layers it has.
        capacity_mah_g: of the active material.
        volts: mean voltages of the cell, shape (n,); below a hundredth of a volt, a hundredth.
    """
    usable = np.maximum(volts, 0.01)  # the end of an interval may lie below the potential of hard carbon
    return compute_stack(make_design(inputs, cell, positive_capacity_mah_g=capacity_mah_g, voltage_v=usable))


def _price_cell(chemistry: Chemistry, stack: Stack, prices: Inputs) -> tuple[float, float, str]:
    """Return what the electrode's elements and all materials cost in USD per kWh, and elements without a price."""
    unpriced = [symbol for symbol in compute_mass_fractions(chemistry.positive) if not _is_priced(symbol, prices)]
    if unpriced:
        return np.nan, np.nan, " ".join(sorted(unpriced))
    known = {name: quantity.value for name, quantity in list_bill_prices(chemistry, prices).items()}
    # of the predicted voltage, the first of the stack's numbers
    parts = {name: float(np.ravel(cost)[0]) for name, cost in price_parts(chemistry, stack, known).items()}
    return parts["positive_active"], sum(parts.values()), ""


def _is_priced(symbol: str, prices: Inputs) -> bool:
    """Return whether an element has a price, or costs nothing."""
    try:
        list_prices(prices, symbol)
    except TableError:
        return False
    return True
