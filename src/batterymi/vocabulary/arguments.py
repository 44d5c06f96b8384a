"""What arguments of descriptors are, by their names: the same in every function."""

FORMULAS = ("formula", "charged", "discharged", "cell_content")  # chemical formulas
STRUCTURES = ("structure",)  # paths of CIF files
