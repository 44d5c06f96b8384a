"""A new study from a table: what each column was taken for, and why, and the YAML that says so."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from batterymi.cli import role as r
from batterymi.cli.outputs import describe_file
from batterymi.cli.parse_objective import parse_objective
from batterymi.cli.questions import list_questions
from batterymi.cli.role import Role
from batterymi.cli.roles import Wishes, assign_roles
from batterymi.cli.settings import read_config
from batterymi.cli.study_yaml import Plan, format_study
from batterymi.config.load import find_name_problem, load_study
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Reading
from batterymi.data.column_facts import describe_columns
from batterymi.data.cycler import describe_export
from batterymi.data.formula_columns import summarise_understood
from batterymi.data.input_files import read_content
from batterymi.data.layout import guess_layout
from batterymi.data.plausible import describe_fractions
from batterymi.data.read_table import RawTable, parse_grid, parse_table
from batterymi.data.table import load_table
from batterymi.errors import ConfigError, TableError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line, write_out
from batterymi.user_files import create_file
from batterymi.vocabulary.splits import PENDING, SPLIT

MAX_LINES = 25
MOST_LISTED = 30  # columns that are printed in full; of wide tables, those in use
OPTIONS = "--objective, --factor, --id, --group, --formula, --ignore or --repeats"
HOW = f"Where a guess is wrong, run again with {OPTIONS}"
AGAIN = f"where a guess is wrong, edit it, or remove it and run again with {OPTIONS}"


@dataclass(frozen=True)
class Guess:
    """What was guessed of a table.

    Attributes:
        plan: what the study is made from.
        raw: the table as read.
    """

    plan: Plan
    raw: RawTable


def guess_study(path: Path, file: str, title: str, reading: Reading, wishes: Wishes, fill: tuple[str, ...]) -> Guess:
    """Guess how a file is read and what its columns are for.

    Args:
        path: the table.
        file: its path as written in the study.
        title: heading of the study.
        reading: what the user says of the reading.
        wishes: what the user says of the columns.
        fill: columns in which an empty cell means the one above.

    Raises:
        TableError: if the file cannot be read, is the export of a cycler, or holds nothing to learn.
        ConfigError: if what the user says of columns cannot be.
    """
    content = read_content(path, "the name of the file").data
    reading = _find_reading(content, path, reading)
    raw = parse_table(content, path, reading)
    if said := describe_export(path, raw.frame):
        raise TableError(said)
    filled = [_find_header(raw, name) for name in fill]
    frame = raw.frame.copy()
    for header in filled:
        frame[header] = frame[header].where(frame[header] != "").ffill().fillna("")
    columns = describe_columns(frame, raw.decimal)
    roles = assign_roles(columns, wishes)
    _check_roles(roles, path)
    chosen = tuple(column for column in columns if column.header in filled)
    return Guess(Plan(file, title, roles, reading, chosen), raw)


def _find_reading(content: bytes, path: Path, reading: Reading) -> Reading:
    """Return the settings that a file needs to be read, beside those that the user gives."""
    if path.suffix.lower() == ".parquet":
        return reading
    grid, encoding = parse_grid(content, path, reading)
    if len(grid.rows) < 2:
        return reading
    layout = guess_layout(grid)
    found: dict[str, object] = {}
    if any(note.startswith("read as ") for note in grid.notes):
        # settled, so that it is not guessed again when letters are added
        found["encoding"] = encoding
    if reading.header_lines is None and layout.header_lines != (grid.rows[0][0],):
        found["header_lines"] = layout.header_lines
    if reading.leave_out is None and layout.leave_out:
        found["leave_out"] = layout.leave_out
    return reading.model_copy(update=found)


def _find_header(raw: RawTable, name: str) -> str:
    """Return the header of a column that an option names.

    Raises:
        ConfigError: if there is none.
    """
    headers = [str(header) for header in raw.frame.columns]
    found = [header for header in headers if header == name] or [
        header for header in headers if header.casefold() == name.strip().casefold()
    ]
    if not found:
        raise ConfigError([f"--fill-down {name}: is not a column; {did_you_mean(name, headers)}"])
    return found[0]


def _check_roles(roles: list[Role], path: Path) -> None:
    """Refuse a table without an objective, or without anything to predict it from.

    Raises:
        TableError: with what the columns were taken for.
    """
    kinds = {role.role for role in roles}
    if r.OBJECTIVE in kinds and kinds & {r.FACTOR, r.FORMULA, r.STRUCTURE}:
        return
    lacking = "an objective: a number that varies" if r.OBJECTIVE not in kinds else "a factor, formula or structure"
    numbers = sum(role.column.is_number and role.column.n_different > 1 for role in roles)
    raise TableError(
        f"{path}: found {numbers} columns of numbers that vary; a study needs a feature and an objective, and this "
        f"lacks {lacking}\n{format_roles(roles)}\n{HOW}"
    )


def format_roles(roles: list[Role]) -> str:
    """Return the roles of columns as a table of text: column, role, unit, why."""
    names = {role.column.name: role.column.header for role in roles}
    cells = [("column", "role", "unit", "why")]
    for role in roles:
        kind = f"{role.role} of {names[role.of]}" if role.of else role.role
        unit = "" if role.column.unit == "1" or role.role == r.DATE else role.column.unit
        notes = "".join(f"; {note}" for note in role.column.numbers.notes if _is_used_number(role))
        cells.append((show_in_line(role.column.header), kind, unit, show_in_line(role.why + notes)))
    widths = [min(max(len(row[place]) for row in cells), 34) for place in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def _is_used_number(role: Role) -> bool:
    """Return whether a study reads a column's cells as numbers."""
    return role.column.is_number and role.role not in (r.IGNORED, r.DATE)


