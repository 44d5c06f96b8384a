"""The composition that a text stands for: a phase of the table as it is, anything else only if it is neutral."""

import math
from dataclasses import dataclass

from batterymi.features.formula_cells import read_formula
from batterymi.features.formulas import parse_formula
from batterymi.stability.neutrality import neutralise
from batterymi.stability.phases import PhaseTable, StabilityError

MOST_ELEMENTS = 15  # each more doubles the number of systems whose phases compete
MOST = 1e9  # of an amount; beyond it sums lose the other elements


@dataclass(frozen=True)
class Composition:
    """A composition whose stability can be computed.

    Attributes:
        formula: as it was read.
        amounts: of each element, charge-neutral unless the table has a phase of the composition.
        note: how the text was understood, and what was corrected; empty if nothing.
    """

    formula: str
    amounts: dict[str, float]
    note: str


def read_composition(text: str, table: PhaseTable) -> Composition:
    """Read a composition as people write it.

    Args:
        text: a formula.
        table: the phases; one that it lists, as an alloy, is not held to charge neutrality.

    Raises:
        FormulaError: if it is no formula.
        StabilityError: if it is an element, is not neutral, or has an element without an energy or no competing phase.
    """
    cell = read_formula(text)
    amounts = parse_formula(cell.formula)
    if len(amounts) == 1:
        raise StabilityError(f"it is the element {next(iter(amounts))}, which has no phases to decompose to")
    if len(amounts) > MOST_ELEMENTS:
        raise StabilityError(f"it has {len(amounts)} elements; at most {MOST_ELEMENTS} can be computed")
    if not all(math.isfinite(amount) and amount <= MOST for amount in amounts.values()):
        raise StabilityError(f"amounts may be {MOST:.0e} at most; divide all of them by the same number")
    table.select_competitors(amounts)
    notes = [f"read as {cell.formula}: {cell.how}"] if cell.how else []
    if text.strip().lower() == "nan":
        notes.append("the letters NaN are sodium nitride here, no empty cell")
    if not table.is_listed(amounts):
        neutral = neutralise(cell.formula)
        amounts = neutral.amounts
        notes += [neutral.note] if neutral.note else []
    return Composition(cell.formula, amounts, "; ".join(notes))
