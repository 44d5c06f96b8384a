"""The chapter's three formulas for Ni-Co-Mn cathodes (section 4.4.3), as printed there."""

import pandas as pd

from batterymi.arrays import Array
from batterymi.config.campaign import NcmFormulasChoice
from batterymi.config.parts import Objective
from batterymi.evaluators.base import NO_FILES, EvaluatorFiles


def compute_outcomes(ni: Array, co: Array, mn: Array) -> tuple[Array, Array, Array]:
    """Return capacity (mAh/g), cycle life (cycles) and thermal stability (°C) from the fractions of Ni, Co and Mn."""
    return (
        180 + 40 * ni - 20 * (ni - 0.8) ** 2,
        1500 - 800 * ni + 1000 * co + 500 * mn,
        200 + 100 * mn - 150 * (ni - 0.7) ** 2,
    )


class NcmFormulas:
    """Capacity, cycle life and thermal stability from the fractions of Ni, Co and Mn.

    The formulas are the chapter's, without a source or a fit behind them. They are kept to show what follows from them,
    which is not what the chapter says.
    """

    is_cheap = True
    kind = "by formula"

    def __init__(
        self,
        choice: NcmFormulasChoice,
        objectives: tuple[Objective, ...],
        files: EvaluatorFiles = NO_FILES,
        processes: int = 1,
    ) -> None:
        """Take the settings; there is nothing to set."""

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Apply the formulas.

        Args:
            designs: columns ni, co, mn: fractions that add up to 1.

        Returns:
            Columns capacity_mah_g, cycle_life, thermal_stability_c and failure.
        """
        outcomes = compute_outcomes(*(designs[name].to_numpy(float) for name in ("ni", "co", "mn")))
        columns = dict(zip(("capacity_mah_g", "cycle_life", "thermal_stability_c"), outcomes, strict=True))
        return pd.DataFrame({**columns, "failure": ""}, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        """Return None: the formulas state no uncertainty."""
        return

    def references(self) -> None:
        """Return None: every row is a design."""
        return
