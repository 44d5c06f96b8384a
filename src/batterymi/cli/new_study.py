"""The YAML of a new study from a CSV file, with types, units and bounds guessed from headers and cells."""

import argparse
import re
import tempfile
import unicodedata
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from batterymi.cli.outputs import describe_file
from batterymi.cli.settings import read_config
from batterymi.config.load import find_name_problem, load_study
from batterymi.config.parts import strip_control_characters
from batterymi.data.header_units import split_header
from batterymi.data.read_csv import find_empty, read_csv
from batterymi.errors import ConfigError, TableError
from batterymi.optimise.campaigns.matched_results import find_name_column
from batterymi.text_safety import write_out
from batterymi.user_files import create_file
from batterymi.vocabulary.unit_table import find_header_unit

MAXIMISED_WORDS = (
    *("capacity", "retention", "conductivity", "life", "energy"),
    *("efficiency", "yield", "stability", "voltage", "score"),
)
MINIMISED_WORDS = ("time", "cost", "loss", "fade", "resistance", "impedance", "error", "degradation", "overpotential")
GROUP_WORDS = ("doi", "paper", "source", "reference", "batch", "lot", "lab", "operator", "series", "group")
MAX_CHOICES = 12
MOST_MISSING = 0.2  # share of a feature's cells; rows without it are left out
MAX_LINES = 25
YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")  # YAML reads these as something else


SPELT_OUT = str.maketrans({"°": "", "%": " percent", "µ": "u", "μ": "u", "Ω": "ohm"})  # in names


@dataclass
class Guess:
    """The guessed properties of a column.

    Attributes:
        header: as written in the file.
        name: its name in the study.
        label: its label in figures.
        unit: of the unit table.
        numbers: its values, or None if it holds words.
        words: its different words, in order of appearance.
        missing: share of its cells that are empty or not a number.
    """

    header: str
    name: str
    label: str
    unit: str
    numbers: pd.Series | None
    words: list[str] = field(default_factory=list)
    missing: float = 0.0


def guess_columns(table: pd.DataFrame) -> list[Guess]:
    """Guess the type, name, label and unit of every column.

    Args:
        table: cells as text.

    Returns:
        One guess per column, in order.
    """
    # names that tables use themselves
    taken: set[str] = {"split", "line", "label"}
    guesses = []
    for header in table.columns:
        cells = table[header].where(~find_empty(table[header]))
        known = cells.dropna()
        numbers = pd.to_numeric(known, errors="coerce")
        # a few cells that are not numbers do not make a column of words
        is_number = len(known) > 0 and bool(numbers.notna().mean() > 0.5)
        label, unit = split_unit(str(header)) if is_number else (_make_label(str(header)), "1")
        name = _make_unique(_make_name(str(header)), taken)
        words = [] if is_number else list(dict.fromkeys(known))
        good = numbers.dropna() if is_number else known
        missing = 1 - len(good) / len(table)
        guesses.append(Guess(str(header), name, label, unit, good if is_number else None, words, missing))
    return guesses


def split_unit(header: str) -> tuple[str, str]:
    """Return label and unit of a header such as `T (°C)`, `voltage_V` or `Capacity [mAh/g]`.

    Args:
        header: of a column.

    Returns:
        The label, and a unit; `1` if none is recognised.
    """
    label, text = split_header(header)
    if text and (unit := find_header_unit(text)):
        return _make_label(label), unit
    parts = re.split(r"[_\s]+", header.strip())
    # the longer spelling first, so that wt_pct is not read as pct
    for size in (2, 1):
        if len(parts) > size and (unit := find_header_unit("_".join(parts[-size:]), in_brackets=False)):
            return _make_label(" ".join(parts[:-size])), unit
    return _make_label(header), "C-rate" if header.strip().lower().replace("_", "-") == "c-rate" else "1"


@dataclass
class Roles:
    """What the columns of a table are for.

    Attributes:
        objective: what is optimised.
        features: inputs.
        identity: what names the rows, if anything.
        group: what must not straddle train and test, if anything.
        left_out: headers of the remaining columns.
    """

    objective: Guess
    features: list[Guess]
    identity: Guess | None
    group: Guess | None
    left_out: list[str]

    @property
    def used(self) -> list[Guess]:
        """Return the columns that the study reads."""
        return [guess for guess in (self.objective, self.identity, self.group, *self.features) if guess is not None]


