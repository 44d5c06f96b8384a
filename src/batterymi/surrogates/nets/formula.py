"""Message passing over the elements of a formula, with attention that knows the amounts.

Elements are the nodes of a complete graph, and each attends to the others with the logarithm of their atomic fraction
added to the score, so that what is rare says little (as Roost, Goodall and Lee 2020,
doi:10.1038/s41467-020-19964-7, and CrabNet, Wang et al. 2021, doi:10.1038/s41524-021-00545-1). No structure enters.
Every weight has a leading axis of members, which share one forward pass; layers are normalised, and batches are not.
The same forward pass in NumPy is `batterymi.features.formula_net`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from batterymi.surrogates.nets.graph import MemberLinear, normalise

HEADS = 4
LEAST_FRACTION = 1e-6  # whose logarithm is taken
AMOUNT_SCALE = 4.0  # divides the logarithm of a fraction
Blocks = Sequence[tuple[Tensor, Tensor]]


class FormulaEncoder(nn.Module):
    """Elements and amounts of a formula to a vector, and to the quantities of its pre-training."""

    def __init__(
        self, shape: tuple[int, int, int], properties: Tensor, n_targets: int, generator: torch.Generator
    ) -> None:
        """Draw the weights.

        Args:
            shape: members, width, layers.
            properties: scaled numbers of each element, shape (n_elements, n_properties).
            n_targets: quantities of the pre-training.
            generator: of random numbers.
        """
        super().__init__()
        members, width, layers = shape
        n_elements, n_properties = properties.shape
        self.width = width
        self.properties: Tensor
        self.register_buffer("properties", properties)
        self.enter = MemberLinear((members, n_properties + 2, width), generator)
        self.elements = nn.Parameter(0.1 * torch.randn(members, n_elements, width, generator=generator))

        def stack(inputs: int, outputs: int) -> nn.ModuleList:
            return nn.ModuleList(MemberLinear((members, inputs, outputs), generator) for _ in range(layers))

        self.attend, self.merge = stack(width, 3 * width), stack(width, width)
        self.widen, self.narrow = stack(width, 2 * width), stack(2 * width, width)
        self.hidden = MemberLinear((members, width, width), generator)
        self.targets = MemberLinear((members, width, n_targets), generator)

    def forward(self, blocks: Blocks) -> Tensor:
        """Return the embedding of formulas, shape (members, n_formulas, width), in the order of the blocks.

        Args:
            blocks: of formulas of equally many elements each: their places in the vocabulary and atomic fractions,
                shape (n_rows, n_elements).
        """
        return self.average(self.pass_messages(self.enter_nodes(blocks), blocks, range(len(self.attend))), blocks)

    def enter_nodes(self, blocks: Blocks) -> Tensor:
        """Return the elements before any message, shape (members, n_nodes, width), all formulas one after another."""
        elements = torch.cat([block.reshape(-1) for block, _ in blocks])
        fractions = torch.cat([block.reshape(-1) for _, block in blocks])
        amounts = torch.stack([fractions, _take_logarithm(fractions) / AMOUNT_SCALE], dim=1)
        described = torch.cat([self.properties[elements], amounts], dim=1)
        return normalise(self.enter(described) + self.elements[:, elements])

    def pass_messages(self, nodes: Tensor, blocks: Blocks, layers: range) -> Tensor:
        """Return the elements after some rounds of messages, shape (members, n_nodes, width)."""
        logarithm = _take_logarithm(torch.cat([block.reshape(-1) for _, block in blocks]))
        # what is linear is computed for the elements of all formulas at once
        for layer in layers:
            projected = self.attend[layer](normalise(nodes))
            nodes = nodes + self.merge[layer](self._exchange(projected, logarithm, blocks))
            nodes = nodes + self.narrow[layer](functional.silu(self.widen[layer](normalise(nodes))))
        return nodes

    def predict_targets(self, embedded: Tensor) -> Tensor:
        """Return the standardised quantities of the pre-training, shape (members, n_formulas, n_targets)."""
        return self.targets(functional.silu(self.hidden(embedded)))

    def _exchange(self, projected: Tensor, logarithm: Tensor, blocks: Blocks) -> Tensor:
        """Return what each element receives from those of its formula, shape (members, n_nodes, width)."""
        members, received, start = len(projected), [], 0
        for block, _ in blocks:
            rows, size = block.shape
            part = slice(start, start + rows * size)
            shape = (members, rows, size, 3, HEADS, self.width // HEADS)
            query, key, value = projected[:, part].reshape(shape).permute(3, 0, 1, 4, 2, 5)
            scores = query @ key.transpose(-1, -2) / math.sqrt(shape[-1])
            weights = torch.softmax(scores + logarithm[part].reshape(1, rows, 1, 1, size), dim=-1)
            received.append((weights @ value).permute(0, 1, 3, 2, 4).reshape(members, rows * size, self.width))
            start += rows * size
        return torch.cat(received, dim=1)

    def average(self, nodes: Tensor, blocks: Blocks) -> Tensor:
        """Return the mean over each formula's elements by their fractions, shape (members, n_formulas, width)."""
        nodes, means, start = normalise(nodes), [], 0
        for block, fractions in blocks:
            rows, size = block.shape
            part = nodes[:, start : start + rows * size].reshape(len(nodes), rows, size, self.width)
            means.append((part * fractions[None, :, :, None]).sum(2))
            start += rows * size
        return torch.cat(means, dim=1)

    def list_stacks(self) -> tuple[nn.ModuleList, ...]:
        """Return the layers of each kind, one of each per round of messages."""
        return self.attend, self.merge, self.widen, self.narrow

    def count_parameters(self) -> int:
        """Return the number of weights of one member."""
        return sum(part.numel() // len(part) for part in self.parameters())


def _take_logarithm(fractions: Tensor) -> Tensor:
    """Return the logarithm of atomic fractions."""
    return torch.log(fractions.clamp_min(LEAST_FRACTION))
