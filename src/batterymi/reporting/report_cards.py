"""What the report says of a study in ten seconds: a card, in the words and numbers of the summary."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from batterymi.reporting.best_design import ALL_MEASURED, NO_DESIGN, BestDesign
from batterymi.reporting.tables import format_cell
from batterymi.vocabulary.verdicts import FEWER, MORE, NO_SKILL, SKILL

GOOD, BAD, OPEN = "good", "bad", "open"  # classes of verdicts on pages


@dataclass(frozen=True)
class Card:
    """The answer of a study.

    Attributes:
        name: of the study.
        title: the same for readers.
        edition: of the study.
        best: its best design.
        cells: columns of summary.csv, as texts.
        shown: the same in the digits that pages show.
        skill: GOOD if all of its models have skill, BAD if none has, else OPEN.
        gain: GOOD if its campaign took fewer evaluations than random search, BAD if more, else OPEN.
    """

    name: str
    title: str
    edition: str
    best: BestDesign
    cells: Mapping[str, str]
    shown: Mapping[str, str]
    skill: str
    gain: str

    @property
    def verdict(self) -> str:
        """Return the verdict on the models in one line; where those of several objectives differ, what they share."""
        shared = {GOOD: f"{SKILL} for every objective", OPEN: f"{SKILL} for some objectives", BAD: NO_SKILL}
        text = self.cells["verdict"]
        return shared[self.skill] if ": " in text else text

    @property
    def meaning(self) -> str:
        """Return what the verdict on the first objective's model means, whose scores stand beside it."""
        return self.cells.get("verdict_means", "").split(" | ")[0]

    @property
    def gain_verdict(self) -> str:
        """Return the verdict on the campaign without its target and numbers, which stand beside it."""
        return re.split("[:;,]", self.cells["gain_over_random"])[0]

    @property
    def rule_verdict(self) -> str:
        """Return how the campaign compares with a rule that needs no model; nothing where there is none."""
        return re.split(r"[:;,]| \(", self.cells.get("against_rule", ""))[0]

    @property
    def answer(self) -> str:
        """Return what to do next, in a line."""
        best = self.best
        if best.is_experiment:
            warning = f", as an exploration, since {best.objection}" if best.objection else ""
            return f"Measure the next batch{warning}" if best.batch else f"Nothing to measure: {best.objection}"
        if self.is_recommended:
            return f"Recommended {best.relaxed}".rstrip()
        return f"Nothing to recommend, because {best.objection}"

    @property
    def subject(self) -> str:
        """Return what is shown below the answer."""
        if self.best.is_experiment:
            return "Best measured so far"
        if self.best.objection == NO_DESIGN:
            return "A row of the table meets them"
        if self.best.row:
            return "Best known row"
        return "Design" if self.is_recommended else "Best design found, for information"

    @property
    def tone(self) -> str:
        """Return the class of the answer."""
        if self.best.is_experiment:
            return (OPEN if self.best.objection else GOOD) if self.best.batch else BAD
        if self.best.relaxed and self.is_recommended:
            return OPEN
        return GOOD if self.is_recommended else OPEN if self.best.objection == ALL_MEASURED else BAD

    @property
    def is_recommended(self) -> bool:
        """Return whether the best design is a recommendation."""
        return not self.best.objection


def make_card(name: str, row: Mapping[str, Any], best: BestDesign) -> Card:
    """Return the card of a study.

    Args:
        name: of the study.
        row: of the joined summaries.
        best: its best design.
    """
    cells = {str(column): format_value(value) for column, value in row.items()}
    return Card(
        name,
        str(row["title"]),
        str(row["edition"]),
        best,
        {column: text for column, text in cells.items() if text},
        {str(column): format_cell(row[column]) for column, text in cells.items() if text},
        _rate_skill(str(row["verdict"])),
        _rate_gain(str(row["gain_over_random"])),
    )


def format_value(value: Any) -> str:
    """Return a value of the summary as text; nothing where it is missing."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _rate_skill(verdict: str) -> str:
    """Return the class of a verdict on a study's models."""
    if NO_SKILL not in verdict:
        return GOOD
    return OPEN if SKILL in verdict.replace(NO_SKILL, "") else BAD


def _rate_gain(verdict: str) -> str:
    """Return the class of a verdict on a campaign."""
    return GOOD if verdict.startswith(FEWER) else BAD if verdict.startswith(MORE) else OPEN
