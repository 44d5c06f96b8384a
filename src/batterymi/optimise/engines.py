"""What every engine offers: ask for a design, tell its outcome."""

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.optimise.space import Space


class Engine(Protocol):
    """A strategy that proposes designs one after the other.

    An engine is made with the designs that were evaluated so far, so that several engines can start from the same
    ones, and a campaign can be taken up where it stopped.
    """

    def __init__(self, space: Space, designs: pd.DataFrame, values: NDArray[np.float64], seed: int) -> None:
        """Start from evaluated designs.

        Args:
            space: where designs come from.
            designs: evaluated designs.
            values: what was told of them; smaller is better, finite.
            seed: of every random choice.
        """

    def ask(self) -> pd.DataFrame:
        """One design inside the space, as a frame of one row."""

    def tell(self, design: pd.DataFrame, value: float) -> None:
        """Report the value of the design asked for last."""
