"""The page of the charging arena."""

import html
from typing import Any

import pandas as pd

from batterymi.reporting.pages import render_page
from batterymi.vocabulary.controllers import label_controller

HEADINGS = (
    "Cell",
    "Start",
    "Controller",
    "Minutes to 80 % (median, quartiles)",
    "Outside limits [95 %]",
    "plating",
    "temperature",
    "voltage",
    "unfinished",
    "Smallest margin (mV)",
    "Highest °C",
    "Lost (mAh)",
    "CPU min to tune or train",
    "ms per decision",
)


def render_arena(
    table: pd.DataFrame, comparisons: pd.DataFrame, discrepancy: pd.DataFrame, feedback: dict[str, Any]
) -> str:
    """Return the arena's tables as a page.

    Args:
        table: one row per cell, temperature and controller.
        comparisons: controllers in pairs.
        discrepancy: the same charges on the coarse and on the reference model.
        feedback: what feedback is worth.
    """
    head = "".join(f"<th>{html.escape(text)}</th>" for text in HEADINGS)
    rows = "\n".join(_render_row(row) for row in table.to_dict("records"))
    exploits = discrepancy[discrepancy["verdict"].str.startswith("exploits")]
    listed = "".join(f"<li>{_render_exploit(row)}</li>" for row in exploits.to_dict("records"))
    return render_page(
        "Charging arena",
        "<h2>Charging arena</h2>\n<p>Simulated on the DFN from the same held-out scenarios. A charge outside the "
        "limits breaks one of them or is not finished; shares have 95 % intervals. A controller that breaks limits is "
        f"never called better than one that does not.</p>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n"
        "</tbody></table>\n<h3>Controllers that exploit the coarse model</h3>\n"
        f"<ul>{listed or '<li>none</li>'}</ul>\n<h3>What feedback is worth</h3>\n{_render_feedback(feedback)}\n"
        f"<h3>Paired comparisons</h3>\n{_render_pairs(comparisons)}",
    )


def _render_row(row: dict[Any, Any]) -> str:
    """Return one line of the page."""
    cells = [
        row["cell"],
        row["condition"],
        label_controller(row["controller"]),
        _format_number(row["minutes_median"], "{:.1f}") + f" ({row['minutes_q1']:.1f} to {row['minutes_q3']:.1f})",
        f"{_format_percent(row['violations'])} "
        f"[{_format_percent(row['violations_lower'])}, {_format_percent(row['violations_upper'])}]",
        *(_format_percent(row[f"share_{kind}"]) for kind in ("plating", "temperature", "voltage", "unfinished")),
        _format_number(row["margin_min_mv"], "{:.1f}"),
        _format_number(row["temperature_max_c"], "{:.1f}"),
        _format_number(row["capacity_lost_mah_median"], "{:.3g}"),
        _format_number(row["tuning_cpu_min"], "{:.1f}"),
        _format_number(row["ms_per_decision"], "{:.2g}"),
    ]
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _render_pairs(comparisons: pd.DataFrame) -> str:
    """Return the comparisons as a table."""
    head = ("Cell", "Start", "Controller", "Against", "Minutes gained [95 %]", "Verdict")
    lines = []
    for row in comparisons.to_dict("records"):
        gain = f"{row['minutes_gained']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]"
        cells = (
            row["cell"],
            row["condition"],
            label_controller(row["controller"]),
            label_controller(row["other"]),
            gain,
            row["verdict"],
        )
        lines.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
    heading = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"


def _render_feedback(feedback: dict[str, Any]) -> str:
    """Return what feedback is worth, a paragraph for each cell and temperature."""
    lines = [f"{place['cell']}, {place['condition']}: {place['sentence']}" for place in feedback["places"]]
    return "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _render_exploit(row: dict[Any, Any]) -> str:
    """Return the verdict on a controller that exploits the coarse model."""
    return html.escape(f"{row['cell']}, {row['condition']}, {label_controller(row['controller'])}: {row['verdict']}")


def _format_number(value: float, form: str) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if pd.isna(value) else form.format(value)


def _format_percent(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.0f} %"
