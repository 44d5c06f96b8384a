"""The stage `judge_claims`: the chapter's numbers on fast charging held against the arena."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.files import read_frame, write_csv
from batterymi.reporting.claims import compare_with_claim, read_claims
from batterymi.vocabulary.controllers import label

Row = pd.Series


@dataclass(frozen=True)
class Witness:
    """What measures a claim.

    Attributes:
        measure: the number, or None where this run does not have it.
        tolerance: how far it may be from the claim, where the chapter's table of claims names none.
        reason: what was measured, in words.
    """

    measure: Callable[["Findings"], float | None]
    tolerance: float
    reason: str


@dataclass(frozen=True)
class Findings:
    """What the claims are held against.

    Attributes:
        charges: nominal charges of one cell at one temperature on the DFN, one row per controller.
        best: the fastest of those that keep all limits and read nothing that a charger cannot see, or None.
    """

    charges: pd.DataFrame
    best: Row | None

    def of(self, controller: str, column: str) -> float | None:
        """A number of one controller."""
        rows = self.charges[self.charges["controller"] == controller]
        return None if rows.empty else _finite(float(rows[column].iloc[0]))

    def of_best(self, column: str) -> float | None:
        """A number of the fastest safe controller."""
        return None if self.best is None else _finite(float(self.best[column]))

    def loss_per_1000(self, controller: str | None) -> float | None:
        """Percent of the capacity lost in 1000 such charges, if each took as much as the first."""
        lost = self.of_best("lost_percent") if controller is None else self.of(controller, "lost_percent")
        return None if lost is None else 1000 * lost

    def improvement(self) -> float | None:
        """Percent by which the fastest safe charge loses less than 1C."""
        ours, usual = self.loss_per_1000(None), self.loss_per_1000("cc_cv_1c")
        return None if ours is None or not usual else 100 * (1 - ours / usual)


UNFITTED = "losses of one charge of the fresh cell times 1000; degradation parameters are not fitted to any cell"
WITNESSES: dict[str, Witness] = {
    "fc_time": Witness(lambda f: f.of_best("minutes"), 0.5, "the fastest safe charge from 10 %"),
    "fc_time_experiment": Witness(lambda f: f.of_best("minutes"), 0.5, "the fastest safe charge from 10 %"),
    "fc_target": Witness(lambda f: f.of_best("minutes"), 0.5, "the fastest safe charge from 10 %"),
    "fc_temperature": Witness(lambda f: f.of_best("temperature_max_c"), 2.0, "highest temperature of that charge"),
    "fc_degradation": Witness(lambda f: f.loss_per_1000(None), 0.3, UNFITTED),
    "fc_degradation_usual": Witness(lambda f: f.loss_per_1000("cc_cv_1c"), 1.0, f"CC-CV at 1C; {UNFITTED}"),
    "fc_improvement": Witness(lambda f: f.improvement(), 5.0, f"the fastest safe charge beside 1C; {UNFITTED}"),
    "fc_phases_time": Witness(
        lambda f: f.of("chapter_phases", "minutes"),
        0.5,
        "the four phases as the text has them, 5C to 20 %, 3C to 50 %, 1.5C to 70 %, 0.5C to 80 %, from 10 %",
    ),
}
for _key in ("standard", "fast", "optimized"):
    WITNESSES[f"fc_{_key}_time"] = Witness(
        lambda f, key=_key: f.of(f"chapter_{key}", "minutes"),  # type: ignore[misc]
        0.5,
        "from 10 %; the chapter's C-rate adds 0.01 of SOC per minute instead of 1/60",
    )
    WITNESSES[f"fc_{_key}_temperature"] = Witness(
        lambda f, key=_key: f.of(f"chapter_{key}", "temperature_max_c"),  # type: ignore[misc]
        2.0,
        "highest temperature; the chapter's model never cools",
    )


def judge_claims(
    claims_path: str,
    charges_path: str,
    map_paths: Sequence[str],
    csv_path: str,
    *,
    cell: str,
    condition: str,
) -> None:
    """Hold the chapter's numbers against nominal charges and the feasibility map.

    Args:
        claims_path: the chapter's claims.
        charges_path: all charges of the arena.
        map_paths: the feasibility map, one file per cell.
        csv_path: CSV to write: claim, measurement, verdict and reason.
        cell: whose charges are taken.
        condition: at which temperature.
    """
    charges = read_frame(charges_path)
    findings = find(charges[(charges["cell"] == cell) & (charges["condition"] == condition)])
    fast_map = pd.concat([read_frame(path) for path in map_paths], ignore_index=True)
    claims = read_claims(claims_path)
    rows = [
        hold_claim(claim, findings, fast_map, f"{cell}, {condition}")
        for claim in claims[claims["id"].isin(WITNESSES)].to_dict("records")
    ]
    write_csv(csv_path, pd.DataFrame(rows))


def find(charges: pd.DataFrame) -> Findings:
    """The nominal charges of one cell at one temperature; of an agent's seeds the median.

    Args:
        charges: flagged charges, with `capacity_ah`.
    """
    nominal = charges[(charges["model"] == "DFN") & (charges["scenario"] < 0)]
    nominal = nominal.assign(lost_percent=nominal["capacity_lost_mah"] / nominal["capacity_ah"] / 10)
    columns = ["minutes", "temperature_max_c", "lost_percent"]
    grouped = nominal.groupby("controller", sort=False)
    rows = grouped[columns].median().assign(violates=grouped["violates"].max()).reset_index()
    safe = rows[~rows["violates"].astype(bool) & np.isfinite(rows["minutes"]) & (rows["controller"] != "oracle")]
    best = safe.loc[safe["minutes"].idxmin()] if len(safe) else None
    return Findings(rows, best)


def hold_claim(claim: dict[Any, Any], findings: Findings, fast_map: pd.DataFrame, where: str) -> dict[str, Any]:
    """One claim beside what was measured.

    Args:
        claim: a row of the chapter's claims.
        findings: nominal charges.
        fast_map: the feasibility map.
        where: cell and temperature, for the reason.
    """
    witness = WITNESSES[claim["id"]]
    found = witness.measure(findings)
    tolerance = claim["tolerance"] if np.isfinite(claim["tolerance"]) else witness.tolerance
    reason = f"{where}, DFN: {witness.reason}"
    if "fastest safe" in witness.reason and findings.best is not None:
        reason += f" ({label(findings.best['controller'])})"
    if claim["id"] in ("fc_time", "fc_target"):
        reason += f"; {_elsewhere(fast_map)}"
    return {
        "id": claim["id"],
        "section": claim["section"],
        "quantity": claim["quantity"],
        "claimed": claim["value"],
        "measured": found,
        "unit": claim["unit"],
        "tolerance": tolerance,
        "verdict": compare_with_claim(found, claim["value"], tolerance),
        "reason": reason if found is not None else f"not in this run: {reason}",
    }


def _elsewhere(fast_map: pd.DataFrame) -> str:
    """Where the wanted time is feasible."""
    met = fast_map[fast_map["feasible"].astype(bool)]
    places = "; ".join(f"{r['cell']} {r['start']} {r['minutes']:.1f} min" for r in met.to_dict("records"))
    return f"the map finds it feasible for: {places}" if places else "the map finds it feasible nowhere"


def _finite(value: float) -> float | None:
    """A number, or None where there is none."""
    return value if np.isfinite(value) else None
