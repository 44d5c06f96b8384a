"""The stability of many formulas: quick numbers of all, everything of those that pass the first gates."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from batterymi.config.expressions import parse_condition
from batterymi.features.formulas import parse_formula
from batterymi.stability.assess import FIRST, FULL, NOTHING, Assessor
from batterymi.stability.phases import StabilityError


def assess_formulas(
    formulas: pd.DataFrame, assessor: Assessor, gates: Sequence[str], report: Callable[[int, int], None]
) -> pd.DataFrame:
    """Compute the stability of formulas, system by system.

    Args:
        formulas: columns formula, system and the numbers that gates use; rows of a system stand together.
        assessor: the phases, with their draws.
        gates: conditions on the quick numbers and on columns of `formulas`.
        report: called with (done, all) after each formula.

    Returns:
        One row for each formula: the columns of `formulas`, those of `Assessment.as_row`, in_full (whether it passed
        the gates) and problem (why nothing could be computed, else empty).
    """
    conditions = [parse_condition(gate) for gate in gates]
    needed = {name for condition in conditions for name in condition.columns}
    rows: list[dict[str, float | str | bool]] = []
    before = ""
    for number, record in enumerate(formulas.to_dict("records"), start=1):
        if record["system"] != before:
            # each system with those of its cathodes is needed once
            assessor.table.forget_systems()
            before = record["system"]
        amounts = parse_formula(record["formula"])
        try:
            found = assessor.assess(amounts, FIRST).as_row()
            numbers = {name: np.array([float((record | found)[name])]) for name in needed}
            passes = all(bool(condition.is_satisfied(numbers)[0]) for condition in conditions)
            if passes:
                found = assessor.assess(amounts, FULL).as_row()
            rows.append(found | {"in_full": passes, "problem": ""})
        except StabilityError as error:
            rows.append(NOTHING.as_row() | {"in_full": False, "problem": str(error)})
        report(number, len(formulas))
    computed = pd.DataFrame(rows, columns=[*NOTHING.as_row(), "in_full", "problem"], index=formulas.index)
    kept = formulas.drop(columns=[name for name in formulas.columns if name in computed.columns])
    return pd.concat([kept, computed], axis=1)
