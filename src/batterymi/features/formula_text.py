"""The characters of formulas as people type them: one way of writing for indices, dots, dashes and variables."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from batterymi.features.formulas import FormulaError

DOT = "·"
DOTS = dict.fromkeys(map(ord, "•⋅∙・･‧●∗*×"), DOT)
DASHES = dict.fromkeys(map(ord, "−–—‐‑‒―﹣－"), "-")
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), None)
# letters of other alphabets that look like those of elements and variables
LOOK_ALIKE = dict(zip(map(ord, "АВЕКМНОРСТХІухосареΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"), "ABEKMHOPCTXIyxocapeABEZHIKMNOPTYX", strict=True))
SLASHES = dict.fromkeys(map(ord, "⁄∕⸝"), "/")
FOOTNOTE = re.compile(r"(?<=[\w)\]])\s*[*†‡§]+\s*$")
UNCERTAINTY = re.compile(r"(\d*\.\d+)\(\d{1,2}\)")  # of the last digits, as crystallographers write
VACANCY = re.compile(r"[□▢◻☐](?:[\d.]+)?")
SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+|<sup>(.*?)</sup>|\^\{([^}]*)\}|\^([\d+-]+)", re.IGNORECASE)
MARKUP = re.compile(r"</?su[bp]>|\\(?:mathrm|text|textrm|ce|rm)\b|\$", re.IGNORECASE)
STATE = re.compile(r"\((?:s|l|g|aq|cr|am|gl|glass|ceramic)\)\s*$")  # of matter, behind a formula
NUMBER = r"\d+(?:[.,]\d+)?(?:\s*/\s*\d+)?|[.,]\d+"
ASSIGNMENT = re.compile(
    rf"(?<![A-Za-z0-9])([a-zα-ω])\s*(?:=|:|≈|~|≅)\s*({NUMBER})(\s*%)?"
    # a range or a list of values is no value
    r"(?![\d.]|\s*(?:-|to\b|\.\.|…)|\s*[,;/]\s*[\d.])"
)
SOME_ASSIGNMENT = re.compile(r"(?<![A-Za-z0-9])([a-zα-ω])\s*(?:[=<>≤≥≈]|:(?=\s*\d))|[<>≤≥]\s*([a-zα-ω])\b")
LEFTOVER = re.compile(r"[(\[{]\s*(?:[,;:]|and|with|where|for|at|\s)*[)\]}]")
LINKING = re.compile(r"[\s,;:]+(?:(?:with|where|for|at|and)[\s,;:]*)?$|^[\s,;:]+")
HYDRATE = re.compile(r"^(.*\d)\.(\d+)\s*(H2O|\(H2O\)|\[H2O\])$")
BARE_DOT = re.compile(r"^(.*[A-Za-z)\]])\.(\d+)([A-Z(\[].*)$")  # Li2O.2B2O3, or Al.25La3


@dataclass
class Spelling:
    """A cell's text in one way of writing.

    Attributes:
        text: the text.
        values: of variables that the cell gives itself, as of `(x = 0.4)`.
        remarks: what was understood on the way, for the reader of a list.
    """

    text: str
    values: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def normalise_text(cell: str) -> Spelling:
    """Write a formula's indices, dots, dashes and blanks in one way, and take out what it says of variables.

    Args:
        cell: as it stands in a table.

    Returns:
        The text that is left, with what was understood.

    Raises:
        FormulaError: for superscripts that are no charge, and for variables with a range of values.
    """
    spelling = Spelling(FOOTNOTE.sub("", cell.translate(INVISIBLE).translate(DASHES).translate(SLASHES)))
    _take_charges(spelling)
    text = MARKUP.sub("", spelling.text)
    text = re.sub(r"_\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"_(?=[\d.xyzδ(])", "", text)
    if "\\" in text or "{" in text:
        text = text.replace("\\", "")
    # compatibility forms: indices, full width letters, non-breaking blanks, one half as 1⁄2
    text = unicodedata.normalize("NFKC", text.translate(DOTS)).replace("\u2044", "/").translate(DASHES)
    plain = text.translate(LOOK_ALIKE)
    if plain != text:
        spelling.remarks.append("letters of another alphabet that look like Latin ones")
    text = VACANCY.sub("", plain)
    if text != plain:
        spelling.remarks.append("vacancies left out")
    text = re.sub(r"\s+", " ", text).strip().strip("'\"").strip()
    if UNCERTAINTY.search(text):
        text = UNCERTAINTY.sub(r"\1", text)
        spelling.remarks.append("uncertainties left out")
    text = re.sub(r"(?:(?<=\s)|^)([A-Z][a-z]?)\s+(?=\d)", r"\1", text)  # Li 3PS4
    spelling.text = re.sub(r"\s+[xX]\s+(?=\d*\s*[A-Z(])", DOT, text)  # CuSO4 x 5 H2O
    _take_assignments(spelling)
    _read_decimal_commas(spelling)
    spelling.text = STATE.sub("", spelling.text).strip()
    spelling.text = re.sub(r"(?<=[A-Za-z)\]])\.(?=[A-Z(\[])", DOT, spelling.text)  # LiOH.H2O
    return spelling


def split_hydrate(text: str) -> tuple[str, str] | None:
    """Return the two readings of a text with a dot that may stand between parts, or be a decimal one."""
    found = HYDRATE.match(text) or BARE_DOT.match(text)
    return (f"{found[1]}{DOT}{found[2]}{found[3]}", text) if found else None


def parse_number(text: str) -> float:
    """Parse a decimal number or a fraction, with a decimal point or comma."""
    above, _, below = text.replace(",", ".").replace(" ", "").partition("/")
    if below and not float(below):
        raise FormulaError(f"'{text}' divides by zero")
    return float(above) / float(below) if below else float(above)


def collect_values(own: Mapping[str, float], given: Mapping[str, float]) -> dict[str, float]:
    """Return the values of variables from a cell and from other columns of its row, which must agree.

    Raises:
        FormulaError: where they do not.
    """
    for name, value in own.items():
        if name in given and abs(given[name] - value) > 1e-9:
            raise FormulaError(f"it says {name} = {value:g}, and the column '{name}' {given[name]:g}; which is right?")
    return {**given, **own}


def _take_charges(spelling: Spelling) -> None:
    """Take superscripts with a sign out of a text, since they are charges.

    Raises:
        FormulaError: for other superscripts.
    """

    def take(match: re.Match[str]) -> str:
        raw = unicodedata.normalize("NFKC", next((part for part in match.groups() if part is not None), match[0]))
        charge = raw.translate(DASHES).strip()
        if not re.fullmatch(r"\d*[.]?\d*\s*[+-]+|[+-]\s*\d*", charge):
            hint = "an index is written Li2 or Li₂, and isotopes are not distinguished"
            raise FormulaError(f"the superscript '{charge}' is no charge; {hint}")
        spelling.remarks.append(f"the charge {charge} left out")
        return ""

    spelling.text = SUPERSCRIPT.sub(take, spelling.text)


def _take_assignments(spelling: Spelling) -> None:
    """Take the values of variables out of a text.

    Raises:
        FormulaError: if one has two values, or a range.
    """

    def take(match: re.Match[str]) -> str:
        name, value = match[1], parse_number(match[2]) / (100 if match[3] else 1)
        if spelling.values.setdefault(name, value) != value:
            raise FormulaError(f"it gives {name} two values; write one row for each")
        return ""

    text = ASSIGNMENT.sub(take, spelling.text)
    if found := SOME_ASSIGNMENT.search(text):
        name = found[1] or found[2]
        raise FormulaError(f"it gives no single number for {name}; write one row for each value, as '({name} = 0.4)'")
    if text != spelling.text:
        while LEFTOVER.search(text):
            text = LEFTOVER.sub(" ", text)
        text = LINKING.sub("", text).strip()
    spelling.text = text


def _read_decimal_commas(spelling: Spelling) -> None:
    """Replace decimal commas in amounts, and commas between the parts of a mixed site.

    Raises:
        FormulaError: for a mixed site without amounts.
    """
    text = re.sub(r"(?<=\d),(?=\d)", ".", spelling.text)
    if text != spelling.text:
        spelling.remarks.append("commas as decimal points")
    for inner in re.findall(r"[(\[]([^()\[\]]*,[^()\[\]]*)[)\]]", text):
        parts = [part.strip() for part in inner.split(",")]
        if all(re.fullmatch(r"[A-Z][a-z]?", part) for part in parts):
            raise FormulaError(f"({inner}) gives no amounts of its elements")
        if all(re.fullmatch(r"(?:[A-Z][a-z]?)+[\d.xyz/+-]+", part) for part in parts):
            text = text.replace(inner, "".join(parts))
    spelling.text = text
