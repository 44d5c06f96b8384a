"""The stage `summarise_study`: what one study found, each number with its file."""

from pathlib import Path

from batterymi.config.slices.reporting import ReportedStudy
from batterymi.files import write_json
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.summary import summarise_results


def summarise_study(study: str, inputs: dict[str, Path], summary: Path, settings: ReportedStudy) -> None:
    """Collect the findings of a study into one file.

    Args:
        study: the study's name.
        inputs: the files that the summary reads, by their names in `StudyResults`.
        summary: JSON to write: one entry for each column of the summary, with its `value` and its `source`.
        settings: what the summary needs to know of the study.
    """
    write_json(summary, summarise_results(study, StudyResults(inputs, settings).read_all()))
