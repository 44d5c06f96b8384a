"""The parts of a study's YAML: columns, constraints, surrogates, evaluators, campaigns.

Every model forbids unknown keys. The descriptions are the option tables of config/README.md and the help that editors
show, so they say how to choose a value.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from batterymi.arrays import Array
from batterymi.config.checks import (
    Range,
    check_ascending,
    check_condition,
    check_constraint,
    check_increasing,
    check_inside_folder,
    find_cost_problem,
    find_range_problem,
    find_simplex_problem,
    refuse_line_breaks,
)
from batterymi.config.expressions import is_linear, parse_condition
from batterymi.config.goals import SIDES, Limit, Window, find_limit_problem, find_reserve_problem, find_target_problem
from batterymi.config.names import ConstraintName, DescriptorName, UnitName
from batterymi.config.strict import Strict
from batterymi.vocabulary.units import format_label, format_unit

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
MAX_PARTS = 100  # of a composition

Line = Annotated[str, AfterValidator(refuse_line_breaks)]


AscendingRange = Annotated[Range, AfterValidator(check_ascending)]
Condition = Annotated[str, AfterValidator(check_condition)]
ConstraintText = Annotated[str, AfterValidator(check_constraint)]
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
    step: float | None = Field(
        None, gt=0, description="Steps from the lower bound of the range; 1 for integers. With `scale: log` in decades."
    )
    levels: Annotated[tuple[float, ...], AfterValidator(check_increasing)] | None = Field(
        None, min_length=2, description="The values that a number can take, where they are uneven; instead of bounds."
    )
    scale: Literal["linear", "log"] = Field(
        "linear", description="`log` for numbers over several decades: models and engines take the logarithm."
    )
    choices: tuple[str, ...] | None = Field(None, description="Values of a category, which is one-hot coded.")
    ordered: bool = Field(
        False,
        description="Whether the choices are listed in their order, as low, medium, high; they are coded by rank.",
    )
    used_with: dict[Name, dict[str, AscendingRange] | tuple[str, ...]] | None = Field(
        None,
        description="A category, and its choices with which alone this feature applies, as an amount applies with its "
        "additive: `{additive: {FEC: [1, 10], VC: [0.5, 3]}}` with a range of its own for each, instead of bounds, or "
        "`{additive: [FEC, VC]}`. Its cell is empty with every other choice.",
    )
    optional_step: Name | None = Field(
        None,
        description="Name of a step that is done in full or skipped, as drying; features with the same name are given "
        "together, or all of their cells are empty.",
    )

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.choices is not None and (self.bounds or self.valid or self.step or self.levels):
            raise ValueError("a feature has either choices (category) or bounds (number), not both")
        if self.levels is not None and (self.bounds or self.step):
            raise ValueError("levels replace bounds and step; give one or the other")
        if self.step is not None and self.range is None:
            raise ValueError("step needs bounds, from whose lower end it is counted")
        if problem := find_range_problem(self.ranges, self.step, is_logarithmic=self.is_logarithmic):
            raise ValueError(problem)
        if self.choices is not None and len(set(self.choices)) < 2:
            raise ValueError("a category needs at least two different choices")
        if self.choices is None and self.ordered:
            raise ValueError("ordered belongs to choices; numbers are ordered anyway")
        if self.choices is not None and self.is_logarithmic:
            raise ValueError("scale: log is for numbers, not for choices")
        return self

    @model_validator(mode="after")
    def _check_condition(self) -> Self:
        if self.used_with is None:
            return self
        if self.optional_step is not None:
            raise ValueError("give one of used_with and optional_step")
        if len(self.used_with) != 1 or not self.used_choices:
            raise ValueError("used_with names one category and at least one of its choices")
        if self.own_ranges and (self.bounds or self.levels or self.choices):
            raise ValueError("the ranges of used_with replace bounds, levels and choices; give one or the other")
        return self

    @property
    def is_category(self) -> bool:
        """Return whether the values are names, not numbers."""
        return self.choices is not None

    @property
    def is_logarithmic(self) -> bool:
        """Return whether it is taken by its logarithm."""
        return self.scale == "log"

    @property
    def is_conditional(self) -> bool:
        """Return whether it does not apply to some designs."""
        return self.used_with is not None or self.optional_step is not None

    @property
    def used_choices(self) -> tuple[str, ...]:
        """Return the choices of another feature with which alone it applies."""
        return tuple(choice for choices in (self.used_with or {}).values() for choice in choices)

    @property
    def own_ranges(self) -> dict[str, Range]:
        """Return its search range for each of these choices, where each has its own."""
        return {k: v for part in (self.used_with or {}).values() if isinstance(part, dict) for k, v in part.items()}

    @property
    def ranges(self) -> tuple[Range, ...]:
        """Return all of its search ranges: one, or one for each choice that it is used with."""
        if self.levels:
            # levels were checked to increase
            return ((self.levels[0], self.levels[-1]),)
        return (self.bounds,) if self.bounds else tuple(self.own_ranges.values())

    @property
    def range(self) -> Range | None:
        """Return the ends of the search range: the bounds, the first and the last level, or of all its ranges."""
        ends = [end for pair in self.ranges for end in pair]
        return (min(ends), max(ends)) if ends else None


class Relaxation(Strict):
    """A declared fallback for a limit that no design can meet."""

    to: float = Field(description="The limit to run with instead.")
    reason: str = Field(description="Why that value; it is printed in the summary.", min_length=10)


class Worthwhile(Strict):
    """The smallest gain that matters."""

    least: float = Field(gt=0, description="In the unit of the objective, or in evaluations.")
    reason: Line = Field(description="Why a smaller one does not matter.", min_length=10)


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


class EarlyMeasurement(Strict):
    """A cheaper, earlier measurement that tells of an objective: its low fidelity."""

    column: Name = Field(
        description="The objective that is measured early, as the capacity of cycle 10 beside the cycle life; "
        "`goal: report` if it is not an aim itself."
    )
    cost: float = Field(gt=0, description="Of measuring it, in the unit of `cost` of the late objective.")


class Objective(Column):
    """An output column."""

    goal: Literal["maximise", "minimise", "target", "limit", "report"] = Field(
        description="`target` should hit the target; `limit` only has to meet at_least or at_most; `report` is only "
        "listed."
    )
    target: float | AscendingRange | None = Field(
        None,
        description="With `goal: target` the value that a design should hit, as `7.4`, or a window of values that are "
        "equally good, as `[1, 2.5]`; the nearer an outcome the better.",
    )
    at_least: float | None = Field(None, description="A design must reach this value.")
    at_most: float | None = Field(None, description="A design must not exceed this value.")
    relaxation: Relaxation | None = Field(None, description="What to do if no design can meet the limit.")
    reserve: float | None = Field(
        None,
        gt=0,
        description="Distance, in the objective's unit, that a campaign's designs keep to the limit, since its "
        "evaluator is coarser than what they are checked with; the limit itself decides. For `mode: search`.",
    )
    threshold: float | None = Field(None, description="A value to be beyond; its probability is scored too.")
    weight: float = Field(1.0, gt=0, description="Weight in the score of a campaign.")
    scale: float = Field(
        1.0,
        gt=0,
        description="Amount, in the objective's unit, that counts as one in the score; it makes the sum of "
        "several objectives dimensionless.",
    )
    error: MeasuredError | None = Field(None, description="How well its values are known; large errors count little.")
    worthwhile: Worthwhile | None = Field(None, description="Smallest gain of a model that matters; not set: any.")
    early: EarlyMeasurement | None = Field(
        None, description="A cheaper measurement that comes earlier; suggestions say what to measure of each design."
    )
    cost: float | None = Field(None, gt=0, description="Of measuring it, beside `early`: what going on then costs.")

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        limits = self.at_least, self.at_most
        problems = (
            find_limit_problem(self.goal, *limits, self.threshold, is_relaxed=self.relaxation is not None),
            find_reserve_problem(self.reserve, *limits),
            find_target_problem(self.goal, self.window, *limits, self.valid),
            find_cost_problem(self.early.cost if self.early else None, self.cost),
        )
        for problem in filter(None, problems):
            raise ValueError(problem)
        return self

    @property
    def is_optimised(self) -> bool:
        """Whether it is maximised, minimised, or has a target."""
        return self.goal in ("maximise", "minimise", "target")

    @property
    def window(self) -> Window | None:
        """What it should hit; None where there is no target."""
        if self.target is None:
            return None
        return Window(*(self.target if isinstance(self.target, tuple) else (self.target, self.target)))

    @property
    def target_text(self) -> str:
        """The target with its unit, as "7.4 V"; empty where there is none."""
        return f"{self.window.text}{format_unit(self.unit)}" if self.window else ""

    @property
    def target_note(self) -> str:
        """The target as it follows a value, as ", target 7.4 V"; empty where there is none."""
        return f", target {self.target_text}" if self.window else ""

    @property
    def sign(self) -> int:
        """-1 where more is better, 1 where less is, and 0 for a target, of which neither is."""
        return {"maximise": -1, "target": 0}.get(self.goal, 1)

    def compute_cost(self, values: Array) -> Array:
        """Return what outcomes cost in the objective's unit, of which less is better: a distance for a target."""
        return self.sign * values if self.window is None else self.window.compute_distance(values)

    def find_value(self, cost: float) -> float:
        """Return an outcome of some cost; beyond the upper end of a target."""
        return self.sign * cost if self.window is None else self.window.high + cost

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Its limits, as declared."""
        return tuple(Limit(self.name, side, value) for side in SIDES if (value := getattr(self, side)) is not None)


class Simplex(Strict):
    """Features that are fractions of one whole."""

    features: tuple[Name, ...] = Field(
        min_length=2, max_length=MAX_PARTS, description="Fractions that add up to the total in all rows and designs."
    )
    total: float = Field(1.0, gt=0, description="What they add up to: 1, or 100 for percent.")
    tolerance: float = Field(1e-6, gt=0, description="How far a row's sum may be from the total.")
    step: float | None = Field(
        None, gt=0, description="Fractions of designs are multiples of it, as 0.0005 where 0.05 % can be weighed."
    )
    max_parts: int | None = Field(None, ge=1, description="At most so many fractions of a design are not 0.")
    min_parts: int | None = Field(None, ge=1, description="At least so many fractions of a design are not 0.")
    min_when_used: float | dict[Name, Annotated[float, Field(gt=0)]] | None = Field(
        None, description="A fraction of a design is 0, or at least this; one number, or one for each feature."
    )

    @model_validator(mode="after")
    def _check_numbers(self) -> Self:
        problem = find_simplex_problem(self.features, self.total, self.step, self.min_when_used)
        if problem:
            raise ValueError(problem)
        if not self.tolerance < 0.1 * self.total:
            raise ValueError(f"a tolerance of {self.tolerance:g} is not below a tenth of the total, {self.total:g}")
        most = self.max_parts or len(self.features)
        if most > len(self.features) or (self.min_parts or 0) > most:
            raise ValueError(f"min_parts and max_parts do not fit {len(self.features)} features")
        return self

    @property
    def has_zeros(self) -> bool:
        """Return whether a fraction may be left out by a rule of its own, so that it is 0 or well above."""
        return any(rule is not None for rule in (self.max_parts, self.min_parts, self.min_when_used))

    def get_least(self, name: str) -> float:
        """Return the smallest amount of a fraction that is used; 0 where any is allowed."""
        return (least.get(name, 0.0) if isinstance(least, dict) else least) if (least := self.min_when_used) else 0.0


class Constraint(Strict):
    """A condition on designs that is known beforehand."""

    name: Name = Field(description="Short name that summaries print.")
    expression: ConstraintText | None = Field(
        None,
        description="A condition on features and derived quantities, as `salt + binder <= 0.3` or `a + b == 1`; known "
        "are + - * / **, sqrt, exp, log, log10, abs, min, max, and, or. What does not apply to a design counts as 0.",
    )
    tolerance: float | None = Field(
        None, gt=0, description="How far both sides of `==` may differ; needed unless it is linear."
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
        if not self.is_equality and self.tolerance is not None:
            raise ValueError("tolerance belongs to an expression with ==")
        if self.is_equality and self.tolerance is None and not is_linear(self.expression or ""):
            raise ValueError(
                f"'{self.expression}' is not linear, so designs meet it approximately; give its tolerance, as 0.01"
            )
        return self

    @property
    def is_equality(self) -> bool:
        """Return whether it is an expression with ==."""
        return self.expression is not None and parse_condition(self.expression, equality=True).is_equality

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that the constraint uses."""
        if self.expression is not None:
            return parse_condition(self.expression, equality=True).columns
        return tuple(self.columns.values())


class Descriptor(Labelled):
    """Features computed from columns, as from a formula."""

    name: Name = Field(description="Name in importances and ablations.")
    function: DescriptorName = Field(description="A registered descriptor.")
    columns: dict[str, Name] = Field(description="The function's arguments, and the columns that they are.")
    label: str = Field(description="Label in figures.", min_length=1)
