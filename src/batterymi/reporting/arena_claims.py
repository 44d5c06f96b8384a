"""The chapter's numbers on fast charging, compared with the arena's charges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.reporting.claims import Claim
from batterymi.reporting.claims_table import make_row
from batterymi.reporting.objections import LOSS_OF_A_CHARGE
from batterymi.reporting.pointers import Found
from batterymi.vocabulary.controllers import label_controller

PLACE = "arena"
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
class ArenaMeasure:
    """How the arena measures what a claim is about.

    Attributes:
        measure: the number, or None where this run does not have it.
        how: description of what was measured.
        objection: why no verdict may rest on it, or empty.
        of_best: whether it is of the fastest safe controller, which the text then names.
        shows_map: whether the feasibility map answers the claim too.
    """

    measure: Callable[[Findings], float | None]
    how: str
    objection: str = ""
    of_best: bool = False
    shows_map: bool = False


UNFITTED = (
    "losses of one charge of the fresh cell times 1000, with degradation parameters that are not fitted to any cell"
)
FASTEST = ArenaMeasure(
    lambda f: f.read_best("minutes"), "the fastest safe charge from 10 %", of_best=True, shows_map=True
)
PHASES = "the four phases as the text has them, 5C to 20 %, 3C to 50 %, 1.5C to 70 %, 0.5C to 80 %, from 10 %"


def _read_charge(controller: str, column: str, how: str) -> ArenaMeasure:
    """Return the measure of the charge of one controller."""
    return ArenaMeasure(lambda f: f.read(controller, column), how)


MEASURES: dict[str, ArenaMeasure] = {
    **dict.fromkeys(("fc_time", "fc_target"), FASTEST),
    "fc_temperature": ArenaMeasure(
        lambda f: f.read_best("temperature_max_c"), "highest temperature of the fastest safe charge", of_best=True
    ),
    "fc_degradation": ArenaMeasure(lambda f: f.extrapolate_loss(None), UNFITTED, LOSS_OF_A_CHARGE),
    "fc_degradation_usual": ArenaMeasure(
        lambda f: f.extrapolate_loss("cc_cv_1c"), f"CC-CV at 1C; {UNFITTED}", LOSS_OF_A_CHARGE
    ),
    "fc_improvement": ArenaMeasure(
        lambda f: f.compute_improvement(), f"the fastest safe charge compared with 1C; {UNFITTED}", LOSS_OF_A_CHARGE
    ),
    "fc_phases_time": _read_charge("chapter_phases", "minutes", PHASES),
}
for _key in ("standard", "fast", "optimized"):
    MEASURES[f"fc_{_key}_time"] = _read_charge(f"chapter_{_key}", "minutes", "the nominal charge")
    MEASURES[f"fc_{_key}_temperature"] = _read_charge(f"chapter_{_key}", "temperature_max_c", "the nominal charge")


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


def check_claim(claim: Claim, findings: Findings, fast_map: pd.DataFrame, where: str) -> dict[str, Any]:
    """Compare a claim with the arena.

    Args:
        claim: one of those in `MEASURES`.
        findings: nominal charges of one cell at one temperature.
        fast_map: the feasibility map.
        where: the cell and its temperature, for the reason.

    Returns:
        The row of the claim as in claims.csv, with how its number was found and what speaks against using it.
    """
    known = MEASURES[claim.id]
    value, how = known.measure(findings), f"{where}, DFN: {known.how}"
    if known.of_best and findings.best is not None:
        how += f", by {label_controller(findings.best['controller'])}"
    if known.shows_map:
        how += f"; {_list_feasible(fast_map)}"
    numbers = [] if value is None else [Found(value, how=how, place=PLACE, objection=known.objection)]
    return make_row(claim, None, numbers) | {"how": how, "objection": known.objection}


def _list_feasible(fast_map: pd.DataFrame) -> str:
    """Say where the wanted time is feasible."""
    met = fast_map[fast_map["feasible"].astype(bool)]
    places = "; ".join(f"{r['cell']} {r['start']} {r['minutes']:.1f} min" for r in met.to_dict("records"))
    return f"in the map it is feasible for: {places}" if places else "in the map it is feasible nowhere"


def _drop_nan(value: float) -> float | None:
    """Return a number, or None where there is none."""
    return value if np.isfinite(value) else None
