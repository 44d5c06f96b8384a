"""Outcomes of an electrolyte's composition: conductivity from a model, stability from formation energies."""

from batterymi.vocabulary.stability import PARTNERS

CONDUCTIVITY = "log10_conductivity"
CHANCE = "probability_beyond"  # that the conductivity lies above a threshold
# names that objectives of such a study have, with their units
OUTCOMES = {
    CONDUCTIVITY: "log10(S/cm)",
    CHANCE: "1",
    **dict.fromkeys(("v_reduction", "v_oxidation"), "V"),
    **dict.fromkeys(("e_lithium", *(f"e_{partner}" for partner in PARTNERS)), "eV/atom"),
}
