"""Gates that candidates pass or not, and the account of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from batterymi.config.expressions import parse_condition
from batterymi.config.screen import Gate
from batterymi.features.formulas import Compositions

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass
class Funnel:
    """How many candidates came to each gate, and what became of them.

    Attributes:
        entered: candidates that reached it, one number per gate.
        passed: of these, those that passed.
        unknown: those of which it is unknown, because a number is missing.
    """

    entered: list[int] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    @classmethod
    def make_empty(cls, n_gates: int) -> "Funnel":
        """Return the funnel of no candidate."""
        return cls([0] * n_gates, [0] * n_gates, [0] * n_gates)

    def add(self, funnel: "Funnel") -> None:
        """Add the counts of a funnel with the same gates."""
        for name, counts in vars(self).items():
            counts[:] = [mine + theirs for mine, theirs in zip(counts, getattr(funnel, name), strict=True)]

    def concat_steps(self, later: "Funnel") -> "Funnel":
        """Return the funnel of these gates followed by later ones."""
        return Funnel(**{name: [*counts, *getattr(later, name)] for name, counts in vars(self).items()})


def split_gates(gates: Sequence[Gate]) -> tuple[list[Gate], list[Gate]]:
    """Return the gates before the model, and those from the first that needs a prediction."""
    first = next((number for number, gate in enumerate(gates) if gate.needs_prediction), len(gates))
    return list(gates[:first]), list(gates[first:])


def pass_gates(
    gates: Sequence[Gate], alive: Mask, numbers: Mapping[str, Array], compositions: Compositions
) -> tuple[Mask, Funnel]:
    """Pass candidates through gates in order.

    Args:
        gates: the gates.
        alive: candidates that come to the first, shape (n,).
        numbers: what expressions may use, each of shape (n,).
        compositions: of all n candidates.

    Returns:
        Those that passed all, and the account.
    """
    funnel = Funnel()
    for gate in gates:
        passes, unknown = _evaluate_gate(gate, numbers, compositions)
        passes = passes | unknown if gate.unknown == "pass" else passes
        funnel.entered.append(int(alive.sum()))
        funnel.unknown.append(int((alive & unknown).sum()))
        alive = alive & passes
        funnel.passed.append(int(alive.sum()))
    return alive, funnel


def find_undecided(gates: Sequence[Gate], numbers: Mapping[str, Array], compositions: Compositions) -> Mask:
    """Return of which candidates some gate that lets unknown ones pass is unknown, shape (n,)."""
    undecided = np.zeros(compositions.n_formulas, dtype=bool)
    for gate in gates:
        if gate.unknown == "pass":
            undecided |= _evaluate_gate(gate, numbers, compositions)[1]
    return undecided


def _evaluate_gate(gate: Gate, numbers: Mapping[str, Array], compositions: Compositions) -> tuple[Mask, Mask]:
    """Return which candidates pass a gate, and for which that is unknown."""
    if gate.expression is not None:
        condition = parse_condition(gate.expression)
        unknown = np.isnan(condition(numbers))
        return condition.is_satisfied(numbers) & ~unknown, unknown
    symbols = gate.without or gate.with_any or ()
    holds = compositions.count_atoms(*symbols) > 0
    return (~holds if gate.without else holds), np.zeros(len(holds), dtype=bool)
