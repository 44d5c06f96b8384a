"""The stability of many formulas: quick numbers of all, everything of those that pass the first gates."""

from collections.abc import Callable, Sequence

import pandas as pd

from batterymi.config.expressions import parse_condition
from batterymi.features.formulas import parse_formula
from batterymi.stability.assess import FIRST, FULL, NOTHING, Assessor, Depth
from batterymi.stability.phases import StabilityError

IN_FULL = "in_full"  # column: whether everything was computed of a formula
Report = Callable[[int, int], None]  # takes (done, all) after each formula


def assess_formulas(formulas: pd.DataFrame, assessor: Assessor, depth: Depth, report: Report) -> pd.DataFrame:
    """Compute the stability of formulas, system by system.

    Args:
        formulas: columns formula, system and others; rows of a system stand together.
        assessor: the phases, with their draws.
        depth: how much is computed.
        report: is called after each formula.

    Returns:
        One row for each formula: the columns of `formulas`, those of `Assessment.as_row`, in_full (false) and problem
        (why nothing could be computed, else empty).
    """
    rows: list[dict[str, float | str]] = []
    before = ""
    for number, record in enumerate(formulas.to_dict("records"), start=1):
        if record["system"] != before:
            # each system with those of its cathodes is needed once
            assessor.table.forget_systems()
            before = record["system"]
        try:
            found = assessor.assess(parse_formula(record["formula"]), depth).as_row()
            rows.append(found | {"problem": ""})
        except StabilityError as error:
            rows.append(NOTHING.as_row() | {"problem": str(error)})
        report(number, len(formulas))
    computed = pd.DataFrame(rows, columns=[*NOTHING.as_row(), "problem"], index=formulas.index)
    computed.insert(len(computed.columns) - 1, IN_FULL, False)
    kept = formulas.drop(columns=[name for name in formulas.columns if name in computed.columns])
    return pd.concat([kept, computed], axis=1)


def assess_quickly(formulas: pd.DataFrame, assessor: Assessor, report: Report) -> pd.DataFrame:
    """Compute what every formula gets: hull distance, window, and reactions with the first partners."""
    return assess_formulas(formulas, assessor, FIRST, report)


def refine_formulas(quick: pd.DataFrame, assessor: Assessor, gates: Sequence[str], report: Report) -> pd.DataFrame:
    """Compute everything of the formulas that pass the first gates.

    Args:
        quick: what `assess_quickly` returned.
        assessor: the phases, with their draws.
        gates: conditions on the numbers of `quick`.
        report: is called after each formula that passes.

    Returns:
        The rows of `quick`, those that pass with all numbers and in_full.
    """
    conditions = [parse_condition(gate) for gate in gates]
    needed = {name for condition in conditions for name in condition.columns}
    numbers = {name: quick[name].to_numpy(float) for name in needed}
    passes = quick["problem"].to_numpy() == ""
    for condition in conditions:
        passes &= condition.is_satisfied(numbers)
    chosen = quick[passes]
    full = assess_formulas(chosen, assessor, FULL, report)
    full[IN_FULL] = True
    rest = quick[~passes]
    return pd.concat([full[quick.columns], rest]).loc[quick.index] if len(chosen) else quick
