"""Chemical formulas as arrays: many formulas parsed into one sparse matrix of formulas by elements."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from batterymi.errors import BatteryMIError
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.elements import INDEX, SYMBOLS

NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:/[0-9]+)?|\.[0-9]+"
TOKEN = re.compile(rf"([A-Z][a-z]?)({NUMBER})?|([(\[{{])|([)\]}}])({NUMBER})?|(.)", re.DOTALL)
CLOSING = {"(": ")", "[": "]", "{": "}"}
INVALID, CAPITAL, SMALL, DIGIT, END = range(5)
KINDS = np.full(256, INVALID, dtype=np.uint8)  # of each character
KINDS[ord("A") : ord("Z") + 1], KINDS[ord("a") : ord("z") + 1] = CAPITAL, SMALL
KINDS[ord("0") : ord("9") + 1], KINDS[ord("\n")] = DIGIT, END
PLACES = np.full((26, 27), -1, dtype=np.intp)  # index of the element, by its capital and its small letter if any
for _symbol, _index in INDEX.items():
    PLACES[ord(_symbol[0]) - ord("A"), ord(_symbol[1]) - ord("a") + 1 if len(_symbol) > 1 else 0] = _index
ROUNDED = 9  # digits of atomic fractions that two formulas of one composition share
MOST_SHOWN = 60  # characters of a formula in a message
MOST_DIGITS = 15  # so many a float holds exactly

Indices = NDArray[np.intp]


class FormulaError(BatteryMIError):
    """Text that is not a chemical formula."""


def parse_formula(formula: str) -> dict[str, float]:
    """Parse the amount of each element in a formula.

    Takes element symbols, amounts as 2, 0.5 or 2/3, and round, square or curly brackets with a multiplier. Everything
    else, as charges, dots of hydrates and x for an unknown amount, is rejected rather than guessed.

    Args:
        formula: as in Na3V2(PO4)3 or Na2/3Fe1/2Mn1/2O2; blanks are ignored.

    Returns:
        Positive amounts by symbol, in order of first appearance.

    Raises:
        FormulaError: what was found, and where.
    """
    text = formula.replace(" ", "")
    levels: list[dict[str, float]] = [{}]
    opened: list[str] = []
    for match in TOKEN.finditer(text):
        symbol, amount, opening, closing, multiplier, unreadable = match.groups()
        if symbol:
            if symbol not in INDEX:
                raise _make_error(formula, f"there is no element '{symbol}'")
            levels[-1][symbol] = levels[-1].get(symbol, 0.0) + _parse_amount(amount, formula)
        elif opening:
            levels.append({})
            opened.append(opening)
        elif closing:
            if not opened or CLOSING[opened.pop()] != closing:
                raise _make_error(formula, "its brackets do not match")
            factor = _parse_amount(multiplier, formula)
            for name, count in levels.pop().items():
                levels[-1][name] = levels[-1].get(name, 0.0) + factor * count
        else:
            raise _make_error(formula, f"'{show_in_line(unreadable)}' at position {match.start() + 1} has no meaning")
    if opened:
        raise _make_error(formula, "its brackets do not match")
    return _keep_positive(levels[0], formula)


def _keep_positive(found: dict[str, float], formula: str) -> dict[str, float]:
    """Return the positive amounts of a parsed formula."""
    # a long row of digits overflows to infinity
    if not all(map(math.isfinite, found.values())):
        raise _make_error(formula, "an amount is too large")
    amounts = {name: count for name, count in found.items() if count > 0}
    if not amounts:
        raise _make_error(formula, "it has no atoms")
    return amounts


def _make_error(formula: str, problem: str) -> FormulaError:
    """Return the error for a text that is not a formula."""
    return FormulaError(f"'{shorten_formula(formula)}' is not a chemical formula: {problem}")


def shorten_formula(formula: str) -> str:
    """Return a formula for a message of one line: the start of a long one, line breaks as visible escapes."""
    shown = show_in_line(formula)
    return shown if len(shown) <= MOST_SHOWN else shown[: MOST_SHOWN - 3] + "..."


@dataclass(frozen=True)
class Compositions:
    """Parsed formulas as a sparse matrix, one entry per formula and element.

    Attributes:
        n_formulas: number of formulas.
        starts: first entry of each formula, shape (n_formulas,).
        elements: index of each entry's element in `SYMBOLS`, shape (n_entries,).
        amounts: atoms of that element in the formula as written, shape (n_entries,).
    """

    n_formulas: int
    starts: NDArray[np.intp]
    elements: NDArray[np.intp]
    amounts: NDArray[np.float64]

    @property
    def rows(self) -> NDArray[np.intp]:
        """Return the index of the formula that each entry belongs to."""
        return np.repeat(np.arange(self.n_formulas), self.counts)

    @property
    def counts(self) -> NDArray[np.intp]:
        """Return the number of elements of each formula."""
        return np.diff(np.append(self.starts, len(self.elements)))

    @property
    def atoms(self) -> NDArray[np.float64]:
        """Return the number of atoms per formula as written."""
        return self.total(self.amounts)

    @property
    def fractions(self) -> NDArray[np.float64]:
        """Return the atomic fraction of each entry."""
        return self.amounts / np.repeat(self.atoms, self.counts)

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the entries of each formula.

        Args:
            values: shape (n_entries, ...).

        Returns:
            Shape (n_formulas, ...).
        """
        return np.add.reduceat(values, self.starts, axis=0) if self.n_formulas else values[:0]

    def count_atoms(self, *symbols: str) -> NDArray[np.float64]:
        """Count the atoms of the given elements per formula as written, shape (n_formulas,)."""
        wanted = np.isin(self.elements, [INDEX[symbol] for symbol in symbols])
        return self.total(np.where(wanted, self.amounts, 0.0))

    def without(self, *symbols: str) -> "Compositions":
        """Return the formulas without some elements; formulas made of nothing else keep them."""
        unwanted = np.isin(self.elements, [INDEX[symbol] for symbol in symbols])
        # an empty composition would have no fractions
        return self.select(~unwanted | np.repeat(self.total((~unwanted).astype(float)) == 0, self.counts))

    def select(self, kept: NDArray[np.bool_]) -> "Compositions":
        """Return the formulas with some of their entries, of each formula one at least; kept has shape (n_entries,)."""
        counts = self.total(kept.astype(float)).astype(np.intp)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
        return Compositions(self.n_formulas, starts, self.elements[kept], self.amounts[kept])


