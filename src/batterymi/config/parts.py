"""The parts of a study's YAML: columns, constraints, surrogates, evaluators, campaigns.

Every model forbids unknown keys. The descriptions are the option tables of config/README.md and the help that editors
show, so they say how to choose a value.
"""

import itertools
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from batterymi.config.expressions import parse_condition
from batterymi.config.names import ConstraintName, DescriptorName, MemberName, ModelName, UnitName
from batterymi.registry import BASELINES
from batterymi.vocabulary.units import format_label

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Range = tuple[float, float]
Side = Literal["at_least", "at_most"]
SIDES: tuple[Side, ...] = get_args(Side)

CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode


def refuse_line_breaks(value: str) -> str:
    """Refuse line breaks and other control characters."""
    if value != strip_control_characters(value):
        raise ValueError("it contains a control character; write it as one line of text")
    return value


def strip_control_characters(value: str) -> str:
    """Strip line breaks and other control characters from a text."""
    return "".join(character for character in value if unicodedata.category(character) not in CONTROL)


Line = Annotated[str, AfterValidator(refuse_line_breaks)]

DEFAULT_MODELS = ("dummy", "ridge", "gaussian_process", "random_forest", "extra_trees", "gradient_boosting")
# a repeated member gets another seed each time
DEFAULT_BLEND = ("histogram_boosting", "histogram_boosting", "histogram_boosting", "support_vector")


class Strict(BaseModel):
    """A model that refuses unknown keys and numbers that are not finite."""

    # an unknown key is most likely a typo
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


def check_ascending(value: Range) -> Range:
    """Refuse a pair whose first number is not below its second."""
    if not value[0] < value[1]:
        raise ValueError(
            f"the lower bound {value[0]:g} is not below the upper bound {value[1]:g}; write [lower, upper]"
        )
    return value


def check_condition(value: str) -> str:
    """Refuse a condition that cannot be parsed."""
    parse_condition(value)
    return value


def check_models(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse models that are listed twice, or lack the baselines."""
    # verdicts and the summary compare every model with these
    missing = [name for name in BASELINES if name not in value]
    if missing:
        raise ValueError(f"the baselines are required: add {', '.join(missing)}")
    if twice := [name for name in value if value.count(name) > 1]:
        raise ValueError(f"'{twice[0]}' is listed twice")
    return value


def check_inside_folder(value: str) -> str:
    """Refuse a path that leaves the workflow's folder."""
    # compared part by part, since `..` may occur inside a longer name
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"'{value}' leaves the workflow's folder; give a path inside it")
    # Python raises a ValueError, not an OSError, for such a path
    if "\0" in value:
        raise ValueError(f"{value!r} is not a path")
    return value


AscendingRange = Annotated[Range, AfterValidator(check_ascending)]
Condition = Annotated[str, AfterValidator(check_condition)]
ComparedModels = Annotated[tuple[ModelName, ...], AfterValidator(check_models)]
InsidePath = Annotated[str, AfterValidator(check_inside_folder)]


class Labelled(Strict):
    """Something with a name and a label."""

    name: Name
    label: Line


class Column(Labelled):
    """What features and objectives share."""

    name: Name = Field(description="Column of the table.")
    label: Line = Field(description="Label on axes and in tables.", min_length=1)
    unit: UnitName = Field(description="A unit of the list below, or any that pint knows; `1` where there is none.")
    valid: AscendingRange | None = Field(None, description="Possible range; a table with a number outside is refused.")

    @property
    def axis_label(self) -> str:
        """Return the label with the unit in brackets, for axes."""
        return format_label(self.label, self.unit)


