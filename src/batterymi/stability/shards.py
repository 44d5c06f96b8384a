"""Formulas dealt to shards, a chemical system as a whole, so that its phases are put together once."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from batterymi.arrays import Indices
from batterymi.features.formulas import parse_formulas
from batterymi.vocabulary.elements import SYMBOLS


def name_systems(formulas: Iterable[str]) -> list[str]:
    """Return the chemical system of each formula: its elements in alphabetical order, as Cl-Li."""
    parsed = parse_formulas(formulas)
    parts = np.split(parsed.elements, parsed.starts[1:]) if parsed.n_formulas else []
    return ["-".join(sorted({SYMBOLS[index] for index in part.tolist()})) for part in parts]


def deal_systems(systems: pd.Series, n_shards: int) -> Indices:
    """Deal chemical systems to shards of about the same number of formulas.

    Args:
        systems: of each formula, shape (n_formulas,).
        n_shards: how many shards there are.

    Returns:
        The shard of each formula, shape (n_formulas,).
    """
    sizes = systems.value_counts()
    load, shard_of = [0] * n_shards, {}
    # large ones first, each to the shard that has least, so that shards end up alike
    for system in sorted(sizes.index, key=lambda name: (-int(sizes[name]), name)):
        shard = load.index(min(load))
        shard_of[system] = shard
        load[shard] += int(sizes[system])
    return systems.map(shard_of).to_numpy(np.intp)
