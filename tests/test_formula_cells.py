"""Formulas as people write them: what is understood, and what is asked."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.data.cells import parse_cell
from batterymi.data.formula_columns import list_understood, read_formula_columns, summarise_understood
from batterymi.features.formula_cells import are_same_compositions, format_formula, read_formula
from batterymi.features.formula_mixtures import compute_molar_mass
from batterymi.features.formulas import FormulaError, parse_formula

GARNET = "Li6.6La3Zr1.6Ta0.4O12"
READ = {
    # indices, brackets, blanks
    "Li₇La₃Zr₂O₁₂": "Li7La3Zr2O12",
    "Li₆.₅La₃Zr₁.₅Ta₀.₅O₁₂": "Li6.5La3Zr1.5Ta0.5O12",
    "Li<sub>7</sub>La<sub>3</sub>Zr<sub>2</sub>O<sub>12</sub>": "Li7La3Zr2O12",
    "$\\mathrm{Li_7La_3Zr_2O_{12}}$": "Li7La3Zr2O12",
    "Li6,4La3Zr1,4Ta0,6O12": "Li6.4La3Zr1.4Ta0.6O12",
    "Na½CoO₂": "Na0.5CoO2",
    "{[Li0.5(La0.5)]0.9}TiO3": "Li0.45La0.45TiO3",
    "(Li6.25Al0.25)La3Zr2O12": "Li6.25Al0.25La3Zr2O12",
    "Na3 Zr2 Si2 P O12": "Na3Zr2Si2PO12",
    "Li 3 P S 4": "Li3PS4",
    "Li1.3Al0.3Ti1.7 (PO4)3": "Li1.3Al0.3Ti1.7P3O12",
    "(Li2S)0.7 (P2S5)0.3": "Li1.4P0.6S2.2",
    "Li\u00a03PS4": "Li3PS4",
    "Li3.00009Zn9e-05PO4": "Li3.00009Zn0.00009PO4",
    "Li(Ni0.8,Co0.1,Mn0.1)O2": "LiNi0.8Co0.1Mn0.1O2",
    "Li6.4(2)La3Zr1.4(1)Ta0.6(1)O12": "Li6.4La3Zr1.4Ta0.6O12",
    "Li6.25Al.25La3Zr2O12": "Li6.25Al0.25La3Zr2O12",
    "Li6PS5Cl(3)": "Li6PS5Cl",
    "Li6PS5Cl*": "Li6PS5Cl",
    "LiРF6": "LiPF6",  # the P is Cyrillic
    # variables
    "Li7−xLa3Zr2−xTaxO12 (x = 0.4)": GARNET,
    "Li7–xLa3Zr2–xTaxO12, x = 0.4": GARNET,
    "Li7-xLa3Zr2-xTaxO12; x=0,4": GARNET,
    "Li(7-x)La3Zr(2-x)TaxO12 (x: 0.4)": GARNET,
    "Li7-0.4La3Zr2-0.4Ta0.4O12": GARNET,
    "Li1+xAlxTi2-x(PO4)3 (x = 0.3)": "Li1.3Al0.3Ti1.7P3O12",
    "La⅔-xLi3xTiO3 (x = 1/9)": "La5Li3Ti9O27",
    "Li(Ni1-x-yCoxMny)O2 (x = 0.1, y = 0.1)": "LiNi0.8Co0.1Mn0.1O2",
    "LiNi(1-x)/2Mn(1-x)/2CoxO2 (x = 1/3)": "Li3NiMnCoO6",
    "La0.6Sr0.4CoO3-δ (δ = 0.05)": "La0.6Sr0.4CoO2.95",
    "Li6+ₓP1₋ₓGeₓS5I (x = 0.5)": "Li6.5P0.5Ge0.5S5I",
    "LiNi0.5Mn1.5O4-xFx (x = 0.1)": "LiNi0.5Mn1.5O3.9F0.1",
    # names
    "LATP (Li1.3Al0.3Ti1.7P3O12)": "Li1.3Al0.3Ti1.7P3O12",
    "LiNi0.8Co0.1Mn0.1O2(NCM811)": "LiNi0.8Co0.1Mn0.1O2",
    "NCM 811 (LiNi0.8Co0.1Mn0.1O2)": "LiNi0.8Co0.1Mn0.1O2",
    "Li3PS4 (75Li2S·25P2S5 glass)": "Li3PS4",
    "LLZTO: Li6.4La3Zr1.4Ta0.6O12": "Li6.4La3Zr1.4Ta0.6O12",
    "β-Li3PS4": "Li3PS4",
    "Li7La3Zr2O12 (cubic)": "Li7La3Zr2O12",
    "Li3InCl6 (ball milled, 500 rpm)": "Li3InCl6",
    "Li6PS5Cl_batch3": "Li6PS5Cl",
    "(NCM811) LiNi0.8Co0.1Mn0.1O2": "LiNi0.8Co0.1Mn0.1O2",
    "Li4Ti5O12 (LTO)": "Li4Ti5O12",
    "Na3V2(PO4)3 (NVP)": "Na3V2P3O12",
    "Na3V2(PO4)3(NVP)": "Na3V2P3O12",
    "Na3PS4 (NPS)": "Na3PS4",
    "Li3PS4 (glass)": "Li3PS4",
    "Li3PS4 (pellet)": "Li3PS4",
    "Li3YCl6 (anhydrous)": "Li3YCl6",
    # phases
    "P2-Na0.67MnO2": "Na0.67MnO2",
    "P2-type Na0.67MnO2": "Na0.67MnO2",
    "Na0.67MnO2 (P2)": "Na0.67MnO2",
    "O3-NaMnO2": "NaMnO2",
    "O′3-NaMnO2": "NaMnO2",
    "β″-Al2O3": "Al2O3",
    "β''-Al2O3": "Al2O3",
    "α′-NaVO3": "NaVO3",
    "2H-MoS2": "MoS2",
    "1T-TiS2": "TiS2",
    "c-Li7La3Zr2O12": "Li7La3Zr2O12",
    "t-Li7La3Zr2O12": "Li7La3Zr2O12",
    "LT-LiCoO2": "LiCoO2",
    "LiCoO2-HT": "LiCoO2",
    # hydrates and mixtures
    "S/C (70:30 mol%)": "S7C3",
    "LiOH·H2O": "LiO2H3",
    "LiOH.H2O": "LiO2H3",
    "LiOH • H2O": "LiO2H3",
    "CuSO4*5H2O": "CuSO9H10",
    "CuSO4 x 5 H2O": "CuSO9H10",
    "Na2CO3.10H2O": "Na2CO13H20",
    "CaCl2.2H2O": "CaCl2H4O2",
    "Li2O.2B2O3": "Li2B4O7",
    "80 Li2S : 20 P2S5": "Li8P2S9",
    "Li2S:P2S5 = 7:3 (molar ratio)": "Li7P3S11",
    "0.75Li2S-0.25P2S5": "Li3PS4",
    "75Li2S·25P2S5": "Li3PS4",
    "70 mol% Li2S - 30 mol% P2S5": "Li7P3S11",
    "Li2S-P2S5 (75:25 mol%)": "Li3PS4",
    "67(0.75Li2S·0.25P2S5)·33LiBH4": "Li133.5P33.5S134B33H132",
    "(1-x)Li3PS4-xLiI (x = 0.2)": "Li2.6P0.8S3.2I0.2",
    "Li3PS4-0.5LiI": "Li3.5PS4I0.5",
    "0.5Li2MnO3·0.5LiNi0.5Mn0.5O2": "Li1.5Mn0.75Ni0.25O2.5",
    "Li₂O–2SiO₂": "Li2Si2O5",
    "Li2ZrCl6 + 5 mol% LiI": "Li1.95Zr0.95Cl5.7I0.05",
    # capitals
    "li3incl6": "Li3InCl6",
    "licoo2": "LiCoO2",
    "NACL": "NaCl",
}
ASKED = {
    "LLZO": "it is a name; write a formula, as Li7La3Zr2O12",
    "LiPON": "it is a name",
    "LiFSI": r"it is a name; write a formula, as LiN\(SO2F\)2",
    "my sample LATP": "'LATP' is a name",
    "Li7-xLa3Zr2-xTaxO12": "x has no value; give it in the cell",
    "La0.6Sr0.4CoO3-δ": "δ has no value",
    "Li1-xCoO2 (0 < x < 1)": "no single number for x",
    "Li1-xCoO2 (x = 0, 0.5)": "no single number for x",
    "Li1-xCoO2 (x = 0-0.5)": "no single number for x",
    "Li1-xCoO2 (x = 0 to 0.5)": "no single number for x",
    "Li2S-P2S5": "parts of a mixture without their amounts",
    "Li2S-P2S5 (75:25)": "of moles or of masses",
    "Li2ZrCl6 + 5% LiI": "of moles or of masses",
    "60wt% Li2S - 30wt% P2S5": "add up to 90",
    "Al-doped Li7La3Zr2O12": "'doped' says more than the formula",
    "Li7La3Zr2O12 + 10% excess Li": "'excess' says more",
    "LiFePO4/C": "two materials",
    "CuSO4.5H2O": "decimal point or stand between parts",
    "Li6PS5Cl S1": "a formula and a label",
    "Li6PS5Cl (Li5.5PS4.5Cl1.5)": "a part of the formula or another one",
    "Ba2In2O5-xNaF (x = 0.1)": "may belong to the amount before it or begin another",
    "(Li,Na)3PO4": "no amounts of its elements",
    "Fe3+": "ends with a charge",
    "⁷Li3N": "no charge",
    "Li6.4La3Zr1.4Ta0.6012": "no anion, and a zero stands where the letter O may belong; write Li6.4La3Zr1.4Ta0.6O12",
    "LiCo02": "write LiCoO2",
    "Al203": "write Al2O3",
    "LiFePo4": "write LiFePO4",
    "Li2Co3": "write Li2CO3",
    "Li2C03": "write Li2CO3",
    "glass": "has no meaning",
    # more than a formula and a label
    "LLZO-Li3PS4": "'LLZO' beside the formula is more than a label",
    "NCM811-Li3PO4": "'NCM811' beside the formula is more than a label",
    "PEO-Li7La3Zr2O12": "'PEO' beside the formula",
    "CNT-S": "'CNT' beside the formula",
    "S (CNT)": "'CNT' beside the formula",
    "carbon-S": "'carbon' says more",
    "Al-LLZO": "'LLZO' beside the formula",
    "al-Li7La3Zr2O12": "'al' beside the formula",
    "LATP-LiI": "'LATP' beside the formula",
    "H2O-D2O": "'D2O' beside the formula",
    "LiI-free": "'free' beside the formula",
    "Li3PS4 + LLZO": "'[+] LLZO' beside the formula",
    "Li3PS4 · LLZO": "'· LLZO' beside the formula",
    "Li3PS4 - LLZO": "'LLZO' beside the formula",
    "80 LLZO : 20 Li3PS4": "'80 LLZO' beside the formula",
    "CNT-S (30:70 wt%)": "'30wt% CNT",
    "Li3PS4 (LLZO)": "'LLZO' is Li7La3Zr2O12, but the formula has no La",
    "LLZO: Li3PS4": "but the formula has no La",
    "Li3InCl6 (hydrate)": "'hydrate' says more",
    "Li3InCl6 (wet)": "'wet' says more",
    "Li7La3Zr2O12 (+Al)": "'[+]Al' beside the formula",
    "Li7La3Zr2O12 (Al)": "may be a part of the formula or not",
    "LiFePO4 (C)": "may be a part of the formula or not",
    "Li2MnO3-LiMO2": "'M' in 'LiMO2' is no element",
    "LiMO2": "'M' in 'LiMO2' is no element",
    "LiMO2 (M = Co)": "'M' in 'LiMO2' is no element",
    "LiTMO2": "'TM' in 'LiTMO2' is no element",
    "Li6PS5X": "'X' in 'Li6PS5X' is no element",
    "MPS3": "'M' in 'MPS3' is no element",
    "Li1+xM1-xO2 (x = 0.1)": "'M' in 'Li1[+]xM1' is no element",
    "Li3-xVOxCl3": "': x has no value",
    "VOx": "': x has no value",
    "S/C (70:30)": "of moles or of masses",
    "S (70:30)": "has 2 numbers, but 'S' is no mixture of as many formulas",
    "NVP": "it is a name; write a formula",
    "": "empty",
}


@pytest.mark.parametrize("text", READ)
def test_a_formula_is_understood_as_its_writer_meant_it(text: str) -> None:
    read = read_formula(text)
    assert are_same_compositions(parse_formula(read.formula), parse_formula(READ[text])), read
    assert read.how or read.formula == text


@pytest.mark.parametrize("text", ASKED)
def test_what_has_no_reading_or_several_is_asked(text: str) -> None:
    with pytest.raises(FormulaError, match=ASKED[text]):
        read_formula(text)


def test_a_variable_has_its_value_from_a_column_and_two_sources_must_agree() -> None:
    assert read_formula("Li7-xLa3Zr2-xTaxO12", {"x": 0.4}).formula == GARNET
    assert read_formula("Li7-xLa3Zr2-xTaxO12 (x = 0.4)", {"x": 0.4, "y": 7}).how == "x = 0.4"
    with pytest.raises(FormulaError, match=r"x = 0.4, and the column 'x' 0.3"):
        read_formula("Li7-xLa3Zr2-xTaxO12 (x = 0.4)", {"x": 0.3})


def test_lattice_columns_are_no_variables_unless_a_formula_has_them() -> None:
    lattice = {"a": 5.533, "b": 5.6, "c": 12.9}
    for text in ("Li₇La₃Zr₂O₁₂", "c-Li7La3Zr2O12", "La2CaCl8 (cubic)", "β-Li3PS4"):
        read = read_formula(text, lattice)
        assert "=" not in read.how
        assert read.formula == read_formula(text).formula
    assert read_formula("LiaMnO2", lattice).how.startswith("a = 5.533")


LABELS = st.from_regex(r"[A-Z]{2,4}\d{0,3}|[A-Z][a-z]?-[A-Z]{3,4}", fullmatch=True)


@settings(max_examples=60)
@given(LABELS, st.sampled_from(["Li3PS4", "LiI", "Li7La3Zr2O12", "S"]), st.sampled_from(["-", " - ", " + ", "/", "·"]))
def test_a_name_that_is_joined_to_a_formula_is_never_left_out(label: str, formula: str, sign: str) -> None:
    for text in (f"{label}{sign}{formula}", f"{formula}{sign}{label}"):
        try:
            read = read_formula(text)
        except FormulaError:
            continue
        if re.search("as a phase", read.how):
            continue
        # what is read holds all that both are made of
        assert {*parse_formula(read.formula)} > {*parse_formula(formula)} or "as a name" not in read.how, (text, read)


def test_lists_of_how_formulas_are_read_say_how_many_and_where_all_are() -> None:
    rows = pd.DataFrame({"material": ["β-Li3PS4", "Li3PS4", *[f"Li₇La₃Zr₂O₁₂ (pellet {n})" for n in range(11)]]})
    understood = read_formula_columns(rows, ["material"]).understood
    assert len(understood) == 12
    last = list_understood("my.csv", understood, "the run's table.json")[-1]
    assert last == "my.csv: 2 more formulas are read in such ways; all are listed in the run's table.json"
    (summary,) = summarise_understood(understood)
    assert summary.startswith("12 formulas are read in other ways: 'β-Li3PS4' as Li3PS4 ('β' as a phase), ")
    assert summary.count("' as Li") == 3
    assert summarise_understood([]) == []


def test_compounds_of_calcium_are_no_numbers() -> None:
    for text in ("Ca4Nb2(SO4)9", "Ca9Co(PO4)7", "Ca3N2", "Ca2"):
        assert parse_cell(text).fault or np.isnan(parse_cell(text).value)
    assert read_formula("Ca4Nb2(SO4)9").formula == "Ca4Nb2(SO4)9"


def test_weight_percent_is_of_the_whole_mass() -> None:
    read = read_formula("Li2ZrCl6 + 5wt% LiI")
    amounts, iodide = parse_formula(read.formula), parse_formula("LiI")
    share = amounts["I"] * compute_molar_mass(iodide) / compute_molar_mass(amounts)
    assert share == pytest.approx(0.05, rel=1e-6)
    assert "wt% of the whole mass" in read.how
    assert read_formula("95wt% Li2ZrCl6 + 5wt% LiI").formula == read.formula


def test_charges_far_from_balance_are_noted_and_real_rows_are_not() -> None:
    for odd in ("Li7La3Zr2O6", "LiAl", "Li9PS"):
        assert "do not balance" in read_formula(odd).note
    for right in ("Li0.34La0.51TiO2.94", "Li6.4La3Zr1.4Ta0.6O12", "FePO4", "Li2O2", "Li3N", "LiClO4", "Li2B12H12"):
        assert read_formula(right).note == ""
    assert "is it SiO2?" in read_formula("SIO2").note
    assert "is it Li2O, with the letter O?" in read_formula("Li20").note
    assert "is it CoO2?" in read_formula("COO2").note


ELEMENTS = st.sampled_from(["Li", "Na", "La", "Zr", "Ta", "P", "Ge", "S", "O", "Cl", "Br", "Al", "Ti", "Si"])
AMOUNTS = st.decimals("0.01", "20", places=2).map(float)
FORMULAS = st.dictionaries(ELEMENTS, AMOUNTS, min_size=2, max_size=6)
LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def write_variants(amounts: dict[str, float]) -> list[tuple[str, dict[str, Any]]]:
    """Return ways to write a formula, with values of variables."""
    plain = format_formula(amounts)
    first, *rest = amounts
    tail = format_formula({symbol: amounts[symbol] for symbol in rest})
    x = 0.25
    return [
        (plain.translate(LOW), {}),
        (f" {plain}\u00a0", {}),
        (f"[{plain}]", {}),
        (f"{plain} (cubic)", {}),
        (f"my-sample: {plain}", {}),
        (f"(({first}{amounts[first]}){tail})", {}),
        (f"{first}{amounts[first] + x:.10g}−x{tail}", {"x": x}),
        (f"{first}{amounts[first] + x:.10g}-x{tail} (x = {x})", {}),
        (re.sub(r"([A-Z][a-z]?)", r" \1", plain), {}),
    ]


@settings(max_examples=60)
@given(FORMULAS, st.data())
def test_a_composition_is_the_same_in_every_notation(amounts: dict[str, float], data: st.DataObject) -> None:
    text, values = data.draw(st.sampled_from(write_variants(amounts)))
    try:
        read = read_formula(text, values)
    except FormulaError as error:
        # elements that may be compounds by themselves make some notations ambiguous, which is asked, not guessed
        if not re.search("may be|may belong|letter O", str(error)):
            raise
        return
    assert are_same_compositions(parse_formula(read.formula), amounts), (text, read)


@settings(max_examples=60)
@given(st.text(st.sampled_from("LiNaOSPCl0123456789.()[]xy-+·%= wtmolglass,"), max_size=25))
def test_any_text_is_read_or_refused_with_words(text: str) -> None:
    try:
        read = read_formula(text)
    except FormulaError:
        return
    assert parse_formula(read.formula)
    assert read_formula(read.formula).formula == read.formula
