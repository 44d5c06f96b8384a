"""What the weights of the reward change: the chapter's third exercise, with intervals over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean

MEASURES = ("minutes_mean", "smallest_margin_mv", "temperature_max_c", "capacity_lost_mah", "violating")
SLACK = 1.02  # a validation comes at the end of a charge, a little after it is due


@dataclass(frozen=True)
class TrainingRun:
    """A training of one agent with one seed.

    Attributes:
        agent: its name.
        weights: of the reward.
        curve: learning curve.
    """

    agent: str
    weights: dict[str, float]
    curve: pd.DataFrame

    def choose_policy(self, steps: int | None) -> dict[str, Any]:
        """Return the row of the policy that the training had chosen after some steps; None: at its end."""
        within = self.curve["is_best"] & (self.curve["steps"] <= (SLACK * steps if steps else np.inf))
        row = self.curve[within].iloc[-1] if within.any() else self.curve.iloc[0]
        return {str(key): value for key, value in row.to_dict().items()}


def compare_runs(runs: Sequence[TrainingRun], seed: int, steps: int | None = None) -> pd.DataFrame:
    """Compare what agents with different weights do on the validation scenarios, after equally long trainings.

    Args:
        runs: of all agents and seeds.
        seed: of the bootstrap.
        steps: control steps of the shortest trainings; what longer ones chose later does not count. None: no limit.

    Returns:
        One row per agent with its weights, and mean and 95 % interval over its seeds of each measure. One seed has no
        interval.
    """
    by_agent: dict[str, list[TrainingRun]] = {}
    for run in runs:
        by_agent.setdefault(run.agent, []).append(run)
    return pd.DataFrame([_make_row(own, seed, steps) for own in by_agent.values()])


def _make_row(runs: Sequence[TrainingRun], seed: int, steps: int | None) -> dict[str, Any]:
    """Return the numbers of one agent over its seeds."""
    chosen = [run.choose_policy(steps) for run in runs]
    weights = {f"weight_{key}": value for key, value in runs[0].weights.items()}
    row: dict[str, Any] = {"agent": runs[0].agent, **weights, "seeds": len(runs)}
    for measure in MEASURES:
        values = np.array([row[measure] for row in chosen], float)
        # one seed says nothing about the spread between seeds
        interval = bootstrap_interval(values, compute_mean, seed) if len(values) > 1 else (np.nan, np.nan)
        row |= label_interval(measure, float(values.mean()), interval)
    return row
