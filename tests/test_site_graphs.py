"""Sites of crystals as records, graphs and descriptors: nothing depends on how a crystal is written down."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_structures import LITHIUM, OXYGEN, write_cif

from batterymi.features.analogues import Compound, compare_compositions, find_analogue, make_compound, replace_elements
from batterymi.features.occupancy import DESCRIPTIONS, compute_occupancy_descriptors, describe_occupancy
from batterymi.features.site_graphs import GRAPH_COLUMN, SiteGraph, list_site_graphs, make_site_graph
from batterymi.features.site_records import SiteRecord, make_cell, make_record, measure_cell
from batterymi.features.structures import StructureError, read_structure
from batterymi.vocabulary.elements import INDEX, SYMBOLS

ELEMENTS = ("Li", "O", "S", "P", "La", "Cl")


def make_sites(cell: np.ndarray, *sites: tuple[tuple[float, float, float], dict[str, float]]) -> SiteRecord:
    """Return a record of positions and what is there."""
    amounts = np.zeros((len(sites), len(SYMBOLS)))
    for row, (_, content) in enumerate(sites):
        for symbol, amount in content.items():
            amounts[row, INDEX[symbol]] = amount
    return SiteRecord(np.asarray(cell, float), np.array([position for position, _ in sites]), amounts)


ROCK_SALT = make_sites(
    4.2 * np.eye(3),
    *[((x, y, (x + y) % 1), {"Li": 0.8}) for x in (0.0, 0.5) for y in (0.0, 0.5)],
    *[((x, y, (x + y + 0.5) % 1), {"O": 1.0}) for x in (0.0, 0.5) for y in (0.0, 0.5)],
)


def repeat_cell(record: SiteRecord, *times: int) -> SiteRecord:
    """Return a supercell."""
    shifts = np.array(np.meshgrid(*[range(n) for n in times])).reshape(3, -1).T
    positions = np.concatenate([(record.positions + shift) / times for shift in shifts])
    cell = record.cell * np.array(times)[:, None]
    return SiteRecord(cell, positions, np.tile(record.amounts, (len(shifts), 1)))


@st.composite
def records(draw: st.DrawFn) -> SiteRecord:
    """Cells of a few sites, some partly occupied or shared."""
    edges = [draw(st.floats(3.5, 7)) for _ in range(3)]
    angles = [draw(st.floats(75, 105)) for _ in range(3)]
    sites = []
    for _ in range(draw(st.integers(1, 5))):
        position = tuple(draw(st.sampled_from(np.round(np.linspace(0, 0.95, 14), 6).tolist())) for _ in range(3))
        first, second = draw(st.sampled_from(ELEMENTS)), draw(st.sampled_from(ELEMENTS))
        amount = draw(st.sampled_from([0.3, 0.5, 1.0]))
        sites.append((position, {first: amount} | ({second: 1 - amount} if second != first and amount < 1 else {})))
    return make_sites(make_cell(np.array(edges), np.array(angles)), *sites)


def sum_up(graph: SiteGraph) -> np.ndarray:
    """Return sums over sites and over pairs, which do not depend on how they are grouped."""
    weights = graph.multiplicity
    total = graph.amounts.sum(axis=1)
    near = weights[graph.centre] * graph.count
    by_pair = [near * graph.distance**power * (1 + total[graph.centre]) * total[graph.neighbour] for power in (0, 1)]
    return np.array([*(weights @ graph.amounts), weights @ graph.ions, *(part.sum() for part in by_pair)])


@settings(max_examples=40)
@given(records(), st.randoms(use_true_random=False), st.tuples(*[st.floats(-3, 3)] * 3))
def test_order_and_origin_of_sites_change_nothing(record: SiteRecord, chance: object, shift: tuple[float, ...]) -> None:
    order = list(range(len(record)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    moved = SiteRecord(record.cell, (record.positions[order] + shift) % 1.0, record.amounts[order])
    np.testing.assert_allclose(sum_up(make_site_graph(moved)), sum_up(make_site_graph(record)), rtol=1e-6, atol=1e-9)
    assert describe_occupancy(moved) == pytest.approx(describe_occupancy(record))


@settings(max_examples=30)
@given(records(), st.tuples(*[st.integers(1, 2)] * 3))
def test_a_supercell_has_the_graph_and_the_descriptors_of_its_cell(
    record: SiteRecord, times: tuple[int, int, int]
) -> None:
    larger = repeat_cell(record, *times)
    graph, other = make_site_graph(record), make_site_graph(larger)
    assert len(other.amounts) == len(graph.amounts)
    np.testing.assert_allclose(sum_up(other), sum_up(graph), rtol=1e-6, atol=1e-9)
    assert describe_occupancy(larger) == pytest.approx(describe_occupancy(record))


@settings(max_examples=30)
@given(records())
def test_merged_sites_sum_to_what_all_of_them_do(record: SiteRecord) -> None:
    larger = repeat_cell(record, 2, 1, 2)
    whole = make_site_graph(larger, merges=False)
    merged = make_site_graph(larger)
    assert len(whole.amounts) == len(larger)
    assert len(merged.amounts) <= len(record)
    np.testing.assert_allclose(sum_up(merged), sum_up(whole), rtol=1e-6, atol=1e-9)


def test_rock_salt_has_two_kinds_of_sites_and_the_known_neighbours() -> None:
    graph = make_site_graph(ROCK_SALT)
    assert graph.multiplicity.tolist() == [0.5, 0.5]
    found = {
        (int(centre), int(neighbour), round(float(distance), 3)): count
        for centre, neighbour, distance, count in zip(
            graph.centre, graph.neighbour, graph.distance, graph.count, strict=True
        )
    }
    # six at a / 2, twelve at a / sqrt(2), eight at a sqrt(3) / 2, six at a
    for here, there in ((0, 1), (1, 0)):
        assert found[here, there, 2.1] == 6
        assert found[here, here, 2.97] == 12
        assert found[here, there, 3.637] == 8
        assert found[here, here, 4.2] == 6
    assert len(found) == 8


def test_atoms_that_share_a_place_are_no_neighbours() -> None:
    split = make_sites(
        5 * np.eye(3), ((0, 0, 0), {"Li": 0.5}), ((0, 0, 0.08), {"Li": 0.5}), ((0.5, 0.5, 0.5), {"S": 1})
    )
    graph = make_site_graph(split)
    assert graph.distance.min() >= 0.5
    assert describe_occupancy(split)["li_split"] == 1


def test_sites_that_hold_the_same_are_two_kinds_if_their_surroundings_differ() -> None:
    chain = make_sites(
        np.diag([4.0, 4.0, 12.0]), ((0, 0, 0), {"O": 1}), ((0, 0, 0.2), {"Li": 1}), ((0, 0, 0.45), {"Li": 1})
    )
    assert len(make_site_graph(chain).amounts) == 3


def test_sites_whose_neighbours_alone_have_other_neighbours_are_two_kinds() -> None:
    # a row in which each site sees the next one only: O Li Li Li Li Li, and again
    sites = [((0, 0, place / 6), {"Li" if place else "O": 1}) for place in range(6)]
    graph = make_site_graph(make_sites(np.diag([10.0, 10.0, 21.0]), *sites))
    assert graph.multiplicity.tolist() == pytest.approx([1 / 6, 2 / 6, 2 / 6, 1 / 6])
    edges = set(zip(graph.centre.tolist(), graph.neighbour.tolist(), graph.count.tolist(), strict=True))
    assert edges == {(0, 1, 2), (1, 0, 1), (1, 2, 1), (2, 1, 1), (2, 3, 1), (3, 2, 2)}


def test_vacancies_are_counted_per_ion() -> None:
    found = describe_occupancy(ROCK_SALT)
    assert list(found) == list(DESCRIPTIONS)
    assert found["li_vacancies_per_li"] == pytest.approx(0.25)
    assert found["li_partial"] == pytest.approx(1)
    assert found["frac_partial_sites"] == pytest.approx(0.5)
    mixed = make_sites(
        4 * np.eye(3), ((0, 0, 0), {"Li": 1}), ((0.5, 0.5, 0), {"Li": 0.25, "La": 0.5}), ((0.5, 0, 0.5), {"O": 1})
    )
    found = describe_occupancy(mixed)
    assert found["li_vacancies_per_li"] == pytest.approx(0.75 / 1.25)
    assert found["li_shared"] == pytest.approx(0.25 / 1.25)
    assert found["li_occ_mean"] == pytest.approx((1 + 0.25**2) / 1.25)
    assert found["li_occ_min"] == 0.25
    assert found["frac_mixed_sites"] == pytest.approx(1 / 3)


def test_descriptors_and_graphs_of_files_name_a_bad_one(tmp_path: Path) -> None:
    good, bad = write_cif(tmp_path / "a.cif", LITHIUM, OXYGEN), write_cif(tmp_path / "b.cif", ("X1", "X", *"0001"))
    cells = pd.Series([str(good), str(good)], index=[4, 7])
    described, graphs = compute_occupancy_descriptors(structure=cells), list_site_graphs(structure=cells)
    assert described.index.tolist() == graphs.index.tolist() == [4, 7]
    assert described["li_vacancies_per_li"].tolist() == pytest.approx([1, 1])
    assert isinstance(graphs[GRAPH_COLUMN][4], SiteGraph)
    for function in (compute_occupancy_descriptors, list_site_graphs):
        with pytest.raises(StructureError, match=r"b\.cif: the label 'X1' is no element"):
            function(structure=pd.Series([str(good), str(bad)]))


def test_the_record_of_a_file_holds_its_cell_and_occupancies(tmp_path: Path) -> None:
    record = make_record(read_structure(write_cif(tmp_path / "a.cif", LITHIUM, OXYGEN)).structure)
    edges, angles = measure_cell(record.cell)
    assert edges == pytest.approx([4, 4, 10])
    assert angles == pytest.approx([90, 90, 120])
    assert record.totals[INDEX["Li"]] == pytest.approx(0.5)
    assert record.totals[INDEX["O"]] == pytest.approx(1)


# structures by analogy

TEMPLATE = make_sites(
    np.diag([6.0, 6.0, 8.0]),
    ((0, 0, 0), {"Li": 0.5}),
    ((0.5, 0.5, 0), {"P": 1}),
    ((0.5, 0, 0.5), {"S": 1}),
    ((0, 0.5, 0.5), {"S": 0.5, "Cl": 0.5}),
)


def compound(space_group: int = 5, edges: tuple[float, ...] = (6, 6, 8), **amounts: float) -> Compound:
    """Return a compound of a cell with right angles."""
    return make_compound(space_group, [*edges, 90, 90, 90], amounts or {"Li": 0.5, "Ge": 1, "S": 1.5, "Br": 0.5})


def test_an_analogue_has_the_elements_and_the_cell_of_the_compound() -> None:
    wanted = compound(edges=(6.2, 6.2, 8.2))
    found = find_analogue(wanted, {1: TEMPLATE}, {1: 5})
    assert found is not None
    assert found.template == 1
    assert found.deviation == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.record.totals, wanted.content)
    np.testing.assert_allclose(measure_cell(found.record.cell)[0], [6.2, 6.2, 8.2])
    # sulfur keeps its site, and the other halogen takes the place of chlorine
    assert found.record.amounts[2, INDEX["S"]] == 1
    assert found.record.amounts[3, INDEX["Br"]] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "other",
    [
        compound(space_group=6),
        compound(edges=(6.5, 6, 8)),
        compound(Li=1, Ge=1, S=2, Br=0.5),
        make_compound(5, [6, 6, 8, 90, 94, 90], {"Li": 0.5, "Ge": 1, "S": 1.5, "Br": 0.5}),
    ],
    ids=["space group", "edges", "atoms", "angles"],
)
def test_there_is_no_analogue_of_another_group_or_cell(other: Compound) -> None:
    assert find_analogue(other, {1: TEMPLATE}, {1: 5}) is None
    assert find_analogue(compound(), {1: TEMPLATE}, {1: 5}) is not None


def test_the_nearest_composition_is_taken() -> None:
    near = replace_elements(TEMPLATE, compound(Li=0.6, Ge=1, S=1.5, Br=0.5))
    assert near is not None
    found = find_analogue(compound(), {1: TEMPLATE, 2: near}, {1: 5, 2: 5})
    assert found is not None
    assert found.template == 2


def test_sites_are_never_more_than_full_and_a_role_needs_a_site() -> None:
    more = replace_elements(TEMPLATE, compound(Li=2, Ge=1, S=1.5, Br=0.5))
    assert more is not None
    assert more.occupancies.max() <= 1 + 1e-12
    assert compare_compositions(more.totals, compound(Li=2, Ge=1, S=1.5, Br=0.5).content) > 0.1
    bare = SiteRecord(TEMPLATE.cell, TEMPLATE.positions[1:], TEMPLATE.amounts[1:])
    assert replace_elements(bare, compound()) is None


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["Ge", "P", "La", "Sn"]), st.floats(0.05, 1), min_size=1))
def test_cations_are_replaced_exactly_where_sites_have_room(cations: dict[str, float]) -> None:
    total = sum(cations.values())
    wanted = compound(Li=0.5, S=1.5, Cl=0.5, **{symbol: amount / total for symbol, amount in cations.items()})
    record = replace_elements(TEMPLATE, wanted)
    assert record is not None
    # what is below the least amount of a site is left out
    np.testing.assert_allclose(record.totals, wanted.content, atol=0.011)
