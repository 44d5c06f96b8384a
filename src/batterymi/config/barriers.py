"""Which models of migration barriers are compared, and how."""

from batterymi.config.models import CrossValidated

METHOD = CrossValidated(
    models=("dummy", "ridge", "extra_trees", "histogram_boosting", "support_vector", "gaussian_process", "blend"),
    folds=5,
    criterion="absolute",
    # equal weights of families that err differently, as in the study of conductivities, with two more that are smooth
    blend=("extra_trees", "support_vector", *3 * ("histogram_boosting",), "gaussian_process"),
    trees=200,
)
