"""Which models a study compares, and how."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from batterymi.config.checks import check_models
from batterymi.config.names import MemberName, ModelName
from batterymi.config.parts import Name, Strict

DEFAULT_MODELS = ("dummy", "ridge", "gaussian_process", "random_forest", "extra_trees", "gradient_boosting")
# a repeated member gets another seed each time
DEFAULT_BLEND = ("histogram_boosting", "histogram_boosting", "histogram_boosting", "support_vector")

ComparedModels = Annotated[tuple[ModelName, ...], AfterValidator(check_models)]

DEFAULT_PARTITIONS = 5  # random partitions into folds


class CrossValidated(Strict):
    """What the held-out predictions of one partition into folds depend on."""

    models: ComparedModels = Field(DEFAULT_MODELS, description="Models to cross-validate, dummy and ridge among them.")
    folds: Literal["leave_one_out"] | Annotated[int, Field(ge=2, le=50)] = Field(
        "leave_one_out", description="Leave one out (of groups) below about 30 rows, else a number of folds."
    )
    inner_folds: Annotated[int, Field(ge=2, le=20)] | None = Field(
        None,
        description="Folds within the training rows of each fold, for hyperparameters and conformal intervals; "
        "needs 30 rows or more. Not set: no tuning, and Student's t intervals.",
    )
    criterion: Literal["squared", "absolute"] = Field(
        "squared", description="Held-out error that picks hyperparameters and the model: mean squared or absolute."
    )
    censoring: Literal["bound", "expected", "drop"] = Field(
        "bound",
        description="How censored rows enter the training: at the bound, at the value expected beyond it (below an "
        "upper bound, above a lower one), or not at all.",
    )
    blend: tuple[MemberName, ...] = Field(
        DEFAULT_BLEND,
        min_length=2,
        description="Members of the model `blend`, averaged; one that is listed several times gets several seeds. "
        "Models whose errors differ, as stepwise and smooth ones, gain most.",
    )
    trees: int = Field(
        100, ge=10, le=5000, description="Trees of each forest, and stages of gradient boosting, which has at most 100."
    )


class Surrogate(CrossValidated):
    """The models to compare, and how."""

    partitions: Annotated[int, Field(ge=1, le=50)] | None = Field(
        None,
        description="Random partitions of rows or groups into folds; scores are means over them. Not set: 5, and 1 "
        "where one is left out at a time. With `inner_folds` each is a job of its own.",
    )
    learning_curve: bool = Field(False, description="Whether to measure the error over the number of rows.")
    permutations: int = Field(199, ge=19, le=100_000, description="Shuffled targets behind the p-value.")
    bootstraps: int = Field(2000, ge=100, le=100_000, description="Resamples behind intervals.")

    @model_validator(mode="after")
    def _check_partitions(self) -> Self:
        if self.folds == "leave_one_out" and (self.partitions or 1) > 1:
            raise ValueError(
                f"partitions: {self.partitions} would all be the same, since folds: leave_one_out has only one; give a "
                "number of folds, or leave partitions out"
            )
        return self

    @property
    def n_partitions(self) -> int:
        """Return how many partitions are made, 1 where one is left out at a time."""
        return 1 if self.folds == "leave_one_out" else self.partitions or DEFAULT_PARTITIONS

    @property
    def job_partitions(self) -> tuple[int, ...]:
        """Return the numbers of the partitions that are jobs of their own; none where one job takes less time."""
        is_long = self.inner_folds is not None and self.n_partitions > 1
        return tuple(range(1, self.n_partitions + 1)) if is_long else ()


class Ablation(Strict):
    """The same comparison without some features."""

    name: Name = Field(description="Name of the variant.")
    models: ComparedModels | None = Field(None, description="Models, dummy and ridge among them; not set: all.")
    drop: tuple[Name, ...] = Field((), description="Features and descriptors to leave out.")
    source: Literal["all", "none"] | tuple[str, ...] = Field(
        "all", description="Which rows of other ions join the training: all, none, or those of the listed ions."
    )
    reason: str = Field(description="What the comparison shows.", min_length=10)