def parse_formulas(formulas: Iterable[str]) -> Compositions:
    """Parse many formulas.

    Args:
        formulas: n_formulas texts.

    Returns:
        Their elements and amounts.

    Raises:
        FormulaError: if any is not a formula; the message lists up to ten.
    """
    texts = list(formulas)
    rows, elements, amounts, plain = _read_plain(texts)
    if not plain.all():
        parsed, reasons = {}, []
        for position in np.flatnonzero(~plain).tolist():
            try:
                parsed[position] = _parse_cached(texts[position])
            except FormulaError as error:
                reasons.append(str(error))
        if reasons:
            more = f" and {len(reasons) - 10} more" if len(reasons) > 10 else ""
            raise FormulaError("; ".join(reasons[:10]) + more)
        counts = [len(indices) for indices, _ in parsed.values()]
        rows = np.concatenate([rows, np.repeat(np.array(list(parsed), dtype=np.intp), counts)])
        # stable, so that the entries of a formula keep their order
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        elements = np.concatenate([elements, *(indices for indices, _ in parsed.values())]).astype(np.intp)[order]
        amounts = np.concatenate([amounts, *(values for _, values in parsed.values())])[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))[:-1]]).astype(np.intp)
    return Compositions(len(texts), starts[: len(texts)], elements, amounts)


