"""Charge neutrality of formulas as written: decimals are corrected within their rounding, or refused.

An imbalance of 0.01 moves an edge of the window by volts: Li0.33La0.56TiO3 as it stands has too much positive charge,
so that its titanium would have to be reduced. The correction stays within half a unit of the last digit of every
amount, so that the neutral formula rounds to the written one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np

from batterymi.arrays import Array
from batterymi.features.charge_balance import ANIONS, COMMON, STRONGEST
from batterymi.features.formulas import TOKEN, parse_formula
from batterymi.features.oxidation_states import find_element_data
from batterymi.stability.phases import StabilityError

STATES = "icsd24"  # SMACT's list
EXACT = 1e-6  # of the sum of all charges
MOST_CHOICES = 500_000
FIXED = {"O": (-2,), "F": (-1,), **COMMON}
# metals whose mean oxidation state may lie between two of theirs
MIXING = frozenset(
    ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo", "Tc", "Ru", "Rh", "W", "Re", "Os", "Ir")
) | {"Ce", "Pr", "Eu", "Tb", "Yb", "U"}


@dataclass(frozen=True)
class Neutral:
    """A charge-neutral composition.

    Attributes:
        amounts: of each element.
        note: what was corrected or assumed; empty if nothing.
    """

    amounts: dict[str, float]
    note: str = ""


def neutralise(formula: str) -> Neutral:
    """Return a neutral composition that a formula stands for.

    In this order: oxidation states, one for each element, that balance exactly; such that balance within the rounding
    of the decimals, which are then corrected; a mean state of transition metals between two of theirs. Anions have
    their usual state, since almost anything would balance with peroxides and polysulfides.

    Args:
        formula: a plain formula, as `parse_formula` reads.

    Raises:
        StabilityError: if no oxidation states balance; the message says what is left over.
    """
    amounts = parse_formula(formula)
    symbols = list(amounts)
    values = np.array([amounts[symbol] for symbol in symbols])
    listed = {symbol: find_element_data(symbol, STATES) for symbol in symbols}
    if lacking := [symbol for symbol, data in listed.items() if data is None]:
        raise StabilityError(
            f"SMACT knows no oxidation state of {', '.join(lacking)}, so that charges cannot be balanced"
        )
    data = {symbol: found for symbol, found in listed.items() if found is not None}
    negativity = np.array([data[symbol][1] for symbol in symbols])
    is_oxidised = any(strong in amounts for strong in STRONGEST)
    states = {symbol: _select_usual(symbol, found, is_oxidised) for symbol, (found, _) in data.items()}
    if _count_choices(states.values()) > MOST_CHOICES:
        states = {symbol: FIXED.get(symbol, known) for symbol, known in states.items()}
    if (n := _count_choices(states.values())) > MOST_CHOICES:
        # whether a mean state of the metals balances is found without listing theirs
        if mixed := _find_mixed(amounts, states, negativity):
            return Neutral(amounts, f"neutral with a mean oxidation state of {mixed}")
        raise StabilityError(f"its elements have {n:.0e} combinations of oxidation states; none is looked for")
    choices = _list_choices(list(states.values()), symbols, negativity)
    charges = choices @ values
    if np.any(np.abs(charges) <= EXACT * (np.abs(choices) @ values)):
        return Neutral(amounts)
    roundings = _find_roundings(formula, symbols)
    slack = np.abs(choices @ roundings.T).sum(axis=1)
    # a charge of exactly what rounding explains is explained
    within = np.flatnonzero(np.abs(charges) <= slack * (1 + EXACT))
    if len(within):
        best = within[np.argmin(np.abs(charges[within]) / slack[within])]
        signs = np.sign(roundings @ choices[best])
        corrected = values - charges[best] / slack[best] * (signs @ roundings)
        changed = dict(zip(symbols, corrected.tolist(), strict=True))
        note = ", ".join(f"{s} {amounts[s]:.10g} -> {v:.6g}" for s, v in changed.items() if abs(v - amounts[s]) > 1e-12)
        return Neutral(changed, f"corrected to charge neutrality within the digits: {note}")
    if mixed := _find_mixed(amounts, states, negativity):
        return Neutral(amounts, f"neutral with a mean oxidation state of {mixed}")
    raise StabilityError(_describe_imbalance(symbols, values, roundings, choices))


def _select_usual(symbol: str, states: tuple[int, ...], is_oxidised: bool) -> tuple[int, ...]:
    """Return the states of an element without unusual ones of anions, which are positive beside O or F alone."""
    lowest = min(FIXED[symbol]) if symbol in FIXED else min(states)
    if symbol in ANIONS and not is_oxidised:
        return (lowest,)
    return tuple(state for state in states if state > 0 or state == lowest)


def _count_choices(states: Iterable[tuple[int, ...]]) -> float:
    """Return how many choices of one state for each element there are."""
    return float(np.prod([len(known) for known in states], dtype=float))


def _list_choices(states: list[tuple[int, ...]], symbols: list[str], negativity: Array) -> Array:
    """List choices of one state for each element, electrons at the more electronegative; shape (n, n_elements)."""
    choices = np.array(list(product(*states)), dtype=float).reshape(-1, len(symbols))
    cations = np.where(choices > 0, negativity, -np.inf).max(axis=1)
    anions = np.where(choices < 0, negativity, np.inf).min(axis=1)
    # SMACT's test after Pauling
    return choices[(cations < anions) & np.isfinite(cations) & np.isfinite(anions)]


def _find_roundings(formula: str, symbols: list[str]) -> Array:
    """Find by how much half a unit of the last digit of each decimal changes the amounts, shape (n, n_elements)."""
    base = parse_formula(formula)
    rows = []
    for match in TOKEN.finditer(text := formula.replace(" ", "")):
        group = 2 if match[2] else 5
        if "." in (amount := match[group] or "") and "/" not in amount:
            digits = len(amount.partition(".")[2])
            raised = f"{float(amount) + 0.5 * 10.0**-digits:.{digits + 1}f}"
            changed = parse_formula(f"{text[: match.start(group)]}{raised}{text[match.end(group) :]}")
            rows.append([changed[symbol] - base[symbol] for symbol in symbols])
    return np.array(rows).reshape(-1, len(symbols))


def _find_mixed(amounts: dict[str, float], states: dict[str, tuple[int, ...]], negativity: Array) -> str:
    """Return the metals whose mean oxidation state makes a composition neutral; an empty text if none does."""
    mixing = [s for s in amounts if s in MIXING and sum(state > 0 for state in states[s]) > 1]
    others = [symbol for symbol in amounts if symbol not in mixing]
    if not mixing or not others:
        return ""
    eneg = dict(zip(amounts, negativity.tolist(), strict=True))
    if _count_choices(states[symbol] for symbol in others) > MOST_CHOICES:
        return ""
    choices = np.array(list(product(*(states[symbol] for symbol in others))), dtype=float)
    values = np.array([amounts[symbol] for symbol in others])
    positive = {symbol: [state for state in states[symbol] if state > 0] for symbol in mixing}
    low, high = (sum(amounts[symbol] * pick(positive[symbol]) for symbol in mixing) for pick in (min, max))
    other_eneg, highest = np.array([eneg[symbol] for symbol in others]), max(eneg[symbol] for symbol in mixing)
    cations = np.maximum(np.where(choices > 0, other_eneg, -np.inf).max(axis=1), highest)
    anions = np.where(choices < 0, other_eneg, np.inf).min(axis=1)
    rest = -(choices @ values)
    fits = (cations < anions) & np.isfinite(anions) & (rest >= low) & (rest <= high)
    return " and ".join(mixing) if fits.any() else ""


def _describe_imbalance(symbols: list[str], values: Array, roundings: Array, choices: Array) -> str:
    """Describe what is left over with the oxidation states that come closest."""
    if not len(choices):
        return "its charges cannot balance: no element in it can be the anion of the others"
    charges = choices @ values
    best = int(np.argmin(np.abs(charges)))
    shown = " ".join(f"{symbol}{state:+.0f}" for symbol, state in zip(symbols, choices[best], strict=True))
    explained = float(np.abs(roundings @ choices[best]).sum())
    return (
        f"its charges do not balance: {charges[best]:+.3g} is left over with {shown}, and the rounding of its amounts "
        f"explains {explained:.2g}; write the neutral composition, with more digits where it needs them"
    )
