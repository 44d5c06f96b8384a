"""Formulas with variables, hydrates and mixtures, parsed to amounts: `Li7-xLa3Zr2-xTaxO12`, `75Li2S-25P2S5`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batterymi.features.charge_balance import is_complete
from batterymi.features.formula_text import DOT, parse_number
from batterymi.features.formulas import CLOSING, FormulaError
from batterymi.vocabulary.elements import INDEX

TERM = re.compile(r"(\d+/\d+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)?\s*\*?\s*([a-zα-ω](?![a-z]))?")
SYMBOL = re.compile(r"[A-Z][a-z]?")
PERCENT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)?\s*(wt|weight|mass|w|mol|mole|at|vol|m|v)?[\s.\-]*(?:%|percent\b)", re.I)
DIVISOR = re.compile(r"/(\d+(?:\.\d+)?)")
SIGN = re.compile(r"\s*([+-])\s*")
KINDS = {"wt": "wt", "weight": "wt", "mass": "wt", "w": "wt", "mol": "mol", "mole": "mol"}
PERCENT_SUM = 0.5  # how far percents may be from 100
USUAL = "xyzwuvnmδ"  # letters of variables, which are no typing errors
NEARLY = (80, 120)  # sums of parts that look like percents
CHARGED = "it ends with a charge; write it without, since a table holds neutral compounds"

Amounts = dict[str, float]


class UndecidedFormulaError(FormulaError):
    """A formula that has several readings, or lacks something, so that no part of it may be taken for the whole."""


class MissingValueError(UndecidedFormulaError):
    """A formula with a variable whose value is not known."""


@dataclass
class Part:
    """One part of a mixture, with how much of it there is.

    Attributes:
        amounts: atoms of each element.
        weight: the number before it, None if there is none.
        percent: "mol" or "wt" if that number is a percentage.
    """

    amounts: Amounts
    weight: float | None = None
    percent: str = ""


@dataclass
class MixtureParser:
    """A recursive descent through the text of one formula.

    Attributes:
        text: what is read.
        values: of the variables.
        unit: "mol" or "wt" if numbers before parts are percentages, which is said behind the formula.
        remarks: what was understood.
        place: where the parser is.
        unknown: variables without a value; they count 1 until the whole text is read.
        split: what looked like a symbol and was taken for an element and a variable.
    """

    text: str
    values: Mapping[str, float]
    unit: str = ""
    remarks: list[str] = field(default_factory=list)
    place: int = 0
    unknown: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)

    def parse(self) -> Amounts:
        """Return the amounts of the whole text.

        Raises:
            MissingValueError: if it is right but for variables without a value.
            FormulaError: if it is no formula.
        """
        amounts = self._parse_mixture("")
        if self.place < len(self.text):
            raise FormulaError(f"'{self.text[self.place]}' at position {self.place + 1} has no meaning")
        if self.unknown:
            names = list(dict.fromkeys(self.unknown))
            where = " or ".join([f"in the cell, as '({names[0]} = 0.4)'", f"in a column '{names[0]}'"])
            odd = [symbol for symbol in self.split if symbol[-1] in names and symbol[-1] not in USUAL]
            doubt = f"there is no element '{odd[0]}', and " if odd else ""
            raise MissingValueError(f"{doubt}{', '.join(names)} has no value; give it {where}")
        if negative := [symbol for symbol, amount in amounts.items() if amount < -1e-9]:
            raise FormulaError(f"the amount of {negative[0]} is negative")
        found = {symbol: amount for symbol, amount in amounts.items() if amount > 1e-12}
        if not found:
            raise FormulaError("it has no atoms")
        return found

    def _parse_mixture(self, end: str) -> Amounts:
        """Parse parts and what stands between them, up to a closing bracket or the end."""
        parts = [self._parse_part(end, is_mixture=False)]
        signs = []
        is_mixture = parts[0].weight is not None
        while self.place < len(self.text) and self.text[self.place] != end:
            self._skip_blanks()
            if self.text[self.place : self.place + 1] not in (DOT, "+", "-", ":"):
                break
            signs.append(self.text[self.place])
            self.place += 1
            self._skip_blanks()
            parts.append(self._parse_part(end, is_mixture=is_mixture))
        return mix_parts(parts, signs, self.remarks)

    def _parse_part(self, end: str, *, is_mixture: bool) -> Part:
        """Parse an amount and what it is an amount of."""
        self._skip_blanks()
        weight, percent = self._parse_weight()
        amounts: Amounts = {}
        start = self.place
        while self.place < len(self.text):
            self._skip_blanks()
            here = self.text[self.place : self.place + 1]
            if not here or here == end or here in f"{DOT}+-:":
                break
            self._parse_unit(amounts, start, has_weight=is_mixture or weight is not None)
        if not amounts:
            found = self.text[self.place : self.place + 1]
            if not found and self.text.rstrip().endswith(("+", "-")):
                raise UndecidedFormulaError(CHARGED)
            raise FormulaError(f"'{found}' at position {self.place + 1} has no meaning" if found else "it has no atoms")
        return Part(amounts, weight, percent or (self.unit if weight is not None else ""))

    def _parse_weight(self) -> tuple[float | None, str]:
        """Parse the number before a part."""
        if found := PERCENT.match(self.text, self.place):
            kind = KINDS.get((found[2] or "").lower(), "")
            if not kind:
                known = f"{found[2]}% cannot be converted" if found[2] else "of moles or of masses"
                raise UndecidedFormulaError(f"'{found[0].strip()}': {known}; write mol% or wt%, or all in one formula")
            if found[1] is None:
                raise UndecidedFormulaError(f"'{found[0].strip()}' has no number")
            self.place = found.end()
            self._skip_blanks()
            return float(found[1]), kind
        if self.text[self.place : self.place + 1] == "(":
            closing = self.text.find(")", self.place)
            inner = self.text[self.place + 1 : closing]
            rest = self.text[closing + 1 :].lstrip()
            if closing > 0 and re.fullmatch(r"[\da-zα-ω.+\-/ ]+", inner) and re.match(r"[A-Z(\[{]", rest):
                value = self._parse_bracketed_sum()
                self._skip_blanks()
                return value, ""
            return None, ""
        term = self._parse_term()
        self._skip_blanks()
        return term, ""

    def _parse_unit(self, amounts: Amounts, start: int, *, has_weight: bool) -> None:
        """Parse an element or a bracket with its amount, and add it to the amounts."""
        here = self.text[self.place]
        if here in CLOSING:
            self.place += 1
            inner = self._parse_mixture(CLOSING[here])
            self._expect(CLOSING[here])
        else:
            inner = {self._parse_symbol(): 1.0}
        before = {*amounts, *inner}
        factor = self._parse_amount(start, before, has_weight=has_weight)
        for symbol, amount in inner.items():
            amounts[symbol] = amounts.get(symbol, 0.0) + factor * amount

    def _parse_symbol(self) -> str:
        """Parse an element's symbol; in Tax it is Ta, and x an amount, in Cx it is C."""
        found = SYMBOL.match(self.text, self.place)
        if found is None:
            raise FormulaError(f"'{self.text[self.place]}' at position {self.place + 1} has no meaning")
        symbol = found[0] if found[0] in INDEX else found[0][0]
        if symbol not in INDEX:
            raise FormulaError(f"there is no element '{found[0]}'")
        if symbol != found[0]:
            self.split.append(found[0])
        self.place += len(symbol)
        return symbol

    def _parse_amount(self, start: int, before: set[str], *, has_weight: bool) -> float:
        """Parse the amount behind an element or a bracket, 1 if there is none."""
        if self.text[self.place : self.place + 1] == "(":
            closing = self.text.find(")", self.place)
            inner = self.text[self.place + 1 : closing]
            # a number alone is a label or a footnote
            if closing > 0 and re.fullmatch(r"[\da-zα-ω.+\-/ ]+", inner) and re.search(r"[a-zα-ω+\-]", inner):
                return self._parse_bracketed_sum()
            return 1.0
        value = self._parse_term()
        if value is None:
            return 1.0
        while (sign := SIGN.match(self.text, self.place)) and self._continues_amount(sign, start, before, has_weight):
            self.place = sign.end()
            term = self._parse_term()
            assert term is not None
            value += term if sign[1] == "+" else -term
        if sign and sign.end() >= len(self.text.rstrip()):
            raise UndecidedFormulaError(CHARGED)
        return value

    def _continues_amount(self, sign: re.Match[str], start: int, before: set[str], has_weight: bool) -> bool:
        """Return whether a sign behind an amount belongs to it, as in Li7-x, or begins a part, as in Li2S3-5LiI.

        Raises:
            FormulaError: if both are plausible.
        """
        found = TERM.match(self.text, sign.end())
        if not found or not found[0].strip():
            return False
        if PERCENT.match(self.text, sign.end()):
            return False
        follows = self.text[found.end() :].lstrip()
        if not re.match(r"[A-Z(\[{]", follows):
            return True
        ahead = re.split(r"[)\]}]|[+-]\s*\(?[\d.]*[a-z]?[\d+-]*\)?\s*[A-Z]", follows, maxsplit=1)[0]
        right = [symbol for symbol in SYMBOL.findall(ahead) if symbol in INDEX or symbol[0] in INDEX]
        right = [symbol if symbol in INDEX else symbol[0] for symbol in right]
        is_split = sign[0] != sign[1]
        if not is_complete(before):
            return found[2] is not None or not has_weight
        if has_weight or is_split:
            return False
        if not is_complete(set(right)):
            return True
        if right[0] in before:
            return False
        raise UndecidedFormulaError(
            f"'{sign[0]}{found[0]}' at position {sign.start() + 1} may belong to the amount before it or begin another "
            f"part of a mixture; write the amount in brackets, or {DOT} between parts"
        )

    def _parse_bracketed_sum(self) -> float:
        """Parse a sum in brackets, as (1-x) or (1-x)/2."""
        self.place += 1
        value = self._parse_sum()
        self._expect(")")
        return self._divide(value)

    def _divide(self, value: float) -> float:
        """Divide a value by the number that follows, as in x/2."""
        below = DIVISOR.match(self.text, self.place)
        if below is None:
            return value
        if not float(below[1]):
            raise FormulaError(f"'{below[0]}' divides by zero")
        self.place = below.end()
        return value / float(below[1])

    def _parse_sum(self) -> float:
        """Parse numbers and variables with signs between them, as in 1-x-y."""
        self._skip_blanks()
        total, sign = 0.0, 1.0
        if self.text[self.place : self.place + 1] in ("-", "+"):
            sign = -1.0 if self.text[self.place] == "-" else 1.0
            self.place += 1
        while True:
            self._skip_blanks()
            term = self._parse_term()
            if term is None:
                raise FormulaError(f"an amount is missing at position {self.place + 1}")
            total += sign * term
            self._skip_blanks()
            if self.text[self.place : self.place + 1] not in ("+", "-"):
                return total
            sign = -1.0 if self.text[self.place] == "-" else 1.0
            self.place += 1

    def _parse_term(self) -> float | None:
        """Parse a number, a variable, or a number of variables; None if there is none of these."""
        found = TERM.match(self.text, self.place)
        if not found or not found[0].strip():
            return None
        number, name = found[1], found[2]
        if number is None and name is None:
            return None
        self.place = found.end() if name else found.end(1)
        value = parse_number(number) if number and "e" not in number else float(number or 1)
        if name is None:
            return value
        if name not in self.values:
            self.unknown.append(name)
        return self._divide(value * self.values.get(name, 1.0))

    def _expect(self, closing: str) -> None:
        """Take a closing bracket."""
        self._skip_blanks()
        if self.text[self.place : self.place + 1] != closing:
            raise FormulaError("its brackets do not match")
        self.place += 1

    def _skip_blanks(self) -> None:
        """Go on to the next character that is no blank."""
        while self.text[self.place : self.place + 1] == " ":
            self.place += 1


