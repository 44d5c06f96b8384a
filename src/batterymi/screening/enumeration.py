"""Charge-neutral compositions of chosen elements, streamed.

The rules are SMACT's (Davies et al. 2019, doi:10.21105/joss.01361): some choice of the elements' known oxidation states
is neutral, and every anion in it is more electronegative than every cation. SMACT tries one ratio after another in
Python; here all ratios of a choice of elements are tried at once, with the same result. States of zero are left out.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from batterymi.config.screen import EnumerationSource
from batterymi.errors import TableError
from batterymi.features.oxidation_states import find_element_data

Integers = NDArray[np.int16]


def enumerate_compositions(source: EnumerationSource) -> Iterator[list[str]]:
    """Yield the formulas of each choice of elements, one list per choice.

    Args:
        source: elements, and how many of them and of their atoms a formula may hold.

    Yields:
        Reduced formulas, elements from the least to the most electronegative; in a fixed order, each once.

    Raises:
        TableError: if SMACT knows no oxidation state, or no electronegativity, of an element.
    """
    states, negativity = _load_element_data(source)
    order = sorted(source.elements, key=lambda symbol: (negativity[symbol], symbol))
    for size in sorted(set(source.sizes)):
        optional_elements = [symbol for symbol in order if symbol not in source.always]
        # `combinations` refuses a negative size
        for chosen in combinations(optional_elements, size - len(source.always)) if size >= len(source.always) else ():
            held = {*chosen, *source.always}
            symbols = [symbol for symbol in order if symbol in held]
            yield _format_formulas(symbols, find_neutral_ratios(symbols, states, negativity, source.largest_amount))


def find_neutral_ratios(
    symbols: list[str], states: dict[str, list[int]], negativity: dict[str, float], largest: int
) -> Integers:
    """Find the amounts of some elements that can be charge-neutral.

    Args:
        symbols: the elements.
        states: oxidation states of each.
        negativity: Pauling electronegativity of each.
        largest: largest amount.

    Returns:
        Shape (n_ratios, n_elements), in ascending order; without a common divisor.
    """
    ratios = _list_ratios(len(symbols), largest)
    choices = [
        choice
        for choice in product(*(states[symbol] for symbol in symbols))
        if _passes_pauling_test(choice, symbols, negativity)
    ]
    if not choices:
        return ratios[:0]
    neutral = np.zeros(len(ratios), dtype=bool)
    for choice in choices:
        neutral |= ratios @ np.array(choice, dtype=np.int16) == 0
    return ratios[neutral]


def _passes_pauling_test(choice: tuple[int, ...], symbols: list[str], negativity: dict[str, float]) -> bool:
    """Return whether oxidation states have both signs, with electrons at the more electronegative elements."""
    cations = [negativity[symbol] for symbol, state in zip(symbols, choice, strict=True) if state > 0]
    anions = [negativity[symbol] for symbol, state in zip(symbols, choice, strict=True) if state < 0]
    # SMACT's Pauling test
    return bool(cations) and bool(anions) and max(cations) < min(anions)


@cache
def _list_ratios(size: int, largest: int) -> Integers:
    """List all amounts from 1 to the largest without a common divisor, shape (n, size)."""
    # small integers, since all ratios are held in memory
    grid = np.indices((largest,) * size, dtype=np.int16).reshape(size, -1).T + np.int16(1)
    return grid[np.gcd.reduce(grid, axis=1) == 1] if size > 1 else grid[:1]


def _format_formulas(symbols: list[str], ratios: Integers) -> list[str]:
    """Format the formulas of rows of amounts."""
    columns = [
        [symbol if amount == 1 else f"{symbol}{amount}" for amount in column.tolist()]
        for symbol, column in zip(symbols, ratios.T, strict=True)
    ]
    return ["".join(parts) for parts in zip(*columns, strict=True)]


def _load_element_data(source: EnumerationSource) -> tuple[dict[str, list[int]], dict[str, float]]:
    """Load the oxidation states and electronegativities of all elements from SMACT."""
    states, negativity = {}, {}
    lacking = []
    for symbol in source.elements:
        if found := find_element_data(symbol, source.oxidation_states):
            states[symbol], negativity[symbol] = list(found[0]), found[1]
        else:
            lacking.append(symbol)
    if lacking:
        raise TableError(
            f"screen.source.elements: SMACT has no oxidation state ({source.oxidation_states}) or no electronegativity "
            f"of {', '.join(lacking)}; leave it out"
        )
    return states, negativity