def identify_compositions(formulas: Iterable[str]) -> NDArray[np.object_]:
    """Return what two formulas share if and only if they are of one composition, as Li2S, S1Li2 and Li4S2.

    Args:
        formulas: n_formulas texts.

    Returns:
        One key for each, shape (n_formulas,).
    """
    parsed = parse_formulas(formulas)
    order = np.lexsort((parsed.elements, parsed.rows))
    # element and fraction in one integer; rounded, since equal fractions may differ in the last digit
    entries = parsed.elements[order] * 10**ROUNDED + np.rint(parsed.fractions[order] * 10**ROUNDED).astype(np.int64)
    parts = np.split(entries, parsed.starts[1:]) if parsed.n_formulas else []
    keys = np.empty(len(parts), dtype=object)
    keys[:] = [part.tobytes() for part in parts]
    return keys


def find_unparsable(formulas: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the positions of texts that are not formulas, each with the reason."""
    texts = list(formulas)
    for position in np.flatnonzero(~_read_plain(texts)[3]).tolist():
        try:
            _parse_cached(texts[position])
        except FormulaError as error:
            yield position, str(error)


def find_special(formulas: Iterable[str]) -> list[int]:
    """Find the positions of texts that are more than distinct symbols with whole numbers; some are no formulas."""
    places: list[int] = np.flatnonzero(~_read_plain(list(formulas))[3]).tolist()
    return places


def _read_plain(texts: list[str]) -> tuple[Indices, Indices, NDArray[np.float64], NDArray[np.bool_]]:
    """Read all formulas of distinct symbols and whole numbers at once, character by character.

    Returns:
        Formula, element and amount of each entry; and which texts were read, shape (n_texts,). The others may be
        formulas too.
    """
    if not texts:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0), np.empty(0, bool)
    # one buffer for all texts, so that NumPy works on characters instead of Python on formulas
    joined = "\n".join(texts) + "\n"
    # a line break within a text would shift all formulas after it
    if joined.count("\n") != len(texts):
        joined = "\n".join(text.replace("\n", "?") for text in texts) + "\n"
    # other characters become "?": one byte each, so positions hold, and never part of a formula
    codes = np.frombuffer(joined.encode("ascii", "replace"), np.uint8)
    kind = KINDS[codes]
    before = np.concatenate([[END], kind[:-1]])
    row = np.cumsum(before == END) - 1
    misplaced = (kind == INVALID) | ((kind == SMALL) & (before != CAPITAL))
    # a line that begins with a digit, or is empty, is not a plain formula
    misplaced |= ((kind == DIGIT) | (kind == END)) & (before == END)
    at = np.flatnonzero(kind == CAPITAL)
    # at + 1 exists, since the buffer ends with a line break
    rows, two = row[at], kind[at + 1] == SMALL
    elements = PLACES[codes[at] - ord("A"), np.where(two, codes[at + 1] - (ord("a") - 1), 0)]
    place = at + 1 + two
    digits, amounts = kind[place] == DIGIT, (kind[place] != DIGIT).astype(float)
    for _ in range(MOST_DIGITS):
        if not digits.any():
            break
        amounts[digits] = amounts[digits] * 10 + (codes[place[digits]] - ord("0"))
        place += digits
        digits &= kind[place] == DIGIT
    plain = np.ones(len(texts), dtype=bool)
    plain[row[misplaced]] = False
    # digits that are left are more than a float holds exactly
    plain[rows[(elements < 0) | (amounts == 0) | digits]] = False
    # formulas with a repeated symbol are left to the full parser, which adds the amounts
    entries = np.sort(rows * len(SYMBOLS) + elements)
    plain[entries[1:][entries[1:] == entries[:-1]] // len(SYMBOLS)] = False
    kept = plain[rows]
    return rows[kept], elements[kept], amounts[kept], plain


@lru_cache(maxsize=20_000)
def _parse_cached(formula: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the indices and amounts of the elements of a formula, cached."""
    amounts = parse_formula(formula)
    return tuple(INDEX[symbol] for symbol in amounts), tuple(amounts.values())


def _parse_amount(text: str | None, formula: str) -> float:
    """Parse an amount, 1 if the text is empty."""
    if not text:
        return 1.0
    above, _, below = text.partition("/")
    if below and not float(below):
        raise _make_error(formula, f"'{text}' divides by zero")
    return float(above) / float(below) if below else float(above)