def mix_parts(parts: Sequence[Part], signs: Sequence[str], remarks: list[str]) -> Amounts:
    """Add up the parts of a mixture.

    Args:
        parts: with their amounts.
        signs: what stands between them.
        remarks: what was understood is appended.

    Raises:
        FormulaError: if there is no telling how much there is of each.
    """
    if len(parts) == 1 and not parts[0].percent:
        return _scale(parts[0].amounts, 1.0 if parts[0].weight is None else parts[0].weight)
    if any(part.percent for part in parts):
        return _mix_percents(parts, remarks)
    if any(sign != DOT for sign in signs) and all(part.weight is None for part in parts):
        raise UndecidedFormulaError("it names the parts of a mixture without their amounts; write as 0.75Li2S-0.25P2S5")
    if ":" in signs and any(part.weight is None for part in parts):
        raise UndecidedFormulaError("':' between formulas has no meaning; write a mixture as 0.75Li2S-0.25P2S5")
    weights = [1.0 if part.weight is None else part.weight for part in parts]
    is_hydrate = set(signs) == {DOT} and parts[0].weight is None
    if is_hydrate:
        remarks.append("parts with a dot between them")
    else:
        total = sum(weights)
        odd = f", which add up to {total:g}" if NEARLY[0] <= total <= NEARLY[1] and abs(total - 100) > 0.01 else ""
        remarks.append(f"a mixture by moles{odd}")
    return _add(parts, weights)


