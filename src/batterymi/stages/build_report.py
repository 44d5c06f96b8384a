"""The stage `build_report`: one page with the answer of each study, and what it rests on."""

import logging
from pathlib import Path

from batterymi.config.slices.reporting import ReportSettings
from batterymi.figures.interactive.charts import draw_charts, read_library
from batterymi.files import check_content, read_frame, write_text
from batterymi.reporting.report_page import Report, StudyPart, render_report
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.tables import read_summary

logger = logging.getLogger(__name__)


def build_report(
    summaries: list[Path], figures: list[Path], claims: list[Path] | None, page: Path, settings: ReportSettings
) -> None:
    """Write the report.

    Args:
        summaries: `summary.json` of each study, in the folder of its results.
        figures: static figures of the studies, as SVG, in `figures` there.
        claims: `claims.csv`, or None where a run compares none.
        page: HTML to write, in the folder of all results.
        settings: what the report needs to know of the run.
    """
    parts = [_collect_part(path, figures, settings) for path in summaries]
    table = read_frame(claims[0], needs=["id", "computed", "holds"]) if claims else None
    folders = page.parent, Path(settings.logs)
    text = render_report(Report(parts, table, settings.datasets, folders, read_library()))
    write_text(page, text)
    logger.info("%d studies, %.1f MB", len(parts), len(text.encode()) / 1e6)


def _collect_part(summary: Path, figures: list[Path], settings: ReportSettings) -> StudyPart:
    """Return what the report has of one study."""
    folder = summary.parent
    files = {name: folder / path for name, path in settings.files[folder.name].items()}
    results = StudyResults(files, settings.studies[folder.name])
    drawn = [path for path in figures if path.parent.parent == folder]
    for path in (*drawn, files["suggestions"]):
        check_content(path)
    return StudyPart(
        folder.name,
        results.read_all(),
        read_summary(summary),
        draw_charts(results),
        {path.stem: path.read_bytes() for path in drawn},
        files["suggestions"].read_text(encoding="utf-8"),
    )
