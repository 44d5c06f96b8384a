"""Settings of transfer learning."""

from pydantic import Field

from batterymi.config.names import ModelName
from batterymi.config.parts import Strict


class Transfer(Strict):
    """Whether rows of related tasks help."""

    source: tuple[str, ...] = Field(min_length=1, description="Working ions of the source task.")
    model: ModelName = Field("histogram_boosting", description="The model that every strategy uses.")
    sizes: tuple[int, ...] = Field(
        (10, 30, 100),
        min_length=1,
        description="Own rows of the learning curves, which end at all of them; each partition draws its own.",
    )
