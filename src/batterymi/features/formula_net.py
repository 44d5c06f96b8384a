"""What a network over formulas, pre-trained on compounds without the hosts of electrodes, says of an electrode.

The network is message passing over the elements of a formula (`surrogates.nets.formula`); no structure enters. Its
weights lie beside this file with a receipt, so that its features need neither a training nor PyTorch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from batterymi.arrays import Array
from batterymi.errors import BatteryMIError, get_first_line
from batterymi.features.formula_encoder import encode_formulas
from batterymi.features.formula_table import find_foreign_elements, tabulate_formulas
from batterymi.features.formula_weights import PARTS, find_weights_problem
from batterymi.features.ion_steps import FORMATION, Problem, compute_voltage, count_ions, find_electrode_problems
from batterymi.files import compute_sha256

SHIPPED = Path(__file__).with_name("formula_net.safetensors")
REMEDY = (
    "both files come with the package: install it again, or make them by `snakemake pretrained` and copy "
    "results/pretrained/formula_net.safetensors and formula_net.json over these"
)


@dataclass(frozen=True)
class FormulaNet:
    """Pre-trained encoders and the principal components of their embeddings.

    Attributes:
        weights: by name, each with a leading axis of members, but `properties`.
        vocabulary: symbols of the elements that it knows.
        mean: of the quantities of the pre-training, shape (n_targets,).
        scale: their standard deviation.
        axes: by part, the mean embedding, shape (members * width,), and the components, shape (members * width, n).
    """

    weights: Mapping[str, NDArray[np.floating]]
    vocabulary: tuple[str, ...]
    mean: Array
    scale: Array
    axes: Mapping[str, tuple[Array, Array]]

    @property
    def members(self) -> int:
        """Return the number of encoders."""
        return len(self.weights["elements"])

    @property
    def layers(self) -> int:
        """Return the rounds of messages."""
        return sum(name.startswith("attend.") and name.endswith(".weight") for name in self.weights)

    def encode(self, formulas: Sequence[str]) -> tuple[Array, Array]:
        """Return embeddings of all members side by side, and formation energies.

        Args:
            formulas: n_formulas texts.

        Returns:
            Shapes (n_formulas, members * width) and (members, n_formulas), the latter in eV/atom.

        Raises:
            FormulaError: if one is not a formula, or holds an element that the network does not know.
        """
        # several electrodes share a formula
        distinct, places = np.unique(np.asarray(formulas, dtype=str), return_inverse=True)
        table = tabulate_formulas(distinct.tolist(), self.vocabulary)
        found = [encode_formulas(self.weights, member, table) for member in range(self.members)]
        energies = np.stack([targets[:, FORMATION] for _, targets in found])
        embedded = np.concatenate([embedding for embedding, _ in found], axis=1)
        return embedded[places], (energies * self.scale[FORMATION] + self.mean[FORMATION])[:, places]

    def reduce(self, part: str, embedded: Array) -> Array:
        """Return the principal components of embeddings, shape (n_formulas, n_components)."""
        centre, components = self.axes[part]
        reduced: Array = (embedded - centre) @ components
        return reduced


def compute_formula_net(*, charged: pd.Series, discharged: pd.Series, ion: pd.Series) -> pd.DataFrame:
    """Compute features of an electrode by a network over formulas that saw no compound of any electrode's host.

    Principal components of the embedding of the charged formula, and of the change by the ions taken up; and the
    voltage that follows from the network's own formation energies, see `compute_voltage`. The components are those of
    compounds of the pre-training, so that they know nothing of the rows.

    Args:
        charged: formulas with few or no working ions.
        discharged: formulas with more.
        ion: the working ion, one of `features.electrode.IONS`.

    Returns:
        33 columns.

    Raises:
        FormulaError: if a formula cannot be read, or two are no electrode, see `find_electrode_problems`.
    """
    net = load_formula_net(SHIPPED)
    texts = charged.tolist(), discharged.tolist()
    stepped = count_ions(*texts, ion.tolist())
    embedded, energies = net.encode([*texts[0], *texts[1]])
    n = len(charged)
    voltage = compute_voltage(stepped, energies[:, :n].mean(axis=0), energies[:, n:].mean(axis=0))
    parts = {"charged": embedded[:n], "step": embedded[n:] - embedded[:n]}
    columns = {
        f"{part} component {number + 1}": values
        for part, embedding in parts.items()
        for number, values in enumerate(net.reduce(part, embedding).T)
    }
    return pd.DataFrame({**columns, "voltage by its formation energies (V)": voltage}, charged.index)


def find_unfit_electrodes(*, charged: pd.Series, discharged: pd.Series, ion: pd.Series) -> Iterator[Problem]:
    """Yield the rows that are no electrode, or hold an element that the network does not know; see `count_ions`.

    Args:
        charged: formulas with few or no working ions.
        discharged: formulas with more.
        ion: the working ion.
    """
    yield from find_electrode_problems(charged=charged, discharged=discharged, ion=ion)
    vocabulary = load_formula_net(SHIPPED).vocabulary
    for argument, formulas in (("charged", charged), ("discharged", discharged)):
        for place, reason in find_foreign_elements(formulas.tolist(), vocabulary):
            yield place, argument, reason


@cache
def load_formula_net(path: Path) -> FormulaNet:
    """Load pre-trained encoders, and check them against their receipt.

    Args:
        path: a safetensors file; the receipt is the JSON of the same name.

    Raises:
        BatteryMIError: if a file is missing or damaged, is not the one of the receipt, or holds something else than
            encoders of its vocabulary.
    """
    receipt = _read_receipt(path.with_suffix(".json"))
    if not path.is_file():
        raise BatteryMIError(f"{path}: there is no such file; {REMEDY}")
    if (found := compute_sha256(path)) != receipt["sha256"]:
        raise BatteryMIError(
            f"{path}: has the SHA-256 {found}, and its receipt {path.with_suffix('.json').name} says "
            f"{receipt['sha256']}; {REMEDY}"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            vocabulary = json.loads((file.metadata() or {})["vocabulary"])
        arrays = load(path.read_bytes())
        if problem := find_weights_problem(arrays, vocabulary, receipt["vocabulary"]):
            raise ValueError(problem)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else get_first_line(error)
        raise BatteryMIError(f"{path}: cannot be read as pre-trained encoders: {what}; {REMEDY}") from None
    mean, scale = (arrays.pop(name).astype(float) for name in ("mean", "scale"))
    axes = {
        part: (arrays.pop(f"{part}.centre").astype(float), arrays.pop(f"{part}.components").astype(float))
        for part in PARTS
    }
    return FormulaNet(arrays, tuple(vocabulary), mean, scale, axes)


def _read_receipt(path: Path) -> dict[str, Any]:
    """Return a receipt: digest and vocabulary.

    Raises:
        BatteryMIError: if it is missing or damaged, or does not hold them.
    """
    try:
        receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BatteryMIError(f"{path}: there is no such file, the receipt of the encoders; {REMEDY}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BatteryMIError(f"{path}: not the JSON of a receipt ({get_first_line(error)}); {REMEDY}") from None
    found = receipt if isinstance(receipt, dict) else {}
    for name, kind in (("sha256", str), ("vocabulary", list)):
        if not isinstance(found.get(name), kind):
            raise BatteryMIError(f"{path}: not the receipt of encoders: it has no '{name}'; {REMEDY}")
    return found
