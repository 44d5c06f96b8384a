"""How distances of NASICON compositions from the hull are predicted."""

from batterymi.config.models import CrossValidated

METHOD = CrossValidated(
    models=("dummy", "ridge", "nearest_composition", "histogram_boosting"),
    folds=5,
    criterion="absolute",
)
DESCRIPTORS = {"magpie": "Magpie statistics", "element_fractions": "Element fractions"}  # of the formula, with labels
# meV/atom: the few values beyond are failed calculations, up to 8 eV/atom
RANGE = (-300.0, 300.0)
GROUPINGS = {
    "cation_set": "all elements but oxygen together",
    "metal_set": "metals of the framework together, whatever Na and polyanions",
}  # what never straddles training and test, from the usual to the stricter
PARTITIONS = 5
BOOTSTRAPS = 2000
SEED = 42
