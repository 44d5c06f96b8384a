"""Gaussian processes fitted in milliseconds: Matérn 5/2, a length scale per input, exact up to some thousand rows.

A campaign fits one for every suggestion, so the time of a fit determines the cost of a campaign. Hyperparameters are
those of largest posterior density under priors that suit tables of ten to some hundred rows; docs/decisions compares
them with other priors and libraries.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from batterymi.arrays import Array, Indices

JITTER = 1e-8
EXACT = 1e-6  # noise variance of an evaluator that has none, in units of the variance of the values
LENGTH = 0.2  # times the root of the number of inputs: the length scale where the prior is largest
LENGTH_DEVIATION = 1.0  # of its logarithm
SCALE_DEVIATION = 1.0
NOISE, NOISE_DEVIATION = np.log(0.02), 1.5  # of the logarithm of the noise variance
MAX_FITTED = 300  # rows that hyperparameters are fitted to
N_ITERATIONS = 80
N_STARTS = 2  # of the fit; the best is kept


@dataclass(frozen=True)
class GaussianProcess:
    """A posterior over functions.

    Attributes:
        inputs: shape (n, n_inputs).
        values: shape (n,), of mean 0 and deviation 1 or nearly so.
        weights: inverse length scales, shape (n_inputs,).
        scale: variance of the function.
        level: its mean.
        noise: variance of each value, shape (n,).
    """

    inputs: Array
    values: Array
    weights: Array
    scale: float
    level: float
    noise: Array

    def covariance(self, first: Array, second: Array) -> Array:
        """Return the covariance of the function at two sets of inputs, shape (n_first, n_second)."""
        kind = self.weights.dtype
        scaled = [np.asarray(inputs, dtype=kind) * self.weights for inputs in (first, second)]
        return self.scale * matern52(pairwise_distances(*scaled))

    def prior_moments(self, inputs: Array) -> tuple[Array | float, Array | float]:
        """Return mean and variance of the function before any value; one number each where all inputs share it."""
        return self.level, self.scale

    def covariance_of_pairs(self, first: Array, second: Array) -> Array:
        """Return the covariance of the function between pairs of inputs, shape (n,)."""
        distance = np.sqrt((((first - second) * self.weights) ** 2).sum(axis=1))
        return self.scale * matern52(distance)

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Return mean and variance of the function, without the noise of a measurement, each of shape (n,)."""
        link = self.covariance(inputs, self.inputs)
        level, scale = self.prior_moments(inputs)
        mean = level + link @ self.solved
        white = link @ self.inverse_root
        # rounding can make the variance at a known input negative
        return mean, np.maximum(scale - np.einsum("ij,ij->i", white, white), 1e-12 * scale)

    def correlation(self, first: Array, second: Array) -> Array:
        """Return the posterior correlation of the function between pairs of inputs, shape (n,).

        Args:
            first: shape (n, n_inputs).
            second: the same shape.
        """
        links = [self.covariance(inputs, self.inputs) @ self.inverse_root for inputs in (first, second)]
        shared = self.covariance_of_pairs(first, second) - np.einsum("ij,ij->i", *links)
        scales = [self.prior_moments(inputs)[1] for inputs in (first, second)]
        own = [
            np.maximum(scale - np.einsum("ij,ij->i", link, link), 1e-12 * scale)
            for scale, link in zip(scales, links, strict=True)
        ]
        return np.clip(shared / np.sqrt(own[0] * own[1]), -1.0, 1.0)

    @cached_property
    def root(self) -> Array:
        """Return the Cholesky factor of the covariance of the values."""
        return take_root(self.covariance(self.inputs, self.inputs), self.noise + JITTER)

    @cached_property
    def solved(self) -> Array:
        """Return the inverse of that covariance times the centred values, shape (n,)."""
        level, _ = self.prior_moments(self.inputs)
        return np.asarray(cho_solve((self.root, True), self.values - level, check_finite=False))

    @cached_property
    def inverse_root(self) -> Array:
        """Return the transposed inverse of the root; a product with it is several times faster than a solve."""
        return solve_triangular(self.root, np.eye(len(self.root)), lower=True, check_finite=False).T.copy()

    def as_float32(self) -> "GaussianProcess":
        """Return the process in single precision, to shorten long lists quickly."""
        single = replace(self, inputs=self.inputs.astype(np.float32), weights=self.weights.astype(np.float32))
        # factors are taken over, since single precision is too coarse to compute them
        single.__dict__.update({key: getattr(self, key).astype(np.float32) for key in ("solved", "inverse_root")})
        return single

    def condition_on(self, inputs: Array, values: Array) -> "GaussianProcess":
        """Return the process given further values, known exactly."""
        return replace(
            self,
            inputs=np.vstack([self.inputs, inputs]),
            values=np.concatenate([self.values, values]),
            noise=np.concatenate([self.noise, np.full(len(inputs), EXACT)]),
        )


