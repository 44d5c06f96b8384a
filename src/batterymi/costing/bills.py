"""What the materials of a cell cost per kWh, and what two cells cost against each other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from batterymi.costing.cells import CellResult, Chemistry, get_chemistry
from batterymi.costing.inputs import Inputs, Quantity
from batterymi.costing.prices import compute_material_cost, list_prices, price_component
from batterymi.costing.sampling import Array, Spread, draw_quantities, summarise_draws
from batterymi.costing.stack import Number, Stack
from batterymi.errors import DesignError

ALUMINIUM, PACKAGING, BINDER = "aluminium_foil", "packaging", "carbon_and_binder"


@dataclass(frozen=True)
class Bill:
    """The materials of a cell.

    Attributes:
        cell: name of the chemistry.
        usd_per_kwh: of all materials.
        parts_usd_per_kwh: of each part with default inputs, the most expensive first.
        draws: USD per kWh of each draw, shape (n,).
        prices: what was paid, by part or by element.
    """

    cell: str
    usd_per_kwh: Spread
    parts_usd_per_kwh: Mapping[str, float]
    draws: Array
    prices: Mapping[str, Quantity]


def compute_bill(result: CellResult, prices: Inputs, seed: int = 0) -> Bill:
    """Compute the cost of a cell's materials over the ranges of its design and of the prices.

    The positive active material costs what its elements do, so the sum is a lower bound.

    Args:
        result: the cell with its draws.
        prices: the price table; cells share the draws of prices, so that ratios are paired.
        seed: of the draws of prices.
    """
    chemistry = get_chemistry(result.cell)
    quantities = list_bill_prices(chemistry, prices)
    n = result.specific_energy_wh_kg.draws
    drawn = draw_quantities(quantities.values(), n, seed)
    parts = price_parts(chemistry, result.stack, {name: quantity.value for name, quantity in quantities.items()})
    draws = price_parts(chemistry, result.draws, {name: drawn[one.key] for name, one in quantities.items()})
    total = np.asarray(sum(draws.values()), dtype=float)
    ordered = {name: float(parts[name]) for name in sorted(parts, key=lambda name: -float(parts[name]))}
    return Bill(result.cell, summarise_draws(sum(ordered.values()), total), ordered, total, quantities)


def compare_bills(first: Bill, second: Bill) -> Spread:
    """Return the cost per kWh of the first cell over that of the second, draw by draw, in percent.

    Raises:
        DesignError: if they have different numbers of draws.
    """
    if len(first.draws) != len(second.draws):
        raise DesignError(f"{len(first.draws)} draws cannot be paired with {len(second.draws)}; draw as many of both")
    value = 100 * first.usd_per_kwh.value / second.usd_per_kwh.value
    return summarise_draws(value, 100 * first.draws / second.draws)


def compute_solid_electrolyte_need(stack: Stack) -> Number:
    """Return the mass of solid electrolyte per energy, in kg per kWh: the layer and the filler of the cathode."""
    return (stack.masses_mg_cm2["separator"] + stack.masses_mg_cm2["positive_filler"]) / stack.energy_mwh_cm2


def list_bill_prices(chemistry: Chemistry, prices: Inputs) -> dict[str, Quantity]:
    """Return the prices that a chemistry needs: of elements by symbol, of components by name."""
    names = {
        ALUMINIUM,
        PACKAGING,
        BINDER,
        chemistry.negative,
        chemistry.filler,
        chemistry.negative_foil,
        chemistry.separator,
        chemistry.electrolyte,
    }
    elements = list_prices(prices, chemistry.positive)
    return {**elements, **{name: price_component(prices, name) for name in sorted(names)}}


def price_parts(chemistry: Chemistry, stack: Stack, prices: Mapping[str, Number]) -> dict[str, Number]:
    """Return what each part costs, in USD per kWh; mg per mWh are kg per kWh."""
    items: dict[str, Number] = {
        "positive_active": compute_material_cost(chemistry.positive, prices),
        "positive_filler": prices[chemistry.filler],
        "negative_active": prices[chemistry.negative],
        "negative_filler": prices[BINDER],
        "positive_foil": prices[ALUMINIUM],
        "negative_foil": prices[chemistry.negative_foil],
        "separator": prices[chemistry.separator],
        "electrolyte": prices[chemistry.electrolyte],
        "packaging": prices[PACKAGING],
    }
    return {part: stack.masses_mg_cm2[part] / stack.energy_mwh_cm2 * price for part, price in items.items()}
