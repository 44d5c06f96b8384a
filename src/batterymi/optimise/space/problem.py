"""What a campaign optimises, and over which space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.goals import Limit, Window
from batterymi.config.parts import EarlyMeasurement, Objective
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.score import compute_score, compute_violation
from batterymi.optimise.space.space import Space


@dataclass(frozen=True)
class Search:
    """The optimisation problem that engines solve.

    Attributes:
        space: where designs come from.
        objectives: the study's objectives.
        limits: the limits in force.
        is_noisy: whether a second evaluation of a design would give a different outcome.
        reference: the worst value of each optimised objective that counts, by name; needed with several.
        excluded: designs that are never proposed, in codes, beside those of the history.
    """

    space: Space
    objectives: tuple[Objective, ...]
    limits: Sequence[Limit]
    is_noisy: bool = field(default=False, kw_only=True)
    reference: Mapping[str, float] | None = field(default=None, kw_only=True)
    excluded: Array | None = field(default=None, kw_only=True, repr=False, compare=False)

    @cached_property
    def optimised(self) -> tuple[Objective, ...]:
        """Return the objectives to maximise or minimise, or with a target."""
        return tuple(objective for objective in self.objectives if objective.is_optimised)

    @cached_property
    def modelled(self) -> list[str]:
        """Return the outcomes that are optimised or limited."""
        limited = [limit.objective for limit in self.limits]
        return list(dict.fromkeys([*(objective.name for objective in self.optimised), *limited]))

    @cached_property
    def early(self) -> dict[str, EarlyMeasurement]:
        """Return the early measurements of modelled outcomes, by the name of the late one."""
        return {o.name: o.early for o in self.objectives if o.early is not None and o.name in self.modelled}

    def compute_costs(self, outcomes: pd.DataFrame) -> Array:
        """Return the optimised objectives in units of their scales, to minimise, shape (n_designs, n_optimised)."""
        return np.column_stack([o.compute_cost(outcomes[o.name].to_numpy(float)) / o.scale for o in self.optimised])

    @cached_property
    def reference_costs(self) -> Array:
        """Return the reference in the units of `compute_costs`, shape (n_optimised,)."""
        assert self.reference is not None
        return self.compute_costs(pd.DataFrame([self.reference]))[0]

    def compute_violation(self, outcomes: pd.DataFrame) -> Array:
        """Return by how much designs violate the limits, shape (n_designs,)."""
        return compute_violation(outcomes, self.objectives, self.limits)

    def get_bad_side(self, name: str) -> str:
        """Return the side on which extreme values of an outcome are of no use: "high", "low" or "both"."""
        signs = [limit.sign for limit in self.limits if limit.objective == name]
        signs += [objective.sign for objective in self.optimised if objective.name == name]
        sides = {"low" if sign < 0 else "high" if sign else "both" for sign in signs}
        return sides.pop() if len(sides) == 1 else "both"

    def find_window(self, name: str) -> Window | None:
        """Return what an outcome should hit; None where it has no target."""
        return next((objective.window for objective in self.optimised if objective.name == name), None)

    def add_scores(self, evaluated: pd.DataFrame) -> pd.DataFrame:
        """Add scores and violations to designs with outcomes and `failure`.

        Returns:
            The same with `score` (smaller is better), `violation` and `feasible`.
        """
        broken = self.compute_violation(evaluated)
        # a failed design has a violation of NaN, so it is never feasible
        return evaluated.assign(score=compute_score(evaluated, self.objectives), violation=broken, feasible=broken <= 0)


@dataclass(frozen=True)
class Problem(Search):
    """A search with an evaluator.

    Attributes:
        evaluator: computes the outcomes of designs.
    """

    evaluator: Evaluator

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Evaluate designs, and add scores and violations.

        Args:
            designs: one row per design.

        Returns:
            The designs with a column per objective, `failure`, `score` (smaller is better), `violation` and `feasible`.
        """
        return self.add_scores(pd.concat([designs, self.evaluator.evaluate(designs)], axis=1))
