"""Which models of activation energies are compared, and how."""

from batterymi.config.models import CrossValidated

METHOD = CrossValidated(
    models=("dummy", "ridge", "extra_trees", "histogram_boosting", "support_vector", "blend"),
    folds=5,
    criterion="absolute",
    trees=200,
)
DESCRIPTORS = {"magpie": "Magpie statistics", "element_fractions": "Element fractions"}  # of the formula, with labels
