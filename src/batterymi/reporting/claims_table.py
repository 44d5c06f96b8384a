"""The table of claims: each number of the chapter with both verdicts, what they rest on, and the reason."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.reporting.claim_verdicts import (
    COMPUTED_VERDICTS,
    HOLDS_VERDICTS,
    NOT_COMPUTED,
    compare_with_found,
    compare_with_printed,
    decide,
)
from batterymi.reporting.claims import Claim
from batterymi.reporting.pointers import Found, Measurements, find_study

COLUMNS = (
    *("id", "study", "section", "stated_in", "kind", "quantity", "relation", "claimed", "unit"),
    *("computed_value", "computed", "found", "found_lower", "found_upper", "found_in", "also_found", "holds"),
    *("reason", "source_computed", "source_found"),
)
MOST_OTHERS = 3  # numbers that a cell lists


def check_claims(claims: Sequence[Claim], folders: Mapping[str, Path], path: str | os.PathLike[str]) -> pd.DataFrame:
    """Compare every claim with the source's own recipe, and with what studies found.

    Args:
        claims: as `read_claims` returns them.
        folders: the folder of results of each study that ran, and of other results that are there.
        path: the file of the claims, for messages.

    Returns:
        The columns of claims.csv: one row for each claim.

    Raises:
        TableError: if a pointer leads nowhere.
    """
    measurements = Measurements(folders)
    return pd.DataFrame([check_claim(claim, measurements, path) for claim in claims], columns=list(COLUMNS))


def check_claim(claim: Claim, measurements: Measurements, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the row of one claim."""
    where = f"{path}: {claim.id}"
    computed = measurements.follow(claim.study, claim.computed, f"{where}: computed") if claim.computed else []
    numbers = _follow_alternatives(claim, measurements, f"{where}: found")
    return make_row(
        claim,
        computed[0] if computed else None,
        numbers,
        "" if numbers else _describe_missing(claim, measurements.folders),
    )


def make_row(claim: Claim, computed: Found | None, numbers: Sequence[Found], missing: str = "") -> dict[str, Any]:
    """Return the row of a claim.

    Args:
        claim: what is claimed.
        computed: what the source's recipe gives, if it was run.
        numbers: what else was found, in any order.
        missing: what this run lacks to find anything.
    """
    numbers = sorted(numbers, key=lambda number: _rank(number, claim))
    verdict, reason = decide(claim, numbers)
    first = numbers[0] if numbers else None
    return {
        **{name: getattr(claim, name) for name in ("id", "study", "section", "stated_in", "kind", "quantity")},
        "relation": claim.relation,
        "claimed": claim.value,
        "unit": claim.unit,
        "computed_value": computed.value if computed else None,
        "computed": _describe_computed(claim, computed),
        "found": first.value if first else None,
        "found_lower": first.interval[0] if first and first.interval else None,
        "found_upper": first.interval[1] if first and first.interval else None,
        "found_in": first.place if first else "",
        "also_found": _describe_others(numbers[1:]),
        "holds": verdict,
        "reason": "; ".join(text for text in (reason, missing, first.how if first else "", claim.reason) if text),
        "source_computed": computed.source if computed else "",
        "source_found": " & ".join(number.source for number in numbers),
    }


def _rank(number: Found, claim: Claim) -> tuple[bool, bool, bool]:
    """Return a key that sorts numbers: first the declared one and what decides, last what no verdict may rest on."""
    return bool(number.objection), not number.is_declared, compare_with_found(number, claim) is None


def _describe_others(numbers: Sequence[Found]) -> str:
    """Return further numbers with their places; of many, how far apart they are."""
    if len(numbers) <= MOST_OTHERS:
        return "; ".join(f"{number.value:.4g} ({number.place})" for number in numbers)
    values = [number.value for number in numbers]
    return f"{len(values)} others from {min(values):.3g} to {max(values):.3g}"


def count_verdicts(table: pd.DataFrame) -> str:
    """Return how many claims have which verdicts, in words."""
    parts = []
    for column, verdicts in (("computed", COMPUTED_VERDICTS), ("holds", HOLDS_VERDICTS)):
        counts = table[column].value_counts()
        parts.append(", ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in verdicts))
    return "; ".join(parts)


def _follow_alternatives(claim: Claim, measurements: Measurements, where: str) -> list[Found]:
    """Return the numbers of the first alternative that leads to any."""
    for group in claim.found:
        if numbers := [number for p in group for number in measurements.follow(claim.study, p, where)]:
            return numbers
    return []


def _describe_missing(claim: Claim, folders: Mapping[str, Path]) -> str:
    """Return what a run lacks to find anything about a claim; nothing where nothing can be found."""
    pointers = [pointer for group in claim.found for pointer in group]
    if not pointers:
        return ""
    needed = {find_study(pointer, claim.study) for pointer in pointers}
    if absent := sorted(needed - set(folders)):
        return f"this run lacks {' and '.join(absent)}, to compare with"
    return "this run has no such number"


def _describe_computed(claim: Claim, computed: Found | None) -> str:
    """Return the verdict of the source's own recipe; empty if the recipe was not run."""
    if computed:
        return compare_with_printed(computed.value, claim)
    return "" if claim.computed else NOT_COMPUTED
