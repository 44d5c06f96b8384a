"""Descriptors of composition: Magpie statistics and element fractions, for many formulas at once."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.features.formulas import Compositions
from batterymi.vocabulary.elements import SYMBOLS

ELEMENT_TABLE = Path(__file__).with_name("magpie_elements.csv")
STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
N_FRACTIONS = 103  # hydrogen to lawrencium


def list_magpie_labels() -> list[str]:
    """List the names of the 132 Magpie columns, as matminer gives them."""
    return [f"MagpieData {statistic} {name}" for name in _load_element_table()[0] for statistic in STATISTICS]


def compute_magpie_features(compositions: Compositions) -> NDArray[np.float64]:
    """Compute Magpie's statistics of 22 element properties over each composition.

    Minimum, maximum, range, mean, average deviation and mode, weighted by amount; the mode is the value of the most
    abundant element, the smallest of them at a tie. Properties that Magpie's table lacks for an element are the mean
    over the elements that have one. Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; the numbers equal those of
    matminer's preset "magpie" (Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018).

    Args:
        compositions: n_formulas compositions.

    Returns:
        Shape (n_formulas, 132), columns as `list_magpie_labels`.
    """
    values = _load_element_table()[1][compositions.elements]
    starts, counts = compositions.starts, compositions.counts
    if compositions.n_formulas == 0:
        return np.empty((0, values.shape[1] * len(STATISTICS)))
    weights = compositions.fractions[:, None]
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    mean = compositions.total(weights * values)
    deviation = compositions.total(weights * np.abs(values - np.repeat(mean, counts, axis=0)))
    largest = np.repeat(np.maximum.reduceat(compositions.amounts, starts), counts)
    # amounts are decimals, so equal ones may differ in the last digit
    most_abundant = np.isclose(compositions.amounts, largest)
    mode = np.minimum.reduceat(np.where(most_abundant[:, None], values, np.inf), starts)
    stacked = np.stack([low, high, high - low, mean, deviation, mode], axis=2)
    return stacked.reshape(compositions.n_formulas, -1)


def list_fraction_labels() -> list[str]:
    """List the names of the columns of `compute_element_fractions`."""
    return [f"{symbol} fraction" for symbol in SYMBOLS[:N_FRACTIONS]]


def compute_element_fractions(compositions: Compositions) -> NDArray[np.float64]:
    """Compute the atomic fraction of each element from hydrogen to lawrencium.

    Args:
        compositions: n_formulas compositions.

    Returns:
        Shape (n_formulas, 103); rows add up to 1 unless a formula has a heavier element.
    """
    # room for all elements, since a formula may hold one beyond lawrencium
    matrix = np.zeros((compositions.n_formulas, len(SYMBOLS)))
    matrix[compositions.rows, compositions.elements] = compositions.fractions
    return matrix[:, :N_FRACTIONS]


def get_element_property(name: str) -> NDArray[np.float64]:
    """Return one column of Magpie's element table, shape (118,), in order of atomic number."""
    names, values = _load_element_table()
    return values[:, names.index(name)]


@cache
def _load_element_table() -> tuple[list[str], NDArray[np.float64]]:
    """Load names and values of the properties, shape (118, 22), gaps filled with the mean of the column."""
    table = pd.read_csv(ELEMENT_TABLE, index_col="element")
    # rows are looked up by position, so the order must be that of SYMBOLS
    if tuple(table.index) != SYMBOLS:
        raise ValueError(f"{ELEMENT_TABLE.name} does not list the elements in order")
    filled = table.fillna(table.mean())
    return list(filled.columns), filled.to_numpy(float)
