"""Answers of an expensive evaluator, kept as they come, so that a campaign that was killed asks for none twice."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.files import digest, sha256


class Journal:
    """An evaluator that remembers.

    Engines are functions of what is known, so a campaign that starts anew asks for the same designs in the same order.
    With their answers at hand it gets to where it was killed in the time that the engine takes. Each answer is appended
    as one line in one write; a line that was cut off is passed over, and its design is asked for again.
    """

    is_cheap = False

    def __init__(self, evaluator: Evaluator, path: str, names: Sequence[str], outcomes: Sequence[str]) -> None:
        """Read what is there.

        Args:
            evaluator: what answers new designs.
            path: of the journal; one of other settings or code must not stand there.
            names: columns of a design.
            outcomes: columns of an answer.
        """
        self.kind = evaluator.kind
        self._evaluator, self._path = evaluator, Path(path)
        self._names, self._outcomes = list(names), [*outcomes, "failure"]
        self._known: dict[str, list[object]] = {}
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                self._remember(line)

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Answers from the journal, and the evaluator's own to designs that are not in it."""
        keys = [json.dumps(row) for row in designs[self._names].to_numpy(object).tolist()]
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if new:
            answers = self._evaluator.evaluate(designs.iloc[new])
            for i, row in zip(new, answers[self._outcomes].to_numpy(object).tolist(), strict=True):
                self._append(keys[i], row)
        frame = pd.DataFrame([self._known[key] for key in keys], columns=self._outcomes, index=designs.index)
        return frame.astype(dict.fromkeys(self._outcomes[:-1], float))

    def half_widths(self, designs: pd.DataFrame) -> pd.DataFrame | None:
        """The evaluator's own."""
        return self._evaluator.half_widths(designs)

    def references(self) -> pd.DataFrame | None:
        """The evaluator's own."""
        return self._evaluator.references()

    def _append(self, key: str, row: list[object]) -> None:
        """Keep an answer, on disk first."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = "\n" + json.dumps([json.loads(key), row])  # the break comes first, to part it from a line cut off
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, line.encode("utf-8"))
            os.fsync(file)
        finally:
            os.close(file)
        self._known[key] = row

    def _remember(self, line: str) -> None:
        """Take up a line, if it is whole."""
        try:
            design, row = json.loads(line)
        except ValueError:
            return
        if len(row) == len(self._outcomes):
            self._known[json.dumps(design)] = row


def journal_beside(path: str, depends_on: Sequence[str], *settings: object) -> str:
    """Where answers that depend on some files and settings are kept, beside the file that they are for."""
    digests = [sha256(one) for one in sorted(depends_on)]
    return str(Path(path).with_name(f"journal-{digest(digests, *settings)}.jsonl"))


def forget_journals(path: str) -> None:
    """Remove the journals beside a file that is written, and those that other settings left there."""
    for journal in Path(path).parent.glob("journal-*.jsonl"):
        journal.unlink(missing_ok=True)
