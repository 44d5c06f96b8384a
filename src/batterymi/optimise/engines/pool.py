"""The engine of replayed campaigns, over a list of rows: batches by expected improvement."""

from collections.abc import Sequence

import numpy as np

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.goals import Window
from batterymi.optimise.engines.acquisition import compute_log_expected_improvement, compute_log_probability_below
from batterymi.optimise.engines.gaussian import matern52, pairwise_distances
from batterymi.optimise.engines.listed import ListedProcess, fit_listed
from batterymi.optimise.engines.targets import HIT, add_further_hits, compute_log_improvement, draw_deviates
from batterymi.optimise.engines.warp import Warp

LENGTHS = (0.3, 1.0, 3.0)  # in units of the median distance between rows
NOISES = (0.01, 0.1, 0.5)  # variance, in units of the variance of the function
SAME = 1e-6  # of the largest distance: rows that are nearer have the same inputs, but for rounding
TIE = 1e-6  # difference of the logarithms of two improvements that are equal


def correlate_rows(matrix: Array) -> list[Array]:
    """Return Matérn 5/2 correlations between all rows of a pool, for each length scale.

    They are computed once and shared by all campaigns.

    Args:
        matrix: scaled inputs of the pool, shape (n_rows, n_columns).
    """
    distance = pairwise_distances(matrix, matrix)
    above = distance[np.triu_indices(len(matrix), 1)]
    different = above[above > SAME * above.max(initial=0)]
    typical = float(np.median(different)) if len(different) else 1.0
    return [matern52(distance / (length * typical)) for length in LENGTHS]


def propose_rows(
    correlations: list[Array],
    known: Indices,
    values: Array,
    n: int,
    window: Window | None = None,
    margins: Sequence[Array] = (),
    is_worth: Mask | None = None,
) -> Indices:
    """Propose the rows of a pool with the largest expected improvement.

    Length scale and noise are chosen for each batch from nine pairs, by marginal likelihood. A batch is filled one by
    one, each row taken to have its predicted value, so that the batch spreads; with a target, each of several values.
    Where rows turn out to be worth nothing, the improvement is multiplied by the probability that the margins of the
    conditions are above zero (Gardner et al. 2014, Bayesian optimization with inequality constraints).

    Args:
        correlations: between all rows, for each length scale.
        known: rows measured so far.
        values: of these, to minimise; with a target, those that should hit it.
        n: how many rows; fewer are returned if fewer are left.
        window: the target, if there is one.
        margins: of each condition that is known once a row is measured, negative where it is broken, shape (n_known,)
            each; NaN where it is unknown.
        is_worth: which of the known rows meet all conditions; None: all.

    Returns:
        Places in the pool.
    """
    centre, spread = values.mean(), float(values.std()) or 1.0
    scaled = (values - centre) / spread
    good = scaled if is_worth is None else scaled[is_worth]
    process = fit_listed(correlations, NOISES, known, scaled)
    probability = _predict_meeting(correlations, known, margins)
    is_open = np.ones(len(process.mean), dtype=bool)
    is_open[known] = False
    if window is not None:
        return _propose_near(process, is_open, good, n, window.standardise(centre, spread), probability)
    chosen: list[int] = []
    for _ in range(min(n, int(is_open.sum()))):
        gain = probability.copy()
        # before any row is worth something there is nothing to improve on
        if len(good):
            gain += compute_log_expected_improvement(process.mean, process.variance, float(good.min()))
        chosen.append(_take_first_best(gain, is_open))
        process = process.assume_mean(chosen[-1])
    return np.array(chosen, dtype=np.intp)


def _predict_meeting(correlations: list[Array], known: Indices, margins: Sequence[Array]) -> Array:
    """Return the logarithm of the probability that each row meets all conditions, taken to be independent."""
    total = np.zeros(len(correlations[0]))
    for margin in margins:
        has_value = np.isfinite(margin)
        # without a single value nothing is known of the condition
        if not has_value.any():
            continue
        measured = margin[has_value]
        centre, spread = float(measured.mean()), float(measured.std()) or 1.0
        process = fit_listed(correlations, NOISES, known[has_value], (measured - centre) / spread)
        total += compute_log_probability_below(-process.mean, process.variance, centre / spread)
    return total


def _propose_near(
    process: ListedProcess, is_open: Mask, good: Array, n: int, window: Window, probability: Array
) -> Indices:
    """Propose the rows whose distance to a target is expected to improve most; see `targets.Fantasies`."""
    # before any row is worth something, the distance of the mean of all rows stands in
    start = window.compute_distance(good if len(good) else process.mean).min(keepdims=True)
    best = np.maximum(start, HIT)
    chosen: list[int] = []
    n_known, before, warp = int((~is_open).sum()), (process.mean, process.variance), Warp(0.0, 1.0)
    for _ in range(min(n, int(is_open.sum()))):
        mean = process.mean.reshape(len(is_open), -1)
        gain = compute_log_improvement(mean, process.variance, window, best, warp)
        gain = add_further_hits(gain, before, process.variance, window, warp) if chosen else gain
        gain = probability + gain
        chosen.append(_take_first_best(gain, is_open))
        process = process.assume_drawn(chosen[-1], draw_deviates(1, n_known + len(chosen))[0])
        best = np.minimum(best, np.maximum(window.compute_distance(process.mean[chosen[-1]]), HIT))
    return np.array(chosen, dtype=np.intp)


def _take_first_best(gain: Array, is_open: Mask) -> int:
    """Return the row with the largest gain, which is open no longer."""
    # the first of equal rows, of which rounding would else choose any
    row = int(np.flatnonzero(is_open & (gain >= gain[is_open].max() - TIE))[0])
    is_open[row] = False
    return row
