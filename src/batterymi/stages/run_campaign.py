"""The stage `run_campaign`: feasibility first, then campaigns beside random search, then suggestions."""

import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pandas as pd

from batterymi.config.campaign import Campaign
from batterymi.config.designs import Derived, NamedDesign
from batterymi.config.parts import Objective
from batterymi.data.headers import with_units
from batterymi.evaluators.make import make_evaluator
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.benchmark import RANDOM, compare_with_random
from batterymi.optimise.campaigns.campaign import best_designs, run_campaign, start_designs
from batterymi.optimise.campaigns.feasibility import Feasibility, check_feasibility
from batterymi.optimise.campaigns.journal import Journal, forget_journals, journal_beside
from batterymi.optimise.campaigns.reference_designs import judge_named_designs
from batterymi.optimise.campaigns.suggestions import describe_designs
from batterymi.optimise.space.make_space import study_space
from batterymi.optimise.space.problem import Problem, Search
from batterymi.process_guard import end_with_owner
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def run_campaigns(
    table_path: str,
    model_path: str | None,
    history_path: str,
    suggestions_path: str,
    benchmark_path: str,
    named_path: str,
    *,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    campaign: dict[str, Any],
    designs: list[dict[str, Any]],
    derived: list[dict[str, Any]],
    seed: int,
    processes: int = 1,
    depends_on: Sequence[str] = (),
) -> None:
    """Search for better designs, and measure what the search is worth against random search.

    Nothing is spent on a problem that no design can solve: its outputs then hold the finding and no rows.

    Args:
        table_path: the study's table.
        model_path: its models, if the evaluator is the surrogate.
        history_path: Parquet to write: every evaluation of every campaign.
        suggestions_path: CSV to write: the best designs, each with why it was chosen.
        benchmark_path: JSON to write: feasibility, comparison with random search, limits in force.
        named_path: CSV to write: designs of others, held against constraints and evaluator.
        features: settings of the features that the campaign chooses.
        objectives: settings of the objectives.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        campaign: settings of the campaign.
        designs: settings of designs of others.
        derived: settings of quantities computed from designs.
        seed: the study's seed.
        processes: worker processes; the result does not depend on it.
        depends_on: files on which the answers of an expensive evaluator depend. They are kept as they come, under the
            digest of these files and the settings, so that a run that was killed asks for none twice.
    """
    settings = Campaign(**campaign)
    targets = tuple(Objective(**objective) for objective in objectives)
    quantities = [Derived(**one) for one in derived]
    rows = read_frame(table_path, needs=[*(one["name"] for one in [*features, *objectives]), SPLIT])
    rows = rows[rows[SPLIT] == TRAIN]
    space = study_space(rows, campaign, features, simplex, constraints, derived)
    evaluator = make_evaluator(campaign["evaluator"], targets, model_path)
    journal_path = None
    if depends_on and not evaluator.is_cheap:
        journal_path = journal_beside(history_path, depends_on, campaign, objectives)
        evaluator = Journal(evaluator, journal_path, space.names, [target.name for target in targets])
    found = check_feasibility(space, evaluator, targets, rows, seed)
    search = Search(space, targets, found.limits_in_force, reference=settings.reference or found.reference)
    problem = Problem(space, targets, search.limits, evaluator, reference=search.reference)
    task = (search, campaign, model_path, journal_path)
    history, comparison = _search(problem, found, settings, task, seed, processes)
    engine_runs = [history[history["engine"] == settings.engine]] if len(history) else []
    best = best_designs(search, engine_runs, settings.suggestions) if engine_runs else history
    suggestions = describe_designs(best, problem, rows, quantities, settings)
    named = judge_named_designs([NamedDesign(**one) for one in designs], problem, rows, quantities)
    write_parquet(history_path, history)
    write_csv(suggestions_path, with_units(suggestions, (*space.features, *targets, *quantities)))
    write_csv(named_path, named)
    write_json(
        benchmark_path,
        {
            "feasibility": found.as_dict(),
            "answers": evaluator.kind,
            "comparison": comparison,
            "failures": _failures(history),
        },
    )
    forget_journals(history_path)


def _search(
    problem: Problem,
    found: Feasibility,
    settings: Campaign,
    task: tuple[Search, dict[str, Any], str | None, str | None],
    seed: int,
    processes: int,
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """All campaigns and their comparison; none if the problem has no answer."""
    if not found.worth_running:
        empty = [*problem.space.names, *(o.name for o in problem.objectives)]
        more = ["failure", "score", "violation", "feasible"]
        return pd.DataFrame(columns=[*empty, *more, "engine", "seed", "evaluation", "best_so_far"]), None
    seeds = [seed + number for number in range(settings.seeds)]
    parts = []
    if processes == 1:
        for number, one in enumerate(seeds, start=1):
            parts.append(_one_seed(problem, settings, one))
            logger.info("campaign %d of %d done", number, len(seeds))
    else:
        with ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_start_worker, initargs=task
        ) as pool:
            for number, part in enumerate(pool.map(_one_seed_in_worker, seeds), start=1):
                parts.append(part)
                logger.info("campaign %d of %d done", number, len(seeds))
    history = pd.concat(parts, ignore_index=True)
    return history, compare_with_random(history, settings.engine, seed)


def _one_seed(problem: Problem, settings: Campaign, seed: int) -> pd.DataFrame:
    """The engine's campaign and random search, from one start."""
    start = problem.evaluate(start_designs(problem.space, settings.initial, seed))
    engines = dict.fromkeys([settings.engine, RANDOM])
    runs = [run_campaign(problem, engine, start, settings.budget, seed, settings.batch) for engine in engines]
    return pd.concat(runs, ignore_index=True)


_WORKER: dict[str, Any] = {}


def _start_worker(search: Search, campaign: dict[str, Any], model_path: str | None, journal_path: str | None) -> None:
    """Build the evaluator once in each worker process."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    end_with_owner()
    evaluator = make_evaluator(campaign["evaluator"], search.objectives, model_path)
    if journal_path is not None and not evaluator.is_cheap:
        evaluator = Journal(evaluator, journal_path, search.space.names, [o.name for o in search.objectives])
    _WORKER["problem"] = Problem(search.space, search.objectives, search.limits, evaluator, reference=search.reference)
    _WORKER["settings"] = Campaign(**campaign)


def _one_seed_in_worker(seed: int) -> pd.DataFrame:
    """One seed, with this worker's evaluator."""
    return _one_seed(_WORKER["problem"], _WORKER["settings"], seed)


def _failures(history: pd.DataFrame) -> dict[str, int]:
    """How many evaluations failed, by kind."""
    if history.empty:
        return {}
    failed = history.loc[history["failure"] != "", "failure"]
    return {str(kind): int(n) for kind, n in failed.value_counts().sort_index().items()}
