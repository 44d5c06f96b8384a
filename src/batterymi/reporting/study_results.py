"""What a study wrote: one entry for each file that figures, summary, claims, report or `batterymi explain` read.

The launcher lists the inputs of rules from these entries, so this module loads no library for tables.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast, overload

from batterymi.config.slices.reporting import ReportedStudy
from batterymi.config.study import Study
from batterymi.files import read_frame, read_json

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Content = dict[str, Any]
Reader = Literal["figures", "summary", "claims", "report"]
Names = Iterable[str] | Callable[[ReportedStudy], Iterable[str]]

CAMPAIGN_RULES = {"search": "run_campaign", "experiment": "suggest_batch", "replay": "replay_pool"}  # by mode


class ResultFile(Generic[T]):
    """A file under a study's folder, and an attribute of `StudyResults` that is read and checked when first used."""

    def __init__(
        self,
        path: str,
        rule: str | Callable[[ReportedStudy], str],
        readers: Iterable[Reader] = (),
        *,
        needs: Names = (),
        holds: Callable[[ReportedStudy], Mapping[str, Iterable[str]]] | None = None,
        texts: Iterable[str] = (),
        exists_for: Callable[[Study], bool] | None = None,
    ) -> None:
        """Declare a file.

        Args:
            path: the file, relative to the study's folder.
            rule: the rule that makes it.
            readers: what reads it.
            needs: columns or keys without which it is not the file that belongs there.
            holds: values that must be found in some columns.
            texts: columns of a CSV file in which words such as `nan` are text.
            exists_for: whether a study has such a file, so that the attribute may be None; None if all have it.
        """
        self.path, self.rule, self.readers = path, rule, frozenset(readers)
        self.needs, self.is_satisfied, self.texts, self.exists_for = needs, holds, tuple(texts), exists_for

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember under which name a study's results have this file."""
        self.name = name

    @overload
    def __get__(self, results: None, owner: type) -> Self: ...

    @overload
    def __get__(self, results: "StudyResults", owner: type) -> T: ...

    def __get__(self, results: "StudyResults | None", owner: type) -> Self | T:
        """Return the content of the file, read once; on the class, return the entry itself."""
        if results is None:
            return self
        content = self._read_content(results.files.get(self.name), results.study)
        vars(results)[self.name] = content  # found there before the descriptor of the class
        return cast(T, content)

    def _read_content(self, path: Path | None, study: ReportedStudy) -> Any:
        """Read the file and check that it is the one that belongs there."""
        if path is None:
            if self.exists_for is None:
                raise TypeError(f"the rule names no file '{self.name}'")
            return None
        needs = self.needs(study) if callable(self.needs) else self.needs
        if path.suffix == ".json":
            return read_json(path, needs)
        from batterymi.data.headers import strip_units

        return strip_units(read_frame(path, needs, self.is_satisfied(study) if self.is_satisfied else None, self.texts))


def _name_columns(study: ReportedStudy) -> list[str]:
    """Return the columns of a study's table."""
    return [*(column.name for column in (*study.features, *study.objectives)), "split"]


def _name_objectives(study: ReportedStudy) -> dict[str, list[str]]:
    """Return what a table with a row for each objective holds."""
    return {"objective": [objective.name for objective in study.objectives]}


def _name_features(study: ReportedStudy) -> dict[str, list[str]]:
    """Return what a table with a row for each objective and feature holds."""
    return {**_name_objectives(study), "feature": [feature.name for feature in study.features]}


def _name_primary_variant(study: ReportedStudy) -> dict[str, list[str]]:
    """Return what a table with scores of the primary variant holds."""
    return {**_name_objectives(study), "variant": [study.primary_variant]}


def _name_campaign(study: ReportedStudy) -> str:
    """Return the rule that runs a study's campaign."""
    return CAMPAIGN_RULES[study.campaign.mode]


FrameFile, ContentFile = ResultFile["pd.DataFrame"], ResultFile[Content]
OptionalFrame, OptionalContent = ResultFile["pd.DataFrame | None"], ResultFile["Content | None"]
ALL_READERS: tuple[Reader, ...] = ("figures", "summary", "claims", "report")


