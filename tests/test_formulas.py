"""Formulas and descriptors of composition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.parts import Descriptor
from batterymi.errors import ConfigError
from batterymi.features.composition import compute_element_fractions, compute_magpie_features, list_magpie_labels
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.formulas import FormulaError, find_unparsable, parse_formula, parse_formulas
from batterymi.vocabulary.elements import SYMBOLS

KNOWN = {
    "Na3V2(PO4)3": {"Na": 3, "V": 2, "P": 3, "O": 12},
    "Li10GeP2S12": {"Li": 10, "Ge": 1, "P": 2, "S": 12},
    "Na2/3Fe1/2Mn1/2O2": {"Na": 2 / 3, "Fe": 0.5, "Mn": 0.5, "O": 2},
    "Li7.0 Bi1.0 O6.0": {"Li": 7, "Bi": 1, "O": 6},
    "[Mg{Al(OH)2}2].5": {"Mg": 0.5, "Al": 1, "O": 2, "H": 2},
    "LiFeLi0O2Li2": {"Li": 3, "Fe": 1, "O": 2},
}
WRONG = {
    "": "no atoms",
    "Li0": "no atoms",
    "LiXx2": "no element 'Xx'",
    "Li(PO4": "brackets",
    "LiPO4)2": "brackets",
    "(Li]2": "brackets",
    "Li7P3S11*H2O": r"'\*' at position 9",
    "Li1+xAl": r"'\+' at position 4",
    "lithium": "'l' at position 1",
    "Li1/0O": "divides by zero",
    "CuSO4·5H2O": "'·' at position 6",
}


@pytest.mark.parametrize("formula", KNOWN)
def test_a_formula_is_read_as_written(formula: str) -> None:
    assert parse_formula(formula) == pytest.approx(KNOWN[formula])


@pytest.mark.parametrize("formula", WRONG)
def test_what_is_no_formula_is_refused_and_not_guessed(formula: str) -> None:
    with pytest.raises(FormulaError, match=WRONG[formula]):
        parse_formula(formula)


def test_every_text_at_fault_is_listed() -> None:
    with pytest.raises(FormulaError, match=r"(?s)'Xx'.*'\?'"):
        parse_formulas(["LiF", "XxO", "Na?"])
    assert [position for position, _ in find_unparsable(["LiF", "XxO", "Na?"])] == [1, 2]


TEXTS = st.one_of(
    st.text(st.sampled_from("LiNaFeOoCcXx0123456789.()[]{}/ \n·é?"), max_size=14),
    st.lists(
        st.tuples(
            st.sampled_from(SYMBOLS), st.sampled_from(["", "1", "2", "10", "007", "0", "0.5", "9" * 15, "9" * 17])
        ),
        max_size=5,
    ).map(lambda parts: "".join(symbol + amount for symbol, amount in parts)),
)


@given(st.lists(TEXTS, max_size=12))
def test_many_formulas_are_read_as_one_after_the_other(texts: list[str]) -> None:
    expected, wrong = [], {}
    for position, text in enumerate(texts):
        try:
            expected.append(parse_formula(text))
        except FormulaError as error:
            wrong[position] = str(error)
    assert dict(find_unparsable(texts)) == wrong
    if wrong:
        with pytest.raises(FormulaError):
            parse_formulas(texts)
        return
    found = parse_formulas(texts)
    assert found.counts.tolist() == [len(amounts) for amounts in expected]
    assert [SYMBOLS[index] for index in found.elements] == [symbol for amounts in expected for symbol in amounts]
    assert found.amounts.tolist() == [amount for amounts in expected for amount in amounts.values()]


COMPOSITIONS = st.dictionaries(
    st.sampled_from(SYMBOLS[:94]), st.floats(0.01, 20).map(lambda x: round(x, 3)), min_size=1, max_size=8
)


def written(amounts: dict[str, float]) -> str:
    """A formula with the given amounts."""
    return "".join(f"{symbol}{amount}" for symbol, amount in amounts.items())


@given(st.lists(COMPOSITIONS, min_size=1, max_size=12))
def test_fractions_add_up_to_one_and_agree_with_the_amounts(listed: list[dict[str, float]]) -> None:
    compositions = parse_formulas([written(amounts) for amounts in listed])
    fractions = compute_element_fractions(compositions)
    np.testing.assert_allclose(fractions.sum(axis=1), 1)
    for row, amounts in zip(fractions, listed, strict=True):
        for symbol, amount in amounts.items():
            assert row[SYMBOLS.index(symbol)] == pytest.approx(amount / sum(amounts.values()))


@given(COMPOSITIONS, st.floats(0.1, 10))
def test_statistics_do_not_depend_on_the_size_of_the_formula(amounts: dict[str, float], factor: float) -> None:
    larger = {symbol: amount * factor for symbol, amount in amounts.items()}
    found = compute_magpie_features(
        parse_formulas([written(amounts), "".join(f"{s}{a:.12f}" for s, a in larger.items())])
    )
    means = [i for i, label in enumerate(list_magpie_labels()) if "mode" not in label]
    np.testing.assert_allclose(found[0, means], found[1, means], rtol=1e-6, atol=1e-6)


def test_the_host_is_what_is_left_without_an_element() -> None:
    compositions = parse_formulas(["LiFePO4", "Li", "Li2O"]).without("Li")
    assert compositions.atoms.tolist() == [6, 1, 1]
    assert compositions.count_atoms("Li").tolist() == [0, 1, 0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_statistics_equal_those_of_matminer() -> None:
    matminer = pytest.importorskip("matminer.featurizers.composition")
    from pymatgen.core import Composition

    rng = np.random.default_rng(0)
    formulas = [*(name for name in KNOWN if "{" not in name and "/" not in name and "0O2" not in name), "HfO2", "NpO2"]
    for _ in range(150):
        symbols = rng.choice(SYMBOLS[:94], size=rng.integers(1, 7), replace=False)
        formulas.append(
            "".join(f"{symbol}{amount:.3f}" for symbol, amount in zip(symbols, rng.uniform(0.1, 9, 7), strict=False))
        )
    preset = matminer.ElementProperty.from_preset("magpie")
    expected = np.array([preset.featurize(Composition(formula)) for formula in formulas])
    assert preset.feature_labels() == list_magpie_labels()
    np.testing.assert_allclose(compute_magpie_features(parse_formulas(formulas)), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("columns", [{"formulae": "x"}, {}, {"formula": "x", "more": "x"}])
def test_a_descriptor_with_other_arguments_than_its_function_is_refused(columns: dict[str, str]) -> None:
    descriptor = Descriptor(name="magpie", label="Magpie", function="magpie", columns=columns)
    with pytest.raises(ConfigError, match=r"descriptors: magpie: columns: found .*; magpie takes formula"):
        compute_descriptors(pd.DataFrame({"x": ["LiCl"]}), [descriptor])
