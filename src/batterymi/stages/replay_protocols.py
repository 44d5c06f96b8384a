"""The stage `replay_protocols`: charges over time, and the winner before a better model."""

import logging
from typing import Any

import pandas as pd

from batterymi.charging.outcome import ChargeResult
from batterymi.charging.parallel import simulate_protocols
from batterymi.charging.protocols import FourStep, Protocol
from batterymi.config.campaign import ChargingChoice
from batterymi.config.parts import Objective
from batterymi.data.headers import without_units
from batterymi.evaluators.charging import make_protocol, simulator_settings
from batterymi.files import read_frame, read_json, write_json, write_parquet
from batterymi.optimise.space.score import read_limits, violation
from batterymi.vocabulary.splits import REFERENCE, SPLIT, TRAIN

logger = logging.getLogger(__name__)


def replay_protocols(
    table_path: str,
    suggestions_path: str,
    benchmark_path: str,
    traces_path: str,
    replay_path: str,
    *,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    evaluator: dict[str, Any],
    processes: int = 1,
) -> None:
    """Simulate every protocol of the table again with its trace, and the winner on both models.

    Args:
        table_path: the study's table.
        suggestions_path: the campaign's suggestions, best first.
        benchmark_path: the campaign's findings, for the limits in force.
        traces_path: Parquet to write: SOC, C-rate, voltage, temperature and plating margin over time.
        replay_path: JSON to write: the winner on the campaign's model and on the judge.
        features: settings of the features.
        objectives: settings of the objectives.
        evaluator: settings of the charging evaluator.
        processes: worker processes.
    """
    choice = ChargingChoice(**evaluator)
    targets = tuple(Objective(**objective) for objective in objectives)
    columns = [feature["name"] for feature in features]
    rows = read_frame(table_path, needs=["label", SPLIT, *columns])
    best = without_units(read_frame(suggestions_path, needs=columns))
    limits = read_json(benchmark_path, needs=["feasibility"])["feasibility"]["limits"]
    runs: list[tuple[str, str, Protocol]] = [
        (str(label), TRAIN, FourStep(tuple(map(float, rates))))
        for label, *rates in rows.loc[rows[SPLIT] == TRAIN, ["label", *columns]].itertuples(index=False)
    ]
    runs += [(run.label, REFERENCE, make_protocol(run)) for run in choice.references]
    winner = [FourStep(tuple(map(float, best[columns].iloc[0])))] if len(best) else []
    runs += [("campaign's best", "winner", protocol) for protocol in winner]
    settings = simulator_settings(choice)
    results = simulate_protocols([protocol for *_, protocol in runs], processes=processes, keep_traces=True, **settings)
    judged = simulate_protocols(winner, keep_traces=True, **(settings | {"model": choice.judge}))
    traces = [
        result.trace.assign(label=label, kind=kind, model=choice.model)
        for result, (label, kind, _) in zip(results, runs, strict=True)
        if result.trace is not None
    ]
    traces += [
        result.trace.assign(label="campaign's best", kind="winner", model=choice.judge)
        for result in judged
        if result.trace is not None
    ]
    write_parquet(traces_path, pd.concat(traces, ignore_index=True))
    content: dict[str, Any] = {
        "model": choice.model,
        "judge": choice.judge,
        "campaign_model": None,
        "judge_model": None,
    }
    if winner:
        content |= _compare(results[-1], judged[0], targets, limits)
    write_json(replay_path, content)
    logger.info("%d protocols replayed", len(runs))


def _compare(
    first: ChargeResult, second: ChargeResult, objectives: tuple[Objective, ...], limits: list[dict[str, Any]]
) -> dict[str, Any]:
    """The winner's numbers on both models, and whether the judge's meet the limits."""
    names = [objective.name for objective in objectives]
    both = [{name: getattr(result, name) for name in names} for result in (first, second)]
    broken = violation(pd.DataFrame(both), objectives, read_limits(limits))
    return {
        "campaign_model": both[0] | {"failure": first.failure},
        "judge_model": both[1] | {"failure": second.failure},
        "campaign_model_meets_limits": bool(broken[0] <= 0),
        "judge_meets_limits": bool(broken[1] <= 0),
    }
