"""From trained encoders to the file that is shipped: half precision, principal components, and what both change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save

from batterymi.arrays import Array
from batterymi.features.electrode import IONS
from batterymi.features.formula_net import FormulaNet
from batterymi.features.formula_weights import PARTS
from batterymi.features.formulas import parse_formulas
from batterymi.features.ion_steps import compute_voltage, count_ions
from batterymi.vocabulary.elements import INDEX, SYMBOLS

MOST_PAIRS = 20_000
Arrays = dict[str, NDArray[np.floating]]


def join_encoders(encoders: Sequence[Mapping[str, NDArray[np.floating]]]) -> Arrays:
    """Return the weights of several encoders of one member with a leading axis of members."""
    return {
        name: np.asarray(value) if name == "properties" else np.concatenate([one[name] for one in encoders])
        for name, value in encoders[0].items()
    }


def round_weights(weights: Mapping[str, NDArray[np.floating]]) -> Arrays:
    """Return weights in half precision."""
    return {name: np.asarray(value, dtype=np.float16) for name, value in weights.items()}


def pair_compounds(formulas: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """Return compounds with a working ion, each with the same formula without it, as if it were an electrode.

    Args:
        formulas: of the pre-training.
        seed: of the choice among more than `MOST_PAIRS`.

    Returns:
        Formulas without the ion, and with it. Of a compound with several working ions the first of `IONS` is removed.
    """
    parsed = parse_formulas(formulas)
    pairs = []
    for text, elements, amounts in zip(
        formulas, np.split(parsed.elements, parsed.starts[1:]), np.split(parsed.amounts, parsed.starts[1:]), strict=True
    ):
        ion = next((INDEX[symbol] for symbol in IONS if INDEX[symbol] in elements), None)
        if ion is not None and len(elements) > 1:
            rest = [
                (SYMBOLS[element], amount) for element, amount in zip(elements, amounts, strict=True) if element != ion
            ]
            pairs.append(("".join(f"{symbol}{amount:.12g}" for symbol, amount in rest), text))
    order = np.random.default_rng(seed).permutation(len(pairs))[:MOST_PAIRS]
    return [pairs[place][0] for place in order], [pairs[place][1] for place in order]


def find_axes(embedded: Array, n: int) -> tuple[Array, Array]:
    """Return the mean of embeddings and their first principal components, of dimensions with unit variance.

    Args:
        embedded: shape (n_formulas, width).
        n: components.

    Returns:
        Shapes (width,) and (width, n); the sign of a component is that in which its largest number is positive.
    """
    centre, spread = embedded.mean(axis=0), embedded.std(axis=0) + 1e-6
    scaled = (embedded - centre) / spread
    _, vectors = np.linalg.eigh(scaled.T @ scaled)
    # in order of falling variance
    vectors = vectors[:, ::-1][:, :n]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return centre, vectors / spread[:, None]


def add_axes(net: FormulaNet, pairs: tuple[Sequence[str], Sequence[str]], n: int) -> FormulaNet:
    """Return encoders with the principal components of their embeddings of pairs of compounds."""
    embedded, _ = net.encode([*pairs[0], *pairs[1]])
    without, whole = embedded[: len(pairs[0])], embedded[len(pairs[0]) :]
    axes = dict(zip(PARTS, (find_axes(without, n), find_axes(whole - without, n)), strict=True))
    return FormulaNet(net.weights, net.vocabulary, net.mean, net.scale, axes)


def serialise_net(net: FormulaNet) -> bytes:
    """Return encoders as a safetensors file, weights as they are."""
    arrays: dict[str, Any] = {**net.weights, "mean": net.mean, "scale": net.scale}
    for part, (centre, components) in net.axes.items():
        arrays |= {f"{part}.centre": centre.astype(np.float32), f"{part}.components": components.astype(np.float32)}
    plain = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    content: bytes = save(plain, {"vocabulary": json.dumps(list(net.vocabulary))})
    return content


def predict_voltages(net: FormulaNet, electrodes: pd.DataFrame) -> Array:
    """Return the voltages that follow from each member's formation energies, shape (members, n_electrodes)."""
    charged, discharged = electrodes["charged"].tolist(), electrodes["discharged"].tolist()
    step = count_ions(charged, discharged, electrodes["ion"].tolist())
    _, energies = net.encode([*charged, *discharged])
    return compute_voltage(step, energies[:, : len(charged)], energies[:, len(charged) :])
