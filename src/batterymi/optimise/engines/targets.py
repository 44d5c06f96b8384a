"""Expected improvement of the distance to a target, under normal posteriors of the outcome itself.

The distance has a kink where the target is hit, which a process fitted to it would smooth away; so the outcome is
modelled, and its distance follows. The improvement that an outcome brings is a trapezoid: nothing as far from the
target as the best, all of it within the window.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from batterymi.arrays import Array, Mask
from batterymi.config.goals import Window
from batterymi.optimise.engines.acquisition import compute_h, compute_log_h
from batterymi.optimise.engines.gaussian import take_root
from batterymi.optimise.engines.models import OutcomeModel
from batterymi.optimise.engines.warp import Warp

HIT = 1e-2  # distance, in deviations of the outcome, below which one hit of a target is worth as much as another
UNLIKE = 3.0  # what a further hit by a design unlike those of its batch is worth, in improvements from HIT to 0
NARROW = 1e-4  # width of a trapezoid's part, in deviations, below which the density there is constant
N_FANTASIES = 16
JITTER = 1e-9  # of a covariance, in units of the variance of the function


def compute_log_trapezoid(mean: Array, variance: Array, corners: Array) -> Array:
    """Return the logarithm of the expectation of a trapezoid of height 1.

    It rises between the first two corners and falls between the last two.

    Args:
        mean: of a normal variable, shape (n, ...).
        variance: of it; of a shape that broadcasts with `mean`.
        corners: in ascending order, shape (4, ...), the rest as that of `mean`.

    Returns:
        Shape as `mean`, finite.
    """
    z = (corners[:, None] - mean) / np.sqrt(variance)
    # reflected where the mean lies below, so that the two terms are the lower tails, whose logarithms are exact
    below = z[0] + z[3] > 0
    a, b, c, d = (np.where(below, -z[3 - place], z[place]) for place in range(4))
    falling, rising = _average_log_probability(c, d), _average_log_probability(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = falling + np.log(-np.expm1(np.minimum(rising - falling, 0.0)))
        middle, area = (a + d) / 2, (c - b + d - a) / 2
        narrow = np.log(area) - 0.5 * middle**2 - 0.5 * np.log(2 * np.pi)
    return np.where((d - a) * np.maximum(np.abs(middle), 1) < NARROW, narrow, wide)


def _average_log_probability(low: Array, high: Array) -> Array:
    """Return the logarithm of the mean of the normal distribution function between two ends."""
    middle, width = (low + high) / 2, high - low
    top = compute_log_h(high)
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = top + np.log(-np.expm1(np.minimum(compute_log_h(low) - top, 0.0))) - np.log(width)
    return np.where(width * np.maximum(np.abs(middle), 1) < NARROW, log_ndtr(middle), wide)


def place_corners(window: Window, best: Array, warp: Warp) -> Array:
    """Return the corners of the improvement over distances, on the scale of a model, shape (4, n_best).

    On a bent scale they are exact, and the improvement is linear between them.

    Args:
        window: the target.
        best: distances to improve on, above 0, in the outcome's unit, shape (n_best,), or a single one.
        warp: the scale.
    """
    low, high = np.full_like(best, window.low), np.full_like(best, window.high)
    return warp.transform(np.stack([low - best, low, high, high + best]))


def compute_log_improvement(mean: Array, variance: Array, window: Window, best: Array, warp: Warp) -> Array:
    """Return the logarithm of the expected improvement of the distance to a target, in the outcome's unit.

    Args:
        mean: of the outcome on the scale of its model, shape (n, n_best).
        variance: of it, shape (n,).
        window: the target.
        best: distances to improve on, above 0, shape (n_best,).
        warp: the scale.

    Returns:
        Of each design the logarithm of the mean over all `best`, shape (n,).
    """
    logs = np.log(best) + compute_log_trapezoid(mean, variance[:, None], place_corners(window, best, warp))
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)))


def compute_log_hit(mean: Array, variance: Array, window: Window, warp: Warp) -> Array:
    """Return the logarithm of about the probability that an outcome is as good as one that hits a target, shape (n,).

    Args:
        mean: of the outcome on the scale of its model, shape (n,).
        variance: of it, shape (n,).
        window: the target.
        warp: the scale.
    """
    margin = HIT * warp.spread
    ends = window.low - margin, window.low - margin / 2, window.high + margin / 2, window.high + margin
    return compute_log_trapezoid(mean, variance, warp.transform(np.array(ends)))


def add_further_hits(
    log_gain: Array, before: tuple[Array, Array], variance: Array, window: Window, warp: Warp
) -> Array:
    """Add to the expected improvement by a further design of a batch what it is worth if another one hits the target.

    Then there is nothing left to improve, and copies of that one would be as good as designs unlike it, which also hit
    the target, and tell more.

    Args:
        log_gain: logarithm of the expected improvement, shape (n,).
        before: mean and variance of the outcome on the scale of its model before the batch, each of shape (n,).
        variance: given the other designs of the batch, shape (n,).
        window: the target.
        warp: the scale.

    Returns:
        Shape (n,).
    """
    hits = compute_log_hit(*before, window, warp)
    unlike = 0.5 * np.log(np.minimum(variance / before[1], 1.0))
    return np.asarray(np.logaddexp(log_gain, np.log(UNLIKE * HIT * warp.spread) + hits + unlike))


def compute_expected_distance(mean: Array, deviation: Array, window: Window) -> Array:
    """Return the expected distance of a normal variable to a target, same shape; that of its mean without deviation."""
    spread = np.maximum(deviation, 1e-300)
    with np.errstate(over="ignore"):
        beyond = [compute_h(z) for z in ((window.low - mean) / spread, (mean - window.high) / spread)]
    distance = window.compute_distance(mean)
    return np.where(deviation > 1e-12 * distance, spread * (beyond[0] + beyond[1]), distance)


def compute_hit_probability(mean: Array, deviation: Array, window: Window, distance: Array) -> Array:
    """Return the probability that a normal variable lies within some distance of a target."""
    spread = np.maximum(deviation, 1e-300)
    with np.errstate(over="ignore"):
        ends = (window.high + distance - mean) / spread, (window.low - distance - mean) / spread
    return np.asarray(ndtr(ends[0]) - ndtr(ends[1]))


def compute_closer_probability(
    mean: float, deviation: float, value: float, error: float, window: Window, n: int = 200
) -> float:
    """Return the probability that one normal variable is closer to a target than another.

    Args:
        mean: of the one.
        deviation: of the one.
        value: mean of the other.
        error: its standard deviation; 0 where it is exact.
        window: the target.
        n: quantiles by which the other is represented.
    """
    others = value + error * ndtri((np.arange(n) + 0.5) / n)
    distances = window.compute_distance(others)
    # none is closer than what lies within the window
    chances = compute_hit_probability(np.array(mean), np.array(deviation), window, distances)
    return float(np.where(distances > 0, chances, 0.0).mean())


@dataclass(frozen=True)
class Fantasies:
    """The model of an outcome with a target, given several outcomes that designs of a batch may have.

    If a design of the batch were taken to have its predicted outcome, as for an objective to maximise, it would hit the
    target, and designs beside it as surely; so the improvement is averaged over outcomes that it may have (Snoek et al.
    2012, arXiv:1206.2944).

    Attributes:
        before: the model before the batch.
        model: the same with a column of values for each fantasy.
        best: smallest distance so far, in the outcome's unit, shape (n_fantasies,).
    """

    before: OutcomeModel
    model: OutcomeModel
    best: Array

    @classmethod
    def start(cls, model: OutcomeModel, best: float) -> "Fantasies":
        """Return the model before any design of a batch.

        Args:
            model: given what is known.
            best: the smallest distance so far; infinite where there is none.
        """
        values = np.repeat(model.process.values[:, None], N_FANTASIES, axis=1)
        process = replace(model.process, values=values)
        return cls(model, replace(model, process=process), np.full(N_FANTASIES, best))

    def condition_on(self, inputs: Array, window: Window, counts: Mask) -> "Fantasies":
        """Return the model given outcomes of further designs, drawn from its posterior of all of them.

        Args:
            inputs: of the designs, shape (n, n_inputs).
            window: the target.
            counts: which designs count as results, if they are as predicted, shape (n,).
        """
        process, extended = self.model.process, self.model.extend_inputs(inputs)
        link = process.covariance(extended, process.inputs) @ process.inverse_root
        covariance = process.covariance(extended, extended) - link @ link.T
        mean, _ = process.predict(extended)
        drawn = mean + take_root(covariance, JITTER * process.scale) @ draw_deviates(len(inputs), len(process.values))
        distance = window.compute_distance(self.model.warp.inverse_transform(drawn))
        nearest = np.where(counts[:, None], distance, np.inf).min(axis=0, initial=np.inf)
        model = replace(self.model, process=process.condition_on(extended, drawn))
        best = np.minimum(self.best, np.maximum(nearest, HIT * self.model.warp.spread))
        return replace(self, model=model, best=best)

    def compute_log_gain(self, scaled: tuple[Array, Array], inputs: Array, window: Window) -> Array:
        """Return the logarithm of the expected improvement by further designs, shape (n,).

        Args:
            scaled: mean and variance by `model`, shapes (n, n_fantasies) and (n,).
            inputs: shape (n, n_inputs).
            window: the target.
        """
        log_gain = compute_log_improvement(*scaled, window, self.best, self.model.warp)
        return add_further_hits(log_gain, self.before.predict_scaled(inputs), scaled[1], window, self.model.warp)

    def as_float32(self) -> "Fantasies":
        """Return the same in single precision, to shorten long lists quickly."""
        return replace(self, before=self.before.as_float32(), model=self.model.as_float32())


def draw_deviates(n: int, place: int) -> Array:
    """Return normal deviates of designs, shape (n, n_fantasies): of each the same quantiles, in another order.

    Args:
        n: designs.
        place: of the first among all designs that are known.
    """
    quantiles = ndtri((np.arange(N_FANTASIES) + 0.5) / N_FANTASIES)
    return np.array([np.random.default_rng(place + k).permutation(quantiles) for k in range(n)]).reshape(n, N_FANTASIES)
