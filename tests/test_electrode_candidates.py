"""Candidate electrodes of a screen: what they can give up, which are listed, and what they store and cost in a cell."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from batterymi.chapter.facts import Predictor, as_plain_data
from batterymi.chapter.sodium_electrodes import look_up_facts
from batterymi.chapter.sodium_ion import FORMULAS
from batterymi.config.screen import ElectrodesSource, Screen
from batterymi.config.screened import ScreenedColumns, find_screen_problems
from batterymi.config.study import Study
from batterymi.costing.electrodes import choose_cell, rate_electrodes
from batterymi.costing.inputs import load_inputs, load_prices
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.features.charge_balance import compute_imbalance
from batterymi.features.extraction import find_extraction
from batterymi.features.formulas import identify_compositions, parse_formula, parse_formulas
from batterymi.screening.annotate import add_competitors
from batterymi.screening.electrodes import enumerate_electrodes, list_electrodes
from batterymi.stability.phases import PhaseTable

SODIUM = ElectrodesSource(
    name="electrodes", metals=("V", "Mn", "Fe", "Mg"), anions=("O", "F", "PO4", "P2O7"), most_metals=1, largest_amount=3
)


@pytest.mark.parametrize(
    ("formula", "ions", "state"),
    [
        ("Na3V2(PO4)3", 2, 3.0),  # one electron of each V
        ("Na3V2(PO4)2F3", 2, 3.0),
        ("Na0.7Fe0.5Mn0.5O2", 0.7, 3.3),  # all Na, less than one electron per metal
        ("NaNi0.5Mn0.5O2", 1, 3.0),
        ("Na2FeP2O7", 1, 2.0),
        ("Na2Mn3O7", 0, 4.0),  # Mn is as high as it gets, and oxygen is not counted
        ("NaTi2(PO4)3", 0, 4.0),
        ("Na2CrO4", 0, 6.0),
        ("NaAlO2", 0, np.nan),  # no metal that changes
        ("NaCl", 0, np.nan),
        ("Na2Fe", np.nan, np.nan),  # an alloy: no anion
        ("NaFeP", np.nan, np.nan),  # a phosphide: P has not the +5 that it has beside oxygen
    ],
)
def test_ions_leave_as_far_as_the_metals_allow(formula: str, ions: float, state: float) -> None:
    found = find_extraction(parse_formulas([formula]), "Na", 1.0)
    np.testing.assert_allclose([found.ions[0], found.state[0]], [ions, state], atol=1e-9)
    if ions > 0:
        assert found.capacity_mah_g[0] == pytest.approx(compute_theoretical_capacity(formula, ions), rel=1e-4)


def test_capacities_of_the_chapters_cathodes_follow_from_its_own_numbers_of_ions() -> None:
    for formula, ions in FORMULAS.values():
        found = find_extraction(parse_formulas([formula]), "Na", 1.0)
        assert found.capacity_mah_g[0] == pytest.approx(compute_theoretical_capacity(formula, ions), rel=1e-4)


@given(st.floats(0.5, 4), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=50)
def test_no_metal_gives_more_than_it_may_and_the_host_stays(electrons: float, ions: int, iron: int, units: int) -> None:
    formula = f"Na{ions}Fe{iron}(PO4){units}"
    found = find_extraction(parse_formulas([formula]), "Na", electrons)
    assert -1e-9 <= found.ions[0] <= min(ions, electrons * iron) + 1e-9
    charged, full = parse_formula(found.charged[0]), parse_formula(formula)
    assert charged.get("Na", 0.0) == pytest.approx(ions - found.ions[0], abs=1e-5)
    assert {symbol: amount for symbol, amount in charged.items() if symbol != "Na"} == pytest.approx(
        {symbol: amount for symbol, amount in full.items() if symbol != "Na"}
    )


def test_an_enumeration_is_neutral_and_holds_known_cathodes_whole_polyanions_included() -> None:
    found = list(enumerate_electrodes(SODIUM))
    keys = set(identify_compositions(found))
    assert set(identify_compositions(["Na3V2(PO4)2F3", "Na2FeP2O7", "NaFePO4", "Na2FePO4F", "NaMnO2"])) <= keys
    assert all(compute_imbalance(parse_formula(formula)) == 0 for formula in found)
    # each holds the ion, a metal that changes its state, and what was chosen alone
    assert all(
        {"Na"} < set(parse_formula(formula)) <= {*["V", "Mn", "Fe", "Mg", "O", "F", "P", "Na"]} for formula in found
    )
    assert not [formula for formula in found if not {"V", "Mn", "Fe"} & set(parse_formula(formula))]


@pytest.fixture
def compositions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four compositions with Na in place of the data set."""
    rows = {"formula": ["NaCl", "NaFeO2", "NaFePO4", "Na3V2(PO4)3"], "e_above_hull": [0.0, 0.01, np.nan, 0.2]}
    frame = pd.DataFrame(rows).assign(e_form=-1.0, gap_min=1.0, gap_median=1.0, gap_max=1.0, hull_from="")
    monkeypatch.setattr("batterymi.data.loaders.mp_compositions.load_compositions", lambda folder, element: frame)


