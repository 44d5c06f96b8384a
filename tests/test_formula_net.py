"""The network over formulas: what its features are, what it must not have seen, and what it says of bad input."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.data.host_pairs import pair_hosts
from batterymi.data.left_out import mark_left_out
from batterymi.features.formula_net import (
    SHIPPED,
    FormulaNet,
    compute_formula_net,
    load_formula_net,
)
from batterymi.features.formula_table import tabulate_formulas
from batterymi.features.formulas import FormulaError
from batterymi.features.ion_steps import compute_voltage, count_ions
from batterymi.files import compute_sha256, read_json

ELECTRODES = pd.DataFrame(
    {
        "charged": ["FePO4", "TiS2", "NaV2(PO4)3", "MnO2"],
        "discharged": ["NaFePO4", "LiTiS2", "Na3V2(PO4)3", "Mg0.5MnO2"],
        "ion": ["Na", "Li", "Na", "Mg"],
    },
    index=[7, 3, 5, 11],
)


def describe(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the features of some electrodes."""
    return compute_formula_net(charged=rows["charged"], discharged=rows["discharged"], ion=rows["ion"])


def test_an_electrode_has_33_features_that_do_not_depend_on_its_neighbours() -> None:
    together = describe(ELECTRODES)
    assert together.shape == (4, 33)
    assert together.index.tolist() == ELECTRODES.index.tolist()
    assert np.isfinite(together.to_numpy()).all()
    alone = pd.concat([describe(ELECTRODES.iloc[[place]]) for place in range(4)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-9)


def test_the_way_a_formula_is_written_changes_nothing() -> None:
    other = ELECTRODES.assign(
        charged=["P2Fe2O8", "S4Ti2", "V4Na2P6O24", "O4Mn2"],
        discharged=["O4PNaFe", "Ti3S6Li3", "Na6(PO4)6V4", "MgMn2O4"],
    )
    np.testing.assert_allclose(describe(other), describe(ELECTRODES), rtol=0, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1e6))
def test_the_scale_of_a_formula_changes_nothing(scale: float) -> None:
    row = {"charged": f"Fe{scale:.12f}O{2 * scale:.12f}", "discharged": "NaFeO2", "ion": "Na"}
    plain = {"charged": "FeO2", "discharged": "NaFeO2", "ion": "Na"}
    found, expected = (describe(pd.DataFrame([one])).to_numpy() for one in (row, plain))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_the_voltage_is_near_that_of_known_materials() -> None:
    """NaFePO4 gives about 3.1 V and LiTiS2 about 2.1 V (Materials Project); an order of them no chance gives."""
    voltage = describe(ELECTRODES).iloc[:, -1].to_numpy()
    assert 2.0 < voltage[0] < 4.5
    assert 1.0 < voltage[1] < 3.2
    assert voltage[0] > voltage[1]


def test_a_voltage_follows_from_two_formation_energies() -> None:
    """Per Li of LiFePO4: 7 atoms at -2.5 eV against 6 atoms at -2.3 eV are 3.7 V."""
    step = count_ions(["FePO4"], ["LiFePO4"], ["Li"])
    np.testing.assert_allclose(compute_voltage(step, np.array([-2.3]), np.array([-2.5])), 17.5 - 13.8)
    half = count_ions(["Mg0.5MnO2"], ["MgMnO2"], ["Mg"])
    # half an ion of charge 2: (4 * 2.0 - 3.5 * 1.9) / 1
    np.testing.assert_allclose(compute_voltage(half, np.array([-1.9]), np.array([-2.0])), 1.35)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ion": "Xx"}, "the ion 'Xx': no working ion that is known"),
        ({"ion": ""}, "the ion '': no working ion that is known"),
        ({"discharged": "FePO4"}, "holds no more Na than the charged formula 'FePO4'"),
        ({"charged": "NaFePO4", "discharged": "FePO4"}, "the discharged formula 'FePO4': holds no more Na"),
        ({"discharged": "NaMnO2"}, "its host, all but Na, is not that of the charged formula 'FePO4'"),
        ({"discharged": "LiFePO4"}, "its host, all but Na, is not that of the charged formula"),
        ({"discharged": "Na2"}, "the discharged formula 'Na2': holds nothing but Na, and no host"),
        ({"charged": "Na"}, "the charged formula 'Na': holds nothing but Na"),
        ({"discharged": "Na0.000000001FePO4"}, "Na is 2e-10 of its atoms"),
        ({"discharged": "Na0.003FePO4"}, "takes up 0.0005 Na per host atom; an electrode takes up 0.001 to 1000"),
        ({"discharged": f"Na{'9' * 308}FePO4"}, "its amounts add up to 1e+308 atoms"),
        ({"charged": "He2O", "discharged": "NaHe2O"}, "'He2O' holds He, which the network over formulas was not train"),
        ({"charged": "Fe(PO4"}, "brackets do not match"),
        ({"charged": "Fe\nPO4"}, "at position 3 has no meaning"),
    ],
)
def test_what_has_no_voltage_is_an_error_of_one_line(change: dict[str, str], message: str) -> None:
    row = {"charged": "FePO4", "discharged": "NaFePO4", "ion": "Na"} | change
    with pytest.raises(FormulaError, match=re.escape(message)) as caught:
        describe(pd.DataFrame([row]))
    assert "\n" not in str(caught.value)


