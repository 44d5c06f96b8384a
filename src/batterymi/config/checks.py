"""Checks of single values in settings."""

import itertools
import math
import unicodedata
from collections.abc import Mapping, Sequence

from batterymi.config.expressions import parse_condition
from batterymi.registry import BASELINES
from batterymi.spelling import did_you_mean

Range = tuple[float, float]

CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode


def check_ascending(value: Range) -> Range:
    """Refuse a pair whose first number is not below its second."""
    if not value[0] < value[1]:
        raise ValueError(
            f"the lower bound {value[0]:g} is not below the upper bound {value[1]:g}; write [lower, upper]"
        )
    return value


def check_condition(value: str) -> str:
    """Refuse a condition that cannot be parsed."""
    parse_condition(value)
    return value


def check_constraint(value: str) -> str:
    """Refuse a constraint that cannot be parsed."""
    parse_condition(value, equality=True)
    return value


def check_increasing(value: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse levels that do not increase."""
    if any(not low < high for low, high in itertools.pairwise(value)):
        raise ValueError("levels must increase strictly")
    return value


def check_models(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse models that are listed twice, or lack the baselines."""
    # verdicts and the summary compare every model with these
    missing = [name for name in BASELINES if name not in value]
    if missing:
        raise ValueError(f"the baselines are required: add {', '.join(missing)}")
    if twice := [name for name in value if value.count(name) > 1]:
        raise ValueError(f"'{twice[0]}' is listed twice")
    return value


def check_inside_folder(value: str) -> str:
    """Refuse a path that leaves the workflow's folder."""
    # compared part by part, since `..` may occur inside a longer name
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"'{value}' leaves the workflow's folder; give a path inside it")
    # Python raises a ValueError, not an OSError, for such a path
    if "\0" in value:
        raise ValueError(f"{value!r} is not a path")
    return value


def find_range_problem(ranges: Sequence[Range], step: float | None, *, is_logarithmic: bool) -> str:
    """Say what is wrong with the search ranges of a number and its step; an empty text where nothing is."""
    for low, high in ranges:
        if is_logarithmic and low <= 0:
            return f"scale: log needs values above 0, found {low:g}"
        width = math.log10(high / low) if is_logarithmic else high - low
        if step is not None and step > width * (1 + 1e-9):
            return f"a step of {step:g}{' decades' if is_logarithmic else ''} is wider than the bounds {[low, high]}"
    return ""


def find_simplex_problem(
    features: Sequence[str], total: float, step: float | None, least: float | Mapping[str, float] | None
) -> str:
    """Say what is wrong with the numbers of a simplex; an empty text where nothing is."""
    if twice := [name for name in features if list(features).count(name) > 1]:
        return f"the feature '{twice[0]}' is listed twice"
    # with a tolerance, since steps such as 0.1 are not exact in binary
    if step is not None and (step > total / 2 or abs(total / step - round(total / step)) > 1e-6):
        return f"{total:g} is not a multiple of {step:g}, so no composition of such steps adds up to it"
    if isinstance(least, Mapping):
        for name in sorted(least.keys() - set(features)):
            return f"min_when_used: '{name}' is not a fraction; {did_you_mean(name, features)}"
    elif least is not None and least <= 0:
        return f"min_when_used is {least:g}; it must be above 0"
    return ""


def find_cost_problem(early: float | None, late: float | None) -> str:
    """Say what is wrong with the costs of an early measurement and of the late one; an empty text where nothing is."""
    if (early is None) != (late is None):
        return "early and cost belong together; give both, or neither"
    if early is not None and late is not None and not early < late:
        return f"early.cost {early:g} is not below cost {late:g}, so it saves nothing"
    return ""


def refuse_line_breaks(value: str) -> str:
    """Refuse line breaks and other control characters."""
    if value != strip_control_characters(value):
        raise ValueError("it contains a control character; write it as one line of text")
    return value


def strip_control_characters(value: str) -> str:
    """Strip line breaks and other control characters from a text."""
    return "".join(character for character in value if unicodedata.category(character) not in CONTROL)
