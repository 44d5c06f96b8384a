"""`batterymi assess`: conductivity, hull distance, window and reactions of a formula, or of every row of a file."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.authoring.outputs import refuse_target, write_new_file
from batterymi.cli.conductivity import COLUMNS, ConductivityModel, describe_conductivity, open_conductivity
from batterymi.cli.show_stability import format_assessment, format_table
from batterymi.config.run import Config
from batterymi.data.read_table import read_table
from batterymi.data.read_workbook import WORKBOOKS
from batterymi.errors import TableError
from batterymi.features.formula_cells import read_formula
from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.files import format_csv, read_frame
from batterymi.stability.assess import FULL, NOTHING, WITHOUT_DRAWS, Assessment, Assessor, Depth
from batterymi.stability.phases import ION, PHASE_COLUMNS, PhaseTable, StabilityError
from batterymi.stability.read_composition import Composition, read_composition
from batterymi.text_safety import show_in_line, write_error, write_out
from batterymi.vocabulary.stability import PARTNERS
from batterymi.workflow.project import folder_of
from batterymi.workflow.settings import read_config

FILES = (".csv", ".tsv", ".txt", ".parquet", *WORKBOOKS)
FORMULA_COLUMNS = ("formula", "composition")
PARTNER_ELEMENTS = frozenset(symbol for formula in PARTNERS.values() for symbol in parse_formula(formula))
AS_READ = "as_read"  # column of the formula as it was understood, which is not shown
INSTEAD = "or leave --csv out, which prints the numbers"


def assess_formulas(options: argparse.Namespace) -> int:
    """Print conductivity and stability of a formula, or of every row of a file.

    Returns:
        1 if a row of the file could not be computed, else 0.

    Raises:
        BatteryMIError: if there is no table of phases, the one formula cannot be computed, or the CIF file cannot be
            read.
    """
    if (options.formula is None) == (options.structure is None):
        raise TableError("give either a formula, a table with a column of formulas, or --structure FILE.cif")
    record, text = None, options.formula
    if options.structure is not None:
        from batterymi.cli.structure import describe_estimate, read_crystal

        record, text = read_crystal(options.structure)
    config = read_config(options.configfile)
    if options.csv is not None:
        refuse_target(options.csv, "--csv", config, INSTEAD)
    is_one = record is not None or not text.lower().endswith(FILES)
    # reading the other phases of the table takes longer than to compute one formula; but draws are of all phases
    within = {ION, *_list_elements(text), *PARTNER_ELEMENTS} if is_one and not options.draws else ()
    assessor = _open_assessor(config, within, has_draws=options.draws)
    model = open_conductivity(config)
    depth = FULL if options.draws else WITHOUT_DRAWS
    if is_one:
        try:
            composition = read_composition(text, assessor.table)
            found = assessor.assess(composition.amounts, depth)
        except StabilityError as error:
            raise StabilityError(f"'{show_in_line(text)}': {error}") from None
        row = _add_conductivities(pd.DataFrame([_make_row(text, composition, found)]), model)
        if options.csv is not None:
            rows = row.drop(columns=AS_READ)
            write_new_file(options.csv, format_csv(rows), "--csv", config, INSTEAD)
        known = [f"  conductivity     {model}"] if isinstance(model, str) else describe_conductivity(row.iloc[0], model)
        known += [] if record is None else describe_estimate(record, assessor, config)
        write_out(format_assessment(text, composition, found, known))
        return 0
    path = Path(text)
    texts = _read_texts(path, options.column)
    rows, problems = _assess_texts(texts, assessor, depth)
    rows = _add_conductivities(rows, model).drop(columns=AS_READ)
    if options.csv is not None:
        write_new_file(options.csv, format_csv(rows), "--csv", config, INSTEAD)
        write_out(f"{len(rows) - len(problems)} of {len(rows)} rows computed; wrote {options.csv}\n")
    else:
        write_out(format_table(rows))
    if isinstance(model, str):
        write_error(f"conductivity: {model}\n")
    for line, problem in problems:
        write_error(f"{path}: row {line}: {problem}\n")
    return 1 if problems else 0


def _list_elements(text: str) -> list[str]:
    """Return the elements of a formula; none if it cannot be read, which is said where it is computed."""
    try:
        return list(parse_formula(read_formula(text).formula))
    except FormulaError:
        return []


def _open_assessor(config: Config, within: Collection[str], *, has_draws: bool) -> Assessor:
    """Open the table of phases that the workflow made, those within some elements where any are named.

    Raises:
        TableError: if it was not made yet.
    """
    path = folder_of(config, "results") / "stability" / "phases.parquet"
    if not path.is_file():
        raise TableError(f"{path}: there is no such file; make it, in less than a minute: snakemake --cores 1 {path}")
    table = PhaseTable(read_frame(path, PHASE_COLUMNS), within=within)
    settings = config.stability
    return Assessor(table, settings.draws if has_draws else 0, settings.noise_ev_atom, settings.seed)


def _read_texts(path: Path, column: str | None) -> pd.Series:
    """Read the formulas of a file; the index holds the numbers of its rows.

    Raises:
        TableError: if it cannot be read, or it is not clear which column holds formulas.
    """
    frame = read_table(path).frame
    names = [str(name) for name in frame.columns]
    if column is None:
        known = [name for name in names if name.strip().lower() in FORMULA_COLUMNS]
        candidates = known or (names if len(names) == 1 else [])
        if len(candidates) != 1:
            raise TableError(
                f"{path}: which column holds the formulas? Name it with --column; found: {', '.join(names[:20])}"
            )
        column = candidates[0]
    if column not in names:
        raise TableError(f"{path}: there is no column '{column}'; found: {', '.join(names[:20])}")
    return frame[column].astype(str)


def _assess_texts(texts: pd.Series, assessor: Assessor, depth: Depth) -> tuple[pd.DataFrame, list[tuple[Any, str]]]:
    """Return a row for each text, and the problems of those that could not be computed, by the number of their row."""
    rows: list[dict[str, Any]] = []
    problems: list[tuple[Any, str]] = []
    for line, text in texts.items():
        try:
            composition = read_composition(text, assessor.table)
            rows.append(_make_row(text, composition, assessor.assess(composition.amounts, depth)))
        except (FormulaError, StabilityError) as error:
            problem = str(error) if isinstance(error, FormulaError) else f"'{show_in_line(text)}': {error}"
            problems.append((line, problem))
            rows.append({"formula": text, AS_READ: None, "note": "", **NOTHING.as_row(), "problem": problem})
    columns: Sequence[str] = ["formula", AS_READ, "note", *NOTHING.as_row(), "problem"]
    return pd.DataFrame(rows, columns=list(columns)), problems


def _make_row(text: str, composition: Composition, found: Assessment) -> dict[str, Any]:
    """Return the row of a text that was computed."""
    read = "".join(f"{symbol}{amount:.6g}" for symbol, amount in composition.amounts.items())
    return {"formula": text, AS_READ: read, "note": composition.note, **found.as_row(), "problem": ""}


def _add_conductivities(rows: pd.DataFrame, model: ConductivityModel | str) -> pd.DataFrame:
    """Return the rows with the columns of conductivities after the note; empty where nothing was computed."""
    is_read = rows[AS_READ].notna()
    found = pd.DataFrame(index=rows.index, columns=list(COLUMNS))
    if not isinstance(model, str) and is_read.any():
        found = model.predict(rows.loc[is_read, AS_READ].tolist()).set_index(rows.index[is_read]).reindex(rows.index)
    place = list(rows.columns).index("note") + 1
    return pd.concat([rows.iloc[:, :place], found, rows.iloc[:, place:]], axis=1)
