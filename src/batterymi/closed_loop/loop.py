"""Rounds of noisy tests of a list of protocols."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.closed_loop.choices import METHODS, State
from batterymi.closed_loop.compare import SAME_MODEL
from batterymi.closed_loop.life_model import PAPER, Array, Scale, make_prior

logger = logging.getLogger(__name__)

LONGER = 4  # times as many rounds for random batches, to see when they match


def run_loop(
    lives: Array, inputs: Array, method: str, batch: int, rounds: int, seed: int, scale: Scale = PAPER
) -> list[int]:
    """Run one loop.

    Args:
        lives: true lives, shape (n,).
        inputs: features of the protocols, shape (n, d).
        method: one of `METHODS`.
        batch: tests of a round; all n where there are fewer protocols.
        rounds: how many.
        seed: of choices and noise. A test's noise belongs to protocol and round, so that methods which test the same
            protocol in the same round of the same seed see the same, and more rounds begin like fewer.
        scale: settings of model and noise, in cycles.

    Returns:
        The protocol recommended after each round.
    """
    choose, recommend = METHODS[method]
    # drawn for all protocols, tested or not, so that all methods meet the same noise
    noise = np.random.default_rng([seed, 1]).normal(0, scale.deviation, size=(rounds, len(lives)))
    # a stream of its own, so that choices cannot shift the noise
    rng = np.random.default_rng([seed, 2])
    state, recommended = State(make_prior(inputs, scale), scale.deviation), []
    for number in range(rounds):
        arms = choose(state, batch, rng)
        state.observe(arms, lives[arms] + noise[number, arms])
        recommended.append(recommend(state))
    return recommended


def run_methods(
    lives: Array, inputs: Array, batch: int, rounds: int, seeds: Sequence[int], scale: Scale
) -> pd.DataFrame:
    """Run the loops of all methods; random batches with the same model take `LONGER` times the rounds.

    Args:
        lives: true lives, shape (n,).
        inputs: features of the protocols, shape (n, d).
        batch: tests of a round.
        rounds: of a loop.
        seeds: one loop of each method for each.
        scale: settings of model and noise, in cycles.

    Returns:
        Columns batch, method, seed, round and life_cycles, the true life of what is recommended after the round.
    """
    rows: list[tuple[Any, ...]] = []
    for method in METHODS:
        # the longer run shows after how many rounds random batches match a method
        length = rounds * LONGER if method == SAME_MODEL else rounds
        for seed in seeds:
            arms = run_loop(lives, inputs, method, batch, length, seed, scale)
            rows += [(batch, method, seed, number, lives[arm]) for number, arm in enumerate(arms, start=1)]
        logger.info("batches of %d: %s done", batch, method)
    return pd.DataFrame(rows, columns=["batch", "method", "seed", "round", "life_cycles"])
