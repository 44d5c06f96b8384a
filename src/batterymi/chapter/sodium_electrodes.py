"""What computed voltages say of the cathodes that the chapter names, with their capacity and the balance of charges."""

import pandas as pd

from batterymi.chapter.facts import Fact, Predictor, describe_spread
from batterymi.chapter.sodium_ion import FORMULAS
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.features.charge_balance import compute_imbalance
from batterymi.features.extraction import find_extraction
from batterymi.features.formulas import identify_compositions, parse_formula, parse_formulas
from batterymi.vocabulary.splits import SPLIT, TRAIN

ION = "Na"


def look_up_facts(table: pd.DataFrame, model: Predictor) -> dict[str, Fact | None]:
    """Return what is known of each cathode by its name: voltage, capacity, specific energy and balance of charges.

    Args:
        table: rows with charged, discharged, ion and voltage_v.
        model: one that takes both formulas and the ion.

    Returns:
        For each name `<name>_voltage_v` (predicted vs Na/Na+, with its 95 % interval), `<name>_computed_v` (DFT
        voltages of the rows with that discharged composition, None without one), `<name>_capacity_mah_g` (theoretical,
        of the Na that the metals' oxidation states let go), `<name>_energy_wh_kg` (of the material) and
        `<name>_imbalance` (charge that common oxidation states leave over, as a share of all positive charge).
    """
    facts: dict[str, Fact | None] = {}
    own = table[(table["ion"] == ION) & (table[SPLIT] == TRAIN)]
    compositions = identify_compositions(own["discharged"])
    for name, (formula, working) in FORMULAS.items():
        extraction = find_extraction(parse_formulas([formula]), ION, 1.0)
        charged, ions = extraction.charged[0], float(extraction.ions[0])
        pair = f"{formula} to {charged}, {ions:g} of {working:g} Na that the chapter's capacity counts"
        design = pd.DataFrame({"charged": [charged], "discharged": [formula], "ion": [ION]})
        mean, half_width = (float(values[0]) for values in model.predict(design))
        capacity = compute_theoretical_capacity(formula, ions)
        how = f"predicted for {pair}, with the 95 % interval that applies to it; its structure is no input"
        facts[f"{name}_voltage_v"] = Fact(mean, how, mean - half_width, mean + half_width, verdict=model.verdict)
        key = identify_compositions([formula])[0]
        same = own[[other == key for other in compositions]]
        facts[f"{name}_computed_v"] = None
        if len(same):
            how = f"median and range of computed voltages of {formula}, to any charged formula"
            facts[f"{name}_computed_v"] = describe_spread(same["voltage_v"].to_numpy(float), how)
        facts[f"{name}_capacity_mah_g"] = Fact(capacity, f"one electron per metal at most: {pair}")
        facts[f"{name}_energy_wh_kg"] = Fact(
            mean * capacity,
            "product of both, of the material alone",
            (mean - half_width) * capacity,
            (mean + half_width) * capacity,
            verdict=model.verdict,
        )
        imbalance = compute_imbalance(parse_formula(formula))
        facts[f"{name}_imbalance"] = Fact(imbalance, "0: charges balance with common oxidation states")
    return facts
