"""From a table's columns to a model's matrix."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from batterymi.config.parts import Feature


def make_encoder(features: Sequence[Feature], columns: Sequence[str]) -> ColumnTransformer:
    """Scale numbers to zero mean and unit variance, and give each category a column of its own.

    A category coded as 0, 1, 2 would claim an order and distances that names do not have.

    Args:
        features: the features of a model, which say what is a category.
        columns: all its columns; those that are not categories are numbers.

    Returns:
        An unfitted transformer from a frame to a float matrix of shape (n_rows, n_columns).
    """
    categories = [feature for feature in features if feature.is_category]
    words = {feature.name for feature in categories}
    numbers = [column for column in columns if column not in words]
    parts: list[tuple[str, Any, list[str]]] = []
    if numbers:
        parts.append(("numbers", StandardScaler(), numbers))
    if categories:
        # declared choices, so that a fold that lacks one of them has the same columns
        choices = [list(feature.choices or ()) for feature in categories]
        encoder = OneHotEncoder(categories=choices, sparse_output=False)
        parts.append(("categories", encoder, [feature.name for feature in categories]))
    return ColumnTransformer(parts)


def make_feature_frame(rows: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Return the columns of a model, in the declared order.

    Args:
        rows: a table or designs.
        features: the features of the model.

    Returns:
        A frame with one column per feature; numbers as float64, categories as objects.
    """
    frame = rows[[feature.name for feature in features]].copy()
    for feature in features:
        kind = object if feature.is_category else float
        frame[feature.name] = frame[feature.name].astype(kind)
    return frame
