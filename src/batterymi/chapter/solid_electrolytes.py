"""The chapter's recipe for solid electrolytes (section 4.1.3), written from its description."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.chapter.facts import Fact, as_plain_data
from batterymi.chapter.search import SEED, find_largest_prediction, maximise_with_skopt
from batterymi.features.formulas import parse_formula

COLUMNS = ["li_vacancy", "lattice_volume_a3", "activation_energy_ev"]
TARGET = "log10_conductivity"
BOUNDS = ((0.05, 0.25), (380.0, 550.0), (0.15, 0.40))
CALLS = 30
NEW_MATERIAL = "Li6.75P2.75S10.5Cl0.5"  # section 4.1.4
PREDICTED_MS_CM, MEASURED_MS_CM = 2.5, 2.1
CHARGES = {"Li": 1, "P": 5, "S": -2, "Cl": -1}  # of thiophosphates


def run_recipe(table: pd.DataFrame) -> dict[str, Any]:
    """Fit gradient boosting to all five rows, score it on these, and search for the largest prediction.

    200 trees of depth 5; no row is held out. The search runs over the three features, the activation energy included,
    with 30 evaluations.

    Args:
        table: the chapter's five materials.
    """
    from sklearn.ensemble import GradientBoostingRegressor

    rows, target = table[COLUMNS].to_numpy(float), table[TARGET].to_numpy(float)
    model = GradientBoostingRegressor(n_estimators=200, max_depth=5, random_state=SEED).fit(rows, target)
    found = maximise_with_skopt(
        lambda design: float(model.predict(np.array([design]))[0]),
        BOUNDS,
        CALLS,
        find_largest_prediction(model, rows, BOUNDS),
    )
    return {
        "training_r2": float(model.score(rows, target)),
        "optimum": dict(zip(COLUMNS, found.design, strict=True)),
        "optimum_conductivity_s_cm": 10**found.value,
        "calls": found.calls,
        "calls_made": found.calls_made,
        "arithmetic": as_plain_data(compute_arithmetic()),
    }


def compute_arithmetic() -> dict[str, Fact]:
    """Return what follows from the numbers that section 4.1.4 states of its new material."""
    error = 100 * (PREDICTED_MS_CM - MEASURED_MS_CM)
    charge = sum(amount * CHARGES[symbol] for symbol, amount in parse_formula(NEW_MATERIAL).items())
    return {
        "error_percent": Fact(error / MEASURED_MS_CM, "predicted less measured, over measured"),
        "error_of_prediction_percent": Fact(error / PREDICTED_MS_CM, "predicted less measured, over predicted"),
        "net_charge": Fact(charge, "Li +1, P +5, S -2, Cl -1, times the amounts of the formula"),
    }
