"""What the file of pre-trained encoders of formulas holds, by name and shape."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.features.formula_encoder import HEADS
from batterymi.vocabulary.elements import INDEX

PARTS = ("charged", "step")  # embeddings whose principal components are features
ROUND = ("attend", "merge", "widen", "narrow")  # linear layers of a round of messages
N_AMOUNTS = 2  # numbers of an element's amount, beside its properties
LAYER = re.compile(rf"(?:{'|'.join(ROUND)})\.(\d{{1,2}})\.(?:weight|bias)")
MOST_SHOWN = 5


def find_weights_problem(arrays: Mapping[str, NDArray[np.floating]], vocabulary: Any, expected: Any) -> str:
    """Return why arrays are no encoders of a vocabulary; an empty text if they are.

    Args:
        arrays: by name.
        vocabulary: of the file.
        expected: of its receipt.
    """
    if problem := _find_vocabulary_problem(vocabulary, expected):
        return problem
    wanted = _list_shapes(arrays, len(vocabulary))
    for name in [*wanted, *sorted(set(arrays) - set(wanted))]:
        if name not in arrays:
            return f"it lacks '{name}'"
        if name not in wanted:
            return f"'{name}' is no part of an encoder"
        if 0 in arrays[name].shape:
            return f"'{name}' holds nothing"
        if arrays[name].shape != wanted[name]:
            return f"'{name}' has the shape {arrays[name].shape}, and {wanted[name]} would fit the others"
        if not np.isfinite(np.asarray(arrays[name], dtype=float)).all():
            return f"'{name}' holds a number that is not finite"
    return ""


def _find_vocabulary_problem(vocabulary: Any, expected: Any) -> str:
    """Return what is wrong with the elements that encoders know, beside those of the receipt."""
    for name, found in (("its vocabulary", vocabulary), ("the vocabulary of its receipt", expected)):
        if not isinstance(found, list) or not found or any(symbol not in INDEX for symbol in map(str, found)):
            return f"{name} is no list of elements"
        if len(set(map(str, found))) < len(found):
            return f"{name} lists an element twice"
    if vocabulary != expected:
        different = sorted({*vocabulary} ^ {*expected}) or ["their order"]
        shown = different[:MOST_SHOWN]
        more = f" and {len(different) - len(shown)} more" if len(different) > len(shown) else ""
        return (
            f"another vocabulary than its receipt: {len(vocabulary)} elements, {len(expected)} in the receipt; they "
            f"differ in {', '.join(shown)}{more}"
        )
    return ""


def _list_shapes(arrays: Mapping[str, NDArray[np.floating]], n_elements: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of encoders, sizes taken from the arrays themselves."""

    def size(name: str, axis: int) -> int:
        return arrays[name].shape[axis] if name in arrays and arrays[name].ndim > axis else 1

    members, width = size("elements", 0), size("elements", 2)
    # attention splits the width among its heads
    width = max(width - width % HEADS, HEADS)
    n_targets, n_properties = size("mean", 0), size("properties", 1)
    n_layers = max((int(found[1]) + 1 for name in arrays if (found := LAYER.fullmatch(name))), default=1)
    widths = {"attend": (width, 3 * width), "merge": (width, width), "widen": (width, 2 * width)}
    widths["narrow"] = (2 * width, width)
    layers = {"enter": (n_properties + N_AMOUNTS, width), "hidden": (width, width), "targets": (width, n_targets)}
    layers |= {f"{kind}.{layer}": widths[kind] for layer in range(n_layers) for kind in ROUND}
    shapes: dict[str, tuple[int, ...]] = {"elements": (members, n_elements, width)}
    shapes |= {"properties": (n_elements, n_properties), "mean": (n_targets,), "scale": (n_targets,)}
    for name, (inputs, outputs) in layers.items():
        shapes |= {f"{name}.weight": (members, inputs, outputs), f"{name}.bias": (members, 1, outputs)}
    for part in PARTS:
        n_components = size(f"{part}.components", 1)
        shapes |= {f"{part}.centre": (members * width,), f"{part}.components": (members * width, n_components)}
    return shapes
