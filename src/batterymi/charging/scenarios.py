"""Situations in which cells are charged: drawn once, the same for every controller."""

from collections.abc import Sequence

import numpy as np

from batterymi.charging.state import Start

SPLITS = ("train", "validation", "held_out")


def draw_scenarios(
    n: int,
    seed: int,
    split: str,
    *,
    soc: tuple[float, float] = (0.0, 0.3),
    ambient_c: Sequence[float] | tuple[float, float] = (10.0, 45.0),
    lithium_lost: tuple[float, float] = (0.0, 0.1),
    preheated_c: float | None = None,
) -> list[Start]:
    """Draw scenarios uniformly from ranges.

    Args:
        n: how many.
        seed: of the draw.
        split: "train", "validation" or "held_out"; the same seed gives other situations for each.
        soc: range of the state of charge.
        ambient_c: range of the ambient temperature; equal ends fix it.
        lithium_lost: range of the share of lithium lost.
        preheated_c: temperature of the cell, where it differs from the ambient one.

    Returns:
        The situations.
    """
    # the split is part of the seed, so that held-out scenarios differ from those tuned on
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    low = np.array([soc[0], ambient_c[0], lithium_lost[0]])
    high = np.array([soc[1], ambient_c[1], lithium_lost[1]])
    draws = low + (high - low) * rng.random((n, 3))
    return [Start(soc=float(a), ambient_c=float(b), initial_c=preheated_c, lithium_lost=float(c)) for a, b, c in draws]
