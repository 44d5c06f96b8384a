"""What measured room-temperature conductivities say of the chapter's numbers on solid electrolytes."""

import pandas as pd

from batterymi.chapter.facts import Fact, Predictor, describe_spread
from batterymi.chapter.solid_electrolytes import NEW_MATERIAL
from batterymi.data.loaders.base import make_composition_key

NAMED = {"li7p3s11": "Li7P3S11", "llzo": "Li7La3Zr2O12"}  # section 4.1.1


def look_up_facts(table: pd.DataFrame, model: Predictor) -> dict[str, Fact | None]:
    """Return the conductivities of the materials that the chapter names, and the prediction of its new one.

    Args:
        table: rows with `composition_key`, `doi` and `log10_conductivity`.
        model: one that needs nothing but compositions.

    Returns:
        log10 of conductivities in S/cm; measured ones with their range, None where the table has none,
        the predicted one with its 95 % interval.
    """
    facts: dict[str, Fact | None] = {}
    for name, formula in NAMED.items():
        rows = table[table["composition_key"] == make_composition_key(formula)]
        # a sample of the table may lack a compound, which is then unknown and no mistake of a claim
        facts[name] = None
        if len(rows):
            papers = rows["doi"].nunique()
            how = f"median and range of {formula} in OBELiX, from {papers} papers, at room temperature"
            facts[name] = describe_spread(rows["log10_conductivity"].to_numpy(float), how)
    mean, half_width = model.predict(pd.DataFrame({"composition": [NEW_MATERIAL]}))
    facts["new_material"] = Fact(
        float(mean[0]),
        "predicted from the composition, with the 95 % interval that applies to it",
        float(mean[0] - half_width[0]),
        float(mean[0] + half_width[0]),
        verdict=model.verdict,
    )
    return facts
