"""Which compounds a model may not be pre-trained on, since electrodes of their elements are predicted with it later.

The voltage of an electrode follows from the formation energies of its two formulas, so a model that learned these has
seen the answer. They are left out by their elements, not by formula: a neighbouring composition of one host tells much.
"""

from collections.abc import Iterable

import numpy as np

from batterymi.arrays import Mask
from batterymi.features.formulas import parse_formulas
from batterymi.vocabulary.elements import INDEX

RULE = (
    "left out are formulas whose elements equal the elements of the host of any electrode, or do so without one "
    "working ion"
)


def mark_left_out(formulas: Iterable[str], host_systems: Iterable[str], ions: Iterable[str]) -> Mask:
    """Mark formulas whose elements equal a host's, as they are or without one of the working ions.

    Args:
        formulas: n_formulas texts.
        host_systems: elements of a host without its working ion, as Fe-O-P.
        ions: working ions.

    Returns:
        Shape (n_formulas,).
    """
    hosts = {frozenset(INDEX[symbol] for symbol in system.split("-") if symbol) for system in host_systems}
    numbers = [INDEX[ion] for ion in ions]
    parsed = parse_formulas(formulas)
    systems = [frozenset(part.tolist()) for part in np.split(parsed.elements, parsed.starts[1:])]
    # few distinct sets of elements among many formulas
    verdicts = {
        system: system in hosts or any(number in system and system - {number} in hosts for number in numbers)
        for system in set(systems)
    }
    return np.array([verdicts[system] for system in systems], dtype=bool)
