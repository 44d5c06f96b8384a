"""The parts of a study's YAML: columns, constraints, surrogates, evaluators, campaigns.

Every model forbids unknown keys. The descriptions are the option tables of config/README.md and the help that editors
show, so they say how to choose a value.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from batterymi import registry
from batterymi.config.units import UNITS
from batterymi.suggest import did_you_mean

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Range = tuple[float, float]

MODELS = (
    "dummy",
    "ridge",
    "gaussian_process",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
)
BASELINES = ("dummy", "ridge")


class Strict(BaseModel):
    """A model that takes no key it does not know and no number that is not finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


def _ascending(value: Range | None) -> Range | None:
    """Refuse a pair whose first number is not below its second."""
    if value is not None and not value[0] < value[1]:
        raise ValueError(
            f"the lower bound {value[0]:g} is not below the upper bound {value[1]:g}; write [lower, upper]"
        )
    return value


def _known_unit(value: str) -> str:
    """Refuse a unit that is not in the table of units."""
    if value not in UNITS:
        raise ValueError(f"'{value}' is not a unit; {did_you_mean(value, UNITS)}")
    return value


class Column(Strict):
    """What features and objectives share."""

    name: Name = Field(description="Column of the table.")
    label: str = Field(description="What axes and tables call it.", min_length=1)
    unit: str = Field(description="A unit of the unit table below; `1` where there is none.")
    valid: Range | None = Field(
        None,
        description="Physically possible values; a table with a number outside is refused.",
    )

    _units = field_validator("unit")(_known_unit)
    _valid = field_validator("valid")(_ascending)


class Feature(Column):
    """An input column."""

    bounds: Range | None = Field(
        None,
        description="Search range of a number in campaigns. Keep it inside what the data cover.",
    )
    choices: tuple[str, ...] | None = Field(
        None, description="Values of a category; a feature with choices is one-hot coded."
    )

    _bounds = field_validator("bounds")(_ascending)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.choices is not None and (self.bounds or self.valid):
            raise ValueError("a feature has either choices (category) or bounds (number), not both")
        if self.choices is not None and len(set(self.choices)) < 2:
            raise ValueError("a category needs at least two different choices")
        return self

    @property
    def is_category(self) -> bool:
        """Whether the values are names, not numbers."""
        return self.choices is not None


class Relaxation(Strict):
    """A declared way out when a limit cannot be met by any design."""

    to: float = Field(description="The limit to run with instead.")
    reason: str = Field(description="Why that value; it is printed in the summary.", min_length=10)


