"""Free radii of bottlenecks: built with known ones, in one direction or in none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.features.bottlenecks import DESCRIPTIONS, describe_bottlenecks
from batterymi.features.lattice import ANION_RADII
from batterymi.features.site_records import N_ELEMENTS, SiteRecord
from batterymi.vocabulary.elements import INDEX


def make_sites(cell: list[float], *sites: tuple[str, list[float], float]) -> SiteRecord:
    """Return a record of sites: symbol, place and occupancy."""
    amounts = np.zeros((len(sites), N_ELEMENTS))
    for row, (symbol, _, occupancy) in enumerate(sites):
        amounts[row, INDEX[symbol]] = occupancy
    return SiteRecord(np.diag(cell).astype(float), np.array([place for _, place, _ in sites], float), amounts)


def test_a_channel_is_as_wide_as_its_narrowest_place_on_the_widest_way() -> None:
    # sites 3 Å apart along x, 9 Å otherwise; halfway, an oxygen 2.2 Å aside
    channel = make_sites([3.0, 9.0, 9.0], ("Li", [0, 0, 0], 0.5), ("O", [0.5, 2.2 / 9, 0], 1))
    found = describe_bottlenecks(channel)
    assert set(found) == set(DESCRIPTIONS)
    assert found["bottleneck_mean"] == pytest.approx(2.2 - ANION_RADII["O"])
    assert found["bottleneck_percolating"] == pytest.approx(2.2 - ANION_RADII["O"])
    assert found["bottleneck_hop"] == pytest.approx(3.0)


def test_a_pair_of_sites_leads_nowhere_and_a_chain_is_as_wide_as_its_worst_link() -> None:
    pair = make_sites([9.0, 9.0, 9.0], ("Li", [0, 0, 0], 1), ("Li", [1 / 3, 0, 0], 1), ("S", [0, 0.5, 0.5], 1))
    assert describe_bottlenecks(pair)["bottleneck_percolating"] == 0
    assert describe_bottlenecks(pair)["bottleneck_mean"] == 4.0  # no anion near
    # links of 3 and 4 Å in a cell of 7 Å; the sulfur stands beside the longer one
    chain = make_sites([7.0, 9.0, 9.0], ("Li", [0, 0, 0], 1), ("Li", [3 / 7, 0, 0], 1), ("S", [5 / 7, 2.5 / 9, 0], 1))
    found = describe_bottlenecks(chain)
    assert found["bottleneck_percolating"] == pytest.approx(2.5 - ANION_RADII["S"])
    assert found["bottleneck_mean"] > found["bottleneck_percolating"]
    assert found["bottleneck_hop"] == pytest.approx(3.0)


def test_a_crystal_without_ions_has_no_bottlenecks() -> None:
    assert set(describe_bottlenecks(make_sites([4, 4, 4], ("Mn", [0, 0, 0], 1))).values()) == {0.0}


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([0, 1, 2]))
def test_a_supercell_in_another_order_from_another_origin_has_the_same_bottlenecks(seed: int, axis: int) -> None:
    chance = np.random.default_rng(seed)
    edges = chance.uniform(4, 7, 3)
    symbols = ["Li", "Li", *chance.choice(["O", "S", "Li", "P"], 4)]
    sites = [(symbol, chance.uniform(0, 1, 3).tolist(), 1.0) for symbol in symbols]
    record = make_sites(edges.tolist(), *sites)
    half, step = np.ones(3), np.zeros(3)
    half[axis], step[axis] = 0.5, 0.5
    places = np.concatenate([record.positions * half, record.positions * half + step]) + chance.uniform(-1, 1, 3)
    order = chance.permutation(12)
    twice = SiteRecord(record.cell / half[:, None], places[order] % 1, np.tile(record.amounts, (2, 1))[order])
    assert describe_bottlenecks(twice) == pytest.approx(describe_bottlenecks(record), abs=1e-6)
