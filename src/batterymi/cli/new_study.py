"""A study's YAML from a CSV file: types, units and bounds guessed from headers and cells."""

import argparse
import re
import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.cli.settings import read_config
from batterymi.config.load import RESERVED
from batterymi.config.parts import on_one_line
from batterymi.data.header_units import split_header
from batterymi.data.read_csv import find_empty, read_csv
from batterymi.errors import ConfigError, TableError
from batterymi.files import write_text
from batterymi.vocabulary.unit_table import find_header_unit

SOUGHT = (
    "capacity",
    "retention",
    "conductivity",
    "life",
    "energy",
    "efficiency",
    "yield",
    "stability",
    "voltage",
    "score",
)
AVOIDED = ("time", "cost", "loss", "fade", "resistance", "impedance", "error", "degradation", "overpotential")
GROUPED = ("doi", "paper", "source", "reference", "batch", "lot", "lab", "operator", "series", "group")
NAMED = ("id", "name", "sample", "material", "cell", "label", "experiment", "run")
MAX_CHOICES = 12
MOST_MISSING = 0.2  # share of a feature's cells; rows without it are left out
MAX_LINES = 25
NO_TEXT = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")  # YAML reads these as something else


@dataclass
class Guess:
    """What a column seems to be.

    Attributes:
        header: as it stands in the file.
        name: under which the study knows it.
        label: what figures call it.
        unit: of the unit table.
        numbers: its values, or None if it holds words.
        words: its different words, in order of appearance.
        missing: share of its cells that are empty or no number.
    """

    header: str
    name: str
    label: str
    unit: str
    numbers: pd.Series | None
    words: list[str] = field(default_factory=list)
    missing: float = 0.0


def guess_columns(table: pd.DataFrame) -> list[Guess]:
    """Type, name, label and unit of every column.

    Args:
        table: cells as text.

    Returns:
        One guess per column, in order.
    """
    taken: set[str] = {"split", "line", "label"}
    guesses = []
    for header in table.columns:
        cells = table[header].where(~find_empty(table[header]))
        known = cells.dropna()
        numbers = pd.to_numeric(known, errors="coerce")
        is_number = len(known) > 0 and bool(numbers.notna().mean() > 0.5)
        label, unit = split_unit(str(header))
        name = _free(_name(str(header)), taken)
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
        return _label(label), unit
    parts = re.split(r"[_\s]+", header.strip())
    for size in (2, 1):
        if len(parts) > size and (unit := find_header_unit("_".join(parts[-size:]), in_brackets=False)):
            return _label(" ".join(parts[:-size])), unit
    return _label(header), "C-rate" if header.strip().lower().replace("_", "-") == "c-rate" else "1"


def study_yaml(csv: Path, file: str, title: str) -> str:
    """The YAML of a new study.

    The objective is the last number whose name says that it is one, else the last number of the table. Columns of words
    with few different ones are categories, columns named after papers or batches are groups, a column of words that
    differ in every row names the rows.

    Args:
        csv: the table.
        file: its path as the study shall name it.
        title: heading of the study.

    Returns:
        At most 25 lines.

    Raises:
        TableError: if the table has no number that could be an objective, or no feature.
    """
    table = read_csv(csv)
    guesses = guess_columns(table)
    numbers = [one for one in guesses if one.numbers is not None]
    varying = [one for one in numbers if one.numbers is not None and one.numbers.nunique() > 1]
    if len(varying) < 2:
        raise TableError(
            f"{csv}: found {len(varying)} columns of numbers that vary; a study needs a feature and an objective"
        )
    objective = next((one for one in reversed(varying) if _is_like(one, (*SOUGHT, *AVOIDED))), varying[-1])
    identity = next((one for one in guesses if one.words and len(one.words) == len(table)), None)
    group = next((one for one in guesses if one is not identity and one.words and _is_like(one, GROUPED)), None)
    features, left = [], []
    for one in guesses:
        if one in (objective, identity, group):
            continue
        few_words = 2 <= len(one.words) <= MAX_CHOICES and not one.missing
        if few_words or (one in varying and one.missing <= MOST_MISSING):
            features.append(one)
        else:
            left.append(one.header)
    return _written(file, title, objective, features, identity, group, left, guesses)


