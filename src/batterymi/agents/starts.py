"""Starts of training and validation."""

import numpy as np

from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Start
from batterymi.config.agents import ScenarioRanges


def draw_start(rng: np.random.Generator, ranges: ScenarioRanges) -> Start:
    """Draw a start for training.

    Args:
        rng: of the draw.
        ranges: what is drawn from.
    """
    preheated = float(rng.uniform(*ranges.preheated_c)) if rng.random() < ranges.preheated_share else None
    edge = ranges.ambient_c[int(rng.integers(2))] if rng.random() < ranges.edge_share else None
    # the environment's own generator gives the seed, so that a training can be repeated
    return _draw(1, int(rng.integers(2**31)), "train", ranges, preheated, edge)[0]


def list_validation_starts(n: int, seed: int, ranges: ScenarioRanges) -> list[Start]:
    """Return fixed starts that choose among checkpoints; training and tests draw different ones.

    Args:
        n: how many.
        seed: of the draw.
        ranges: what is drawn from; by their shares, the first ones are preheated, and the next ones alternate between
            the ends of the ambient temperatures.
    """
    n_hot, n_edge = round(n * ranges.preheated_share), round(n * ranges.edge_share)
    hot = [float(value) for value in np.linspace(*ranges.preheated_c, n_hot)]
    edges = [ranges.ambient_c[number % 2] for number in range(n_edge)]
    kinds: list[tuple[float | None, float | None]] = [
        *((value, None) for value in hot),
        *((None, edge) for edge in edges),
        *[(None, None)] * n,
    ]
    # n are drawn each time, so that state of charge and age do not depend on the shares
    return [_draw(n, seed, "validation", ranges, *kinds[number])[number] for number in range(n)]


def _draw(
    n: int, seed: int, split: str, ranges: ScenarioRanges, preheated_c: float | None, ambient_c: float | None
) -> list[Start]:
    """Draw starts of one split, with a cell temperature or an ambient temperature of their own where given."""
    return draw_scenarios(
        n,
        seed,
        split,
        soc=ranges.soc,
        ambient_c=ranges.ambient_c if ambient_c is None else (ambient_c, ambient_c),
        lithium_lost=ranges.lithium_lost,
        preheated_c=preheated_c,
    )
