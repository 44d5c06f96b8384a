"""Ledgers of suggestions, as tests fill them."""

import json
from pathlib import Path
from typing import Any

from timing import START, seconds_of

from batterymi.optimise.campaigns.ledger import Ledger


def listed(*values: float) -> list[dict[str, Any]]:
    """Suggestions of one feature."""
    return [{"design": {"a": value}, "predicted": {"y": [value, value - 1, value + 1]}} for value in values]


def fill(path: Path, n: int = 4) -> list[bytes]:
    """Write batches, and return the lines of the file."""
    for number in range(1, n + 1):
        assert Ledger(path).add(f"k{number}", 10 + number, listed(number, number + 0.5), {"ab"}) == number
    return path.read_bytes().splitlines(keepends=True)


def head_of(path: Path) -> Path:
    """The head of a ledger."""
    return path.with_name(f"{path.name}.head")


def fill_first_format(path: Path, n: int = 3) -> list[bytes]:
    """Write batches as they were written before lines had digests."""
    batches = [
        {"batch": number, "key": f"{number:032x}", "rows": 10 + number, "suggestions": listed(number, number + 0.5)}
        for number in range(1, n + 1)
    ]
    path.write_text("\n".join(json.dumps(batch, sort_keys=True) for batch in batches) + "\n", encoding="utf-8")
    return path.read_bytes().splitlines(keepends=True)


def add_one(path: str, number: int, ready: Any) -> None:
    """Append one batch, at the same moment as others."""
    ledger = Ledger(Path(path))
    ready.wait(seconds_of(START))
    ledger.add(f"key of {number}", number, listed(number))
