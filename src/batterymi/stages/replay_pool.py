"""The stage `replay_pool`: campaigns over the rows of a table, all of which are known."""

from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.slices.campaign import ReplaySettings
from batterymi.data.headers import add_units
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.benchmark import compare_with_random
from batterymi.optimise.campaigns.replay import (
    describe_saving,
    list_best_rows,
    make_pool,
    measure_acceleration,
    replay_campaigns,
)
from batterymi.vocabulary.splits import SPLIT, TRAIN


def replay_pool(
    table: Path,
    predictions: Path,
    history: Path,
    suggestions: Path,
    benchmark: Path,
    reference_designs: Path,
    settings: ReplaySettings,
) -> None:
    """Replay campaigns against random search on the rows of a table.

    Args:
        table: the study's table.
        predictions: its out-of-fold predictions, shown beside the best rows.
        history: Parquet to write: every measurement that a campaign chose.
        suggestions: CSV to write: the best rows of the pool.
        benchmark: JSON to write: measurements needed to find the best shares, against random search.
        reference_designs: CSV to write: empty, since rows are not designs of a space.
        settings: of rows and campaign.
    """
    campaign = settings.campaign
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    predicted = read_frame(predictions, needs=["variant", "objective", "best", "line"])
    pool = make_pool(rows[rows[SPLIT] == TRAIN], settings)
    runs = replay_campaigns(pool, campaign, settings.seed)
    found = [measure_acceleration(runs, pool, share, campaign, settings.seed) for share in campaign.shares]
    comparison = compare_with_random(runs, campaign.engine, settings.seed) | describe_saving(found[0])
    write_parquet(history, runs.drop(columns="row"))
    write_csv(suggestions, add_units(list_best_rows(pool, predicted, settings), [pool.target]))
    write_csv(reference_designs, pd.DataFrame(columns=["name", "status", "flags"]))
    feasibility: dict[str, Any] = {
        "verdict": "feasible",
        "message": f"a pool of {len(pool.rows)} rows, all of which can be chosen",
        "limits": [],
        "pareto_share": None,
    }
    content = {
        "feasibility": feasibility,
        "outcome_kind": "in the data",
        "comparison": comparison,
        "failures": {},
        "acceleration": found,
    }
    write_json(benchmark, content)
