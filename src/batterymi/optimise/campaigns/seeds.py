"""A campaign from several starts, each beside random search."""

from collections.abc import Sequence

import pandas as pd

from batterymi.config.campaign import SearchCampaign
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.campaigns.campaign import draw_start_designs, run_engine
from batterymi.optimise.space.problem import Problem
from batterymi.process_pool import run_in_processes
from batterymi.progress import make_report
from batterymi.registry import find_modules
from batterymi.vocabulary.targets import RANDOM

Task = tuple[Problem, SearchCampaign]


def run_seeds(problem: Problem, settings: SearchCampaign, seed: int, processes: int) -> pd.DataFrame:
    """Run the engine and random search from the same starts.

    Args:
        problem: what to search, and what evaluates it.
        settings: of the campaign.
        seed: of the first start; the others follow.
        processes: worker processes; the result does not depend on it.

    Returns:
        All evaluations of all campaigns; see `run_engine`.
    """
    parts = run_in_processes(
        _run_seed,
        range(seed, seed + settings.seeds),
        processes,
        # what all seeds of a process share, pickled once
        build=tuple,
        build_args=((problem, settings),),
        preload=list_slow_modules(settings.engine, [problem.evaluator]),
        progress=make_report("campaigns done"),
    )
    return pd.concat(parts, ignore_index=True)


def list_slow_modules(engine: str, evaluators: Sequence[Evaluator]) -> tuple[str, ...]:
    """Return what workers import, so that it is done once for all; nothing where no evaluator is slow to import.

    Args:
        engine: of the campaigns.
        evaluators: those that evaluate designs; `slow_imports` of one are modules that it needs.
    """
    slow = dict.fromkeys(name for one in evaluators for name in getattr(one, "slow_imports", ()))
    return (*slow, __name__, *find_modules([("engine", engine), ("engine", RANDOM)])) if slow else ()


def empty_history(problem: Problem) -> pd.DataFrame:
    """Return the history of a campaign that was not run."""
    names = [*problem.space.names, *(objective.name for objective in problem.objectives)]
    evaluated = ["failure", "score", "violation", "feasible"]
    return pd.DataFrame(columns=[*names, *evaluated, "engine", "seed", "evaluation", "best_so_far"])


def count_failures(history: pd.DataFrame) -> dict[str, int]:
    """Count the evaluations that failed, by kind."""
    if history.empty:
        return {}
    failed = history.loc[history["failure"] != "", "failure"]
    return {str(kind): int(n) for kind, n in failed.value_counts().sort_index().items()}


def _run_seed(task: Task, seed: int) -> pd.DataFrame:
    """Run the engine and random search from one start."""
    problem, settings = task
    start = problem.evaluate(draw_start_designs(problem.space, settings.initial, seed))
    # once only if the engine is random search itself
    engines = dict.fromkeys([settings.engine, RANDOM])
    runs = [run_engine(problem, engine, start, settings.budget, seed, settings.batch) for engine in engines]
    return pd.concat(runs, ignore_index=True)
