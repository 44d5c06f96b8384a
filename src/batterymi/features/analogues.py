"""Structures for compounds without one: the sites of a known compound with the same space group and a similar cell.

Only space group, cell and composition are compared, never a measured property, so that an analogue says nothing of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array
from batterymi.features.charge_balance import ANIONS
from batterymi.features.site_records import SiteRecord, make_cell, measure_cell
from batterymi.vocabulary.elements import INDEX, SYMBOLS

EDGE = 0.06  # relative difference of each edge
ANGLE = 3.0  # degrees
ATOMS = 0.15  # relative difference of the atoms per cell
LEAST_AMOUNT = 5e-3  # of an element on a site; less is rounding
IS_LITHIUM = np.arange(len(SYMBOLS)) == INDEX["Li"]
IS_ANION = np.isin(SYMBOLS, sorted(ANIONS))
ROLES = (IS_LITHIUM, IS_ANION, ~IS_LITHIUM & ~IS_ANION)


@dataclass(frozen=True)
class Compound:
    """What is known of a compound without its sites.

    Attributes:
        space_group: number, 1 to 230.
        edges: a, b, c in Å, shape (3,).
        angles: α, β, γ in degrees, shape (3,).
        content: atoms of each element in the cell, in the order of `SYMBOLS`, shape (n_elements,).
    """

    space_group: int
    edges: Array
    angles: Array
    content: Array


@dataclass(frozen=True)
class Analogue:
    """A structure by analogy.

    Attributes:
        record: the sites.
        template: key of the compound whose sites they are.
        deviation: half of the summed differences of atomic fractions between the record and the compound: 0 is the
            same composition, 1 has no element in common.
    """

    record: SiteRecord
    template: int
    deviation: float


def find_analogue(
    compound: Compound, templates: Mapping[int, SiteRecord], space_groups: Mapping[int, int]
) -> Analogue | None:
    """Return the structure of the most similar compound, with the elements and the cell of this one.

    Args:
        compound: what is known.
        templates: structures by key.
        space_groups: of the templates.

    Returns:
        That of the template with the nearest composition, the first key of several; None without a template.
    """
    near = [key for key in sorted(templates) if space_groups[key] == compound.space_group]
    near = [key for key in near if _is_similar(compound, templates[key])]
    if not near:
        return None
    best = min(near, key=lambda key: compare_compositions(templates[key].totals, compound.content))
    record = replace_elements(templates[best], compound)
    if record is None:
        return None
    return Analogue(record, best, compare_compositions(record.totals, compound.content))


def _is_similar(compound: Compound, template: SiteRecord) -> bool:
    """Return whether cell and number of atoms agree within the tolerances."""
    edges, angles = measure_cell(template.cell)
    atoms = compound.content.sum()
    return bool(
        (np.abs(edges - compound.edges) <= EDGE * compound.edges).all()
        and (np.abs(angles - compound.angles) <= ANGLE).all()
        and abs(template.totals.sum() - atoms) <= ATOMS * atoms
    )


def compare_compositions(first: Array, second: Array) -> float:
    """Return half of the summed differences of atomic fractions, 0 to 1."""
    return float(np.abs(first / first.sum() - second / second.sum()).sum() / 2)


def replace_elements(template: SiteRecord, compound: Compound) -> SiteRecord | None:
    """Return the template's sites with the elements and the cell of a compound.

    Lithium, anions and other cations are replaced among themselves. An element of both keeps its sites as far as it
    reaches; what is left of the template's is shared by the compound's others in proportion. Occupancies are scaled to
    the compound's atoms of the role, at most to full sites.

    Returns:
        The record; None if the compound has a role for which the template has no site.
    """
    exchange = np.zeros((len(SYMBOLS), len(SYMBOLS)))
    for role in ROLES:
        had, needed = template.totals * role, compound.content * role
        if needed.sum() > 0 and had.sum() == 0:
            return None
        if needed.sum() > 0:
            exchange += _match_elements(had / had.sum(), needed / needed.sum()) * needed.sum() / had.sum()
    amounts = template.amounts @ exchange
    amounts[amounts < LEAST_AMOUNT] = 0
    amounts /= np.maximum(amounts.sum(axis=1, keepdims=True), 1.0)
    kept = amounts.any(axis=1)
    return SiteRecord(make_cell(compound.edges, compound.angles), template.positions[kept], amounts[kept])


def _match_elements(had: Array, needed: Array) -> Array:
    """Return which share of each element of a template becomes which of a compound, shape (n_elements, n_elements).

    Args:
        had: fractions of the template's elements within a role, adding up to 1.
        needed: of the compound's.
    """
    common = np.minimum(had, needed)
    left, lacking = had - common, needed - common
    shares = np.diag(common)
    if lacking.sum() > 0:
        shares = shares + np.outer(left, lacking) / lacking.sum()
    return np.divide(shares, had[:, None], out=np.zeros_like(shares), where=had[:, None] > 0)


def make_compound(space_group: int, cell: Sequence[float], amounts: Mapping[str, float]) -> Compound:
    """Return a compound from a row of a table.

    Args:
        space_group: number.
        cell: a, b, c in Å and α, β, γ in degrees.
        amounts: atoms of each element in the cell.
    """
    content = np.zeros(len(SYMBOLS))
    for symbol, amount in amounts.items():
        content[INDEX[symbol]] = amount
    return Compound(space_group, np.array(cell[:3], float), np.array(cell[3:], float), content)
