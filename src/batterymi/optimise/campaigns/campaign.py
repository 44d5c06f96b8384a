"""One campaign: propose, evaluate, learn, until the budget is spent."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.optimise.engines.shared import IGNORANT, propose_designs
from batterymi.optimise.space.hypervolume import compute_hypervolume
from batterymi.optimise.space.pareto import is_pareto_optimal
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import Space

logger = logging.getLogger(__name__)


def draw_start_designs(space: Space, n: int, seed: int) -> pd.DataFrame:
    """Draw the random designs that both the engine and random search start from."""
    # a stream of its own: engines seed theirs with the length of the history
    return space.sample(np.random.default_rng([seed, 1]), n)


def run_engine(
    problem: Problem, engine_name: str, start: pd.DataFrame, budget: int, seed: int, batch: int = 1
) -> pd.DataFrame:
    """Run one engine from evaluated designs until the budget is spent, or the space holds no other design.

    Args:
        problem: what to search.
        engine_name: a registered engine.
        start: evaluated designs, as `Problem.evaluate` returns them.
        budget: evaluations in all, the start included.
        seed: of the engine.
        batch: designs that are proposed at once.

    Returns:
        One row per evaluation, in order, with `evaluation` counting from 1 and `best_so_far`, see `progress`.
    """
    history, names = start, problem.space.names
    # its proposals depend on designs alone; costly results are kept one by one, for a run that is killed
    is_evaluated_at_once = engine_name in IGNORANT and problem.evaluator.is_cheap
    while len(history) < budget:
        proposed = propose_designs(engine_name, problem, history, min(batch, budget - len(history)), seed)
        if proposed.empty:
            logger.info("%s, seed %d: all designs of the space are evaluated", engine_name, seed)
            break
        new = proposed[names] if is_evaluated_at_once else problem.evaluate(proposed[names])
        history = pd.concat([history, new], ignore_index=True)
    if is_evaluated_at_once and len(history) > len(start):
        new = history[names].iloc[len(start) :].reset_index(drop=True)
        history = pd.concat([start, problem.evaluate(new)], ignore_index=True)
    history = history.assign(engine=engine_name, seed=seed)
    history["evaluation"] = np.arange(1, len(history) + 1)
    history["best_so_far"] = compute_best_so_far(problem, history)
    return history


def compute_best_so_far(search: Search, history: pd.DataFrame) -> pd.Series:
    """Compute how good the designs up to each evaluation are; the values never rise.

    Args:
        search: objectives and limits.
        history: evaluated designs, in order.

    Returns:
        With one objective, the smallest score of a feasible design; with several, the negative hypervolume of the
        feasible ones. NaN before the first feasible design.
    """
    if len(search.optimised) < 2:
        # cummin leaves NaN at infeasible rows, where the best before them still holds
        return history["score"].where(history["feasible"]).cummin().ffill()
    costs, feasible = search.compute_costs(history), history["feasible"].to_numpy(bool)
    values, front = np.full(len(history), np.nan), np.empty((0, costs.shape[1]))
    for i in range(len(history)):
        if feasible[i]:
            front = np.vstack([front, costs[i]])
            front = front[is_pareto_optimal(front)]
        if len(front):
            # negated, so that smaller is better, as for a score
            values[i] = -compute_hypervolume(front, search.reference_costs)
    return pd.Series(values, index=history.index)


def select_best_designs(
    search: Search, histories: Sequence[pd.DataFrame], n: int, min_distance: float = 0.02
) -> pd.DataFrame:
    """Select the best feasible designs of several campaigns, no two of them nearly the same.

    With several objectives they are of the front, ordered by the weighted score: a preference chooses among designs
    that no other dominates, and never instead of them.

    Args:
        search: objectives and limits.
        histories: campaigns.
        n: how many at most.
        min_distance: smallest distance between two of them, see `Space.distance`.

    Returns:
        Up to n rows of the histories, best first.
    """
    evaluated = pd.concat(histories, ignore_index=True)
    good = evaluated[evaluated["feasible"].astype(bool)].sort_values(["score", "seed", "evaluation"], kind="stable")
    if len(search.optimised) > 1 and len(good):
        good = good[is_pareto_optimal(search.compute_costs(good))]
    kept: list[int] = []
    for place in range(len(good)):
        if not kept or search.space.distance(good.iloc[[place]], good.iloc[kept])[0] >= min_distance:
            kept.append(place)
        if len(kept) == n:
            break
    return good.iloc[kept].reset_index(drop=True)
