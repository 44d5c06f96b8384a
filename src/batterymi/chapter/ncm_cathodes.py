"""The chapter's recipe for Ni-Co-Mn cathodes (section 4.4.3), written from its description."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.chapter.facts import Fact, as_plain_data
from batterymi.chapter.search import maximise_with_skopt
from batterymi.evaluators.ncm_formulas import compute_outcomes

BOUNDS = ((0.60, 0.95), (0.02, 0.30))  # of Ni and Co; Mn is the rest
CALLS = 40
WEIGHTS = (0.4, 0.3, 0.3)  # of capacity, a tenth of the cycle life, and thermal stability
LIMIT_C, PENALTY_PER_C = 250.0, 10.0
IMPOSSIBLE = -1e6  # for more Ni and Co than there are sites
NCM622_CO = 0.2
TEXT_COMPOSITION = (0.85, 0.08)  # section 4.4.4
POINTS = 701  # of the scan for the largest score, along each axis


def run_recipe(table: pd.DataFrame | None) -> dict[str, Any]:
    """Search for the largest weighted sum of three formulas over Ni and Co, with 40 evaluations.

    Below 250 °C of thermal stability the score falls by 10 a degree, and it is -1e6 where Mn would be negative.

    Args:
        table: not used, as the chapter has formulas instead.
    """
    ni, co = (np.linspace(*span, POINTS) for span in BOUNDS)
    scan = compute_score(ni[:, None], co[None, :])
    # the scan has the corners of the box, so that nothing is lost if the largest score lies there
    found = maximise_with_skopt(_score_design, BOUNDS, CALLS, float(scan.max()))
    ni_best, co_best = found.design
    return {
        "optimum": _describe_composition(ni_best, co_best),
        "co_reduction_percent": 100 * (1 - co_best / NCM622_CO),
        "highest_thermal_stability_c": float(compute_outcomes(ni[:, None], co, 1 - ni[:, None] - co)[2].max()),
        "text_composition": _describe_composition(*TEXT_COMPOSITION),
        "calls": found.calls,
        "calls_made": found.calls_made,
        "arithmetic": as_plain_data(
            {
                "co_reduction_percent": Fact(
                    100 * (1 - TEXT_COMPOSITION[1] / NCM622_CO), "8 % of Co against the 20 % of NCM622"
                ),
                "mn": Fact(1 - sum(TEXT_COMPOSITION), "what 85 % of Ni and 8 % of Co leave"),
            }
        ),
    }


def compute_score(ni: Array, co: Array) -> Array:
    """Return the chapter's score of compositions, of the shape that Ni and Co broadcast to."""
    mn = 1 - ni - co
    capacity, life, stability = compute_outcomes(ni, co, mn)
    score = WEIGHTS[0] * capacity + WEIGHTS[1] * life / 10 + WEIGHTS[2] * stability
    score = score - PENALTY_PER_C * np.maximum(LIMIT_C - stability, 0.0)
    return np.where((mn < 0) | (mn > 1), IMPOSSIBLE, score)


def _score_design(design: Sequence[float]) -> float:
    """Return the score of one composition."""
    return float(compute_score(np.array(design[0]), np.array(design[1])))


def _describe_composition(ni: float, co: float) -> dict[str, float]:
    """Return a composition with what the formulas give for it."""
    mn = 1 - ni - co
    capacity, life, stability = (float(value) for value in compute_outcomes(*map(np.asarray, (ni, co, mn))))
    outcomes = {"capacity_mah_g": capacity, "cycle_life": life, "thermal_stability_c": stability}
    return {"ni": ni, "co": co, "mn": mn, **outcomes}
