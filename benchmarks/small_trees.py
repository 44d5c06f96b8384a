"""Time of fitting forests and boosted trees on few rows: scikit-learn's `fit`, and ours, which gives the same trees.

    python benchmarks/small_trees.py

Prints milliseconds of processor time, medians of nine fits.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor

from batterymi.arrays import Array
from batterymi.surrogates.families.small_trees import fit_boosting, fit_forest
from batterymi.surrogates.model import unchecked

ROWS = (8, 12, 30, 100, 300, 1000, 2000)
REPEATS = 9
MAKERS: dict[str, tuple[Callable[[], Any], Callable[..., None]]] = {
    "random_forest": (lambda: RandomForestRegressor(100, random_state=0), fit_forest),
    "extra_trees": (lambda: ExtraTreesRegressor(100, random_state=0, max_features=0.33), fit_forest),
    "gradient_boosting": (lambda: GradientBoostingRegressor(random_state=0), fit_boosting),
}


def fit_by_library(model: Any, matrix: Array, observed: Array) -> None:
    """Fit a model as the library does."""
    model.fit(matrix, observed)


def measure(make: Callable[[], Any], fit: Callable[..., None], *rows: Array) -> float:
    """Return the median time of a fit, in milliseconds of the processor."""
    spent = []
    for _ in range(REPEATS):
        model = make()
        began = time.process_time()
        fit(model, *rows)
        spent.append(time.process_time() - began)
    return 1000 * statistics.median(spent)


def main() -> None:
    """Print a table."""
    rng = np.random.default_rng(0)
    print("| rows | model | scikit-learn, ms | here, ms |\n|---|---|---|---|")
    with unchecked():
        for n in ROWS:
            matrix = rng.random((n, 5))
            observed = np.sin(5 * matrix[:, 0]) + matrix[:, 1] + 0.1 * rng.normal(size=n)
            for name, (make, fit) in MAKERS.items():
                theirs, ours = (measure(make, way, matrix, observed) for way in (fit_by_library, fit))
                print(f"| {n} | {name} | {theirs:.1f} | {ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
