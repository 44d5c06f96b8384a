"""The stage `build_summary`: one row per study, for machines, for readers, and for the report."""

import html
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from batterymi.errors import DamagedFileError
from batterymi.files import read_json, write_csv, write_text

# heading, the columns of summary.csv behind it
HEADINGS: tuple[tuple[str, str], ...] = (
    ("Study", "title"),
    ("Edition", "edition"),
    ("Rows", "rows"),
    ("Features", "features"),
    ("Model", "best_model"),
    ("Q² [95 %]", "score_text"),
    ("MAE [95 %]", "mae_text"),
    ("Dummy", "q2_dummy"),
    ("Ridge", "q2_ridge"),
    ("Verdict", "verdict"),
    ("Best feasible design", "best_design"),
    ("Expected", "best_outcome"),
    ("Evaluations saved [95 %]", "gain_text"),
    ("Experiment reduction", "reduction_text"),
    ("Final score gained [95 %]", "final_text"),
    ("Against random search", "gain_over_random"),
)
CLAIMED: tuple[tuple[str, str], ...] = (
    ("Case study", "claimed_case_study"),
    ("Key descriptors", "claimed_key_descriptors"),
    ("ML method", "claimed_ml_method"),
    ("Experiment reduction", "claimed_experiment_reduction"),
    ("Industrial impact", "claimed_industrial_impact"),
)
REMARK = (
    "Measured by this pipeline. Q² is R² on held-out rows; intervals are 95 %. Evaluations saved are "
    "against random search from the same starts, to reach the same value; the final score gained is at "
    "the end of the budget, in units of the objective's scale. Over a pool of known rows, evaluations are counted to "
    "the first row of its best 1 %."
)
NOTES: tuple[tuple[str, str], ...] = (
    ("All scores", "all_scores"),
    ("Other variants", "variants"),
    ("Official test", "official_test"),
    ("Ways to split", "groupings"),
    ("Calibration", "calibration"),
    ("Features that explain all", "suspicious_features"),
    ("Noise floor", "noise_floor"),
    ("Bounds", "bounds"),
    ("Worth of more rows", "more_rows"),
    ("Transfer", "transfer"),
    ("Candidates", "candidates"),
    ("Screen", "screen"),
    ("Pool campaigns", "evaluations_to_top"),
    ("Feasibility", "feasibility"),
    ("Designs of others", "others_designs"),
    ("Remarks", "remarks"),
    ("Replay of the winner", "replay"),
    ("Earlier suggestions", "earlier_suggestions"),
    ("Why this design", "best_why"),
)


TERMINAL: tuple[tuple[str, str], ...] = (
    ("model", "best_model"),
    ("Q² [95 %]", "score_text"),
    ("dummy, ridge", "baselines"),
    ("verdict", "verdict"),
    ("best design", "best_design"),
    ("expected", "best_outcome"),
    ("feasibility", "feasibility"),
    ("official test", "official_test"),
    ("transfer", "transfer"),
    ("pool campaigns", "evaluations_to_top"),
    ("replay", "replay"),
    ("earlier suggestions", "earlier_suggestions"),
    ("evaluations saved", "gain_text"),
    ("against random", "gain_over_random"),
)


def build_summary(summary_paths: Sequence[str], csv_path: str, md_path: str, html_path: str, txt_path: str) -> None:
    """Join the studies' summaries into one table.

    Args:
        summary_paths: one `summary.json` per study.
        csv_path: CSV to write: one row per study, all columns.
        md_path: Markdown to write: the main columns, the chapter's claims, notes, and where each number stands.
        html_path: the same as a page.
        txt_path: the main columns for a terminal.
    """
    rows = [_read(path) for path in summary_paths]
    frame = pd.DataFrame([{key: _flat(cell["value"]) for key, cell in row.items()} for row in rows])
    frame = frame.assign(
        score_text=[_interval(r, "q2", "q2_lower_95", "q2_upper_95", 2) for r in _records(frame)],
        mae_text=[_mae(r) for r in _records(frame)],
        gain_text=[
            _interval(r, "evaluations_saved", "evaluations_saved_lower", "evaluations_saved_upper", 1)
            for r in _records(frame)
        ],
        final_text=[_interval(r, "final_gain", "final_gain_lower", "final_gain_upper", 2) for r in _records(frame)],
        reduction_text=[
            _interval(
                r,
                "experiment_reduction_percent",
                "experiment_reduction_lower_percent",
                "experiment_reduction_upper_percent",
                0,
                " %",
            )
            for r in _records(frame)
        ],
    )
    write_csv(csv_path, frame)
    blocks = _blocks(frame, rows)
    write_text(md_path, _markdown(blocks))
    write_text(html_path, _page("Summary", blocks))
    write_text(txt_path, _terminal(frame))


