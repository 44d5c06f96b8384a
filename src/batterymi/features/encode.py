"""From a table's columns to a model's matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Feature
from batterymi.vocabulary.arguments import GRAPH_COLUMN

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder


def make_encoder(features: Sequence[Feature], columns: Sequence[str]) -> "ColumnTransformer":
    """Scale numbers to zero mean and unit variance, and give each category a column of its own.

    A category coded as 0, 1, 2 would claim an order and distances that names do not have; one that is declared as
    ordered is coded by rank. What does not apply to a row is coded as the mean, with an indicator beside it, so that
    two rows without it are equal in it.

    Args:
        features: the features of a model, which say what is a category.
        columns: all its columns; those that are neither categories nor graphs are numbers.

    Returns:
        An unfitted transformer from a frame to a float matrix of shape (n_rows, n_columns).
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    categories = [feature for feature in features if feature.is_category and not feature.ordered]
    ordered = [feature for feature in features if feature.ordered]
    logarithmic = [feature for feature in features if feature.is_logarithmic]
    gaps = [feature.name for feature in features if feature.is_conditional and not feature.is_category]
    special = {feature.name for feature in (*categories, *ordered, *logarithmic)}
    numbers = [column for column in columns if column not in special and not is_graph_column(column)]
    parts: list[tuple[str, Any, list[str]]] = []
    if numbers:
        plain = make_pipeline(StandardScaler(), _make_filler()) if set(gaps) & set(numbers) else StandardScaler()
        parts.append(("numbers", plain, numbers))
    if logarithmic:
        scaled = make_pipeline(FunctionTransformer(np.log10), StandardScaler(), _make_filler())
        parts.append(("logarithms", scaled, [feature.name for feature in logarithmic]))
    if categories:
        # declared choices, so that a fold that lacks one of them has the same columns
        choices = [list(feature.choices or ()) for feature in categories]
        # a choice that does not apply sets no indicator
        unknown = "ignore" if any(feature.is_conditional for feature in categories) else "error"
        encoder = OneHotEncoder(categories=choices, sparse_output=False, handle_unknown=unknown)
        parts.append(("categories", encoder, [feature.name for feature in categories]))
    if ordered:
        names = [feature.name for feature in ordered]
        parts.append(("ranks", make_pipeline(_make_ranker(ordered), StandardScaler(), _make_filler()), names))
    if gaps:
        parts.append(("applicable", FunctionTransformer(np.isfinite), gaps))
    if missing := [feature for feature in ordered if feature.is_conditional]:
        indicator = make_pipeline(_make_ranker(missing), FunctionTransformer(np.isfinite))
        parts.append(("applicable ranks", indicator, [feature.name for feature in missing]))
    return ColumnTransformer(parts)


def is_graph_column(name: str) -> bool:
    """Return whether a column holds graphs instead of numbers."""
    return name.endswith(f": {GRAPH_COLUMN}")


def _make_ranker(ordered: Sequence[Feature]) -> "OrdinalEncoder":
    """Return what replaces choices by their ranks; NaN where none applies."""
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        categories=[list(feature.choices or ()) for feature in ordered],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
    )


def _make_filler() -> "FunctionTransformer":
    """Return what replaces NaN by 0, the mean of scaled numbers."""
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.nan_to_num)


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
