"""How narrow the ways between the sites of mobile ions are: free radii of their bottlenecks."""

from collections.abc import Iterator

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.features.lattice import ANION_RADII
from batterymi.features.occupancy import get_mobile_ion
from batterymi.features.site_records import SiteRecord
from batterymi.vocabulary.elements import INDEX

LONGEST_HOP, SHORTEST_HOP = 4.5, 0.5  # Å
STEPS = np.arange(1, 8) / 8  # of the way, at which anions are looked for
NEAREST_ANION = 4.0  # Å; farther anions leave the way open
LEAST_AMOUNT = 0.01  # of a site's ion
DESCRIPTIONS = {
    "bottleneck_mean": "mean over ions of the free radius of the widest way to another site, Å",
    "bottleneck_percolating": "largest free radius with which ions get through the crystal, Å",
    "bottleneck_hop": "mean over ions of the length of that widest way, Å",
}


def describe_bottlenecks(record: SiteRecord) -> dict[str, float]:
    """Compute the free radii of ways between sites of the mobile ion, by name of `DESCRIPTIONS`.

    A way is the straight line to a site within 4.5 Å; its free radius is the smallest distance to an anion less that
    anion's radius (Shannon 1976, doi:10.1107/S0567739476001551), as in geometric screens of ionic conductors. Ions get
    through the crystal where a chain of ways ends at a periodic image of its first site.

    Returns:
        Zeros where there is no ion, no way, or no way through.
    """
    found = dict.fromkeys(DESCRIPTIONS, 0.0)
    amounts = get_mobile_ion(record)
    sites = np.flatnonzero(amounts > LEAST_AMOUNT)
    if not sites.size:
        return found
    start, end, image, length = _find_ways(record, sites)
    if not start.size:
        return found
    radius = _measure_necks(record, sites, start, end, image)
    weights, widest = amounts[sites], np.full(len(sites), np.nan)
    hops = np.full(len(sites), np.nan)
    # the shortest last of ways that are equally wide
    for way in np.lexsort((-length, radius.round(6))):
        widest[start[way]], hops[start[way]] = radius[way], length[way]
    known = np.isfinite(widest)
    found["bottleneck_mean"] = float(np.average(widest[known], weights=weights[known]))
    found["bottleneck_hop"] = float(np.average(hops[known], weights=weights[known]))
    order = np.argsort(-radius)
    through = find_percolation(len(sites), start[order], end[order], image[order])
    found["bottleneck_percolating"] = float(radius[order][through]) if through is not None else 0.0
    return found


def find_percolation(n_sites: int, start: Indices, end: Indices, image: Indices) -> int | None:
    """Return the first way with which the ways so far lead from some site to a periodic image of it.

    Args:
        n_sites: of one cell.
        start: site of each way, shape (n_ways,).
        end: site at its other end.
        image: cell of the other end, shape (n_ways, 3).

    Returns:
        Its number; None if all ways together lead nowhere.
    """
    parent, offset = np.arange(n_sites), np.zeros((n_sites, 3), dtype=np.intp)

    def find_root(site: int) -> tuple[int, Indices]:
        total = np.zeros(3, dtype=np.intp)
        while parent[site] != site:
            total = total + offset[site]
            site = int(parent[site])
        return site, total

    for number, (first, second, cell) in enumerate(zip(start.tolist(), end.tolist(), image, strict=True)):
        (root, shift), (other, further) = find_root(first), find_root(second)
        step = shift - cell - further
        if root != other:
            # where the second root lies as seen from the first
            parent[other], offset[other] = root, step
        elif step.any():
            return number
    return None


def _find_ways(record: SiteRecord, sites: Indices) -> tuple[Indices, Indices, Indices, Array]:
    """Return both ends of each way (numbers among some sites), the cell of the second, and the length in Å."""
    points = np.ascontiguousarray(record.positions[sites] @ record.cell)
    start, end, image, length = _find_points(record, points, points, LONGEST_HOP)
    kept = length >= SHORTEST_HOP
    return start[kept], end[kept], image[kept].astype(np.intp), length[kept]


def _measure_necks(record: SiteRecord, sites: Indices, start: Indices, end: Indices, image: Indices) -> Array:
    """Return the free radius of each way, Å, shape (n_ways,)."""
    radii = np.zeros(record.amounts.shape[1])
    for symbol, size in ANION_RADII.items():
        radii[INDEX[symbol]] = size
    anions = record.amounts[:, radii > 0].sum(axis=1)
    here = np.flatnonzero(anions > 0.5)
    necks = np.full(len(start), NEAREST_ANION)
    if not here.size:
        return necks
    sizes = (record.amounts @ radii)[here] / anions[here]
    places = record.positions[sites]
    for ways in _split(len(start)):
        first, second = places[start[ways]], places[end[ways]] + image[ways]
        line = first[:, None] + STEPS[None, :, None] * (second - first)[:, None]
        points = np.ascontiguousarray(line.reshape(-1, 3) @ record.cell)
        anion_points = np.ascontiguousarray(record.positions[here] @ record.cell)
        point, anion, _, distance = _find_points(record, anion_points, points, NEAREST_ANION)
        np.minimum.at(necks, ways[point // len(STEPS)], distance - sizes[anion])
    return necks


def _split(n_ways: int) -> Iterator[Indices]:
    """Yield numbers of ways in pieces, so that few points are held at once."""
    yield from np.array_split(np.arange(n_ways), max(1, n_ways // 500))


def _find_points(
    record: SiteRecord, points: Array, centres: Array, radius: float
) -> tuple[Indices, Indices, Array, Array]:
    """Return centre, point, cell and distance in Å of each point within a radius of a centre."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    periodic, cell = np.ones(3, dtype=np.int64), np.ascontiguousarray(record.cell)
    found = find_points_in_spheres(points, centres, r=radius, pbc=periodic, lattice=cell, tol=1e-8)
    centre, point, image, distance = found
    return centre.astype(np.intp), point.astype(np.intp), image, distance
