"""The stage `compare_controllers`: all charges become tables, verdicts and a few sentences."""

import html
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.arena.feedback import worth_of_feedback
from batterymi.arena.table import climb_ladder, compare_pairs, flag, make_table
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet, write_text
from batterymi.reporting.pages import render_page
from batterymi.vocabulary.controllers import label

logger = logging.getLogger(__name__)

HEADINGS = (
    "Cell",
    "Start",
    "Controller",
    "Minutes to 80 % (median, quartiles)",
    "Outside limits [95 %]",
    "plating",
    "hot",
    "voltage",
    "unfinished",
    "Smallest margin (mV)",
    "Highest °C",
    "Lost (mAh)",
    "CPU min to tune or train",
    "ms per decision",
)


def compare_controllers(
    charges_paths: Sequence[str],
    tuned_paths: Sequence[str],
    protocols_paths: Sequence[str],
    record_paths: Sequence[str],
    charges_path: str,
    table_path: str,
    html_path: str,
    comparisons_path: str,
    ladder_path: str,
    feedback_path: str,
) -> None:
    """Join the charges of all jobs, and compare the controllers.

    Args:
        charges_paths: what `judge_controllers` wrote.
        tuned_paths: what `tune_controllers` wrote, as `{cell}/{condition}.json`.
        protocols_paths: what `optimise_protocols` wrote, alike.
        record_paths: what trainings cost, as `{cell}/{agent}/{seed}/record.json`.
        charges_path: Parquet to write: every charge.
        table_path: CSV to write: one row per cell, temperature and controller.
        html_path: the same as a page, with the verdicts.
        comparisons_path: CSV to write: controllers in pairs.
        ladder_path: CSV to write: the same charges on the coarse and the fine model.
        feedback_path: JSON to write: what feedback is worth.
    """
    charges = flag(pd.concat([read_frame(path) for path in charges_paths], ignore_index=True))
    table = make_table(charges, read_costs(charges, tuned_paths, protocols_paths, record_paths))
    comparisons, ladder = compare_pairs(charges), climb_ladder(charges)
    _write_charges(charges_path, charges)
    write_csv(table_path, table)
    write_csv(comparisons_path, comparisons)
    write_csv(ladder_path, ladder)
    feedback = worth_of_feedback(charges, comparisons)
    write_json(feedback_path, feedback)
    write_text(html_path, _page(table, comparisons, ladder, feedback))
    logger.info("%d charges of %d controllers", len(charges), charges["controller"].nunique())


def _write_charges(path: str, charges: pd.DataFrame) -> None:
    """All charges in one file, in a fixed order."""
    keys = ["cell", "condition", "controller", "seed", "model", "scenario"]
    write_parquet(path, charges.sort_values(keys, kind="stable", ignore_index=True))


def read_costs(
    charges: pd.DataFrame, tuned_paths: Sequence[str], protocols_paths: Sequence[str], record_paths: Sequence[str]
) -> dict[tuple[str, str, str], float]:
    """CPU seconds of tuning or training, by cell, condition and controller; an agent's count for all temperatures.

    Args:
        charges: tell which cells and temperatures there are.
        tuned_paths: as `{cell}/{condition}.json`.
        protocols_paths: alike.
        record_paths: as `{cell}/{agent}/{seed}/record.json`.
    """
    costs: dict[tuple[str, str, str], float] = {}
    for path in (*tuned_paths, *protocols_paths):
        place = Path(path)
        for name, found in read_json(path).items():
            if isinstance(found, dict):
                costs[place.parent.name, place.stem, name] = found["cpu_s"]
    for path in record_paths:
        cell, agent = Path(path).parts[-4:-2]
        for condition in charges.loc[charges["cell"] == cell, "condition"].unique():
            key = (cell, str(condition), agent)
            costs[key] = costs.get(key, 0.0) + read_json(path)["cpu_s"]
    return costs


def _page(table: pd.DataFrame, comparisons: pd.DataFrame, ladder: pd.DataFrame, feedback: dict[str, Any]) -> str:
    """The tables as a page."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in HEADINGS)
    rows = "\n".join(_table_row(row) for row in table.to_dict("records"))
    exploits = ladder[ladder["verdict"].str.startswith("exploits")]
    named = "".join(f"<li>{_exploit(row)}</li>" for row in exploits.to_dict("records"))
    return render_page(
        "Charging arena",
        "<h2>Charging arena</h2>\n<p>Judged on the DFN over the same held-out scenarios. A charge outside the limits "
        "breaks one of them or is not finished; shares have 95 % intervals. A controller that breaks limits is never "
        f"called better than one that does not.</p>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n"
        "</tbody></table>\n<h3>Who exploits the coarse model</h3>\n"
        f"<ul>{named or '<li>nobody</li>'}</ul>\n<h3>What feedback is worth</h3>\n{_sentences(feedback)}\n"
        f"<h3>In pairs</h3>\n{_pairs(comparisons)}",
    )


def _table_row(row: dict[Any, Any]) -> str:
    """One line of the page."""
    cells = [
        row["cell"],
        row["condition"],
        label(row["controller"]),
        _number(row["minutes_median"], "{:.1f}") + f" ({row['minutes_q1']:.1f} to {row['minutes_q3']:.1f})",
        f"{_percent(row['violations'])} [{_percent(row['violations_lower'])}, {_percent(row['violations_upper'])}]",
        *(_percent(row[f"share_{kind}"]) for kind in ("plating", "temperature", "voltage", "unfinished")),
        _number(row["margin_min_mv"], "{:.1f}"),
        _number(row["temperature_max_c"], "{:.1f}"),
        _number(row["capacity_lost_mah_median"], "{:.3g}"),
        _number(row["tuning_cpu_min"], "{:.1f}"),
        _number(row["ms_per_decision"], "{:.2g}"),
    ]
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _pairs(comparisons: pd.DataFrame) -> str:
    """Comparisons with the controllers of a fixed rule, as a table."""
    head = ("Cell", "Start", "Controller", "Against", "Minutes gained [95 %]", "Verdict")
    lines = []
    for row in comparisons.to_dict("records"):
        gain = f"{row['minutes_gained']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]"
        cells = (row["cell"], row["condition"], label(row["controller"]), label(row["other"]), gain, row["verdict"])
        lines.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
    heading = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><thead><tr>{heading}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"


def _sentences(feedback: dict[str, Any]) -> str:
    """What feedback is worth, a paragraph for each cell and temperature."""
    lines = [f"{place['cell']}, {place['condition']}: {place['sentence']}" for place in feedback["places"]]
    return "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _exploit(row: dict[Any, Any]) -> str:
    """A controller that lives off the coarse model."""
    return html.escape(f"{row['cell']}, {row['condition']}, {label(row['controller'])}: {row['verdict']}")


def _number(value: float, form: str) -> str:
    """A number, or a dash where there is none."""
    return "-" if pd.isna(value) else form.format(value)


def _percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.0f} %"
