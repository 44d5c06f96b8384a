"""The two verdicts on a claim: whether the source's own recipe gives its number, and whether it holds up elsewhere."""

from collections.abc import Sequence

from batterymi.reporting.claims import KINDS, Claim
from batterymi.reporting.pointers import LEAST, MOST, Found

REPRODUCED, NOT_REPRODUCED, NOT_COMPUTED = "reproduced", "not reproduced", "not computed by the source"
HOLDS, FAILS, DEPENDS, NO_VERDICT = "holds", "does not hold", "depends", "no verdict"
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

    Args:
        claim: what is claimed.
        numbers: what was found, all of which counts.
    """
    if KINDS[claim.kind]:
        return NO_VERDICT, KINDS[claim.kind]
    if not numbers:
        return NO_VERDICT, ""
    usable = [number for number in numbers if not number.objection]
    if not usable:
        return NO_VERDICT, numbers[0].objection
    decided = [(number, verdict) for number in usable if (verdict := compare_with_found(number, claim))]
    if not decided:
        return NO_VERDICT, _describe_doubt(usable[0])
    verdicts = {verdict for _, verdict in decided}
    if len(verdicts) > 1 or DEPENDS in verdicts:
        return DEPENDS, "; ".join(f"{number.place}: {verdict}" for number, verdict in decided)
    return verdicts.pop(), ""


def _describe_doubt(found: Found) -> str:
    """Return why a number cannot decide a claim."""
    if found.bound:
        return f"the {found.bound} that is possible allows it, which is no proof"
    return "the interval has room for the claim and for its opposite"
