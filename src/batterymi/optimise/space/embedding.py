"""Few numbers that describe rows and candidates alike, from many descriptors: what distances between them are of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.parts import Descriptor
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.encode import make_encoder
from batterymi.surrogates.problem import Inputs

CUT = 3.0  # standard deviations
N_COMPONENTS = 10


def embed_inputs(rows: pd.DataFrame, inputs: Inputs) -> Array:
    """Return scaled inputs of rows, which are known before any value is, shape (n_rows, n_components).

    Cut at three standard deviations and turned into ten principal components at most: otherwise a row with a rare
    element is distant from the rest, and a search visits every outlier before it learns from neighbours.
    """
    from sklearn.decomposition import PCA

    frame = inputs.frame(rows, compute_descriptors(rows, inputs.descriptors))
    encoded = make_encoder(inputs.features, list(frame.columns)).fit_transform(frame)
    n_components = min(N_COMPONENTS, encoded.shape[1], len(encoded))
    # the full solver is deterministic, unlike the randomised one
    reduced: Array = PCA(n_components, svd_solver="full").fit_transform(np.clip(encoded, -CUT, CUT))
    return reduced


def embed_descriptors(rows: pd.DataFrame, descriptors: Sequence[Descriptor]) -> Array:
    """Return the principal components of descriptors, in units of the range of the first, shape (n_rows, n)."""
    reduced = embed_inputs(rows, Inputs((), tuple(descriptors)))
    width = float(np.ptp(reduced[:, 0])) if reduced.size else 0.0
    return (reduced - reduced.min(axis=0)) / (width or 1.0)
