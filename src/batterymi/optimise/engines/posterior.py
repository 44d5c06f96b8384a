"""What rows say of designs: processes, chances, and what another evaluation promises."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.optimise.engines.acquisition import (
    log_expected_hypervolume_improvement,
    log_expected_improvement,
    log_probability_below,
)
from batterymi.optimise.engines.models import Outcome, Works, fit_outcome, gather, predict_all
from batterymi.optimise.space.hypervolume import Cells, free_cells
from batterymi.optimise.space.problem import Search

Array = NDArray[np.float64]
Scales = dict[str, tuple[Array, Array]]


@dataclass(frozen=True)
class Belief:
    """What the rows say of designs.

    Attributes:
        search: what is sought, where.
        models: a process for each outcome that is sought or limited.
        works: the chance that an experiment works, if any failed.
        best: smallest cost of a feasible design, with one objective; None before the first.
        demand: improvement that counts, with one objective, in deviations on the scale of its model.
        cells: what the front leaves, with several.
        front: costs of feasible designs, shape (n, n_objectives).
    """

    search: Search
    models: dict[str, Outcome]
    works: Works | None
    front: Array
    cells: Cells | None
    best: float | None
    demand: float = 0.0

    @classmethod
    def of(cls, search: Search, history: pd.DataFrame, known: pd.DataFrame, rng: np.random.Generator) -> "Belief":
        """Fit everything to the rows."""
        space = search.space
        replicates = gather(space.codes(known))
        models: dict[str, Outcome] = {
            name: fit_outcome(
                space.inputs(replicates.codes),
                replicates,
                known[name].to_numpy(float),
                is_noisy=search.is_noisy,
                bad=search.bad_side(name),
                rng=rng,
                bend=[one.name for one in search.sought] == [name],
            )
            for name in search.modelled
        }
        failed = history[(history["failure"] != "").to_numpy()]
        works = Works(space, replicates.codes, space.codes(failed), rng) if len(failed) else None
        costs = search.costs(known)
        feasible = known["feasible"].to_numpy(bool)
        if search.is_noisy:
            # the best of noisy values is lucky; what the model makes of them is not
            means = predict_all(models, space.inputs(space.codes(known)))
            costs = search.costs(pd.DataFrame({name: mean for name, (mean, _) in means.items()}))
        return cls(search, models, works, costs[feasible], None, None).updated()

    def updated(self) -> "Belief":
        """With the best cost, or the cells, that belong to the front."""
        if self.front.shape[1] == 1:
            return replace(self, best=float(self.front.min()) if len(self.front) else None)
        return replace(self, cells=free_cells(self.front, self.search.reference_costs))

    def given(self, codes: Array) -> "Belief":
        """As if designs had their predicted outcomes."""
        inputs = self.search.space.inputs(codes)
        models = {name: model.given(inputs) for name, model in self.models.items()}
        means = pd.DataFrame({name: mean for name, (mean, _) in predict_all(models, inputs).items()})
        meets = self.search.violation(means) <= 0
        front = np.vstack([self.front, self.search.costs(means)[meets]])
        return replace(self, models=models, front=front).updated()

    def roughly(self) -> "Belief":
        """The same in single precision."""
        return replace(self, models={name: model.roughly() for name, model in self.models.items()})

    def promise(self, codes: Array) -> Array:
        """What designs promise, shape (n,): a logarithm."""
        scaled = self._scaled(codes)
        total = self._log_chance(codes, scaled)
        return total if self.has_no_result else total + self._log_gain(scaled)

    @property
    def has_no_result(self) -> bool:
        """Whether no design meets all limits yet."""
        return self.best is None and self.cells is None

    def _scaled(self, codes: Array) -> Scales:
        """Mean and variance of every outcome on the scale of its model."""
        inputs = self.search.space.inputs(codes)
        return {name: model.scaled(inputs) for name, model in self.models.items()}

    def _log_gain(self, scaled: Scales) -> Array:
        """Logarithm of the expected improvement of the front, or of one objective on the scale of its model."""
        if self.cells is None:
            return self._log_improvement(scaled)
        means, variances = [], []
        for objective in self.search.sought:
            mean, variance = self.models[objective.name].warp.back(*scaled[objective.name])
            sign = -1.0 if objective.goal == "maximise" else 1.0
            means.append(sign * mean / objective.scale)
            variances.append(variance / objective.scale**2)
        return log_expected_hypervolume_improvement(np.column_stack(means), np.column_stack(variances), self.cells)

    def _log_improvement(self, scaled: Scales) -> Array:
        """Logarithm of the expected improvement of one objective."""
        only = self.search.sought[0]
        sign = -1.0 if only.goal == "maximise" else 1.0
        assert self.best is not None
        best = sign * self.models[only.name].warp.forward(np.array([sign * self.best * only.scale]))
        mean, variance = scaled[only.name]
        return log_expected_improvement(sign * mean, variance, float(best[0]) - self.demand)

    def _log_chance(self, codes: Array, scaled: Scales) -> Array:
        """Probability that all limits are met and the experiment works."""
        total = np.zeros(len(codes))
        for name, side, limit in self.search.limit_list:
            mean, variance = scaled[name]
            sign = -1.0 if side == "at_least" else 1.0
            on_scale = float(self.models[name].warp.forward(np.array([limit]))[0])
            total += log_probability_below(sign * mean, variance, sign * on_scale)
        return total + self.works.log_probability(codes) if self.works is not None else total

    def why(self, design: Array) -> str:
        """The choice of a design in words."""
        scaled = self._scaled(design)
        chance = float(np.exp(self._log_chance(design, scaled)[0]))
        what = [*(["limits met"] if self.search.limit_list else []), *(["no failure"] if self.works else [])]
        limited = f"; {' and '.join(what)} with probability {chance:.2f}" if what else ""
        if self.has_no_result:
            return "no row meets all limits yet; most likely to meet them" + limited
        if self.cells is not None:
            gain = float(np.exp(self._log_gain(scaled)[0]))
            return f"expected to add {gain:.3g} to the hypervolume of the front{limited}"
        only = self.search.sought[0]
        mean, variance = (float(one[0]) for one in self.models[only.name].warp.back(*scaled[only.name]))
        sign = -1.0 if only.goal == "maximise" else 1.0
        assert self.best is not None
        mean, best = sign * mean / only.scale, self.best
        kind = "predicted better than all rows" if mean < best else "uncertain enough to be better"
        if self.demand and mean >= best:
            kind = "uncertain enough to be much better"
        gain = only.scale * float(
            np.exp(log_expected_improvement(np.array([mean]), np.array([variance / only.scale**2]), best)[0])
        )
        unit = "" if only.unit == "1" else f" {only.unit}"
        return f"{kind}: expected improvement {gain:.3g}{unit}, deviation {variance**0.5:.3g}{unit}{limited}"
