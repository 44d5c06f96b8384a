"""What feedback is worth: open-loop protocols beside controllers that observe, as planned and under variation."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.table import select_held_out
from batterymi.vocabulary.controllers import CONTROLLERS, OPEN_LOOP, label_controller, order_controllers

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
        names = [n for n in order_controllers(list(part["controller"].unique())) if _classify_controller(n)]
        rows = [_summarise_controller(part, name) for name in names]
        pairs = comparisons[(comparisons["cell"] == cell) & (comparisons["condition"] == condition)]
        places.append(
            {"cell": cell, "condition": condition, "controllers": rows, "sentence": _describe_feedback(rows, pairs)}
        )
    return {"places": places}


def _classify_controller(name: str) -> str:
    """Return 'open loop' or 'feedback'; empty for the chapter's profiles, 1C and the oracle."""
    if name in OPEN_LOOP:
        return "open loop"
    return "feedback" if name in FEEDBACK or name not in CONTROLLERS else ""


def _summarise_controller(part: pd.DataFrame, name: str) -> dict[str, Any]:
    """Summarise one controller on the nominal scenario and under variation."""
    mine = part[part["controller"] == name]
    nominal, varied = mine[mine["scenario"] < 0], select_held_out(mine)
    return {
        "controller": name,
        "kind": _classify_controller(name),
        # an agent has one nominal charge per seed, every other controller just one
        "nominal_minutes": float(nominal["minutes"].median()),
        "nominal_violations": float(nominal["violates"].mean()),
        "varied_minutes_median": float(varied["minutes"].median()),
        "varied_violations": float(varied["violates"].mean()),
    }


def _describe_feedback(rows: list[dict[str, Any]], pairs: pd.DataFrame) -> str:
    """Describe in sentences what the numbers show."""
    nominal = _find_fastest(rows, "nominal")
    varied = _find_fastest(rows, "varied")
    parts = [f"On the nominal scenario {_describe_fastest(nominal, 'nominal_minutes')}."]
    parts.append(f"Under variation {_describe_fastest(varied, 'varied_minutes_median')}.")
    parts += [
        f"{label_controller(row['controller'])}, planned for the nominal scenario only, leaves the limits in "
        f"{100 * row['varied_violations']:.0f} % of the others."
        for row in rows
        if row["controller"] == "protocol_nominal"
    ]
    best, robust = varied["feedback"], varied["open loop"]
    if best and robust:
        pair = pairs[(pairs["controller"] == best["controller"]) & (pairs["other"] == robust["controller"])]
        if len(pair):
            found = pair.iloc[0]
            # the table holds feedback less open loop; as a gain the signs change and the bounds swap
            bounds = f"[{-found['upper']:.1f}, {-found['lower']:.1f}]"
            parts.append(f"In pairs, feedback gains {-found['minutes_gained']:.1f} min {bounds}: {found['verdict']}.")
    return " ".join(parts)


def _find_fastest(rows: list[dict[str, Any]], which: str) -> dict[str, dict[str, Any] | None]:
    """Find the fastest controller of each kind that keeps all limits."""
    column = "nominal_minutes" if which == "nominal" else "varied_minutes_median"
    found: dict[str, dict[str, Any] | None] = {}
    for kind in ("open loop", "feedback"):
        # speed that is bought with violations does not count (docs/decisions/0012)
        safe = [r for r in rows if r["kind"] == kind and r[f"{which}_violations"] == 0 and np.isfinite(r[column])]
        found[kind] = min(safe, key=lambda row: float(row[column])) if safe else None
    return found


def _describe_fastest(found: dict[str, dict[str, Any] | None], column: str) -> str:
    """Describe the fastest safe controller of each kind in words."""
    words = []
    for kind, row in found.items():
        if row is None:
            words.append(f"no {kind} controller keeps all limits")
        else:
            words.append(f"the fastest safe {kind} is {label_controller(row['controller'])} with {row[column]:.1f} min")
    return " and ".join(words)
