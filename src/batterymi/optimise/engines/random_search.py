"""Random search, the baseline that every engine has to beat, and a Sobol sequence, which spreads better."""

import numpy as np
import pandas as pd

from batterymi.optimise.engines.base import draw_new_designs, list_taken
from batterymi.optimise.space.problem import Search


def propose_random(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Draw designs uniformly from the space, whatever was found before; see `Engine`."""
    rng = np.random.default_rng([seed, len(history), 2])
    taken = list_taken(search, history, pending)
    return draw_new_designs(search.space, rng, n, taken, "drawn at random", evenly=False)


def propose_sobol(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the next designs of one scrambled Sobol sequence, whatever was found before; see `Engine`."""
    # not seeded by the history: every call continues the same sequence
    rng = np.random.default_rng([seed, 3])
    taken = list_taken(search, history, pending)
    if search.space.list_designs() is not None:
        return draw_new_designs(search.space, rng, n, taken, "next of a Sobol sequence")
    sequence = search.space.fill_codes(rng, len(taken) + n)
    left = sequence[search.space.is_distinct(sequence, taken)]
    # earlier ones were proposed already, unless other designs replaced them
    first = min(len(taken), max(len(left) - n, 0))
    rest = left[first : first + n]
    return search.space.frame(rest).assign(why="next of a Sobol sequence")
