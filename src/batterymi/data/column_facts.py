"""What the columns of a table hold: numbers, words, dates, formulas, paths; with units from headers and cells."""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.checks import strip_control_characters
from batterymi.data.cells import EMPTY, Decimal, find_empty
from batterymi.data.durations import find_clock_format, find_clock_unit, is_ratio
from batterymi.data.header_units import split_header
from batterymi.data.header_words import find_meaning
from batterymi.data.numbers import Numbers, parse_numbers
from batterymi.data.other_cells import CLOCK, is_compact_date, is_date_or_time, is_like_date
from batterymi.data.row_status import read_word
from batterymi.features.formula_cells import read_formula
from batterymi.features.formula_mixtures import MissingValueError
from batterymi.features.formulas import FormulaError, identify_compositions, parse_formula
from batterymi.vocabulary.unit_table import find_header_unit, find_listed_unit, is_spelling

YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")  # YAML reads these as something else
SPELT_OUT = str.maketrans({"°": "", "%": " percent", "µ": "u", "μ": "u", "Ω": "ohm", "σ": "sigma", "η": "eta"})
OWN_NAMES = ("split", "line", "label")  # that tables use themselves
MOST_STEPS = 400  # between the ends of a range
MEASURED_STEPS = 60  # beyond which decimals that are all different are measured values
FEW_VALUES = 5
SERIAL_DAYS = (32874, 73050)  # of spreadsheets, which count from 1900: the years 1990 to 2099
FORMULA_WORDS = {"formula", "formulas", "composition", "compound", "stoichiometry", "material", "chemistry", "formel"}
RATES = {"rate", "charge", "discharge", "current", "crate", "cycling"}
AMBIGUOUS = "; set `table.decimal`"  # in faults of numbers that have two readings
TEMPERATURES = {"temp", "temperature", "temperatur", "température", "t"}
PARSED = 200  # cells that are tried as formulas
NUMERIC = ("maximised", "minimised", "factor")  # meanings of headers above numbers
LEAST_NUMBERS = 0.3  # share of the cells, where a header says that numbers are meant
UNIT_SIGNS = re.compile(r"[/%°µμΩ·²³⁻^]|\[|(?<=\s)[a-zA-Z]+-1\b")


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds.

    Attributes:
        header: as written in the file.
        name: its name in the study.
        label: its label in figures.
        unit: read from the header or the cells; `1` if there is none.
        cells: as written.
        numbers: what they are as numbers, NaN where they are none.
        is_number: whether most cells are numbers.
        words: the different cells that are not empty, in order of appearance.
        n_known: cells that hold a value of the column's kind.
        clock: what colons separate in its cells, as `hh:mm`, where that was decided and the header does not say it.
    """

    header: str
    name: str
    label: str
    unit: str
    cells: pd.Series
    numbers: Numbers
    is_number: bool
    words: list[str] = field(default_factory=list)
    n_known: int = 0
    clock: str = ""

    @cached_property
    def known(self) -> Array:
        """Return the numbers that are known."""
        return self.numbers.values[np.isfinite(self.numbers.values)]

    @cached_property
    def n_different(self) -> int:
        """Return how many different values there are."""
        return len(np.unique(self.known)) if self.is_number else len(self.words)

    @property
    def n_missing(self) -> int:
        """Return how many cells hold nothing, or nothing of the column's kind."""
        return len(self.cells) - self.n_known

    @property
    def name_words(self) -> list[str]:
        """Return the words of the header in small letters, without its unit."""
        return split_words(self.header)

    @cached_property
    def is_whole(self) -> bool:
        """Return whether all numbers are whole."""
        return self.is_number and bool(np.all(self.known == np.round(self.known)))

    @cached_property
    def is_date(self) -> bool:
        """Return whether most cells are dates, or times of day."""
        filled = self.cells[~find_empty(self.cells)].astype(str).str.strip()
        if not len(filled) or self.is_number:
            return False
        return bool(filled.map(is_date_or_time).mean() > 0.5)

    @cached_property
    def is_formula(self) -> bool:
        """Return whether most words are chemical formulas of several elements, variables as x in them or not."""
        words = self.words[:PARSED]
        if self.is_number or not words:
            return False
        composed = [word for word in words if _is_composed(word)]
        if FORMULA_WORDS & set(self.name_words):
            return len(composed) >= 0.5 * len(words)
        # without a name that says so, names such as FEC and VC are not taken for formulas
        with_digits = sum(any(map(str.isdigit, word)) for word in composed)
        return len(composed) >= 0.75 * len(words) and with_digits >= 0.5 * len(words)

    @cached_property
    def variables(self) -> set[str]:
        """Return the variables of its formulas that have no value in their cells, as x in Li7-xLa3Zr2-xTaxO12."""
        found = set()
        for word in self.words[:PARSED]:
            try:
                read_formula(word)
            except MissingValueError as error:
                found |= set(re.findall(r"[a-zα-ω](?=, | has no value)", str(error)))
            except FormulaError:
                pass
        return found

    @cached_property
    def compositions(self) -> list[bytes | None]:
        """Return keys of the compositions of the first cells, equal for equal ones; None where there is none."""
        keys: list[bytes | None] = []
        for cell in self.cells[:PARSED]:
            try:
                keys.append(identify_compositions([read_formula(str(cell)).formula])[0])
            except FormulaError:
                keys.append(None)
        return keys

    @cached_property
    def is_structure(self) -> bool:
        """Return whether most cells are paths of CIF files."""
        return bool(self.words) and sum(word.lower().endswith(".cif") for word in self.words) > 0.5 * len(self.words)

    @cached_property
    def is_status(self) -> bool:
        """Return whether at least half of the words say how far an experiment is; the others are named when read."""
        known = sum(read_word(word) is not None for word in self.words)
        return bool(self.words) and not self.is_number and known * 2 >= len(self.words)

    @cached_property
    def has_times(self) -> bool:
        """Return whether most cells are numbers with colons between them, and not the parts of a ratio."""
        filled = self.cells[~find_empty(self.cells)].astype(str).str.strip()
        clocks = [cell for cell in filled if CLOCK.fullmatch(cell)]
        return len(clocks) * 2 > len(filled) and not all(map(is_ratio, clocks))

    @cached_property
    def first_limit(self) -> str:
        """Return the first cell that is an upper or lower limit; empty if there is none."""
        places = np.flatnonzero(self.numbers.sides)
        return str(self.cells.iloc[places[0]]) if len(places) else ""

    def read_as(self, clock: str) -> "ColumnFacts":
        """Return the column with its cells read as durations, of which colons separate the parts, as `hh:mm` says."""
        numbers = parse_numbers(self.cells, clock)
        n_numbers = int(np.isfinite(numbers.values).sum())
        unit = find_clock_unit(clock)
        return ColumnFacts(self.header, self.name, self.label, unit, self.cells, numbers, True, [], n_numbers, clock)

    @cached_property
    def date_like(self) -> str:
        """Return the first cell that is a date among other words, as spreadsheets make of 1-2; else nothing."""
        if self.is_number or self.is_date or not self.words:
            return ""
        return next((word for word in self.words if is_like_date(word)), "")

    @cached_property
    def counts_days(self) -> bool:
        """Return whether its numbers are dates, as 45000 of a spreadsheet or 20260314."""
        if not self.is_whole or not len(self.known):
            return False
        low, high = self.known.min(), self.known.max()
        return bool((low >= SERIAL_DAYS[0] and high <= SERIAL_DAYS[1]) or all(map(is_compact_date, self.known)))

    @cached_property
    def n_numbers(self) -> int:
        """Return how many cells are numbers."""
        return len(self.known)

    @cached_property
    def first_fault(self) -> str:
        """Return the first cell that is no number, with its line; empty if there is none."""
        if not self.numbers.faults:
            return ""
        place = min(self.numbers.faults)
        return f"line {self.cells.index[place]}: '{self.cells.iloc[place]}'"

    @cached_property
    def first_ambiguity(self) -> str:
        """Return the first cell that has two readings as a number, if most cells have; empty if they have not."""
        found = {place: fault for place, fault in self.numbers.faults.items() if AMBIGUOUS in fault}
        if self.is_number or len(found) + self.n_numbers <= 0.5 * len(self.cells):
            return ""
        place = min(found, default=-1)
        return f"line {self.cells.index[place]}: {found[place]}" if found else ""

    @cached_property
    def is_sequence(self) -> bool:
        """Return whether the numbers count the rows."""
        return self.is_whole and len(self.known) > 2 and bool(np.all(np.diff(self.known) == 1))

    @cached_property
    def step(self) -> float | None:
        """Return the step in which the numbers go, if they lie on an even grid of at most some hundred places."""
        return find_step(self.known)


