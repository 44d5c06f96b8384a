"""The search of the chapter's recipes: scikit-optimize's `gp_minimize`, as called there, and no longer than needed."""

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from batterymi.arrays import Array

SEED = 42  # of every search and every model of the chapter
Bounds = Sequence[tuple[float, float]]


class TreeModel(Protocol):
    """A fitted model of decision trees."""

    def predict(self, rows: Array, /) -> Array:
        """Return a prediction for each row."""


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        design: the first of the designs with the largest value.
        value: that value.
        calls: evaluations of the whole search.
        calls_made: those that were needed: none after it could have found a larger value.
    """

    design: tuple[float, ...]
    value: float
    calls: int
    calls_made: int


def maximise_with_skopt(
    function: Callable[[Sequence[float]], float], bounds: Bounds, calls: int, most: float
) -> Search:
    """Maximise a function as the chapter does: `gp_minimize` of its negative, from seed 42.

    The search returns the first design with the best value, so it ends here once it has the largest value that the
    function can take: further calls could not change what it returns.

    Args:
        function: of one design.
        bounds: lower and upper bound of each variable.
        calls: evaluations of the whole search, the ten random ones of the start included.
        most: largest value that the function takes within the bounds; infinity if it is not known.
    """
    from skopt import gp_minimize
    from skopt.space import Real

    found: Any
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about repeated points, and hyperparameters at their bounds
        found = gp_minimize(
            lambda design: -function(design),
            [Real(low, high) for low, high in bounds],
            n_calls=calls,
            random_state=SEED,
            callback=lambda result: bool(-result.fun >= most),
        )
    return Search(tuple(float(value) for value in found.x), float(-found.fun), calls, len(found.func_vals))


def find_largest_prediction(model: TreeModel, rows: Array, bounds: Bounds) -> float:
    """Return the largest prediction of a model of trees within bounds.

    Trees split half-way between two values of the rows, so the model is constant in the cells between all such points,
    and its value in the middle of each cell is all that it can say.

    Args:
        model: fitted to the rows.
        rows: shape (n_rows, n_variables).
        bounds: lower and upper bound of each variable.
    """
    axes = []
    for values, (low, high) in zip(rows.T, bounds, strict=True):
        halves = {(first + second) / 2 for first, second in itertools.combinations(np.unique(values), 2)}
        edges = np.array([low, *sorted(half for half in halves if low < half < high), high])
        axes.append((edges[1:] + edges[:-1]) / 2)
    return float(model.predict(np.array(list(itertools.product(*axes)))).max())
