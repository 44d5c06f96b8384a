"""The chapter's five exercises, answered with numbers that studies wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.features.pores import compute_sulfur_limit
from batterymi.reporting.pages import TextTable
from batterymi.vocabulary.splits import SPLIT, TRAIN

TOLERANCE = 1.0  # mV or °C by which the best design of a reward may miss a limit
MAX_CHARACTERS = 400  # of the fifth answer, as the exercise demands


@dataclass(frozen=True)
class Answer:
    """The answer to one exercise.

    Attributes:
        question: the exercise.
        text: the answer.
        columns: heading of its table.
        rows: of its table.
        sources: files that its numbers are read from.
        limits: what the numbers cannot show.
    """

    question: str
    text: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    sources: Sequence[str] = field(default=())
    limits: str = ""


QUESTIONS = (
    "Which three descriptor conditions lead to ionic conductivities above 10⁻³ S/cm?",
    "How should a carbon host be designed that suppresses the dissolution of polysulfides?",
    "What belongs into the reward of a charging agent, and how are its weights set?",
    "What changes in capacity, cycle life and thermal stability if Ni rises from 0.8 to 0.9?",
    f"How useful is transfer from Li to Na, and where does it end? (at most {MAX_CHARACTERS} characters)",
)


def answer_missing(number: int, needs: str) -> Answer:
    """Return what stands in place of an answer whose numbers this run does not have."""
    return Answer(QUESTIONS[number - 1], f"Not in this run: it needs {needs}.", ("needs",), ((needs,),))


def answer_conductors(found: Mapping[str, Any], source: str) -> Answer:
    """Answer the first exercise.

    Args:
        found: of `validate_bounds`, on descriptors of measured electrolytes.
        source: the table.
    """
    low, high = found["precision_interval"]
    lift_low, lift_high = found["lift_interval"]
    verdict = (
        "so the conditions help, and they are no guarantee"
        if lift_low > 1
        else "so no gain over drawing at random is shown"
    )
    text = (
        f"{'; '.join(found['bounds'])}. Bounds that were found without a paper hold for it to this degree: "
        f"{found['precision']:.0%} [{low:.0%}, {high:.0%}] of the materials that meet them conduct better than 10⁻³ "
        f"S/cm, "
        f"where {found['base_rate']:.0%} of all do ({found['lift']:.1f} times [{lift_low:.1f}, {lift_high:.1f}]); "
        f"{found['recall']:.0%} of the good ones meet them, {verdict}."
    )
    rows = [(name, f"{count} of 25") for name, count in list(found["chosen"].items())[:8]]
    return Answer(
        QUESTIONS[0],
        text,
        ("descriptor", "chosen in searches"),
        rows,
        (source,),
        "Descriptors that go together stand in for each other; the activation energy is left out, since with it the "
        "conductivity is known already (Arrhenius).",
    )


def answer_hosts(
    table: pd.DataFrame, importances: pd.DataFrame, best: Mapping[str, Any], swelling: float, sources: Sequence[str]
) -> Answer:
    """Answer the second exercise.

    Args:
        table: the chapter's hosts.
        importances: permutation importances of the best model.
        best: row of that model's scores.
        swelling: volume that sulfur gains on lithiation, as a share.
        sources: files of all three.
    """
    hosts = table[table[SPLIT] == TRAIN]
    room = compute_sulfur_limit(
        hosts["pore_size_nm"].to_numpy(float), hosts["surface_area_m2_g"].to_numpy(float), swelling
    )
    fits = hosts["sulfur_loading_wt"].to_numpy(float) <= room
    kept = importances[importances["variant"] == "all_features"]
    means = kept.groupby("feature")["rmse_increase"].mean().sort_values(ascending=False)
    first, *_, last = means.index
    top = hosts.loc[hosts["retention_percent"].idxmax()]
    inside = hosts["pore_size_nm"].min() < top["pore_size_nm"] < hosts["pore_size_nm"].max()
    shape = "neither the narrowest nor the widest" if inside else "at the end of the range"
    text = (
        f"Leave room: cylindrical pores hold at most V ρ / (1 + V ρ) of sulfur, V = area x diameter / 4, and "
        f"{swelling:.0%} "
        f"more volume on lithiation; {int((~fits).sum())} of the chapter's {len(hosts)} hosts hold more than fits. "
        f"Of its rows "
        f"the best retention, {top['retention_percent']:.0f} %, has {top['pore_size_nm']:.1f} nm pores ({shape}) and "
        f"{top['sulfur_loading_wt']:.0f} wt% S. The model ({best['model']}, Q² "
        f"{best['q2']:.2f} [{best['q2_lower']:.2f}, {best['q2_upper']:.2f}]) leans on {first} most and on {last} least."
    )
    rows = [
        (
            str(row.host),
            f"{row.pore_size_nm:g}",
            f"{row.sulfur_loading_wt:g}",
            f"{most:.1f}",
            f"{row.retention_percent:g}",
        )
        for row, most in zip(hosts.itertuples(), room, strict=True)
    ]
    columns = ("host", "pore / nm", "S / wt%", "fits / wt%", "retention / %")
    return Answer(
        QUESTIONS[1],
        text,
        columns,
        rows,
        sources,
        f"{len(hosts)} rows on one line through four features: which of them matters cannot be distinguished, whatever "
        f"Q² says.",
    )


def answer_rewards(charges: pd.DataFrame, limits: Mapping[str, float], sources: Sequence[str]) -> Answer:
    """Answer the third exercise.

    Args:
        charges: simulated protocols with minutes, plating margin and highest temperature.
        limits: least plating margin (mV) and highest temperature (°C).
        sources: files.
    """
    rows_known = charges.dropna(subset=["time_to_80_min", "plating_margin_mv", "temperature_max_c"])
    minutes = rows_known["time_to_80_min"].to_numpy(float)
    broken = {
        "plating margin / mV": np.maximum(
            limits["plating_margin_mv"] - rows_known["plating_margin_mv"].to_numpy(float), 0
        ),
        "temperature / °C": np.maximum(
            rows_known["temperature_max_c"].to_numpy(float) - limits["temperature_max_c"], 0
        ),
    }
    rows, parts = [], []
    for name, excess in broken.items():
        weight = find_least_weight(minutes, excess)
        n_broken = int((excess > 0).sum())
        shown = "-" if weight is None else f"{weight:.2g}"
        rows.append((name, f"{n_broken} of {len(minutes)}", shown))
        if weight:
            parts.append(f"at least {weight:.2g} min per {name.split(' / ')[1]} of {name.split(' / ')[0]}")
        elif n_broken == 0:
            parts.append(f"none for {name.split(' / ')[0]}, whose limit no protocol violates here")
    text = (
        "Time, and each limit as a penalty that grows with the violation (plating margin, temperature, voltage); lost "
        "capacity only with a model of the whole cycle. A weight is large enough when the best reward keeps the "
        f"limit within 1 unit: here {'; '.join(parts)}. Less lets the fastest protocol pay for violations with time; "
        "above it nothing changes about the best design, so that the limit and not the weight decides."
    )
    columns = ("limit", "protocols that violate it", "least weight / min per unit")
    return Answer(QUESTIONS[2], text, columns, rows, sources, "Weights hold for this cell, these protocols, 25 °C.")


def find_least_weight(cost: Array, excess: Array, tolerance: float = TOLERANCE) -> float | None:
    """Return the smallest penalty weight at which cost + weight x excess is smallest for a design that keeps the limit.

    Args:
        cost: of each design, shape (n,).
        excess: by how much each violates a limit, 0 where it does not, shape (n,).
        tolerance: excess that counts as kept; without one, a design that is just outside would set the weight.

    Returns:
        The weight, 0 where the cheapest design keeps the limit anyway; None if none keeps it.
    """
    kept = excess <= tolerance
    if not kept.any():
        return None
    if kept.all():
        return 0.0
    # each violating design must lose to some design that keeps the limit
    needed = [
        min((cost[kept] - cost[place]) / np.maximum(excess[place] - excess[kept], 1e-12))
        for place in np.flatnonzero(~kept)
    ]
    return max(0.0, float(max(needed)))


def answer_nickel(before: Mapping[str, float], after: Mapping[str, float], sources: Sequence[str]) -> Answer:
    """Answer the fourth exercise.

    Args:
        before: outcomes of the chapter's formulas at 80/10/10.
        after: those at 90/5/5.
        sources: files.
    """
    named = {
        "capacity_mah_g": ("capacity", "mAh/g"),
        "cycle_life": ("cycle life", "cycles"),
        "thermal_stability_c": ("thermal stability", "°C"),
    }
    rows = [
        (label, unit, f"{before[key]:.1f}", f"{after[key]:.1f}", f"{after[key] - before[key]:+.1f}")
        for key, (label, unit) in named.items()
    ]
    changes = ", ".join(f"{row[0]} {row[4]} {row[1]}" for row in rows)
    return Answer(
        QUESTIONS[3],
        f"By the chapter's own formulas, from 80/10/10 to 90/5/5: {changes}.",
        ("outcome", "unit", "80/10/10", "90/5/5", "change"),
        rows,
        sources,
        "The formulas have no source and no fit behind them, so these are the chapter's numbers and no prediction.",
    )


def answer_transfer(transfer: Mapping[str, Any], sources: Sequence[str]) -> Answer:
    """Answer the fifth exercise.

    Args:
        transfer: what `compare_transfer` found.
        sources: files.
    """
    own, pooled = (
        {point["rows"]: point for point in transfer["curves"] if point["strategy"] == name}
        for name in ("own rows only", f"pooled with {' and '.join(transfer['source'])}")
    )
    few, many = min(own), max(own)
    gain = own[many]["mae"] - pooled[many]["mae"]
    whole = next(
        (
            entry
            for entry in transfer["strategies"]
            if entry["strategy"].startswith("pooled with ") and "verdict" in entry
        ),
        {"verdict": "no gain shown"},
    )
    text = (
        f"Voltages of Li hosts replace missing Na rows: with {few} Na rows the error of new hosts goes from "
        f"{own[few]['mae']:.2f} to {pooled[few]['mae']:.2f} V, with {many} it changes by {-gain:+.2f} V "
        f"({whole['verdict']}). "
        "What is shared, redox metal and framework, transfers; what only Na hosts have, no Li row teaches, and own "
        "rows "
        "take over as they grow."
    )
    assert len(text) <= MAX_CHARACTERS, len(text)
    rows = [
        (
            str(size),
            f"{own[size]['mae']:.3f}",
            f"{pooled[size]['mae']:.3f}",
            f"{own[size]['mae'] - pooled[size]['mae']:+.3f}",
        )
        for size in sorted(own)
    ]
    return Answer(
        QUESTIONS[4],
        text,
        ("Na rows", "MAE own rows / V", "MAE with Li / V", "gain / V"),
        rows,
        sources,
        "Computed voltages, host systems held out for both ions. That redox metal and framework are what transfers "
        "is an "
        "interpretation: the descriptors describe nothing else.",
    )


def list_answers(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return answers as plain data, for JSON."""
    return [{"number": number, **asdict(answer)} for number, answer in enumerate(answers, start=1)]


def lay_out(answers: Sequence[Answer]) -> list[TextTable]:
    """Return answers as tables of a page, each under its question."""
    pages = []
    for number, answer in enumerate(answers, start=1):
        limits = f" Limits: {answer.limits}" if answer.limits else ""
        sources = f" Sources: {', '.join(answer.sources)}." if answer.sources else ""
        pages.append(
            TextTable(f"{number}. {answer.question}", f"{answer.text}{limits}{sources}", answer.columns, answer.rows)
        )
    return pages
