"""Problems with known optima, on which engines and libraries are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Feature, Limit, Objective, Simplex
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.space import Space

Array = NDArray[np.float64]
NAMES = tuple(f"x{i}" for i in range(6))
# Dixon and Szegő 1978, as at https://www.sfu.ca/~ssurjano/hart6.html
A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
ALPHA = np.array([1, 1.2, 3, 3.2])


@dataclass(frozen=True)
class BenchmarkCase:
    """A problem, its budget, and its known optimum.

    Attributes:
        name: of the problem.
        space: where designs come from.
        objectives: of the campaigns.
        function: true outcomes of designs, one array per objective.
        initial: evaluations of the shared start.
        budget: evaluations in all.
        compared_at: evaluations after which campaigns are compared; none for the end only.
        optimum: true best score, or true hypervolume.
        batch: designs suggested at once.
        noise: standard deviation of an evaluation.
        limits: limits on outcomes.
        reference: worst values that count.
    """

    name: str
    space: Space
    objectives: tuple[Objective, ...]
    function: Callable[[pd.DataFrame], list[Array]]
    initial: int
    budget: int
    optimum: float
    batch: int = 1
    noise: float = 0.0
    limits: tuple[Limit, ...] = ()
    reference: dict[str, float] | None = None
    compared_at: tuple[int, ...] = ()

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return true outcomes."""
        values = self.function(designs)
        columns = {o.name: value for o, value in zip(self.objectives, values, strict=True)}
        return pd.DataFrame({**columns, "failure": ""}, index=designs.index)

    def observe(self, designs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Return designs with scores, with the noise of an evaluation."""
        outcomes = self.evaluate(designs)
        for objective in self.objectives:
            outcomes[objective.name] += self.noise * rng.normal(size=len(designs))
        return self.problem.add_scores(pd.concat([designs, outcomes], axis=1))

    @cached_property
    def problem(self) -> Problem:
        """Return the problem as campaigns take it."""
        return Problem(
            self.space,
            self.objectives,
            self.limits,
            self,
            is_noisy=self.noise > 0,
            reference=self.reference,  # type: ignore[arg-type]
        )

    def to_unit(self, designs: pd.DataFrame) -> Array:
        """Return the coordinates of designs in the unit cube."""
        return self.space.compute_coordinates(self.space.codes(designs))

    def from_unit(self, unit: Array) -> pd.DataFrame:
        """Return the designs at coordinates in the unit cube."""
        codes = np.zeros((len(unit), len(self.space.features)))
        return self.space.frame(self.space.snap_to_grid(self.space.place(unit, codes)))

    def start(self, seed: int) -> pd.DataFrame:
        """Draw the start that all share: a scrambled Sobol sequence."""
        return self.space.fill(np.random.default_rng([seed, 1]), self.initial)

    def regrets(self, designs: pd.DataFrame) -> Array:
        """Return the regret of the best true value up to each evaluation; of a front, the share of volume missed."""
        from batterymi.optimise.campaigns.campaign import compute_best_so_far

        true = self.problem.add_scores(pd.concat([designs, self.evaluate(designs)], axis=1))
        best = compute_best_so_far(self.problem, true).to_numpy(float)
        if self.reference is not None:
            return 1 + np.nan_to_num(best, nan=0.0) / self.optimum
        return np.maximum(best - self.optimum, 0)


def _number(name: str, low: float, high: float) -> Feature:
    return Feature(name=name, label=name, unit="1", bounds=(low, high))


def _objective(name: str, goal: str, **more: float) -> Objective:
    return Objective(name=name, label=name, unit="1", goal=goal, **more)


def hartmann6(designs: pd.DataFrame) -> list[Array]:
    """Six numbers, four dips, one of them deepest."""
    x = designs[list(NAMES)].to_numpy(float)
    return [-(ALPHA * np.exp(-(A[None] * (x[:, None] - P[None]) ** 2).sum(axis=2))).sum(axis=1)]


def ncm(designs: pd.DataFrame) -> list[Array]:
    """The chapter's three formulas (4.4.3)."""
    ni, co, mn = (designs[name].to_numpy(float) for name in ("ni", "co", "mn"))
    capacity = 180 + 40 * ni - 20 * (ni - 0.8) ** 2
    life = 1500 - 800 * ni + 1000 * co + 500 * mn
    return [capacity, life, 200 + 100 * mn - 150 * (ni - 0.7) ** 2]


def ncm_score(designs: pd.DataFrame) -> list[Array]:
    """The chapter's weighted sum of them."""
    capacity, life, stability = ncm(designs)
    return [0.4 * capacity + 0.3 * life / 10 + 0.3 * stability]


def synthesis(designs: pd.DataFrame) -> list[Array]:
    """A yield with two peaks over a composition and a temperature in °C."""
    a, b, c, t = (designs[name].to_numpy(float) for name in ("a", "b", "c", "t"))
    highest = np.exp(-((a - 0.55) ** 2 + (b - 0.3) ** 2 + (c - 0.15) ** 2) / 0.08 - ((t - 720) / 70) ** 2)
    second = np.exp(-((a - 0.15) ** 2 + (b - 0.25) ** 2 + (c - 0.6) ** 2) / 0.05 - ((t - 610) / 60) ** 2)
    return [60 * highest + 45 * second + 20]


def _ncm_space() -> Space:
    features = (_number("ni", 0.6, 0.95), _number("co", 0.02, 0.3), _number("mn", 0, 1))
    return Space(features, Simplex(features=("ni", "co", "mn")))


def _ncm_grid(finer: int = 1) -> pd.DataFrame:
    """Return compositions at a distance of 0.0005, or finer by a factor, ends included."""
    nickel, cobalt = np.linspace(0.6, 0.95, 700 * finer + 1), np.linspace(0.02, 0.3, 560 * finer + 1)
    ni, co = (axis.ravel() for axis in np.meshgrid(nickel, cobalt))
    mn = 1 - ni - co
    return pd.DataFrame({"ni": ni, "co": co, "mn": mn})[mn >= 0]


def front_volume(outcomes: Array, worst: Array, n_bins: int = 800) -> float:
    """Return the volume that three outcomes to maximise dominate, from many points.

    The volume is the integral of the best third outcome among points at least as good in the first two. On a grid of
    these it lies between the sums at the upper and the lower corners of the cells; the mean of both is taken.
    """
    top = outcomes.max(axis=0)
    place = np.clip(((outcomes[:, :2] - worst[:2]) / (top[:2] - worst[:2]) * n_bins).astype(int), 0, n_bins - 1)
    best = np.full((n_bins, n_bins), worst[2], dtype=float)
    np.maximum.at(best, (place[:, 0], place[:, 1]), outcomes[:, 2])
    dominated = np.maximum.accumulate(np.maximum.accumulate(best[::-1, ::-1], axis=0), axis=1)[::-1, ::-1] - worst[2]
    cell = (top[:2] - worst[:2]).prod() / n_bins**2
    return float(cell * (dominated.sum() + dominated[1:, 1:].sum()) / 2)


def ncm_volume(limit: float, worst: Array, scales: Array) -> float:
    """Return the volume that all compositions above a stability limit dominate.

    Points of a grid leave gaps between them, so that the volume is short by an amount in proportion to their distance;
    it is carried to distance 0 from two grids. From two finer ones it comes out 0.005 % smaller.
    """
    volumes = []
    for finer in (1, 2):
        outcomes = np.column_stack(ncm(_ncm_grid(finer)))
        volumes.append(front_volume(outcomes[outcomes[:, 2] >= limit] / scales, worst / scales))
    return 2 * volumes[1] - volumes[0]


def make_problems() -> dict[str, BenchmarkCase]:
    """Return all problems by name."""
    cube, composition = Space(tuple(_number(name, 0, 1) for name in NAMES)), _ncm_space()
    three = (
        _objective("capacity", "maximise"),
        _objective("life", "maximise", scale=10),
        _objective("stability", "maximise"),
    )
    worst = {"capacity": 200.0, "life": 750.0, "stability": 215.0}
    limits = (Limit("stability", "at_least", 215.0),)
    grid = _ncm_grid()
    volume = ncm_volume(215, np.array(list(worst.values())), np.array([1, 10, 1]))
    oven = Space(
        (_number("a", 0, 1), _number("b", 0, 1), _number("c", 0, 1), _number("t", 500, 900)),
        Simplex(features=("a", "b", "c")),
    )
    low, high = (_objective("y", "minimise"),), (_objective("y", "maximise"),)
    best_yield = float(synthesis(pd.DataFrame({"a": [0.55], "b": [0.3], "c": [0.15], "t": [720.0]}))[0][0])
    made = [
        BenchmarkCase("hartmann6", cube, low, hartmann6, 10, 50, -3.32237, compared_at=(30, 50)),
        BenchmarkCase("hartmann6, batches of 4", cube, low, hartmann6, 8, 40, -3.32237, batch=4),
        BenchmarkCase("NCM score", composition, high, ncm_score, 8, 30, -float(ncm_score(grid)[0].max())),
        BenchmarkCase("noisy synthesis", oven, high, synthesis, 10, 50, -best_yield, noise=2.0),
        BenchmarkCase(
            "NCM front", composition, three, ncm, 8, 80, volume, limits=limits, reference=worst, compared_at=(40, 80)
        ),
    ]
    return {case.name: case for case in made}
