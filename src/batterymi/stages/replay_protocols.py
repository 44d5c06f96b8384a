"""Charges over time, and the campaign's winner on the reference model."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.parallel import simulate_protocols
from batterymi.charging.protocols import FourStep, Protocol
from batterymi.config.parts import Objective
from batterymi.config.slices.charging import ReplaySettings
from batterymi.data.headers import strip_units
from batterymi.evaluators.charging import make_protocol, make_setup
from batterymi.files import read_frame, read_json, write_json, write_parquet
from batterymi.optimise.space.score import compute_violation, read_limits
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
    """Simulate every protocol of the table again with its trace, and the winner on both models.

    Args:
        table: the study's table.
        suggestions: the campaign's suggestions, best first.
        benchmark: the campaign's findings, for the limits in force.
        traces: Parquet to write: SOC, C-rate, voltage, temperature and plating margin over time.
        replay: JSON to write: the winner on the campaign's model and on the reference model.
        settings: columns, objectives and simulator.
        processes: worker processes.
    """
    choice = settings.evaluator
    columns = [feature.name for feature in settings.features]
    rows = read_frame(table, needs=["label", SPLIT, *columns])
    best = strip_units(read_frame(suggestions, needs=columns))
    limits = read_json(benchmark, needs=["feasibility"])["feasibility"]["limits"]
    runs: list[tuple[str, str, Protocol]] = [
        (str(label), TRAIN, FourStep(tuple(map(float, rates))))
        for label, *rates in rows.loc[rows[SPLIT] == TRAIN, ["label", *columns]].itertuples(index=False)
    ]
    runs += [(run.label, REFERENCE, make_protocol(run)) for run in choice.references]
    # suggestions are sorted best first; without a feasible design there are none
    winner = [FourStep(tuple(map(float, best[columns].iloc[0])))] if len(best) else []
    runs += [(WINNER, "winner", protocol) for protocol in winner]
    setup = make_setup(choice)
    results = simulate_protocols([protocol for *_, protocol in runs], setup, processes=processes, keep_traces=True)
    checked = simulate_protocols(winner, replace(setup, model=choice.reference_model), keep_traces=True)
    parts = [
        result.trace.assign(label=label, kind=kind, model=model)
        for result, (label, kind, _), model in [
            *zip(results, runs, [choice.model] * len(runs), strict=True),
            *zip(checked, runs[-1:], [choice.reference_model], strict=False),
        ]
        if result.trace is not None
    ]
    write_parquet(traces, pd.concat(parts, ignore_index=True))
    content: dict[str, Any] = {
        "model": choice.model,
        "reference": choice.reference_model,
        # without a winner the keys are still there, which the summary relies on
        "campaign_model": None,
        "reference_model": None,
    }
    if winner:
        content |= _compare_models(results[-1], checked[0], settings.objectives, limits)
    write_json(replay, content)
    logger.info("%d protocols replayed", len(runs))


def _compare_models(
    first: ChargeResult, second: ChargeResult, objectives: tuple[Objective, ...], limits: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the winner's numbers on both models, and whether those of the reference model meet the limits."""
    # beside the margin stands what the model plates although the anode stays above lithium
    names = [*(objective.name for objective in objectives), PLATED]
    both = [{name: getattr(result, name) for name in names} for result in (first, second)]
    broken = compute_violation(pd.DataFrame(both), objectives, read_limits(limits))
    return {
        "campaign_model": both[0] | {"failure": first.failure},
        "reference_model": both[1] | {"failure": second.failure},
        "campaign_model_meets_limits": bool(broken[0] <= 0),
        "reference_model_meets_limits": bool(broken[1] <= 0),
    }
