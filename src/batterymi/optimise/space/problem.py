"""What a campaign seeks, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.score import score, violation
from batterymi.optimise.space.space import Space

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Search:
    """The question that engines answer.

    Attributes:
        space: where designs come from.
        objectives: what is sought.
        limits: limits in force, by "objective:side".
        is_noisy: whether a second evaluation of a design would give another answer.
        reference: the worst value of each sought objective that counts, by name; needed with several.
    """

    space: Space
    objectives: tuple[Objective, ...]
    limits: Mapping[str, float]
    is_noisy: bool = field(default=False, kw_only=True)
    reference: Mapping[str, float] | None = field(default=None, kw_only=True)

    @cached_property
    def sought(self) -> tuple[Objective, ...]:
        """Objectives to maximise or minimise."""
        return tuple(one for one in self.objectives if one.goal in ("maximise", "minimise"))

    @cached_property
    def modelled(self) -> list[str]:
        """Outcomes that are sought or limited."""
        limited = [name for name, _, _ in self.limit_list]
        return list(dict.fromkeys([*(one.name for one in self.sought), *limited]))

    @cached_property
    def limit_list(self) -> list[tuple[str, str, float]]:
        """Objective, side and value of every limit."""
        return [(*key.split(":"), value) for key, value in self.limits.items()]  # type: ignore[misc]

    def costs(self, outcomes: pd.DataFrame) -> Array:
        """Sought objectives in units of their scales, to minimise, shape (n_designs, n_sought)."""
        signs = {"maximise": -1.0, "minimise": 1.0}
        return np.column_stack([signs[o.goal] * outcomes[o.name].to_numpy(float) / o.scale for o in self.sought])

    @cached_property
    def reference_costs(self) -> Array:
        """The reference in the units of `costs`, shape (n_sought,)."""
        assert self.reference is not None
        return self.costs(pd.DataFrame([self.reference]))[0]

    def violation(self, outcomes: pd.DataFrame) -> Array:
        """By how much designs miss the limits, shape (n_designs,)."""
        return violation(outcomes, [o for o in self.objectives if o.name in outcomes.columns], self.limits)

    def bad_side(self, name: str) -> str:
        """Where values of an outcome are of no use however far they go: "high", "low" or "both"."""
        sides = {"low" if side == "at_least" else "high" for one, side, _ in self.limit_list if one == name}
        goals = {"low" if o.goal == "maximise" else "high" for o in self.sought if o.name == name}
        every = sides | goals
        return every.pop() if len(every) == 1 else "both"

    def judged(self, evaluated: pd.DataFrame) -> pd.DataFrame:
        """Designs with outcomes and `failure`, judged.

        Returns:
            The same with `score` (smaller is better), `violation` and `feasible`.
        """
        broken = violation(evaluated, self.objectives, self.limits)
        return evaluated.assign(score=score(evaluated, self.objectives), violation=broken, feasible=broken <= 0)


@dataclass(frozen=True)
class Problem(Search):
    """A search with something that answers.

    Attributes:
        evaluator: what answers designs.
    """

    evaluator: Evaluator

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Answer designs and judge the answers.

        Args:
            designs: one row per design.

        Returns:
            The designs with a column per objective, `failure`, `score` (smaller is better), `violation` and `feasible`.
        """
        return self.judged(pd.concat([designs, self.evaluator.evaluate(designs)], axis=1))
