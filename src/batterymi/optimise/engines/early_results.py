"""Outcomes that learn from cheaper measurements which come earlier, as a cycle life from the capacity of cycle 10."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.optimise.engines.cokriging import fit_cokriging
from batterymi.optimise.engines.gaussian import fit_process
from batterymi.optimise.engines.levels import LevelModel
from batterymi.optimise.engines.models import Clipping, OutcomeModel, group_replicates, scale_outcome, select_measured
from batterymi.optimise.space.problem import Search
from batterymi.vocabulary.expected import BOTH, EARLY_ONLY

EARLY, LATE = 0, 1  # levels
MIN_PAIRS = 5  # designs with both results, from which the relation of the two is learned


def list_informative(search: Search) -> list[str]:
    """Return the outcomes that models learn from: those that are modelled, and early measurements of them."""
    return list(dict.fromkeys([*search.modelled, *(early.column for early in search.early.values())]))


def learn_from_early(
    search: Search,
    known: pd.DataFrame,
    name: str,
    alone: OutcomeModel,
    noise: Array | None,
    rng: np.random.Generator,
) -> OutcomeModel:
    """Return the model of a late outcome that learns from early results too.

    Args:
        search: objectives and limits, and the space.
        known: rows with some result.
        name: the late outcome.
        alone: its model from late results alone.
        noise: variance of each late result on its scale, as `fit_process` takes it.
        rng: of the fit.

    Returns:
        A `LevelModel`; or `alone`, where too few designs have both results, or the early ones tell too little.
    """
    if count_pairs(search, known, name) < MIN_PAIRS:
        return alone
    replicates, values, errors = select_measured(search.space, known, search.early[name].column)
    early = scale_outcome(
        replicates, values, is_noisy=search.is_noisy, clipping=Clipping("both"), bend=True, errors=errors
    )
    first = fit_process(search.space.inputs(replicates.codes), early.values, early.noise, rng)
    process = fit_cokriging(first, alone.process, noise, rng)
    return alone if process is None else LevelModel(process, alone.warp, LATE)


def count_pairs(search: Search, known: pd.DataFrame, name: str) -> int:
    """Return how many designs have both the early and the late result of an outcome."""
    both = known[known[[name, search.early[name].column]].notna().all(axis=1)]
    return len(group_replicates(search.space.codes(both)).codes) if len(both) else 0


def find_partly_measured(search: Search, history: pd.DataFrame) -> Mask:
    """Return which rows have an early result and may still get the late one, shape (n_rows,)."""
    found = np.zeros(len(history), dtype=bool)
    for name, early in search.early.items():
        found |= (history[early.column].notna() & history[name].isna()).to_numpy()
    # a late measurement that failed is a failure of the row
    return found & (history["failure"] == "").to_numpy()


@dataclass(frozen=True)
class Costs:
    """What the measurements of one design cost together.

    Attributes:
        early: all early ones.
        late: all late ones, which is what going on costs.
    """

    early: float
    late: float

    @classmethod
    def add_up(cls, search: Search) -> "Costs":
        """Add up the costs of a search; an early measurement that tells of two outcomes is paid once."""
        early = {one.column: one.cost for one in search.early.values()}
        late = [objective.cost for objective in search.objectives if objective.name in search.early]
        return cls(sum(early.values()), sum(cost for cost in late if cost is not None))

    @property
    def both(self) -> float:
        """Return the cost of measuring a new design in full."""
        return self.early + self.late

    def find(self, measure: str) -> float:
        """Return what it costs to measure what a suggestion says; for one to stop, what is saved."""
        return {EARLY_ONLY: self.early, BOTH: self.both}.get(measure, self.late)
