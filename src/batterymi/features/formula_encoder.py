"""The forward pass of pre-trained encoders of formulas in NumPy, equal to that of `surrogates.nets.formula`.

So what was learned of many compounds becomes features of any model, without PyTorch. Numbers have double precision, and
do not depend on which formulas are encoded together.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices
from batterymi.features.formula_table import Block, FormulaTable

HEADS = 4
LEAST_FRACTION = 1e-6  # whose logarithm is taken
AMOUNT_SCALE = 4.0  # divides the logarithm of a fraction
EPSILON = 1e-5  # added to a variance before its root
AT_ONCE = 1024
Weights = Mapping[str, NDArray[np.floating]]


def encode_formulas(weights: Weights, member: int, formulas: FormulaTable) -> tuple[Array, Array]:
    """Encode formulas by one member.

    Args:
        weights: by name, each with a leading axis of members, but `properties`.
        member: which.
        formulas: n_formulas.

    Returns:
        Embeddings, shape (n_formulas, width), and standardised quantities of the pre-training, shape (n_formulas,
        n_targets).
    """
    own = {
        name: np.asarray(value if name == "properties" else value[member], dtype=float)
        for name, value in weights.items()
    }
    embedded = np.empty((len(formulas), own["hidden.weight"].shape[0]))
    for rows in np.array_split(np.arange(len(formulas)), max(1, -(-len(formulas) // AT_ONCE))):
        order, blocks = formulas.split(rows)
        for piece, block in zip(_cut(order, blocks), blocks, strict=True):
            embedded[piece] = _encode_block(own, block)
    return embedded, _apply(own, "targets", _silu(_apply(own, "hidden", embedded)))


def _cut(order: Indices, blocks: list[Block]) -> list[Indices]:
    """Return the rows of each block."""
    return np.split(order, np.cumsum([len(elements) for elements, _ in blocks])[:-1])


def _encode_block(own: Mapping[str, Array], block: Block) -> Array:
    """Return the embeddings of formulas of equally many elements, shape (n_rows, width)."""
    elements, fractions = block
    logarithm = np.log(np.maximum(fractions, LEAST_FRACTION))
    amounts = np.stack([fractions, logarithm / AMOUNT_SCALE], axis=-1)
    described = np.concatenate([own["properties"][elements], amounts], axis=-1)
    nodes = _normalise(_apply(own, "enter", described) + own["elements"][elements])
    layer = 0
    while f"attend.{layer}.weight" in own:
        projected = _apply(own, f"attend.{layer}", _normalise(nodes))
        nodes = nodes + _apply(own, f"merge.{layer}", _exchange(projected, logarithm))
        widened = _silu(_apply(own, f"widen.{layer}", _normalise(nodes)))
        nodes = nodes + _apply(own, f"narrow.{layer}", widened)
        layer += 1
    averaged: Array = (_normalise(nodes) * fractions[..., None]).sum(axis=1)
    return averaged


def _exchange(projected: Array, logarithm: Array) -> Array:
    """Return what each element receives from those of its formula, shape (n_rows, n_elements, width)."""
    rows, size, width = projected.shape[0], projected.shape[1], projected.shape[2] // 3
    query, key, value = projected.reshape(rows, size, 3, HEADS, width // HEADS).transpose(2, 0, 3, 1, 4)
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(width // HEADS) + logarithm[:, None, None, :]
    # the largest is subtracted, so that no exponential overflows
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    received = (raised / raised.sum(axis=-1, keepdims=True)) @ value
    exchanged: Array = received.transpose(0, 2, 1, 3).reshape(rows, size, width)
    return exchanged


def _apply(own: Mapping[str, Array], name: str, values: Array) -> Array:
    """Return the result of a linear layer."""
    result: Array = values @ own[f"{name}.weight"] + own[f"{name}.bias"][0]
    return result


def _normalise(values: Array) -> Array:
    """Scale each row to zero mean and unit variance over its own numbers."""
    centred = values - values.mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    return scaled


def _silu(values: Array) -> Array:
    """Return x / (1 + exp(-x))."""
    # a large negative number overflows to infinity, and its result is the right limit, 0
    with np.errstate(over="ignore"):
        result: Array = values / (1 + np.exp(-values))
    return result
