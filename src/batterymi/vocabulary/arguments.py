"""What arguments of descriptors are, by their names: the same in every function."""

FORMULAS = ("formula", "charged", "discharged", "cell_content")  # chemical formulas
STRUCTURES = ("structure",)  # paths of CIF files
GRAPH_COLUMN = "graph of sites"  # a column of objects, which only models of graphs take
