"""The stages of the closed loop: lives of the protocols, loops over them, and their comparison."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.closed_loop.compare import SAME_MODEL, compare_methods
from batterymi.closed_loop.loop import METHODS, PAPER, Scale, run_loop
from batterymi.closed_loop.thermal_life import cycle_lives, ten_minute_protocols
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json, write_csv, write_json

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

LONGER = 4  # times as many rounds for random batches, to see when they match
FLAT = 0.1
THERMAL_REMARKS = (
    "The published simulator puts degrees Celsius where Arrhenius's law needs kelvins, leaves the diffusivity out at "
    "the cell's centre, and lets nodes beyond both ends age; kept, since the published lives rest on it.",
)


def compute_thermal_lives(lives_path: str, about_path: str) -> None:
    """Lives of the protocols by the thermal model with which the loop was published.

    Args:
        lives_path: CSV to write: protocols and lives.
        about_path: JSON to write: what the lives rest on.
    """
    protocols = ten_minute_protocols()
    write_csv(lives_path, protocols.assign(life_cycles=cycle_lives(protocols)))
    write_json(about_path, {"life_model": "thermal model of Attia et al. 2020", "remarks": list(THERMAL_REMARKS)})


def close_loop(
    lives_path: str,
    about_path: str,
    runs_path: str,
    comparison_path: str,
    *,
    batches: Sequence[int],
    rounds: int,
    seeds: int,
    seed: int,
) -> None:
    """Run every method from the same seeds, and compare them in pairs with random batches of the same model.

    Args:
        lives_path: CSV: protocols and lives; those without a life are left out.
        about_path: JSON: what the lives rest on.
        runs_path: CSV to write: the true life of the protocol that each loop recommends after each round.
        comparison_path: JSON to write: lives and gains with intervals over the seeds.
        batches: numbers of tests in a round.
        rounds: of a loop.
        seeds: how many loops of each kind.
        seed: the first.

    Raises:
        TableError: if there is nothing to choose from.
    """
    table, about = read_frame(lives_path), read_json(about_path)
    inputs, lives = usable_lives(table, lives_path)
    scale = PAPER.carried_over(lives, cycle_lives(ten_minute_protocols()).astype(float))
    runs = pd.concat([run_methods(lives, inputs, batch, rounds, range(seed, seed + seeds), scale) for batch in batches])
    pairs = [(batch, method) for batch in batches for method in METHODS]
    write_csv(runs_path, runs)
    write_json(
        comparison_path,
        {
            "life_model": about["life_model"],
            "remarks": [*about["remarks"], *remark_lives(lives, len(table))],
            "protocols": len(lives),
            "best_life": float(lives.max()),
            "mean_life": float(lives.mean()),
            "stake": float(lives.max() - lives.mean()),
            "life_deviation": float(lives.std()),
            "test_deviation": scale.deviation,
            "prior_mean": scale.prior_mean,
            "rounds": rounds,
            "seeds": seeds,
            "comparisons": [compare_methods(runs, batch, method, rounds, seed) for batch, method in pairs],
        },
    )


def usable_lives(table: pd.DataFrame, path: str) -> tuple[Array, Array]:
    """What protocols with a life differ in, and their lives.

    Args:
        table: columns c_rate_1 to c_rate_4 and life_cycles, which may lack lives.
        path: where it comes from, for messages.

    Returns:
        C-rates of the first three steps, shape (n, 3), which fix the fourth; lives in cycles, shape (n,).

    Raises:
        TableError: if fewer than two protocols have a life, or all have the same.
    """
    known = table[table["life_cycles"].notna()]
    lives = known["life_cycles"].to_numpy(float)
    if len(known) < 2:
        raise TableError(f"{path}: life_cycles: {len(known)} of {len(table)} protocols have a life; a loop needs two")
    if lives.std() == 0:
        raise TableError(f"{path}: life_cycles: every protocol lasts {lives[0]:g} cycles; there is nothing to choose")
    return known[["c_rate_1", "c_rate_2", "c_rate_3"]].to_numpy(float), lives


def remark_lives(lives: Array, n_protocols: int) -> list[str]:
    """What must be said of lives before a gain in cycles is read: failures, and how little may be at stake."""
    remarks = []
    if len(lives) < n_protocols:
        remarks.append(f"{n_protocols - len(lives)} of {n_protocols} protocols have no life and are left out.")
    stake = float(lives.max() / lives.mean() - 1)
    if stake < FLAT:
        remarks.append(f"Lives are nearly flat: the best protocol lasts {100 * stake:.1f} % longer than the mean.")
    return remarks


def run_methods(
    lives: Array, inputs: Array, batch: int, rounds: int, seeds: Sequence[int], scale: Scale
) -> pd.DataFrame:
    """Loops of all methods; random batches with the same model go on for `LONGER` times the rounds.

    Args:
        lives: true lives, shape (n,).
        inputs: what protocols differ in, shape (n, d).
        batch: tests of a round.
        rounds: of a loop.
        seeds: one loop of each method for each.
        scale: settings of model and noise, in cycles.

    Returns:
        Columns batch, method, seed, round and life_cycles, the true life of what is recommended after the round.
    """
    rows: list[tuple[Any, ...]] = []
    for method in METHODS:
        length = rounds * LONGER if method == SAME_MODEL else rounds
        for seed in seeds:
            arms = run_loop(lives, inputs, method, batch, length, seed, scale)
            rows += [(batch, method, seed, number, lives[arm]) for number, arm in enumerate(arms, start=1)]
        logger.info("batches of %d: %s done", batch, method)
    return pd.DataFrame(rows, columns=["batch", "method", "seed", "round", "life_cycles"])
