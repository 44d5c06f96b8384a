"""The stage `close_loop`: what adaptive choice of protocols adds over random batches with the same model."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.closed_loop.loop import METHODS, run_loop
from batterymi.closed_loop.thermal_life import cycle_lives, ten_minute_protocols
from batterymi.files import write_csv, write_json
from batterymi.surrogates.intervals import interval

logger = logging.getLogger(__name__)

SAME_MODEL = "random, same model"
N_BOOTSTRAPS = 5000


def close_loop(
    lives_path: str, runs_path: str, comparison_path: str, *, batches: Sequence[int], rounds: int, seeds: int, seed: int
) -> None:
    """Run every method from the same seeds, and compare them in pairs with random batches of the same model.

    Args:
        lives_path: CSV to write: the protocols and their true lives.
        runs_path: CSV to write: the true life of the protocol that each loop recommends after each round.
        comparison_path: JSON to write: gains with intervals over the seeds.
        batches: numbers of tests in a round.
        rounds: of a loop.
        seeds: how many loops of each kind.
        seed: the first.
    """
    protocols = ten_minute_protocols()
    lives = cycle_lives(protocols).astype(float)
    inputs = protocols.to_numpy(float)[:, :3]
    rows = []
    for batch in batches:
        for method in METHODS:
            for one in range(seed, seed + seeds):
                for number, arm in enumerate(run_loop(lives, inputs, method, batch, rounds, one), start=1):
                    rows.append((batch, method, one, number, lives[arm]))
            logger.info("batches of %d: %s done", batch, method)
    runs = pd.DataFrame(rows, columns=["batch", "method", "seed", "round", "life_cycles"])
    write_csv(lives_path, protocols.assign(life_cycles=lives.astype(int)))
    write_csv(runs_path, runs)
    write_json(
        comparison_path,
        {
            "protocols": len(protocols),
            "best_life": float(lives.max()),
            "mean_life": float(lives.mean()),
            "rounds": rounds,
            "seeds": seeds,
            "comparisons": [compare_methods(runs, batch, method, seed) for batch in batches for method in METHODS],
        },
    )


def compare_methods(runs: pd.DataFrame, batch: int, method: str, seed: int) -> dict[str, Any]:
    """A method's final recommendation beside that of random batches with the same model.

    Args:
        runs: as `close_loop` writes them.
        batch: tests of a round.
        method: the method.
        seed: of the bootstrap over the loops.

    Returns:
        Mean life of what is recommended, the gain with its 95 % interval, and a verdict.
    """
    part = runs[(runs["batch"] == batch) & (runs["round"] == runs["round"].max())]
    wide = part.pivot(index="seed", columns="method", values="life_cycles")
    gain = (wide[method] - wide[SAME_MODEL]).to_numpy()
    draws = np.random.default_rng(seed).integers(len(gain), size=(N_BOOTSTRAPS, len(gain)))
    lower, upper = interval(gain[draws].mean(axis=1))
    own = interval(wide[method].to_numpy()[draws].mean(axis=1))
    found = "better" if lower > 0 else "worse" if upper < 0 else "not better"
    return {
        "batch": batch,
        "method": method,
        "life": float(wide[method].mean()),
        "life_lower": own[0],
        "life_upper": own[1],
        "gain": float(gain.mean()),
        "gain_lower": lower,
        "gain_upper": upper,
        "verdict": "the baseline" if method == SAME_MODEL else f"{found} than random batches with the same model",
    }
