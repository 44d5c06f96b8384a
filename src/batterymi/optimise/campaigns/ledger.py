"""The ledger of a campaign in the laboratory: every batch that was ever suggested, with its predictions."""

import json
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from batterymi.errors import TableError
from batterymi.optimise.campaigns.ledger_head import Head, find_head, find_losses, read_head, write_head
from batterymi.optimise.campaigns.ledger_lines import (
    BOM,
    Batch,
    name_suggestion,
    read_batch,
    split_lines,
)
from batterymi.user_files import append_bytes, lock_path, replace_bytes, resolve_path

logger = logging.getLogger(__name__)

SAME = 1e-6  # relative: designs that two versions of the code, or two processors, propose alike
CUT_OFF = ".cut-off"


class Ledger:
    """Batches of suggestions, oldest first, one line of JSON each.

    Lines are only ever appended, under a lock that lies beside the file, and each holds the digest of the one before.
    The ledger belongs to the user's data, not to the results, which can be reproduced.

    Attributes:
        path: of the file; symbolic links stay.
        batches: what it holds.
        warnings: what was lost before and is known to the user, and what cannot be checked.
    """

    def __init__(self, path: Path) -> None:
        """Read the existing ledger.

        Raises:
            TableError: if a line is not a batch, or lines are missing; nothing is lost or changed.
        """
        self.path = path
        self.batches: list[Batch] = []
        self.warnings: list[str] = []
        self._accepted: frozenset[str] = frozenset()
        self._highest = 0
        self._has_head = self._is_ahead = False
        self._cut_off = b""
        self._read()

    def _read(self) -> None:
        """Read all lines, and compare them with the head."""
        # before the lines, of which a writer may append one meanwhile
        head = read_head(self.path)
        data = self._read_bytes()
        lines = split_lines(data)
        self._cut_off, self.warnings = b"", []
        if lines and not data.endswith((b"\n", b"\r")) and (head is None or len(lines) > head.lines):
            # a power cut while a batch was written: its suggestions never reached anybody
            try:
                read_batch(self.path, *lines[-1])
            except TableError:
                number, self._cut_off = lines.pop()
                self.warnings.append(
                    f"{self.path}: line {number} is cut off; its batch was never finished. The next batch moves it to "
                    f"{self.path.name}{CUT_OFF}"
                )
        self.batches = [read_batch(self.path, number, line) for number, line in lines]
        losses = find_losses(self.path, self.batches, head)
        accepted = head.accepted if head else frozenset()
        if head and (new := [said for digest, said in losses.items() if digest not in accepted]):
            remedy = (
                f"restore the file from a copy; or, to go on without what is lost, move {find_head(self.path)} away"
            )
            raise TableError("\n".join([*new, remedy]))
        if head is None and any(batch.before is not None for batch in self.batches):
            self.warnings.append(
                f"{find_head(self.path)} is missing, so that lines lost at the end of {self.path} are not noticed; "
                "the next batch writes it"
            )
        self.warnings += losses.values()
        self._accepted = accepted | losses.keys()
        self._has_head, self._is_ahead = head is not None, head is not None and head.lines < len(self.batches)
        self._highest = max([head.highest if head else 0, *(batch.number for batch in self.batches)])

    def _read_bytes(self) -> bytes:
        """Read the file; nothing if there is none yet."""
        target = resolve_path(self.path)
        try:
            if target.exists() and not target.is_file():
                raise TableError(f"{self.path}: not a file but a folder or a device; move it away")
            return target.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise TableError(f"{self.path}: cannot be read: {error.strerror}") from None

    def add(
        self,
        key: str,
        n_rows: int,
        suggestions: Sequence[Mapping[str, Any]],
        known: Collection[str] = (),
        taken: int = 0,
        units: Mapping[str, str] = MappingProxyType({}),
        state: Mapping[str, Any] = MappingProxyType({}),
    ) -> int:
        """Append a batch, unless the same one is there already.

        The ledger is read again under its lock, since another process may have appended meanwhile.

        Args:
            key: digest of the rows that led to it.
            n_rows: rows of the table then, pending and failed ones included.
            suggestions: designs and predictions.
            known: digests of the designs of these rows.
            taken: highest number of a batch that the table names; it counts where the head is gone, and with it the
                number of the last batch.
            units: of features and objectives, by name.
            state: of the study: `problem` and `results`, from which the next batch tells what changed.

        Returns:
            Number of the batch: one more than the highest.

        Raises:
            TableError: if the ledger cannot be used any more.
            OutputError: if it cannot be written; it is then as it was.
        """
        if (found := self._find_batch(key, n_rows, suggestions, units)) and not self._is_ahead:
            return found
        with lock_path(self.path):
            self._read()
            if self._is_ahead:  # a process was killed between a batch and the head
                self._write_head()
            if found := self._find_batch(key, n_rows, suggestions, units):
                return found
            # with a head, the highest number is known, and a wrong name in the table does not count
            number = 1 + (self._highest if self._has_head else max(self._highest, taken))
            suggestions_with_names = [
                {"name": name_suggestion(number, place), **item} for place, item in enumerate(suggestions, start=1)
            ]
            content = {
                **state,
                "batch": number,
                "key": key,
                "rows": n_rows,
                "known": sorted(known),
                "units": dict(units),
                "suggestions": suggestions_with_names,
                "before": self.batches[-1].digest if self.batches else "",
            }
            line = json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8")
            self._set_cut_off_aside()
            ends = self._read_bytes().endswith((b"\n", b"\r", BOM))
            append_bytes(self.path, (b"" if ends or not self.batches else b"\n") + line + b"\n")
            self.batches.append(read_batch(self.path, 0, line))
            self._highest = number
            self._write_head()
            self._read()
        return number

    def _write_head(self) -> None:
        """Write how many lines there are, and which is the last."""
        head = Head(len(self.batches), self.batches[-1].digest, self._highest, self._accepted - {""})
        write_head(self.path, head)

    def _find_batch(
        self, key: str, n_rows: int, suggestions: Sequence[Mapping[str, Any]], units: Mapping[str, str]
    ) -> int | None:
        """Return the number of the batch that is there already, if it is."""
        batches = (
            batch
            for batch in self.batches
            if _is_same_batch(batch, key, n_rows, suggestions) and _has_same_units(batch, units)
        )
        return next((batch.number for batch in batches), None)

    def _set_cut_off_aside(self) -> None:
        """Move a line that was never finished to a file of its own, where nothing takes it for a batch."""
        if self._cut_off:
            data = self._read_bytes()
            aside = resolve_path(self.path)
            append_bytes(aside.with_name(aside.name + CUT_OFF), self._cut_off + b"\n", like=aside)
            replace_bytes(self.path, data[: len(data.rstrip()) - len(self._cut_off)])


def _is_same_batch(batch: Batch, key: str, n_rows: int, suggestions: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a batch is the one of a rerun on unchanged rows, which must not be appended twice.

    Keys of the first format depended on how settings were written, so there the number of rows decides.
    """
    is_rerun = batch.key == key if batch.known is not None else batch.n_rows == n_rows
    if not is_rerun or len(batch.suggestions) != len(suggestions):
        return False
    pairs = zip(batch.suggestions, suggestions, strict=True)
    return all(are_same_designs(ours.design, theirs["design"]) for ours, theirs in pairs)


def _has_same_units(batch: Batch, units: Mapping[str, str]) -> bool:
    """Return whether the units of a batch are those of today, as far as it says.

    A unit that was corrected in the study's YAML alone changes what the same numbers mean, so that they make another
    batch.
    """
    return all((batch.units or {}).get(name, unit) == unit for name, unit in units.items())


def are_same_designs(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two designs are equal but for the last digits."""
    if first.keys() != second.keys():
        return False
    for name, value in first.items():
        if not (isinstance(value, float | int) and isinstance(second[name], float | int)):
            if value != second[name]:
                return False
        elif not math.isclose(value, second[name], rel_tol=SAME, abs_tol=1e-12):
            return False
    return True