def find_step(known: Array) -> float | None:
    """Return the step in which numbers go, if they lie on an even grid of at most some hundred places.

    Of few different numbers, whose own distance may be wide by chance, it is a round part of that distance.

    Args:
        known: numbers, shape (n,).
    """
    values = np.unique(known)
    if len(values) < 2:
        return None
    scale = 10.0 ** max(_count_decimals(value) for value in values)
    if scale > 1e6 or np.abs(values * scale).max() > 1e12:
        return None
    whole = np.round((values - values[0]) * scale).astype(np.int64)
    step = int(np.gcd.reduce(whole))
    if len(values) < FEW_VALUES:
        step = 10 ** (len(str(step)) - len(str(step).rstrip("0"))) if step % 10 == 0 else 5 if step % 5 == 0 else 1
    n_steps = int(whole[-1]) // step
    # as many different values as rows, on a fine grid of decimals, are measured and not chosen
    is_measured = step == 1 and scale > 1 and len(values) > 0.8 * len(known) and n_steps > MEASURED_STEPS
    # of 0 and 1 there is nothing in between, of 0.5 and 0.6 there may be
    is_open = n_steps < 2 and scale > 1
    return None if n_steps > MOST_STEPS or is_open or is_measured else step / scale


def _count_decimals(value: float) -> int:
    """Return the number of decimals of a number, as written with ten digits."""
    text = f"{value:.10g}"
    return len(text.partition(".")[2]) if "e" not in text else 12