def _mix_percents(parts: Sequence[Part], remarks: list[str]) -> Amounts:
    """Add up parts of which some are given in mole or weight percent of the whole."""
    kinds = {part.percent for part in parts if part.percent}
    rest = [part for part in parts if not part.percent]
    if len(kinds) > 1 or len(rest) > 1 or any(part.weight is not None for part in rest):
        raise UndecidedFormulaError("it mixes percents and other amounts; give all parts in mol%, or all in wt%")
    kind, total = kinds.pop(), sum(part.weight or 0.0 for part in parts)
    if rest and not total < 100:
        raise UndecidedFormulaError(f"its percents leave nothing for the part without one; they add up to {total:g}")
    if not rest and abs(total - 100) > PERCENT_SUM:
        raise UndecidedFormulaError(f"its percents add up to {total:g}, not to 100")
    shares = [part.weight if part.percent and part.weight is not None else 100.0 - total for part in parts]
    whole = "the whole mass" if kind == "wt" else "all moles"
    remarks.append(f"{kind}% of {whole}" if rest else f"{kind}%")
    if kind == "mol":
        return _add(parts, [share / 100 for share in shares])
    moles = [share / compute_molar_mass(part.amounts) for share, part in zip(shares, parts, strict=True)]
    largest = max(moles)
    return _add(parts, [amount / largest for amount in moles])


def compute_molar_mass(amounts: Mapping[str, float]) -> float:
    """Compute the molar mass of a formula, g/mol."""
    from batterymi.features.composition import get_element_property

    masses = get_element_property("AtomicWeight")
    return float(sum(amount * masses[INDEX[symbol]] for symbol, amount in amounts.items()))


def _scale(amounts: Amounts, factor: float) -> Amounts:
    """Return amounts times a factor."""
    return {symbol: factor * amount for symbol, amount in amounts.items()}


def _add(parts: Sequence[Part], weights: Sequence[float]) -> Amounts:
    """Return the sum of parts, each times its weight."""
    total: Amounts = {}
    for part, weight in zip(parts, weights, strict=True):
        for symbol, amount in part.amounts.items():
            total[symbol] = total.get(symbol, 0.0) + weight * amount
    return total