def make_study_yaml(path: Path, file: str, title: str) -> str:
    """Return the YAML of a new study, with everything guessed.

    Args:
        path: the table.
        file: its path as written in the study.
        title: heading of the study.

    Raises:
        TableError: if the table holds nothing to learn.
    """
    return format_study(guess_study(path, file, title, Reading(), Wishes(), ()).plan)


def check_readable(text: str, plan: Plan, path: Path) -> list[str]:
    """Refuse the YAML of a study that is not read back as it was meant, or whose table cannot be used.

    Args:
        text: the YAML.
        plan: what it was made from.
        path: the table, for messages.

    Returns:
        What is said of the rows: how many are good, and which are left out.

    Raises:
        ConfigError: which says what in the table cannot be written into settings.
        TableError: if no row, or too few, can be used.
    """
    with tempfile.TemporaryDirectory(prefix="battery-mi-study-") as folder:
        trial = Path(folder) / "study.yaml"
        trial.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        try:
            study = load_study(trial)
        except ConfigError as error:
            problems = [problem.replace(f"{trial}: ", "") for problem in error.problems]
            raise ConfigError(
                [f"{path}: no study was written, since it could not be read: {problem}" for problem in problems]
            ) from None
    meant = [(column.name, tuple(column.words) or None) for column in plan.list_columns(r.FACTOR)]
    if [(feature.name, feature.choices) for feature in study.features] != meant:
        raise ConfigError([f"{path}: no study was written, since its choices are read as other words; rename them"])
    return _check_table(TableSettings.take_from(study, path=str(path), dataset=None))


def _check_table(settings: TableSettings) -> list[str]:
    """Return what a check of the table will say; rows at fault are left for the user to correct."""
    try:
        loaded = load_table(settings)
    except TableError as error:
        dropped = settings.model_copy(update={"table": settings.table.model_copy(update={"bad_rows": "drop"})})
        try:
            # refused altogether, unless the faults are those of single rows
            good = load_table(dropped)
        except TableError as second:
            said = str(error).partition("\nnothing was written")[0]
            raise TableError("\n".join(dict.fromkeys([said, f"{second}; no study was written"]))) from None
        # the study is written all the same
        faults = [line for line in str(error).splitlines() if not line.startswith("nothing was written")]
        return [
            *faults,
            *summarise_understood(good.formulas.understood),
            "these rows must be corrected before the study can be used; with `table.bad_rows: drop` they are left out",
        ]
    fractions = (describe_fractions(loaded.rows, column) for column in (*settings.features, *settings.objectives))
    n_waiting = int((loaded.rows[SPLIT] == PENDING).sum())
    waiting = f", {n_waiting} of them without a result yet (`table.empty: pending`)" if n_waiting else ""
    read = summarise_understood(loaded.formulas.understood)
    return [
        f"{len(loaded.rows)} of {loaded.n_in} rows can be used{waiting}",
        *filter(None, fractions),
        *read,
        *loaded.list_notes(),
    ]


