"""A small network over the sites of crystals, whose ensemble members share one forward pass.

A crystal graph convolution (Xie and Grossman 2018, doi:10.1103/PhysRevLett.120.145301) with sites that may be partly
occupied: a site is the sum of its elements by their occupancy, and a neighbour's message is weighted by how much is
there. Every weight has a leading axis of members. Layers are normalised, and batches are not, since rows of a batch
must not see each other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from batterymi.features.site_graphs import RADIUS, SiteGraph, fade_out

HIDDEN = 32
LAYERS = 2
N_RADIAL = 24  # Gaussians of the distance
CLOSEST = 0.5  # Å, centre of the first
DROPOUT = 0.1
STEP = 0.7  # share of its messages that a site takes over in a layer


@dataclass(frozen=True)
class Batch:
    """Several graphs as one.

    Attributes:
        amounts: shape (n_nodes, n_elements).
        ions: atoms of the mobile ion on each site, weighted by multiplicity, shape (n_nodes,).
        atoms: all atoms likewise, shape (n_nodes,).
        centre: node of each edge, shape (n_edges,).
        neighbour: shape (n_edges,).
        radial: Gaussians of the distance, shape (n_edges, N_RADIAL).
        weight: of the messages, shape (n_edges,).
        owner: the row that each node belongs to, shape (n_nodes,).
        n_rows: rows, of which some may have no nodes.
    """

    amounts: Tensor
    ions: Tensor
    atoms: Tensor
    centre: Tensor
    neighbour: Tensor
    radial: Tensor
    weight: Tensor
    owner: Tensor
    n_rows: int


def convert_graph(graph: SiteGraph, dtype: torch.dtype) -> Batch:
    """Return one graph as tensors."""
    amounts = torch.as_tensor(graph.amounts, dtype=dtype)
    multiplicity = torch.as_tensor(graph.multiplicity, dtype=dtype)
    neighbour = torch.as_tensor(graph.neighbour)
    centres = torch.linspace(CLOSEST, RADIUS, N_RADIAL, dtype=dtype)
    width = (RADIUS - CLOSEST) / (N_RADIAL - 1)
    distance = torch.as_tensor(graph.distance, dtype=dtype)
    near = torch.as_tensor(fade_out(graph.distance) * graph.count, dtype=dtype)
    return Batch(
        amounts,
        torch.as_tensor(graph.ions, dtype=dtype) * multiplicity,
        amounts.sum(1) * multiplicity,
        torch.as_tensor(graph.centre),
        neighbour,
        torch.exp(-0.5 * ((distance[:, None] - centres) / width) ** 2),
        near * amounts.sum(1)[neighbour],
        torch.zeros(len(amounts), dtype=torch.long),
        1,
    )


def join_graphs(graphs: Sequence[Batch | None]) -> Batch | None:
    """Return several graphs as one; rows without a graph have no nodes. None if no row has one."""
    known = [(row, graph) for row, graph in enumerate(graphs) if graph is not None]
    if not known:
        return None
    rows, parts = zip(*known, strict=True)
    sizes = torch.tensor([len(part.amounts) for part in parts])
    first = torch.cumsum(sizes, 0) - sizes
    return Batch(
        torch.cat([part.amounts for part in parts]),
        torch.cat([part.ions for part in parts]),
        torch.cat([part.atoms for part in parts]),
        torch.cat([part.centre + start for part, start in zip(parts, first, strict=True)]),
        torch.cat([part.neighbour + start for part, start in zip(parts, first, strict=True)]),
        torch.cat([part.radial for part in parts]),
        torch.cat([part.weight for part in parts]),
        torch.repeat_interleave(torch.tensor(rows), sizes),
        len(graphs),
    )


class MemberLinear(nn.Module):
    """A linear layer for each member of an ensemble."""

    def __init__(self, shape: tuple[int, int, int], generator: torch.Generator, *, biased: bool = True) -> None:
        """Draw weights of a normal distribution.

        Args:
            shape: members, inputs, outputs.
            generator: of random numbers.
            biased: whether a constant is added.
        """
        super().__init__()
        members, inputs, outputs = shape
        self.weight = nn.Parameter(torch.randn(*shape, generator=generator) / math.sqrt(max(inputs, 1)))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs)) if biased else None

    def forward(self, values: Tensor) -> Tensor:
        """Return shape (members, n, outputs) from values of shape (members, n, inputs) or (n, inputs)."""
        product = torch.matmul(values, self.weight)
        return product if self.bias is None else product + self.bias


def normalise(values: Tensor) -> Tensor:
    """Scale each row to zero mean and unit variance over its own numbers."""
    return functional.layer_norm(values, values.shape[-1:])


class SiteNetwork(nn.Module):
    """Sites to a vector for each structure: the mean over its atoms, and that over its mobile ions."""

    def __init__(self, members: int, properties: Tensor, generator: torch.Generator) -> None:
        """Draw the weights.

        Args:
            members: of the ensemble.
            properties: scaled numbers of each element, shape (n_elements, n_properties).
            generator: of random numbers.
        """
        super().__init__()
        n_elements, n_properties = properties.shape
        self.properties: Tensor
        self.register_buffer("properties", properties, persistent=False)
        self.enter = MemberLinear((members, n_properties + 1, HIDDEN), generator)
        self.elements = nn.Parameter(0.1 * torch.randn(members, n_elements, HIDDEN, generator=generator))
        wide = (members, HIDDEN, 2 * HIDDEN)
        self.own = nn.ModuleList(MemberLinear(wide, generator) for _ in range(LAYERS))
        self.others = nn.ModuleList(MemberLinear(wide, generator, biased=False) for _ in range(LAYERS))
        self.between = nn.ModuleList(
            MemberLinear((members, N_RADIAL, 2 * HIDDEN), generator, biased=False) for _ in range(LAYERS)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return shape (members, n_rows, 2 * HIDDEN); zeros for rows without a graph."""
        vacancy = 1 - batch.amounts.sum(1, keepdim=True)
        described = torch.cat([batch.amounts @ self.properties, vacancy], 1)
        sites = functional.silu(normalise(self.enter(described) + torch.matmul(batch.amounts, self.elements)))
        for own, others, between in zip(self.own, self.others, self.between, strict=True):
            raw = own(sites)[:, batch.centre] + others(sites)[:, batch.neighbour] + between(batch.radial)
            gate, content = raw.chunk(2, -1)
            messages = torch.sigmoid(gate) * functional.silu(content) * batch.weight[None, :, None]
            received = torch.zeros_like(sites).index_add(1, batch.centre, messages)
            sites = sites + STEP * normalise(received)
        return torch.cat([self._average(sites, batch, batch.atoms), self._average(sites, batch, batch.ions)], -1)

    @staticmethod
    def _average(sites: Tensor, batch: Batch, weights: Tensor) -> Tensor:
        """Return the weighted mean over the sites of each row, shape (members, n_rows, HIDDEN)."""
        empty = sites.new_zeros(len(sites), batch.n_rows, sites.shape[-1])
        total = empty.index_add(1, batch.owner, sites * weights[None, :, None])
        scale = weights.new_zeros(batch.n_rows).index_add(0, batch.owner, weights)
        return total / scale.clamp_min(1e-6)[None, :, None]


