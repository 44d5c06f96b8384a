"""Paired comparison of what loops recommended with random batches of the same model."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.statistics.bootstrap import bootstrap_interval, resample_statistic
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean

SAME_MODEL = "random, same model"


def compare_methods(runs: pd.DataFrame, batch: int, method: str, rounds: int, seed: int) -> dict[str, Any]:
    """Compare a method's recommendations with those of random batches with the same model.

    Loops of one seed form a pair: they see the same noise. All intervals are 95 % percentile intervals over resampled
    seeds.

    Args:
        runs: columns batch, method, seed, round and life_cycles; random batches may go on for more rounds.
        batch: tests of a round.
        method: the method.
        rounds: of a loop.
        seed: of the resampling.

    Returns:
        For the last round, and under `by_round` for each: mean life of what is recommended and the gain over random
        batches, with intervals; and how many rounds random batches need to be as good.
    """
    own, random = (extract_curves(runs, batch, name) for name in (method, SAME_MODEL))
    # compared with itself, the random method would bring its additional rounds
    own = own[:, :rounds]
    by_round = [
        {"round": number + 1, **compare_pairs(own[:, number], random[:, number], seed)} for number in range(rounds)
    ]
    last = {key: value for key, value in by_round[-1].items() if key != "round"}
    found = {"batch": batch, "method": method, "verdict": "the baseline", **last, "by_round": by_round}
    if method != SAME_MODEL:
        found["verdict"] = (
            f"{choose_verdict(last['gain_lower'], last['gain_upper'])} than random batches with the same model"
        )
        found["random_rounds"] = count_rounds_to_match(own[:, -1], random, seed)
    return found


def extract_curves(runs: pd.DataFrame, batch: int, method: str) -> Array:
    """Extract the lives of what each loop recommends, shape (n_seeds, n_rounds)."""
    part = runs[(runs["batch"] == batch) & (runs["method"] == method)]
    return part.pivot(index="seed", columns="round", values="life_cycles").to_numpy()


def compare_pairs(own: Array, random: Array, seed: int) -> dict[str, float]:
    """Compute the mean life and the mean gain over random batches, with intervals.

    Args:
        own: lives of the method's recommendations, shape (n_seeds,).
        random: those of random batches of the same seeds, shape (n_seeds,).
        seed: of the resampling.
    """
    gain = own - random
    return {
        **label_interval("life", float(own.mean()), bootstrap_interval(own, compute_mean, seed)),
        **label_interval("gain", float(gain.mean()), bootstrap_interval(gain, compute_mean, seed)),
    }


def choose_verdict(lower: float, upper: float) -> str:
    """Return the verdict on an interval of gains; one that includes zero does not show a gain."""
    return "better" if lower > 0 else "worse" if upper < 0 else "not better"


def count_rounds_to_match(own: Array, random: Array, seed: int) -> dict[str, float | int]:
    """Return the first round in which random batches match, in the mean, a method's final life.

    Args:
        own: lives of the method's last recommendations, shape (n_seeds,).
        random: lives of those of random batches round by round, shape (n_seeds, n_rounds).
        seed: of the resampling.

    Returns:
        The round and its interval; infinity where no round was enough, and `tried`, the number of rounds there were.
    """
    rounds = random.shape[1]

    def find_first(own: Array, *by_round: Array) -> Array:
        reached = np.stack([compute_mean(lives) >= compute_mean(own) for lives in by_round], axis=-1)
        return np.where(reached.any(axis=-1), reached.argmax(axis=-1) + 1.0, np.inf)

    found = np.sort(resample_statistic((own, *random.T), find_first, seed))
    # order statistics, since percentiles would interpolate with infinite rounds
    low, high = (found[round(share * (len(found) - 1))] for share in (0.025, 0.975))
    middle = find_first(own, *random.T)
    return {"round": float(middle), "lower": float(low), "upper": float(high), "tried": rounds}
