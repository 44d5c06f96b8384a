"""Charges over time, and the campaign's best designs on the reference model, which chooses among them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.parallel import simulate_protocols
from batterymi.charging.protocols import FourStep, Protocol
from batterymi.config.parts import Limit, Objective
from batterymi.config.slices.charging import ReplaySettings
from batterymi.data.headers import strip_units
from batterymi.evaluators.charging import make_protocol, make_setup
from batterymi.files import read_frame, read_json, write_json, write_parquet
from batterymi.optimise.space.score import compute_score, compute_violation, read_limits
from batterymi.vocabulary.splits import REFERENCE, SPLIT, TRAIN

logger = logging.getLogger(__name__)

WINNER = "campaign's best"
PLATED = "plated_mah"


def replay_protocols(
    table: Path,
    suggestions: Path,
    benchmark: Path,
    traces: Path,
    replay: Path,
    settings: ReplaySettings,
    processes: int = 1,
) -> None:
    """Simulate the protocols of the table with their traces, and the campaign's best designs on both models.

    The design with the best score on the reference model, among those that meet the limits there, is recommended.

    Args:
        table: the study's table.
        suggestions: the campaign's suggestions, best first.
        benchmark: the campaign's findings, for the limits in force.
        traces: Parquet to write: SOC, C-rate, voltage, temperature and plating margin over time.
        replay: JSON to write: the designs on the campaign's model and on the reference model.
        settings: columns, objectives and simulator.
        processes: worker processes.
    """
    choice = settings.evaluator
    columns = [feature.name for feature in settings.features]
    rows = read_frame(table, needs=["label", SPLIT, *columns])
    best = strip_units(read_frame(suggestions, needs=["rank", *columns]))
    limits = read_limits(read_json(benchmark, needs=["feasibility"])["feasibility"]["limits"])
    runs: list[tuple[str, str, Protocol]] = [
        (str(label), TRAIN, FourStep(tuple(map(float, rates))))
        for label, *rates in rows.loc[rows[SPLIT] == TRAIN, ["label", *columns]].itertuples(index=False)
    ]
    runs += [(run.label, REFERENCE, make_protocol(run)) for run in choice.references]
    # without a feasible design there are no suggestions
    designs = [FourStep(tuple(map(float, rates))) for rates in best[columns].itertuples(index=False)]
    setup = make_setup(choice)
    plain = simulate_protocols([protocol for *_, protocol in runs], setup, processes=processes, keep_traces=True)
    coarse, fine = (
        simulate_protocols(designs, replace(setup, model=model), processes=processes, keep_traces=True)
        for model in (choice.model, choice.reference_model)
    )
    found = choose_design(coarse, fine, settings.objectives, limits) if designs else {"designs": []}
    shown = found["place"] if designs else None
    drawn = [(*run[:2], choice.model, result) for run, result in zip(runs, plain, strict=True)]
    if shown is not None:
        both = ((choice.model, coarse[shown]), (choice.reference_model, fine[shown]))
        drawn += [(WINNER, "winner", model, result) for model, result in both]
    parts = [
        result.trace.assign(label=label, kind=kind, model=model)
        for label, kind, model, result in drawn
        if result.trace is not None
    ]
    write_parquet(traces, pd.concat(parts, ignore_index=True))
    content: dict[str, Any] = {
        "model": choice.model,
        "reference": choice.reference_model,
        "rank": int(best["rank"].iloc[shown]) if shown is not None else None,
        # without a design the keys are still there, which the summary relies on
        "is_recommended": False,
        "campaign_model": None,
        "reference_model": None,
        **{key: value for key, value in found.items() if key != "place"},
    }
    write_json(replay, content)
    logger.info("%d protocols replayed, %d designs checked on the %s", len(runs), len(designs), choice.reference_model)


def choose_design(
    coarse: Sequence[ChargeResult],
    fine: Sequence[ChargeResult],
    objectives: tuple[Objective, ...],
    limits: Sequence[Limit],
) -> dict[str, Any]:
    """Choose the best of the designs that meet the limits on the reference model.

    Args:
        coarse: results on the campaign's model, at least one, best first.
        fine: those of the same designs on the reference model.
        objectives: the study's objectives.
        limits: in force, without a reserve.

    Returns:
        `place` among the designs (0, the campaign's best, where none meets the limits), `is_recommended`, the outcomes
        of that one under `campaign_model` and `reference_model`, whether they meet the limits, and all `designs`.
    """
    outcomes = [_list_outcomes(results, objectives) for results in (coarse, fine)]
    # a failed charge has outcomes of NaN, so it meets nothing
    meets = [compute_violation(frame, objectives, limits) <= 0 for frame in outcomes]
    scores = np.where(meets[1], compute_score(outcomes[1], objectives), np.inf)
    place = int(np.argmin(scores)) if meets[1].any() else 0
    entries = [
        {
            "campaign_model": {**_keep(outcomes[0], row), "failure": coarse[row].failure},
            "reference_model": {**_keep(outcomes[1], row), "failure": fine[row].failure},
            "campaign_model_meets_limits": bool(meets[0][row]),
            "reference_model_meets_limits": bool(meets[1][row]),
        }
        for row in range(len(fine))
    ]
    return {"place": place, "is_recommended": bool(meets[1][place]), **entries[place], "designs": entries}


def _list_outcomes(results: Sequence[ChargeResult], objectives: tuple[Objective, ...]) -> pd.DataFrame:
    """Return the objectives of charges, and what they plated, one row each."""
    # beside the margin stands what the model plates although the anode stays above lithium
    names = [*(objective.name for objective in objectives), PLATED]
    return pd.DataFrame([{name: getattr(result, name) for name in names} for result in results])


def _keep(outcomes: pd.DataFrame, row: int) -> dict[str, float | None]:
    """Return the outcomes of one design, None where there is no number."""
    return {str(name): float(value) if np.isfinite(value) else None for name, value in outcomes.iloc[row].items()}
