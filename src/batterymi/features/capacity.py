"""Theoretical capacities from chemical formulas."""

import re
from fractions import Fraction

from batterymi.errors import TableError

FARADAY_MAH_MOL = 96485.33212 / 3.6  # CODATA 2018, C/mol over C/mAh


def format_decimal_formula(formula: str) -> str:
    """Write the fractions in a formula, as in Na2/3Fe1/2Mn1/2O2, as decimals.

    Args:
        formula: a chemical formula.

    Returns:
        The same formula with decimal amounts.
    """
    return re.sub(r"(\d+)/(\d+)", lambda m: f"{float(Fraction(m[0])):.8g}", formula)


def compute_theoretical_capacity(formula: str, working_ions: float) -> float:
    """Compute the charge per mass if a number of ions per formula unit takes part.

    Q = n F / M, with the molar mass of the formula as written, working ions included.

    Args:
        formula: a chemical formula.
        working_ions: ions per formula unit that are extracted and inserted.

    Returns:
        mAh/g.

    Raises:
        TableError: if the formula cannot be read.
    """
    from pymatgen.core import Composition

    try:
        mass = float(Composition(format_decimal_formula(formula)).weight)
    except (ValueError, KeyError, AttributeError) as error:
        raise TableError(f"'{formula}' is not a chemical formula: {error}") from None
    # a negated comparison, so that NaN is refused too
    if not mass > 0:
        raise TableError(f"'{formula}' is not a chemical formula: it has no atoms")
    return working_ions * FARADAY_MAH_MOL / mass
