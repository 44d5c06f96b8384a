"""What the figures of a study are drawn from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from batterymi.config.study import Study


@dataclass(frozen=True)
class StudyResults:
    """The results of one study, read from its files.

    Attributes:
        study: its settings.
        primary_variant: the variant that its decisions rest on.
        table: its rows.
        metrics: scores of every model.
        predictions: out-of-fold predictions.
        importances: permutation importances of the selected models.
        history: every evaluation of every campaign; empty if none ran.
        suggestions: the best designs.
        benchmark: feasibility and comparison with random search.
        named: designs of others, judged.
        validation: how far the models can be trusted, by objective.
        transfer: comparison of ways to transfer, for studies that have one.
        ranking: candidates, best first, for studies that have some.
        earlier: earlier suggestions against measurements, for studies whose campaign is in the laboratory.
        traces: charges over time, for studies that have them.
    """

    study: Study
    primary_variant: str
    table: pd.DataFrame
    metrics: pd.DataFrame
    predictions: pd.DataFrame
    importances: pd.DataFrame
    history: pd.DataFrame
    suggestions: pd.DataFrame
    benchmark: dict[str, Any]
    named: pd.DataFrame
    traces: pd.DataFrame | None
    validation: dict[str, Any]
    transfer: dict[str, Any] | None = None
    ranking: pd.DataFrame | None = None
    earlier: pd.DataFrame | None = None

    @property
    def selected(self) -> pd.DataFrame:
        """Scores of the selected model of each objective, in the primary variant."""
        chosen = self.metrics["selected"] & (self.metrics["variant"] == self.primary_variant)
        return self.metrics[chosen]

    def limit(self, objective: str, side: str) -> float | None:
        """The limit in force on an objective, or None."""
        for limit in self.benchmark["feasibility"]["limits"]:
            if (limit["objective"], limit["side"]) == (objective, side):
                return float(limit["in_force"])
        return None
