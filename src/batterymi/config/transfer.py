"""Settings of transfer learning."""

from pydantic import Field

from batterymi.config.names import ModelName
from batterymi.config.parts import Strict


class Transfer(Strict):
    """Whether rows of related tasks help."""

    source: tuple[str, ...] = Field(min_length=1, description="Working ions of the source task.")
    model: ModelName = Field("histogram_boosting", description="The model that every strategy uses.")
    sizes: tuple[int, ...] = Field(
        (10, 20, 40, 80, 160, 1000), min_length=1, description="Own rows of the learning curves; a larger number: all."
    )
    draws: int = Field(3, ge=1, le=100, description="Draws of own rows per size.")
