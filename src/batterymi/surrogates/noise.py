"""The noise floor: how far repeats of one measurement scatter, which bounds the error of any model."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.surrogates.problem import find_censored


def estimate_noise_floor(
    rows: pd.DataFrame, objective: str, repeats: str, censored: str | None, seed: int
) -> dict[str, Any]:
    """Estimate the scatter of rows that agree in a column, as repeats of a composition from different papers.

    The pooled standard deviation within repeats bounds what can be reached: a perfect model of normal noise has a mean
    absolute error of sqrt(2/pi) times it, and an R² of 1 - (it / standard deviation of all)².

    Args:
        rows: rows to learn from.
        objective: the column that scatters.
        repeats: the column whose equal values are repeats.
        censored: a column that marks bounds; these, and cells such as `<1e-8`, are left out.
        seed: of the bootstrap over sets of repeats.

    Returns:
        Numbers of sets and rows, the deviation with its 95 % interval, and what follows from it; `sets` 0 if there are
        no repeats.
    """
    known = rows[find_censored(rows, objective, censored) == 0]
    parts = [part[objective].to_numpy(float) for _, part in known.groupby(repeats, sort=True) if len(part) > 1]
    if not parts:
        return {"sets": 0}
    squares = np.array([((part - part.mean()) ** 2).sum() for part in parts])
    freedom = np.array([len(part) - 1 for part in parts])
    deviation = float(_pool_deviation(squares, freedom))
    # whole sets are resampled, since the rows of a set share its mean
    interval = bootstrap_interval((squares, freedom), _pool_deviation, seed)
    total = float(rows[objective].std())
    return {
        "sets": len(parts),
        "rows": int(sum(len(part) for part in parts)),
        **label_interval("deviation", deviation, interval),
        "mae_of_a_perfect_model": deviation * float(np.sqrt(2 / np.pi)),
        "median_absolute_difference": float(np.median(np.concatenate([pdist(part[:, None]) for part in parts]))),
        "r2_of_a_perfect_model": 1 - (deviation / total) ** 2,
    }


def _pool_deviation(squares: Any, freedom: Any) -> Any:
    """Return the standard deviation pooled over sets, from their sums of squares and degrees of freedom."""
    # the variance within small sets would be biased
    return np.sqrt(squares.sum(axis=-1) / freedom.sum(axis=-1))
