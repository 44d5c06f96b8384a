"""Energies of cells: numbers computed by hand, and what must hold whatever the design."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.costing.cells import (
    CHEMISTRIES,
    check_inputs,
    compute_cell,
    find_electrolyte_ratio,
    list_quantities,
    make_design,
)
from batterymi.costing.inputs import Inputs, Quantity, load_inputs
from batterymi.costing.sampling import compute_swings, draw_quantities, find_corner, summarise_draws
from batterymi.costing.stack import UNITS, CellDesign, compute_stack
from batterymi.errors import DesignError, TableError

BY_HAND = CellDesign(
    areal_capacity_mah_cm2=4.0,
    voltage_v=3.5,
    positive_capacity_mah_g=200.0,
    positive_active_fraction=0.8,
    positive_active_density_g_cm3=5.0,
    positive_filler_density_g_cm3=2.0,
    positive_porosity=0.35,
    negative_capacity_mah_g=400.0,
    negative_active_fraction=1.0,
    negative_active_density_g_cm3=2.0,
    negative_filler_density_g_cm3=1.0,
    negative_porosity=0.4,
    n_p_ratio=1.2,
    positive_foil_um=20.0,
    positive_foil_density_g_cm3=2.7,
    negative_foil_um=10.0,
    negative_foil_density_g_cm3=9.0,
    separator_um=20.0,
    separator_density_g_cm3=1.0,
    separator_porosity=0.5,
    packaging_mass_fraction=0.05,
    packaging_volume_fraction=0.06,
    electrolyte_density_g_cm3=1.25,
    electrolyte_g_ah=2.0,
)
cells = st.sampled_from(sorted(CHEMISTRIES))


def test_a_stack_has_the_masses_and_energies_that_a_hand_computes() -> None:
    stack = compute_stack(BY_HAND)
    # active 4/200 = 20 mg, coating 20/0.8 = 25; negative 1.2 x 4/400 = 12; foils 10 um x 2.7 = 2.7 and 5 um x 9 = 4.5;
    # separator 20 um x 0.5 x 1 = 1; liquid 2 x 4 = 8 mg: in all 53.2 mg/cm2, and 53.2/0.95 = 56 with packaging
    expected = {
        "positive_active": 20, "positive_filler": 5, "negative_active": 12, "negative_filler": 0, "positive_foil": 2.7,
        "negative_foil": 4.5, "separator": 1, "electrolyte": 8, "packaging": 2.8,
    }  # fmt: skip
    assert stack.masses_mg_cm2 == pytest.approx(expected)
    assert stack.cell_mass_mg_cm2 == pytest.approx(56)
    # 4 mAh x 3.5 V = 14 mWh, over 56 mg
    assert stack.specific_energy_wh_kg == pytest.approx(250)
    # positive (20/5 + 5/2) uL / 0.65 = 100 um, negative 12/2 / 0.6 = 100, separator 20, half foils 10 + 5
    assert stack.thickness_um == pytest.approx(235)
    # 14 mWh / 0.0235 cm3 x 0.94
    assert stack.energy_density_wh_l == pytest.approx(560)
    # pores 3.5 + 4 + 1 uL, liquid 8/1.25 uL
    assert stack.electrolyte_to_pores == pytest.approx(6.4 / 8.5)


def test_liquid_beyond_the_pores_takes_room_and_plated_metal_too() -> None:
    # 5 g/Ah are 20 mg or 16 uL, 7.5 uL more than the pores hold
    assert compute_stack(replace(BY_HAND, electrolyte_g_ah=5.0)).thickness_um == pytest.approx(235 + 75)
    # charging plates 4/400 = 10 mg of 2 g/cm3: 5 uL
    plated = compute_stack(replace(BY_HAND, kind="plated"))
    assert plated.thickness_um == pytest.approx(235 + 50)
    assert plated.cell_mass_mg_cm2 == pytest.approx(56), "it comes from the positive electrode"


def test_what_formation_consumes_needs_more_active_material() -> None:
    # 4/(200 x 0.8) = 25 mg instead of 20
    stack = compute_stack(replace(BY_HAND, formation_loss=0.2))
    assert stack.masses_mg_cm2["positive_active"] == pytest.approx(25)


def test_electrolyte_by_active_material_counts_as_much_as_by_capacity() -> None:
    # 20 mg of active material with 0.32 uL/mg of 1.25 g/cm3 are 8 mg
    by_active = replace(BY_HAND, electrolyte_g_ah=0.0, electrolyte_ul_mg=0.32)
    assert compute_stack(by_active).specific_energy_wh_kg == pytest.approx(250)


@settings(max_examples=30)
@given(first=st.floats(0.5, 8), second=st.floats(0.5, 8))
def test_energy_falls_as_electrolyte_rises_and_the_ratio_for_an_energy_is_found(first: float, second: float) -> None:
    low, high = sorted((first, second + 0.01))
    design = make_design(load_inputs(), "lithium_sulfur")
    energies = [compute_stack(replace(design, electrolyte_ul_mg=ratio)).specific_energy_wh_kg for ratio in (low, high)]
    assert energies[0] >= energies[1]
    assert find_electrolyte_ratio(design, float(energies[1])) == pytest.approx(high)


def test_an_energy_beyond_a_dry_cell_is_refused() -> None:
    design = make_design(load_inputs(), "lithium_sulfur")
    with pytest.raises(DesignError, match=r"2000 Wh/kg cannot be reached: without any electrolyte the cell has \d+"):
        find_electrolyte_ratio(design, 2000)
    with pytest.raises(DesignError, match="electrolyte_g_ah"):
        find_electrolyte_ratio(make_design(load_inputs(), "nmc_graphite"), 100)


@settings(max_examples=12)
@given(cell=cells, seed=st.integers(0, 1000))
def test_quantiles_are_ordered_and_come_again_with_their_seed(cell: str, seed: int) -> None:
    result = compute_cell(load_inputs(), cell, 300, seed)
    again = compute_cell(load_inputs(), cell, 300, seed)
    spread = result.specific_energy_wh_kg
    assert spread == again.specific_energy_wh_kg
    assert spread != compute_cell(load_inputs(), cell, 300, seed + 1).specific_energy_wh_kg
    # no draw lies outside the corners of the ranges
    drawn = np.asarray(result.draws.specific_energy_wh_kg)
    assert result.at_worst_wh_kg <= drawn.min() <= spread.low <= spread.median <= spread.high <= drawn.max()
    assert drawn.max() <= result.at_best_wh_kg


@settings(max_examples=20)
@given(cell=cells, factor=st.floats(1.01, 3))
def test_inert_mass_never_adds_energy(cell: str, factor: float) -> None:
    design = make_design(load_inputs(), cell)
    before = compute_stack(design)
    for name in ("positive_foil_um", "separator_um", "n_p_ratio"):
        after = compute_stack(replace(design, **{name: getattr(design, name) * factor}))
        assert float(after.specific_energy_wh_kg) <= float(before.specific_energy_wh_kg), name
        assert float(after.energy_density_wh_l) <= float(before.energy_density_wh_l), name


def test_arrays_give_what_their_entries_give() -> None:
    loads = np.array([2.0, 3.5, 5.0])
    design = make_design(load_inputs(), "nmc_graphite", areal_capacity_mah_cm2=loads)
    together = compute_stack(design)
    for place, load in enumerate(loads):
        alone = compute_stack(make_design(load_inputs(), "nmc_graphite", areal_capacity_mah_cm2=float(load)))
        assert np.asarray(together.specific_energy_wh_kg)[place] == pytest.approx(alone.specific_energy_wh_kg)
        assert np.asarray(together.energy_density_wh_l)[place] == pytest.approx(alone.energy_density_wh_l)


def test_known_cells_come_out_near_what_is_built() -> None:
    """Bounds of the field, so that a slip by a factor of ten or a missing layer is found."""
    energies = {cell: compute_cell(load_inputs(), cell, 200).specific_energy_wh_kg.value for cell in CHEMISTRIES}
    assert 240 < energies["nmc_graphite"] < 310
    assert 160 < energies["lfp_graphite"] < 220
    assert 120 < energies["sodium_nvpf"] < 190
    assert 350 < energies["nmc_lithium_solid"] < 500
    assert energies["sodium_layered"] < energies["lfp_graphite"] < energies["nmc_graphite"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"positive_porosity": 1.2}, r"positive_porosity: 1\.2 to 1\.2 is no fraction from 0 to below 1"),
        ({"positive_active_fraction": 0.0}, "positive_active_fraction: 0 to 0 is no fraction above 0 and up to 1"),
        ({"voltage_v": -3.0}, "voltage_v: -3 is not above 0"),
        ({"separator_um": -1.0}, "separator_um: -1 is negative"),
        ({"voltage_v": np.array([3.0, np.nan])}, "voltage_v: .* is not finite"),
        ({"n_p_ratio": 0.9}, r"n_p_ratio: 0\.9 is too little for 'insertion'; it must be at least 1"),
        ({"electrolyte_ul_mg": 3.0}, "electrolyte_g_ah and electrolyte_ul_mg: give the liquid by one of them"),
    ],
)
def test_a_design_that_no_cell_can_have_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        replace(BY_HAND, **changed)


def test_unknown_cells_and_fields_are_named_with_a_suggestion() -> None:
    with pytest.raises(DesignError, match=r"there is no cell 'nmc_graphit'; did you mean 'nmc_graphite'"):
        make_design(load_inputs(), "nmc_graphit")
    with pytest.raises(DesignError, match=r"'voltage' is no field of a cell; did you mean 'voltage_v'"):
        make_design(load_inputs(), "nmc_graphite", voltage=3.0)
    quantity = Quantity("nmc_graphite", "voltag_v", 3, "V", 3, 3, "me", True)
    with pytest.raises(TableError, match=r"nmc_graphite\.voltag_v: nothing takes it; did you mean 'voltage_v'"):
        check_inputs(load_inputs().replace(quantity))
    with pytest.raises(TableError, match=r"inputs: there is no 'lfp_graphite\."):
        list_quantities(Inputs([]), "lfp_graphite")


def test_an_input_in_another_unit_is_converted_and_one_of_another_kind_refused() -> None:
    inputs = load_inputs()
    metres = Quantity("nmc_graphite", "separator_um", 12e-6, "m", 12e-6, 12e-6, "me", True)
    assert list_quantities(inputs.replace(metres), "nmc_graphite")["separator_um"].value == pytest.approx(12)
    wrong = Quantity("nmc_graphite", "separator_um", 12, "V", 12, 12, "me", True)
    with pytest.raises(TableError, match=r"nmc_graphite\.separator_um: V cannot be converted to um"):
        list_quantities(inputs.replace(wrong), "nmc_graphite")


def test_every_field_has_a_unit_and_every_cell_an_input_for_it() -> None:
    assert set(UNITS) == {name for name in CellDesign.__dataclass_fields__ if name != "kind"}
    check_inputs(load_inputs())
    for cell in CHEMISTRIES:
        assert set(UNITS) - set(list_quantities(load_inputs(), cell)) <= {
            "formation_loss", "electrolyte_g_ah", "electrolyte_ul_mg",
        }  # fmt: skip


def make_quantity(key: str, value: float, low: float, high: float) -> Quantity:
    group, _, name = key.partition(".")
    return Quantity(group, name, value, "1", low, high, "me", True)


def test_draws_are_triangular_and_shared_by_key() -> None:
    skewed = make_quantity("a.x", 2, 1, 5)
    drawn = draw_quantities([skewed, make_quantity("a.y", 3, 3, 3)], 40_000, 1)
    # mean (1 + 2 + 5)/3; variance (1 + 4 + 25 - 2 - 5 - 10)/18
    assert drawn["a.x"].mean() == pytest.approx(8 / 3, abs=0.02)
    assert drawn["a.x"].var() == pytest.approx(13 / 18, abs=0.02)
    assert set(drawn["a.y"]) == {3.0}
    other = draw_quantities([make_quantity("a.z", 2, 1, 5)], 40_000, 1)["a.z"]
    assert abs(np.corrcoef(drawn["a.x"], other)[0, 1]) < 0.02, "inputs are independent of each other"
    assert np.array_equal(draw_quantities([skewed], 40_000, 1)["a.x"], drawn["a.x"])
    with pytest.raises(DesignError, match="draws: 0 is too few"):
        draw_quantities([skewed], 0)


def test_swings_are_sorted_and_corners_are_the_extremes() -> None:
    quantities = [make_quantity("a.x", 2, 1, 3), make_quantity("a.y", 1, 0, 5), make_quantity("a.z", 7, 7, 7)]

    def evaluate(values: Any) -> float:
        return float(10 * values["a.x"] - values["a.y"] + values["a.z"])

    swings = compute_swings(evaluate, quantities)
    # x moves it by 10 each way, y by 1 down to 4 up; z has no range
    assert [(swing.key, swing.at_low, swing.at_high, swing.size) for swing in swings] == [
        ("a.x", 16, 36, 20),
        ("a.y", 27, 22, 5),
    ]
    assert find_corner(evaluate, quantities) == {"a.x": 3, "a.y": 0, "a.z": 7}
    assert find_corner(evaluate, quantities, largest=False) == {"a.x": 1, "a.y": 5, "a.z": 7}


def test_a_spread_holds_the_quantiles_of_the_draws() -> None:
    spread = summarise_draws(7, np.arange(101.0))
    assert [spread.value, spread.median, spread.low, spread.high, spread.draws] == pytest.approx([7, 50, 5, 95, 101])
