"""What whole words of headers mean: outcomes, factors, groups, ids, errors and so on."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def load_words() -> dict[str, tuple[str, ...]]:
    """Return what whole words of headers mean: a tuple of words for each meaning."""
    with Path(__file__).with_name("header_words.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["meaning"], []).append(row["word"])
    return {meaning: tuple(words) for meaning, words in found.items()}


def find_meaning(words: Iterable[str], *meanings: str) -> str:
    """Return the first of some words that has one of the meanings; empty if none has."""
    known = {word for meaning in meanings for word in load_words().get(meaning, ())}
    return next((word for word in words if word in known), "")
