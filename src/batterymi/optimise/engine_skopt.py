"""Bayesian optimisation by scikit-optimize."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.optimise.space import Space

N_CANDIDATES = 2000
N_NEARBY = 500


class SkoptEngine:
    """Gaussian process with expected improvement, by scikit-optimize's `Optimizer`.

    It works in the unit cube of `Space.from_unit`, where compositions add up to 1 by construction. Without constraints
    scikit-optimize maximises the expected improvement itself, by gradient. With constraints a gradient step could leave
    the region, so its expected improvement is maximised over candidates that all meet them.
    """

    def __init__(self, space: Space, designs: pd.DataFrame, values: NDArray[np.float64], seed: int) -> None:
        """Build the optimizer and tell it the designs evaluated so far."""
        from skopt import Optimizer
        from skopt.space import Categorical, Real

        self._space = space
        self._rng = np.random.default_rng(seed)
        self._constrained = space.is_constrained
        dimensions = [Real(0.0, 1.0) for _ in range(space.n_numbers)]
        dimensions += [Categorical(feature.choices) for feature in space.categories]
        by_gradient = not (self._constrained or space.categories)
        self._optimizer = Optimizer(
            dimensions,
            base_estimator="GP",
            n_initial_points=len(designs),
            acq_func="EI",
            acq_optimizer="lbfgs" if by_gradient else "sampling",
            acq_optimizer_kwargs={"n_points": 2 if self._constrained else N_CANDIDATES},
            random_state=seed,
        )
        with _quiet():
            self._optimizer.tell(self._points(designs), [float(value) for value in values])
        self._asked: list[Any] | None = None

    def ask(self) -> pd.DataFrame:
        """The design with the largest expected improvement."""
        with _quiet():
            self._asked = self._best_candidate() if self._constrained else self._optimizer.ask()
        return self._designs([self._asked])

    def tell(self, design: pd.DataFrame, value: float) -> None:
        """Add the value of the design asked for last, and refit."""
        with _quiet():
            self._optimizer.tell(self._asked or self._points(design)[0], float(value))

    def _best_candidate(self) -> list[Any]:
        """The point with the largest expected improvement among random and nearby designs that are allowed."""
        from skopt.acquisition import gaussian_ei

        best = self._optimizer.Xi[int(np.argmin(self._optimizer.yi))]
        designs = pd.concat([self._space.sample(self._rng, N_CANDIDATES), self._nearby(best)], ignore_index=True)
        points = self._points(designs)
        transformed = self._optimizer.space.transform(points)
        improvement = gaussian_ei(transformed, self._optimizer.models[-1], y_opt=min(self._optimizer.yi))
        return points[int(np.argmax(improvement))]

    def _nearby(self, point: list[Any]) -> pd.DataFrame:
        """Allowed designs around a point, at several distances."""
        n = self._space.n_numbers
        reach = 10.0 ** self._rng.uniform(-3, -0.5, size=(N_NEARBY, 1))
        steps = self._rng.normal(size=(N_NEARBY, n)) * reach
        unit = np.clip(np.array(point[:n], float) + steps, 0, 1)
        names = {f.name: [point[n + i]] * N_NEARBY for i, f in enumerate(self._space.categories)}
        designs = self._space.from_unit(unit, pd.DataFrame(names))
        return designs[self._space.feasible(designs)]

    def _designs(self, points: list[list[Any]]) -> pd.DataFrame:
        """Designs of points in the optimizer's coordinates."""
        n = self._space.n_numbers
        unit = np.array([point[:n] for point in points], float).reshape(len(points), n)
        names = [feature.name for feature in self._space.categories]
        categories = pd.DataFrame([point[n:] for point in points], columns=names)
        return self._space.from_unit(unit, categories)

    def _points(self, designs: pd.DataFrame) -> list[list[Any]]:
        """Points in the optimizer's coordinates."""
        unit = self._space.to_unit(designs).tolist()
        names = [feature.name for feature in self._space.categories]
        words = designs[names].to_numpy(object).tolist()
        return [[*numbers, *labels] for numbers, labels in zip(unit, words, strict=True)]


class _quiet(warnings.catch_warnings):  # noqa: N801 - used like a function
    """Silence the library's notes on repeated points and on kernel parameters at their bounds."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
