"""The best of all shards, exactly, and what all scored candidates are like."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Objective
from batterymi.config.screen import CHANCE, Screen
from batterymi.features.composition import compute_element_fractions
from batterymi.features.formulas import identify_compositions, parse_formulas
from batterymi.screening.sources import FORMULA, POSITION

Array = NDArray[np.float64]
LIKELY = (0.1, 0.5)  # probabilities of a value beyond the threshold, above which candidates are counted


class Moments:
    """Number, mean and standard deviation of values that come in pieces."""

    def __init__(self) -> None:
        """Start without values."""
        self.n, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, values: Array) -> None:
        """Add values."""
        self.n += len(values)
        self._sum += float(values.sum())
        self._squares += float((values**2).sum())

    @property
    def mean(self) -> float:
        """Return the mean, NaN without values."""
        return self._sum / self.n if self.n else float("nan")

    @property
    def deviation(self) -> float:
        """Return the standard deviation, NaN without values."""
        # rounding can make the variance of equal values negative
        return float(np.sqrt(max(self._squares / self.n - self.mean**2, 0.0))) if self.n else float("nan")


@dataclass(frozen=True)
class Best:
    """The outcome of a screen.

    Attributes:
        candidates: the best of those that are known to pass every gate, best first.
        undecided: the best of those that pass, but of which a gate that lets unknown ones pass is unknown.
        n_undecided: how many these are.
        moments: of all predictions.
        inside: how many candidates lie inside the applicability domain.
        likely: how many of those that pass every gate are beyond the objective's threshold with a larger probability
            than each of `LIKELY`, by its text.
    """

    candidates: pd.DataFrame
    undecided: pd.DataFrame
    n_undecided: int
    moments: Moments
    inside: int
    likely: dict[str, int]


def merge_best(blocks: Iterable[pd.DataFrame], screen: Screen, target: Objective) -> Best:
    """Merge blocks of scored candidates.

    Exact, whatever the blocks' order: candidates are ordered by prediction, or by its distance to a target, which of
    several within its window is that of the intervals, or by its product with another number, or by the probability of
    a value beyond the threshold, and,
    where that is equal, by their position in the list; of a composition that is listed twice, also as another formula,
    the first in that order counts, unless candidates have ids. Only one block and the best so far are in memory.

    Args:
        blocks: scored candidates, an empty block too, for the columns.
        screen: how many are listed, and in which order.
        target: the objective that was predicted.
    """
    moments, inside, n_undecided, best, undecided = {}, 0, 0, pd.DataFrame(), pd.DataFrame()
    likely = dict.fromkeys(map(str, LIKELY), 0)
    for frame in blocks:
        if not len(best.columns):
            best = undecided = frame.head(0)
        if not len(frame):
            continue
        block = Moments()
        block.add(frame["predicted"].to_numpy(float))
        # by position in the list, so that sums are added up in one order whatever the shards
        moments[int(frame[POSITION].iloc[0])] = block
        inside += int(frame["inside"].sum())
        passed = frame[frame["passed"]]
        for least in LIKELY:
            likely[str(least)] += int((passed[CHANCE] > least).sum())
        n_undecided += int(passed["undecided"].sum())
        best = _choose_best(best, passed[~passed["undecided"]], screen, target)
        undecided = _choose_best(undecided, passed[passed["undecided"]], screen, target)
    candidates, others = (found.reset_index(drop=True) for found in (best, undecided))
    return Best(candidates, others, n_undecided, _join_moments(moments), inside, likely)


def multiply(frame: pd.DataFrame, screen: Screen, column: str = "predicted") -> Array:
    """Return a column of predictions, times the number that the screen multiplies them by."""
    values = frame[column].to_numpy(float)
    return values * frame[screen.times].to_numpy(float) if screen.times else values


def _choose_best(best: pd.DataFrame, more: pd.DataFrame, screen: Screen, target: Objective) -> pd.DataFrame:
    """Return the best rows of two frames, best first, each composition once; the first frame is one of these."""

    def rank(frame: pd.DataFrame) -> list[Array]:
        """Return what is compared, each the smaller the better, the most important first."""
        cost = target.compute_cost(multiply(frame, screen))
        return [-frame[CHANCE].to_numpy(float), cost] if screen.order_by == CHANCE else [cost]

    # what is worse than the last of the best cannot enter, so less has to be sorted
    if len(best) == screen.best:
        more = more[rank(more)[0] <= rank(best)[0][-1]]
    frame = pd.concat([best, more]) if len(best) else more
    keys = [frame[POSITION].to_numpy(), *reversed(rank(frame))]
    if target.window:
        # the surest first of those that are predicted to hit it
        keys.insert(1, target.compute_cost(frame[["lower_95", "upper_95"]].to_numpy(float)).max(axis=1))
    order = np.lexsort(keys)
    ordered = frame.iloc[order]
    same = pd.DataFrame({FORMULA: identify_compositions(ordered[FORMULA])})
    # compounds of one composition, and candidates of several formulas
    for name in ordered.select_dtypes(exclude=["number", "bool"]):
        if name not in (FORMULA, "out_of_range"):
            same[name] = ordered[name].to_numpy()
    return ordered[~same.duplicated().to_numpy()].head(screen.best)


def _join_moments(blocks: dict[int, Moments]) -> Moments:
    """Add up moments of all blocks in the order of the list, so that the shards don't change the last digit."""
    total = Moments()
    for position in sorted(blocks):
        block = blocks[position]
        total.n += block.n
        total._sum += block._sum
        total._squares += block._squares
    return total


def find_nearest(formulas: pd.Series, rows: pd.DataFrame, formula_column: str | None, objective: str) -> pd.DataFrame:
    """Find the row of the table whose composition is most like each candidate's.

    Args:
        formulas: the candidates.
        rows: the table.
        formula_column: its formulas; None if it has none.
        objective: its measured column.

    Returns:
        Columns nearest_known, atoms_exchanged (share of atoms to exchange to get from one to the other, 0 for the same
        composition, 1 for no element in common), nearest_measured; index as `formulas`.
    """
    if formula_column is None:
        return pd.DataFrame(index=formulas.index)
    known = compute_element_fractions(parse_formulas(rows[formula_column]))
    wanted = compute_element_fractions(parse_formulas(formulas))
    # halved, since an exchanged atom is missing on one side and in excess on the other
    exchanged = [np.abs(known - fractions).sum(axis=1) / 2 for fractions in wanted]
    nearest = [int(np.argmin(distances)) for distances in exchanged]
    return pd.DataFrame(
        {
            "nearest_known": rows[formula_column].to_numpy()[nearest],
            "atoms_exchanged": [float(distances[row]) for distances, row in zip(exchanged, nearest, strict=True)],
            "nearest_measured": rows[objective].to_numpy(float)[nearest],
        },
        index=formulas.index,
    )
