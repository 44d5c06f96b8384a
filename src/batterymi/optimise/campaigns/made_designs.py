"""Designs that were made already, though not to the last digit: they are not proposed again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.optimise.campaigns.ledger_lines import Batch
from batterymi.optimise.campaigns.matched_results import find_half_step, list_answered
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import SPLIT, WITHDRAWN

Searched = TypeVar("Searched", bound=Search)


def exclude_made_designs(search: Searched, table: pd.DataFrame, batches: Sequence[Batch] = ()) -> Searched:
    """Return a search that proposes no design again that rows of the table have within half a step.

    Of a list of designs it is a quarter.

    Rows that are withdrawn do not count.

    Args:
        search: objectives and limits, and the space.
        table: the study's table.
        batches: of the study's ledger; designs of suggestions that a row answers are excluded too.
    """
    space = search.space
    rows = table[table[SPLIT] != WITHDRAWN]
    parts = [_find_rounded(space, space.codes(rows))] if len(rows) else []
    if answered := list_answered(batches, table, space, search.objectives):
        parts.append(space.codes(pd.DataFrame(answered)))
    made = np.vstack(parts) if parts else np.empty((0, len(space.features)))
    return replace(search, excluded=made if len(made) else None)


def _find_rounded(space: Space, codes: Array) -> Array:
    """Return the designs of the space that rows have within its steps: of each row the nearest one."""
    limits = np.array([find_half_step(feature, space) for feature in space.features])
    listed = space.list_designs() if space.candidates is not None else None
    if listed is None:
        nearest = space.snap_to_grid(codes)
    else:
        # listed designs need not lie on steps, so that one within half a step may be another on purpose
        limits = np.maximum(0.5 * limits, 1e-9)
        nearest = np.array([listed[int((np.abs(listed - code) / limits).max(axis=1).argmin())] for code in codes])
    # rows beyond the bounds round to designs that they do not have
    is_near = (np.abs(nearest - codes) <= limits).all(axis=1)
    return nearest[is_near & (nearest != codes).any(axis=1)]
