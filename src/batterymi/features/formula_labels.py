"""What stands beside a formula in a cell: a label or phase, which may be left out, or more of the substance."""

import re
from collections.abc import Mapping

from batterymi.features.charge_balance import is_complete, is_neutral
from batterymi.features.formula_mixtures import UndecidedFormulaError
from batterymi.features.formula_typos import NAMES
from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.vocabulary.elements import INDEX

# words that change what a sample is made of
CHANGING = re.compile(
    r"dop(?:ed|ing|ant)|substitut|excess|deficien|coat|composite|blend|mixture|mixed|additive|\badded\b|\bwith(?:out)?\b"
    r"|\bplus\b|\band\b|\bor\b|\brich\b|\bpoor\b|modified|vacanc|impregnat|infiltrat|%|\bppm\b|percent|@|\||\\"
    # a state with other amounts
    r"|(?<!de)(?<!an)hydr(?:ate|ous)|\bwet(?:ted)?\b(?![\s-]*(?:ball|mill|chem|synth|process|method|route|jet|mix))"
    r"|\bmoist|\bhumid|lithiat|sodiat|\b(?:dis|over)?charged\b|oxidi[sz]ed|\breduced\b|nitrid|fluorinat|chlorinat"
    r"|hydrogenat|protonat|exchanged|leached|intercalat|solvate|swollen|soaked|dissolved|impur|contamin|decomposed"
    r"|stoichiometr|decorated|encapsulat|wrapped|embedded|anchored|supported|hybrid|alloyed"
    # materials by their words
    r"|\bcarbon\b|graphene|\bgraphite\b(?!\s*(?:die|crucible|mou?ld))|nanotube|polymer|binder|cellulose"
    r"|\b(?:sulfur|sulphur|silicon|silver|water|alumina|silica|titania|zirconia|[a-z]{3,}ium)-(?=[A-Z])",
    re.IGNORECASE,
)
MATERIALS = re.compile(
    r"(?<![A-Za-z])(?:[SDM]W?CNTs?|CNTs?|CNFs?|r?GO|PEO|PEG|PVDF|PAN|PMMA|PVP|PVA|PEDOT|PTFE|CMC|SBR|VGCF|MOFs?|ZIF)"
    r"(?![a-z])"
)
PRIMES = r"['’′ʹ\"”″]*"
PHASE = rf"[LHR]T|[OPT]{PRIMES}[1-3]{PRIMES}|(?:[12468]H|3C|\d{{1,2}}[TR]){PRIMES}|[αβγδεζηθκλω]{PRIMES}"
KNOWN_PHASE = re.compile(rf"(?:{PHASE})(?:[\s-]type)?")
PHASE_BEFORE = re.compile(rf"^({PHASE}|[a-wα-ω]{PRIMES})(?:-type[\s-]|\s?-)\s?(?=[A-Z\[(])")
PHASE_BEHIND = re.compile(rf"\s\(\s*((?:{PHASE})(?:[\s-](?:type|phase))?)\s*\)$|-([LHR]T)$")
SIGN_BEFORE = re.compile(r"^\s*(?:[+·&/]|-\s*[A-Z0-9])|(?:[+·&/]|\s-)\s*$")
AMOUNT_BEFORE = re.compile(r"^\d[\d.]*\s*%?\s*[A-Z]{2}|\d\s*(?:wt|mol|vol|at)?[\s.\-]*%")
PURITY = re.compile(r"9[5-9](?:\.\d+)?\s*%")
TOKENS = re.compile(r"(TM|[A-Z][a-z]?)|[()\[\]{}]|[\d.]+|[+\-/]|[a-zα-ω](?![a-z])")
PLACEHOLDERS = {"M", "A", "X", "R", "TM", "Me", "Ln"}
ALLOY_NAME = re.compile(r"[A-Z]{2,6}-?\d{3,}")  # NCM811, NMC532
NOT_A_LABEL = {"free", "based", "type", "like", "containing", "ion", "derived", "terminated", "less"}

Amounts = dict[str, float]


def take_phase(text: str, remarks: list[str]) -> str:
    """Return a formula without the phase that is named before or behind it, as in P2-Na0.67MnO2."""
    for pattern in (PHASE_BEFORE, PHASE_BEHIND):
        found = pattern.search(text)
        rest = text[: found.start()] + text[found.end() :] if found else ""
        if found and rest.strip():
            remarks.append(f"'{next(filter(None, found.groups()))}' as a phase")
            text = rest
    return text