@pytest.mark.usefixtures("compositions")
@pytest.mark.parametrize("size", [3, 50])
def test_known_compositions_come_first_and_none_twice(size: int) -> None:
    blocks: Iterator[pd.DataFrame] = list_electrodes(SODIUM, Path(), size)
    frames = list(blocks)
    assert all(0 < len(frame) <= size for frame in frames)
    found = pd.concat(frames, ignore_index=True)
    assert found["formula"].iloc[:4].tolist() == ["NaCl", "NaFeO2", "NaFePO4", "Na3V2(PO4)3"]
    assert found["listed"].tolist() == [1.0] * 4 + [0.0] * (len(found) - 4)
    assert len(set(identify_compositions(found["formula"]))) == len(found)
    # nobody has computed a distance of the others
    assert found["e_above_hull"].iloc[4:].isna().all()
    assert found["capacity_mah_g"].iloc[0] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ion": "Mg"}, "Input should be 'Li', 'Na'"),
        ({"anions": ["PO5"]}, "'PO5' is neither an element nor a known polyanion"),
        ({"anions": ["O", "O"]}, "'O' is listed twice"),
        ({"metals": ["Na"]}, "'Na' is listed twice, among ion, metals and anions"),
        ({"largest_amount": 12, "most_metals": 3, "metals": ["Fe"]}, "lower largest_amount"),
    ],
)
def test_wrong_settings_of_electrodes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(ElectrodesSource).validate_python({"name": "electrodes", **change})


def test_gates_and_products_of_electrodes_use_their_numbers() -> None:
    source = {"name": "electrodes"}
    product = {"times": "capacity_mah_g", "label": "Energy", "unit": "Wh/kg"}
    gates = [{"label": "stable", "expression": "e_above_hull < 0.1", "unknown": "pass"}]
    assert Screen.model_validate({"source": source, "gates": gates, **product}).lists_electrodes
    for change, message in (
        ({"times": "capacity"}, "there is no 'capacity'; did you mean 'capacity_mah_g'"),
        ({"label": None}, "times and label belong together"),
        ({"order_by": "probability_beyond"}, "which is multiplied by nothing"),
    ):
        with pytest.raises(ValidationError, match=message):
            Screen.model_validate({"source": source, **product, **change})


def test_a_model_of_both_formulas_and_the_ion_can_screen_electrodes_and_no_other_source() -> None:
    columns = {"charged": "charged", "discharged": "discharged", "ion": "ion"}
    descriptor = {"name": "redox", "function": "electrode", "label": "Redox", "columns": columns}
    target = {"name": "voltage_v", "label": "V", "unit": "V", "goal": "maximise"}
    study = Study.model_validate(
        {
            "title": "electrodes", "edition": "own", "table": {"file": "data/x.csv"}, "descriptors": [descriptor],
            "objectives": [target], "campaign": {"mode": "replay"}, "screen": {"source": {"name": "electrodes"}},
        }
    )  # fmt: skip
    assert study.screen is not None
    assert study.formula_columns == ("discharged",)
    assert study.screened_columns == ScreenedColumns(
        listed="discharged", own=("discharged",), formulas=("charged",), texts=("ion",)
    )
    other = study.screen.model_copy(
        update={"source": Screen.model_validate({"source": {"name": "mp_compositions"}}).source}
    )
    problems = list(find_screen_problems(other, study.variants, study.descriptors, study.objectives))
    assert len(problems) == 2
    assert all("candidates of mp_compositions do not have" in problem for problem in problems)


def make_candidates(*formulas: str) -> pd.DataFrame:
    """Candidates at 3.4 V that give all that they can."""
    capacity = find_extraction(parse_formulas(formulas), "Na", 1.0).capacity_mah_g
    volts = {"ion": "Na", "predicted": 3.4, "lower_95": 2.4, "upper_95": 4.4}
    return pd.DataFrame({"formula": formulas, "capacity_mah_g": capacity}).assign(**volts)


