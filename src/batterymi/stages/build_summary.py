"""The stage `build_summary`: one row per study, for machines, for readers, and for the report."""

from pathlib import Path

from batterymi.files import write_csv, write_text
from batterymi.reporting.pages import render_markdown, render_tables
from batterymi.reporting.tables import collect_sources, format_for_terminal, join_summaries, make_tables, read_summary


def build_summary(summaries: list[Path], csv: Path, md: Path, txt: Path, html: Path) -> None:
    """Join the studies' summaries into one table.

    Args:
        summaries: one `summary.json` per study.
        csv: CSV to write: one row per study, all columns.
        md: Markdown to write: the main columns, the chapter's claims, notes, and the file of each number.
        txt: text to write: the main columns for a terminal.
        html: the same as the Markdown, as a page.
    """
    found = {path: read_summary(path) for path in summaries}
    frame = join_summaries(list(found.values()))
    tables = make_tables(frame, collect_sources(found))
    write_csv(csv, frame)
    write_text(md, render_markdown(tables))
    write_text(html, render_tables("Summary", tables))
    write_text(txt, format_for_terminal(frame))
