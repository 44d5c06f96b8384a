"""Answers of an expensive evaluator, kept as they come, so that a killed campaign evaluates no design twice."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.files import append_line, compute_digest, compute_sha256

logger = logging.getLogger(__name__)


class Journal:
    """An evaluator that stores its outcomes.

    Engines are functions of what is known, so a campaign that starts again proposes the same designs in the same order.
    With their answers at hand it gets to where it was killed in the time that the engine takes. Each answer is appended
    as one line in one write, with a digest of its content; a line that was cut off or damaged is passed over with a
    warning, and its design is evaluated again.
    """

    is_cheap = False

    def __init__(self, evaluator: Evaluator, path: Path, names: Sequence[str], outcomes: Sequence[str]) -> None:
        """Read the existing journal.

        Args:
            evaluator: evaluates new designs.
            path: of the journal; it must not be of other settings or code.
            names: columns of a design.
            outcomes: columns of an outcome.
        """
        self.kind = evaluator.kind
        self.slow_imports: tuple[str, ...] = getattr(evaluator, "slow_imports", ())
        self._evaluator, self._path = evaluator, path
        self._names, self._outcomes = list(names), [*outcomes, "failure"]
        self._known: dict[str, list[object]] = {}
        if self._path.is_file():
            for number, line in enumerate(self._path.read_bytes().split(b"\n"), start=1):
                if line:
                    self._read_line(number, line)

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return answers from the journal, and the evaluator's own to designs that are not in it."""
        keys = [json.dumps(row) for row in designs[self._names].to_numpy(object).tolist()]
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if new:
            outcomes = self._evaluator.evaluate(designs.iloc[new])
            for i, row in zip(new, outcomes[self._outcomes].to_numpy(object).tolist(), strict=True):
                self._append_outcome(keys[i], row)
        frame = pd.DataFrame([self._known[key] for key in keys], columns=self._outcomes, index=designs.index)
        # JSON gives whole numbers back as integers
        return frame.astype(dict.fromkeys(self._outcomes[:-1], float))

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame | None:
        """Return the evaluator's own."""
        return self._evaluator.half_widths(designs)

    def references(self) -> pd.DataFrame | None:
        """Return the evaluator's own."""
        return self._evaluator.references()

    def _append_outcome(self, key: str, row: list[object]) -> None:
        """Append an outcome, on disk first."""
        design = json.loads(key)
        # on disk before it is used, so that nothing depends on an outcome that a crash loses
        append_line(self._path, json.dumps([design, row, compute_digest(design, row)]))
        self._known[key] = row

    def _read_line(self, number: int, line: bytes) -> None:
        """Read a line, if it is whole."""
        record = _parse_line(line)
        if record is None or len(record[0]) != len(self._names) or len(record[1]) != len(self._outcomes):
            logger.warning("%s: line %d is cut off or damaged; its design is evaluated again", self._path, number)
        else:
            self._known[json.dumps(record[0])] = record[1]


def _parse_line(line: bytes) -> tuple[list[object], list[object]] | None:
    """Return design and answer of a line; None if they are not what was written. Older journals have no digest."""
    try:
        content = json.loads(line.decode("utf-8"))
    # damaged bytes may decode to brackets nested too deeply for the parser
    except (ValueError, RecursionError):
        return None
    match content:
        case [list(design), list([*outcomes, str()] as row), *found]:
            whole = not found or found == [compute_digest(design, row)]
            return (design, row) if whole and all(isinstance(outcome, int | float) for outcome in outcomes) else None
        case _:
            return None


def place_journal(beside: Path, depends_on: Sequence[Path], *settings: object) -> Path:
    """Return where answers that depend on some files and settings are kept, beside the file that they are for."""
    # sorted, since the order of a rule's inputs must not change the name
    digests = [compute_sha256(item) for item in sorted(depends_on)]
    return beside.with_name(f"journal-{compute_digest(digests, *settings)}.jsonl")


def remove_journals(beside: Path) -> None:
    """Remove the journals beside a file that is written, and those that other settings left there."""
    for journal in beside.parent.glob("journal-*.jsonl"):
        journal.unlink(missing_ok=True)