class Head(nn.Module):
    """From the vector of a structure and the other features to a number."""

    def __init__(self, members: int, n_features: int, generator: torch.Generator, *, has_graphs: bool) -> None:
        """Draw the weights.

        Args:
            members: of the ensemble.
            n_features: numbers beside the graph; none, if 0.
            generator: of random numbers.
            has_graphs: whether rows have graphs.
        """
        super().__init__()
        self.generator = generator
        self.structure = MemberLinear((members, 2 * HIDDEN, 2 * HIDDEN), generator) if has_graphs else None
        self.features = MemberLinear((members, n_features, 2 * HIDDEN), generator) if n_features else None
        parts = (self.structure is not None) + (self.features is not None)
        self.join = MemberLinear((members, 2 * HIDDEN * parts, 2 * HIDDEN), generator)
        self.end = MemberLinear((members, 2 * HIDDEN, 1), generator)
        with torch.no_grad():
            # starts near the mean of what is learned
            self.end.weight.mul_(0.1)

    def forward(self, embedded: Tensor | None, features: Tensor | None) -> Tensor:
        """Return shape (members, n_rows)."""
        parts = []
        if self.structure is not None and embedded is not None:
            parts.append(functional.silu(normalise(self.structure(embedded))))
        if self.features is not None and features is not None:
            parts.append(functional.silu(normalise(self.features(self.drop(features)))))
        joined = self.drop(torch.cat(parts, -1))
        return self.end(self.drop(functional.silu(self.join(joined)))).squeeze(-1)

    def drop(self, values: Tensor) -> Tensor:
        """Return values of which some are set to zero while it is trained, by the network's own generator."""
        if not self.training:
            return values
        kept = torch.rand(values.shape, generator=self.generator) >= DROPOUT
        return values * kept / (1 - DROPOUT)


class GraphNetwork(nn.Module):
    """Sites and features to a number for each row, by every member of an ensemble."""

    def __init__(self, members: int, n_features: int, properties: Tensor, seed: int, *, has_graphs: bool) -> None:
        """Draw the weights; equal seeds draw equal ones."""
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.sites = SiteNetwork(members, properties, generator) if has_graphs else None
        self.head = Head(members, n_features, generator, has_graphs=has_graphs)

    def forward(self, batch: Batch | None, features: Tensor | None, n_rows: int) -> Tensor:
        """Return shape (members, n_rows)."""
        embedded = None
        if self.sites is not None:
            weights = self.sites.enter.weight
            # a batch may have rows without graphs only
            empty = weights.new_zeros(len(weights), n_rows, 2 * HIDDEN)
            embedded = empty if batch is None else self.sites(batch)
        return self.head(embedded, features)

    def count_parameters(self) -> int:
        """Return the number of weights of one member, without the head's."""
        return sum(part.numel() // len(part) for part in self.sites.parameters()) if self.sites is not None else 0
