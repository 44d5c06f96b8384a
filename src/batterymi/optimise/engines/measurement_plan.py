"""What to measure of each design of a batch: all outcomes, or first those that are early and cheap.

An early measurement is worth what it reveals of the late outcome, as an evaluation at a cheaper level of fidelity is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.optimise.engines.early_results import EARLY, LATE, Costs, find_partly_measured
from batterymi.optimise.engines.levels import LevelModel, optimize_over_levels, weigh_by_cost
from batterymi.optimise.engines.optimize_acquisition import Acquisition, optimize_acquisition, prefer_other_parts
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space


@dataclass
class MeasurementPlan:
    """Chooses new designs, and which of their outcomes to measure.

    Attributes:
        costs: of measurements; None where no model learns from early results, so that all outcomes are measured.
        tested: designs of which only early results are known, in codes, each of shape (1, n_features).
    """

    costs: Costs | None = None
    tested: list[Array] = field(default_factory=list)

    @classmethod
    def make(cls, search: Search, history: pd.DataFrame, posterior: Posterior) -> "MeasurementPlan":
        """Return the plan for a batch."""
        if not any(isinstance(model, LevelModel) for model in posterior.models.values()):
            return cls()
        rows = history.iloc[np.flatnonzero(find_partly_measured(search, history))]
        return cls(Costs.add_up(search), list(search.space.codes(rows)[:, None, :]))

    @property
    def criterion(self) -> str:
        """Return by what designs are chosen, beyond the criterion of the posterior."""
        return "" if self.costs is None else " per cost"

    def choose(
        self,
        posterior: Posterior,
        space: Space,
        chosen: Sequence[Array],
        rng: np.random.Generator,
        anchors: Array,
        taken: Array,
    ) -> tuple[Array, int] | None:
        """Return the next design, in codes, and up to which level to measure it; None if no design is left.

        Args:
            posterior: of the outcomes, as if the designs of the batch so far were measured.
            space: where designs come from.
            chosen: the designs of the batch so far.
            rng: source of randomness.
            anchors: the best designs known, in codes.
            taken: designs not to choose again, in codes.
        """

        def acquire(gain: Posterior) -> Acquisition:
            return prefer_other_parts(space, gain.acquire, chosen)

        if self.costs is None:
            design = optimize_acquisition(space, acquire(posterior), rng, anchors, taken)
            return None if design is None else (design, LATE)
        costs = {EARLY: self.costs.early, LATE: self.costs.both}
        gains = {EARLY: self._expect_results(posterior), LATE: posterior}
        if posterior.has_no_result and not gains[EARLY].has_no_result:
            del gains[EARLY]  # nothing counts yet, and something is predicted to
        acquisitions = {
            level: weigh_by_cost(space, acquire(gain), posterior.models, level, LATE, costs[level])
            for level, gain in gains.items()
        }
        return optimize_over_levels(space, acquisitions, rng, anchors, dict.fromkeys(acquisitions, taken))

    def condition_on(self, posterior: Posterior, design: Array, level: int) -> Posterior:
        """Return the posterior as if a design of the batch had its predicted outcomes, up to a level."""
        if level == LATE:
            return posterior.condition_on(design)
        self.tested.append(design)
        inputs = posterior.search.space.inputs(design)
        models = {
            name: model.condition_at(inputs, EARLY) if isinstance(model, LevelModel) else model.condition_on(inputs)
            for name, model in posterior.models.items()
        }
        return replace(posterior, models=models)

    def _expect_results(self, posterior: Posterior) -> Posterior:
        """Return the posterior with all designs in its front whose late outcome is predicted to be good.

        An early result is of use only where it may beat them: they are to be measured first.
        """
        if not self.tested:
            return posterior
        return posterior.extend_front(posterior.search.space.inputs(np.vstack(self.tested)))