def start_study(options: argparse.Namespace) -> None:
    """Write a study's YAML beside the others; never over one that exists.

    Raises:
        ConfigError: if the name cannot be used, or there is such a study.
        TableError: if the table cannot be used.
    """
    path: Path = options.csv
    try:
        file = path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        raise TableError(f"{path}: lies outside the workflow's folder {Path.cwd()}; copy it to data/") from None
    name = _choose_name(options.name, path)
    config = read_config()
    target = Path(config.studies_folder) / f"{name}.yaml"
    if target.exists() or target.is_symlink():
        found = describe_file(target, config)
        raise ConfigError(
            [f"{target}: this study exists already ({found}); delete it to make it again, or choose another --name"]
        )
    title = path.stem.replace("_", " ").replace("-", " ").strip()
    reading = Reading(sheet=options.sheet, encoding=options.encoding, decimal=options.decimal)
    guess = guess_study(
        path, file, title[:1].upper() + title[1:], reading, _read_wishes(options), tuple(options.fill_down)
    )
    text = format_study(guess.plan)
    notes = check_readable(text, guess.plan, path)
    try:
        create_file(target, text.encode("utf-8"))
    except FileExistsError:
        raise ConfigError([f"{target}: another process has just made this study; choose another --name"]) from None
    said = [f"{file}: {note}" for note in guess.raw.notes]
    if guess.plan.reading.encoding and not options.encoding:
        said.append(
            f"{file}: read as {guess.plan.reading.encoding} text, which its bytes look like; --encoding changes it"
        )
    lines = [
        format_roles(guess.plan.roles),
        "",
        *said,
        *list_questions(guess.plan.roles, guess.plan.fill_down),
        *dict.fromkeys(notes),
        "",
        text,
    ]
    write_out("\n".join([*lines, f"Wrote {target}. Read it; {AGAIN}.\n"]))
    write_out(_describe_next_steps(name, guess.plan, text))


def _describe_next_steps(name: str, plan: Plan, text: str) -> str:
    """Return what to run next; designs that formulas describe need a list of candidates to choose from."""
    if "mode: replay" not in text:
        return f"\n  batterymi check {name}\n  batterymi suggest {name}\n  snakemake {name}\n"
    columns = ", ".join(column.name for column in plan.list_columns(r.FORMULA, r.STRUCTURE, r.FACTOR))
    return (
        f"\n  batterymi check {name}\n  snakemake {name}\n\nThe rows themselves are the designs. For a next batch, "
        f"list candidates in a file with the columns {columns}, and set\n"
        "  campaign: {mode: experiment, pool: data/candidates.csv}\n"
    )


def _choose_name(given: str | None, path: Path) -> str:
    """Return the name of the study, which becomes a rule, a wildcard's value and a folder.

    Raises:
        ConfigError: if it cannot be used.
    """
    name = given or "_".join("".join(c if c.isalnum() else " " for c in path.stem.lower()).split())
    if not name.isascii():
        raise ConfigError([f"'{name}' cannot name a study; give --name a word of lower-case letters, digits and _"])
    if problem := find_name_problem(name):
        raise ConfigError([f"{path}: {problem}; give another --name"])
    return name


def _read_wishes(options: argparse.Namespace) -> Wishes:
    """Return what the options say of columns."""
    parsed = [parse_objective(text) for text in options.objective]
    return Wishes(
        objectives=tuple((name, goal) for name, goal, _ in parsed),
        targets={name: target for name, _, target in parsed if target is not None},
        factors=tuple(options.factor),
        identity=options.id,
        groups=tuple(options.group),
        formulas=tuple(options.formula),
        ignored=tuple(options.ignore),
        repeats=options.repeats,
    )
