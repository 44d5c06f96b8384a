"""Why designs are none of a campaign's, in words: bounds, steps, compositions and constraints."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature, Simplex
from batterymi.optimise.space.space import Space

SLACK = 1e-9


def list_broken_rules(space: Space, designs: pd.DataFrame) -> list[list[str]]:
    """Return for each design the rules that it breaks, each in words; nothing where it breaks none.

    Args:
        space: of the campaign's designs; whether a list of candidates has the designs does not matter.
        designs: one row per design.
    """
    if designs.empty:
        return []
    codes, margins = space.codes(designs), space.margins(designs)
    low = np.broadcast_to(space.lower, codes.shape)
    high = low + space.width
    if space.applicability is not None:
        low, high = space.applicability.get_bounds(codes)
    found = []
    for row, (_, design) in enumerate(designs.iterrows()):
        said = [
            reason
            for column, feature in enumerate(space.features)
            if not feature.is_category and pd.notna(design[feature.name])
            for reason in _find_value_faults(
                feature, float(design[feature.name]), float(low[row, column]), float(high[row, column])
            )
        ]
        if space.simplex is not None:
            said += _find_part_faults(space.simplex, {name: float(design[name]) for name in space.simplex.features})
        said += [
            f"it breaks '{name}' by {-margins[name].iloc[row]:.3g}"
            for name in margins
            if margins[name].iloc[row] < -SLACK
        ]
        found.append(said)
    return found


def _find_value_faults(feature: Feature, value: float, low: float, high: float) -> Iterator[str]:
    """Yield what is wrong with a number, whose bounds are given in codes."""
    code = float(np.log10(value)) if feature.is_logarithmic and value > 0 else value
    if np.isnan(low):
        yield f"{feature.name} is {value:g}, but does not apply there"
    elif not low - SLACK * max(abs(low), 1.0) <= code <= high + SLACK * max(abs(high), 1.0):
        ends = (10**low, 10**high) if feature.is_logarithmic else (low, high)
        if feature.bounds or feature.levels or feature.own_ranges:
            yield f"{feature.name} is {value:g}, outside {ends[0]:g} to {ends[1]:g}"
    elif feature.levels:
        if not np.isclose(value, feature.levels, rtol=1e-9, atol=0).any():
            levels = ", ".join(f"{level:g}" for level in feature.levels)
            yield f"{feature.name} is {value:g}, none of the levels {levels}"
    elif feature.step and _is_off_step(code - low, feature.step):
        unit = " decades" if feature.is_logarithmic else ""
        start = 10**low if feature.is_logarithmic else low
        yield f"{feature.name} is {value:g}, off the step of {feature.step:g}{unit} from {start:g}"


def _find_part_faults(simplex: Simplex, parts: dict[str, float]) -> Iterator[str]:
    """Yield what is wrong with a composition, but for bounds of its parts."""
    total, used = sum(parts.values()), {name: value for name, value in parts.items() if value > 0}
    if abs(total - simplex.total) > SLACK * max(simplex.total, 1.0):
        yield f"{' + '.join(parts)} is {total:.6g}, not {simplex.total:g}"
    if simplex.step:
        off = [f"{name} is {value:g}" for name, value in used.items() if _is_off_step(value, simplex.step)]
        if off:
            yield f"{', '.join(off)}, off the step of {simplex.step:g}"
    if simplex.max_parts and len(used) > simplex.max_parts:
        yield f"{len(used)} parts are used, at most {simplex.max_parts} may be"
    if simplex.min_parts and len(used) < simplex.min_parts:
        yield f"{len(used)} part{' is' if len(used) == 1 else 's are'} used, at least {simplex.min_parts} must be"
    for name, value in used.items():
        if value < simplex.get_least(name) * (1 - SLACK):
            yield f"{name} is {value:g}, below {simplex.get_least(name):g}, the least when it is used"


def _is_off_step(distance: float, step: float) -> bool:
    """Return whether a distance is no whole number of steps."""
    return bool(abs(distance - np.round(distance / step) * step) > 1e-6 * step)
