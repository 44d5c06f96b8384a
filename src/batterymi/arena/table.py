"""The arena's tables: each controller on each cell at each temperature, and controllers in pairs."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arena.statistics import compute_paired_difference, compute_share_interval
from batterymi.arrays import Array
from batterymi.charging.limits import KINDS
from batterymi.statistics.labels import label_interval
from batterymi.vocabulary.controllers import order_controllers

KEYS = ["cell", "condition"]
SORTED_BY = ["cell", "condition", "controller", "seed", "model", "scenario"]


def flag_violations(charges: pd.DataFrame) -> pd.DataFrame:
    """Add `unfinished`, `breaks_any` and `violates`: a limit is violated, or the charge was not finished."""
    unfinished = ~np.isfinite(charges["minutes"].to_numpy(float))
    broken = np.asarray(charges[[f"breaks_{kind}" for kind in KINDS]].to_numpy(bool).any(axis=1))
    return charges.assign(unfinished=unfinished, breaks_any=broken, violates=broken | unfinished)


def select_held_out(charges: pd.DataFrame) -> pd.DataFrame:
    """Return the charges of the held-out scenarios on the reference model."""
    # the nominal scenario has a negative number and is not part of the statistics
    return charges[(charges["model"] == "DFN") & (charges["scenario"] >= 0)]


def pivot_by_seed(charges: pd.DataFrame, column: str) -> Array:
    """Pivot one column of one controller's charges to shape (n_seeds, n_scenarios)."""
    return charges.pivot(index="seed", columns="scenario", values=column).to_numpy(float)


def assign_costs(
    charges: pd.DataFrame, costs: Iterable[tuple[str, str | None, str, float]]
) -> dict[tuple[str, str, str], float]:
    """Return CPU seconds of tuning or training, by cell, condition and controller; those of an agent's seeds add up.

    Args:
        charges: give the cells and the temperatures.
        costs: cell, temperature (None for all), controller and seconds.
    """
    assigned: dict[tuple[str, str, str], float] = {}
    for cell, condition, controller, seconds in costs:
        of_cell = charges.loc[charges["cell"] == cell, "condition"].unique()
        for start in of_cell if condition is None else [condition]:
            key = (cell, str(start), controller)
            assigned[key] = assigned.get(key, 0.0) + seconds
    return assigned


