"""Pairs of compounds that differ in the amount of one working ion alone, as the two ends of an electrode do."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.features.electrode import IONS
from batterymi.features.formulas import parse_formulas
from batterymi.vocabulary.elements import INDEX

ROUNDED = 4  # digits of a host's atomic fractions that two compounds share
LEAST_STEP = 0.02  # ions per host atom; below, an error of the energies is divided by next to nothing


@dataclass(frozen=True)
class HostPairs:
    """Pairs of compounds of one host.

    Attributes:
        poor: row of the compound with fewer ions, or none, shape (n_pairs,).
        rich: row of that with more.
        before: ions per host atom of the first.
        after: of the second.
        charge: of the ion.
    """

    poor: Indices
    rich: Indices
    before: Array
    after: Array
    charge: Array


def pair_hosts(formulas: Sequence[str], rows: Indices) -> HostPairs:
    """Find all pairs of compounds with the same host and different amounts of one working ion.

    Args:
        formulas: of all compounds.
        rows: those that may be in a pair.
    """
    parsed = parse_formulas(formulas[row] for row in rows)
    parts = list(
        zip(np.split(parsed.elements, parsed.starts[1:]), np.split(parsed.amounts, parsed.starts[1:]), strict=True)
    )
    whole = {_make_key(elements, amounts): row for row, (elements, amounts) in zip(rows, parts, strict=True)}
    found: list[tuple[int, int, float, float, int]] = []
    for symbol, (charge, _, _) in IONS.items():
        hosts: dict[bytes, set[tuple[float, int]]] = defaultdict(set)
        for row, (elements, amounts) in zip(rows, parts, strict=True):
            is_ion = elements == INDEX[symbol]
            if is_ion.any() and len(elements) > 1:
                host = amounts[~is_ion]
                hosts[_make_key(elements[~is_ion], host)].add((float(amounts[is_ion][0] / host.sum()), int(row)))
        for key, members in hosts.items():
            empty = {(0.0, int(whole[key]))} if key in whole else set()
            found += [
                (poor, rich, before, after, charge)
                for (before, poor), (after, rich) in combinations(sorted(members | empty), 2)
                if after - before >= LEAST_STEP
            ]
    columns = np.array(found, dtype=float).reshape(-1, 5).T
    return HostPairs(columns[0].astype(np.intp), columns[1].astype(np.intp), columns[2], columns[3], columns[4])


def _make_key(elements: Indices, amounts: Array) -> bytes:
    """Return what two compositions share if and only if they are the same, up to rounding."""
    order = np.argsort(elements)
    fractions = np.rint(amounts[order] / amounts.sum() * 10**ROUNDED).astype(np.int64)
    return np.stack([elements[order].astype(np.int64), fractions]).tobytes()