def pairwise_distances(first: Array, second: Array) -> Array:
    """Return Euclidean distances between rows, shape (n_first, n_second)."""
    squares = first @ second.T
    # in place: allocating matrices of this size costs more than the arithmetic
    squares *= -2
    squares += (first**2).sum(axis=1)[:, None]
    squares += (second**2).sum(axis=1)[None, :]
    # rounding can make the square of a tiny distance negative
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)


def matern52(distance: Array) -> Array:
    """Return the Matérn 5/2 correlation (Rasmussen and Williams 2006, eq. 4.17)."""
    root = 5**0.5 * distance
    decay = np.exp(-root)
    polynomial = root * root
    polynomial /= 3
    polynomial += root
    polynomial += 1
    polynomial *= decay
    return polynomial


def take_root(covariance: Array, noise: Array | float) -> Array:
    """Return the Cholesky factor of a covariance with the noise added to its diagonal, in place."""
    covariance.flat[:: len(covariance) + 1] += noise
    root: Array = cholesky(covariance, lower=True, check_finite=False)
    return root


def fit_process(inputs: Array, values: Array, noise: Array | None, rng: np.random.Generator) -> GaussianProcess:
    """Fit hyperparameters by largest posterior density, and condition on all rows.

    Args:
        inputs: shape (n, n_inputs), in units of the search range.
        values: shape (n,), standardised.
        noise: known variance of each value; None fits one for all, and NaN takes the one that is fitted.
        rng: of starts after the first, and of the rows that are fitted to where there are many.

    Returns:
        The process.
    """
    chosen = select_fitted_rows(values, rng)
    part = None if noise is None else noise[chosen]
    objective = NegativeLogPosterior(inputs[chosen], values[chosen], part)
    best: tuple[float, Array] | None = None
    for number in range(N_STARTS):
        start = objective.start()
        if number:
            start[: inputs.shape[1]] += rng.normal(size=inputs.shape[1]) * LENGTH_DEVIATION * 0.7
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=objective.bounds(), options={"maxiter": N_ITERATIONS}
        )
        if best is None or found.fun < best[0]:
            best = (float(found.fun), found.x)
    assert best is not None
    lengths, scale, level, fitted = objective.unpack(best[1])
    variances = np.full(len(values), fitted) if noise is None else np.where(np.isnan(noise), fitted, noise)
    return GaussianProcess(inputs, values, 1 / lengths, scale, level, variances)


def select_fitted_rows(values: Array, rng: np.random.Generator) -> Indices:
    """Return the rows that hyperparameters are fitted to: all, or the lowest half and random others."""
    if len(values) <= MAX_FITTED:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    half = MAX_FITTED // 2
    return np.sort(np.concatenate([order[:half], rng.choice(order[half:], MAX_FITTED - half, replace=False)]))


