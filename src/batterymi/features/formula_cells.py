"""Formulas as people write them into tables, read to plain ones: names, hydrates, mixtures, variables.

What is understood is said; what has two readings, or none, is refused with what was found, and nothing is left out
silently.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from batterymi.features.charge_balance import is_complete, is_neutral
from batterymi.features.formula_labels import (
    CHANGING,
    is_abbreviation,
    list_used_variables,
    refuse_other_material,
    refuse_placeholder,
    refuse_substance,
    take_abbreviation,
    take_phase,
)
from batterymi.features.formula_mixtures import Amounts, MissingValueError, MixtureParser, UndecidedFormulaError
from batterymi.features.formula_text import (
    DOT,
    Spelling,
    collect_values,
    normalise_text,
    split_hydrate,
)
from batterymi.features.formula_typos import (
    NAMES,
    describe_name,
    make_note,
    read_any_case,
    refuse_name,
    refuse_typing_error,
)
from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.vocabulary.elements import INDEX

UNIT = re.compile(r"[\s,;]*[(\[]?\s*(?:in\s+)?(mol|wt)[\s.\-]*%\s*[)\]]?\s*$", re.IGNORECASE)
RATIO = re.compile(
    r"[\s,;(\[=]+(\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+)\s*\(?([a-z]*)[\s.\-]*%?\s*(?:ratio)?[)\]]?\s*$", re.I
)
PREFIX = re.compile(r"^([a-zα-ω]+[''′]?|[LHR]T|(?:[a-z]+-)*[a-z]{3,})-(?=[A-Z\[(])")
SUFFIX = re.compile(r"(?<=[A-Za-z0-9)\]])[-_]([A-Za-z][A-Za-z0-9_\-]*)$")
SPACED = re.compile(r"[(\[{]?[A-Z][a-z]?[\d.]*|[\d.]+|[)\]}][\d.]*")
SYMBOLS_IN = re.compile(r"[A-Z][a-z]?")
FRAGMENT = re.compile(r"([A-Z][a-z]?)\d")
BRACKETS = {"(": ")", "[": "]", "{": "}"}
MOST = 500  # atoms of an element in a reduced formula
ROUNDING = 1e-9  # of amounts
SAME = 1e-6  # of atomic fractions, relative: two formulas of one composition


@dataclass(frozen=True)
class FormulaCell:
    """What a cell was understood to be.

    Attributes:
        formula: a plain formula, which `parse_formula` reads.
        how: how the text led to it, if it is not the text itself.
        note: what is odd about it, though it may be right.
    """

    formula: str
    how: str = ""
    note: str = ""


def read_formula(text: str, values: Mapping[str, float] | None = None) -> FormulaCell:
    """Read a formula as it stands in a table.

    Args:
        text: the cell.
        values: of variables, from other columns of the row.

    Returns:
        The formula, and how it was understood.

    Raises:
        FormulaError: what was found, and what would be right.
    """
    try:
        return _read_cached(str(text), tuple(sorted((values or {}).items())))
    except MissingValueError as error:
        raise MissingValueError(f"'{_shorten(text)}': {error}") from None
    except FormulaError as error:
        message = str(error)
        known = message.startswith("'") and "is not a chemical formula" in message
        raise FormulaError(message if known else f"'{_shorten(text)}' is not understood: {message}") from None


@lru_cache(maxsize=50_000)
def _read_cached(text: str, given: tuple[tuple[str, float], ...]) -> FormulaCell:
    """Read a formula, once for each text."""
    plain = text.strip()
    if not plain:
        raise FormulaError("the cell is empty")
    refuse_name(plain)
    if (amounts := _parse_plain(plain)) is not None:
        refuse_typing_error(plain, amounts)
        return FormulaCell(plain, "", make_note(plain, amounts))
    spelling = normalise_text(plain)
    refuse_name(spelling.text)
    values = collect_values(spelling.values, dict(given))
    spelling.text = take_phase(spelling.text, spelling.remarks)
    spelling.text = take_abbreviation(spelling.text, _split_brackets(spelling.text), spelling.remarks)
    amounts = _read_text(spelling, values)
    refuse_typing_error(spelling.text, amounts)
    formula = format_formula(_reduce(amounts) if _is_mixture(spelling) or len(amounts) == 1 else amounts)
    used = list_used_variables(spelling.text, values)
    how = "; ".join(dict.fromkeys([*used, *spelling.remarks]))
    return FormulaCell(formula, how or "its spelling", make_note(spelling.text, amounts))


def _is_mixture(spelling: Spelling) -> bool:
    """Return whether a text was read as a mixture, whose amounts are those of no formula unit."""
    return any("mixture" in remark for remark in spelling.remarks)


def _reduce(amounts: Amounts) -> Amounts:
    """Return amounts as small whole numbers of the same ratio, if there are such."""
    exact = {symbol: Fraction(amount).limit_denominator(MOST) for symbol, amount in amounts.items()}
    if any(abs(float(exact[symbol]) - amount) > ROUNDING for symbol, amount in amounts.items()):
        return amounts
    whole = math.lcm(*(fraction.denominator for fraction in exact.values()))
    counts = {symbol: int(fraction * whole) for symbol, fraction in exact.items()}
    common = math.gcd(*counts.values())
    reduced = {symbol: float(count // common) for symbol, count in counts.items()}
    return reduced if max(reduced.values()) <= MOST else amounts


def format_formula(amounts: Amounts) -> str:
    """Format amounts as a plain formula, each to ten digits."""
    return "".join(symbol if amount == 1 else symbol + _format_amount(amount) for symbol, amount in amounts.items())


def _format_amount(amount: float) -> str:
    """Format an amount without an exponent."""
    text = f"{amount:.10g}"
    if "e" in text:
        digits = max(0, 9 - math.floor(math.log10(amount)))
        text = f"{amount:.{digits}f}".rstrip("0").rstrip(".")
    return "" if text == "1" else text


def are_same_compositions(first: Amounts, second: Amounts) -> bool:
    """Return whether two formulas have the same atomic fractions."""
    if first.keys() != second.keys():
        return False
    totals = sum(first.values()), sum(second.values())
    return all(
        math.isclose(first[symbol] / totals[0], second[symbol] / totals[1], rel_tol=SAME, abs_tol=1e-9)
        for symbol in first
    )


def _parse_plain(text: str) -> Amounts | None:
    """Parse a text that is a formula without blanks, and without a dot before water; None if it is not."""
    if " " in text or split_hydrate(text):
        return None
    try:
        split = _split_brackets(text)
        if split and is_abbreviation(split[1], parse_formula(split[0])):
            return None
        return parse_formula(text)
    except FormulaError:
        return None


def _read_text(spelling: Spelling, values: Mapping[str, float]) -> Amounts:
    """Read a text in one spelling: as a whole, else as a formula among names."""
    text, unit = spelling.text, ""
    if all(SPACED.fullmatch(word) for word in text.split()):
        text = text.replace(" ", "")  # Na3 Zr2 Si2 P O12, as databases write
    if found := RATIO.search(text):
        text = _apply_ratio(text, found)
    elif (found := UNIT.search(text)) and re.match(r"\s*[\d.(]", text):
        # a percentage behind the formula says what the numbers before its parts are
        text, unit = text[: found.start()], found[1].lower()
    problems: list[FormulaError] = []
    readings = _find_readings(text, values, unit, spelling.remarks, problems)
    first, others = readings[0] if readings else None, readings[1:]
    if first is None:
        if not text.isupper():
            refuse_placeholder(text)
        first = read_any_case(text, spelling.remarks)
    if first is None:
        refuse_placeholder(text)
        raise _choose_problem(text, problems)
    for other in others:
        if not are_same_compositions(first, other):
            raise FormulaError(f"it has two formulas, {format_formula(first)} and {format_formula(other)}; leave one")
    return first


def _find_readings(
    text: str, values: Mapping[str, float], unit: str, remarks: list[str], problems: list[FormulaError]
) -> list[Amounts]:
    """Find what a text, or each of its pieces, is a formula of.

    Args:
        text: in one spelling.
        values: of variables.
        unit: "mol" or "wt" if numbers before parts are percentages.
        remarks: what was understood is appended.
        problems: of pieces that are no formulas, appended.

    Raises:
        UndecidedFormulaError: if it has several readings, or says more than a formula.
    """
    text = text.strip(" ,;:")
    if not text:
        return []
    if word := CHANGING.search(_hide_percents(text)):
        raise UndecidedFormulaError(f"'{word[0]}' says more than the formula; write the whole composition")
    if re.search(r"/\s*[A-Z]", text):
        raise UndecidedFormulaError(
            "'/' stands between two materials; write the whole composition, or a mixture with amounts"
        )
    split, hydrate = _split_brackets(text), split_hydrate(text)
    try:
        own: list[str] = []
        amounts = _read_hydrate(hydrate, values) if hydrate else MixtureParser(text, values, unit, own).parse()
        if split is None or not _is_comment(split, values):
            _refuse_blanks(text, values, amounts)
            remarks += own
            return [amounts]
    except UndecidedFormulaError:
        raise
    except FormulaError as error:
        problems.append(error)
    pieces, is_joined = (list(split), False) if split else _split_words(text)
    readings: list[Amounts] = []
    labels: list[str] = []
    for piece in pieces:
        own = []
        found = _find_readings(piece, values, unit, own, problems)
        readings += found
        if not found and re.search(r"\w", piece):
            fragments = [symbol for symbol in FRAGMENT.findall(piece) if symbol in INDEX]
            refuse_placeholder(piece)
            if len(fragments) > 1:
                raise problems[-1]  # too much of a formula to be a name
            labels.append(piece)
            own = [f"'{piece.strip()}' as a name"]
        remarks += own
    for label in labels if readings else ():
        refuse_substance(label, is_joined=is_joined)
        refuse_other_material(label, readings[0])
    return readings


def _hide_percents(text: str) -> str:
    """Return a text without the percentages of a mixture, which its parser reads."""
    return re.sub(r"\d[\d.]*\s*[a-z]*[\s.\-]*(?:%|percent\b)", "", text, flags=re.IGNORECASE)


def _split_brackets(text: str) -> tuple[str, str] | None:
    """Split a text with a bracket at its end, without a multiplier, or at its beginning; None if it has none."""
    if not text:
        return None
    if text[-1] in BRACKETS.values():
        depth = 0
        for place in range(len(text) - 1, -1, -1):
            depth += (text[place] in BRACKETS.values()) - (text[place] in BRACKETS)
            if depth == 0:
                return (text[:place], text[place + 1 : -1]) if place else None
    if text[0] in BRACKETS:
        depth = 0
        for place, character in enumerate(text):
            depth += (character in BRACKETS) - (character in BRACKETS.values())
            if depth == 0:
                rest = text[place + 1 :]
                return (rest, text[1:place]) if rest.startswith(" ") and place > 1 else None
    return None


def _is_comment(split: tuple[str, str], values: Mapping[str, float]) -> bool:
    """Return whether a bracket at the end of a formula repeats what stands before it.

    Raises:
        FormulaError: if it may as well be a part of the formula.
    """
    before, inner = split
    try:
        first, second = (MixtureParser(part.strip(), values).parse() for part in (before, inner))
    except FormulaError:
        return False
    if not is_complete(first) or not is_complete(second):
        return False
    if are_same_compositions(first, second):
        return True
    if before.endswith(" "):
        raise UndecidedFormulaError(
            f"'({inner})' may be a part of the formula or another one; leave out the blank before it, or the bracket"
        )
    return False


def _split_words(text: str) -> tuple[list[str], bool]:
    """Split a text without brackets at its end into the longest run of words that is a formula, and the others.

    Returns:
        The pieces, and whether a dash joins them.
    """
    if found := PREFIX.match(text):
        return [found[1], text[found.end() :]], True
    if found := SUFFIX.search(text):
        return [text[: found.start()], found[1]], text[found.start()] == "-"
    parts = [part for part in re.split(r"[,;:=]|\s-\s", text) if part.strip()]
    if len(parts) > 1:
        return parts, re.search(r"\s-\s", text) is not None
    words = text.split()
    if len(words) < 2:
        return [], False
    for length in range(len(words) - 1, 0, -1):
        for start in range(len(words) - length + 1):
            run = " ".join(words[start : start + length])
            try:
                MixtureParser(run, {}).parse()
            except MissingValueError:
                pass
            except FormulaError:
                continue
            others = (" ".join(words[:start]), " ".join(words[start + length :]))
            return [part for part in (run, *others) if part], False
    return words, False


def _refuse_blanks(text: str, values: Mapping[str, float], whole: Amounts) -> None:
    """Refuse a formula with a blank behind what is a compound by itself, as a label would stand there."""
    words = text.split()
    for number in range(1, len(words)):
        before, after = " ".join(words[:number]), words[number]
        if re.search(r"[+\-·:%]$", before) or re.match(r"[+\-·:(\[]", after) or re.search(r"[\d.](?:%|wt|mol)", text):
            continue
        try:
            first = MixtureParser(before, values).parse()
        except FormulaError:
            continue
        if is_complete(first) and is_neutral(first) and not are_same_compositions(first, whole):
            raise UndecidedFormulaError(
                f"'{before}' and '{after}' may be one formula, or a formula and a label; leave out the blank or label"
            )


def _read_hydrate(readings: tuple[str, str], values: Mapping[str, float]) -> Amounts:
    """Read a formula that ends with water behind a dot, if the charges tell what the dot is."""
    found = [MixtureParser(text, values).parse() for text in readings]
    neutral = [is_neutral(amounts) for amounts in found]
    before = readings[0].rpartition(DOT)[0]
    if neutral[0] == neutral[1] and not is_complete({*SYMBOLS_IN.findall(before)}):
        return found[1]
    if neutral[0] == neutral[1]:
        raise UndecidedFormulaError(
            f"the dot may be a decimal point or stand between parts; write {readings[0]}, or round brackets"
        )
    return found[0] if neutral[0] else found[1]


def _apply_ratio(text: str, found: re.Match[str]) -> str:
    """Put the numbers of a ratio behind a mixture, as Li2S-P2S5 (75:25 mol%), before its parts."""
    numbers = [number.strip() for number in found[1].split(":")]
    before = text[: found.start()].strip()
    parts = [part.strip() for part in re.split(rf"[-{DOT}:+]|/\s*(?=[A-Z])", before) if part.strip()]
    if len(parts) != len(numbers):
        raise FormulaError(
            f"the ratio {found[1]} has {len(numbers)} numbers, but '{before}' is no mixture of as many formulas; write "
            "as Li2S-P2S5 (75:25 mol%)"
        )
    kind = found[2].lower()
    if kind not in ("mol", "molar", "mole", "wt", "weight"):
        raise FormulaError(f"the ratio {found[1]} is of moles or of masses; write {found[1]} mol, or wt%")
    if kind in ("wt", "weight"):
        total = sum(map(float, numbers))
        return " + ".join(f"{100 * float(n) / total:.10g}wt% {part}" for n, part in zip(numbers, parts, strict=True))
    return DOT.join(f"{number}{part}" for number, part in zip(numbers, parts, strict=True))


def _choose_problem(text: str, problems: list[FormulaError]) -> FormulaError:
    """Return the problem that says most, of all that were met."""
    for name in NAMES:
        if re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![a-z])", text):
            return FormulaError(f"'{name}' is a name; {describe_name(name)}")
    return problems[0] if problems else FormulaError("no chemical formula")


def _shorten(text: str) -> str:
    """Return a text for a message, of a long one the beginning."""
    shown = str(text).strip()
    return shown if len(shown) <= 60 else shown[:57] + "..."
