"""What a network over formulas, pre-trained on compounds without the hosts of electrodes, says of an electrode.

The network is message passing over the elements of a formula (`surrogates.nets.formula`); no structure enters. Its
weights lie beside this file with a receipt, so that its features need neither a training nor PyTorch.
"""

import json
from collections.abc import Mapping, Sequence
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
from batterymi.errors import BatteryMIError
from batterymi.features.electrode import IONS, split_ion
from batterymi.features.formula_encoder import encode_formulas
from batterymi.features.formula_table import tabulate_formulas
from batterymi.features.formulas import FormulaError, parse_formulas
from batterymi.files import compute_sha256, read_json

SHIPPED = Path(__file__).with_name("formula_net.safetensors")
LOWEST_V, HIGHEST_V = -5.0, 10.0  # beyond, an error of the energies is divided by a small difference of ions
PARTS = ("charged", "step")  # embeddings whose principal components are features
FORMATION = 0  # place of the formation energy among the quantities of the pre-training


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
        ion: the working ion, one of `IONS`.

    Returns:
        33 columns.

    Raises:
        FormulaError: if a formula cannot be read, or a discharged one holds no more ions than the charged one.
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


@dataclass(frozen=True)
class IonStep:
    """The ions that electrodes take up.

    Attributes:
        before: working ions per host atom of the charged formula, shape (n,).
        after: of the discharged one.
        charge: of the ion.
    """

    before: Array
    after: Array
    charge: Array


def count_ions(charged: Sequence[str], discharged: Sequence[str], ion: Sequence[str]) -> IonStep:
    """Count the working ions per host atom before and after.

    Raises:
        FormulaError: an ion is none of `IONS`, or the discharged formula of an electrode holds no more of it.
    """
    for symbol in sorted(set(ion) - set(IONS)):
        raise FormulaError(f"'{symbol}' is no working ion that is known; these are: {', '.join(IONS)}")
    ions = pd.Series(ion, dtype=str)
    (empty, host_empty), (full, host_full) = (split_ion(parse_formulas(part), ions) for part in (charged, discharged))
    before, after = empty / host_empty, full / host_full
    for place in np.flatnonzero(~(after > before)).tolist():
        raise FormulaError(
            f"the discharged formula '{discharged[place]}' holds no more {ion[place]} than the charged formula "
            f"'{charged[place]}', so it has no voltage"
        )
    return IonStep(before, after, np.array([IONS[symbol][0] for symbol in ion], dtype=float))


def compute_voltage(step: IonStep, charged: Array, discharged: Array) -> Array:
    """Compute the mean voltage against the metal of the ion from two formation energies.

    Per host atom the discharged compound lies (1 + x) E, with x ions, below the elements, of which the metal of the ion
    is one (Aydinol et al. 1997, doi:10.1103/PhysRevB.56.1354).

    Args:
        step: the ions taken up.
        charged: formation energies of the charged formulas, eV/atom, shape (..., n).
        discharged: of the discharged formulas.

    Returns:
        V, cut off at `LOWEST_V` and `HIGHEST_V`; NaN where an energy is unknown.
    """
    released = (1 + step.before) * charged - (1 + step.after) * discharged
    voltage: Array = np.clip(released / ((step.after - step.before) * step.charge), LOWEST_V, HIGHEST_V)
    return voltage


@cache
def load_formula_net(path: Path) -> FormulaNet:
    """Load pre-trained encoders, and check them against their receipt.

    Args:
        path: a safetensors file; the receipt is the JSON of the same name.

    Raises:
        BatteryMIError: if a file is missing or damaged, is not the one of the receipt, or has another vocabulary.
    """
    receipt = read_json(path.with_suffix(".json"), needs=("sha256", "vocabulary"))
    if not path.is_file():
        raise BatteryMIError(f"{path}: there is no such file; `snakemake pretrained` makes it")
    if (found := compute_sha256(path)) != receipt["sha256"]:
        raise BatteryMIError(
            f"{path}: has the SHA-256 {found}, and its receipt {path.with_suffix('.json').name} says "
            f"{receipt['sha256']}; take both from one place"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            vocabulary = json.loads((file.metadata() or {})["vocabulary"])
        arrays = load(path.read_bytes())
    except (SafetensorError, KeyError, ValueError) as error:
        raise BatteryMIError(f"{path}: cannot be read as pre-trained encoders: {error}") from None
    return _make_net(path, arrays, vocabulary, receipt["vocabulary"])


def _make_net(path: Path, arrays: dict[str, Any], vocabulary: list[str], expected: list[str]) -> FormulaNet:
    """Return encoders of arrays.

    Raises:
        BatteryMIError: if they are of another vocabulary than the receipt's.
    """
    n_elements = arrays["elements"].shape[1]
    if vocabulary != expected or len(vocabulary) != n_elements:
        different = sorted({*vocabulary} ^ {*expected}) or ["their order"]
        raise BatteryMIError(
            f"{path}: has another vocabulary than its receipt: {len(vocabulary)} elements for {n_elements} rows of "
            f"weights, {len(expected)} in the receipt; they differ in {', '.join(different)}"
        )
    mean, scale = (arrays.pop(name).astype(float) for name in ("mean", "scale"))
    axes = {
        part: (arrays.pop(f"{part}.centre").astype(float), arrays.pop(f"{part}.components").astype(float))
        for part in PARTS
    }
    return FormulaNet(arrays, tuple(vocabulary), mean, scale, axes)
