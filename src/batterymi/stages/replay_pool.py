"""The stage `replay_pool`: campaigns over the rows of a table, all of which are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from batterymi.config.slices.campaign import ReplaySettings
from batterymi.config.worth import HULL
from batterymi.data.headers import add_units
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.errors import TableError
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.pool import make_pool
from batterymi.optimise.campaigns.pool_gain import compare_pool
from batterymi.optimise.campaigns.replay import list_best_rows, replay_campaigns
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.splits import PARTITION, SPLIT, TRAIN


@dataclass(frozen=True)
class ReplayFiles:
    """What the stage writes.

    Attributes:
        history: Parquet; every measurement that a campaign chose.
        suggestions: CSV; the best rows of the pool.
        benchmark: JSON; measurements needed to reach each target, against random search and a rule.
        reference_designs: CSV; empty, since rows are not designs of a space.
    """

    history: Path
    suggestions: Path
    benchmark: Path
    reference_designs: Path


def replay_pool(
    table: Path,
    predictions: Path,
    hulls: Path | None,
    files: ReplayFiles,
    settings: ReplaySettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Replay campaigns against random search on the rows of a table.

    Args:
        table: the study's table.
        predictions: its out-of-fold predictions, shown beside the best rows.
        hulls: receipt of the data set with hull distances, if the campaign uses them.
        files: what to write.
        settings: of rows and campaign.
        digests: of the data set's files when the run began.

    Raises:
        TableError: if a condition or the rule cannot be computed, or the data set has changed.
    """
    campaign = settings.campaign
    rows = read_frame(table, needs=[*(column.name for column in (*settings.features, *settings.objectives)), SPLIT])
    predicted = read_frame(predictions, needs=["variant", "objective", "best", "line", PARTITION])
    # one prediction per row
    predicted = predicted[predicted[PARTITION] == 1]
    rows = rows[rows[SPLIT] == TRAIN].reset_index(drop=True)
    if campaign.hull_of and hulls:
        rows = _add_hulls(rows, campaign.hull_of, hulls.parent, digests)
    pool = make_pool(rows, settings)
    runs = replay_campaigns(pool, campaign, settings.seed)
    comparison = compare_pool(runs, pool, campaign, settings.seed)
    write_parquet(files.history, runs.drop(columns="row"))
    write_csv(files.suggestions, add_units(list_best_rows(pool, predicted, settings), [pool.target]))
    write_csv(files.reference_designs, pd.DataFrame(columns=["name", "status", "flags"]))
    feasibility: dict[str, Any] = {
        "verdict": "feasible",
        "message": _describe_pool(len(rows), len(pool.rows), int(pool.is_worth.sum())),
        "limits": [],
        "pareto_share": None,
    }
    content = {
        "feasibility": feasibility,
        "outcome_kind": "in the data",
        "comparison": comparison,
        "failures": {},
    }
    write_json(files.benchmark, content)


def _add_hulls(rows: pd.DataFrame, column: str, folder: Path, digests: Mapping[str, str]) -> pd.DataFrame:
    """Add the hull distance of each row's formula."""
    from batterymi.data.loaders.mp_compositions import look_up_hulls

    if column not in rows:
        hint = did_you_mean(column, map(str, rows.columns))
        raise TableError(f"campaign.hull_of: '{column}' is not a column of the table; {hint}")
    with hold_unchanged(digests) as found:
        refuse_changes(found, digests)
        return rows.assign(**{HULL: look_up_hulls(folder, rows[column].tolist())})


def _describe_pool(n_rows: int, n_pool: int, n_worth: int) -> str:
    """Say how many rows can be chosen, and how many of them are worth finding."""
    text = f"a pool of {n_pool} rows, all of which can be chosen"
    if n_pool < n_rows:
        text += f"; {n_rows - n_pool} others break what is known beforehand"
    return text + (f"; {n_worth} of them are worth finding" if n_worth < n_pool else "")
