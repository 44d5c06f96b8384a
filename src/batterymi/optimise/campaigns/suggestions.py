"""Suggestions: designs with predicted outcomes, why they were chosen, and their distance to known rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.config.campaign import SearchCampaign
from batterymi.config.designs import Derived
from batterymi.config.expressions import parse_quantity
from batterymi.optimise.space.problem import Problem

EXTRAPOLATES = "the model extrapolates"


def add_derived(frame: pd.DataFrame, derived: Sequence[Derived]) -> pd.DataFrame:
    """Append quantities computed from designs and outcomes.

    Args:
        frame: designs with their outcomes.
        derived: what to compute.

    Returns:
        The frame with one more column per quantity.
    """
    frame = frame.copy()
    for quantity in derived:
        columns = {name: frame[name].to_numpy(float) for name in quantity.names}
        frame[quantity.name] = parse_quantity(quantity.formula)(columns)
    return frame


def add_intervals(frame: pd.DataFrame, problem: Problem) -> pd.DataFrame:
    """Append lower and upper 95 % bounds of the outcomes, where the evaluator has any."""
    widths = problem.evaluator.half_widths(frame[problem.space.names]) if len(frame) else None
    frame = frame.copy()
    for objective in problem.objectives:
        half = np.nan if widths is None else widths[objective.name].to_numpy()
        low, high = objective.valid or (-np.inf, np.inf)
        middle = frame[objective.name].astype(float)
        # an interval must not leave the possible range either
        frame[f"{objective.name}_lower_95"] = (middle - half).clip(low, high)
        frame[f"{objective.name}_upper_95"] = (middle + half).clip(low, high)
    return frame


def describe_designs(
    best: pd.DataFrame, problem: Problem, rows: pd.DataFrame, derived: Sequence[Derived], settings: SearchCampaign
) -> pd.DataFrame:
    """Turn the best designs of campaigns into suggestions.

    Args:
        best: evaluated designs, best first.
        problem: the optimisation problem.
        rows: the table's rows to learn from.
        derived: quantities to append.
        settings: the campaign's settings.

    Returns:
        One row per suggestion: rank, design, outcomes with bounds, derived quantities, distance to the nearest known
        row, and why.
    """
    outcomes = [objective.name for objective in problem.objectives]
    frame = best[[*problem.space.names, *outcomes]].reset_index(drop=True)
    frame = add_derived(add_intervals(frame, problem), derived)
    frame.insert(0, "rank", range(1, len(frame) + 1))
    frame["distance_to_known"] = problem.space.distance(best, rows) if len(best) else []
    n = settings.seeds * settings.budget
    frame["why"] = [
        f"{'best' if rank == 1 else f'number {rank}'} of {n} designs of {settings.seeds} campaigns; "
        f"found in campaign {seed} at evaluation {evaluation}"
        + ("; it is a known row" if distance < 1e-6 else "")
        + cut
        for rank, seed, evaluation, distance, cut in zip(
            frame["rank"],
            best["seed"],
            best["evaluation"],
            frame["distance_to_known"],
            note_clipped_predictions(frame, problem),
            strict=True,
        )
    ]
    return frame


def note_clipped_predictions(frame: pd.DataFrame, problem: Problem) -> list[str]:
    """Make notes on predictions that were clipped to the possible range."""
    notes = [""] * len(frame)
    for objective in problem.objectives:
        if objective.valid is None:
            continue
        # a clipped prediction equals an end of the range exactly
        for i in np.flatnonzero(frame[objective.name].isin(objective.valid)):
            notes[i] += f"; {objective.name} was clipped to the possible range: {EXTRAPOLATES}"
    return notes