def test_a_candidate_like_the_cell_that_is_known_has_its_energy() -> None:
    inputs, prices = load_inputs(), load_prices()
    found = rate_electrodes(make_candidates("Na3V2(PO4)2F3", "NaFeO2", "NaCrO2"), inputs, prices)
    assert [choose_cell("Na3V2(PO4)2F3"), choose_cell("NaFeO2")] == ["sodium_nvpf", "sodium_layered"]
    assert found["energy_wh_kg"].iloc[0] == pytest.approx(3.4 * 128.3, rel=1e-3)
    assert found["cell_voltage_v"].tolist() == pytest.approx([3.1] * 3)
    # a cell weighs several times as much as its electrode, and its energy rises with the voltage in proportion
    assert (found["cell_wh_kg"] < 0.6 * found["energy_wh_kg"]).all()
    ratios = found["cell_wh_kg_upper_95"] / found["cell_wh_kg"], found["cell_wh_kg_lower_95"] / found["cell_wh_kg"]
    np.testing.assert_allclose(ratios, [[4.1 / 3.1] * 3, [2.1 / 3.1] * 3])
    # no price of Cr is known, so that none is made up
    assert found["unpriced"].tolist() == ["", "", "Cr"]
    assert found["materials_usd_per_kwh"].isna().tolist() == [False, False, True]
    assert found["elements_usd_per_kwh"].iloc[1] < found["elements_usd_per_kwh"].iloc[0] / 5  # iron against vanadium
    assert set(found["volume_change"]) == {"unknown"}
    other = rate_electrodes(make_candidates("NaFeO2").assign(ion="Li"), inputs, prices)
    assert other[["cell", "energy_wh_kg"]].to_numpy().tolist() == [["", found["energy_wh_kg"].iloc[1]]]
    assert other["cell_wh_kg"].isna().all()


def test_candidates_compete_with_other_phases_of_their_elements() -> None:
    phases = pd.DataFrame(
        {
            "formula": ["NaO", "FeO", "NaFeO2"],
            "system": ["Na-O", "Fe-O", "Fe-Na-O"],
            "e_form": [-1.0, -1.2, -1.3],
            "e_form_critexam": np.nan,
        }
    )
    formulas = pd.Series(["NaFeO2", "Na2FeO3", "NaUO3"])
    found = add_competitors(pd.DataFrame({"formula": formulas}), formulas, PhaseTable(phases))
    assert found["competes_with"].tolist() == ["FeO + NaO", "NaFeO2 + NaO", ""]
    np.testing.assert_allclose(found["e_form_of_others"], [-1.1, (4 * -1.3 + 2 * -1.0) / 6, np.nan])


def test_the_chapters_cathodes_are_looked_up_by_name() -> None:
    table = pd.DataFrame(
        {
            "charged": ["FeO2", "NaV2P3O12"], "discharged": ["NaFeO2", "Na6V4P6O24"], "ion": "Na", "split": "train",
            "voltage_v": [3.0, 3.3],
        }
    )  # fmt: skip
    designs_given: list[pd.DataFrame] = []

    def predict(designs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        designs_given.append(designs)
        return np.array([3.5]), np.array([0.6])

    found = as_plain_data(look_up_facts(table, Predictor(predict, "skill")))
    assert pd.concat(designs_given)["charged"].tolist() == ["Fe0.5Mn0.5O2", "Na1V2P3O12", "Ni0.5Mn0.5O2", "Na1V2P2O8F3"]
    voltage, computed, energy = (found[f"nvp_{name}"] or {} for name in ("voltage_v", "computed_v", "energy_wh_kg"))
    assert (voltage["value"], voltage["lower"], voltage["upper"]) == (3.5, 2.9, pytest.approx(4.1))
    assert (computed["value"], computed["n"]) == (3.3, 1)
    assert energy["value"] == pytest.approx(3.5 * 117.6, rel=1e-3)
    assert found["nvpf_computed_v"] is None
    assert [fact["value"] for name, fact in found.items() if fact and name.endswith("_imbalance")] == [0] * 4


def test_a_long_enumeration_is_not_held_in_memory() -> None:
    large = SODIUM.model_copy(update={"metals": ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni"), "largest_amount": 4})
    assert len(list(islice(enumerate_electrodes(large), 5))) == 5
