"""Numbers that are known beforehand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.campaign import NcmFormulasChoice
from batterymi.errors import TableError
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.features.capacity import compute_theoretical_capacity, format_decimal_formula
from batterymi.features.pores import compute_pore_volume, compute_sulfur_limit, compute_sulfur_margin


def test_pores_of_2_nm_and_1831_m2_hold_what_the_audit_says() -> None:
    assert compute_pore_volume(2.0, 1831) == pytest.approx(0.9155)
    assert compute_sulfur_limit(2.0, 1831) == pytest.approx(65.5, abs=0.05)
    assert compute_sulfur_limit(2.0, 1831, swelling=0.8) == pytest.approx(51.3, abs=0.05)


def test_the_chapters_li_s_optimum_does_not_fit() -> None:
    margin = compute_sulfur_margin(diameter_nm=[2.0], area_m2_g=[1831.0], sulfur_wt=[74.3], swelling=0.8)
    assert margin[0] == pytest.approx(51.287 - 74.3, abs=0.01)


@given(st.floats(0.5, 50), st.floats(10, 5000), st.floats(0, 2))
def test_swelling_never_makes_room(diameter: float, area: float, swelling: float) -> None:
    roomy = compute_sulfur_limit(diameter, area)
    assert 0 < compute_sulfur_limit(diameter, area, swelling) <= roomy * (1 + 1e-12)
    assert roomy < 100


def test_negative_pores_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        compute_pore_volume(-1, 100)


@pytest.mark.parametrize(
    ("formula", "ions", "capacity"),
    [("Na3V2(PO4)3", 2, 117.6), ("LiCoO2", 1, 273.8), ("LiFePO4", 1, 169.9), ("Na2/3Fe1/2Mn1/2O2", 2 / 3, 173.95)],
)
def test_theoretical_capacities_are_the_known_ones(formula: str, ions: float, capacity: float) -> None:
    assert compute_theoretical_capacity(formula, ions) == pytest.approx(capacity, abs=0.1)


def test_a_formula_that_is_none_is_refused() -> None:
    assert format_decimal_formula("Na2/3O2") == "Na0.66666667O2"
    for formula in ("not a formula", "Xx2", ""):
        with pytest.raises(TableError, match="is not a chemical formula"):
            compute_theoretical_capacity(formula, 1)


def test_the_ncm_formulas_give_what_the_audit_says() -> None:
    designs = pd.DataFrame({"ni": [0.85, 0.6], "co": [0.08, 0.02], "mn": [0.07, 0.38]})
    found = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), ()).evaluate(designs)
    assert found["capacity_mah_g"].tolist() == pytest.approx([213.95, 203.2])
    assert found["cycle_life"].tolist() == pytest.approx([935, 1230])
    assert found["thermal_stability_c"].tolist() == pytest.approx([203.625, 236.5])
    assert np.array_equal(found["failure"], ["", ""])
