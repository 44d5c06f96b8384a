"""The chapter's recipe for Na-ion cathodes (section 4.5.3), written from its description."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.chapter.facts import Fact, as_plain_data
from batterymi.chapter.search import SEED
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.features.electrode import IONS

CODES = {"O3": 0, "P2": 1, "NASICON": 2}  # structure types as numbers in an order that they do not have
NEW_MATERIALS = {"p2": ("P2", 3.1), "nvp": ("NASICON", 3.4), "o3": ("O3", 3.0)}  # with the voltages typed in for them
# formulas and the Na in them that can work; the last is the optimal material of section 4.5.4
FORMULAS = {
    "p2": ("Na0.7Fe0.5Mn0.5O2", 0.7),
    "nvp": ("Na3V2(PO4)3", 2),
    "o3": ("NaNi0.5Mn0.5O2", 1),
    "nvpf": ("Na3V2(PO4)2F3", 2),
}
COST_PERCENT = 70.0  # of a Li-ion cell
RADIUS = "six-coordinate radius (Shannon 1976, doi:10.1107/S0567739476001551)"


def run_recipe(table: pd.DataFrame) -> dict[str, Any]:
    """Fit a random forest of 100 trees to all five rows, and predict capacities of three other materials.

    Inputs are the structure type as a number, and the voltage. Energies are capacity times that voltage, in Wh/g.
    There is no transfer: R² before and after it are typed into a print statement.

    Args:
        table: the chapter's five cathodes.
    """
    from sklearn.ensemble import RandomForestRegressor

    rows = np.column_stack([table["structure_type"].map(CODES), table["avg_voltage_v"]]).astype(float)
    target = table["capacity_mah_g"].to_numpy(float)
    model = RandomForestRegressor(n_estimators=100, random_state=SEED).fit(rows, target)
    new = np.array([(CODES[structure], voltage) for structure, voltage in NEW_MATERIALS.values()], float)
    capacities = model.predict(new)
    return {
        "rows": len(rows),
        "training_r2": float(model.score(rows, target)),
        "capacity_mah_g": dict(zip(NEW_MATERIALS, map(float, capacities), strict=True)),
        "energy_wh_g": dict(zip(NEW_MATERIALS, map(float, capacities * new[:, 1] / 1000), strict=True)),
        "arithmetic": as_plain_data(compute_arithmetic()),
    }


def compute_arithmetic() -> dict[str, Fact]:
    """Return theoretical capacities, ionic radii, and what follows from the cost that section 4.5.4 states."""
    capacities = {
        f"most_{name}_mah_g": Fact(compute_theoretical_capacity(formula, ions), f"{ions:g} F per mole of {formula}")
        for name, (formula, ions) in FORMULAS.items()
    }
    return {
        **capacities,
        "cost_reduction_percent": Fact(100 - COST_PERCENT, "70 % of the cost of a Li-ion cell"),
        "radius_na": Fact(IONS["Na"][2], RADIUS),
        "radius_li": Fact(IONS["Li"][2], RADIUS),
    }
