"""The interface of evaluators: outcomes for designs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd


@dataclass(frozen=True)
class EvaluatorFiles:
    """Files that an evaluator reads; None where it reads none of that kind.

    Attributes:
        model: models that `train_surrogate` wrote.
        phases: formation energies that `list_phases` wrote.
    """

    model: Path | None = None
    phases: Path | None = None


NO_FILES = EvaluatorFiles()


class Evaluator(Protocol):
    """Evaluates designs: one value per objective.

    Attributes:
        is_cheap: whether thousands of evaluations take no more than seconds, so that a space can be scanned.
        kind: what summaries call its outcomes.
    """

    is_cheap: bool
    kind: str

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Evaluate designs.

        Args:
            designs: one row per design.

        Returns:
            One row per design, with the same index: a column per objective, and a column `failure`, empty where the
            result is good. A failed design has NaN in its objectives.
        """

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame | None:
        """Return half widths of 95 % intervals of the predictions, by objective; None if there are none."""

    def references(self) -> pd.DataFrame | None:
        """Return rows for the table that are not designs of the space, with a label; None if there are none."""
