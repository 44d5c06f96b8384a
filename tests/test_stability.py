"""Hull distances, windows and reactions: known answers, properties, and pymatgen as the reference."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_sample import make_assessor, read_phases

from batterymi.features.formulas import parse_formula
from batterymi.stability.assess import FIRST, FULL, WITHOUT_DRAWS, Assessment, Assessor, Depth
from batterymi.stability.equilibrium import find_equilibrium
from batterymi.stability.phases import BOTH, CRITEXAM, PhaseTable, StabilityError, System
from batterymi.stability.published import load_windows
from batterymi.stability.reactions import react_with, react_with_lithium
from batterymi.stability.window import GIVES, TAKES, examine_edge, find_edge

PUBLISHED = load_windows().set_index("formula")
IN_SAMPLE = [
    name
    for name in PUBLISHED.index
    if set(parse_formula(name)) <= {"Li", "P", "S", "Cl", "O", "La", "Zr", "Ti", "F", "Y"}
]
ELECTROLYTES = ["Li6PS5Cl", "Li3PS4", "Li7P3S11", "Li2S", "Li3PO4", "LiCl", "Li3P", "Li7La3Zr2O12", "Li3YCl6"]
NEW = "Li5P2S7Cl"  # that the sample has no phase of


def assess(formula: str, depth: Depth = FIRST) -> Assessment:
    """The stability of a formula in the sample."""
    return make_assessor(20).assess(parse_formula(formula), depth)


def table_with(formula: str, energy: float) -> PhaseTable:
    """The sample with one phase more."""
    system = "-".join(sorted(parse_formula(formula)))
    added = pd.DataFrame([{"formula": formula, "system": system, "e_form": energy, "e_form_critexam": energy}])
    return PhaseTable(pd.concat([read_phases(), added], ignore_index=True))


def table_without(formula: str) -> PhaseTable:
    """The sample without a phase."""
    return PhaseTable(read_phases()[lambda frame: frame["formula"] != formula])


@pytest.mark.parametrize(("formula", "other"), [("LiF", "F"), ("LiCl", "Cl")])
def test_a_binary_is_oxidised_where_its_formation_energy_is_spent_and_never_reduced(formula: str, other: str) -> None:
    found = assess(formula, WITHOUT_DRAWS)
    assert found.oxidation.volts == pytest.approx(-2 * found.e_form, abs=1e-9)
    assert found.reduction.volts == pytest.approx(0, abs=1e-9)
    assert found.lithium.energy == 0
    assert (found.reduction.set_by, found.oxidation.set_by) == ("Li", other)


@pytest.mark.parametrize("formula", IN_SAMPLE)
def test_windows_of_known_electrolytes_are_the_published_ones(formula: str) -> None:
    found, published = assess(formula), PUBLISHED.loc[formula]
    assert found.reduction.volts == pytest.approx(published["v_reduction"], abs=0.05)
    assert found.oxidation.volts == pytest.approx(published["v_oxidation"], abs=0.16)
    if np.isfinite(published["e_lithium"]):
        # without an entry the energy is that of the equilibrium, which is lower than that of the published structure
        within = 0.07 if np.isnan(found.e_form) else 0.01
        assert found.lithium.energy == pytest.approx(published["e_lithium"], abs=within)


def test_a_known_sulfide_reacts_with_its_cathode_to_the_known_products() -> None:
    found = assess("Li3PS4", WITHOUT_DRAWS)
    assert found.partners["licoo2"].energy == pytest.approx(-0.405, abs=0.01)
    assert {"Li3PO4", "Co3S4"} <= set(found.partners["licoo2"].products)
    assert set(found.lithium.products) == {"Li2S", "Li3P"}
    assert set(found.partners["water"].products) == {"H2S", "Li3PO4"}


@settings(max_examples=20)
@given(st.sampled_from(ELECTROLYTES), st.floats(0.01, 50))
def test_the_size_of_the_formula_unit_changes_nothing(formula: str, factor: float) -> None:
    scaled = {symbol: factor * amount for symbol, amount in parse_formula(formula).items()}
    found, expected = make_assessor(20).assess(scaled, FIRST).as_row(), assess(formula).as_row()
    for name, value in expected.items():
        assert found[name] == (value if isinstance(value, str) else pytest.approx(value, abs=1e-9, nan_ok=True))


@settings(max_examples=20)
@given(st.sampled_from(["Li6PS5Cl", "Li3PS4", "Li2S", "LiCl", "Li3PO4", "Li3P"]), st.floats(0, 0.3))
def test_a_competing_phase_that_leaves_the_equilibrium_as_it_is_never_widens_the_window(
    formula: str, below: float
) -> None:
    table = make_assessor().table
    system = table.select_system(frozenset(parse_formula(NEW)) | frozenset(parse_formula(formula)))
    energy = find_equilibrium(system, system.vector(parse_formula(NEW))).energy - below
    before, after = assess(formula), Assessor(table_with(NEW, energy)).assess(parse_formula(formula), FIRST)
    more = table_with(NEW, energy).select_system(frozenset(system.symbols))
    composition = parse_formula(formula)
    hulls = [find_equilibrium(one, one.vector(composition)).energy for one in (system, more)]
    if hulls[1] > hulls[0] - 1e-9:
        assert after.reduction.volts >= before.reduction.volts - 1e-6
        assert after.oxidation.volts <= before.oxidation.volts + 1e-6
    assert after.lithium.energy <= before.lithium.energy + 1e-9


@settings(max_examples=20)
@given(st.sampled_from(ELECTROLYTES), st.sampled_from(ELECTROLYTES))
def test_reactions_give_off_energy_and_a_phase_does_not_react_with_itself(one: str, other: str) -> None:
    table = make_assessor().table
    system = table.select_system(frozenset([*parse_formula(one), *parse_formula(other), "Li"]))
    vectors = [system.vector(parse_formula(formula)) for formula in (one, other)]
    hulls = [find_equilibrium(system, vector).energy for vector in vectors]
    assert react_with(system, vectors[0], hulls[0], vectors[1], hulls[1]).energy <= 0
    assert react_with(system, vectors[0], hulls[0], vectors[0], hulls[0]).energy == 0
    metal = react_with_lithium(system, vectors[0], hulls[0])
    stable = find_edge(system, vectors[0], TAKES)[0] < 1e-6
    assert (metal.energy == 0) == stable


@pytest.mark.parametrize("formula", ["Li6PS5Cl", "Li3PS4", "Li7La3Zr2O12"])
def test_an_edge_without_the_phase_that_sets_it_is_that_of_a_table_without_the_phase(formula: str) -> None:
    found = assess(formula, WITHOUT_DRAWS)
    for edge, side in ((found.reduction, TAKES), (found.oxidation, GIVES)):
        system = table_without(edge.set_by).select_system(frozenset(parse_formula(formula)))
        volts, equilibrium = find_edge(system, system.vector(parse_formula(formula)), side)
        assert volts == pytest.approx(edge.volts_without, abs=1e-6)
        assert edge.set_by in edge.products
        assert edge.set_by not in equilibrium.list_phases(system)


def test_the_phase_that_sets_an_edge_moves_it_more_than_any_other() -> None:
    found = assess("Li6PS5Cl", WITHOUT_DRAWS).reduction
    for name in found.products:
        if len(parse_formula(name)) > 1:
            system = table_without(name).select_system(frozenset(parse_formula("Li6PS5Cl")))
            moved = find_edge(system, system.vector(parse_formula("Li6PS5Cl")), TAKES)[0] - found.volts
            assert abs(moved) <= abs(found.volts_without - found.volts) + 1e-6


def test_the_spread_of_a_binary_is_that_of_its_own_energy_and_draws_do_not_depend_on_the_order() -> None:
    alone = Assessor(PhaseTable(read_phases()), 20, 0.01).assess(parse_formula("LiCl"), FULL)
    after_others = [assess(formula, FULL) for formula in ("Li6PS5Cl", "LiCl")][1]
    assert alone.as_row() == pytest.approx(after_others.as_row(), nan_ok=True)
    # two atoms for each lithium, 20 draws of 0.01 eV/atom: 0.02 V, within the spread of standard deviations
    assert 0.01 < alone.oxidation.spread < 0.03
    system = make_assessor().table.select_system(frozenset(["Li", "Cl"]))
    none = examine_edge(system, np.array([0.5, 0.5]), GIVES, np.zeros((5, len(system.names))))
    assert none.spread == pytest.approx(0, abs=1e-12)


def test_hull_distances_leave_the_phase_itself_out_and_windows_do_not() -> None:
    found = assess("Li3PS4")
    system = table_without("Li3PS4").select_system(frozenset(["Li", "P", "S"]))
    others = find_equilibrium(system, system.vector(parse_formula("Li3PS4"))).energy
    assert found.e_decomposition == pytest.approx(found.e_form - others)
    assert found.e_decomposition < 0
    assert "Li3PS4" in found.reduction.products
    assert np.isnan(assess(NEW).e_decomposition)


def test_tables_are_not_mixed_unless_that_is_what_was_chosen() -> None:
    frame = pd.DataFrame(
        {"formula": ["LiF", "LiF3"], "system": ["F-Li"] * 2, "e_form": [-3.0, np.nan], "e_form_critexam": [-3.1, -2.0]}
    )
    assert PhaseTable(frame).formulas == ["LiF"]
    assert PhaseTable(frame, CRITEXAM).energies.tolist() == [-3.1, -2.0]
    both = pd.concat([frame, frame.assign(formula="Li2F", e_form=-1.0, e_form_critexam=np.nan).head(1)])
    assert PhaseTable(both, BOTH).energies.tolist() == [-3.1, -2.0, -1.0]


def test_a_table_of_the_phases_within_some_elements_gives_the_same_and_knows_the_others() -> None:
    within = frozenset(["Li", "P", "S", "Cl", "Co", "O", "H"])
    part = PhaseTable(read_phases(), within=within)
    assert len(part) < len(make_assessor().table)
    assert part.elements == make_assessor().table.elements >= {"La", "Zr"}
    found = Assessor(part).assess(parse_formula("Li6PS5Cl"), WITHOUT_DRAWS).as_row()
    assert found == pytest.approx(assess("Li6PS5Cl", WITHOUT_DRAWS).as_row(), nan_ok=True)


@pytest.mark.parametrize(
    ("formula", "message"),
    [("S", "is an element"), ("LiXe", "no phase with Xe has an energy"), ("LiY", "no competing phase")],
)
def test_what_has_no_stability_is_refused(formula: str, message: str) -> None:
    with pytest.raises(StabilityError, match=message):
        assess(formula)


def test_a_composition_without_lithium_has_no_oxidation_edge() -> None:
    found = assess("La2O3", WITHOUT_DRAWS)
    assert np.isnan(found.oxidation.volts)
    assert found.reduction.volts >= 0


def test_pymatgen_finds_the_same_hull_edges_and_reactions() -> None:
    reason = "pymatgen cannot be imported here"
    diagrams = pytest.importorskip("pymatgen.analysis.phase_diagram", reason=reason)
    interfaces = pytest.importorskip("pymatgen.analysis.interface_reactions", reason=reason)
    core = pytest.importorskip("pymatgen.core", reason=reason)

    def draw(symbols: str) -> tuple[System, Any]:
        system = make_assessor().table.select_system(frozenset(symbols.split("-")))
        pairs = zip(system.names, system.energies.tolist(), strict=True)
        entries = [diagrams.PDEntry(c := core.Composition(name), energy * c.num_atoms) for name, energy in pairs]
        return system, diagrams.PhaseDiagram(entries)

    system, diagram = draw("Cl-Li-P-S")
    n_reduced = 0
    for formula in ("Li6PS5Cl", "Li3PS4", "Li7P3S11", "Li2S", "Li5PS4Cl2"):
        composition, found = core.Composition(formula), assess(formula)
        hull = find_equilibrium(system, system.vector(parse_formula(formula))).energy
        assert hull == pytest.approx(diagram.get_hull_energy_per_atom(composition), abs=1e-9)
        profile = diagram.get_element_profile(core.Element("Li"), composition)
        gives = [-step["chempot"] for step in profile if step["evolution"] < -1e-4]
        assert min(gives) == pytest.approx(found.oxidation.volts, abs=0.005)
        # its profile names the reduction edge of some compositions only
        if holds := [-step["chempot"] for step in profile if abs(step["evolution"]) < 1e-4]:
            n_reduced += 1
            assert max(holds) == pytest.approx(found.reduction.volts, abs=0.005)
    assert n_reduced
    system, diagram = draw("Co-Li-O-P-S")
    pair = [system.vector(parse_formula(formula)) for formula in ("Li3PS4", "LiCoO2")]
    hulls = [find_equilibrium(system, vector).energy for vector in pair]
    mine = react_with(system, pair[0], hulls[0], pair[1], hulls[1])
    compositions = [core.Composition(formula) for formula in ("Li3PS4", "LiCoO2")]
    reference = interfaces.InterfacialReactivity(*compositions, diagram, norm=True, use_hull_energy=True)
    assert mine.energy == pytest.approx(reference.minimum[1], abs=1e-3)
