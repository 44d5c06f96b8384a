"""`batterymi suggest`: the next designs of one study in seconds, from its table alone."""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from batterymi.authoring.outputs import refuse_target, write_new_file
from batterymi.authoring.table_rows import make_table_rows
from batterymi.cli.show_suggestions import format_partly_measured, format_suggestions
from batterymi.cli.validated import predict_validated
from batterymi.config.parts import Feature
from batterymi.config.run import Config
from batterymi.config.slices.campaign import DesignSettings
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.config.study import Study
from batterymi.data.append_rows import append_rows, prepare_append, refuse_open_table
from batterymi.data.designs import read_pool
from batterymi.data.header_units import match_headers
from batterymi.data.read_table import read_table
from batterymi.data.table import load_table
from batterymi.errors import BatteryMIError, ConfigError, OutputError, TableError
from batterymi.files import format_csv
from batterymi.optimise.campaigns.changes import State, describe_changes
from batterymi.optimise.campaigns.converted_batches import convert_batch, describe_differences
from batterymi.optimise.campaigns.ledger import Ledger, are_same_designs
from batterymi.optimise.campaigns.ledger_lines import Batch
from batterymi.optimise.campaigns.made_designs import exclude_made_designs
from batterymi.optimise.campaigns.matched_results import COLUMN, find_name_column, parse_name
from batterymi.optimise.campaigns.next_batch import make_design, make_search, propose_batch
from batterymi.optimise.campaigns.partly_measured import assess_partly_measured
from batterymi.optimise.space.problem import Search
from batterymi.text_safety import write_error, write_out
from batterymi.workflow.settings import find_study, read_config, read_ledger

INSTEAD = "or `--append`, which puts the designs into the study's table"


@dataclass(frozen=True)
class Proposal:
    """Designs that were proposed for a study.

    Attributes:
        designs: with a column `why`, and what the engine's model expects.
        rows: of the study's table.
        content: of the table's file.
        search: objectives and limits, and the space.
    """

    designs: pd.DataFrame
    rows: pd.DataFrame
    content: bytes
    search: Search

    @property
    def features(self) -> tuple[Feature, ...]:
        """Return what a design consists of."""
        return self.search.space.features


def suggest_designs(options: argparse.Namespace) -> None:
    """Print the next designs of a study; write them to a new file, or append them to the table, as the options say.

    Raises:
        ConfigError: if there is no such study, the number of designs is out of range, or the file exists.
        TableError: if the table cannot be used.
        OutputError: if nothing can be written.
    """
    config = read_config(options.configfile)
    name, study = options.study, find_study(options.study, config)
    if options.n is not None and not 1 <= options.n <= 1000:
        raise ConfigError([f"-n {options.n}: give a number from 1 to 1000"])
    # targets are checked before designs are chosen, which takes a while
    if options.csv is not None:
        refuse_target(options.csv, "--csv", config, INSTEAD)
    if options.append and study.table.file:
        refuse_open_table(Path(study.table.file))
    wanted = options.n or study.campaign.suggestions
    ledger = _read_own_ledger(name, study, config)
    proposal = propose_now(name, study, options.n, ledger.batches if ledger else ())
    names = _find_names(ledger, proposal, study)
    validated = predict_validated(name, study, config, proposal.search, proposal.rows, proposal.designs)
    lines = [format_suggestions(study, proposal.search, proposal.rows, proposal.designs, names, validated, wanted)]
    lines += format_partly_measured(
        assess_partly_measured(proposal.search, proposal.rows, study.seed, study.id_column), proposal.search
    )
    if options.append or options.csv is not None:
        added = make_table_rows(proposal.designs, names, study)
        lines += _write_designs(options, added, study.table, proposal.content, config)
        lines += _describe_empty_cells(added, names, name, _list_design_headers(study))
    write_out("".join(lines))


def _write_designs(
    options: argparse.Namespace, added: pd.DataFrame, reading: Table, content: bytes, config: Config
) -> list[str]:
    """Write designs to where the options say: the new file first, since rows cannot be taken out of a table again.

    Returns:
        What was written, a line for each file.

    Raises:
        BatteryMIError: which says what was written and what was not.
    """
    table = Path(reading.file or "")
    lines, appends = [], options.append and len(added) > 0
    if appends:
        prepare_append(table, added, content, reading)
    if options.csv is not None:
        try:
            write_new_file(options.csv, format_csv(added), "--csv", config, INSTEAD)
        except OutputError as error:
            raise OutputError(f"{error}; no design was written or appended") from error
        lines.append(f"Wrote {options.csv}\n")
    if appends:
        try:
            copy = append_rows(table, added, content, reading)
        except BatteryMIError as error:
            if options.csv is None:
                raise
            written = f"{options.csv} was written, with the designs; {table} is as it was"
            raise OutputError(f"{error}\n{written}. To append them, run again without --csv") from error
        rows = f"{len(added)} row{'' if len(added) == 1 else 's'}"
        lines.append(f"Appended {rows} to {table}, marked pending; as it was: {_shorten_path(copy)}\n")
    return lines


