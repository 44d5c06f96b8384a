"""Answers of an expensive evaluator, kept as they come, so that a killed campaign evaluates no design twice."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.files import append_line, digest, sha256

logger = logging.getLogger(__name__)


class Journal:
    """An evaluator that remembers.

    Engines are functions of what is known, so a campaign that starts again proposes the same designs in the same order.
    With their answers at hand it gets to where it was killed in the time that the engine takes. Each answer is appended
    as one line in one write, with a digest of its content; a line that was cut off or damaged is passed over with a
    warning, and its design is evaluated again.
    """

    is_cheap = False

    def __init__(self, evaluator: Evaluator, path: Path, names: Sequence[str], outcomes: Sequence[str]) -> None:
        """Read what is there.

        Args:
            evaluator: what answers new designs.
            path: of the journal; it must not be of other settings or code.
            names: columns of a design.
            outcomes: columns of an answer.
        """
        self.kind = evaluator.kind
        self._evaluator, self._path = evaluator, path
        self._names, self._outcomes = list(names), [*outcomes, "failure"]
        self._known: dict[str, list[object]] = {}
        if self._path.is_file():
            for number, line in enumerate(self._path.read_bytes().split(b"\n"), start=1):
                if line:
                    self._remember(number, line)

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return answers from the journal, and the evaluator's own to designs that are not in it."""
        keys = [json.dumps(row) for row in designs[self._names].to_numpy(object).tolist()]
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if new:
            answers = self._evaluator.evaluate(designs.iloc[new])
            for i, row in zip(new, answers[self._outcomes].to_numpy(object).tolist(), strict=True):
                self._append(keys[i], row)
        frame = pd.DataFrame([self._known[key] for key in keys], columns=self._outcomes, index=designs.index)
        return frame.astype(dict.fromkeys(self._outcomes[:-1], float))

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame | None:
        """Return the evaluator's own."""
        return self._evaluator.half_widths(designs)

    def references(self) -> pd.DataFrame | None:
        """Return the evaluator's own."""
        return self._evaluator.references()

    def _append(self, key: str, row: list[object]) -> None:
        """Keep an answer, on disk first."""
        design = json.loads(key)
        append_line(self._path, json.dumps([design, row, digest(design, row)]))
        self._known[key] = row

    def _remember(self, number: int, line: bytes) -> None:
        """Take up a line, if it is whole."""
        record = _parse_line(line)
        if record is None or len(record[0]) != len(self._names) or len(record[1]) != len(self._outcomes):
            logger.warning("%s: line %d is cut off or damaged; its design is evaluated again", self._path, number)
        else:
            self._known[json.dumps(record[0])] = record[1]


def _parse_line(line: bytes) -> tuple[list[object], list[object]] | None:
    """Return design and answer of a line; None if they are not what was written. Older journals have no digest."""
    try:
        content = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    match content:
        case [list(design), list([*answers, str()] as row), *found]:
            whole = not found or found == [digest(design, row)]
            return (design, row) if whole and all(isinstance(one, int | float) for one in answers) else None
        case _:
            return None


def place_journal(beside: Path, depends_on: Sequence[Path], *settings: object) -> Path:
    """Return where answers that depend on some files and settings are kept, beside the file that they are for."""
    digests = [sha256(one) for one in sorted(depends_on)]
    return beside.with_name(f"journal-{digest(digests, *settings)}.jsonl")


def remove_journals(beside: Path) -> None:
    """Remove the journals beside a file that is written, and those that other settings left there."""
    for journal in beside.parent.glob("journal-*.jsonl"):
        journal.unlink(missing_ok=True)
