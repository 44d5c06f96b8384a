"""Studies that tests make of a table: what new-study guesses, written and read back."""

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from batterymi.authoring.new_study import guess_study
from batterymi.authoring.questions import list_questions
from batterymi.authoring.roles import Wishes
from batterymi.authoring.study_yaml import format_study
from batterymi.cli.suggest import propose_now
from batterymi.config.load import load_study
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Reading
from batterymi.config.study import Study
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import TableError

TABLES = Path(__file__).with_name("tables")
UNLIMITED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@dataclass(frozen=True)
class Tried:
    """A study that was made of a table.

    Attributes:
        roles: of the columns, by header.
        study: the settings, as written and read back.
        questions: what is asked about the table.
        path: the table.
    """

    roles: dict[str, str]
    study: Study
    questions: list[str]
    path: Path

    def load_rows(self, **changes: object) -> CheckedTable:
        """Return the rows of the study, with some settings of its table changed."""
        found = TableSettings.take_from(self.study, path=str(self.path), dataset=None)
        return load_table(found.model_copy(update={"table": found.table.model_copy(update=changes)}))

    def list_faults(self) -> dict[int, str]:
        """Return what is wrong, by line: column, what was found, and what to write."""
        with pytest.raises(TableError) as caught:
            self.load_rows()
        return {int(line): text for line, text in re.findall(r"line (\d+): (.+)", str(caught.value))}

    def suggest(self, n: int) -> pd.DataFrame:
        """Return designs that are suggested from the table alone."""
        with contextlib.chdir(self.path.parent):
            return propose_now("mine", self.study, n).designs


@contextlib.contextmanager
def new_study(
    content: str | bytes,
    suffix: str = ".csv",
    wishes: Wishes | None = None,
    fill: tuple[str, ...] = (),
    changes: tuple[tuple[str, str], ...] = (),
) -> Iterator[Tried]:
    """Make a study of a table, write and read its YAML, some of its text replaced."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        guess = guess_study(path, path.name, "Mine", Reading(), wishes or Wishes(), fill)
        text = format_study(guess.plan)
        for old, new in changes:
            assert old in text, text
            text = text.replace(old, new)
        (Path(folder) / "study.yaml").write_text(text, encoding="utf-8")
        roles = {role.column.header: role.role for role in guess.plan.roles}
        questions = list_questions(guess.plan.roles, guess.plan.fill_down)
        yield Tried(roles, load_study(Path(folder) / "study.yaml"), questions, path)


def join_rows(header: str, rows: Sequence[str]) -> str:
    """Return the text of a CSV file."""
    return "\n".join([header, *rows]) + "\n"
