"""Designs that move in steps: the nearest ones, and lists of all."""

import itertools
from collections.abc import Sequence
from math import prod

import numpy as np

from batterymi.arrays import Array
from batterymi.config.parts import Feature, Simplex


def find_nearest_level(values: Array, levels: Array) -> Array:
    """Find the level nearest to each value, shape (n,); the levels must rise."""
    # clipped, so that values outside the levels go to the first or the last
    above = np.clip(np.searchsorted(levels, values), 1, len(levels) - 1)
    low, high = levels[above - 1], levels[above]
    return np.where(values - low <= high - values, low, high)


def snap_parts(parts: Array, lower: Array, upper: Array, step: float, total: float = 1.0) -> Array:
    """Round compositions to multiples of a step; they add up to the total and stay within the bounds.

    Parts are rounded down, and the steps that are then missing go to the parts that lost most (the method of largest
    remainders).

    Args:
        parts: shape (n, n_parts).
        lower: smallest parts, the same for all rows or of each.
        upper: largest parts.
        step: divides the total.
        total: what the parts add up to.

    Returns:
        Shape (n, n_parts).

    Raises:
        ValueError: if no composition of such steps lies within the bounds.
    """
    whole, low, high = _compute_step_bounds(lower, upper, step, total)
    exact = parts / step
    # a whole number of steps may divide to just below an integer
    count = np.clip(np.floor(exact + 1e-9), low, high)
    remainder = exact - count
    missing = whole - count.sum(axis=1)
    rows = np.arange(len(parts))
    while (missing != 0).any():
        # the part furthest below its exact value gains a step, or the one furthest above loses one
        room = np.where(missing[:, None] > 0, count < high, count > low)
        sign = np.sign(missing)
        best = np.argmax(np.where(room, remainder * sign[:, None], -np.inf), axis=1)
        count[rows, best] += sign
        remainder[rows, best] -= sign
        missing -= sign
    return np.round(count * step, 12)


def _compute_step_bounds(lower: Array, upper: Array, step: float, total: float) -> tuple[int, Array, Array]:
    """Compute the number of steps of the whole, and the smallest and largest number of each part."""
    whole = round(total / step)
    # with 0 added, since the ceiling of a tiny negative number is -0, which files would show
    low, high = np.ceil(lower / step - 1e-9) + 0.0, np.floor(upper / step + 1e-9)
    if (low > high).any() or (low.sum(axis=-1) > whole).any() or (high.sum(axis=-1) < whole).any():
        raise ValueError(f"no composition in steps of {step:g} meets the bounds; take a smaller step or wider bounds")
    return whole, low, high


def enumerate_grid(features: Sequence[Feature], simplex: Simplex | None, limit: int) -> Array | None:
    """List the codes of all designs of a space in which everything moves in steps.

    Args:
        features: numbers with steps or levels, and categories.
        simplex: fractions that add up to 1, or None.
        limit: most designs to list.

    Returns:
        Shape (n_designs, n_features), whatever the constraints; None if there are more, or some number is continuous.
    """
    names = [feature.name for feature in features]
    parts = list(simplex.features) if simplex else []
    values = {f.name: _list_values(f) for f in features if f.name not in parts}
    if any(value is None for value in values.values()):
        return None
    lists = {name: levels for name, levels in values.items() if levels is not None}
    compositions = np.empty((1, 0))
    if simplex is not None:
        if not simplex.step:
            return None
        ranges = {f.name: f.range or (0.0, simplex.total) for f in features}
        found = _enumerate_compositions([ranges[name] for name in parts], simplex, limit)
        if found is None:
            return None
        compositions = found
    # counted before anything is listed, since the list may not fit the memory
    if prod(map(len, lists.values())) * len(compositions) > limit:
        return None
    combinations = list(itertools.product(*lists.values()))
    free = np.array(combinations, float).reshape(len(combinations), len(lists))
    rows = np.hstack([np.repeat(free, len(compositions), axis=0), np.tile(compositions, (len(free), 1))])
    order = [*lists, *parts]
    return rows[:, [order.index(name) for name in names]]


def _list_values(feature: Feature) -> Array | None:
    """List all values of a feature; None if they are continuous."""
    if feature.is_conditional:
        return None  # its values depend on others
    if feature.choices:
        return np.arange(len(feature.choices), dtype=float)
    if feature.levels:
        return np.log10(feature.levels) if feature.is_logarithmic else np.array(feature.levels)
    if feature.step and feature.bounds:
        low, high = np.log10(feature.bounds) if feature.is_logarithmic else feature.bounds
        n_steps = int(np.floor((high - low) / feature.step + 1e-9))
        return np.round(low + np.arange(n_steps + 1) * feature.step, 12)
    return None


def _enumerate_compositions(ranges: Sequence[tuple[float, float]], simplex: Simplex, limit: int) -> Array | None:
    """List all compositions in steps within ranges; None if there are more than the limit.

    Where parts may be left out, more are listed than the rules allow.
    """
    step, total = simplex.step or 0.0, simplex.total
    lower, upper = np.array(ranges, float).T
    whole, low, high = _compute_step_bounds(lower, upper, step, total)
    counts = np.zeros((1, 0))
    for i in range(len(ranges) - 1):
        taken = counts.sum(axis=1, keepdims=True)
        choices = np.arange(low[i], high[i] + 1)
        if len(counts) * len(choices) > 50 * limit:
            return None
        counts = np.hstack([np.repeat(counts, len(choices), axis=0), np.tile(choices[:, None], (len(counts), 1))])
        rest = whole - np.repeat(taken[:, 0], len(choices)) - counts[:, -1]
        # prune early: the remaining parts cannot make up a rest outside this range
        counts = counts[(rest >= low[i + 1 :].sum()) & (rest <= high[i + 1 :].sum())]
    counts = np.hstack([counts, whole - counts.sum(axis=1, keepdims=True)])
    return None if len(counts) > limit else np.round(counts * step, 12)
