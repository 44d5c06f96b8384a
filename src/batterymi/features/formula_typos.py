"""Typing errors in formulas: abbreviations, wrong capitals, a zero for the letter O, charges that cannot balance."""

import re
from collections.abc import Iterator

from batterymi.features.charge_balance import ALKALINE, ANIONS, FAR, compute_imbalance, describe_imbalance, is_neutral
from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.vocabulary.elements import INDEX

# abbreviations that look like formulas, or are written instead of them
NAMES = {
    **dict.fromkeys(("NASICON", "NaSICON", "LISICON", "LiSICON", "LIPON", "LiPON"), "with the amount of each element"),
    **{"LiFSI": "LiN(SO2F)2", "NaFSI": "NaN(SO2F)2", "KFSI": "KN(SO2F)2", "LiTFSI": "LiN(SO2CF3)2"},
    **{"NaTFSI": "NaN(SO2CF3)2", "LiBOB": "LiB(C2O4)2", "NaBOB": "NaB(C2O4)2", "LiDFOB": "LiBF2C2O4"},
    **{
        "LCO": "LiCoO2",
        "LFP": "LiFePO4",
        "LMO": "LiMn2O4",
        "LTO": "Li4Ti5O12",
        "LNO": "LiNiO2",
        "LNMO": "LiNi0.5Mn1.5O4",
    },
    **{"LLZO": "Li7La3Zr2O12", "LGPS": "Li10GeP2S12", "LPS": "Li3PS4", "LPSCl": "Li6PS5Cl", "LYC": "Li3YCl6"},
    **{"NMC811": "LiNi0.8Mn0.1Co0.1O2", "NCM811": "LiNi0.8Co0.1Mn0.1O2", "NCM622": "LiNi0.6Co0.2Mn0.2O2"},
    **{"LATP": "Li1.3Al0.3Ti1.7(PO4)3", "LAGP": "Li1.5Al0.5Ge1.5(PO4)3", "LLZTO": "Li6.4La3Zr1.4Ta0.6O12"},
    **{"NVP": "Na3V2(PO4)3", "NVPF": "Na3V2(PO4)2F3", "NZSP": "Na3Zr2Si2PO12"},
}
GROUPS = {"Po3": "PO3", "Po4": "PO4", "Co3": "CO3", "No3": "NO3"}  # polyanions that are typed as an element
ZERO = re.compile(r"(?<=[A-Za-z])0(?=\d)|(?<=\d)0(?=[1-9])|(?<=[)\]])0(?=\d)")  # not that of 10 or 20
LAST_ZERO = re.compile(r"(?<=\d)0(?=$|[A-Z(])")
MOST_LETTERS = 14  # of a formula in the wrong case; each more doubles the readings

Amounts = dict[str, float]


def describe_name(name: str) -> str:
    """Return what to write instead of an abbreviation."""
    hint = NAMES[name]
    return f"write a formula, {hint if hint.startswith('with') else 'as ' + hint}"


def read_any_case(text: str, remarks: list[str]) -> Amounts | None:
    """Read a formula whose capitals are wrong, if it has one reading with balanced charges.

    Raises:
        FormulaError: if it has several.
    """
    letters = sum(map(str.isalpha, text))
    if not re.fullmatch(r"[A-Za-z0-9.()\[\]]+", text) or letters > MOST_LETTERS:
        return None
    is_word = text.isalpha()
    readings = []
    for spelt in _spell_capitals(text):
        try:
            amounts = parse_formula(spelt)
        except FormulaError:
            continue
        # most short words can be spelt with symbols of elements
        if not is_word or (len(amounts) == 2 and is_neutral(amounts)):
            readings.append((spelt, amounts))
    likely = [(spelt, amounts) for spelt, amounts in readings if is_neutral(amounts)]
    chosen = likely or readings
    if len(chosen) == 1:
        remarks.append(f"{chosen[0][0]} with other capitals")
        return chosen[0][1]
    if chosen:
        listed = ", ".join(spelt for spelt, _ in chosen[:4])
        raise FormulaError(f"it may be {listed}{' and others' if len(chosen) > 4 else ''}; write capital letters")
    return None


def _spell_capitals(text: str, place: int = 0) -> Iterator[str]:
    """Yield every way to read the letters of a text as elements, whatever their case."""
    if place >= len(text):
        yield ""
        return
    if not text[place].isalpha():
        yield from (text[place] + rest for rest in _spell_capitals(text, place + 1))
        return
    for length in (2, 1):
        letters = text[place : place + length]
        symbol = letters.capitalize()
        if len(letters) == length and letters.isalpha() and symbol in INDEX:
            yield from (symbol + rest for rest in _spell_capitals(text, place + length))


def refuse_name(text: str) -> None:
    """Refuse a well-known abbreviation, also one that could be read as elements."""
    if text in NAMES:
        raise FormulaError(f"it is a name; {describe_name(text)}")


def _parse_or_empty(text: str) -> Amounts:
    """Return the amounts of a formula, none of a text that is no formula."""
    try:
        return parse_formula(text)
    except FormulaError:
        return {}


def refuse_typing_error(text: str, amounts: Amounts) -> None:
    """Refuse a zero that stands where the letter O belongs, as in Ta0.6012, and Po4 for PO4."""
    for wrong, right in GROUPS.items():
        meant = re.sub(rf"{wrong}(?!\d)", right, text)
        # cobalt forms alloys, but hardly with these metals alone
        if wrong == "Co3" and not set(amounts) <= ALKALINE | {"Co"}:
            continue
        if meant != text and compute_imbalance(amounts) > FAR and is_neutral(_parse_or_empty(meant)):
            raise FormulaError(f"{wrong[:2]} is an element by itself, with which charges do not balance; write {meant}")
    is_wrong = compute_imbalance(amounts) > FAR or len(amounts) == 1
    for found in ZERO.finditer(text) if "O" not in amounts else ():
        meant = text[: found.start()] + "O" + text[found.end() :]
        # no amount begins with a zero
        if (is_wrong or text[found.start() - 1].isalpha()) and is_neutral(_parse_or_empty(meant)):
            lacks = "" if set(amounts) & ANIONS else "it has no anion, and "
            raise FormulaError(f"{lacks}a zero stands where the letter O may belong; write {meant}, if that is meant")


def make_note(text: str, amounts: Amounts) -> str:
    """Return what is odd about a formula."""
    note = describe_imbalance(amounts)
    if "O" not in amounts and (note or len(amounts) == 1):
        spelt = [text[: found.start()] + "O" + text[found.end() :] for found in LAST_ZERO.finditer(text)]
        meant = [formula for formula in spelt if is_neutral(_parse_or_empty(formula))]
        note += f"{'; ' if note else ''}is it {meant[0]}, with the letter O?" if len(meant) == 1 else ""
    if text.isalnum() and text.isupper() and len(amounts) > 1 and not is_neutral(amounts):
        likely = [spelt for spelt in _spell_capitals(text) if spelt != text and is_neutral(parse_formula(spelt))]
        note += f"{'; ' if note else ''}is it {likely[0]}?" if len(likely) == 1 else ""
    return note