def _list_design_headers(study: Study) -> set[str]:
    """Return the headers of the table that are settings of designs; an empty cell there means that one is not used."""
    header = list(read_table(study.table.file or "", study.table).frame.columns)
    names = match_headers(header, study.table.columns, (*study.features, *study.objectives))
    features = {feature.name for feature in study.features}
    return {column for column in header if names.get(column, column) in features}


def _describe_empty_cells(
    added: pd.DataFrame, names: Sequence[str], study: str, settings: Collection[str] = ()
) -> list[str]:
    """Say which columns the new rows leave empty, and how they get the names of their suggestions.

    Args:
        added: the new rows, under the header of the table.
        names: of their suggestions.
        study: its name.
        settings: columns that are settings of designs, whose empty cells are meant.
    """
    if added.empty:
        return []
    column, lines = find_name_column(added.columns), []
    left = [header for header in added if header != column and header not in settings]
    empty = [str(header) for header in left if (added[header] == "").all()]
    if empty:
        lines.append(f"Left empty, for you to fill in: {', '.join(empty)}\n")
    if column is None and any(names):
        lines.append(f"With a column `{COLUMN}` in the table, rows keep the names of their suggestions.\n")
    elif column in added and not all(names):
        lines.append(f"Rows without a name in `{column}` are not in the ledger; `snakemake {study}` gives names.\n")
    return lines


def propose_now(name: str, study: Study, n: int | None, batches: Sequence[Batch] = ()) -> Proposal:
    """Propose designs without the study's models.

    The designs are those that `snakemake` suggests for a study of experiments; what it adds is a validated prediction
    of each, its interval, and the ledger of the campaign.

    Args:
        name: of the study.
        study: its settings.
        n: how many designs; None takes the study's own number.
        batches: of its ledger; suggestions that a row answers are not proposed again.

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
    content = _read_bytes(Path(study.table.file))
    loaded = load_table(TableSettings.take_from(study, path=study.table.file, dataset=None))
    rows = loaded.rows
    write_error("".join(f"{note}\n" for note in loaded.list_notes()))
    # trees are listed with the study's models, which are not fitted here
    engine = study.campaign.engine if study.campaign.engine != "enumerate" else "gaussian_process"
    settings = DesignSettings.take_from(study)
    pool = read_pool(Path(study.pool), settings, id_column=study.id_column) if study.pool else None
    search = exclude_made_designs(make_search(settings, rows, pool), rows, batches)
    proposed = propose_batch(search, rows, engine, n or study.campaign.suggestions, study.seed)
    return Proposal(proposed, rows, content, search)


def _shorten_path(path: Path) -> Path:
    """Return a path as seen from here, if it is in this folder."""
    here = Path.cwd().resolve()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _read_bytes(path: Path) -> bytes:
    """Return the content of a table; nothing where it cannot be read, which its reader says."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _read_own_ledger(name: str, study: Study, config: Config) -> Ledger | None:
    """Return the ledger of a study of experiments; None where there is none, or it cannot be used, which is said."""
    try:
        return read_ledger(name, config) if study.is_experiment else None
    except TableError as error:
        write_error(f"{error}\n")
        return None


def _find_names(ledger: Ledger | None, proposal: Proposal, study: Study) -> list[str]:
    """Return what the study's ledger calls designs; an empty text where it has no name for them that is still free."""
    proposed, features = proposal.designs, proposal.features
    if ledger is None:
        return [""] * len(proposed)
    differences = describe_differences(ledger.batches, features, study.objectives)
    write_error("".join(f"{line}\n" for line in ledger.warnings))
    write_error("".join(f"{ledger.path}: {line}\n" for line in differences))
    state = State(proposal.rows, features, study.objectives, study.constraints, study.id_column)
    changes = describe_changes(ledger.batches[-1], state) if ledger.batches else []
    write_error("".join(f"{line}\n" for line in changes))
    converted = [convert_batch(batch, features, study.objectives) for batch in reversed(ledger.batches)]
    column = find_name_column(proposal.rows.columns)
    used = {parse_name(cell) for cell in proposal.rows[column]} if column else set()
    known = [
        item
        for batch in converted
        for item, fault in zip(batch.batch.suggestions, batch.design_faults, strict=True)
        # a row of the table that has a name keeps it
        if not fault and parse_name(item.name) not in used
    ]
    names = []
    for _, row in proposed.iterrows():
        design = make_design(row, features)
        names.append(next((item.name for item in known if are_same_designs(item.design, design)), ""))
    return names
