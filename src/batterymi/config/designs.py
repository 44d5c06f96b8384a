"""Parts of a study's YAML about designs: reference designs, derived quantities, the chapter's claims."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from batterymi.config.expressions import parse_quantity
from batterymi.config.names import LookupName, RecipeName, UnitName
from batterymi.config.parts import Line, Name, Strict


class ReferenceDesign(Strict):
    """A known design, checked by the constraints and the evaluator beside the campaign's own."""

    name: Line = Field(description="What tables call it.", min_length=1)
    values: dict[Name, float | str] = Field(description="One value per feature.")
    formula: str | None = Field(None, description="Its formula, for the theoretical capacity.")
    working_ions: float | None = Field(None, gt=0, description="Active ions per formula unit; needed with a formula.")

    @model_validator(mode="after")
    def _formula_complete(self) -> Self:
        if (self.formula is None) != (self.working_ions is None):
            raise ValueError("formula and working_ions belong together")
        return self


class Derived(Strict):
    """A quantity computed from a design and its objectives."""

    name: Name = Field(description="Column name.")
    label: str = Field(description="What tables call it.")
    unit: UnitName = Field(description="A unit, as of a column.")
    product_of: tuple[Name, Name] | None = Field(None, description="Two columns to multiply.")
    expression: str | None = Field(None, description="Arithmetic of columns and earlier quantities, as `4 * mass`.")
    reduction_of: Name | None = Field(None, description="Column whose reduction is computed.")
    against: float | None = Field(None, gt=0, description="Reference for the reduction.")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if sum(way is not None for way in (self.product_of, self.reduction_of, self.expression)) != 1:
            raise ValueError("give exactly one of expression, product_of and reduction_of")
        if (self.reduction_of is None) != (self.against is None):
            raise ValueError("reduction_of and against belong together")
        return self

    @field_validator("expression")
    @classmethod
    def _check_expression(cls, value: str | None) -> str | None:
        if value is not None:
            # parsed for its errors only: the settings keep the text
            parse_quantity(value)
        return value

    @property
    def formula(self) -> str:
        """Return the quantity as an expression."""
        if self.expression is not None:
            return self.expression
        if self.product_of is not None:
            return " * ".join(self.product_of)
        # repr keeps every digit, since the text is parsed again
        return f"100 * (1 - {self.reduction_of} / {self.against!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns from which the quantity is computed."""
        return parse_quantity(self.formula).columns


class Claimed(Strict):
    """The chapter's own row of its summary table (4.6), as claimed."""

    case_study: str
    key_descriptors: str
    ml_method: str
    experiment_reduction: str
    industrial_impact: str
    recipe: RecipeName | None = Field(None, description="The chapter's own computation of its numbers.")
    lookups: LookupName | None = Field(None, description="What this study's table says of the chapter's numbers.")