def _is_composed(word: str) -> bool:
    """Return whether a text is read as a formula of at least two elements, with its capitals as they are."""
    try:
        read = read_formula(word)
    except MissingValueError:
        return True
    except FormulaError:
        return False
    return len(parse_formula(read.formula)) > 1 and "capitals" not in read.how


def describe_columns(frame: pd.DataFrame, decimal: Decimal) -> list[ColumnFacts]:
    """Describe what each column of a table holds.

    Args:
        frame: cells as text.
        decimal: what separates decimals.

    Returns:
        One entry per column, in order.
    """
    taken = set(OWN_NAMES)
    return [_describe_column(str(header), frame[header], decimal, taken) for header in frame.columns]


def _describe_column(header: str, cells: pd.Series, decimal: Decimal, taken: set[str]) -> ColumnFacts:
    """Describe one column."""
    is_empty = find_empty(cells)
    clock = find_clock_format(split_header(header)[1])
    numbers = parse_numbers(cells, clock or "1", decimal)
    if clock:
        cell_unit = find_clock_unit(clock)
    elif numbers.unit:
        # cells that all name a unit are in that unit
        cell_unit = "percent" if numbers.unit == "%" else find_header_unit(numbers.unit) or "1"
        cell_unit = "C-rate" if numbers.unit == "C-rate" or _is_rate(numbers.unit, header) else cell_unit
        numbers = parse_numbers(cells, cell_unit, decimal)
    else:
        cell_unit = "1"
    n_filled = int((~is_empty).sum())
    n_numbers = int(np.isfinite(numbers.values).sum())
    # some cells that are not numbers, as of experiments that failed, do not make a column of words
    is_meant = find_meaning(split_words(header), *NUMERIC) != "" or split_unit(header)[1] != "1"
    is_number = n_filled > 0 and n_numbers > (0.5 - (0.5 - LEAST_NUMBERS) * is_meant) * n_filled
    label, unit = split_unit(header) if is_number else (make_label(header), "1")
    if is_number and unit == "1" and cell_unit != "1":
        unit = cell_unit
    elif is_number and unit != cell_unit and not clock:
        numbers = parse_numbers(cells, unit, decimal)
        n_numbers = int(np.isfinite(numbers.values).sum())
    words = [] if is_number else list(dict.fromkeys(str(cell) for cell in cells[~is_empty]))
    name = _make_unique(make_name(header), taken)
    return ColumnFacts(
        header, name, label, unit, cells, numbers, is_number, words, n_numbers if is_number else n_filled
    )


