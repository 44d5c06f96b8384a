"""Cells of features that do not apply to a row: an amount without its additive, a step that was skipped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature
from batterymi.data.cells import find_empty
from batterymi.data.schema import make_fault

NOTHING = ("none", "no", "n.a.", "not applicable", "skipped")  # beside empty cells, what says that nothing was there


@dataclass(frozen=True)
class Applicable:
    """Cells of a table, those that do not apply emptied.

    Attributes:
        rows: the table.
        applies: by feature, which rows need a value of it, shape (n_rows,); features that always apply are left out.
        faults: values where there can be none, and steps of which a part is missing.
    """

    rows: pd.DataFrame
    applies: dict[str, pd.Series] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def needs(self, name: str, needed: pd.Series) -> pd.Series:
        """Return which of the rows that need values need one of a feature."""
        return needed & self.applies[name] if name in self.applies else needed


def find_applicable(rows: pd.DataFrame, features: Sequence[Feature]) -> Applicable:
    """Find which cells of a table do not apply, and empty them.

    Where a feature does not apply, its cell is empty or says that there is nothing; an amount may be 0.

    Args:
        rows: cells as read; the index holds line numbers.
        features: of the study; their columns are there.
    """
    found = Applicable(rows.copy())
    for feature in features:
        for controller in feature.used_with or ():
            said = rows[controller].astype(str).str.strip()
            _empty_unused(found, feature, said.isin(feature.used_choices), said, controller)
    for name in dict.fromkeys(feature.optional_step for feature in features if feature.optional_step):
        _empty_skipped(found, [feature for feature in features if feature.optional_step == name], name)
    return found


def _empty_unused(found: Applicable, feature: Feature, applies: pd.Series, said: pd.Series, controller: str) -> None:
    """Empty the cells of a feature where its choice is another one, and list those that hold something."""
    cells = found.rows[feature.name]
    nothing = _find_nothing(cells, feature)
    listed = ", ".join(feature.used_choices)
    for line in cells.index[~applies & ~nothing]:
        reason = f"given with {controller} '{said[line]}', but used only with {listed}; leave the cell empty"
        found.faults.append(make_fault(line, feature.name, cells[line], reason))
    found.applies[feature.name] = applies
    found.rows[feature.name] = cells.astype(object).mask(~applies, np.nan)


def _empty_skipped(found: Applicable, step: Sequence[Feature], name: str) -> None:
    """Empty the cells of a step in rows that skip it, and list rows that give a part of it."""
    nothing = pd.DataFrame({feature.name: _find_nothing(found.rows[feature.name], feature) for feature in step})
    skipped = nothing.all(axis=1)
    for feature in step:
        cells = found.rows[feature.name]
        for line in cells.index[nothing[feature.name] & ~skipped]:
            given = ", ".join(other.name for other in step if not nothing.loc[line, other.name])
            reason = (
                f"no value, but the row gives {given} of the step '{name}'; give all of it, or none if it was skipped"
            )
            found.faults.append(make_fault(line, feature.name, cells[line], reason))
        # a cell that is missing is reported once, here
        found.applies[feature.name] = ~nothing[feature.name]
        found.rows[feature.name] = cells.astype(object).mask(nothing[feature.name], np.nan)


def _find_nothing(cells: pd.Series, feature: Feature) -> pd.Series:
    """Return which cells say that there is nothing: empty ones, words, and 0 where it is no setting."""
    words = cells.astype(str).str.strip().str.lower()
    choices = [choice.lower() for choice in feature.choices or ()]
    nothing = find_empty(cells) | words.isin([word for word in NOTHING if word not in choices])
    if not feature.is_category:
        low = feature.range[0] if feature.range else 0.0
        zero = pd.to_numeric(words.str.rstrip("%").str.strip(), errors="coerce") == 0
        nothing |= zero & (low > 0 or feature.used_with is not None)
    return nothing
