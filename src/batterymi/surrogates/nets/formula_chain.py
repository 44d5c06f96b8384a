"""The chain of trainings of a network over formulas: many compounds, then voltages of other ions, then the own ion's.

One ensemble holds a member for each fold and encoder, so that all folds of a partition are trained in one pass; a
member learns from the rows that its fold lets it see and from no others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.formula_net import FineTuning
from batterymi.features.formula_net import FormulaNet
from batterymi.process_pool import use_single_torch_thread
from batterymi.surrogates.nets.formula_voltage import SPREAD_V, TYPICAL_V, Electrodes, Making, VoltageNetwork
from batterymi.surrogates.nets.train import Plan, Weights, fit_members

DECAY = 1e-2
ENCODER_SHARE = 0.3  # of the head's learning rate, for a pre-trained encoder
TAUGHT_SHARE = 0.25  # of the learning rate, for a network that knows voltages already
PREDICTED_AT_ONCE = 256


@dataclass(frozen=True)
class Chain:
    """What all trainings of one partition share.

    Attributes:
        net: pre-trained encoders.
        electrodes: own rows first, then those of other ions.
        observed: their voltages, V, shape (n_rows,).
        splits: rows that may be learned from, and rows that are predicted, of each fold.
        settings: of the trainings.
        seed: of all random numbers.
    """

    net: FormulaNet
    electrodes: Electrodes
    observed: Array
    splits: Sequence[tuple[Indices, Indices]]
    settings: FineTuning
    seed: int

    def make_network(self, *, pretrained: bool = True, with_features: bool = False) -> VoltageNetwork:
        """Return a network with a member for each fold and encoder, or for each fold and as many random starts."""
        members = len(self.splits) * self.net.members
        use: Sequence[int] | int = [member % self.net.members for member in range(members)] if pretrained else members
        making = Making(use, self.settings.tuned_layers, self.seed, with_features)
        return VoltageNetwork(self.net, self.electrodes, making)

    def train(self, network: VoltageNetwork, learned: Sequence[Indices], steps: int, rate: float) -> None:
        """Train every member on the rows of its fold.

        Args:
            network: from `make_network`.
            learned: rows of each fold.
            steps: of the optimiser, or a little more.
            rate: highest learning rate of the heads.
        """
        seen = np.zeros((len(self.splits), len(self.electrodes)), dtype=bool)
        for fold, rows in enumerate(learned):
            seen[fold, rows] = True
        # only rows that some fold sees
        rows = np.flatnonzero(seen.any(axis=0))
        weights = torch.as_tensor(np.repeat(seen[:, rows], self.net.members, axis=0), dtype=torch.float32)
        targets = torch.as_tensor((self.observed[rows] - TYPICAL_V) / SPREAD_V, dtype=torch.float32)
        taken = torch.as_tensor(rows)
        n_batches = -(-len(rows) // self.settings.batch)
        plan = Plan(-(-steps // n_batches), self.settings.batch, self.seed + 1, DECAY)
        share = ENCODER_SHARE if network.is_pretrained else 1.0
        with use_single_torch_thread():
            network.train()
            fit_members(lambda piece: network(taken[piece]), network.list_groups(rate, share), targets, weights, plan)

    def predict(self, network: VoltageNetwork, n_rows: int) -> Array:
        """Return held-out voltages of the first rows, each the mean over the members of its fold, shape (n_rows,)."""
        network.eval()
        found = np.full(n_rows, np.nan)
        with use_single_torch_thread(), torch.no_grad():
            for fold, (_, test) in enumerate(self.splits):
                members = slice(fold * self.net.members, (fold + 1) * self.net.members)
                for piece in np.array_split(test, max(1, -(-len(test) // PREDICTED_AT_ONCE))):
                    found[piece] = network(torch.as_tensor(piece))[members].mean(0).double().numpy()
        return found * SPREAD_V + TYPICAL_V

    def tune(
        self, taught: Weights | None, learned: Sequence[Indices], n_rows: int, *, with_features: bool = False
    ) -> Array:
        """Train on own rows after other ions, if there are weights of that, and return held-out voltages."""
        network = self.make_network(with_features=with_features)
        if taught is not None:
            network.restore(taught)
        steps = self.settings.count_steps(max(map(len, learned)))
        self.train(network, learned, steps, self.settings.rate * (1 if taught is None else TAUGHT_SHARE))
        return self.predict(network, n_rows)

    def train_from_scratch(self, learned: Sequence[Indices], n_rows: int) -> Array:
        """Train drawn weights on own rows alone, and return held-out voltages."""
        network = self.make_network(pretrained=False)
        self.train(network, learned, self.settings.count_steps(max(map(len, learned))), self.settings.rate)
        return self.predict(network, n_rows)

    def teach(self, is_source: Mask, n_rows: int, *, with_features: bool = False) -> tuple[Weights, Array]:
        """Train on rows of other ions; return the weights, and held-out voltages of own rows, none of which was seen.

        Args:
            is_source: rows to learn from, shape (n_rows_of_all_ions,); folds leave out those of a tested host.
            n_rows: own rows.
            with_features: whether the head sees other features than those of formulas and ions.
        """
        network = self.make_network(with_features=with_features)
        learned = [train[is_source[train]] for train, _ in self.splits]
        self.train(network, learned, self.settings.teaching_steps, self.settings.rate)
        return network.export_trained(), self.predict(network, n_rows)


def draw_rows(splits: Sequence[tuple[Indices, Indices]], n_own: int, size: int, seed: Sequence[int]) -> list[Indices]:
    """Draw own rows of every fold: the first of one random order, so that folds share most of them.

    Args:
        splits: rows that may be learned from, and rows that are predicted, of each fold.
        n_own: own rows, which come first.
        size: how many, one at least; more than there are: all. A smaller draw is a part of a larger one.
        seed: of the order.

    Raises:
        ValueError: if none are to be drawn.
    """
    if size < 1:
        raise ValueError(f"{size} own rows cannot be drawn")
    order: NDArray[np.int64] = np.random.default_rng(list(seed)).permutation(n_own)
    return [np.sort(order[np.isin(order, train)][:size]) for train, _ in splits]
