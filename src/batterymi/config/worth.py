"""What is worth finding in a pool, and what is known without measuring."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from pydantic import Field, field_validator

from batterymi.config.expressions import parse_condition, parse_quantity
from batterymi.config.parts import Condition, Line, Strict

HULL, HULL_DATASET = "e_above_hull", "mp_compositions"  # the column that `hull_of` adds, and where it comes from


class BestKnown(Strict):
    """The best value of the objective that is known."""

    value: float = Field(description="In the unit of the objective.")
    reason: Line = Field(description="Where it comes from: neither this budget nor this engine alone.", min_length=10)


class WorthFinding(Strict):
    """A condition that a row must meet to be worth finding."""

    expression: Condition = Field(
        description="On columns of the table, as `1.5 <= voltage_v <= 4.3`. A row without such a value meets it."
    )
    known_before: bool = Field(
        False,
        description="Whether it can be checked before any measurement; rows that break it are no part of the pool. "
        "Otherwise they can be chosen, and turn out to be worth nothing.",
    )
    reason: Line = Field(description="Why.", min_length=10)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that it uses."""
        return parse_condition(self.expression).columns


class RankRule(Strict):
    """An order of rows by what is known of them."""

    label: Line = Field(description="What tables and figures call it, as `largest capacity first`.", min_length=1)
    expression: str = Field(description="Arithmetic of numeric columns that are known before any measurement.")
    order: Literal["decreasing", "increasing"] = Field(description="Which rows come first: of large or small values.")
    reason: Line = Field(description="Why it is known, and why these rows first.", min_length=10)

    @field_validator("expression")
    @classmethod
    def _check_expression(cls, value: str) -> str:
        if not parse_quantity(value).columns:
            raise ValueError(f"'{value}' uses no column, so it orders nothing")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that it uses."""
        return parse_quantity(self.expression).columns


def find_pool_problems(
    where: Sequence[WorthFinding], rank_by: RankRule | None, hull_of: str | None, objectives: Collection[str]
) -> Iterator[str]:
    """Yield what a pool uses before it can be known.

    Args:
        where: what makes a row worth finding.
        rank_by: the order of rows that needs no measurement.
        hull_of: the column of formulas whose hull distance is looked up.
        objectives: names of the columns that are measured.
    """
    known = {f"where.{place}": condition.names for place, condition in enumerate(where) if condition.known_before}
    known |= {"rank_by": rank_by.names} if rank_by else {}
    for place, names in known.items():
        for name in sorted(set(names) & set(objectives)):
            yield f"campaign.{place}: '{name}' is an objective, so it is not known before a row is measured"
    used = {name for condition in where for name in condition.names} | set(rank_by.names if rank_by else ())
    if HULL in used and hull_of is None:
        yield f"campaign.hull_of: not set, but '{HULL}' is used; name the column of formulas"
