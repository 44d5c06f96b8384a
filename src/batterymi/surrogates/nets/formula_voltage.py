"""Voltages of electrodes by encoders of formulas, whose last rounds of messages are trained further.

Both formulas of an electrode go through one encoder. A head sees the two embeddings, their difference, numbers of the
ion, the voltage that the encoder's own formation energies give, and other features if there are any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from batterymi.arrays import Array, Indices
from batterymi.errors import BatteryMIError
from batterymi.features.electrode import IONS
from batterymi.features.formula_net import FormulaNet
from batterymi.features.formula_table import FormulaTable, tabulate_formulas
from batterymi.features.ion_steps import FORMATION, HIGHEST_V, LOWEST_V, IonStep, count_ions
from batterymi.surrogates.nets.formula import Blocks, FormulaEncoder
from batterymi.surrogates.nets.graph import Head
from batterymi.surrogates.nets.pretrain import convert_block
from batterymi.surrogates.nets.train import Weights

TYPICAL_V, SPREAD_V = 2.5, 1.5  # of voltages, so that what is learned is of the order of 1
STEP_SCALE = 3.0  # the difference of two embeddings is small beside them
N_ION = 5  # numbers of the ion
CLIP = 4.0  # standard deviations of a feature
CACHED_AT_ONCE = 1024


@dataclass(frozen=True)
class Electrodes:
    """Electrodes as a network takes them.

    Attributes:
        formulas: the distinct ones.
        charged: the formula of each electrode, shape (n,).
        discharged: likewise.
        step: ions taken up.
        ions: numbers of the ion, shape (n, N_ION).
        features: other features, scaled, shape (n, n_features); there may be none.
    """

    formulas: FormulaTable
    charged: Indices
    discharged: Indices
    step: IonStep
    ions: Array
    features: Array

    def __len__(self) -> int:
        """Return the number of electrodes."""
        return len(self.charged)


def describe_electrodes(
    formulas: tuple[Sequence[str], Sequence[str], Sequence[str]],
    vocabulary: Sequence[str],
    features: Array,
    scaled_by: Indices,
) -> Electrodes:
    """Return electrodes as a network takes them.

    Args:
        formulas: charged ones, discharged ones with more ions, and the working ions, n of each.
        vocabulary: the elements that the network knows.
        features: other features, shape (n, n_features); there may be none.
        scaled_by: rows whose features get zero mean and unit variance.

    Raises:
        FormulaError: if a formula cannot be read, or two are no electrode.
    """
    charged, discharged, ion = formulas
    n, step = len(charged), count_ions(charged, discharged, ion)
    distinct, places = np.unique(np.array([*charged, *discharged], dtype=str), return_inverse=True)
    _, potential, radius = np.array([IONS[symbol] for symbol in ion], dtype=float).reshape(n, 3).T
    numbers = [2 * (step.after - step.before), step.before, step.charge - 1, radius - 1, potential + 2.7]
    spread = features[scaled_by].std(axis=0)
    scaled = (features - features[scaled_by].mean(axis=0)) / np.where(spread > 0, spread, 1)
    return Electrodes(
        tabulate_formulas(distinct.tolist(), vocabulary),
        places[:n],
        places[n:],
        step,
        np.clip(np.stack(numbers, axis=1), -CLIP, CLIP),
        np.clip(scaled, -CLIP, CLIP),
    )


@dataclass(frozen=True)
class Making:
    """How a network is made.

    Attributes:
        use: the encoder of each member, or the number of members with drawn weights.
        tuned: last rounds of messages that are trained; those before stay as they are.
        seed: of what is drawn.
        with_features: whether the head sees other features than those of formulas and ions.
    """

    use: Sequence[int] | int
    tuned: int
    seed: int
    with_features: bool


class VoltageNetwork(nn.Module):
    """Members of an ensemble, each an encoder and a head; pre-trained, or with drawn weights."""

    def __init__(self, net: FormulaNet, electrodes: Electrodes, make: Making) -> None:
        """Draw the weights of the heads; equal seeds draw equal ones.

        Args:
            net: pre-trained encoders; without these, their size and vocabulary count.
            electrodes: all that are learned from or predicted.
            make: members, seed, and what they take.
        """
        super().__init__()
        generator = torch.Generator().manual_seed(make.seed)
        self.electrodes, self.is_pretrained = electrodes, not isinstance(make.use, int)
        self.encoder = _make_encoder(net, make.use, generator)
        self.energy = (float(net.mean[FORMATION]), float(net.scale[FORMATION]))
        members = make.use if isinstance(make.use, int) else len(make.use)
        own = np.c_[electrodes.ions, electrodes.features] if make.with_features else electrodes.ions
        n_inputs = 3 * self.encoder.width + 1 + own.shape[1]
        self.head = Head(members, n_inputs, generator, has_graphs=False)
        layers = len(self.encoder.attend)
        self.first = max(layers - make.tuned, 0) if self.is_pretrained else 0
        self.inputs = torch.as_tensor(own, dtype=torch.float32)
        self.starts = np.concatenate([[0], np.cumsum(electrodes.formulas.counts)])
        self.cached = self._pass_first() if self.first else None
        if self.first:
            self._freeze_first()

    def forward(self, rows: Tensor) -> Tensor:
        """Return voltages of some electrodes in units of `SPREAD_V` about `TYPICAL_V`, shape (members, n_rows)."""
        picked = rows.numpy()
        charged, discharged = self.electrodes.charged[picked], self.electrodes.discharged[picked]
        formulas, places = np.unique(np.concatenate([charged, discharged]), return_inverse=True)
        order, parts = self.electrodes.formulas.split(formulas)
        blocks = [convert_block(part, "cpu") for part in parts]
        embedded = self._embed(order, blocks)
        energies = self.encoder.predict_targets(embedded)[..., FORMATION] * self.energy[1] + self.energy[0]
        # from the order of the blocks to that of the electrodes
        back = np.empty(len(formulas), dtype=np.int64)
        back[np.searchsorted(formulas, order)] = np.arange(len(formulas))
        before, after = torch.as_tensor(back[places]).split(len(picked))
        voltage = self._compute_voltage(picked, energies[:, before], energies[:, after])
        step = (embedded[:, after] - embedded[:, before]) * STEP_SCALE
        own = self.inputs[rows].expand(len(embedded), -1, -1)
        joined = torch.cat([embedded[:, before], embedded[:, after], step, voltage[..., None], own], dim=-1)
        return self.head(None, joined)

    def _compute_voltage(self, rows: Indices, charged: Tensor, discharged: Tensor) -> Tensor:
        """Return the scaled voltages that follow from formation energies; zeros of encoders with drawn weights."""
        if not self.is_pretrained:
            return torch.zeros_like(charged)
        taken = self.electrodes.step
        before, after, charge = (
            torch.as_tensor(part[rows], dtype=torch.float32) for part in (taken.before, taken.after, taken.charge)
        )
        released = (1 + before) * charged - (1 + after) * discharged
        return ((released / ((after - before) * charge)).clamp(LOWEST_V, HIGHEST_V) - TYPICAL_V) / SPREAD_V

    def _embed(self, order: Indices, blocks: Blocks) -> Tensor:
        """Return embeddings of formulas in the order of the blocks, shape (members, n_formulas, width)."""
        if self.cached is None:
            return self.encoder(blocks)
        counts = self.electrodes.formulas.counts[order]
        nodes = np.concatenate([np.arange(self.starts[row], self.starts[row + 1]) for row in order])
        assert len(nodes) == counts.sum()
        layers = range(self.first, len(self.encoder.attend))
        passed = self.encoder.pass_messages(self.cached[:, torch.as_tensor(nodes)], blocks, layers)
        return self.encoder.average(passed, blocks)

    def _pass_first(self) -> Tensor:
        """Return all elements after the rounds that are not trained, shape (members, n_nodes, width)."""
        formulas = self.electrodes.formulas
        found = torch.empty(len(self.encoder.elements), int(formulas.counts.sum()), self.encoder.width)
        with torch.no_grad():
            for rows in np.array_split(np.arange(len(formulas)), -(-len(formulas) // CACHED_AT_ONCE)):
                order, parts = formulas.split(rows)
                blocks = [convert_block(part, "cpu") for part in parts]
                nodes = np.concatenate([np.arange(self.starts[row], self.starts[row + 1]) for row in order])
                entered = self.encoder.enter_nodes(blocks)
                found[:, torch.as_tensor(nodes)] = self.encoder.pass_messages(entered, blocks, range(self.first))
        return found

    def _freeze_first(self) -> None:
        """Keep the weights of the rounds that are not trained as they are."""
        encoder = self.encoder
        for part in (encoder.enter, *(stack[: self.first] for stack in encoder.list_stacks())):
            part.requires_grad_(False)
        encoder.elements.requires_grad_(False)

    def list_groups(self, rate: float, share: float) -> list[dict[str, Any]]:
        """Return what is trained, the encoder with a share of the head's rate."""
        encoder = [weight for weight in self.encoder.parameters() if weight.requires_grad]
        return [{"params": encoder, "lr": share * rate}, {"params": list(self.head.parameters()), "lr": rate}]

    def export_trained(self) -> Weights:
        """Return the weights that are trained as plain arrays, for `restore`."""
        return {
            name: weight.detach().numpy().copy() for name, weight in self.named_parameters() if weight.requires_grad
        }

    def restore(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over weights that were exported.

        Raises:
            BatteryMIError: if they are of another network.
        """
        own = {name: weight for name, weight in self.named_parameters() if weight.requires_grad}
        if {name: tuple(weight.shape) for name, weight in own.items()} != {
            name: value.shape for name, value in weights.items()
        }:
            raise BatteryMIError("the weights are of a network of another size; run teach_voltages again")
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(torch.as_tensor(weights[name]))


def _make_encoder(net: FormulaNet, use: Sequence[int] | int, generator: torch.Generator) -> FormulaEncoder:
    """Return an encoder whose members are pre-trained ones, or have drawn weights."""
    width, n_targets = net.weights["targets.weight"].shape[1:]
    properties = torch.as_tensor(np.asarray(net.weights["properties"], dtype=np.float32))
    members = use if isinstance(use, int) else len(use)
    encoder = FormulaEncoder((members, width, net.layers), properties, n_targets, generator)
    if not isinstance(use, int):
        picked = {name: value if name == "properties" else value[list(use)] for name, value in net.weights.items()}
        encoder.load_state_dict(
            {name: torch.as_tensor(np.asarray(value, dtype=np.float32)) for name, value in picked.items()}
        )
    return encoder
