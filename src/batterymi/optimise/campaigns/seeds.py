"""A campaign from several starts, each beside random search."""

import pandas as pd

from batterymi.config.campaign import SearchCampaign
from batterymi.optimise.campaigns.campaign import draw_start_designs, run_engine
from batterymi.optimise.space.problem import Problem
from batterymi.process_pool import make_progress_logger, run_in_processes
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
        preload=list_slow_modules(settings.engine, is_cheap=problem.evaluator.is_cheap),
        progress=make_progress_logger(1, "campaigns done"),
    )
    return pd.concat(parts, ignore_index=True)


def list_slow_modules(engine: str, *, is_cheap: bool) -> tuple[str, ...]:
    """Return what workers that simulate charges import, so that it is done once for all of them.

    Args:
        engine: of the campaigns.
        is_cheap: whether evaluations are; then there is nothing to simulate.
    """
    if is_cheap:
        return ()
    # imported here, since campaigns over cheap evaluators need no simulator
    from batterymi.charging.parallel import PRELOAD

    return (*PRELOAD, __name__, *find_modules([("engine", engine), ("engine", RANDOM)]))


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
