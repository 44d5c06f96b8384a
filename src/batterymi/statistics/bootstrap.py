"""The bootstrap: intervals of statistics from rows, groups or seeds that are drawn again with replacement."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.statistics.intervals import compute_percentile_interval

Array = NDArray[np.float64]
N_RESAMPLES = 2000


def bootstrap_interval(
    values: NDArray[Any] | Sequence[NDArray[Any]],
    statistic: Callable[..., Array],
    seed: int,
    groups: Sequence[object] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic; see `resample_statistic`. NaN if it is never finite."""
    return compute_percentile_interval(resample_statistic(values, statistic, seed, groups, n_resamples))


def resample_statistic(
    values: NDArray[Any] | Sequence[NDArray[Any]],
    statistic: Callable[..., Array],
    seed: int,
    groups: Sequence[object] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> Array:
    """Return a statistic of resampled rows.

    Args:
        values: an array of shape (n,), or several that are drawn alike.
        statistic: takes as many arrays, and works along their last axis.
        seed: of the draws; the same seed draws the same rows, so that comparisons stay paired.
        groups: one label per row; whole groups are drawn. None: each row by itself.
        n_resamples: how often is drawn.

    Returns:
        Shape (n_resamples,); a single value if there is one row or one group, and so nothing to draw.
    """
    columns = [values] if isinstance(values, np.ndarray) else list(values)
    members = [np.array([row]) for row in range(len(columns[0]))] if groups is None else list_members(groups)
    is_plain = all(len(rows) == 1 for rows in members)
    order = np.concatenate(members)

    def measure(drawn: NDArray[np.intp], axis: int = -1) -> Array:
        rows = order[drawn] if is_plain else np.concatenate([members[group] for group in drawn])
        return statistic(*(column[rows] for column in columns))

    if len(members) == 1:
        return np.atleast_1d(measure(np.zeros(1, dtype=np.intp)))
    from scipy import stats

    # the statistic may be NaN or infinite in some resamples, which intervals leave out
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (np.arange(len(members)),),
            measure,
            n_resamples=n_resamples,
            vectorized=is_plain,  # resamples of groups differ in length
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    return np.asarray(found.bootstrap_distribution)


def list_members(groups: Sequence[object]) -> list[NDArray[np.intp]]:
    """Return the rows of each group, groups in order of their labels as text."""
    labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


def resample_crossed_means(values: Array, seed: int, stream: int = 1, n_resamples: int = N_RESAMPLES) -> Array:
    """Return means over rows and columns that are both drawn again, as seeds and scenarios.

    Args:
        values: shape (n_rows, n_columns); NaN is left out.
        seed: of the draws; the same seed draws the same columns, so that two sets of rows stay paired in them.
        stream: of the draws of rows; two sets of rows with different streams are drawn independently.
        n_resamples: how often is drawn.

    Returns:
        Shape (n_resamples,); NaN where nothing else was drawn.
    """
    n_rows, n_columns = values.shape
    columns = np.random.default_rng([seed, 0]).integers(n_columns, size=(n_resamples, n_columns))
    rows = np.random.default_rng([seed, stream]).integers(n_rows, size=(n_resamples, n_rows))
    drawn = values[rows[:, :, None], columns[:, None, :]]
    return average_finite(drawn.reshape(n_resamples, -1))


def average_finite(values: Array) -> Array:
    """Return means along the last axis without NaN; NaN where there is nothing else."""
    known = np.isfinite(values)
    # nanmean would warn about rows without a finite value
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
