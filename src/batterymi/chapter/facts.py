"""Numbers that test a claim without a simulation or a campaign: by arithmetic, or looked up in a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array


@dataclass(frozen=True)
class Predictor:
    """A validated model.

    Attributes:
        predict: returns means and half widths of 95 % intervals of designs, each of shape (n_designs,).
        verdict: on its held-out predictions.
    """

    predict: Callable[[pd.DataFrame], tuple[Array, Array]]
    verdict: str


@dataclass(frozen=True)
class Fact:
    """A number, and where it comes from.

    Attributes:
        value: in the unit of the claim that it tests.
        how: the computation in words, with its source.
        lower: lower end of its interval or range, if it has one.
        upper: upper end.
        n: number of rows behind it, if it comes from a table.
        verdict: on the model behind it, if it is a prediction.
    """

    value: float
    how: str
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    verdict: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, without what it does not have."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def describe_spread(values: Sequence[float] | Array, how: str) -> Fact:
    """Return the median of some values with their range.

    Raises:
        ValueError: if there are none.
    """
    if not len(values):
        raise ValueError("a median needs a value")
    return Fact(float(np.median(values)), how, float(np.min(values)), float(np.max(values)), len(values))


def as_plain_data(facts: Mapping[str, Fact | None]) -> dict[str, dict[str, Any] | None]:
    """Return facts as plain data for a JSON file; null for what is unknown."""
    return {name: fact.as_dict() if fact else None for name, fact in facts.items()}