def make_study_yaml(csv: Path, file: str, title: str) -> str:
    """Return the YAML of a new study.

    Args:
        csv: the table.
        file: its path as written in the study.
        title: heading of the study.

    Returns:
        At most 25 lines, for tables of usual width.

    Raises:
        TableError: if the table has no number that could be an objective, or no feature.
    """
    roles = choose_roles(csv)
    may_be_maximised = _has_any_word(roles.objective, MAXIMISED_WORDS)
    is_minimised = _has_any_word(roles.objective, MINIMISED_WORDS) and not may_be_maximised
    goal = "minimise" if is_minimised else "maximise"
    objective = _describe_column(roles.objective) | {"goal": goal} | _find_possible_range(roles.objective)
    content = CommentedMap(
        title=title,
        edition="own",
        table=_describe_table(file, roles),
        features=[_make_flow_mapping(_describe_feature(feature)) for feature in roles.features],
        objectives=[_make_flow_mapping(objective)],
        campaign={"mode": "experiment"},
    )
    content.yaml_set_start_comment("yaml-language-server: $schema=../schema.json")
    if roles.left_out:
        headers = ", ".join(strip_control_characters(header) for header in roles.left_out)
        content.yaml_set_comment_before_after_key("features", f"left out, constant or without use: {headers}")
    return _dump(content)


def choose_roles(csv: Path) -> Roles:
    """Choose what each column of a table is for.

    The objective is the last number whose name says that it is one, else the last number of the table. Columns of words
    with few different ones are categories, columns named after papers or batches are groups, a column of words that
    differ in every row names the rows.

    Raises:
        TableError: if fewer than two columns hold numbers that vary.
    """
    table = read_csv(csv)
    guesses = guess_columns(table)
    varying = [guess for guess in guesses if guess.numbers is not None and guess.numbers.nunique() > 1]
    if len(varying) < 2:
        found = f"{len(varying)} columns of numbers that vary"
        raise TableError(f"{csv}: found {found}; a study needs a feature and an objective")
    suited = [guess for guess in varying if _has_any_word(guess, (*MAXIMISED_WORDS, *MINIMISED_WORDS))]
    objective = (suited or varying)[-1]
    identity = next((guess for guess in guesses if guess.words and len(guess.words) == len(table)), None)
    words = [guess for guess in guesses if guess is not identity and guess.words]
    group = next((guess for guess in words if _has_any_word(guess, GROUP_WORDS)), None)
    # names of suggestions are no property of a design
    assigned, notes = [objective, identity, group], find_name_column(table.columns)
    unassigned = [guess for guess in guesses if guess.header != notes and all(guess is not taken for taken in assigned)]
    features = [
        guess
        for guess in unassigned
        if (2 <= len(guess.words) <= MAX_CHOICES and not guess.missing)
        or (guess.numbers is not None and guess.numbers.nunique() > 1 and guess.missing <= MOST_MISSING)
    ]
    names = {feature.name for feature in features}
    left_out = [guess.header for guess in unassigned if guess.name not in names]
    return Roles(objective, features, identity, group, left_out)


def _describe_table(file: str, roles: Roles) -> dict[str, Any]:
    """Return the settings of the table."""
    found: dict[str, Any] = {"file": file}
    found |= {"id_column": roles.identity.name} if roles.identity else {}
    found |= {"group": roles.group.name} if roles.group else {}
    found |= {"empty": "pending"}
    found |= {"bad_rows": "drop"} if any(guess.missing for guess in roles.used) else {}
    renamed = {guess.header: guess.name for guess in roles.used if guess.header != guess.name}
    return found | ({"columns": _make_flow_mapping(renamed)} if renamed else {})


def _describe_column(guess: Guess) -> dict[str, Any]:
    """Return the settings that features and objectives share."""
    return {"name": guess.name, "label": guess.label, "unit": guess.unit}


def _describe_feature(guess: Guess) -> dict[str, Any]:
    """Return the settings of a feature."""
    if guess.numbers is None:
        return _describe_column(guess) | {"choices": guess.words}
    return _describe_column(guess) | {"bounds": [_round_bound(guess.numbers.min()), _round_bound(guess.numbers.max())]}


