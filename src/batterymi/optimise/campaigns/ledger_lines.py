"""The lines of a ledger of suggestions: one batch each, as JSON, with every field checked."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batterymi.errors import TableError
from batterymi.spelling import did_you_mean

BOM = b"\xef\xbb\xbf"
REQUIRED = ("batch", "key", "rows", "suggestions")
OPTIONAL = ("known", "before", "units", "problem", "results")
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_FOUND = 40  # characters of what a message quotes
REMEDY = "restore the file from a copy, or move it away to start a new ledger"


@dataclass(frozen=True)
class Suggestion:
    """A suggested design.

    Attributes:
        name: what a table calls it, as b3-07.
        design: its features; None where one does not apply.
        predicted: mean and 95 % bounds of each outcome.
    """

    name: str
    design: Mapping[str, float | str | None]
    predicted: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Batch:
    """A batch of suggestions, as a line of a ledger holds it.

    Attributes:
        number: of the batch.
        key: digest of the rows that led to it.
        n_rows: rows of the table then.
        suggestions: the designs.
        known: digests of the designs of these rows; None in ledgers of the first format, which had none.
        before: digest of the line before, empty for the first; None in ledgers of the first format.
        units: of features and objectives, by name; None in lines that do not hold them.
        problem: features, objectives and constraints of the time; None in lines that do not hold them.
        results: rows that models learned from, with their values; None in lines that do not hold them.
        line: number of its line in the file.
        digest: of the line.
    """

    number: int
    key: str
    n_rows: int
    suggestions: tuple[Suggestion, ...]
    known: frozenset[str] | None = None
    before: str | None = None
    units: Mapping[str, str] | None = None
    problem: Mapping[str, Any] | None = field(default=None, compare=False)
    results: Mapping[str, Any] | None = field(default=None, compare=False)
    line: int = 0
    digest: str = field(default="", compare=False)


def name_suggestion(batch: int, place: int) -> str:
    """Return what a table calls a suggestion: a word that no spreadsheet takes for a number or a date.

    Args:
        batch: number of the batch.
        place: of the suggestion in it, counted from 1.
    """
    return f"b{batch}-{place:02d}"


def digest_line(line: bytes) -> str:
    """Return the digest of a line, whatever its line end."""
    return hashlib.sha256(line.strip()).hexdigest()


def split_lines(data: bytes) -> list[tuple[int, bytes]]:
    """Return the lines that are not empty, with their numbers; a byte-order mark and line ends are left out."""
    lines = enumerate(data.removeprefix(BOM).splitlines(), start=1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_batch(path: Path, number: int, line: bytes) -> Batch:
    """Read one line of a ledger and check its fields; keys that are not known here are left alone.

    Args:
        path: of the ledger, for messages.
        number: of the line.
        line: its bytes.

    Raises:
        TableError: with the line, the key, what was found and what would be right.
    """
    where = f"{path}: line {number} is not a batch of suggestions"
    try:
        content = json.loads(line.decode("utf-8"), object_pairs_hook=_refuse_repeated_keys)
    except UnicodeDecodeError as error:
        raise TableError(f"{where}: byte {error.start + 1} is not UTF-8; {REMEDY}") from None
    except json.JSONDecodeError as error:
        raise TableError(f"{where}: not JSON from character {error.pos + 1} on ({error.msg}); {REMEDY}") from None
    except (ValueError, RecursionError) as error:
        raise TableError(f"{where}: {str(error)[:200]}; {REMEDY}") from None
    try:
        return _check_batch(content, number, digest_line(line))
    except ValueError as error:
        raise TableError(f"{where}: {error}; {REMEDY}") from None


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object of JSON, of which a repeated key would silently lose the first value."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' is there twice")
    return content


def _check_batch(content: Any, line: int, digest: str) -> Batch:
    """Check the fields of a batch, and return it."""
    _require(isinstance(content, dict), "the line", content, "an object in braces")
    for key in REQUIRED:
        if key not in content:
            near = [name for name in content if name not in (*REQUIRED, *OPTIONAL)]
            hint = f"; {did_you_mean(key, near)}" if near else ""
            raise ValueError(f"the key '{key}' is missing{hint}")
    number, n_rows = content["batch"], content["rows"]
    _require(_is_count(number) and number >= 1, "batch", number, "a whole number from 1 on")
    _require(isinstance(content["key"], str), "key", content["key"], "text")
    _require(_is_count(n_rows), "rows", n_rows, "the number of rows of the table then")
    _require(isinstance(content["suggestions"], list), "suggestions", content["suggestions"], "a list of designs")
    suggestions = tuple(
        _check_suggestion(item, number, place) for place, item in enumerate(content["suggestions"], start=1)
    )
    known, before = content.get("known"), content.get("before")
    are_digests = known is None or (isinstance(known, list) and all(isinstance(item, str) for item in known))
    _require(are_digests, "known", known, "a list of digests")
    is_digest = before is None or before == "" or (isinstance(before, str) and bool(SHA256.fullmatch(before)))
    _require(is_digest, "before", before, "the SHA-256 of the line before")
    units = content.get("units")
    are_units = units is None or (isinstance(units, dict) and all(isinstance(unit, str) for unit in units.values()))
    _require(are_units, "units", units, "an object, one unit per feature and objective")
    kept = None if known is None else frozenset(known)
    state = _check_problem(content.get("problem")), _check_results(content.get("results"))
    return Batch(number, content["key"], n_rows, suggestions, kept, before, units, *state, line, digest)


def _check_problem(problem: Any) -> Mapping[str, Any] | None:
    """Check what a batch says of features, objectives and constraints, and return it."""
    is_problem = problem is None or (
        isinstance(problem, dict)
        and all(isinstance(part, dict) for part in problem.values())
        and all(
            isinstance(item, dict) for name in ("features", "objectives") for item in problem.get(name, {}).values()
        )
    )
    _require(is_problem, "problem", problem, "an object with features, objectives and constraints")
    return problem if is_problem else None


def _check_results(results: Any) -> Mapping[str, Any] | None:
    """Check the rows of a batch, and return them."""
    if results is None:
        return None
    _require(isinstance(results, dict), "results", results, "an object with features, outcomes and rows")
    for key in ("features", "outcomes"):
        names = results.get(key)
        are_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
        _require(are_names, f"results.{key}", names, "a list of columns")
    _require(isinstance(results.get("rows"), list), "results.rows", results.get("rows"), "a list of rows")
    sizes = len(results["features"]), len(results["outcomes"])
    for place, row in enumerate(results["rows"]):
        is_row = isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)
        is_row = is_row and all(
            isinstance(part, list) and len(part) == size and all(_is_cell(value) for value in part)
            for part, size in zip(row[1:], sizes, strict=True)
        )
        _require(is_row, f"results.rows.{place}", row, "a name, the values of the features, and those of the outcomes")
    return dict(results)


def _is_cell(value: Any) -> bool:
    """Return whether a value is a number, a choice, or nothing."""
    return value is None or isinstance(value, str) or _is_number(value)


def _check_suggestion(item: Any, batch: int, place: int) -> Suggestion:
    """Check one suggestion of a batch, and return it."""
    where = f"suggestions.{place - 1}"
    _require(isinstance(item, dict), where, item, "an object with design and predicted")
    for key in ("design", "predicted"):
        _require(isinstance(item.get(key), dict), f"{where}.{key}", item.get(key), "an object, one entry per column")
    for name, value in item["design"].items():
        is_right = value is None or isinstance(value, str) or _is_number(value)
        _require(is_right, f"{where}.design.{name}", value, "a number, a choice, or null where it does not apply")
    for name, values in item["predicted"].items():
        is_interval = isinstance(values, list) and len(values) == 3
        is_interval = is_interval and all(value is None or _is_number(value) for value in values)
        _require(is_interval, f"{where}.predicted.{name}", values, "a mean and two bounds, null where there is none")
    name = item.get("name", name_suggestion(batch, place))
    _require(
        isinstance(name, str) and bool(name.strip()), f"{where}.name", name, f"as '{name_suggestion(batch, place)}'"
    )
    return Suggestion(name, item["design"], item["predicted"])


def _require(is_right: bool, key: str, found: Any, right: str) -> None:
    """Refuse a field that is wrong."""
    if not is_right:
        text = json.dumps(found, ensure_ascii=True)
        shown = text if len(text) <= MAX_FOUND else text[: MAX_FOUND - 1] + "…"
        raise ValueError(f"{key}: found {shown}; expected {right}")


def _is_count(value: Any) -> bool:
    """Return whether a value is a whole number that is not negative; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def _is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 10**300  # more than a float holds
    return isinstance(value, float) and math.isfinite(value)