class StudyResults:
    """The results of one study.

    Attributes:
        study: its settings, as far as they are reported.
        files: the files that are there, by the names of the entries below.
    """

    table = FrameFile("table.parquet", "prepare_table", ("figures", "claims", "report"), needs=_name_columns)
    table_report = ContentFile(
        "table.json", "prepare_table", ("summary", "claims", "report"), needs=["rows_to_learn_from"]
    )
    metrics = FrameFile("surrogate/metrics.csv", "train_surrogate", ALL_READERS, holds=_name_primary_variant)
    predictions = FrameFile(
        "surrogate/predictions.parquet", "train_surrogate", ("figures", "claims", "report"), holds=_name_objectives
    )
    importances = FrameFile("surrogate/importances.csv", "train_surrogate", ("figures", "report"), holds=_name_features)
    validation = ContentFile(
        "surrogate/validation.json", "train_surrogate", ("figures", "summary", "report"), needs=["objectives"]
    )
    history = FrameFile("campaign/history.parquet", _name_campaign, ("figures", "report"))
    suggestions = FrameFile(
        "campaign/suggestions.csv", _name_campaign, ALL_READERS, needs=lambda study: ["why", *study.design_columns]
    )
    benchmark = ContentFile(
        "campaign/benchmark.json", _name_campaign, ALL_READERS, needs=["feasibility", "outcome_kind", "comparison"]
    )
    reference_designs = FrameFile(
        "campaign/reference_designs.csv",
        _name_campaign,
        ALL_READERS,
        needs=lambda study: ["name", "status", "flags", *study.design_columns],
        texts=["name", "flags"],
    )
    earlier = OptionalFrame(
        "campaign/earlier_suggestions.csv",
        _name_campaign,
        ("figures", "summary"),
        texts=["suggestion", "inside_95"],
        exists_for=lambda study: study.is_experiment,
    )
    traces = OptionalFrame(
        "charging/traces.parquet", "replay_protocols", ("figures",), exists_for=lambda study: study.is_charging
    )
    replay = OptionalContent(
        "charging/replay.json",
        "replay_protocols",
        ("summary", "claims", "report"),
        needs=["campaign_model", "reference_model"],
        exists_for=lambda study: study.is_charging,
    )
    transfer = OptionalContent(
        "transfer/transfer.json", "compare_transfer", ALL_READERS, exists_for=lambda study: study.transfer is not None
    )
    screen_report = OptionalContent(
        "screen/report.json", "gather_screen", ("summary", "claims"), exists_for=lambda study: study.screen is not None
    )
    recipe = OptionalContent(
        "recipe.json",
        "run_recipe",
        ("claims",),
        exists_for=lambda study: bool(study.claimed and study.claimed.recipe),
    )
    facts = OptionalContent(
        "facts.json",
        "look_up_facts",
        ("claims",),
        exists_for=lambda study: bool(study.claimed and study.claimed.lookups),
    )
    summary = ContentFile("summary.json", "summarise_study")

    def __init__(self, files: Mapping[str, Path], study: ReportedStudy) -> None:
        """Take the files of a study, which are read when needed."""
        self.files, self.study = files, study

    @classmethod
    def of_folder(cls, folder: Path, study: Study) -> Self:
        """Return the results of a study that lie in a folder."""
        files = {name: folder / file for name, file in list_results(study).items()}
        return cls(files, ReportedStudy.take_from(study))

    def read_all(self) -> Self:
        """Read every file, so that a damaged one is found before any work is done, be it used or not.

        Raises:
            DamagedFileError: if a file is not what a rule wrote there.
        """
        for name in self.files:
            getattr(self, name)
        return self

    @property
    def selected(self) -> "pd.DataFrame":
        """Return the scores of the selected model of each objective, in the primary variant."""
        return self.metrics[self.metrics["selected"] & (self.metrics["variant"] == self.study.primary_variant)]

    def find_limit(self, objective: str, side: str) -> float | None:
        """Return the limit in force on an objective, or None."""
        for limit in self.benchmark["feasibility"]["limits"]:
            if (limit["objective"], limit["side"]) == (objective, side):
                return float(limit["in_force"])
        return None

    def find_rule(self, path: Path) -> str | None:
        """Return the rule that makes one of the study's files; None if no entry names the file."""
        rules = [entry.rule for entry in list_entries() if path.match(entry.path)]
        return next((rule(self.study) if callable(rule) else rule for rule in rules), None)


def list_entries() -> list[ResultFile[Any]]:
    """Return every entry of `StudyResults`."""
    return [entry for entry in vars(StudyResults).values() if isinstance(entry, ResultFile)]


def list_results(study: Study, reader: Reader | None = None) -> dict[str, str]:
    """Return the files that a study has, by their names in `StudyResults`, relative to its folder.

    Args:
        study: its settings.
        reader: only those that it reads; None for all.
    """
    return {
        entry.name: entry.path
        for entry in list_entries()
        if (reader is None or reader in entry.readers) and (entry.exists_for is None or entry.exists_for(study))
    }