def make_table(charges: pd.DataFrame, cpu_s: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    """Make the table with one row per cell, temperature and controller.

    Args:
        charges: flagged charges of all jobs.
        cpu_s: CPU seconds of tuning or training, by cell, condition and controller.

    Returns:
        Minutes (median and quartiles of the finished charges), shares with 95 % intervals, extremes, lithium plated at
        the end, capacity lost in the charge alone, CPU minutes and milliseconds per decision.
    """
    rows = []
    for (cell, condition), part in select_held_out(charges).groupby(KEYS, sort=False):
        for name in order_controllers(list(part["controller"].unique())):
            mine = part[part["controller"] == name]
            head = {"cell": cell, "condition": condition, "controller": name}
            trained = cpu_s.get((str(cell), str(condition), name), 0.0)
            rows.append(
                head
                | _summarise_controller(mine)
                | {"tuning_cpu_min": trained / 60}
                | _summarise_nominal(charges, head)
            )
    return pd.DataFrame(rows)


def _summarise_controller(mine: pd.DataFrame) -> dict[str, Any]:
    """Summarise one controller over its scenarios and seeds."""
    minutes = mine["minutes"].to_numpy(float)
    # an unfinished charge has no time to count; a share of its own counts it
    finished = minutes[np.isfinite(minutes)]
    quartiles = np.percentile(finished, [25, 50, 75]) if len(finished) else [np.nan] * 3
    return {
        "seeds": mine["seed"].nunique(),
        "scenarios": mine["scenario"].nunique(),
        "minutes_median": quartiles[1],
        "minutes_q1": quartiles[0],
        "minutes_q3": quartiles[2],
        **label_interval(
            "violations", mine["violates"].mean(), compute_share_interval(pivot_by_seed(mine, "violates"))
        ),
        **{f"share_{kind}": mine[f"breaks_{kind}"].mean() for kind in KINDS},
        "share_unfinished": mine["unfinished"].mean(),
        "margin_min_mv": mine["plating_margin_mv"].min(),
        "temperature_max_c": mine["temperature_max_c"].max(),
        "voltage_max_v": mine["voltage_max_v"].max(),
        "plated_mah_median": mine["plated_mah"].median(),
        "capacity_lost_mah_median": mine["capacity_lost_mah"].median(),
        "ms_per_decision": mine["ms_per_decision"].median(),
    }


def _summarise_nominal(charges: pd.DataFrame, head: dict[str, Any]) -> dict[str, Any]:
    """Summarise the nominal charge on the reference model, median over the seeds."""
    mine = charges[(charges["model"] == "DFN") & (charges["scenario"] < 0)]
    for key, value in head.items():
        mine = mine[mine[key] == value]
    return {
        "nominal_minutes": mine["minutes"].median(),
        "nominal_margin_mv": mine["plating_margin_mv"].min(),
        "nominal_violates": mine["violates"].mean(),
    }


def compare_pairs(charges: pd.DataFrame) -> pd.DataFrame:
    """Compare all controllers in pairs: paired minutes over the same scenarios.

    Args:
        charges: flagged charges of all jobs.

    Returns:
        Mean difference in minutes (negative: `controller` is faster), its 95 % interval, and a verdict.
    """
    rows = []
    for (cell, condition), part in select_held_out(charges).groupby(KEYS, sort=False):
        names = order_controllers(list(part["controller"].unique()))
        minutes = {name: pivot_by_seed(part[part["controller"] == name], "minutes") for name in names}
        shares = {name: float(part.loc[part["controller"] == name, "violates"].mean()) for name in names}
        for name, rival in itertools.permutations(names, 2):
            gain, low, high, n = compute_paired_difference(minutes[name], minutes[rival])
            rows.append(
                {
                    "cell": cell,
                    "condition": condition,
                    "controller": name,
                    "other": rival,
                    "minutes_gained": gain,
                    "lower": low,
                    "upper": high,
                    "scenarios": n,
                    "left_out": minutes[name].shape[1] - n,
                    "violations": shares[name],
                    "violations_of_other": shares[rival],
                    "verdict": choose_verdict(low, high, shares[name], shares[rival]),
                }
            )
    return pd.DataFrame(rows)


def choose_verdict(lower: float, upper: float, broken: float, rival_broken: float) -> str:
    """Return the verdict on a paired difference in minutes; violating limits never counts as better.

    Args:
        lower: of the interval of our minutes less theirs.
        upper: of the same.
        broken: share of our charges outside the limits.
        rival_broken: theirs.
    """
    if not np.isfinite(lower):
        return "not comparable: too few scenarios that both finish"
    if lower > 0:
        return "slower" if broken >= rival_broken or broken > 0 else "slower, and within all limits"
    # an interval that includes zero does not show a gain
    if upper >= 0:
        return "not better"
    # speed that is bought with violations does not count (docs/decisions/0012)
    if broken > 0 and rival_broken == 0:
        return "not better: faster by breaking limits that the other keeps"
    return "faster" if broken == 0 else "faster, where both break limits"


def measure_discrepancy(charges: pd.DataFrame) -> pd.DataFrame:
    """Compare the same charges on the coarse and on the reference model: who keeps limits on one and not on the other.

    Args:
        charges: flagged charges of all jobs.

    Returns:
        Per cell, temperature and controller: shares outside the limits on both models, medians of their differences
        (DFN less SPMe), and a verdict.
    """
    keys = [*KEYS, "controller", "seed", "scenario"]
    coarse = charges[charges["model"] == "SPMe"].set_index(keys)
    fine = charges[charges["model"] == "DFN"].set_index(keys)
    # only some of the scenarios are charged on the SPMe too; the inner join keeps those
    both = coarse.join(fine, lsuffix="_spme", rsuffix="_dfn", how="inner").reset_index()
    rows = []
    for (cell, condition, name), part in both.groupby([*KEYS, "controller"], sort=False):
        # safe on the model that planners may use, unsafe on the reference model
        turned = part["violates_dfn"] & ~part["violates_spme"]
        margins = part["plating_margin_mv_dfn"] - part["plating_margin_mv_spme"]
        rows.append(
            {
                "cell": cell,
                "condition": condition,
                "controller": name,
                "charges": len(part),
                "violations_spme": part["violates_spme"].mean(),
                "violations_dfn": part["violates_dfn"].mean(),
                "safe_on_spme_only": turned.mean(),
                "margin_difference_mv_median": margins.median(),
                "margin_difference_mv_min": margins.min(),
                "minutes_difference_median": (part["minutes_dfn"] - part["minutes_spme"]).median(),
                "verdict": _describe_exploit(part["violates_spme"].mean(), float(turned.mean())),
            }
        )
    return pd.DataFrame(rows)


def _describe_exploit(broken_coarse: float, turned: float) -> str:
    """Describe whether a controller exploits the coarse model."""
    if turned == 0:
        return "breaks limits on both" if broken_coarse > 0 else "keeps all limits on both"
    return f"exploits the coarse model: {100 * turned:.0f} % of its charges keep limits on the SPMe and not on the DFN"
