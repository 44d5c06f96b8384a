"""One campaign: ask, evaluate, tell, until the budget is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi import registry
from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.score import score, violation
from batterymi.optimise.space import Space


@dataclass(frozen=True)
class Problem:
    """What a campaign searches.

    Attributes:
        space: where designs come from.
        objectives: what is sought.
        limits: limits in force, by "objective:side".
        evaluator: what answers designs.
    """

    space: Space
    objectives: tuple[Objective, ...]
    limits: Mapping[str, float]
    evaluator: Evaluator

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Answer designs and judge the answers.

        Args:
            designs: one row per design.

        Returns:
            The designs with a column per objective, `failure`, `score` (smaller is better), `violation` and `feasible`.
        """
        outcomes = self.evaluator.evaluate(designs)
        broken = violation(outcomes, self.objectives, self.limits)
        return pd.concat([designs, outcomes], axis=1).assign(
            score=score(outcomes, self.objectives), violation=broken, feasible=broken <= 0
        )


def start_designs(space: Space, n: int, seed: int) -> pd.DataFrame:
    """The random designs that both the engine and random search start from."""
    return space.sample(np.random.default_rng([seed, 1]), n)


def run_campaign(problem: Problem, engine_name: str, start: pd.DataFrame, budget: int, seed: int) -> pd.DataFrame:
    """Run one engine from evaluated designs until the budget is spent.

    Args:
        problem: what to search.
        engine_name: a registered engine.
        start: evaluated designs, as `Problem.evaluate` returns them.
        budget: evaluations in all, the start included.
        seed: of the engine.

    Returns:
        One row per evaluation, in order, with `evaluation` counting from 1 and `best_so_far`, the smallest score of
        a feasible design up to there (not-a-number before the first).
    """
    kind = registry.look_up("engine", engine_name)
    names = problem.space.names
    penalty = _penalty(start)
    engine = kind(problem.space, start[names], told_values(start, penalty), seed)
    history = start
    for _ in range(budget - len(start)):
        answer = problem.evaluate(engine.ask())
        history = pd.concat([history, answer], ignore_index=True)
        engine.tell(answer[names], float(told_values(history, penalty)[-1]))
    history = history.assign(engine=engine_name, seed=seed)
    history["evaluation"] = np.arange(1, len(history) + 1)
    history["best_so_far"] = history["score"].where(history["feasible"]).cummin().ffill()
    return history


def told_values(history: pd.DataFrame, penalty: float) -> NDArray[np.float64]:
    """What an engine is told: the score, plus the violation in units of the start's spread of scores.

    The penalty grows with the distance to the limits, so that an engine sees which way they lie; a constant such as
    1e6 would flatten everything else in a Gaussian process. A failed design is told as the worst value so far.

    Args:
        history: evaluated designs.
        penalty: what one scale of violation costs.

    Returns:
        Shape (n,), finite.
    """
    values = (history["score"] + penalty * history["violation"]).to_numpy(float)
    worst = np.nanmax(values) if np.isfinite(values).any() else 0.0
    return np.where(np.isfinite(values), values, worst)


def _penalty(start: pd.DataFrame) -> float:
    """Spread of the start's scores: one scale of violation costs as much as all that could be gained."""
    scores = start["score"].dropna()
    spread = float(scores.max() - scores.min()) if len(scores) else 0.0
    return spread if spread > 0 else 1.0


def best_designs(histories: Sequence[pd.DataFrame], space: Space, n: int, apart: float = 0.02) -> pd.DataFrame:
    """The best feasible designs of several campaigns, no two of them nearly the same.

    Args:
        histories: campaigns.
        space: where the designs come from.
        n: how many at most.
        apart: smallest distance between two of them, see `Space.distance`.

    Returns:
        Up to n rows of the histories, best first.
    """
    every = pd.concat(histories, ignore_index=True)
    good = every[every["feasible"]].sort_values(["score", "seed", "evaluation"], kind="stable")
    kept = good.iloc[:0]
    for position in range(len(good)):
        candidate = good.iloc[[position]]
        if kept.empty or space.distance(candidate, kept)[0] >= apart:
            kept = pd.concat([kept, candidate]) if len(kept) else candidate
        if len(kept) == n:
            break
    return kept.reset_index(drop=True)
