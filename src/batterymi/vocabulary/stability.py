"""What stability is computed against, and the numbers that gates may use."""

CATHODES = {
    "licoo2": "LiCoO2",
    "li05coo2": "Li0.5CoO2",
    "linio2": "LiNiO2",
    "lifepo4": "LiFePO4",
    "limn2o4": "LiMn2O4",
}
PARTNERS = {**CATHODES, "water": "H2O"}  # columns by these names, as e_licoo2
FIRST_PARTNERS = ("licoo2", "water")  # that every formula is computed against
# of every formula; the others only of those that pass the first gates
QUICK_COLUMNS = (
    *("e_decomposition", "v_reduction", "v_oxidation", "e_lithium"),
    *(f"e_{name}" for name in FIRST_PARTNERS),
)
# of each formula, with their units
STABILITY_COLUMNS = {
    "e_decomposition": "eV/atom",
    **dict.fromkeys(("v_reduction", "v_oxidation", "sd_reduction", "sd_oxidation"), "V"),
    **dict.fromkeys(("v_reduction_without", "v_oxidation_without"), "V"),
    **dict.fromkeys(("e_lithium", *(f"e_{partner}" for partner in PARTNERS)), "eV/atom"),
}