def _written(
    file: str,
    title: str,
    objective: Guess,
    features: list[Guess],
    identity: Guess | None,
    group: Guess | None,
    left: list[str],
    guesses: list[Guess],
) -> str:
    """The lines of the YAML."""
    used = [one for one in (objective, identity, group, *features) if one is not None]
    renamed = {one.header: one.name for one in guesses if one in used and one.header != one.name}
    table = [f"file: {_quoted(file)}"]
    table += [f"id_column: {identity.name}"] if identity else []
    table += [f"group: {group.name}"] if group else []
    table += ["empty: pending"]
    table += ["bad_rows: drop"] if any(one.missing for one in used) else []
    table += [f"columns: {{{', '.join(f'{_quoted(a)}: {b}' for a, b in renamed.items())}}}"] if renamed else []
    goal = "minimise" if _is_like(objective, AVOIDED) and not _is_like(objective, SOUGHT) else "maximise"
    lines = [
        "# yaml-language-server: $schema=../schema.json",
        f"title: {_quoted(title)}",
        "edition: own",
        "table:",
        *(f"  {line}" for line in table),
        *([f"# left out, constant or without use: {', '.join(left)}"] if left else []),
        "features:",
        *(f"  - {_feature(one)}" for one in features),
        "objectives:",
        f"  - {_start(objective)}, goal: {goal}{_possible(objective)}}}",
        "campaign:",
        "  mode: experiment",
    ]
    return "\n".join(lines) + "\n"


def _start(one: Guess) -> str:
    """What every column says of itself."""
    return f"{{name: {one.name}, label: {_quoted(one.label)}, unit: {_quoted(one.unit)}"


def _possible(one: Guess) -> str:
    """The possible range of a share, if its values keep to it, so that no model promises more than all."""
    known = one.numbers
    is_share = one.unit.endswith(("percent", "%")) and known is not None and bool(known.between(0, 100).all())
    return ", valid: [0, 100]" if is_share else ""


def _feature(one: Guess) -> str:
    """A feature on one line."""
    start = _start(one)
    if one.numbers is None:
        return f"{start}, choices: [{', '.join(_quoted(word) for word in one.words)}]}}"
    low, high = float(one.numbers.min()), float(one.numbers.max())
    return f"{start}, bounds: [{_plain(low)}, {_plain(high)}]}}"


def _plain(value: float) -> str:
    """A number that YAML reads as one."""
    text = np.format_float_positional(value, precision=8, fractional=False, trim="-")
    return text if len(text) < 14 else f"{value:.6e}"


def _quoted(text: str) -> str:
    """Text as YAML takes it within brackets."""
    plain = re.fullmatch(r"[A-Za-zÅ°μ][A-Za-z0-9 _./°Å³²μ-]*", text)
    return text if plain and text.lower() not in NO_TEXT else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_like(one: Guess, words: tuple[str, ...]) -> bool:
    """Whether a column's header holds one of the words."""
    return any(word in one.header.lower() for word in words)


def _label(text: str) -> str:
    """A header as a label."""
    words = on_one_line(re.sub(r"[_\s]+", " ", text)).strip()
    return words[:1].upper() + words[1:] if words else "?"


def _name(header: str) -> str:
    """A name of lower-case letters, digits and underscores."""
    plain = (
        unicodedata.normalize("NFKD", header.replace("°", "").replace("%", " percent"))
        .encode("ascii", "ignore")
        .decode()
    )
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:50]
    return name if name[:1].isalpha() and name not in NO_TEXT else f"x_{name}".rstrip("_")


def _free(name: str, taken: set[str]) -> str:
    """A name that no other column has."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def start_study(options: argparse.Namespace) -> None:
    """Write a study's YAML beside the others; never over one that is there.

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
    if not name.isidentifier() or not name.isascii() or name != name.lower() or name in RESERVED:
        raise ConfigError([f"'{name}' cannot name a study; give --name a word of lower-case letters, digits and _"])
    target = Path(read_config().studies_folder) / f"{name}.yaml"
    if target.exists():
        raise ConfigError([f"{target}: this study exists already; remove the file, or choose another --name"])
    title = csv.stem.replace("_", " ").replace("-", " ").strip()
    text = study_yaml(csv, file, title[:1].upper() + title[1:])
    write_text(target, text, recorded=False)
    sys.stdout.write(f"{text}\nWrote {target}. Read it, correct what was guessed wrongly, then:\n")
    sys.stdout.write(f"  batterymi check {name}\n  snakemake {name}\n")
