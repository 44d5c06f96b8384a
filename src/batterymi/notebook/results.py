"""Results and designs as a user of Python gives them: taken apart, and read as numbers, words and choices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature
from batterymi.data.cells import POINT, Decimal
from batterymi.data.row_status import read_word
from batterymi.errors import TableError
from batterymi.optimise.campaigns.ledger import are_same_designs
from batterymi.optimise.campaigns.matched_results import COLUMN, find_name_column
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.splits import FAILED, PENDING
from batterymi.vocabulary.unit_table import UnitError, are_convertible, convert_units, find_unit

Results = Mapping[str, Any] | pd.DataFrame | Sequence[Mapping[str, Any]]
NUMBER = re.compile(r"\s*([-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\D.*)?")
LIMIT = re.compile(r"\s*[<>≤≥~]")
DECIMALS = re.compile(r"(?:\d+(?:[.,]\d+)+|(?<![\d.,])[.,]\d+)")
BETWEEN = re.compile(r"(?<=\d)[.,](?=\d)|(?<![\d.,])[.,](?=\d)")
NOTHING = "nothing was written"


def list_given(results: Results, objectives: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is given for each result, with the name of its suggestion, or a number where it has none."""
    if isinstance(results, Mapping):
        for name, given in results.items():
            if isinstance(given, Mapping):
                yield str(name), {COLUMN: str(name), **{str(key): value for key, value in given.items()}}
            elif len(objectives) == 1 or (isinstance(given, str) and read_word(given) in (PENDING, FAILED)):
                yield str(name), {COLUMN: str(name), **dict.fromkeys(objectives, given)}
            else:
                example = ", ".join(f"'{objective}': ..." for objective in objectives)
                raise TableError(
                    f"{name}: found {given!r}; the study has {len(objectives)} objectives: give {{{example}}}; "
                    f"{NOTHING}"
                )
        return
    rows: Sequence[Mapping[Any, Any]]
    if isinstance(results, pd.DataFrame):
        column = find_name_column(map(str, results.columns))
        frame = results if column or results.index.name != COLUMN else results.reset_index()
        rows = frame.rename(columns={column: COLUMN} if column else {}).to_dict("records")
    else:
        rows = results
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TableError(
                f"row {place}: found {row!r}; give names of suggestions with results, or rows with columns; {NOTHING}"
            )
        content = {str(key): value for key, value in row.items() if not is_empty(value)}
        yield str(content.get(COLUMN, "")) or f"row {place}", content


def is_empty(value: Any) -> bool:
    """Return whether a value says nothing, as an empty cell of a frame."""
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA or value == ""


def refuse_other_design(label: str, feature: str, given: Any, suggested: Any) -> None:
    """Refuse a setting that is not that of the suggestion, which the table would hide.

    Raises:
        TableError: if it differs.
    """
    if suggested is not None and not are_same_designs({"": _as_plain(given)}, {"": suggested}):
        raise TableError(
            f"{label}: {feature}: found {given!r}, the suggestion has {suggested!r}; give the whole design without the "
            f"name, if another one was made; {NOTHING}"
        )


def _as_plain(value: Any) -> Any:
    """Return a number as a float, whatever its type; other values as texts."""
    return float(value) if isinstance(value, Real) else str(value)


def take_design(label: str, given: dict[str, Any], features: Sequence[Feature]) -> dict[str, Any]:
    """Take the features out of what is given.

    Raises:
        TableError: if one is missing, no number, or no choice.
    """
    design: dict[str, Any] = {}
    for feature in features:
        value = given.pop(feature.name, None)
        if is_empty(value):
            if not feature.is_conditional:
                raise TableError(
                    f"{label}: '{feature.name}' is missing; give the name of a suggestion, or a whole design; {NOTHING}"
                )
            design[feature.name] = None
        elif feature.is_category:
            if str(value) not in (feature.choices or ()):
                hint = did_you_mean(str(value), feature.choices or ())
                raise TableError(f"{label}: {feature.name}: '{value}' is not a choice; {hint}; {NOTHING}")
            design[feature.name] = str(value)
        else:
            try:
                design[feature.name] = float(value)
            except (TypeError, ValueError):
                design[feature.name] = np.nan
            if not np.isfinite(design[feature.name]):
                raise TableError(
                    f"{label}: {feature.name}: found {value!r}; give a number in {feature.unit}; {NOTHING}"
                )
    return design


def read_result(where: str, found: Any, unit: str, given_unit: str, decimal: Decimal = POINT) -> Any:
    """Return a result as it is written: a number in the unit of the table, or a word.

    Args:
        where: suggestion and objective, for messages.
        found: what is given.
        unit: of the table.
        given_unit: of a number without one.
        decimal: what separates decimals in the table, and so in texts.

    Raises:
        TableError: if it is neither, or in a unit that cannot be converted, or its decimals are not those of the table.
    """
    wanted = f"a number in {unit}, as 3.5 or '3.5 {unit}', or 'pending' or 'failed'"
    if isinstance(found, str):
        if read_word(found) in (PENDING, FAILED):
            return found.strip()
        _refuse_separators(where, found, decimal)
        # as the table is written, whose other cells would else be read differently
        written = BETWEEN.sub(decimal.sign or ".", found.strip())
        if LIMIT.match(found):
            return written
        match = NUMBER.fullmatch(BETWEEN.sub(".", found))
        if match is None:
            raise TableError(f"{where}: found '{found}'; give {wanted}; {NOTHING}")
        text = (match[2] or "").strip()
        if text.startswith(("±", "+/-", "+-", "(")):
            return written
        value, given = float(match[1].replace("\u2212", "-")), text or given_unit
    elif isinstance(found, Real) and not isinstance(found, bool):
        value, given = float(found), given_unit
    else:
        raise TableError(f"{where}: found {found!r}; give {wanted}; {NOTHING}")
    if not np.isfinite(value):
        raise TableError(f"{where}: found {found!r}; give {wanted}; {NOTHING}")
    try:
        known = find_unit(given)
        is_convertible = known == unit or are_convertible(known, unit)
    except UnitError:
        is_convertible = False
    if not is_convertible:
        raise TableError(f"{where}: found {found!r} in '{given}', which is no unit of it; give {wanted}; {NOTHING}")
    return value if known == unit else float(convert_units(np.array([value]), known, unit)[0])


def _refuse_separators(where: str, found: str, decimal: Decimal) -> None:
    """Refuse a number whose decimals are written otherwise than in the table, or that has two readings.

    Raises:
        TableError: with what to write.
    """
    own = "," if decimal.sign == "," else "."
    other = "." if own == "," else ","
    number = next((n[0] for n in DECIMALS.finditer(found) if n[0].count(own) + n[0].count(other) > 1), "")
    if number:
        raise TableError(f"{where}: found '{found}'; write {number} without separators of thousands; {NOTHING}")
    number = next((n[0] for n in DECIMALS.finditer(found) if other in n[0]), "")
    if re.fullmatch(r"\d{1,3}[.,]\d{3}", number):
        raise TableError(
            f"{where}: found '{found}', which has two readings; write {number.replace(other, own)} or "
            f"{number.replace(other, '')}; {NOTHING}"
        )
    if own == "." and number:
        raise TableError(f"{where}: found '{found}'; write the decimal point: {number.replace(',', '.')}; {NOTHING}")
