"""`batterymi suggest`: the next designs of one study in seconds, from its table alone."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.cli.settings import find_study, read_config
from batterymi.config.slices.campaign import DesignSettings
from batterymi.config.slices.data import TableSettings
from batterymi.config.study import Study
from batterymi.data.designs import read_designs
from batterymi.data.header_units import find_conversions, match_headers
from batterymi.data.read_csv import read_csv
from batterymi.data.table import load_table
from batterymi.errors import ConfigError
from batterymi.files import write_csv
from batterymi.optimise.campaigns.next_batch import make_search, propose_batch
from batterymi.text_safety import write_out
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, TRAIN
from batterymi.vocabulary.units import format_label


def suggest_designs(options: argparse.Namespace) -> None:
    """Print the next designs of a study, and write them to a file if one is named.

    Raises:
        ConfigError: if there is no such study, or the number of designs is out of range.
    """
    study = find_study(options.study, read_config(options.configfile))
    if options.n is not None and not 1 <= options.n <= 1000:
        raise ConfigError([f"-n {options.n}: give a number from 1 to 1000"])
    write_out(suggest_now(options.study, study, options.n, options.csv))


def suggest_now(name: str, study: Study, n: int | None, csv: Path | None) -> str:
    """Suggest designs without the study's models.

    The designs are those that `snakemake` suggests for a study of experiments; what it adds is a validated prediction
    of each, its interval, and the ledger of the campaign.

    Args:
        name: of the study.
        study: its settings.
        n: how many designs; None takes the study's own number.
        csv: a file to write them to under the header of the table, objectives marked `pending`; None for none.

    Returns:
        Text to print.

    Raises:
        ConfigError: if the study's rows are no file, or its designs are the rows themselves.
        TableError: if the table cannot be used.
        DesignError: if no design meets the constraints.
    """
    if study.table.file is None:
        raise ConfigError([f"{name}: its rows are made by the workflow; `batterymi suggest` needs table.file"])
    if study.campaign.mode == "replay":
        message = (
            "`campaign.mode: replay` chooses among measured rows; `batterymi suggest` needs mode experiment or search"
        )
        raise ConfigError([f"{name}: {message}"])
    rows = load_table(TableSettings.take_from(study, path=study.table.file, dataset=None)).rows
    # trees are listed with the study's models, which are not fitted here
    engine = study.campaign.engine if study.campaign.engine != "enumerate" else "gaussian_process"
    pool = read_designs(Path(study.pool), study.designable) if study.pool else None
    search = make_search(DesignSettings.take_from(study), rows, pool)
    proposed = propose_batch(search, rows, engine, n or study.campaign.suggestions, study.seed)
    if csv is not None:
        write_csv(csv, _make_table_rows(proposed, study), recorded=False)
    return _format_suggestions(name, proposed, study, rows)


def _format_suggestions(name: str, proposed: pd.DataFrame, study: Study, rows: pd.DataFrame) -> str:
    """Format the suggestions for a terminal."""
    counts = rows[SPLIT].value_counts()
    known = f"{counts.get(TRAIN, 0)} measured rows"
    known += f", {counts[PENDING]} pending" if PENDING in counts else ""
    known += f", {counts[FAILED]} failed" if FAILED in counts else ""
    lines = [f"{study.title}: {known}; engine {study.campaign.engine}", ""]
    for place, (_, row) in enumerate(proposed.iterrows(), start=1):
        values = "; ".join(
            f"{f.label} {row[f.name]}" if f.is_category else f"{format_label(f.label, f.unit)} {row[f.name]:.5g}"
            for f in study.designable
        )
        lines += [f"{place}. {values}", f"   {row['why']}"]
    if proposed.empty:
        lines.append("no design is left: all of them are known, pending or failed")
    return "\n".join([*lines, "", f"With validated predictions and figures: snakemake {name}", ""])


def _make_table_rows(proposed: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return designs under the header of the table and in its units, to be appended to it."""
    path, declared = study.table.file or "", (*study.features, *study.objectives)
    header = list(read_csv(path).columns)
    names = match_headers(header, study.table.columns, declared)
    conversions = find_conversions(path, names, declared)
    objectives = {objective.name for objective in study.objectives}
    columns: dict[str, Any] = {}
    for column in header:
        own = names.get(column, column)
        if own not in proposed:
            columns[column] = ["pending" if own in objectives else ""] * len(proposed)
        elif own in conversions:
            columns[column] = conversions[own].convert_to_file(proposed[own])
        else:
            columns[column] = proposed[own]
    return pd.DataFrame(columns)