class Objective(Column):
    """An output column."""

    goal: Literal["maximise", "minimise", "limit", "report"] = Field(
        description="`limit` only has to meet at_least or at_most; `report` plays no part."
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

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        limits = [limit for limit in (self.at_least, self.at_most) if limit is not None]
        if self.goal == "limit" and not limits:
            raise ValueError("goal 'limit' needs at_least or at_most")
        if self.relaxation is not None and len(limits) != 1:
            raise ValueError("relaxation needs exactly one of at_least and at_most")
        if len(limits) == 2 and not limits[0] < limits[1]:
            raise ValueError(f"at_least {limits[0]:g} is not below at_most {limits[1]:g}")
        return self


class Simplex(Strict):
    """Features that are fractions of one whole."""

    features: tuple[Name, ...] = Field(
        min_length=2, description="Fractions that add up to 1 in every row and every design."
    )
    tolerance: float = Field(1e-6, gt=0, lt=0.1, description="How far a row's sum may be from 1.")


class Constraint(Strict):
    """A condition on designs that is known beforehand."""

    name: Name = Field(description="Short name that summaries print.")
    function: str = Field(description="A registered constraint.")
    columns: dict[str, Name] = Field(default_factory=dict, description="The function's arguments that are features.")
    values: dict[str, float] = Field(default_factory=dict, description="The function's arguments that are constants.")
    reason: str = Field(description="Why, with the source; it is printed.", min_length=10)

    @field_validator("function")
    @classmethod
    def _registered(cls, value: str) -> str:
        return _registered("constraint", value)


class FixedRun(Strict):
    """A reference charge that is not a point of the search space."""

    label: str = Field(description="What tables and figures call it.", min_length=1)
    cc_cv: float | None = Field(None, gt=0, description="C-rate of a constant-current, constant-voltage charge.")
    timed: tuple[tuple[float, float], ...] | None = Field(None, description="Pairs of C-rate and minutes.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cc_cv is None) == (self.timed is None):
            raise ValueError("give exactly one of cc_cv and timed")
        return self


class SurrogateChoice(Strict):
    """Designs are answered by the study's own model."""

    name: Literal["surrogate"]
    variant: str = Field(
        "all_features",
        description="`all_features`, or the name of an ablation whose model answers.",
    )


class NcmFormulasChoice(Strict):
    """Designs are answered by the chapter's three NCM formulas."""

    name: Literal["ncm_formulas"]


class ChargingChoice(Strict):
    """Designs are C-rates of equal SOC steps, answered by PyBaMM."""

    name: Literal["charging"]
    cell: str = Field("power_cell", description="A declared cell of batterymi.simulators.cells.")
    model: Literal["SPMe", "DFN"] = Field("SPMe", description="Model that answers designs.")
    judge: Literal["SPMe", "DFN"] = Field("DFN", description="Model that replays the winner.")
    soc_start: float = Field(0.1, ge=0, lt=1, description="State of charge at the start.")
    soc_end: float = Field(0.8, gt=0, le=1, description="State of charge to reach.")
    ambient_c: float = Field(25.0, ge=-20, le=60, description="Ambient and initial °C.")
    references: tuple[FixedRun, ...] = Field(
        (), description="Charges shown beside the designs; no model learns from them."
    )

    @model_validator(mode="after")
    def _charges(self) -> Self:
        if not self.soc_start < self.soc_end:
            raise ValueError(f"soc_start {self.soc_start:g} is not below soc_end {self.soc_end:g}")
        return self


EvaluatorChoice = Annotated[SurrogateChoice | NcmFormulasChoice | ChargingChoice, Field(discriminator="name")]


class Sample(Strict):
    """A table that is not read but made, by asking the evaluator."""

    designs: int = Field(ge=2, le=100_000, description="Space-filling designs to evaluate.")


class Table(Strict):
    """Where the rows come from."""

    file: str | None = Field(None, description="CSV file, relative to the workflow's folder.")
    sample: Sample | None = Field(None, description="Make the table with the evaluator instead.")
    id_column: Name | None = Field(None, description="Column that names each row.")
    formula_column: Name | None = Field(None, description="Column with chemical formulas, for theoretical capacities.")
    ions_column: Name | None = Field(
        None, description="Column with working ions per formula unit, for theoretical capacities."
    )
    group: Name | None = Field(None, description="Column whose equal values never straddle train and test.")
    bad_rows: Literal["stop", "drop"] = Field(
        "stop", description="`drop` leaves bad rows out and lists each with its reason."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.sample is None):
            raise ValueError("give exactly one of file and sample")
        if self.file is not None and (self.file.startswith("/") or ".." in self.file.split("/")):
            raise ValueError(f"'{self.file}' leaves the workflow's folder; give a path inside it")
        return self


class Surrogate(Strict):
    """The models to compare, and how."""

    models: tuple[str, ...] = Field(
        MODELS, description="Models to cross-validate; dummy and ridge are baselines and stay."
    )
    folds: Literal["leave_one_out"] | Annotated[int, Field(ge=2, le=50)] = Field(
        "leave_one_out", description="Leave one out below about 30 rows, else a number of folds."
    )
    permutations: int = Field(199, ge=19, le=100_000, description="Shuffled targets behind the p-value.")
    bootstraps: int = Field(2000, ge=100, le=100_000, description="Resamples behind intervals.")

    @field_validator("models")
    @classmethod
    def _known_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in MODELS:
                raise ValueError(f"'{name}' is not a model; {did_you_mean(name, MODELS)}")
        missing = [name for name in BASELINES if name not in value]
        if missing:
            raise ValueError(f"the baselines stay: add {', '.join(missing)}")
        if len(set(value)) != len(value):
            raise ValueError("a model stands twice")
        return value


class Ablation(Strict):
    """The same comparison without some features."""

    name: Name = Field(description="Name of the variant.")
    drop: tuple[Name, ...] = Field(min_length=1, description="Features to leave out.")
    reason: str = Field(description="What the comparison shows.", min_length=10)


class Campaign(Strict):
    """The search for better designs."""

    evaluator: EvaluatorChoice = Field(description="What answers a design.")
    engine: str = Field("scikit-optimize", description="What proposes designs.")
    initial: int = Field(8, ge=2, le=1000, description="Random designs to start from, shared with random search.")
    budget: int = Field(25, ge=1, le=10_000, description="Evaluations per campaign, start included.")
    seeds: int = Field(10, ge=2, le=1000, description="Repeats, each from its own start; 10 or more for a claim.")
    reach: float | None = Field(
        None,
        gt=0,
        description="Largest distance of a design to the nearest row (root mean square over the features, in "
        "units of the search range); keeps a surrogate from extrapolating. Not set: no bound.",
    )
    suggestions: int = Field(5, ge=1, le=100, description="Best designs to list.")

    @field_validator("engine")
    @classmethod
    def _registered(cls, value: str) -> str:
        return _registered("engine", value)

    @model_validator(mode="after")
    def _budget_covers_start(self) -> Self:
        if self.budget <= self.initial:
            raise ValueError(
                f"budget {self.budget} leaves nothing after {self.initial} initial designs; "
                f"use at least {self.initial + 1}"
            )
        return self


class NamedDesign(Strict):
    """A design of somebody's, held against the constraints and the evaluator."""

    name: str = Field(description="What tables call it.", min_length=1)
    values: dict[Name, float | str] = Field(description="One value per feature.")
    formula: str | None = Field(None, description="Its formula, for the theoretical capacity.")
    working_ions: float | None = Field(
        None, gt=0, description="Ions per formula unit that take part; needed with a formula."
    )

    @model_validator(mode="after")
    def _formula_complete(self) -> Self:
        if (self.formula is None) != (self.working_ions is None):
            raise ValueError("formula and working_ions belong together")
        return self


class Derived(Strict):
    """A quantity computed from a design and its objectives."""

    name: Name = Field(description="Column name.")
    label: str = Field(description="What tables call it.")
    unit: str = Field(description="A unit of the unit table.")
    product_of: tuple[Name, Name] | None = Field(None, description="Two columns to multiply.")
    reduction_of: Name | None = Field(None, description="Column whose reduction is computed.")
    against: float | None = Field(None, gt=0, description="Reference for the reduction.")

    _units = field_validator("unit")(_known_unit)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.product_of is None) == (self.reduction_of is None):
            raise ValueError("give exactly one of product_of and reduction_of")
        if (self.reduction_of is None) != (self.against is None):
            raise ValueError("reduction_of and against belong together")
        return self


class Claimed(Strict):
    """The chapter's own row of its summary table (4.6), as claimed."""

    case_study: str
    key_descriptors: str
    ml_method: str
    experiment_reduction: str
    industrial_impact: str


def _registered(kind: str, value: str) -> str:
    """Refuse a name that the registry does not have."""
    try:
        registry.module_of(kind, value)
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return value


def finite(value: Any) -> bool:
    """Whether a value is a number that is neither NaN nor infinite."""
    return isinstance(value, int | float) and math.isfinite(value)