class NegativeLogPosterior:
    """Negative log posterior density of hyperparameters, with its gradient.

    The vector holds logarithms of the length scales, of the variance, of the noise if it is fitted, and the level.
    """

    def __init__(self, inputs: Array, values: Array, noise: Array | None) -> None:
        """Compute what does not change."""
        # only the weights of these change between steps of the fit
        self._squares = (inputs[:, None, :] - inputs[None, :, :]) ** 2
        self.values, self._noise = values, noise
        # of these values alone the noise is fitted
        self._is_unknown = np.isnan(noise) if noise is not None else np.ones(len(values), dtype=bool)
        self._is_fitted = bool(self._is_unknown.any())
        self._n, self._d = inputs.shape
        self._centre = np.log(LENGTH * np.sqrt(self._d))

    def start(self) -> Array:
        """Return the vector at which the prior is largest."""
        noise = [NOISE] if self._is_fitted else []
        return np.array([*[self._centre] * self._d, 0.0, *noise, 0.0])

    def bounds(self) -> list[tuple[float, float]]:
        """Return bounds so wide that they never matter, but for a noise that would make the factors fail."""
        noise = [(np.log(1e-6), 1.0)] if self._is_fitted else []
        return [*[(self._centre - 5, self._centre + 6)] * self._d, (-6.0, 6.0), *noise, (-3.0, 3.0)]

    def unpack(self, vector: Array) -> tuple[Array, float, float, float]:
        """Return length scales, variance, level and noise."""
        noise = float(np.exp(vector[self._d + 1])) if self._is_fitted else 0.0
        return np.exp(vector[: self._d]), float(np.exp(vector[self._d])), float(vector[-1]), noise

    def pack(self, process: GaussianProcess) -> Array:
        """Return the vector of a process that was fitted to the same values."""
        noise = [np.log(process.noise[self._is_unknown][0])] if self._is_fitted else []
        return np.array([*-np.log(process.weights), np.log(process.scale), *noise, process.level])

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Return the value and its gradient."""
        return self.evaluate(vector, self.values)[:2]

    def evaluate(self, vector: Array, values: Array, known: Array | None = None) -> tuple[float, Array, Array, Array]:
        """Return the value and its gradient, and the derivatives of the value by covariance and by mean.

        Args:
            vector: hyperparameters.
            values: shape (n,).
            known: a part of the covariance that they do not change, shape (n, n).

        Returns:
            The last two are halved and negative: shape (n, n) is twice the derivative by the covariance, shape (n,) the
            negative one by the mean.
        """
        d = self._d
        lengths, scale, level, noise = self.unpack(vector)
        weights = lengths**-2
        root5 = np.sqrt(5 * np.maximum(self._squares @ weights, 1e-20))
        decay = np.exp(-root5)
        kernel = scale * (1 + root5 + root5**2 / 3) * decay
        try:
            diagonal = noise if self._noise is None else np.where(self._is_unknown, noise, self._noise)
            root = take_root(kernel.copy() if known is None else kernel + known, diagonal + JITTER)
        except LinAlgError:
            # a wall from which the line search of L-BFGS-B steps back
            return 1e10, np.zeros_like(vector), np.zeros_like(kernel), np.zeros_like(values)
        centred = values - level
        solved = cho_solve((root, True), centred, check_finite=False)
        value = 0.5 * centred @ solved + np.log(np.diag(root)).sum()
        # derivative of the value by the covariance, halved below
        slope = cho_solve((root, True), np.eye(self._n), check_finite=False) - np.outer(solved, solved)
        # derivative of Matérn 5/2 by the squared distance, which stays finite at 0
        by_distance = 0.5 * slope * scale * (-5 / 6) * (1 + root5) * decay
        gradient = np.empty_like(vector)
        gradient[:d] = -2 * weights * np.einsum("ij,ijk->k", by_distance, self._squares)
        gradient[d] = 0.5 * (slope * kernel).sum()
        if self._is_fitted:
            own = np.trace(slope) if self._noise is None else np.diag(slope)[self._is_unknown].sum()
            gradient[d + 1] = 0.5 * own * noise
        gradient[-1] = -solved.sum()
        return *self._add_priors(float(value), gradient, vector), slope, solved

    def _add_priors(self, value: float, gradient: Array, vector: Array) -> tuple[float, Array]:
        """Add log-normal priors on all but the level, whose prior is normal."""
        centre = self.start()
        width = np.ones_like(vector)
        width[: self._d] = LENGTH_DEVIATION
        width[self._d] = SCALE_DEVIATION
        if self._is_fitted:
            width[self._d + 1] = NOISE_DEVIATION
        pull = (vector - centre) / width
        return value + 0.5 * float(pull @ pull), gradient + pull / width
