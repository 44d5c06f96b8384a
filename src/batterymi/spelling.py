"""Suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant.

    Args:
        found: what the user wrote.
        known: the names that exist.

    Returns:
        "did you mean 'x'?", or the list of known names where none is close.
    """
    names = sorted(known)
    close = get_close_matches(found, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + (", ".join(names) or "none")
