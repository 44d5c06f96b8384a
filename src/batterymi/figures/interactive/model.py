"""Interactive figures of models: parity with what each row is, calibration, importances."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.figures.axes import prefix_label, read_columns
from batterymi.figures.interactive.base import (
    LINE_PX,
    Chart,
    make_error_bars,
    make_figure,
    quote_text,
    quote_texts,
)
from batterymi.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED
from batterymi.figures.surrogate import find_selected, label_importances, select_held_out
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.measured import find_compound_column
from batterymi.vocabulary.units import format_label, format_unit

MARKS = ((BLUE, "circle"), (GREEN, "square"), (PURPLE, "diamond"), (RED, "cross"), (BLACK, "x"))  # by objective
SYMBOLS = {"at most": "triangle-left", "at least": "triangle-right"}  # of rows of which only a bound is known


def chart_parity(results: StudyResults, objective: Objective) -> Chart:
    """Draw held-out predictions over observations; each point says its row, its groups, as papers, and its residual."""
    part, best = select_held_out(results, objective.name), find_selected(results, objective.name)
    unit = format_unit(objective.unit)
    figure = make_figure(prefix_label("Observed", objective.axis_label))
    ends = [float(np.min(part[["observed", "predicted"]])), float(np.max(part[["observed", "predicted"]]))]
    line = {"color": ORANGE, "width": 1.5}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, name="perfect", hoverinfo="skip")
    residual = part["predicted"] - part["observed"]
    rows = _describe_rows(results, part["line"])
    texts = [
        f"{row}<br>observed {observed:.4g}{unit}<br>predicted {predicted:.4g} [{low:.4g}, {high:.4g}]{unit}"
        f"<br>residual {rest:+.3g}{unit}"
        for row, observed, predicted, low, high, rest in zip(
            rows, part["observed"], part["predicted"], part["lower_95"], part["upper_95"], residual, strict=True
        )
    ]
    limits = part["limit"] if "limit" in part else pd.Series("", index=part.index)
    for side in dict.fromkeys(limits.fillna("")):
        of_side = (limits.fillna("") == side).to_numpy()
        shown = part[of_side]
        figure.add_scatter(
            x=shown["observed"].to_numpy(float),
            y=shown["predicted"].to_numpy(float),
            error_y=make_error_bars(shown["predicted"], shown["lower_95"], shown["upper_95"]),
            mode="markers",
            marker={"color": RED if side else BLUE, "size": 8 if side else 7, "symbol": SYMBOLS.get(side, "circle")},
            name=f"{quote_text(side)}: only a bound is known" if side else "held-out rows, 95 % interval",
            text=[text for text, is_shown in zip(texts, of_side, strict=True) if is_shown],
            hovertemplate="%{text}<extra></extra>",
        )
    score = f"Q² {best['q2']:.2f} [{best['q2_lower']:.2f}, {best['q2_upper']:.2f}]"
    return Chart(
        f"parity_{objective.name}",
        f"{objective.label}: predicted and observed",
        f"{best['model']}, {score}: {best['verdict']}. Each point was predicted by a model that had not seen it.",
        format_label("Predicted, held out", objective.unit),
        ("predictions", "metrics"),
        figure,
        f"Predictions over observations of {objective.label} for {len(part)} held-out rows; {score}.",
    )


def chart_calibration(results: StudyResults) -> Chart | None:
    """Draw the share of held-out rows inside their intervals over the nominal level, for every objective."""
    objectives = results.validation["objectives"]
    shown = [o for o in results.study.objectives if o.name in objectives and objectives[o.name]["calibration"]]
    if not shown:
        return None
    figure = make_figure("Level of the interval (%)")
    figure.update_xaxes(range=[0, 105]).update_yaxes(range=[0, 105])
    line = {"color": ORANGE, "width": 1.5}
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=line, name="nominal", hoverinfo="skip")
    said = []
    for place, objective in enumerate(shown):
        found, unit = objectives[objective.name]["calibration"], format_unit(objective.unit)
        level, middle, low, high = read_columns(found, "level", "coverage", "coverage_lower", "coverage_upper")
        colour, symbol = MARKS[place % len(MARKS)]
        figure.add_scatter(
            # beside each other, since levels are the same
            x=100 * level + 1.2 * (place - (len(shown) - 1) / 2),
            y=100 * middle,
            error_y=make_error_bars(100 * middle, 100 * low, 100 * high, width=4, thickness=1.5),
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": symbol},
            name=quote_text(f"{objective.label}, 95 % interval"),
            text=[
                f"{quote_text(objective.label)}: {e['level']:.0%} intervals cover {e['coverage']:.0%} "
                f"[{e['coverage_lower']:.0%}, {e['coverage_upper']:.0%}]<br>median ±{e['half_width']:.2g}"
                f"{quote_text(unit)}"
                for e in found
            ],
            hovertemplate="%{text}<extra></extra>",
        )
        said.append(f"{objective.label}: " + ", ".join(f"{e['level']:.0%}: {e['coverage']:.0%}" for e in found))
    return Chart(
        "calibration",
        "Are the intervals honest?",
        "Share of held-out rows that lie inside their intervals. Below the line they are too narrow.",
        "Held-out rows inside (%)",
        ("validation",),
        figure,
        f"Coverage of intervals: {'; '.join(said)}.",
    )


def chart_importances(results: StudyResults, objective: Objective) -> Chart | None:
    """Draw how much the held-out error grows when a feature is taken from another row: repeats and their median."""
    part = results.importances
    part = part[(part["variant"] == results.study.primary_variant) & (part["objective"] == objective.name)]
    labels = label_importances(results)
    part = part[part["feature"].isin(list(labels))]
    if part.empty:
        return None
    medians = part.groupby("feature")["rmse_increase"].median().sort_values()
    names = quote_texts(labels[str(feature)] for feature in medians.index)
    figure = make_figure(
        f"Growth of the error (RMSE{', ' + objective.unit if objective.unit != '1' else ''})",
        height=110 + LINE_PX * len(names),
    )
    rank = dict(zip(medians.index, names, strict=True))
    figure.add_scatter(
        x=part["rmse_increase"].to_numpy(float),
        y=[rank[feature] for feature in part["feature"]],
        mode="markers",
        marker={"color": BLUE, "size": 9, "symbol": "line-ns", "line": {"width": 1.5, "color": BLUE}},
        name="repeats",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=medians.to_numpy(float),
        y=names,
        mode="markers",
        marker={"color": ORANGE, "size": 9},
        name="median",
        hovertemplate="%{y}: %{x:.3g}" + quote_text(format_unit(objective.unit)) + "<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure.update_yaxes(categoryorder="array", categoryarray=names, dtick=1)
    best, first = find_selected(results, objective.name), labels[str(medians.index[-1])]
    return Chart(
        f"importances_{objective.name}",
        f"What drives {objective.label}",
        f"{best['model']}, {best['verdict'].split(';')[0]}: how much worse it predicts when a feature is taken from "
        "another row.",
        "",
        ("importances",),
        figure,
        f"Importances of {len(names)} features for {objective.label}; the largest is {first}.",
    )


def _describe_rows(results: StudyResults, lines: "pd.Series[Any]") -> list[str]:
    """Return what each row is: its number, its name, and the groups that rows are kept together by, as papers."""
    table, settings = results.table.drop_duplicates("line").set_index("line"), results.study.table
    groups = (*settings.group_columns, *settings.compared_columns)
    names = [
        settings.id_column,
        "label",
        settings.formula_column,
        *(find_compound_column(table.columns, g) for g in groups),
    ]
    shown = [name for name in dict.fromkeys(names) if name in table]
    found = []
    for line in lines:
        row = table.loc[line] if line in table.index else None
        parts = [] if row is None else [f"{name.replace('_', ' ')}: {row[name]}" for name in shown if name]
        found.append("<br>".join(quote_texts([f"row {line}", *parts])))
    return found
