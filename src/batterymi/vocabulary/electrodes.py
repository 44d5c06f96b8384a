"""Working ions, oxidation states and polyanions of electrodes."""

MONOVALENT = ("Li", "Na", "K", "Rb", "Cs")
POLYANIONS = {
    "PO4": -3,
    "P2O7": -4,
    "SO4": -2,
    "SiO4": -4,
    "BO3": -3,
    "CO3": -2,
}  # charge of each
# lowest and highest oxidation states of metals between which a positive electrode works; from memory of textbooks, not
# of one source: a state beyond is no sign that a compound does not exist
REDOX_RANGES = {
    "Ti": (3, 4),
    "V": (2, 5),
    "Cr": (2, 4),
    "Mn": (2, 4),
    "Fe": (2, 4),
    "Co": (2, 4),
    "Ni": (2, 4),
    "Cu": (1, 3),
    "Nb": (3, 5),
    "Mo": (3, 6),
    "Ru": (3, 5),
    "W": (4, 6),
}
ELECTRODE_COLUMNS = {
    "capacity_mah_g": "mAh/g",
    "ions_released": "1",
    "electrons_per_metal": "1",
    "oxidation_state": "1",
    "listed": "1",
}  # numbers of a candidate electrode, with their units