def test_the_shipped_receipt_says_what_was_left_out() -> None:
    receipt = read_json(SHIPPED.with_suffix(".json"))
    assert receipt["sha256"] == compute_sha256(SHIPPED)
    assert SHIPPED.stat().st_size <= 4_000_000
    assert receipt["data"]["left_out"] > 10_000
    assert len(receipt["data"]["left_out_sha256"]) == 32
    assert (
        receipt["data"]["learned"] + receipt["data"]["validated"] + receipt["data"]["left_out"]
        == (receipt["data"]["compounds"])
    )


def test_hosts_of_electrodes_are_left_out_by_their_elements() -> None:
    formulas = ["FePO4", "LiFePO4", "Na3Fe2(PO4)3", "LiNaFePO4", "FeO", "Fe2P7O30", "TiS2", "LiCl", "Li2TiS3", "TiS2O"]
    marked = mark_left_out(formulas, ["Fe-O-P", "S-Ti"], ["Li", "Na"])
    # two ions at once are another system, and so is part of a host
    assert marked.tolist() == [True, True, True, False, False, True, True, False, True, False]


def test_a_host_that_holds_an_ion_is_left_out_as_it_is() -> None:
    """In a host of Li, Ti and O, which Na enters, Li is no working ion."""
    assert mark_left_out(["LiTi2O4", "NaLiTi2O4", "TiO2"], ["Li-O-Ti"], ["Li", "Na"]).tolist() == [True, True, False]


def test_compounds_pair_up_by_their_host() -> None:
    formulas = ["FeO2", "LiFeO2", "Li2Fe2O4", "Li0.5FeO2", "NaFeO2", "LiFe2O2", "Li", "Fe4O8"]
    pairs = pair_hosts(formulas, np.array([1, 3, 0, 4, 5, 6]))
    found = {
        (formulas[poor], formulas[rich], round(before, 3), round(after, 3))
        for poor, rich, before, after in zip(pairs.poor, pairs.rich, pairs.before, pairs.after, strict=True)
    }
    assert found == {
        ("FeO2", "Li0.5FeO2", 0.0, 0.167),
        ("FeO2", "LiFeO2", 0.0, 0.333),
        ("Li0.5FeO2", "LiFeO2", 0.167, 0.333),
        ("FeO2", "NaFeO2", 0.0, 0.333),
    }


@settings(max_examples=20)
@given(st.permutations([0, 1, 2, 3, 4]))
def test_blocks_hold_every_formula_once_and_without_padding(order: list[int]) -> None:
    table = tabulate_formulas(["Li2S", "NaFePO4", "O2", "TiS2", "LiFePO4"], ["Li", "O", "Na", "P", "S", "Ti", "Fe"])
    rows, blocks = table.split(np.array(order))
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    assert [elements.shape for elements, _ in blocks] == [(1, 1), (2, 2), (2, 4)]
    for _, fractions in blocks:
        np.testing.assert_allclose(fractions.sum(axis=1), 1)


def test_a_formula_of_an_unknown_element_is_named() -> None:
    with pytest.raises(FormulaError, match=r"'KCl' holds K, which .* it knows 2 elements"):
        tabulate_formulas(["Cl2", "KCl"], ["Na", "Cl"])


def test_several_encoders_are_read_side_by_side() -> None:
    net = load_formula_net(SHIPPED)
    single = [
        FormulaNet(
            {name: value if name == "properties" else value[[member]] for name, value in net.weights.items()},
            net.vocabulary,
            net.mean,
            net.scale,
            {},
        )
        for member in range(net.members)
    ]
    embedded, energies = net.encode(["NaFePO4", "Li2S"])
    np.testing.assert_array_equal(embedded, np.concatenate([one.encode(["NaFePO4", "Li2S"])[0] for one in single], 1))
    np.testing.assert_array_equal(energies, np.concatenate([one.encode(["NaFePO4", "Li2S"])[1] for one in single]))