class Feature(Column):
    """An input column."""

    bounds: AscendingRange | None = Field(None, description="Search range of a number; keep it inside the data.")
    step: float | None = Field(None, gt=0, description="Steps from the lower bound of the range; 1 for integers.")
    levels: tuple[float, ...] | None = Field(
        None, min_length=2, description="The values that a number can take, where they are uneven; instead of bounds."
    )
    choices: tuple[str, ...] | None = Field(None, description="Values of a category, which is one-hot coded.")

    @field_validator("levels")
    @classmethod
    def _check_levels(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and any(not low < high for low, high in itertools.pairwise(value)):
            raise ValueError("levels must increase strictly")
        return value

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.choices is not None and (self.bounds or self.valid or self.step or self.levels):
            raise ValueError("a feature has either choices (category) or bounds (number), not both")
        if self.levels is not None and (self.bounds or self.step):
            raise ValueError("levels replace bounds and step; give one or the other")
        if self.step is not None and self.bounds is None:
            raise ValueError("step needs bounds, from whose lower end it is counted")
        if self.step is not None and self.bounds is not None and self.step > self.bounds[1] - self.bounds[0]:
            raise ValueError(f"a step of {self.step:g} is wider than the bounds {list(self.bounds)}")
        if self.choices is not None and len(set(self.choices)) < 2:
            raise ValueError("a category needs at least two different choices")
        return self

    @property
    def is_category(self) -> bool:
        """Return whether the values are names, not numbers."""
        return self.choices is not None

    @property
    def range(self) -> Range | None:
        """Return the ends of the search range: the bounds, or the first and the last level."""
        # levels were checked to increase
        return (self.levels[0], self.levels[-1]) if self.levels else self.bounds


@dataclass(frozen=True)
class Limit:
    """A value that an outcome must reach, or must not exceed.

    Attributes:
        objective: name of the outcome.
        side: which of the two.
        value: the limit itself, in the outcome's unit.
    """

    objective: str
    side: Side
    value: float

    @property
    def sign(self) -> int:
        """1 where smaller outcomes are safer, -1 where larger ones are."""
        return -1 if self.side == "at_least" else 1

    @property
    def text(self) -> str:
        """The limit as messages say it, as "y at least 5"."""
        return f"{self.objective} {self.side.replace('_', ' ')} {self.value:g}"


class Relaxation(Strict):
    """A declared fallback for a limit that no design can meet."""

    to: float = Field(description="The limit to run with instead.")
    reason: str = Field(description="Why that value; it is printed in the summary.", min_length=10)


class MeasuredError(Strict):
    """How well each value of an objective is known."""

    column: Name = Field(
        description="Column with the error of each value, in the unit of the objective. An empty cell and 0 mean that "
        "it is unknown; where all are 0, that the values are exact."
    )
    kind: Literal["sd", "sem"] = Field(
        description="`sd`: standard deviation of single measurements; `sem`: standard error of their mean."
    )
    n: Name | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Measurements of which a value is the mean, for `sd`: a column, or one number for all. Not set: 1.",
    )

    @model_validator(mode="after")
    def _check_number(self) -> Self:
        if self.kind == "sem" and self.n is not None:
            raise ValueError("a sem is that of the mean already; n belongs to kind: sd")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the table that it names."""
        return (self.column, self.n) if isinstance(self.n, str) else (self.column,)


class Objective(Column):
    """An output column."""

    goal: Literal["maximise", "minimise", "limit", "report"] = Field(
        description="`limit` only has to meet at_least or at_most; `report` is only listed."
    )
    at_least: float | None = Field(None, description="A design must reach this value.")
    at_most: float | None = Field(None, description="A design must not exceed this value.")
    relaxation: Relaxation | None = Field(None, description="What to do if no design can meet the limit.")
    weight: float = Field(1.0, gt=0, description="Weight in the score of a campaign.")
    scale: float = Field(
        1.0,
        gt=0,
        description="Amount, in the objective's unit, that counts as one in the score; it makes the sum of "
        "several objectives dimensionless.",
    )
    error: MeasuredError | None = Field(
        None, description="How well its values are known, so that a value of large error has little weight."
    )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if self.goal == "limit" and not limits:
            raise ValueError("goal 'limit' needs at_least or at_most")
        # with two limits it would be unclear which one is relaxed
        if self.relaxation is not None and len(limits) != 1:
            raise ValueError("relaxation needs exactly one of at_least and at_most")
        if len(limits) == 2 and not limits[0] < limits[1]:
            raise ValueError(f"at_least {limits[0]:g} is not below at_most {limits[1]:g}")
        return self

    @property
    def is_optimised(self) -> bool:
        """Whether it is maximised or minimised."""
        return self.goal in ("maximise", "minimise")

    @property
    def sign(self) -> int:
        """What makes it a cost, of which less is better: -1 where it is maximised, else 1."""
        return -1 if self.goal == "maximise" else 1

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Its limits, as declared."""
        return tuple(Limit(self.name, side, value) for side in SIDES if (value := getattr(self, side)) is not None)