def take_abbreviation(text: str, split: tuple[str, str] | None, remarks: list[str]) -> str:
    """Return a formula without its abbreviation in brackets, as NVP behind Na3V2(PO4)3.

    Args:
        text: in one spelling.
        split: what stands before its last bracket, and in it; None if it has none.
        remarks: what was understood is appended.

    Raises:
        UndecidedFormulaError: if an element stands in the bracket behind what is a compound by itself.
    """
    try:
        amounts = parse_formula(split[0]) if split else {}
    except FormulaError:
        return text
    if split is None or not is_complete({*amounts}):
        return text
    before, inner = split
    if is_abbreviation(inner.strip(), amounts):
        remarks.append(f"'{inner.strip()}' as a name")
        return before.strip()
    if before.endswith(" ") and inner.strip() in INDEX and is_neutral(amounts):
        raise UndecidedFormulaError(f"'({inner})' may be a part of the formula or not; write the whole composition")
    return text


def find_placeholder(piece: str) -> str:
    """Return what stands for any element in a piece that is a formula otherwise, as M in LiMO2; empty if nothing."""
    piece = piece.replace(" ", "")
    if ALLOY_NAME.fullmatch(piece):
        return ""
    matches = list(TOKENS.finditer(piece))
    if "".join(match[0] for match in matches) != piece:
        return ""
    symbols = [match[1] for match in matches if match[1]]
    # in Mx and Ax the small letter is a variable
    known = [symbol if symbol in INDEX or symbol in PLACEHOLDERS else symbol[0] for symbol in symbols]
    if not all(symbol in INDEX or symbol in PLACEHOLDERS for symbol in known):
        return ""
    unknown = [symbol for symbol in known if symbol not in INDEX]
    is_formula = any(len(symbol) > 1 and symbol in INDEX for symbol in known) or re.search(
        r"[OSFN](?:[2-9]|1\d)", piece
    )
    return unknown[0] if unknown and is_formula else ""


def refuse_placeholder(piece: str) -> None:
    """Refuse a formula in which a letter stands for any element."""
    if name := find_placeholder(piece):
        raise UndecidedFormulaError(
            f"'{name}' in '{piece.strip()}' is no element; write the element, or elements, with their amounts"
        )


def refuse_substance(piece: str, *, is_joined: bool) -> None:
    """Refuse a piece beside a formula that is more than a label.

    Args:
        piece: what is no formula.
        is_joined: whether a dash joins it to the formula.

    Raises:
        UndecidedFormulaError: with what to write.
    """
    refuse_placeholder(piece)
    shown = piece.strip()
    has_amount = AMOUNT_BEFORE.search(piece) and not PURITY.search(piece)
    if SIGN_BEFORE.search(piece) or MATERIALS.search(piece) or has_amount:
        raise UndecidedFormulaError(_describe_substance(shown))
    word = shown.lower()
    if not is_joined or KNOWN_PHASE.fullmatch(shown):
        return
    if re.search(r"[A-Z\d]", piece) or word in NOT_A_LABEL or (len(word) == 2 and word.capitalize() in INDEX):
        raise UndecidedFormulaError(_describe_substance(shown))


def _describe_substance(shown: str) -> str:
    """Return what is wrong with more than a label, and what would be right."""
    return (
        f"'{shown}' beside the formula is more than a label, or may be; write the whole composition, a mixture as "
        "formulas with their amounts (mol% or wt%), and a label in a column of its own"
    )


def refuse_other_material(piece: str, amounts: Mapping[str, float]) -> None:
    """Refuse the abbreviation of a material that has elements which the formula beside it lacks."""
    for name, meant in NAMES.items():
        if not re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z0-9])", piece):
            continue
        try:
            lacking = [symbol for symbol in parse_formula(meant) if symbol not in amounts]
        except FormulaError:  # a family, without a formula of its own
            continue
        if lacking:
            raise UndecidedFormulaError(
                f"'{name}' is {meant}, but the formula has no {lacking[0]}; write the whole composition, of a mixture "
                "with amounts"
            )


def is_abbreviation(text: str, amounts: Mapping[str, float]) -> bool:
    """Return whether capitals abbreviate a formula, as NVP does Na3V2(PO4)3."""
    initials = {symbol[0] for symbol in amounts}
    return re.fullmatch(r"[A-Z]{3,6}", text) is not None and is_complete({*amounts}) and set(text) <= initials


def list_used_variables(text: str, values: Mapping[str, float]) -> list[str]:
    """List the variables that stand in a formula, with their values."""
    rest = re.sub(r"[A-Z][a-z]?", lambda match: " " if match[0] in INDEX else f" {match[0][1:]}", text)
    return [
        f"{name} = {value:g}"
        for name, value in values.items()
        if re.search(rf"(?<![a-zα-ω]){re.escape(name)}(?![a-zα-ω])", rest)
    ]
