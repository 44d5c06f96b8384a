"""Loaders of data sets: small files with known mistakes, and the real ones where a mirror has them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, ROOT

from batterymi import registry
from batterymi.config.load import load_datasets
from batterymi.config.sources import AdsorptionRows, CycleLifeRows, ElectrodeRows, ObelixRows
from batterymi.data.loaders import lis_adsorption, mp_electrodes, obelix, severson_cycle_life
from batterymi.data.loaders.liion_database import load_conductivities
from batterymi.errors import TableError
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.features.electrode import compute_electrode_descriptors, compute_host_magpie
from batterymi.features.lattice import compute_cell_volume, compute_lattice_descriptors

mirrored = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
OBELIX = (
    "ID,Reduced Composition,Z,True Composition,Ionic conductivity (S cm-1),Space group #,"
    "a,b,c,alpha,beta,gamma,Family,DOI\n"
)
ELECTRODES = "high_formula,high_mpid,low_formula,low_mpid,avg_voltage,battery_id\n"


def obelix_row(name: str, composition: str, conductivity: str, doi: str = "10.1/x") -> str:
    """A line of an OBELiX file."""
    return f"{name},{composition},1,{composition},{conductivity},225,5,5,5,90,90,90,,{doi}\n"


def test_bounds_are_kept_as_bounds_and_bad_rows_are_listed(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        OBELIX
        + obelix_row("a", "Li3N", "1e-3", "https://doi.org/10.1/ABC")
        + obelix_row("b", "LiF", "<1E-10")
        + obelix_row("c", "LiXx", "1e-5")
        + obelix_row("d", "LiCl", "unknown")
        + obelix_row("e", "LiBr", "-1")
    )
    (tmp_path / "test.csv").write_text(OBELIX + obelix_row("f", "Li6N2", "1e-4"))
    rows = obelix.load_rows(tmp_path, ObelixRows(name="obelix"))
    assert rows.n_in == 6
    assert list(rows.frame["id"]) == ["a", "b", "f"]
    assert list(rows.frame["censored"]) == [0, 1, 0]
    assert rows.frame["log10_conductivity"].tolist() == pytest.approx([-3, -10, -4])
    assert rows.frame["doi"].iloc[0] == "10.1/abc"
    assert list(rows.frame["split"]) == ["train", "train", "test"]
    assert rows.frame["composition_key"].nunique() == 2
    reasons = {fault["line"]: fault["reason"] for fault in rows.dropped}
    assert set(reasons) == {3, 4, 5}
    assert "no element 'Xx'" in reasons[3]
    assert reasons[4] == reasons[5] == "not a positive conductivity"


def test_a_file_without_its_columns_or_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"train\.csv: there is no such file"):
        obelix.load_rows(tmp_path, ObelixRows(name="obelix"))
    (tmp_path / "train.csv").write_text("ID,DOI\n1,2\n")
    with pytest.raises(TableError, match=r"train\.csv: the header lacks .*True Composition"):
        obelix.load_rows(tmp_path, ObelixRows(name="obelix"))
    (tmp_path / "original_dataset.xlsx").write_text("not a workbook")
    with pytest.raises(TableError, match="not a workbook"):
        lis_adsorption.load_rows(tmp_path, AdsorptionRows(name="lis_adsorption"))


def test_electrodes_are_chosen_by_ion_and_host_and_their_capacity_computed(tmp_path: Path) -> None:
    (tmp_path / "electrodes.csv").write_text(
        ELECTRODES
        + "FePO4,mp-1,LiFePO4,mp-2,3.45,mp-1_Li\n"
        + "CoO2,mp-3,LiCoO2,mp-4,4.0,mp-3_Li\n"
        + "CoO2,mp-3,NaCoO2,mp-5,3.0,mp-3_Na\n"
        + "NiO2,mp-6,LiNiO2,mp-7,-3.0,mp-6_Li\n"
        + "MnO?,mp-8,LiMnO2,mp-9,3.0,mp-8_Li\n"
        + "LiNiO2,mp-7,LiNiO2,mp-7,3.0,mp-7_Li\n"
    )
    settings = ElectrodeRows(
        name="mp_electrodes",
        ions=("Li",),
        source_ions=("Na",),
        host_with_any=("Co", "Ni", "Mn"),
        host_only=("Co", "Ni", "O"),
    )
    rows = mp_electrodes.load_rows(tmp_path, settings)
    assert list(rows.frame["discharged"]) == ["LiCoO2", "NaCoO2"]
    assert list(rows.frame["split"]) == ["train", "source"]
    assert rows.frame["capacity_mah_g"].iloc[0] == pytest.approx(273.8, abs=0.1)
    assert list(rows.frame["host_system"]) == ["Co-O", "Co-O"]
    assert [fault["line"] for fault in rows.dropped] == [5, 4, 6]


def test_policies_become_numbers(tmp_path: Path) -> None:
    (tmp_path / "severson_et_al_SI_table9.csv").write_text(
        "\ufeffCell barcode,Dataset,Batch date,Cycle life,Charging policy\n"
        "A,Train,5/12/17,1000,5.4C(40%)-3.6C\nB,Prim. Test,5/12/17,500,2C(7%)-5.5C\nC,Train,6/30/17,400,secret\n"
    )
    (tmp_path / "train_cycle_lives.csv").write_text("1000\n400\n")
    (tmp_path / "test1_cycle_lives.csv").write_text("500\n")
    (tmp_path / "test2_cycle_lives.csv").write_text("")
    rows = severson_cycle_life.load_rows(tmp_path, CycleLifeRows(name="severson_cycle_life"))
    assert rows.frame[["c_rate_1", "switch_soc", "c_rate_2"]].to_numpy().tolist() == [[5.4, 40, 3.6], [2, 7, 5.5]]
    assert rows.frame["minutes_to_80"].iloc[0] == pytest.approx(60 * (0.4 / 5.4 + 0.4 / 3.6))
    assert [(fault["line"], fault["found"]) for fault in rows.dropped] == [(3, "secret")]
    (tmp_path / "test2_cycle_lives.csv").write_text("seven\n")
    with pytest.raises(TableError, match="not a list of cycle lives"):
        severson_cycle_life.load_rows(tmp_path, CycleLifeRows(name="severson_cycle_life"))
    (tmp_path / "test2_cycle_lives.csv").write_text("7\n")
    with pytest.raises(TableError, match="differ from those of the table"):
        severson_cycle_life.load_rows(tmp_path, CycleLifeRows(name="severson_cycle_life"))


def test_a_cell_has_its_volume_and_lithium_its_room() -> None:
    assert compute_cell_volume(2, 3, 4, 90, 90, 90) == pytest.approx(24)
    assert compute_cell_volume(4, 4, 4, 60, 60, 60) == pytest.approx(64 / np.sqrt(2))
    assert np.isnan(compute_cell_volume(1, 1, 1, 150, 150, 150))
    # LiF, rock salt: four formulas in a cubic cell of 4.027 Å, 2.64 g/cm3
    cell: dict[str, Any] = {
        "a": 4.027,
        "b": 4.027,
        "c": 4.027,
        "alpha": 90,
        "beta": 90,
        "gamma": 90,
        "space_group": 225,
    }
    columns = {name: pd.Series([value]) for name, value in cell.items()}
    found = compute_lattice_descriptors(cell_content=pd.Series(["Li4F4"]), **columns).iloc[0]
    assert found["density (g/cm3)"] == pytest.approx(2.64, abs=0.01)
    assert found["volume per atom (Å3)"] == pytest.approx(4.027**3 / 8)
    assert found["crystal system"] == 6
    assert 0 < found["free volume"] < 1


def test_oxidation_states_follow_from_the_other_charges() -> None:
    rows = pd.DataFrame(
        {
            "charged": ["FePO4", "CoO2", "Fe2(SO4)3", "V2O5"],
            "discharged": ["LiFePO4", "LiCoO2", "Li2Fe2(SO4)3", "Mg(VO3)2"],
            "ion": ["Li", "Li", "Li", "Mg"],
        }
    )
    rows.loc[3, "discharged"] = "MgV2O5"
    found = compute_electrode_descriptors(charged=rows["charged"], discharged=rows["discharged"], ion=rows["ion"])
    assert found["oxidation state, charged"].tolist() == pytest.approx([3, 4, 3, 5])
    assert found["oxidation state, discharged"].tolist() == pytest.approx([2, 3, 2, 4])
    assert found["electrons per redox metal"].tolist() == pytest.approx([1, 1, 1, 1])
    assert found.notna().all(axis=None)


@mirrored
def test_the_adsorption_table_is_the_expected_one() -> None:
    folder = MIRROR / "lis_adsorption"
    expected = pd.read_csv(folder / "lis_adsorption_energies.csv")
    rows = lis_adsorption.load_rows(folder, AdsorptionRows(name="lis_adsorption"))
    assert rows.dropped == []
    assert list(rows.frame["catalyst"]) == list(expected["catalyst"])
    assert list(rows.frame["paper"]) == list(expected["reference"])
    names = {**lis_adsorption.DESCRIPTORS, "E_ads_eV": "adsorption_energy_ev"}
    for theirs, ours in names.items():
        np.testing.assert_allclose(rows.frame[ours].astype(float), expected[theirs], rtol=1e-12)


@mirrored
def test_the_candidates_are_the_expected_ones() -> None:
    folder = MIRROR / "lis_adsorption"
    expected = pd.read_csv(folder / "screening_candidates.csv.gz")
    rows = lis_adsorption.load_candidates(folder)
    assert (rows.n_in, rows.dropped) == (2387, [])
    assert list(rows.frame["id"]) == list(expected["mp_id"])
    for theirs, ours in lis_adsorption.DESCRIPTORS.items():
        np.testing.assert_allclose(rows.frame[ours], expected[theirs], rtol=1e-12)


@mirrored
def test_the_electrodes_are_the_expected_ones() -> None:
    folder = MIRROR / "mp_electrodes"
    expected = pd.read_csv(folder / "electrodes_with_capacity.csv").set_index("battery_id")
    settings = ElectrodeRows(name="mp_electrodes", ions=tuple(mp_electrodes.CHARGES), voltage=(-100, 100))
    frame = mp_electrodes.load_rows(folder, settings).frame
    assert len(frame) == 4401
    expected = expected.loc[frame["id"]]
    np.testing.assert_allclose(frame["capacity_mah_g"], expected["capacity_grav_mah_g"], rtol=1e-9)
    assert list(frame["host_system"]) == list(expected["host_chemsys"])
    ncm = ElectrodeRows(
        name="mp_electrodes", ions=("Li",), host_with_any=("Ni", "Co", "Mn"), host_only=("Ni", "Co", "Mn", "O")
    )
    assert len(mp_electrodes.load_rows(folder, ncm).frame) == 141


@mirrored
def test_the_cycle_lives_are_the_expected_ones() -> None:
    folder = MIRROR / "severson_cycle_life"
    expected = pd.read_csv(folder / "cells_features.csv").set_index("barcode")
    frame = severson_cycle_life.load_rows(folder, CycleLifeRows(name="severson_cycle_life")).frame.set_index("id")
    assert len(frame) == 124
    expected = expected.loc[frame.index]
    for ours, theirs in {
        "c_rate_1": "C1",
        "switch_soc": "Q1_pct",
        "c_rate_2": "C2",
        "cycle_life": "cycle_life",
    }.items():
        np.testing.assert_allclose(frame[ours], expected[theirs])
    np.testing.assert_allclose(frame["minutes_to_80"], expected["t80_min_nominal"], rtol=1e-6)


@mirrored
def test_the_official_split_shares_no_paper_and_two_compositions_under_another_formula() -> None:
    frame = obelix.load_rows(MIRROR / "obelix", ObelixRows(name="obelix")).frame
    assert frame["split"].value_counts().to_dict() == {"train": 478, "test": 121}
    assert frame["censored"].sum() == 37
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    assert not set(train["doi"]) & set(test["doi"])
    assert not set(train["reduced_composition"]) & set(test["reduced_composition"])
    shared = set(train["composition_key"]) & set(test["composition_key"])
    assert shared == {"Ge42 Li401 P78 S479", "Ge48 Li405 P71 S476"}  # Li10.05Ge1.05P1.95S12 is Li3.35Ge0.35P0.65S4


@mirrored
def test_the_conductivities_are_the_expected_ones() -> None:
    rows = load_conductivities(MIRROR / "liion_database")
    expected = pd.read_csv(MIRROR / "liion_database" / "LiIonDatabase.csv", encoding="utf-8-sig")
    assert (rows.n_in, rows.dropped) == (820, [])
    np.testing.assert_allclose(rows.frame["log10_conductivity"], expected["log_target"], atol=2e-3)  # both are rounded
    assert rows.frame["temperature_c"].between(15, 35).sum() == 465
    # OBELiX took rows from it; its `Liion ID` names other materials there, so papers and compositions tell them
    known = obelix.load_rows(MIRROR / "obelix", ObelixRows(name="obelix")).frame
    room = rows.frame[rows.frame["temperature_c"].between(15, 35)]
    is_new = ~room["doi"].isin(known["doi"])
    assert is_new.sum() == 203
    assert (is_new & ~room["composition_key"].isin(known["composition_key"])).sum() == 157


def test_every_data_set_of_a_loader_is_in_the_catalogue() -> None:
    catalogue = load_datasets(ROOT / "config/datasets.yaml")
    # read by stages of their own, as no study's table
    others = {"ionnet", "migration_barriers", "mp20_mini", "mp_compositions", "mp_li_electrode_graphs", "mp_structures"}
    assert set(catalogue) == {*registry.list_names("loader"), *others, "nasicon_ehull"}


@mirrored
def test_no_measured_capacity_exceeds_the_one_of_the_formula() -> None:
    facts = pd.read_csv(MIRROR / "ncm_facts" / "ncm_facts_verified.csv")
    facts = facts[facts["property"].str.contains("discharge_capacity") & facts["Ni"].notna()]
    assert len(facts) >= 5
    for fact in facts.to_dict("records"):
        formula = f"LiNi{fact['Ni']}Co{fact['Co']}Mn{fact['Mn']}O2"
        assert 0.4 < float(fact["value"]) / compute_theoretical_capacity(formula, 1) < 1, fact["material"]


def test_a_host_is_described_without_its_ion() -> None:
    pair = pd.Series(["LiFePO4", "FePO4", "Li2"])
    found = compute_host_magpie(formula=pair, ion=pd.Series(["Li", "Li", "Li"]))
    assert found.iloc[0].tolist() == found.iloc[1].tolist()
    assert found["MagpieData mean Number"].iloc[2] == 3
