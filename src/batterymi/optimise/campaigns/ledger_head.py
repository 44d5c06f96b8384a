"""The head of a ledger: a small file beside it that says how many lines it has, so that a lost end is noticed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batterymi.errors import TableError
from batterymi.optimise.campaigns.ledger_lines import SHA256, Batch
from batterymi.user_files import replace_bytes, resolve_path


@dataclass(frozen=True)
class Head:
    """What a ledger held after its last batch was written.

    Attributes:
        lines: how many.
        last: digest of the last one.
        highest: highest number of a batch that there ever was.
        accepted: digests of lines before which something was lost, with which the user went on.
    """

    lines: int
    last: str
    highest: int
    accepted: frozenset[str] = frozenset()


def find_head(ledger: Path) -> Path:
    """Return where the head of a ledger lies: beside the file itself, where links lead to it."""
    target = resolve_path(ledger)
    return target.with_name(f"{target.name}.head")


def read_head(ledger: Path) -> Head | None:
    """Read the head of a ledger, if it has one.

    Raises:
        TableError: if the file is something else.
    """
    path = find_head(ledger)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        accepted = content["accepted"]
        if not isinstance(accepted, list) or not all(SHA256.fullmatch(digest) for digest in accepted):
            raise ValueError
        head = Head(content["lines"], content["last"], content["highest"], frozenset(accepted))
        if not (_is_count(head.lines) and _is_count(head.highest) and SHA256.fullmatch(head.last)):
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TableError(
            f"{path}: not the head of a ledger; move it away, and the next batch writes it again (until then, lines "
            f"that are missing at the end of {ledger} are not noticed)"
        ) from None
    return head


def write_head(ledger: Path, head: Head) -> None:
    """Write the head of a ledger, under the ledger's lock.

    Raises:
        OutputError: if it cannot be written.
    """
    content = {"lines": head.lines, "last": head.last, "highest": head.highest, "accepted": sorted(head.accepted)}
    replace_bytes(find_head(ledger), (json.dumps(content) + "\n").encode(), like=ledger)


def _is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def find_losses(ledger: Path, batches: Sequence[Batch], head: Head | None) -> dict[str, str]:
    """Find where lines of a ledger are missing or were changed.

    Each line holds the digest of the line before, and batches are numbered one after the other, so that a loss in the
    middle is seen; the head says what the last line was.

    Args:
        ledger: for messages.
        batches: all lines, in order.
        head: what the ledger held when it was last written; None if that is not known.

    Returns:
        A message for each loss, by the digest of the line behind it; an empty one for the end.
    """
    losses = {}
    for place, batch in enumerate(batches):
        earlier = batches[place - 1] if place else None
        if fault := _find_break(batch, earlier):
            losses[batch.digest] = f"{ledger}: line {batch.line} (batch {batch.number}): {fault}"
    if head is not None and head.last not in {batch.digest for batch in batches}:
        highest = batches[-1].number if batches else 0
        if highest < head.highest:
            few = head.highest == highest + 1
            said = f"batch {head.highest} is" if few else f"batches {highest + 1} to {head.highest} are"
            losses[""] = f"{ledger}: {said} missing at the end; {find_head(ledger)} counts {head.lines} lines"
        else:
            losses[""] = f"{ledger}: the last of the {head.lines} lines that it had is missing or was changed"
    return losses


def _find_break(batch: Batch, earlier: Batch | None) -> str:
    """Say why a line does not follow the one before, if it does not."""
    expected, digest = (earlier.number + 1, earlier.digest) if earlier else (1, "")
    before = f"line {earlier.line}" if earlier else "the beginning of the file"
    if batch.number < expected:
        return f"its number is not above that of {before}: a line is there twice, or lines were moved"
    if batch.before is None:  # the first format had no digests, but numbered its batches
        if earlier is not None and earlier.before is not None:
            return f"it lacks the digest of {before}: it was written by hand, or by an older version"
    elif batch.before == digest:
        return ""  # numbers are left out where a batch was lost and the user went on
    elif batch.number == expected:
        return f"{before} was changed since it was written"
    if batch.number == expected:
        return ""
    lost = f"batch {expected} is" if batch.number == expected + 1 else f"batches {expected} to {batch.number - 1} are"
    return f"{lost} missing before it"
