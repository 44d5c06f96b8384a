"""Training and predictions of the ensemble of graph networks."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from batterymi.arrays import Array
from batterymi.features.composition import get_element_property
from batterymi.features.site_graphs import SiteGraph
from batterymi.process_pool import use_single_torch_thread
from batterymi.surrogates.nets.graph import Batch, GraphNetwork, convert_graph, join_graphs

logger = logging.getLogger(__name__)

PROPERTIES = (
    *("MendeleevNumber", "AtomicWeight", "Column", "Row", "CovalentRadius", "Electronegativity", "MeltingT"),
    *("NsValence", "NpValence", "NdValence", "NfValence", "NValence", "NUnfilled", "GSvolume_pa"),
)
BATCH = 32
LEARNING_RATE, DECAY, WARM_UP = 2e-3, 1e-2, 0.15
HUBER = 0.5  # standard deviations, beyond which errors count linearly
SHARE_SEEN = 0.9  # of a batch by each member, so that members differ
CLIP = 4.0  # standard deviations of a feature
REPORTS = 4  # of a training
Weights = dict[str, NDArray[np.float32]]
Graphs = Sequence[SiteGraph | None]


@dataclass(frozen=True)
class Training:
    """How an ensemble is trained.

    Attributes:
        members: of the ensemble.
        epochs: times that each row is seen, or more where rows are few.
        seed: of all random numbers.
        least_steps: of the optimiser.
    """

    members: int
    epochs: int
    seed: int
    least_steps: int = 1

    def count_epochs(self, n_rows: int) -> int:
        """Return how often each row is seen; a few rows are few steps per epoch."""
        return max(self.epochs, -(-self.least_steps // -(-n_rows // BATCH)))


@dataclass(frozen=True)
class FittedNetwork:
    """An ensemble after training, as plain numbers.

    Attributes:
        weights: by name, each with a leading axis of members.
        members: of the ensemble.
        n_features: numbers beside the graph.
        has_graphs: whether rows have graphs.
        mean: of what was learned.
        scale: its standard deviation.
    """

    weights: Weights
    members: int
    n_features: int
    has_graphs: bool
    mean: float
    scale: float


def train_network(
    graphs: Graphs, matrix: Array, observed: Array, training: Training, weights: Array | None = None
) -> FittedNetwork:
    """Train an ensemble; the same on every run with the same seed.

    Args:
        graphs: of the rows; None of a row without one.
        matrix: their other features, scaled, shape (n_rows, n_features); there may be none.
        observed: shape (n_rows,).
        training: how.
        weights: of the rows, shape (n_rows,); None if they are equal.
    """
    has_graphs = any(graph is not None for graph in graphs)
    mean, scale = float(observed.mean()), float(observed.std()) or 1.0
    with use_single_torch_thread():
        network = GraphNetwork(
            training.members, matrix.shape[1], _tensor_of_properties(), training.seed, has_graphs=has_graphs
        )
        targets = torch.as_tensor((observed - mean) / scale, dtype=torch.float32)
        rows = _Rows([_convert(graph, torch.float32) for graph in graphs], _to_features(matrix, torch.float32))
        _optimise(network, rows, targets, None if weights is None else torch.as_tensor(weights).float(), training)
        trained = {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
    return FittedNetwork(trained, training.members, matrix.shape[1], has_graphs, mean, scale)


@dataclass(frozen=True)
class _Rows:
    """What a network learns from."""

    graphs: list[Batch | None]
    features: Tensor

    def take(self, rows: Tensor) -> tuple[Batch | None, Tensor | None, int]:
        """Return the inputs of some rows."""
        features = self.features[rows] if self.features.shape[1] else None
        return join_graphs([self.graphs[row] for row in rows.tolist()]), features, len(rows)


def _optimise(network: GraphNetwork, rows: _Rows, targets: Tensor, weights: Tensor | None, training: Training) -> None:
    """Fit the weights of a network by AdamW with one cycle of the learning rate."""
    weighed = torch.ones(len(targets)) if weights is None else weights
    plan = Plan(training.count_epochs(len(targets)), BATCH, training.seed + 1, DECAY, SHARE_SEEN)
    groups = [{"params": list(network.parameters()), "lr": LEARNING_RATE}]
    network.train()
    fit_members(lambda taken: network(*rows.take(taken)), groups, targets, weighed.expand(training.members, -1), plan)


@dataclass(frozen=True)
class Plan:
    """How often and in which pieces rows are seen.

    Attributes:
        epochs: times that each row is seen.
        batch: rows per step.
        seed: of the order of the rows, and of what members leave out.
        decay: of the weights.
        share_seen: of a batch by each member, so that members differ.
    """

    epochs: int
    batch: int
    seed: int
    decay: float
    share_seen: float = 1.0


def fit_members(
    predict: Callable[[Tensor], Tensor],
    groups: Sequence[dict[str, Any]],
    targets: Tensor,
    weights: Tensor,
    plan: Plan,
) -> None:
    """Fit the members of an ensemble, which share each forward pass, to rows that each weighs in its own way.

    Args:
        predict: from rows to predictions of every member, shape (members, n_taken).
        groups: weights of the network and their highest learning rate, as PyTorch's optimisers take them.
        targets: scaled, shape (n_rows,).
        weights: of the rows in each member's loss, 0 for those that it must not learn from, shape (members, n_rows).
        plan: epochs, batches and decay.
    """
    generator = torch.Generator().manual_seed(plan.seed)
    members, n_rows = weights.shape
    starts, epochs = range(0, n_rows, plan.batch), plan.epochs
    optimiser = torch.optim.AdamW(groups, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], total_steps=epochs * len(starts), pct_start=WARM_UP
    )
    began = time.monotonic()
    for epoch in range(1, epochs + 1):
        order, losses = torch.randperm(n_rows, generator=generator), []
        for start in starts:
            taken = order[start : start + plan.batch]
            predicted = predict(taken)
            # each member leaves out other rows of a batch
            seen = (torch.rand(members, len(taken), generator=generator) < plan.share_seen).float() * weights[:, taken]
            miss = functional.huber_loss(predicted, targets[taken].expand(members, -1), reduction="none", delta=HUBER)
            # a sum over members, so that each is trained as if it were alone
            loss = ((miss * seen).sum(1) / seen.sum(1).clamp_min(1e-6)).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()) / members)
        if epoch % max(1, epochs // REPORTS) == 0 or epoch == epochs:
            left = (time.monotonic() - began) / epoch * (epochs - epoch)
            logger.info("epoch %d of %d: training loss %.4f, %.0f s left", epoch, epochs, float(np.mean(losses)), left)


def predict_network(fitted: FittedNetwork, graphs: Graphs, matrix: Array) -> Array:
    """Return the predictions of every member, shape (members, n_rows).

    Numbers have double precision, so that they depend on the row alone and not on those in the same batch.
    """
    with use_single_torch_thread(), torch.no_grad():
        network = GraphNetwork(
            fitted.members, fitted.n_features, _tensor_of_properties(), 0, has_graphs=fitted.has_graphs
        )
        network.load_state_dict({name: torch.as_tensor(value) for name, value in fitted.weights.items()})
        network.double().eval()
        rows = _Rows([_convert(graph, torch.float64) for graph in graphs], _to_features(matrix, torch.float64))
        pieces = torch.arange(len(matrix)).split(BATCH) if len(matrix) else ()
        parts = [network(*rows.take(piece)).numpy() for piece in pieces]
    found = np.concatenate(parts, axis=1) if parts else np.empty((fitted.members, 0))
    return fitted.mean + fitted.scale * found


def _convert(graph: SiteGraph | None, dtype: torch.dtype) -> Batch | None:
    """Return a graph as tensors, or None."""
    return None if graph is None else convert_graph(graph, dtype)


def _to_features(matrix: Array, dtype: torch.dtype) -> Tensor:
    """Return features within the range that a network can learn from."""
    return torch.as_tensor(np.clip(np.asarray(matrix, dtype=float), -CLIP, CLIP), dtype=dtype)


def scale_properties() -> Array:
    """Return properties of the elements with zero mean and unit variance, shape (n_elements, n_properties)."""
    values = np.stack([get_element_property(name) for name in PROPERTIES], axis=1)
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def _tensor_of_properties() -> Tensor:
    """Return these properties as a tensor."""
    return torch.as_tensor(scale_properties(), dtype=torch.float32)
