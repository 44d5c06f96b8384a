"""The chapter's recipe for carbon hosts of Li-S cathodes (section 4.2.3), written from its description."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.chapter.facts import Fact, as_plain_data
from batterymi.chapter.search import SEED, find_largest_prediction, maximise_with_skopt
from batterymi.features.capacity import FARADAY_MAH_MOL, compute_theoretical_capacity
from batterymi.features.pores import compute_sulfur_limit

COLUMNS = ["pore_size_nm", "surface_area_m2_g", "oh_groups_mmol_g", "sulfur_loading_wt"]
TARGET = "retention_percent"
BOUNDS = ((2.0, 10.0), (800.0, 3000.0), (0.5, 3.0), (50.0, 75.0))
CALLS = 25
# section 4.2.4 gives no surface area; this is that of the table's row with 3.5 nm
TEXT_MATERIAL = (3.5, 1500.0, 2.0, 68.0)
INITIAL_MAH_G, RETENTION_PERCENT = 1350.0, 90.0
EFFICIENCY_BEFORE, EFFICIENCY_AFTER, SUPPRESSION_PERCENT = 90.0, 99.2, 80.0
SWELLING = 0.8  # of sulfur on full lithiation to Li2S
ATOMS_OF_LI2S6 = 6  # of sulfur


def run_recipe(table: pd.DataFrame) -> dict[str, Any]:
    """Fit a random forest to five of eight rows, score it on the other three, and search for the largest prediction.

    100 trees; one random split with 30 % for testing; 25 evaluations within the bounds.

    Args:
        table: the chapter's eight hosts.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import train_test_split

    rows, target = table[COLUMNS].to_numpy(float), table[TARGET].to_numpy(float)
    train, test, train_target, test_target = train_test_split(rows, target, test_size=0.3, random_state=SEED)
    model = RandomForestRegressor(n_estimators=100, random_state=SEED).fit(train, train_target)
    most = find_largest_prediction(model, train, BOUNDS)
    found = maximise_with_skopt(lambda design: float(model.predict(np.array([design]))[0]), BOUNDS, CALLS, most)
    return {
        "test_rows": len(test),
        "mae": float(np.abs(model.predict(test) - test_target).mean()),
        "r2": float(model.score(test, test_target)),
        "importances": dict(zip(COLUMNS, map(float, model.feature_importances_), strict=True)),
        "optimum": dict(zip(COLUMNS, found.design, strict=True)),
        "optimum_retention_percent": found.value,
        "largest_prediction_percent": most,
        "text_material_retention_percent": float(model.predict(np.array([TEXT_MATERIAL]))[0]),
        "calls": found.calls,
        "calls_made": found.calls_made,
        "arithmetic": as_plain_data(compute_arithmetic(table, found.design)),
    }


def compute_arithmetic(table: pd.DataFrame, optimum: Sequence[float]) -> dict[str, Fact]:
    """Return what follows from stated numbers, from the table's rows, and from the volume of pores.

    Args:
        table: the chapter's eight hosts.
        optimum: the design that the search found, in the order of `COLUMNS`.
    """
    sulfur, lco = compute_theoretical_capacity("S", 2), compute_theoretical_capacity("LiCoO2", 1)
    pore, area, _, _ = optimum
    narrow = table[table["pore_size_nm"] == TEXT_MATERIAL[0]].iloc[0].to_dict()
    same = table[(table["oh_groups_mmol_g"] == TEXT_MATERIAL[2]) & (table["sulfur_loading_wt"] == TEXT_MATERIAL[3])]
    leaks = [100 - efficiency for efficiency in (EFFICIENCY_BEFORE, EFFICIENCY_AFTER)]
    return {
        "capacity_mah_g": Fact(sulfur, "2 F per mole of S"),
        "times_lco": Fact(sulfur / lco, "2 F per mole of S over 1 F per mole of LiCoO2, by mass"),
        "capacity_after_mah_g": Fact(INITIAL_MAH_G * RETENTION_PERCENT / 100, "1,350 mAh/g times 90 %"),
        "suppression_percent": Fact(100 * (1 - leaks[1] / leaks[0]), "share by which the charge lost a cycle falls"),
        "efficiency_percent": Fact(100 - leaks[0] * (1 - SUPPRESSION_PERCENT / 100), "90 %, and a loss 80 % smaller"),
        "oh_share_percent": _compute_oh_share(),
        "optimum_sulfur_limit_wt": Fact(
            float(compute_sulfur_limit(pore, area)), "sulfur that cylindrical pores of the optimum can hold"
        ),
        "optimum_swollen_sulfur_limit_wt": Fact(
            float(compute_sulfur_limit(pore, area, SWELLING)),
            "sulfur that pores of the optimum can hold, with room for the 80 % that it swells",
        ),
        "text_sulfur_limit_wt": Fact(
            float(compute_sulfur_limit(*TEXT_MATERIAL[:2])), "sulfur that pores of 3.5 nm and 1500 m2/g can hold"
        ),
        "text_swollen_sulfur_limit_wt": Fact(
            float(compute_sulfur_limit(*TEXT_MATERIAL[:2], SWELLING)),
            "sulfur that pores of 3.5 nm and 1500 m2/g can hold, with room for the 80 % that it swells",
        ),
        "row_3_5_nm_retention_percent": Fact(float(narrow[TARGET]), "row of the table with 3.5 nm"),
        "row_3_5_nm_sulfur_wt": Fact(float(narrow["sulfur_loading_wt"]), "row of the table with 3.5 nm"),
        "row_3_5_nm_oh_mmol_g": Fact(float(narrow["oh_groups_mmol_g"]), "row of the table with 3.5 nm"),
        "row_68_wt_pore_nm": Fact(
            float(same["pore_size_nm"].iloc[0]), "row of the table with 2.0 mmol/g of OH groups and 68 wt% of sulfur"
        ),
    }


def _compute_oh_share() -> Fact:
    """Return the most of the polysulfides that the OH groups of the text's material can bind, one on each."""
    _, _, groups_mmol_g, sulfur_wt = TEXT_MATERIAL
    mol_per_gram = compute_theoretical_capacity("S", 1) / FARADAY_MAH_MOL
    sulfur_mmol_g = 1000 * sulfur_wt / (100 - sulfur_wt) * mol_per_gram
    share = 100 * groups_mmol_g * ATOMS_OF_LI2S6 / sulfur_mmol_g
    return Fact(share, "2.0 mmol of OH groups over the Li2S6 of 68 wt% of sulfur, per gram of carbon")