def _read(path: str) -> dict[str, Any]:
    """A study's summary, each cell with its value and its source."""
    cells = read_json(path, needs=["title", "edition", "best_model", "verdict", "gain_over_random"])
    for key, cell in cells.items():
        if not isinstance(cell, dict) or not {"value", "source"} <= set(cell):
            raise DamagedFileError(path, f"not the file that belongs there: '{key}' has no value and source")
    return cells


def _terminal(frame: pd.DataFrame, width: int = 100) -> str:
    """One block per study, for a person at a terminal."""
    lines = []
    for row in _records(frame):
        row["baselines"] = f"{row['q2_dummy']:.2f}, {row['q2_ridge']:.2f}"
        lines += ["", f"{row['title']} ({row['edition']} edition, {row['rows']} rows, {row['rows_are']})"]
        for heading, column in TERMINAL:
            if text := _text(row.get(column)):
                indent = " " * 22
                lines.append(textwrap.fill(text, width, initial_indent=f"  {heading:<20}", subsequent_indent=indent))
    return "\n".join(lines) + "\n"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return frame.to_dict("records")  # type: ignore[return-value]


def _flat(value: Any) -> Any:
    """Lists and dictionaries as text, for one cell of a CSV."""
    if isinstance(value, list):
        return " ".join(f"{one:.6g}" if isinstance(one, float) else str(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {one}" for key, one in value.items()) or "none"
    return value


def _interval(row: dict[str, Any], middle: str, low: str, high: str, digits: int, unit: str = "") -> str:
    """A number with its interval; a dash where there is none."""
    values = [row.get(key) for key in (middle, low, high)]
    known = [float(value) for value in values if value is not None and not pd.isna(value)]
    if len(known) < 3:
        return "-"
    first, second, third = (f"{value:.{digits}f}" for value in known)
    return f"{first}{unit} [{second}, {third}]"


def _mae(row: dict[str, Any]) -> str:
    """Mean absolute error with its interval and unit, in three digits."""
    values = [float(row[key]) for key in ("mae", "mae_lower_95", "mae_upper_95")]
    first, second, third = (f"{value:.3g}" for value in values)
    unit = "" if row["mae_unit"] == "1" else f" {row['mae_unit']}"
    return f"{first} [{second}, {third}]{unit}"


def _blocks(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> list[tuple[str, str, list[list[str]]]]:
    """Titles, remarks and tables (first row: headings) of the page."""
    main = [[heading for heading, _ in HEADINGS]]
    claimed = [["Study", *(heading for heading, _ in CLAIMED)]]
    notes = [["Study", "Note", "Finding"]]
    for row in _records(frame):
        main.append([_text(row.get(column)) for _, column in HEADINGS])
        claimed.append([_text(row["title"]), *(_text(row.get(column)) for _, column in CLAIMED)])
        notes += [
            [_text(row["title"]), heading, _text(row[column])]
            for heading, column in NOTES
            if row.get(column) and not pd.isna(row[column])
        ]
    sources = [["Column of summary.csv", "File"]]
    places: dict[str, str] = {}
    for row_cells in rows:
        study = str(row_cells["study"]["value"])
        for key, cell in row_cells.items():
            if cell["source"]:
                places.setdefault(key, cell["source"].replace(f"/{study}/", "/{study}/"))
    sources += [[key, place] for key, place in places.items()]
    return [
        (
            "Summary",
            REMARK,
            main,
        ),
        ("Findings", "", notes),
        (
            "The chapter's own table",
            "As claimed there (section 4.6); claims.csv holds the numbers against ours.",
            claimed,
        ),
        ("Where each number stands", "", sources),
    ]


def _text(value: Any) -> str:
    """A cell as text."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _markdown(blocks: list[tuple[str, str, list[list[str]]]]) -> str:
    """The page as Markdown."""
    lines: list[str] = []
    for title, remark, table in blocks:
        lines += [f"## {title}", "", *([remark, ""] if remark else [])]
        head, *body = [
            [cell.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;") for cell in row] for row in table
        ]
        lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(row)} |" for row in body]
        lines.append("")
    return "\n".join(lines)


STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5em; color: #222; }
table { border-collapse: collapse; margin: 0.5em 0 2em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.35em 0.6em; text-align: left; vertical-align: top; }
th { background: #f3f3f3; position: sticky; top: 0; }
td { max-width: 30em; }
.reproduced { color: #00684a; } .contradicted { color: #a33b00; } .untestable { color: #666; }
"""


def _page(title: str, blocks: list[tuple[str, str, list[list[str]]]]) -> str:
    """The page as HTML; every text is escaped."""
    parts = []
    for heading, remark, table in blocks:
        head, *body = table
        cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in body)
        parts.append(
            f"<h2>{html.escape(heading)}</h2>\n<p>{html.escape(remark)}</p>\n"
            f"<table><thead><tr>{cells}</tr></thead><tbody>\n{rows}</tbody></table>"
        )
    return html_page(title, "\n".join(parts))


def html_page(title: str, body: str) -> str:
    """A page that needs no other file.

    Args:
        title: plain text.
        body: HTML, texts in it escaped already.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
