"""The chapter's numbers on fast charging, compared with the arena's charges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.reporting.claims import compare_with_claim
from batterymi.vocabulary.controllers import label_controller

Row = pd.Series


@dataclass(frozen=True)
class Findings:
    """What the claims are compared with.

    Attributes:
        charges: nominal charges of one cell at one temperature on the DFN, one row per controller.
        best: the fastest of those that keep all limits and use only what a charger can measure, or None.
    """

    charges: pd.DataFrame
    best: Row | None

    def read(self, controller: str, column: str) -> float | None:
        """Return a number of one controller."""
        rows = self.charges[self.charges["controller"] == controller]
        return None if rows.empty else _drop_nan(float(rows[column].iloc[0]))

    def read_best(self, column: str) -> float | None:
        """Return a number of the fastest safe controller."""
        return None if self.best is None else _drop_nan(float(self.best[column]))

    def extrapolate_loss(self, controller: str | None) -> float | None:
        """Return the percentage of the capacity lost in 1000 such charges, if each took as much as the first."""
        lost = self.read_best("lost_percent") if controller is None else self.read(controller, "lost_percent")
        return None if lost is None else 1000 * lost

    def compute_improvement(self) -> float | None:
        """Return the percentage by which the fastest safe charge loses less than 1C."""
        ours, usual = self.extrapolate_loss(None), self.extrapolate_loss("cc_cv_1c")
        return None if ours is None or not usual else 100 * (1 - ours / usual)


@dataclass(frozen=True)
class ClaimCheck:
    """How a claim is measured.

    Attributes:
        measure: the number, or None where this run does not have it.
        tolerance: how far it may be from the claim, where the chapter's table of claims names none.
        reason: description of what was measured.
    """

    measure: Callable[[Findings], float | None]
    tolerance: float
    reason: str


UNFITTED = "losses of one charge of the fresh cell times 1000; degradation parameters are not fitted to any cell"
FASTEST = ClaimCheck(lambda f: f.read_best("minutes"), 0.5, "the fastest safe charge from 10 %")
PHASES = "the four phases as the text has them, 5C to 20 %, 3C to 50 %, 1.5C to 70 %, 0.5C to 80 %, from 10 %"
WRONG_RATE = "from 10 %; the chapter's C-rate adds 0.01 of SOC per minute instead of 1/60"
NEVER_COOLS = "highest temperature; the chapter's model never cools"


def _check_charge(controller: str, column: str, tolerance: float, reason: str) -> ClaimCheck:
    """Return the check of a claim about the charge of one controller."""
    return ClaimCheck(lambda f: f.read(controller, column), tolerance, reason)


CHECKS: dict[str, ClaimCheck] = {
    **dict.fromkeys(("fc_time", "fc_time_experiment", "fc_target"), FASTEST),
    "fc_temperature": ClaimCheck(lambda f: f.read_best("temperature_max_c"), 2.0, "highest temperature of that charge"),
    "fc_degradation": ClaimCheck(lambda f: f.extrapolate_loss(None), 0.3, UNFITTED),
    "fc_degradation_usual": ClaimCheck(lambda f: f.extrapolate_loss("cc_cv_1c"), 1.0, f"CC-CV at 1C; {UNFITTED}"),
    "fc_improvement": ClaimCheck(
        lambda f: f.compute_improvement(), 5.0, f"the fastest safe charge compared with 1C; {UNFITTED}"
    ),
    "fc_phases_time": _check_charge("chapter_phases", "minutes", 0.5, PHASES),
}
for _key in ("standard", "fast", "optimized"):
    CHECKS[f"fc_{_key}_time"] = _check_charge(f"chapter_{_key}", "minutes", 0.5, WRONG_RATE)
    CHECKS[f"fc_{_key}_temperature"] = _check_charge(f"chapter_{_key}", "temperature_max_c", 2.0, NEVER_COOLS)


def find_nominal(charges: pd.DataFrame) -> Findings:
    """Return the nominal charges of one cell at one temperature; of an agent's seeds the median.

    Args:
        charges: flagged charges, with `capacity_ah`.
    """
    nominal = charges[(charges["model"] == "DFN") & (charges["scenario"] < 0)]
    # mAh per Ah are thousandths, and a tenth of that number is percent
    nominal = nominal.assign(lost_percent=nominal["capacity_lost_mah"] / nominal["capacity_ah"] / 10)
    columns = ["minutes", "temperature_max_c", "lost_percent"]
    grouped = nominal.groupby("controller", sort=False)
    # one seed that violates a limit makes the agent unsafe, whatever its median
    rows = grouped[columns].median().assign(violates=grouped["violates"].max()).reset_index()
    # the oracle reads the plating margin, which no charger can measure
    safe = rows[~rows["violates"].astype(bool) & np.isfinite(rows["minutes"]) & (rows["controller"] != "oracle")]
    best = safe.loc[safe["minutes"].idxmin()] if len(safe) else None
    return Findings(rows, best)


def check_claim(claim: dict[Any, Any], findings: Findings, fast_map: pd.DataFrame, where: str) -> dict[str, Any]:
    """Return a claim beside what was measured.

    Args:
        claim: a row of the chapter's claims.
        findings: nominal charges.
        fast_map: the feasibility map.
        where: cell and temperature, for the reason.
    """
    check = CHECKS[claim["id"]]
    found = check.measure(findings)
    tolerance = claim["tolerance"] if np.isfinite(claim["tolerance"]) else check.tolerance
    reason = f"{where}, DFN: {check.reason}"
    if "fastest safe" in check.reason and findings.best is not None:
        reason += f" ({label_controller(findings.best['controller'])})"
    if claim["id"] in ("fc_time", "fc_target"):
        reason += f"; {_list_feasible(fast_map)}"
    return {
        **{key: claim[key] for key in ("id", "section", "quantity")},
        "claimed": claim["value"],
        "measured": found,
        "unit": claim["unit"],
        "tolerance": tolerance,
        "verdict": compare_with_claim(found, claim["value"], tolerance),
        "reason": reason if found is not None else f"not in this run: {reason}",
    }


def _list_feasible(fast_map: pd.DataFrame) -> str:
    """Say where the wanted time is feasible."""
    met = fast_map[fast_map["feasible"].astype(bool)]
    places = "; ".join(f"{r['cell']} {r['start']} {r['minutes']:.1f} min" for r in met.to_dict("records"))
    return f"in the map it is feasible for: {places}" if places else "in the map it is feasible nowhere"


def _drop_nan(value: float) -> float | None:
    """Return a number, or None where there is none."""
    return value if np.isfinite(value) else None
