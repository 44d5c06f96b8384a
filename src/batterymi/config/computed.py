"""Computed sets that a study of measured compositions may learn from beside its own rows."""

from pydantic import Field

from batterymi.config.models import CrossValidated
from batterymi.config.parts import Name, Strict

# of computed properties by composition; one model is enough, since only what it predicts is taken on
METHOD = CrossValidated(models=("dummy", "ridge", "histogram_boosting"), folds=5)
LEARNER = "histogram_boosting"
DESCRIPTORS = ("magpie", "element_fractions")  # of formulas


class ComputedSets(Strict):
    """Whether models gain by what computed sets say of a composition; made by `snakemake computed_sets`."""

    formula: Name = Field(description="Column with the formulas of the rows, which hold lithium.")
    partitions: int = Field(5, ge=2, le=50, description="Random partitions into folds, each compared by its own job.")
