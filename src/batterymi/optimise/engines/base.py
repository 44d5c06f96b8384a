"""The interface of engines, and what they share."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space

N_ANCHORS = 4
MIN_ROWS = 3


class Engine(Protocol):
    """A strategy that proposes designs from what is known.

    It keeps no state between calls: the same history and seed give the same designs, so that a killed campaign resumes
    as if it had not been interrupted.
    """

    def __call__(
        self, search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Propose designs.

        Args:
            search: objectives and limits, and the space.
            history: evaluated designs with their outcomes, `failure`, `score`, `violation` and `feasible`.
            n: how many designs.
            seed: of every random choice.
            pending: designs under way, which are not proposed again.

        Returns:
            Up to n designs that are allowed and new, with a column `why`, by what they were chosen; fewer where the
            space is exhausted. An engine with a model adds what that expects of each design from the measured rows
            alone, in the columns that `vocabulary.expected` names: mean and standard deviation of each modelled
            outcome, and the probabilities that limits are met and nothing fails.
        """


def make_suggestions(
    space: Space, chosen: Sequence[Array], reasons: Sequence[str], expect: Callable[[Array], pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Return designs in codes as a table with reasons.

    Args:
        space: where they come from.
        chosen: arrays of shape (1, n_features).
        reasons: one for each.
        expect: what the engine's model expects of designs in codes, if it has one; see `Engine`.

    Returns:
        One row per design.
    """
    # vstack refuses an empty list
    codes = np.vstack(chosen) if len(chosen) else np.empty((0, len(space.features)))
    frame = space.frame(codes).assign(why=list(reasons))
    return frame if expect is None or frame.empty else pd.concat([frame, expect(codes)], axis=1)


def list_taken(search: Search, history: pd.DataFrame, pending: pd.DataFrame | None) -> Array:
    """Return designs that are known, under way or excluded, in codes."""
    parts = [search.space.codes(history)]
    parts += [] if pending is None else [search.space.codes(pending)]
    parts += [] if search.excluded is None else [search.excluded]
    return np.vstack(parts)


def list_anchors(search: Search, known: pd.DataFrame) -> Array:
    """Return the best designs known, in codes; before any is feasible, those with the least violation."""
    ranked = known.sort_values(["feasible", "violation", "score"], ascending=[False, True, True])
    return search.space.codes(ranked.head(N_ANCHORS))


def can_learn(search: Search, known: pd.DataFrame) -> bool:
    """Return whether there are enough results of each outcome to fit a model to; equal scores teach it nothing."""
    if known[search.modelled].notna().sum().min() < MIN_ROWS:
        return False
    # rows that lack an outcome have no score, and all that hit a target have the same
    is_scored = known["score"].notna().all() and not any(objective.window for objective in search.optimised)
    names = ["score"] if is_scored else [objective.name for objective in search.optimised]
    return bool((known[names].nunique() > 1).any())


def prefer_within_bounds(search: Search, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose designs lie within the search range, or all if none does.

    Rows from before the range was changed teach the models, but what is best among them cannot be had any more.
    """
    places = np.flatnonzero(is_within_bounds(search.space, rows))
    return rows.iloc[places] if len(places) else rows


def is_within_bounds(space: Space, rows: pd.DataFrame) -> Mask:
    """Return which rows have designs within the search range, shape (n_rows,)."""
    codes, slack = space.codes(rows), 1e-9 * space.width
    is_inside = (codes >= space.lower - slack) & (codes <= space.lower + space.width + slack)
    if space.applicability is not None:
        is_inside |= space.applicability.is_absent(codes)
    return np.asarray(is_inside.all(axis=1))


def fill_space(space: Space, rng: np.random.Generator, n: int, taken: Array) -> pd.DataFrame:
    """Return designs that fill the space evenly, where there is too little to learn from."""
    return draw_new_designs(space, rng, n, taken, "fills the space evenly; there is too little to learn from yet")


def draw_new_designs(
    space: Space, rng: np.random.Generator, n: int, taken: Array, why: str, *, evenly: bool = True
) -> pd.DataFrame:
    """Draw designs that were not taken, evenly spread or random.

    Args:
        space: where they come from.
        rng: source of randomness.
        n: how many.
        taken: designs not to choose again, in codes.
        why: the reason given for each.
        evenly: by a Sobol sequence; else at random.

    Returns:
        Up to n designs; fewer where the space is exhausted.
    """
    listed = space.list_designs()
    chosen: list[Array] = []
    # draws repeat on coarse grids; bounded, since the space may be exhausted
    for _ in range(50):
        missing = n - len(chosen)
        if listed is not None:
            drawn = listed[rng.permutation(len(listed))]
        else:
            drawn = space.fill_codes(rng, missing) if evenly else space.sample_codes(rng, missing)
        for design in drawn:
            if len(chosen) < n and space.is_distinct(design[None], taken)[0]:
                chosen.append(design[None])
                taken = np.vstack([taken, design])
        if len(chosen) == n or listed is not None:
            break
    return make_suggestions(space, chosen, [why] * len(chosen))
