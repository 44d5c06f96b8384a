"""What feedback is worth: open-loop protocols beside controllers that observe, as planned and under variation."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.table import select_held_out
from batterymi.vocabulary.controllers import CONTROLLERS, OPEN_LOOP, label, ordered

FEEDBACK = ("plating_limited", "look_ahead")


def measure_feedback(charges: pd.DataFrame, comparisons: pd.DataFrame) -> dict[str, Any]:
    """Compare open loop and feedback on the nominal scenario and over the held-out ones.

    Args:
        charges: flagged charges of all jobs.
        comparisons: controllers in pairs.

    Returns:
        Per cell and temperature the numbers of each controller and a sentence.
    """
    places = []
    for (cell, condition), part in charges[charges["model"] == "DFN"].groupby(["cell", "condition"], sort=False):
        names = [n for n in ordered(list(part["controller"].unique())) if _kind(n)]
        rows = [_numbers(part, name) for name in names]
        pairs = comparisons[(comparisons["cell"] == cell) & (comparisons["condition"] == condition)]
        places.append({"cell": cell, "condition": condition, "controllers": rows, "sentence": _sentence(rows, pairs)})
    return {"places": places}


def _kind(name: str) -> str:
    """Open loop, feedback, or neither: the chapter's profiles, 1C, and the oracle, which no charger can be."""
    if name in OPEN_LOOP:
        return "open loop"
    return "feedback" if name in FEEDBACK or name not in CONTROLLERS else ""


def _numbers(part: pd.DataFrame, name: str) -> dict[str, Any]:
    """One controller on the nominal scenario and under variation."""
    mine = part[part["controller"] == name]
    nominal, varied = mine[mine["scenario"] < 0], select_held_out(mine)
    return {
        "controller": name,
        "kind": _kind(name),
        "nominal_minutes": float(nominal["minutes"].median()),
        "nominal_violations": float(nominal["violates"].mean()),
        "varied_minutes_median": float(varied["minutes"].median()),
        "varied_violations": float(varied["violates"].mean()),
    }


def _sentence(rows: list[dict[str, Any]], pairs: pd.DataFrame) -> str:
    """What the numbers say, without saying more."""
    nominal = _fastest(rows, "nominal")
    varied = _fastest(rows, "varied")
    parts = [f"On the nominal scenario {_describe_fastest(nominal, 'nominal', 'nominal_minutes')}."]
    parts.append(f"Under variation {_describe_fastest(varied, 'varied', 'varied_minutes_median')}.")
    parts += [
        f"{label(row['controller'])}, planned for the nominal scenario only, leaves the limits in "
        f"{100 * row['varied_violations']:.0f} % of the others."
        for row in rows
        if row["controller"] == "protocol_nominal"
    ]
    best, robust = varied["feedback"], varied["open loop"]
    if best and robust:
        pair = pairs[(pairs["controller"] == best["controller"]) & (pairs["other"] == robust["controller"])]
        if len(pair):
            one = pair.iloc[0]
            bounds = f"[{-one['upper']:.1f}, {-one['lower']:.1f}]"
            parts.append(f"In pairs, feedback gains {-one['minutes_gained']:.1f} min {bounds}: {one['verdict']}.")
    return " ".join(parts)


def _fastest(rows: list[dict[str, Any]], which: str) -> dict[str, dict[str, Any] | None]:
    """The fastest controller of each kind that keeps all limits."""
    column = "nominal_minutes" if which == "nominal" else "varied_minutes_median"
    found: dict[str, dict[str, Any] | None] = {}
    for kind in ("open loop", "feedback"):
        safe = [r for r in rows if r["kind"] == kind and r[f"{which}_violations"] == 0 and np.isfinite(r[column])]
        found[kind] = min(safe, key=lambda row: float(row[column])) if safe else None
    return found


def _describe_fastest(found: dict[str, dict[str, Any] | None], which: str, column: str) -> str:
    """The fastest safe one of each kind in words."""
    words = []
    for kind, row in found.items():
        if row is None:
            words.append(f"no {kind} controller keeps all limits")
        else:
            words.append(f"the fastest safe {kind} is {label(row['controller'])} with {row[column]:.1f} min")
    return " and ".join(words)
