"""Permutation importances: how much each feature contributes to predictions of held-out rows."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.parts import Simplex
from batterymi.surrogates.validation import CrossValidation, OutOfFold
from batterymi.vocabulary.splits import ARROW

MOST_EXCHANGED = 5  # fractions up to which all pairs are exchanged


def compute_permutation_importances(
    name: str, validation: CrossValidation, out: OutOfFold, n_repeats: int, simplex: Simplex | None = None
) -> pd.DataFrame:
    """Measure how much the error of held-out rows grows when one feature is taken from another row.

    Each row is predicted by the model that was fitted without it, so features that only help to memorise do not count.
    The columns of a descriptor are shuffled together, since they carry the same information.

    Fractions of one whole cannot change alone: a composition that does not add up is outside anything that a model
    learned from, and what it says there is no effect of the fraction. So a fraction is taken from another row, and the
    others fill the rest in the proportions that they had (Cox 1971, doi:10.1093/biomet/58.1.155). What a fraction does
    in that direction includes what the others do on the way: a property of Ni alone changes with Co too, since Ni has
    to give way. Which of them matters shows where two are exchanged, and the others stay.

    Args:
        name: the model.
        validation: the cross-validation.
        out: its predictions, and its models if they were fitted by the same job; else they are fitted again.
        n_repeats: shuffles per feature.
        simplex: features that are fractions of one whole.

    Returns:
        Columns feature (or descriptor, or pair of fractions), repeat, rmse_increase (in the objective's unit).
    """
    problem, rng = validation.problem, np.random.default_rng(validation.seed)
    frame, observed = problem.frame.iloc[: problem.n_scored], problem.scored
    models = out.models or tuple(validation.fit_folds(name, out.chosen))
    base = np.sqrt(np.mean((observed - out.mean) ** 2))
    rows = []
    for feature, shuffle in _list_moves(problem.inputs.parts(frame), simplex):
        orders = [rng.permutation(len(frame)) for _ in range(n_repeats)]
        predicted = np.empty((n_repeats, len(frame)))
        for (_, test), model in zip(validation.splits, models, strict=True):
            # all repeats in one call: predicting few rows costs mostly overhead
            places, others = np.tile(test, n_repeats), np.concatenate([order[test] for order in orders])
            moved = shuffle.apply(frame, places, others)
            predicted[:, test] = model.predict_mean(moved).reshape(n_repeats, -1)
        error = np.sqrt(np.mean((observed - predicted) ** 2, axis=1))
        rows += [
            {"feature": feature, "repeat": repeat, "rmse_increase": value} for repeat, value in enumerate(error - base)
        ]
    return pd.DataFrame(rows)


class Move:
    """What is taken from another row: some columns as they are."""

    def __init__(self, columns: list[str]) -> None:
        """Take the columns."""
        self.columns = columns

    def apply(self, frame: pd.DataFrame, places: Indices, others: Indices) -> pd.DataFrame:
        """Return rows of a frame, with these columns from other rows.

        Args:
            frame: values of all columns.
            places: the rows, shape (n,).
            others: the rows that the columns are from, shape (n,).
        """
        moved = frame.iloc[places].reset_index(drop=True)
        drawn = frame[self.columns].iloc[others]
        # a single column may be a category; the columns of a descriptor are numbers
        values = drawn.to_numpy(dtype=object) if len(self.columns) == 1 else drawn.to_numpy(float)
        moved[self.columns] = self.combine(moved, values)
        # an assigned object array would leave numbers as objects
        return moved.astype(frame.dtypes.to_dict())

    def combine(self, moved: pd.DataFrame, drawn: Array) -> Array:
        """Return the new values of the columns, shape (n, n_columns)."""
        return drawn


class MoveOnSimplex(Move):
    """One fraction, or the shares of two in their sum; the fractions add up to what they did."""

    def __init__(self, taken: list[str], simplex: Simplex) -> None:
        """Take one fraction, or two."""
        super().__init__(list(simplex.features))
        self._taken = [self.columns.index(name) for name in taken]

    def combine(self, moved: pd.DataFrame, drawn: Array) -> Array:
        """Return new fractions, shape (n, n_fractions)."""
        values = moved[self.columns].to_numpy(float)
        first, *second = self._taken
        rest = np.delete(np.arange(values.shape[1]), first) if not second else np.array(second)
        whole = values[:, [first, *rest]].sum(axis=1)
        share = drawn[:, first] / np.maximum(drawn[:, [first, *rest]].sum(axis=1), 1e-300)
        left = values[:, rest].sum(axis=1, keepdims=True)
        # fractions that were all zero share what is left to them equally
        proportions = np.where(left > 0, values[:, rest] / np.where(left > 0, left, 1.0), 1 / len(rest))
        values[:, first] = whole * share
        values[:, rest] = (whole * (1 - share))[:, None] * proportions
        return values


def _list_moves(parts: dict[str, list[str]], simplex: Simplex | None) -> Iterator[tuple[str, Move]]:
    """Yield what is taken from another row, by name: each feature and descriptor, and pairs of fractions."""
    # an ablation may leave one of them out, and then the others are free
    fractions = [name for name in simplex.features if name in parts] if simplex else []
    is_whole = simplex is not None and len(fractions) == len(simplex.features)
    for name, columns in parts.items():
        yield name, MoveOnSimplex([name], simplex) if simplex and is_whole and name in fractions else Move(columns)
    if simplex and is_whole and 2 < len(fractions) <= MOST_EXCHANGED:
        for pair in combinations(fractions, 2):
            yield ARROW.join(pair), MoveOnSimplex(list(pair), simplex)