def _find_possible_range(guess: Guess) -> dict[str, Any]:
    """Return the possible range of a share, if its values keep to it, so that predictions never exceed 100 %."""
    known = guess.numbers
    is_share = guess.unit.endswith(("percent", "%")) and known is not None and bool(known.between(0, 100).all())
    return {"valid": [0, 100]} if is_share else {}


def _round_bound(value: float) -> float | int:
    """Return a number with eight digits, whole ones without a point."""
    rounded = float(f"{value:.8g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _make_flow_mapping(content: dict[str, Any]) -> CommentedMap:
    """Return settings that are written within braces."""
    mapping = CommentedMap(content)
    mapping.fa.set_flow_style()
    return mapping


def _dump(content: CommentedMap) -> str:
    """Return settings as the YAML of version 1.1, which is the one that they are read as."""
    yaml = YAML()
    yaml.version = (1, 1)  # else words such as `yes` stay without quotation marks
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(content, stream)
    return stream.getvalue().removeprefix("%YAML 1.1\n---\n")


def _has_any_word(guess: Guess, words: tuple[str, ...]) -> bool:
    """Return whether a column's header contains one of the words."""
    return any(word in guess.header.lower() for word in words)


def _make_label(text: str) -> str:
    """Make a label from a header."""
    # the settings refuse control characters in labels
    words = strip_control_characters(re.sub(r"[_\s]+", " ", text)).strip()
    return words[:1].upper() + words[1:] if words else "?"


def _make_name(header: str) -> str:
    """Make a name of lower-case letters, digits and underscores from a header."""
    spelt = header.translate(SPELT_OUT)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:50]
    # names of columns begin with a letter, and YAML reads some words as truth values
    return name if name[:1].isalpha() and name not in YAML_WORDS else f"x_{name}".rstrip("_")


def _make_unique(name: str, taken: set[str]) -> str:
    """Make a name unique by a number at its end."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def check_readable(text: str, csv: Path) -> None:
    """Refuse the YAML of a study that is not read back as it was meant.

    Args:
        text: the YAML.
        csv: the table that it was made from, for messages.

    Raises:
        ConfigError: which says what in the table cannot be written into settings.
    """
    with tempfile.TemporaryDirectory(prefix="battery-mi-study-") as folder:
        trial = Path(folder) / "study.yaml"
        trial.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        try:
            study = load_study(trial)
        except ConfigError as error:
            problems = [problem.replace(f"{trial}: ", "") for problem in error.problems]
            raise ConfigError(
                [f"{csv}: no study was written, since it could not be read: {problem}" for problem in problems]
            ) from None
    roles = choose_roles(csv)
    meant = [(guess.name, tuple(guess.words) or None) for guess in roles.features]
    if [(feature.name, feature.choices) for feature in study.features] != meant:
        raise ConfigError([f"{csv}: no study was written, since its choices are read as other words; rename them"])


def start_study(options: argparse.Namespace) -> None:
    """Write a study's YAML beside the others; never over one that exists.

    Raises:
        ConfigError: if the name cannot be used, or there is such a study.
        TableError: if the CSV file cannot be used.
    """
    csv: Path = options.csv
    try:
        file = csv.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        raise TableError(f"{csv}: lies outside the workflow's folder {Path.cwd()}; copy it to data/") from None
    name = options.name or "_".join("".join(c if c.isalnum() else " " for c in csv.stem.lower()).split())
    # the name becomes a rule, a wildcard's value and a folder
    if not name.isascii():
        raise ConfigError([f"'{name}' cannot name a study; give --name a word of lower-case letters, digits and _"])
    if problem := find_name_problem(name):
        raise ConfigError([f"{csv}: {problem}; give another --name"])
    config = read_config()
    target = Path(config.studies_folder) / f"{name}.yaml"
    if target.exists() or target.is_symlink():
        found = describe_file(target, config)
        raise ConfigError([f"{target}: this study exists already ({found}); choose another --name"])
    title = csv.stem.replace("_", " ").replace("-", " ").strip()
    text = make_study_yaml(csv, file, title[:1].upper() + title[1:])
    check_readable(text, csv)
    try:
        create_file(target, text.encode("utf-8"))
    except FileExistsError:
        raise ConfigError([f"{target}: another process has just made this study; choose another --name"]) from None
    write_out(f"{text}\nWrote {target}. Read it, correct what was guessed wrongly, then:\n")
    write_out(f"  batterymi check {name}\n  snakemake {name}\n")
