"""`batterymi suggest`: the next designs of one study in seconds, from its table alone."""

from pathlib import Path

import pandas as pd

from batterymi.config.slices.campaign import DesignSettings
from batterymi.config.study import Study
from batterymi.data.designs import read_designs
from batterymi.data.read_csv import read_csv
from batterymi.data.table import check_rows, read_rows
from batterymi.errors import ConfigError
from batterymi.files import write_csv
from batterymi.optimise.campaigns.next_batch import make_search, propose_batch
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, TRAIN
from batterymi.vocabulary.units import with_unit


def suggest_now(name: str, study: Study, n: int | None, csv: Path | None) -> str:
    """Suggest designs, without the study's models.

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
    loaded = read_rows(study.table.file, study.table)
    rows, _ = check_rows(
        loaded.frame, study.table.file, study.table, study.features, study.objectives, study.simplex, study.descriptors
    )
    # trees are listed with the study's models, which are not fitted here
    engine = study.campaign.engine if study.campaign.engine != "enumerate" else "gaussian_process"
    pool = read_designs(Path(study.pool), study.designable) if study.pool else None
    search = make_search(DesignSettings.take_from(study), rows, pool)
    proposed = propose_batch(search, rows, engine, n or study.campaign.suggestions, study.seed)
    if csv is not None:
        write_csv(csv, _to_append(proposed, study), recorded=False)
    return _text(name, proposed, study, rows)


def _text(name: str, proposed: pd.DataFrame, study: Study, rows: pd.DataFrame) -> str:
    """Designs for a person at a terminal."""
    counts = rows[SPLIT].value_counts()
    known = f"{counts.get(TRAIN, 0)} measured rows"
    known += f", {counts[PENDING]} pending" if PENDING in counts else ""
    known += f", {counts[FAILED]} failed" if FAILED in counts else ""
    lines = [f"{study.title}: {known}; engine {study.campaign.engine}", ""]
    for place, (_, row) in enumerate(proposed.iterrows(), start=1):
        values = "; ".join(
            f"{f.label} {row[f.name]}" if f.is_category else f"{with_unit(f.label, f.unit)} {row[f.name]:.5g}"
            for f in study.designable
        )
        lines += [f"{place}. {values}", f"   {row['why']}"]
    if proposed.empty:
        lines.append("no design is left: all of them are known, pending or failed")
    return "\n".join([*lines, "", f"With validated predictions and figures: snakemake {name}", ""])


def _to_append(proposed: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Designs under the header of the table, to be appended to it."""
    header = list(read_csv(study.table.file or "").columns)
    names = {column: study.table.columns.get(column, column) for column in header}
    objectives = {objective.name for objective in study.objectives}
    columns = {
        column: proposed[own] if own in proposed else ["pending" if own in objectives else ""] * len(proposed)
        for column, own in names.items()
    }
    return pd.DataFrame(columns)
