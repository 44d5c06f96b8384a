"""The posterior of a campaign, given its rows: models of outcomes, and the acquisition value of another evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from batterymi.arrays import Array, Mask
from batterymi.config.goals import Window
from batterymi.optimise.engines.acquisition import (
    FLOOR,
    compute_log_ehvi,
    compute_log_expected_improvement,
    compute_log_probability_below,
)
from batterymi.optimise.engines.base import prefer_within_bounds
from batterymi.optimise.engines.early_results import learn_from_early
from batterymi.optimise.engines.models import (
    Clipping,
    OutcomeModel,
    SuccessModel,
    fit_scaled,
    has_all_outcomes,
    is_under_way,
    list_succeeded,
    predict_means,
    scale_outcome,
    select_measured,
)
from batterymi.optimise.engines.targets import HIT, Fantasies, compute_log_hit, compute_log_improvement
from batterymi.optimise.engines.warp import Warp
from batterymi.optimise.space.hypervolume import Cells, partition_nondominated
from batterymi.optimise.space.problem import Search
from batterymi.vocabulary.expected import LIMITS_MET, NO_FAILURE, name_deviation_column, name_mean_column

Scales = dict[str, tuple[Array, Array]]


@dataclass(frozen=True)
class Posterior:
    """Models of all outcomes, given the rows, and the front so far.

    Attributes:
        search: objectives and limits, and the space.
        models: a process for each outcome that is optimised or limited.
        success: the probability that an experiment succeeds, if any failed.
        best: smallest cost of a feasible design, with one objective; None before the first.
        xi: improvement that does not count, with one objective, in deviations on the scale of its model.
        cells: what the front leaves, with several.
        front: costs of feasible designs, shape (n, n_objectives).
        measured: the models given measured rows alone, where others are also given what designs are assumed to have.
        fantasies: of a single objective with a target, its model given what designs under way may have.
    """

    search: Search
    models: Mapping[str, OutcomeModel]
    success: SuccessModel | None
    front: Array
    cells: Cells | None = None
    best: float | None = None
    xi: float = 0.0
    measured: Mapping[str, OutcomeModel] = field(default_factory=dict)
    fantasies: Fantasies | None = None

    @classmethod
    def fit(cls, search: Search, history: pd.DataFrame, known: pd.DataFrame, rng: np.random.Generator) -> "Posterior":
        """Fit each model to the rows that have its outcome; outcomes under way are taken to be as predicted."""
        return cls.fit_measured(search, history, known, rng).assume_late_outcomes(known)

    @classmethod
    def fit_measured(
        cls, search: Search, history: pd.DataFrame, known: pd.DataFrame, rng: np.random.Generator
    ) -> "Posterior":
        """Fit each model to the rows that have its outcome, and assume nothing of outcomes under way."""
        space, models = search.space, {}
        for name in search.modelled:
            replicates, values, errors = select_measured(space, known, name)
            scaled = scale_outcome(
                replicates,
                values,
                is_noisy=search.is_noisy,
                clipping=Clipping(search.get_bad_side(name), search.find_window(name)),
                bend=[objective.name for objective in search.optimised] == [name],
                errors=errors,
            )
            models[name] = fit_scaled(space.inputs(replicates.codes), scaled, rng)
            if name in search.early:
                models[name] = learn_from_early(search, known, name, models[name], scaled.noise, rng)
        failed = history[(history["failure"] != "").to_numpy()]
        success = SuccessModel(space, list_succeeded(space, known), space.codes(failed), rng) if len(failed) else None
        complete = known[has_all_outcomes(known, search.modelled)]
        complete = prefer_within_bounds(search, complete[complete["feasible"].to_numpy(bool)])
        costs = search.compute_costs(complete)
        if search.is_noisy:
            # the best of noisy values is biased by luck, while the model's means are smoothed
            costs = search.compute_costs(predict_means(models, space.inputs(space.codes(complete))))
        return cls(search, models, success, costs, measured=models).update_front()

    def assume_late_outcomes(self, known: pd.DataFrame) -> "Posterior":
        """Return the posterior as if outcomes that measured rows still wait for were as predicted."""
        space, models = self.search.space, dict(self.models)
        lacks = {name: known[name].isna().to_numpy() for name in models}
        waits = {name: is_under_way(known, name) & lacks[name] for name in models}
        for name, rows in waits.items():
            if rows.any():
                models[name] = models[name].condition_on(space.inputs(space.codes(known[rows])))
        # rows that also lack what nobody waits for will never be compared with the front
        late = np.any(list(waits.values()), axis=0)
        late &= ~np.any([lacks[name] & ~waits[name] for name in models], axis=0)
        posterior, waiting = self, waits[self.search.optimised[0].name]
        if self.window is not None and waiting.any():
            # before the models are conditioned on predictions
            inputs = space.inputs(space.codes(known.iloc[np.flatnonzero(waiting)]))
            posterior = self._fantasise(inputs, late[waiting])
        posterior = replace(posterior, models=models)
        if not late.any():
            return posterior
        return posterior.extend_front(space.inputs(space.codes(known.iloc[np.flatnonzero(late)])))

    @property
    def window(self) -> Window | None:
        """What a single objective should hit; None where several are optimised, or it has no target."""
        return self.search.optimised[0].window if len(self.search.optimised) == 1 else None

    @property
    def distance(self) -> float:
        """The smallest distance of a single objective to its target that counts, in its unit; infinite without one."""
        only = self.search.optimised[0]
        floor = HIT * self.models[only.name].warp.spread
        return float("inf") if self.best is None else max(self.best * only.scale, floor)

    def _fantasise(self, inputs: Array, counts: Mask | None = None) -> "Posterior":
        """Return the posterior with outcomes that designs may have, if a single objective has a target.

        Args:
            inputs: of the designs, shape (n, n_inputs).
            counts: which of them count as results if they meet the limits; None for all.
        """
        if self.window is None:
            return self
        meets = self.search.compute_violation(predict_means(self.models, inputs)) <= 0
        model = self.models[self.search.optimised[0].name]
        fantasies = self.fantasies or Fantasies.start(model, self.distance)
        good = meets if counts is None else meets & counts
        return replace(self, fantasies=fantasies.condition_on(inputs, self.window, good))

    def update_front(self) -> "Posterior":
        """Return the posterior with the best cost, or the cells, of its front."""
        if self.front.shape[1] == 1:
            return replace(self, best=float(self.front.min()) if len(self.front) else None)
        return replace(self, cells=partition_nondominated(self.front, self.search.reference_costs))

    def condition_on(self, codes: Array) -> "Posterior":
        """Return the posterior as if designs had their predicted outcomes."""
        inputs = self.search.space.inputs(codes)
        models = {name: model.condition_on(inputs) for name, model in self.models.items()}
        return replace(self._fantasise(inputs), models=models).extend_front(inputs)

    def extend_front(self, inputs: Array) -> "Posterior":
        """Return the posterior with the designs in its front that are predicted to meet the limits."""
        means = predict_means(self.models, inputs)
        meets = self.search.compute_violation(means) <= 0
        return replace(self, front=np.vstack([self.front, self.search.compute_costs(means)[meets]])).update_front()

    def as_float32(self) -> "Posterior":
        """Return the posterior in single precision."""
        models = {name: model.as_float32() for name, model in self.models.items()}
        return replace(self, models=models, fantasies=self.fantasies.as_float32() if self.fantasies else None)

    def acquire(self, codes: Array) -> Array:
        """Return the logarithm of the acquisition value of designs, shape (n,)."""
        inputs = self.search.space.inputs(codes)
        scaled = self._scaled(inputs)
        total = self._log_probability(codes, scaled)
        # without a feasible design there is nothing to improve on; feasibility alone guides the search
        return total if self.has_no_result else total + self._log_gain(scaled, inputs)

    @property
    def has_no_result(self) -> bool:
        """Whether no design meets all limits yet."""
        return self.best is None and self.cells is None

    def expect(self, codes: Array) -> pd.DataFrame:
        """Return what measured rows alone make the models expect of designs; see `Engine`."""
        inputs = self.search.space.inputs(codes)
        columns: dict[str, Array] = {}
        for name, model in self.measured.items():
            mean, variance = model.predict(inputs)
            columns |= {name_mean_column(name): mean, name_deviation_column(name): np.sqrt(variance)}
        if self.search.limits:
            scaled = {name: model.predict_scaled(inputs) for name, model in self.measured.items()}
            columns[LIMITS_MET] = np.exp(self._log_limits(scaled, len(codes)))
        if self.success is not None:
            columns[NO_FAILURE] = np.exp(self.success.log_probability(codes))
        return pd.DataFrame(columns)

    def probability_of_improvement(self, codes: Array) -> Array:
        """Return the probability that designs extend the front of several objectives, shape (n,)."""
        assert self.cells is not None
        means, variances = self._predict_costs(self._scaled(self.search.space.inputs(codes)))
        deviations = np.sqrt(variances)
        total = np.zeros(len(codes))
        for lower, upper in zip(self.cells.lower, self.cells.upper, strict=True):
            total += np.prod(ndtr((upper - means) / deviations) - ndtr((lower - means) / deviations), axis=1)
        return np.minimum(total, 1.0)

    def _scaled(self, inputs: Array) -> Scales:
        """Return mean and variance of every outcome on the scale of its model; a mean for each of several fantasies."""
        models = dict(self.models)
        if self.fantasies is not None:
            models[self.search.optimised[0].name] = self.fantasies.model
        return {name: model.predict_scaled(inputs) for name, model in models.items()}

    def _log_gain(self, scaled: Scales, inputs: Array) -> Array:
        """Return the logarithm of the expected improvement of the front, or of one objective on its model's scale."""
        if self.cells is None:
            return self._log_improvement(scaled, inputs)
        means, variances = self._predict_costs(scaled)
        windows = [o.window.standardise(0, o.scale) if o.window else None for o in self.search.optimised]
        log_gain = compute_log_ehvi(means, variances, self.cells, windows)
        if not all(windows):
            return log_gain
        # where a design hits all targets the front gains nothing more, and other designs that do so come next
        hits = [
            compute_log_hit(*scaled[objective.name], objective.window, self.models[objective.name].warp)
            for objective in self.search.optimised
            if objective.window
        ]
        return np.logaddexp(log_gain, FLOOR + np.sum(hits, axis=0))

    def _predict_costs(self, scaled: Scales) -> tuple[Array, Array]:
        """Return means and variances of the costs of several objectives, each of shape (n, n_objectives).

        Of those with a target they are of the outcome itself, in units of the scale.
        """
        means, variances = [], []
        for objective in self.search.optimised:
            mean, variance = self.models[objective.name].warp.untransform_moments(*scaled[objective.name])
            window = objective.window
            means.append((objective.sign * mean if window is None else mean) / objective.scale)
            variances.append(variance / objective.scale**2)
        return np.column_stack(means), np.column_stack(variances)

    def _log_improvement(self, scaled: Scales, inputs: Array) -> Array:
        """Return the logarithm of the expected improvement of one objective."""
        only = self.search.optimised[0]
        if self.window is not None and self.fantasies is not None:
            return self.fantasies.compute_log_gain(scaled[only.name], inputs, self.window)
        if self.window is not None:
            mean, variance = scaled[only.name]
            best, warp = np.array([self.distance]), self.models[only.name].warp
            return compute_log_improvement(mean[:, None], variance, self.window, best, warp)
        assert self.best is not None
        best = only.sign * self.models[only.name].warp.transform(np.array([only.sign * self.best * only.scale]))
        mean, variance = scaled[only.name]
        return compute_log_expected_improvement(only.sign * mean, variance, float(best[0]) - self.xi)

    def _log_probability(self, codes: Array, scaled: Scales) -> Array:
        """Return the logarithm of the probability that all limits are met and the experiment succeeds."""
        total = self._log_limits(scaled, len(codes))
        return total + self.success.log_probability(codes) if self.success is not None else total

    def _log_limits(self, scaled: Scales, n: int) -> Array:
        """Return the logarithm of the probability that all limits are met, shape (n,)."""
        total = np.zeros(n)
        for limit in self.search.limits:
            mean, variance = scaled[limit.objective]
            on_scale = float(self.models[limit.objective].warp.transform(np.array([limit.value]))[0])
            mean = mean if mean.ndim == 1 else mean.mean(axis=1)
            total += compute_log_probability_below(limit.sign * mean, variance, limit.sign * on_scale)
        return total

    @property
    def criterion(self) -> str:
        """By what designs are chosen."""
        if self.has_no_result:
            return "as most likely to meet all limits"
        if self.window is not None:
            return f"by expected improvement of the distance to {self.window.text}"
        return "by expected improvement" if self.cells is None else "by expected improvement of the hypervolume"

    def explain(self, design: Array) -> str:
        """Return the reason for choosing a design in words, with its acquisition value."""
        inputs = self.search.space.inputs(design)
        scaled = self._scaled(inputs)
        probability = float(np.exp(self._log_probability(design, scaled)[0]))
        what = [*(["limits met"] if self.search.limits else []), *(["no failure"] if self.success else [])]
        limited = f"; {' and '.join(what)} with probability {probability:.2f}" if what else ""
        if self.has_no_result:
            return "no row meets all limits yet; most likely to meet them" + limited
        if self.cells is not None:
            gain = float(np.exp(self._log_gain(scaled, inputs)[0]))
            return f"expected to add {gain:.3g} to the hypervolume of the front{limited}"
        only = self.search.optimised[0]
        mean, variance = (
            float(moment[0]) for moment in self.models[only.name].warp.untransform_moments(*scaled[only.name])
        )
        assert self.best is not None
        # in the objective's own unit, unlike the acquisition value, since people read it
        if self.window is not None:
            cost, best = float(self.window.compute_distance(np.array(mean))), self.best * only.scale
            moments = np.array([[mean]]), np.array([variance])
            log_gain = compute_log_improvement(*moments, self.window, np.array([self.distance]), Warp(0.0, 1.0))
            gain = float(np.exp(log_gain[0]))
        else:
            cost, best = only.sign * mean / only.scale, self.best
            moments = np.array([cost]), np.array([variance / only.scale**2])
            gain = only.scale * float(np.exp(compute_log_expected_improvement(*moments, best)[0]))
        kind = "predicted better than all rows" if cost < best else "uncertain enough to be better"
        unit = "" if only.unit == "1" else f" {only.unit}"
        return f"{kind}: expected improvement {gain:.3g}{unit}, deviation {variance**0.5:.3g}{unit}{limited}"
