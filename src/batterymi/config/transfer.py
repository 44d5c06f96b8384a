"""Settings of transfer learning."""

import itertools
from typing import Annotated

from pydantic import AfterValidator, Field

from batterymi.config.names import ModelName
from batterymi.config.parts import Strict

FEWEST_ROWS, MOST_ROWS = 3, 100_000  # own rows of a learning curve; from fewer no model learns more than a mean


def _check_sizes(value: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse numbers of own rows that repeat or fall: each would be a curve's point of its own."""
    for low, high in itertools.pairwise(value):
        if not low < high:
            found = "listed twice" if low == high else f"listed before {high}"
            raise ValueError(f"{low} is {found}; give distinct numbers in increasing order")
    return value


Sizes = Annotated[tuple[Annotated[int, Field(ge=FEWEST_ROWS, le=MOST_ROWS)], ...], AfterValidator(_check_sizes)]


class Transfer(Strict):
    """Whether rows of related tasks help."""

    source: tuple[str, ...] = Field(min_length=1, description="Working ions of the source task.")
    model: ModelName = Field("histogram_boosting", description="The model that every strategy uses.")
    sizes: Sizes = Field(
        (10, 30, 100),
        min_length=1,
        description="Own rows of the learning curves, which end at all of them; each partition draws its own. Numbers "
        "that no fold has are left out, which the log says.",
    )
