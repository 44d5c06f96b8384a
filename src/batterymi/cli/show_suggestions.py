"""The text of `batterymi suggest`: each design, what is expected of it, and what that says of the batch."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from batterymi.cli.validated import Validated
from batterymi.config.parts import Feature
from batterymi.config.study import Study
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.expectations import (
    assess_suggestions,
    list_expected,
    note_disagreements,
    state_verdict,
)
from batterymi.optimise.campaigns.next_batch import describe_shortage
from batterymi.optimise.campaigns.partly_measured import NAME, PartlyMeasured
from batterymi.optimise.engines.early_results import Costs
from batterymi.optimise.space.problem import Search
from batterymi.statistics.digits import format_interval, format_number
from batterymi.text_safety import show_in_line
from batterymi.vocabulary.expected import EARLY_ONLY, MEASURE
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, TRAIN, WITHDRAWN
from batterymi.vocabulary.units import format_label, format_unit


def format_suggestions(
    study: Study,
    search: Search,
    rows: pd.DataFrame,
    designs: pd.DataFrame,
    names: Sequence[str],
    validated: Validated,
    wanted: int = 1,
) -> str:
    """Format suggestions for a terminal.

    Args:
        study: its settings.
        search: objectives and limits, and the space.
        rows: of the study's table.
        designs: the suggestions, with what the engine expects of them.
        names: what the ledger calls them, an empty text where it does not have them.
        validated: what the validated model predicts of them, if there is one.
        wanted: how many designs were wanted.
    """
    best = find_best_known(search, rows[rows[SPLIT] == TRAIN], study.id_column)
    outlooks, predictions = assess_suggestions(designs, search, best), validated.predictions
    notes = [""] * len(designs) if predictions is None else note_disagreements(designs, predictions, search)
    lines = [f"{study.title}: {_count_rows(rows)}; engine {study.campaign.engine}"]
    if len(best):
        only = search.optimised[0].label if len(search.optimised) == 1 else ""
        lines.append(f"Best known: {only} {best.describe(search)}".replace(":  ", ": "))
    lines.append("")
    for place, (row, outlook) in enumerate(zip(designs.to_dict("records"), outlooks, strict=True)):
        listed = f"{show_in_line(str(row['candidate']))} of {study.pool}" if row.get("candidate") else ""
        called = ", ".join(filter(None, [names[place], listed]))
        lines.append(f"{place + 1}. {called}{': ' if called else ''}{_format_settings(row, search, study)}")
        lines += [f"   {_describe_measurement(row[MEASURE], search)}"] if MEASURE in row else []
        lines += [f"   expected {text} (engine's model)" for text in list_expected(row, search)]
        if predictions is not None:
            lines += [
                f"   predicted {text} (validated model)" for text in _list_predicted(predictions.iloc[place], study)
            ]
        lines.append(f"   {outlook.short_reason}{notes[place]}")
    lines += [""] if outlooks else []
    shortage = describe_shortage(len(designs), wanted, search.space, study.pool)
    said = [shortage and f"{shortage}.", state_verdict(outlooks, search, best), validated.remark]
    return "\n".join([*lines, *filter(None, said), ""])


def format_partly_measured(partly: PartlyMeasured, search: Search) -> list[str]:
    """Return lines on the designs whose early result is in and whose late one is missing, and on what models use."""
    lines = [f"\n{note}.\n" for note in partly.notes]
    if len(partly.designs):
        late = " and ".join(o.label for o in search.objectives if o.name in search.early)
        lines.append(f"Early results are in; going on to {late} costs {Costs.add_up(search).late:g} each:\n")
        rows = partly.designs.to_dict("records")
        lines += [f"   {row[MEASURE]} {show_in_line(str(row[NAME]))}: {row['why']}\n" for row in rows]
    return lines


def _describe_measurement(measure: str, search: Search) -> str:
    """Say what to measure of a design, and for how much."""
    early = {one.column for one in search.early.values()}
    names = early if measure == EARLY_ONLY else early | set(search.early)
    labels = " and ".join(objective.label for objective in search.objectives if objective.name in names)
    return f"measure {labels}{' only' if measure == EARLY_ONLY else ''}, cost {Costs.add_up(search).find(measure):g}"


def _count_rows(rows: pd.DataFrame) -> str:
    """Return how many rows there are of each kind."""
    counts = rows[SPLIT].value_counts()
    kinds = ((PENDING, "pending"), (FAILED, "failed"), (WITHDRAWN, "withdrawn"))
    return ", ".join(
        [f"{counts.get(TRAIN, 0)} measured rows", *(f"{counts[kind]} {word}" for kind, word in kinds if kind in counts)]
    )


def _format_settings(row: dict[Any, Any], search: Search, study: Study) -> str:
    """Return the settings of a design, those that do not apply to it left out."""
    return "; ".join(
        f"{f.label} {row[f.name]}"
        if f.is_category
        else f"{format_label(f.label, f.unit)} {format_setting(f, float(row[f.name]), _find_step(f, study))}"
        for f in search.space.features
        if _is_used(f, row[f.name], study)
    )


def _is_used(feature: Feature, value: Any, study: Study) -> bool:
    """Return whether a feature applies to a design, and is not a part of a composition that is left out."""
    is_part = study.simplex is not None and study.simplex.has_zeros and feature.name in study.simplex.features
    return bool(pd.notna(value)) and not (is_part and value == 0)


def _find_step(feature: Feature, study: Study) -> float | None:
    """Return the step of a feature's values, its own or that of the composition that it is a part of."""
    if study.simplex is not None and feature.name in study.simplex.features and study.simplex.step:
        return study.simplex.step
    return None if feature.is_logarithmic else feature.step


def format_setting(feature: Feature, value: float, step: float | None) -> str:
    """Return a value in the decimals of its steps, as a level is written, or in four significant digits."""
    if feature.levels:
        return f"{min(feature.levels, key=lambda level: abs(level - value)):.10g}"
    if step is None:
        return format_number(value)
    # steps are counted from the lower end of a range
    ends = [step, *(low for low, _ in feature.ranges)]
    decimals = max(-int(Decimal(repr(float(end))).normalize().as_tuple().exponent) for end in ends)
    shown = format_number(value, max(decimals, 0))
    # of a list, whose values need not lie on the steps
    return shown if np.isclose(float(shown), value, rtol=1e-9, atol=1e-3 * step) else format_number(value)


def _list_predicted(row: pd.Series, study: Study) -> list[str]:
    """Return what the validated model predicts of a design, with 95 % intervals."""
    found = []
    for objective in study.objectives:
        middle, low, high = (float(row[objective.name + ending]) for ending in ("", "_lower_95", "_upper_95"))
        found.append(f"{objective.label} {format_interval(middle, low, high)}{format_unit(objective.unit)}")
    return found
