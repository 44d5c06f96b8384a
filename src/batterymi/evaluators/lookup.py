"""Designs looked up in the rows of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


class LookUp:
    """Known outcomes of known designs."""

    is_cheap = False
    kind = "in the data"

    def __init__(self, designs: pd.DataFrame, outcomes: pd.DataFrame, names: Sequence[str]) -> None:
        """Take the rows.

        Args:
            designs: different designs.
            outcomes: one row for each.
            names: columns of a design.
        """
        self._names = list(names)
        self._known = dict(zip(self._make_keys(designs), np.arange(len(designs)), strict=True))
        self._outcomes = outcomes

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return the outcomes of designs of the table."""
        rows = np.array([self._known[key] for key in self._make_keys(designs)])
        return self._outcomes.iloc[rows].set_axis(designs.index).assign(failure="")

    def half_widths(self, designs: pd.DataFrame) -> None:
        """Return None: the outcomes were measured."""
        return

    def references(self) -> None:
        """Return None: every row is a design."""
        return

    def _make_keys(self, designs: pd.DataFrame) -> list[tuple[object, ...]]:
        """Return what identifies designs."""
        cells = designs[self._names]
        if cells.isna().to_numpy().any():
            # NaN, where a feature does not apply, equals nothing
            cells = cells.astype(object).mask(cells.isna(), other=None)
        return list(cells.itertuples(index=False, name=None))
