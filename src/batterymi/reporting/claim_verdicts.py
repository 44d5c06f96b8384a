"""The two verdicts on a claim: whether the source's own recipe gives its number, and whether it holds up elsewhere."""

from collections.abc import Sequence

from batterymi.reporting.claims import KINDS, Claim
from batterymi.reporting.pointers import LEAST, MOST, Found

REPRODUCED, NOT_REPRODUCED, NOT_COMPUTED = "reproduced", "not reproduced", "not computed by the source"
HOLDS, FAILS, DEPENDS, NO_VERDICT = "holds", "does not hold", "depends", "no verdict"
UNDECIDED = "undecided"  # of one of several numbers
COMPUTED_VERDICTS = (REPRODUCED, NOT_REPRODUCED, NOT_COMPUTED)
HOLDS_VERDICTS = (HOLDS, FAILS, DEPENDS, NO_VERDICT)
ROUNDING = 1e-12  # of a difference that should be exactly the tolerance


def compare_with_printed(computed: float, claim: Claim) -> str:
    """Return whether what the source's recipe gives is what it prints, within one unit of the last printed digit."""
    return REPRODUCED if abs(computed - claim.value) <= claim.last_digit + ROUNDING else NOT_REPRODUCED


def compare_with_found(found: Found, claim: Claim) -> str | None:
    """Return whether a claim holds against one number, or depends; None where the number cannot decide it.

    With an interval, all of it has to lie within the tolerance for the claim to hold, and all of it outside for it not
    to hold. A bound of what is possible can refute a number, and does not confirm one.

    Args:
        found: the number, with its interval.
        claim: with a tolerance.
    """
    if found.depends:
        return DEPENDS
    tolerance = (claim.tolerance or 0.0) + ROUNDING
    least, most = claim.value - tolerance, claim.value + tolerance
    if claim.relation in (">", ">="):
        most = float("inf")
    elif claim.relation == "<":
        least = float("-inf")
    # a bound leaves everything open on its other side
    lower, upper = found.interval or (found.value, found.value)
    lower = float("-inf") if found.bound == MOST else lower
    upper = float("inf") if found.bound == LEAST else upper
    if upper < least or lower > most:
        return FAILS
    return HOLDS if least <= lower and upper <= most else None


def decide(claim: Claim, numbers: Sequence[Found]) -> tuple[str, str]:
    """Return whether a claim holds, and the reason that follows from the numbers.

    All numbers count. Where the claim holds against one and not against another, or one of them has room for it, it
    depends. A bound that allows the claim says nothing, since another one may still refute it.

    Args:
        claim: what is claimed.
        numbers: what was found.
    """
    if KINDS[claim.kind]:
        return NO_VERDICT, KINDS[claim.kind]
    if not numbers:
        return NO_VERDICT, ""
    usable = [number for number in numbers if not number.objection]
    if not usable:
        return NO_VERDICT, numbers[0].objection
    compared = [(number, compare_with_found(number, claim)) for number in usable]
    decided = {verdict for _, verdict in compared if verdict}
    if not decided:
        return NO_VERDICT, _describe_doubt(usable[0])
    # an interval with room for the claim stands against a refutation, and not against a confirmation
    is_open = any(verdict is None and not number.bound for number, verdict in compared)
    if len(decided) > 1 or DEPENDS in decided or (decided == {FAILS} and is_open):
        return DEPENDS, _list_by_verdict(compared)
    return decided.pop(), ""


def _list_by_verdict(compared: Sequence[tuple[Found, str | None]]) -> str:
    """Return what was found, by what it says of the claim."""
    places: dict[str, list[str]] = {}
    for number, verdict in compared:
        places.setdefault(verdict or UNDECIDED, []).append(number.place)
    return "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in places.items())


def _describe_doubt(found: Found) -> str:
    """Return why a number cannot decide a claim."""
    if found.bound:
        return f"the {found.bound} that is possible allows it, which is no proof"
    return "the interval has room for the claim and for its opposite"
