"""A new study from a table: what each column was taken for, and why, and the YAML that says so."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from batterymi.authoring import role as r
from batterymi.authoring.outputs import describe_file
from batterymi.authoring.parse_objective import parse_objective
from batterymi.authoring.questions import list_questions
from batterymi.authoring.role import Role
from batterymi.authoring.roles import Wishes, assign_roles
from batterymi.authoring.study_yaml import Plan, format_study
from batterymi.config.load import find_name_problem, find_text_problem, load_study
from batterymi.config.run import Config
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
from batterymi.text_safety import show_in_line
from batterymi.user_files import create_file
from batterymi.vocabulary.splits import PENDING, SPLIT

OPTIONS = "--objective, --factor, --id, --group, --formula, --ignore or --repeats"
HOW = f"Where a guess is wrong, run again with {OPTIONS}"


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
    reading = find_reading(content, path, reading)
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


def find_reading(content: bytes, path: Path, reading: Reading) -> Reading:
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
    cells = [("column", "role", "unit", "why"), *(tuple(map(show_in_line, row)) for row in list_roles(roles))]
    widths = [min(max(len(row[place]) for row in cells), 34) for place in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def list_roles(roles: list[Role]) -> list[tuple[str, str, str, str]]:
    """Return header, role, unit and reason of each column, as texts."""
    names = {role.column.name: role.column.header for role in roles}
    found = []
    for role in roles:
        kind = f"{role.role} of {names[role.of]}" if role.of else role.role
        unit = "" if role.column.unit == "1" or role.role == r.DATE else role.column.unit
        notes = "".join(f"; {note}" for note in role.column.numbers.notes if _is_used_number(role))
        found.append((role.column.header, kind, unit, role.why + notes))
    return found


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
            if causes := _find_unwritable(plan, path):
                raise ConfigError([*causes, "no study was written"]) from None
            problems = [problem.replace(f"{trial}: ", "") for problem in error.problems]
            raise ConfigError(
                [f"{path}: no study was written, since it could not be read: {problem}" for problem in problems]
            ) from None
    meant = [(column.name, tuple(column.words) or None) for column in plan.list_columns(r.FACTOR)]
    if [(feature.name, feature.choices) for feature in study.features] != meant:
        raise ConfigError([f"{path}: no study was written, since its choices are read as other words; rename them"])
    return _check_table(TableSettings.take_from(study, path=str(path), dataset=None))


def _find_unwritable(plan: Plan, path: Path) -> list[str]:
    """Return which headers and cells of a table settings cannot hold, a line each."""
    found = []
    for place, role in enumerate(plan.roles, start=1):
        if role.role != r.IGNORED and (problem := find_text_problem(role.column.header)):
            found.append(f"{path}: header of column {place}: {problem}")
        if role.role != r.FACTOR or role.column.is_number:
            continue
        cells = role.column.cells
        faults = {str(cell): problem for cell in cells.unique() if (problem := find_text_problem(str(cell)))}
        for word, problem in faults.items():
            line = cells.index[(cells.astype(str) == word).to_numpy(bool)][0]
            found.append(f"{path}: line {line}: {show_in_line(role.column.header)}: {problem}")
    return found


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


@dataclass(frozen=True)
class Draft:
    """A new study that is not written yet.

    Attributes:
        name: of the study.
        target: the YAML file that it will be.
        file: path of the table, as written in the study.
        guess: what was guessed of the table.
        text: the YAML.
        rows: what is said of the rows, a line each: how many can be used, which cannot, and why.
        given: what the user says of the reading.
    """

    name: str
    target: Path
    file: str
    guess: Guess
    text: str
    rows: list[str]
    given: Reading

    @property
    def questions(self) -> list[str]:
        """Return what a user should look at, a line each: notes on the file, questions, what is said of the rows."""
        said = [f"{self.file}: {note}" for note in self.guess.raw.notes]
        plan = self.guess.plan
        if plan.reading.encoding and not self.given.encoding:
            said.append(
                f"{self.file}: read as {plan.reading.encoding} text, which its bytes look like; --encoding changes it"
            )
        return [*said, *list_questions(plan.roles, plan.fill_down), *dict.fromkeys(self.rows)]


def draft_study(
    path: Path, config: Config, name: str | None, reading: Reading, wishes: Wishes, fill: tuple[str, ...] = ()
) -> Draft:
    """Guess a study from a table, and check that its YAML is read as it was meant; nothing is written.

    Args:
        path: the table, in the folder of the project.
        config: of the project.
        name: of the study; None takes that of the file.
        reading: what the user says of the reading.
        wishes: what the user says of the columns.
        fill: columns in which an empty cell means the one above.

    Raises:
        ConfigError: if the name cannot be used, or there is such a study.
        TableError: if the table cannot be used.
    """
    try:
        file = path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        raise TableError(f"{path}: lies outside the workflow's folder {Path.cwd()}; copy it to data/") from None
    name = _choose_name(name, path)
    target = Path(config.studies_folder) / f"{name}.yaml"
    if target.exists() or target.is_symlink():
        found = describe_file(target, config)
        raise ConfigError(
            [f"{target}: this study exists already ({found}); delete it to make it again, or choose another --name"]
        )
    title = path.stem.replace("_", " ").replace("-", " ").strip()
    guess = guess_study(path, file, title[:1].upper() + title[1:], reading, wishes, fill)
    text = format_study(guess.plan)
    return Draft(name, target, file, guess, text, check_readable(text, guess.plan, path), reading)


def write_study(draft: Draft) -> None:
    """Write the YAML of a study; never over one that exists.

    Raises:
        ConfigError: if there is such a study.
        OutputError: if it cannot be written.
    """
    try:
        create_file(draft.target, draft.text.encode("utf-8"))
    except FileExistsError:
        raise ConfigError(
            [f"{draft.target}: another process has just made this study; choose another --name"]
        ) from None


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


def read_wishes(objectives: Sequence[str], wishes: Wishes) -> Wishes:
    """Return what a user says of columns, with objectives as `COLUMN:max`, `COLUMN:min` or `COLUMN:target:VALUE`.

    Raises:
        ConfigError: for a target without a value, or with one that cannot be.
    """
    parsed = [parse_objective(text) for text in objectives]
    return replace(
        wishes,
        objectives=tuple((name, goal) for name, goal, _ in parsed),
        targets={name: target for name, _, target in parsed if target is not None},
    )
