"""Charge neutrality of formulas as written: corrected within their digits, or refused."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from phase_sample import make_assessor

from batterymi.features.formulas import FormulaError, parse_formula
from batterymi.stability.assess import FIRST
from batterymi.stability.neutrality import neutralise
from batterymi.stability.phases import StabilityError
from batterymi.stability.read_composition import read_composition

CHARGES = {"Li": 1, "La": 3, "Ti": 4, "O": -2, "P": 5, "S": -2, "Cl": -1, "Al": 3, "Ge": 4, "Zr": 4}


@pytest.mark.parametrize(
    "formula",
    ["Li6PS5Cl", "Li1.3Al0.3Ti1.7(PO4)3", "Li3.5Zn0.25GeO4", "Li2PO2N", "Li10GeP2S12", "Li9.54Si1.74P1.44S11.7Cl0.3"],
)
def test_neutral_formulas_stay_as_they_are(formula: str) -> None:
    found = neutralise(formula)
    assert found.amounts == parse_formula(formula)
    assert found.note == ""


@settings(max_examples=50)
@given(st.floats(0.02, 0.65))
@example(0.125)  # both amounts were rounded by exactly half of a unit
def test_a_correction_is_neutral_and_rounds_to_what_was_written(lithium: float) -> None:
    lanthanum = (2 - lithium) / 3
    text = f"Li{lithium:.2f}La{lanthanum:.2f}TiO3"
    found = neutralise(text)
    assert sum(CHARGES[symbol] * amount for symbol, amount in found.amounts.items()) == pytest.approx(0, abs=1e-5)
    for symbol, amount in parse_formula(text).items():
        assert abs(found.amounts[symbol] - amount) <= (0.005 if symbol in ("Li", "La") else 0) + 1e-9


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 12), st.integers(1, 6))
def test_whole_numbers_are_neutral_or_refused_and_never_changed(li: int, p: int, s: int, cl: int) -> None:
    assume(li > 3)  # more lithium than the lower states of phosphorus leave room for
    balance = li + 5 * p - 2 * s - cl
    if balance == 0:
        assert neutralise(f"Li{li}P{p}S{s}Cl{cl}").note == ""
    elif balance < 0:  # no state of phosphorus has more charge
        with pytest.raises(StabilityError, match=f"{balance:+d} is left over with"):
            neutralise(f"Li{li}P{p}S{s}Cl{cl}")


def test_a_rounded_formula_as_written_would_lose_two_volts() -> None:
    assessor = make_assessor()
    written = assessor.assess(parse_formula("Li0.33La0.56TiO3"), FIRST).oxidation.volts
    corrected = assessor.assess(neutralise("Li0.33La0.56TiO3").amounts, FIRST).oxidation.volts
    assert corrected == pytest.approx(3.71, abs=0.01)
    assert written < corrected - 1.5


def test_brackets_and_fractions_count_with_their_factor() -> None:
    found = neutralise("Li(Ni0.33Mn0.33Co0.33)O2")
    assert found.amounts["Ni"] == pytest.approx(1 / 3, abs=0.002)
    # the multiplier of a bracket has digits, too
    bracket = neutralise("Li0.67(TiO3)0.33").amounts
    assert bracket["Ti"] != pytest.approx(0.33, abs=1e-4)
    assert bracket["O"] == pytest.approx(3 * bracket["Ti"])
    assert neutralise("Li2/3La4/9TiO3").note == ""


def test_mixed_valence_is_accepted_with_a_note() -> None:
    assert neutralise("Li0.5CoO2").note == "neutral with a mean oxidation state of Co"
    assert neutralise("LiMn2O4").amounts == {"Li": 1, "Mn": 2, "O": 4}


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Li6.75P2.75S10.5Cl0.5", r"-1 is left over with Li\+1 P\+5 S-2 Cl-1"),  # of a textbook's list
        ("Li6PS5Cl1.05", r"-0.05 is left over .* explains 0.005"),
        ("Li6PS5Cl2", "-1 is left over"),
        ("Li9Al4", "no element in it can be the anion"),
        ("LiNe", "SMACT knows no oxidation state of Ne"),
    ],
)
def test_what_is_not_neutral_is_refused_with_what_is_left_over(formula: str, message: str) -> None:
    with pytest.raises(StabilityError, match=message):
        neutralise(formula)


def test_a_phase_of_the_table_is_taken_as_it_is() -> None:
    table = make_assessor().table
    assert read_composition("Li2O2", table).amounts == {"Li": 2, "O": 2}  # a peroxide
    mixture = read_composition("Li2S-P2S5 (75:25 mol%)", table)
    assert "mixture" in mixture.note
    assert np.isfinite(make_assessor().assess(mixture.amounts, FIRST).e_decomposition)
    with pytest.raises(FormulaError, match="is not understood"):
        read_composition("LLZO", table)
    with pytest.raises(StabilityError, match="the element Li"):
        read_composition("Li4", table)
    with pytest.raises(StabilityError, match="no phase with Ne"):
        read_composition("LiNe", table)


def test_many_metals_with_many_states_take_no_more_than_a_few() -> None:
    """The combinations of their states are too many to list; a mean state of the metals is found without."""
    metals = "Mn0.2Fe0.2Co0.1Ni0.15Cr0.1V0.05Mo0.05Ti0.05Nb0.05W0.05"
    assert "mean oxidation state" in neutralise(f"Li{metals}O2").note
    with pytest.raises(StabilityError, match="combinations of oxidation states"):
        neutralise(f"Li{metals}O9")
