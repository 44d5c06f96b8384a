"""A late outcome that learns from an early one: autoregressive co-kriging of two levels.

The late outcome is a multiple of the early one, plus a deviation of its own (Kennedy and O'Hagan 2000,
doi:10.1093/biomet/87.1.1). Each level has a mean, length scales and a noise of its own, so that a rough early outcome
does not make the late one rough, and the multiple may be negative, or 0 where the early outcome says nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from batterymi.arrays import Array, Mask
from batterymi.optimise.engines.gaussian import (
    N_ITERATIONS,
    GaussianProcess,
    NegativeLogPosterior,
    matern52,
    pairwise_distances,
    select_fitted_rows,
)

MULTIPLES = (-5.0, 5.0)  # bounds of the multiple, in deviations of the late outcome per deviation of the early one
LEAST_EVIDENCE = 2.0  # gain in log posterior density from which early values are used; their multiple costs one or so


@dataclass(frozen=True)
class CoKriging(GaussianProcess):
    """A process of two levels: the last of its inputs is 0 at the early one, and above 0 at the late one.

    The fields of `GaussianProcess` are all values, and the weights, the scale and the level of the deviation.

    Attributes:
        early: process of the early outcome, given early values alone.
        multiple: of the early outcome in the late one.
    """

    early: GaussianProcess
    multiple: float

    def covariance(self, first: Array, second: Array) -> Array:
        """Return the covariance of the function at two sets of inputs, shape (n_first, n_second)."""
        kind = self.weights.dtype
        pair = [np.asarray(inputs[:, :-1], dtype=kind) for inputs in (first, second)]
        late = [_is_late(inputs).astype(kind) for inputs in (first, second)]
        shares = [self._find_shares(inputs).astype(kind) for inputs in (first, second)]
        shared = self.early.covariance(*pair)
        shared *= np.outer(*shares)
        own = matern52(pairwise_distances(*(inputs * self.weights for inputs in pair)))
        own *= self.scale * np.outer(*late)
        return np.asarray(shared + own)

    def covariance_of_pairs(self, first: Array, second: Array) -> Array:
        """Return the covariance of the function between pairs of inputs, shape (n,)."""
        both = _is_late(first) & _is_late(second)
        shares = self._find_shares(first) * self._find_shares(second)
        own = super().covariance_of_pairs(first[:, :-1], second[:, :-1])
        return np.asarray(shares * self.early.covariance_of_pairs(first[:, :-1], second[:, :-1]) + both * own)

    def prior_moments(self, inputs: Array) -> tuple[Array, Array]:
        """Return mean and variance of the function before any value, each of shape (n,)."""
        late = _is_late(inputs)
        kind, shares = self.weights.dtype, self._find_shares(inputs)
        # the early mean is in that of the late outcome already
        mean = np.where(late, self.level, self.early.level)
        return mean.astype(kind), (shares**2 * self.early.scale + late * self.scale).astype(kind)

    def as_float32(self) -> "CoKriging":
        """Return the process in single precision, to shorten long lists quickly."""
        single = super().as_float32()
        assert isinstance(single, CoKriging)
        changed = replace(single, early=self.early.as_float32())
        changed.__dict__.update({key: single.__dict__[key] for key in ("solved", "inverse_root")})
        return changed

    def _find_shares(self, inputs: Array) -> Array:
        """Return how much of the early outcome is in the function at inputs, shape (n,)."""
        return np.where(_is_late(inputs), self.multiple, 1.0)


def _is_late(inputs: Array) -> Mask:
    """Return which inputs are of the late level, shape (n,)."""
    return np.asarray(inputs[:, -1] > 0)


def fit_cokriging(
    early: GaussianProcess, alone: GaussianProcess, noise: Array | None, rng: np.random.Generator
) -> CoKriging | None:
    """Fit what the early outcome leaves of the late one, and how much of it the late one has.

    Args:
        early: process of the early outcome, given all early values.
        alone: process of the late outcome, given late values alone.
        noise: of late values, as `fit_process` takes it.
        rng: of the rows that hyperparameters are fitted to where there are many.

    Returns:
        The process; None where the early outcome does not explain the late one well enough.
    """
    chosen = select_fitted_rows(alone.values, rng)
    objective = _Deviation(early, alone.inputs[chosen], alone.values[chosen], None if noise is None else noise[chosen])
    before = objective.pack(replace(alone, noise=alone.noise[chosen]))
    slope = objective.estimate_multiple()
    found = [
        minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=objective.bounds(), options={"maxiter": N_ITERATIONS}
        )
        for start in (np.append(before, 0.0), np.append(objective.start(), slope))
    ]
    best = min(found, key=lambda one: float(one.fun))
    if objective(np.append(before, 0.0))[0] - float(best.fun) < LEAST_EVIDENCE:
        return None
    lengths, scale, level, fitted = objective.unpack(best.x[:-1])
    own = np.full(len(alone.values), fitted) if noise is None else np.where(np.isnan(noise), fitted, noise)
    multiple = float(best.x[-1])
    if multiple < 0:
        # so that the levels are positively correlated, as those of other models
        early, multiple = replace(early, values=-early.values, level=-early.level), -multiple
    parts = ((early.inputs, 0.0), (alone.inputs, 1.0))
    return CoKriging(
        inputs=np.vstack([np.column_stack([inputs, np.full(len(inputs), level)]) for inputs, level in parts]),
        values=np.concatenate([early.values, alone.values]),
        weights=1 / lengths,
        scale=scale,
        level=level,
        noise=np.concatenate([early.noise, own]),
        early=early,
        multiple=multiple,
    )


class _Deviation(NegativeLogPosterior):
    """Negative log posterior density of the deviation's hyperparameters and of the multiple, which is the last.

    The early outcome at the late designs is known up to its posterior, a normal distribution. The prior of the multiple
    is a standard normal distribution.
    """

    def __init__(self, early: GaussianProcess, inputs: Array, values: Array, noise: Array | None) -> None:
        """Compute what does not change; see `fit_cokriging`."""
        super().__init__(inputs, values, noise)
        link = early.covariance(inputs, early.inputs)
        white = link @ early.inverse_root
        self._mean = link @ early.solved
        self._covariance = early.covariance(inputs, inputs) - white @ white.T

    def bounds(self) -> list[tuple[float, float]]:
        """Return bounds of the hyperparameters, and of the multiple."""
        return [*super().bounds(), MULTIPLES]

    def estimate_multiple(self) -> float:
        """Return the slope of the values on the early outcome."""
        square = float(self._mean @ self._mean)
        return float(np.clip(self._mean @ self.values / square, *MULTIPLES)) if square > 0 else 0.0

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Return the value and its gradient."""
        multiple = float(vector[-1])
        known = multiple**2 * self._covariance
        value, gradient, slope, solved = self.evaluate(vector[:-1], self.values - multiple * self._mean, known)
        own = multiple * float((slope * self._covariance).sum()) - float(solved @ self._mean)
        return value + 0.5 * multiple**2, np.append(gradient, own + multiple)
