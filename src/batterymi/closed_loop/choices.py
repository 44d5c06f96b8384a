"""Ways to choose which protocols to test, and which one to recommend."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from batterymi.closed_loop.life_model import Arms, Array
from batterymi.optimise.engines.acquisition import compute_log_expected_improvement
from batterymi.optimise.engines.listed import ListedProcess

BETA, DECAY = 5.0, 0.5  # of the confidence bounds of BayesGap: the first, and from round to round
UCB = 2.0


@dataclass
class State:
    """A loop under way.

    Attributes:
        model: of the lives of all protocols, given the tests.
        noise: standard deviation of a test.
        arms: protocols tested so far, in order.
        lives: their observed lives.
        number: rounds done.
        proposals: per round, the protocol that BayesGap would stop at, and the gap that it then had.
    """

    model: ListedProcess
    noise: float
    arms: list[int] = field(default_factory=list)
    lives: list[float] = field(default_factory=list)
    number: int = 0
    proposals: list[tuple[int, float]] = field(default_factory=list)

    @property
    def deviation(self) -> Array:
        """Standard deviation of each protocol's life, shape (n,)."""
        return np.sqrt(np.maximum(self.model.variance, (1e-6 * self.noise) ** 2))

    def observe(self, arms: Arms, lives: Array) -> None:
        """End a round with the results of its tests."""
        self.arms += arms.tolist()
        self.lives += lives.tolist()
        self.number += 1
        self.model = self.model.condition_on(arms, lives, self.noise**2)
        if self.proposals:
            upper, lower = compute_gap_bounds(self)
            # the gap of a round is only known with the results of its tests
            leader = self.proposals[-1][0]
            self.proposals[-1] = (leader, float(_compute_highest_rival(upper)[leader] - lower[leader]))


Choose = Callable[[State, int, np.random.Generator], Arms]
Recommend = Callable[[State], int]


def choose_at_random(state: State, n: int, rng: np.random.Generator) -> Arms:
    """Choose n protocols at random, none twice in a batch."""
    return rng.permutation(len(state.model.mean))[:n]


def choose_by_ucb(state: State, n: int, rng: np.random.Generator) -> Arms:
    """Choose the n protocols with the highest upper confidence bounds; ties by chance."""
    return _select_highest(state.model.mean + UCB * state.deviation, n, rng)


def choose_by_improvement(state: State, n: int, rng: np.random.Generator) -> Arms:
    """Choose the n protocols with the largest expected improvement on the best mean; ties by chance."""
    mean = state.model.mean
    return _select_highest(compute_log_expected_improvement(-mean, state.deviation**2, -float(mean.max())), n, rng)


def choose_by_gap(state: State, n: int, rng: np.random.Generator) -> Arms:
    """Choose a batch by BayesGap (Hoffman et al. 2014) as in the paper: of leader and rival, the less certain.

    A protocol that was chosen cannot be chosen again in the batch. Equal bounds, as before the first test, are broken
    by chance.
    """
    upper, lower = compute_gap_bounds(state)
    # argmin takes the first of equal values, so a random order breaks ties by chance
    order = rng.permutation(len(upper))
    upper, lower = upper[order], lower[order]
    left = np.ones(len(upper), bool)
    chosen: list[int] = []
    for _ in range(min(n, len(upper))):
        leader = int(np.argmin(np.where(left, _compute_highest_rival(upper) - lower, np.inf)))
        rivals = np.where(left, upper, -np.inf)
        rivals[leader] = -np.inf
        rival = int(np.argmax(rivals))
        unsure = upper - lower
        choice = leader if unsure[leader] >= unsure[rival] or not left[rival] else rival
        if not chosen:
            state.proposals.append((int(order[leader]), float("nan")))
        chosen.append(choice)
        left[choice] = False
    return order[chosen]


def compute_gap_bounds(state: State) -> tuple[Array, Array]:
    """Compute the upper and lower bounds of BayesGap for the next round."""
    half_width = BETA * DECAY**state.number * state.deviation
    return state.model.mean + half_width, state.model.mean - half_width


def recommend_by_mean(state: State) -> int:
    """Return the protocol with the longest predicted life."""
    return int(np.argmax(state.model.mean))


def recommend_by_gap(state: State) -> int:
    """Recommend the proposal of the round that ended with the smallest gap, as in the paper."""
    return min(state.proposals, key=lambda pair: pair[1])[0]


def recommend_observed(state: State) -> int:
    """Recommend the protocol with the highest mean of its own tests."""
    total, count = (np.bincount(state.arms, weights, len(state.model.mean)) for weights in (state.lives, None))
    return int(np.argmax(np.where(count > 0, total / np.maximum(count, 1), -np.inf)))


def _select_highest(values: Array, n: int, rng: np.random.Generator) -> Arms:
    """Return the indices of the n highest values, ties by chance."""
    order = rng.permutation(len(values))
    # a stable sort keeps equal values in their random order
    return order[np.argsort(-values[order], kind="stable")[:n]]


def _compute_highest_rival(values: Array) -> Array:
    """Return, for each index, the highest value at a different index."""
    order = np.argsort(-values, kind="stable")
    highest = np.full(len(values), values[order[0]])
    highest[order[0]] = values[order[1]]
    return highest


METHODS: dict[str, tuple[Choose, Recommend]] = {
    "BayesGap": (choose_by_gap, recommend_by_gap),
    "BayesGap, best mean": (choose_by_gap, recommend_by_mean),
    "upper bound": (choose_by_ucb, recommend_by_mean),
    "expected improvement": (choose_by_improvement, recommend_by_mean),
    "random, same model": (choose_at_random, recommend_by_mean),
    "random, best observed": (choose_at_random, recommend_observed),
}