class Simplex(Strict):
    """Features that are fractions of one whole."""

    features: tuple[Name, ...] = Field(min_length=2, description="Fractions that add up to 1 in all rows and designs.")
    tolerance: float = Field(1e-6, gt=0, lt=0.1, description="How far a row's sum may be from 1.")
    step: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="Fractions of designs are multiples of it, as 0.0005 where 0.05 % can be weighed.",
    )

    @field_validator("step")
    @classmethod
    def _check_step(cls, value: float | None) -> float | None:
        # with a tolerance, since steps such as 0.1 are not exact in binary
        if value is not None and abs(1 / value - round(1 / value)) > 1e-6:
            raise ValueError(f"1 is not a multiple of {value:g}, so no composition of such steps adds up to 1")
        return value


class Constraint(Strict):
    """A condition on designs that is known beforehand."""

    name: Name = Field(description="Short name that summaries print.")
    expression: Condition | None = Field(
        None,
        description="A condition on features and derived quantities, as `salt + binder <= 0.3`; known are + - * / **, "
        "sqrt, exp, log, log10, abs, min, max, and, or.",
    )
    function: ConstraintName | None = Field(None, description="A registered constraint, instead of an expression.")
    columns: dict[str, Name] = Field(default_factory=dict, description="The function's arguments that are features.")
    values: dict[str, float] = Field(default_factory=dict, description="The function's arguments that are constants.")
    reason: str = Field("", description="Why, with the source; it is printed.")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.expression is None) == (self.function is None):
            raise ValueError("give exactly one of expression and function")
        if self.expression is not None and (self.columns or self.values):
            raise ValueError("columns and values belong to a function; an expression names its columns itself")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that the constraint uses."""
        return parse_condition(self.expression).columns if self.expression else tuple(self.columns.values())


class Descriptor(Labelled):
    """Features computed from columns, as from a formula."""

    name: Name = Field(description="Name in importances and ablations.")
    function: DescriptorName = Field(description="A registered descriptor.")
    columns: dict[str, Name] = Field(description="The function's arguments, and the columns that they are.")
    label: str = Field(description="Label in figures.", min_length=1)


class Surrogate(Strict):
    """The models to compare, and how."""

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
        description="How censored rows enter the training: at the bound, at their expected value "
        "below it, or not at all.",
    )
    blend: tuple[MemberName, ...] = Field(
        DEFAULT_BLEND,
        min_length=2,
        description="Members of the model `blend`, averaged; one that is listed several times gets several seeds. "
        "Models whose errors differ, as stepwise and smooth ones, gain most.",
    )
    trees: int = Field(100, ge=10, le=5000, description="Trees of each forest.")
    learning_curve: bool = Field(False, description="Whether to measure the error over the number of rows.")
    permutations: int = Field(199, ge=19, le=100_000, description="Shuffled targets behind the p-value.")
    bootstraps: int = Field(2000, ge=100, le=100_000, description="Resamples behind intervals.")


class Transfer(Strict):
    """Whether rows of related tasks help."""

    source: tuple[str, ...] = Field(min_length=1, description="Working ions of the source task.")
    model: ModelName = Field("histogram_boosting", description="The model that every strategy uses.")
    sizes: tuple[int, ...] = Field(
        (10, 20, 40, 80, 160, 1000), min_length=1, description="Own rows of the learning curves; a larger number: all."
    )
    draws: int = Field(3, ge=1, le=100, description="Draws of own rows per size.")


class Ablation(Strict):
    """The same comparison without some features."""

    name: Name = Field(description="Name of the variant.")
    models: ComparedModels | None = Field(None, description="Models, dummy and ridge among them; not set: all.")
    drop: tuple[Name, ...] = Field((), description="Features and descriptors to leave out.")
    source: Literal["all", "none"] | tuple[str, ...] = Field(
        "all", description="Which rows of other ions join the training: all, none, or those of the listed ions."
    )
    reason: str = Field(description="What the comparison shows.", min_length=10)
