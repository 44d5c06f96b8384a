"""Cost of materials from compositions and dated prices."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from batterymi.costing.inputs import Inputs, Quantity
from batterymi.costing.sampling import DRAWS, Spread, Swing, compute_swings, draw_quantities, summarise_draws
from batterymi.costing.stack import Number
from batterymi.errors import DesignError, TableError
from batterymi.features.composition import get_element_property
from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.vocabulary.elements import SYMBOLS

PER_KG = {"USD/kg": 1.0, "USD/t": 1e-3, "USD/lb": 1 / 0.45359237}  # pound avoirdupois, exact since 1959
ELEMENT, COMPONENT = "element", "component"
FREE = frozenset({"O"})  # of the air


@cache
def compute_mass_fractions(formula: str) -> dict[str, float]:
    """Return the mass fraction of each element of a formula.

    Raises:
        TableError: if it is not a formula.
    """
    try:
        amounts = parse_formula(formula)
    except FormulaError as error:
        raise TableError(str(error)) from None
    weights = dict(zip(SYMBOLS, get_element_property("AtomicWeight"), strict=True))
    masses = {symbol: amount * float(weights[symbol]) for symbol, amount in amounts.items()}
    total = sum(masses.values())
    return {symbol: mass / total for symbol, mass in masses.items()}


def price_element(prices: Inputs, symbol: str) -> Quantity:
    """Return the price of an element contained in what is traded, in USD/kg.

    Lithium at 14 USD per kg of Li2CO3 costs 14 / 0.188 = 74.5 USD per kg of Li.

    Args:
        prices: the price table.
        symbol: of the element.

    Raises:
        TableError: if the table has no price of it, the currency is not USD, or what is traded does not hold it.
    """
    quantity = _convert_price(prices, f"{ELEMENT}.{symbol}")
    share = compute_mass_fractions(quantity.traded_as or symbol).get(symbol)
    if share is None:
        raise TableError(f"{prices.path}: {quantity.key}: traded_as: '{quantity.traded_as}' holds no {symbol}")
    return _scale(quantity, 1 / share)


def price_component(prices: Inputs, name: str) -> Quantity:
    """Return the price of a component, as a foil or an electrolyte, in USD/kg; see `price_element`."""
    return _convert_price(prices, f"{COMPONENT}.{name}")


def list_prices(prices: Inputs, formula: str) -> dict[str, Quantity]:
    """Return the prices of the elements of a formula by symbol, in USD per kg of the element; oxygen costs nothing."""
    return {symbol: price_element(prices, symbol) for symbol in compute_mass_fractions(formula) if symbol not in FREE}


def compute_material_cost(formula: str, prices: Mapping[str, Number]) -> Number:
    """Compute what the elements of a material cost, without making it and without yield: a lower bound of its price.

    Args:
        formula: of the material.
        prices: USD per kg of each element, by symbol; numbers or arrays.

    Returns:
        USD per kg of the material.

    Raises:
        DesignError: if an element has no price, or a price is negative.
    """
    total: Number = 0.0
    for symbol, fraction in compute_mass_fractions(formula).items():
        if symbol in FREE:
            continue
        if symbol not in prices:
            raise DesignError(f"{formula}: there is no price of {symbol}")
        if np.any(np.asarray(prices[symbol]) < 0):
            raise DesignError(f"{formula}: the price of {symbol}, {np.min(prices[symbol]):g} USD/kg, is negative")
        total = total + fraction * prices[symbol]
    return total


def compute_cost_per_kwh(usd_per_kg: Number, capacity_mah_g: Number, voltage_v: Number) -> Number:
    """Return USD per kWh of a material that stores capacity times voltage."""
    return usd_per_kg / (capacity_mah_g * voltage_v / 1000)


def compare_costs(
    prices: Inputs, before: str, after: str, energy_ratio: float = 1.0, n: int = DRAWS, seed: int = 0
) -> tuple[Spread, list[Swing]]:
    """Compute the reduction of material cost from one composition to another, in percent.

    Args:
        prices: the price table; both materials share each draw of a price.
        before: formula of the first material.
        after: formula of the second.
        energy_ratio: energy per mass of the second over that of the first; 1 compares costs per kg.
        n: draws.
        seed: of the draws.

    Returns:
        The reduction with its spread, and what each price alone makes of it, the largest swing first.
    """
    quantities = {**list_prices(prices, before), **list_prices(prices, after)}
    symbols = {quantity.key: symbol for symbol, quantity in quantities.items()}

    def reduce(values: Mapping[str, Number]) -> Number:
        known = {symbols[key]: value for key, value in values.items()}
        ratio = compute_material_cost(after, known) / compute_material_cost(before, known)
        return 100 * (1 - ratio / energy_ratio)

    value = float(reduce({quantity.key: quantity.value for quantity in quantities.values()}))
    drawn = np.asarray(reduce(draw_quantities(quantities.values(), n, seed)))
    return summarise_draws(value, drawn), compute_swings(lambda values: float(reduce(values)), quantities.values())


def _convert_price(prices: Inputs, key: str) -> Quantity:
    """Return a price of the table in USD/kg."""
    quantity = prices[key]
    if quantity.unit not in PER_KG:
        raise TableError(
            f"{prices.path}: {key}: '{quantity.unit}' is not one of {', '.join(PER_KG)}; convert other currencies at "
            "the rate of the date"
        )
    if quantity.low < 0:
        raise TableError(f"{prices.path}: {key}: a price of {quantity.low:g} is negative")
    return _scale(quantity, PER_KG[quantity.unit])


def _scale(quantity: Quantity, factor: float) -> Quantity:
    """Return a price times a factor, in USD/kg."""
    low, value, high = (factor * number for number in (quantity.low, quantity.value, quantity.high))
    return Quantity(**{**vars(quantity), "low": low, "value": value, "high": high, "unit": "USD/kg"})