def split_unit(header: str) -> tuple[str, str]:
    """Return label and unit of a header such as `T (°C)`, `voltage_V` or `Capacity [mAh/g]`.

    Args:
        header: of a column.

    Returns:
        The label, and a unit: one that is known, or what stands in brackets and looks like one; `1` if there is none.
    """
    label, text = split_header(header)
    if text and (text.strip() in EMPTY or text.strip() == "1"):
        return make_label(label), "1"
    if text and (clock := find_clock_format(text)):
        return make_label(label), find_clock_unit(clock)
    if text and (unit := find_header_unit(text)):
        return make_label(label), "C-rate" if _is_rate(text, header) else unit
    if text and text.lstrip().startswith("%"):
        # as % of theory
        return make_label(header), "percent"
    if text and "[" in header and UNIT_SIGNS.search(f"[{text}") and not text.strip().isdigit():
        return make_label(label), strip_control_characters(" ".join(text.split()))[:40]
    # not so in "cycles to 80 %"
    if re.search(r"[^\W\d]\s*%$", header.strip()):
        return make_label(header.strip()[:-1]), "percent"
    if ("/" in header or "_" in header) and (unit := find_listed_unit(header)):
        return make_label(header), unit
    parts = re.split(r"[_\s]+", header.strip())
    # the longer spelling first, so that wt_pct is not read as pct
    for size in (3, 2, 1):
        text = "_".join(parts[-size:])
        # behind a blank a word may be a short name, as Pm, so that its capitals must be those of the unit
        is_word = " " in header and size == 1 and len(text) > 1 and not is_spelling(text)
        # not so in "capacity after 100 cycles"
        is_counted = len(parts) > size and parts[-size - 1].isdigit()
        # nor where the word before is a unit too, as in rate_mV_s of a unit that is not known
        before = parts[-size - 1] if len(parts) > size + 1 else ""
        is_counted |= len(before) > 1 and is_spelling(before) and before.lower() not in ("min", "at")
        if len(parts) > size and not is_word and not is_counted and (unit := find_header_unit(text, in_brackets=False)):
            return make_label(" ".join(parts[:-size])), unit
    return make_label(header), "C-rate" if header.strip().lower().replace("_", "-") == "c-rate" else "1"


def _is_rate(unit: str, header: str) -> bool:
    """Return whether C stands for a rate and not for a temperature, by the words of a header."""
    words = set(split_words(header))
    return unit.strip() == "C" and bool(RATES & words) and not TEMPERATURES & words


def split_words(header: str) -> list[str]:
    """Split a header into its words in small letters, as cif and id of CifID; brackets are left out."""
    label = split_header(header)[0] or header
    spaced = re.sub(r"(?<=[a-zäöüß])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", label)
    return [word for word in re.split(r"[^0-9A-Za-zÀ-ɏ\u0370-\u03ff\u3040-\u9fff#]+", spaced.lower()) if word]


def make_label(text: str) -> str:
    """Make a label from a header."""
    # the settings refuse control characters in labels
    words = strip_control_characters(re.sub(r"[_\s]+", " ", text)).strip()
    # t, pH and mAh keep their letters
    is_word = words.split(" ")[0].islower() and len(words) > 1
    return words[:1].upper() + words[1:] if is_word else words or "?"


def make_name(header: str) -> str:
    """Make a name of lower-case letters, digits and underscores from a header."""
    spelt = header.translate(SPELT_OUT)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:50].strip("_")
    # names of columns begin with a letter, and YAML reads some words as truth values
    return name if name[:1].isalpha() and name not in YAML_WORDS else f"x_{name}".rstrip("_")


def _make_unique(name: str, taken: set[str]) -> str:
    """Make a name unique by a number at its end."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate
