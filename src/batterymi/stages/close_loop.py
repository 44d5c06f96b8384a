"""Rounds of tests by every way to choose them, compared with random batches."""

from pathlib import Path

import pandas as pd

from batterymi.closed_loop.choices import METHODS
from batterymi.closed_loop.compare import compare_methods
from batterymi.closed_loop.life_model import PAPER
from batterymi.closed_loop.lives import remark_lives, select_usable_lives
from batterymi.closed_loop.loop import run_methods
from batterymi.closed_loop.thermal_life import compute_cycle_lives, make_ten_minute_protocols
from batterymi.config.slices.closed_loop import LoopSettings
from batterymi.files import read_frame, read_json, write_csv, write_json


def close_loop(lives: Path, about: Path, runs: Path, comparison: Path, settings: LoopSettings) -> None:
    """Run every method from the same seeds, and compare each in pairs with random batches of the same model.

    Args:
        lives: CSV: protocols and lives; those without a life are left out.
        about: JSON: what the lives rest on.
        runs: CSV to write: the true life of the protocol that each loop recommends after each round.
        comparison: JSON to write: lives and gains with intervals over the seeds.
        settings: size of the loop.

    Raises:
        TableError: if fewer than two protocols have a life, or all lives are equal.
    """
    table, described = read_frame(lives), read_json(about)
    inputs, usable = select_usable_lives(table, str(lives))
    scale = PAPER.rescale_to_lives(usable, compute_cycle_lives(make_ten_minute_protocols()).astype(float))
    seeds, rounds = range(settings.seed, settings.seed + settings.seeds), settings.rounds
    rows = pd.concat([run_methods(usable, inputs, batch, rounds, seeds, scale) for batch in settings.batches])
    pairs = [(batch, method) for batch in settings.batches for method in METHODS]
    write_csv(runs, rows)
    write_json(
        comparison,
        {
            "life_model": described["life_model"],
            "remarks": [*described["remarks"], *remark_lives(usable, len(table))],
            "protocols": len(usable),
            "best_life": float(usable.max()),
            "mean_life": float(usable.mean()),
            "stake": float(usable.max() - usable.mean()),
            "life_deviation": float(usable.std()),
            "test_deviation": scale.deviation,
            "prior_mean": scale.prior_mean,
            "rounds": rounds,
            "seeds": settings.seeds,
            "comparisons": [compare_methods(rows, batch, method, rounds, settings.seed) for batch, method in pairs],
        },
    )
