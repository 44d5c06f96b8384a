"""Random search: the baseline that every engine has to beat."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.optimise.space import Space


class RandomEngine:
    """Designs drawn uniformly from the space, whatever was found before."""

    def __init__(self, space: Space, designs: pd.DataFrame, values: NDArray[np.float64], seed: int) -> None:
        """Keep the space and the source of randomness."""
        self._space = space
        self._rng = np.random.default_rng(seed)

    def ask(self) -> pd.DataFrame:
        """One design, drawn uniformly."""
        return self._space.sample(self._rng, 1)

    def tell(self, design: pd.DataFrame, value: float) -> None:
        """Learn nothing."""
