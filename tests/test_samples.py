"""Every loader on a small file of its format, whose rows are made up and whose faults are planted."""

import csv
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, ROOT, SAMPLES

from batterymi.config.load import load_datasets
from batterymi.config.sources import AdsorptionRows, CycleLifeRows, ElectrodeRows, LiionRows, ObelixRows
from batterymi.data.loaders import liion_database, lis_adsorption, mp_electrodes, obelix, severson_cycle_life
from batterymi.data.loaders.base import Rows
from batterymi.data.loaders.liion_database import load_conductivities
from batterymi.data.loaders.mp_compositions import load_compositions

FILES = sorted(
    f"{name}/{file}" for name, dataset in load_datasets(ROOT / "config/datasets.yaml").items() for file in dataset.files
)


def reasons(rows: Rows) -> list[tuple[int, str, str]]:
    """Number, cell and reason of each record that was left out."""
    return [(fault["line"], fault["found"], fault["reason"]) for fault in rows.dropped]


def header_of(folder: Path, name: str) -> list[list[str]]:
    """The rows above the first record that a loader goes by, of a file or of its compressed twin."""
    path = folder / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [[Path(archive.namelist()[0]).suffix]]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            return [[f"{key} {stored[key].dtype}" for key in sorted(stored.files)]]
    if path.suffix == ".xlsx":
        # below two rows of long names
        above = 2 if name.startswith("lis_adsorption") else 0
        return pd.read_excel(path, header=None, skiprows=above, nrows=1, dtype=str).iloc[:, :18].to_numpy().tolist()
    content = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    if path.suffix == ".json":
        record = json.loads(content)[0]
        return [sorted(record), sorted(record["atoms"])]
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    first = next(csv.reader(content.decode("utf-8-sig").splitlines()))
    return [["a number"]] if first[0].isdecimal() else [first]


def test_every_file_of_the_catalogue_has_a_sample_and_no_other_file_lies_there() -> None:
    found = {str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*") if path.parent.name != "__pycache__"}
    assert found == set(FILES)
    assert sum((SAMPLES / name).stat().st_size for name in FILES) < 80_000


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets to hold the samples against")
@pytest.mark.parametrize("name", FILES)
def test_a_sample_has_the_header_of_the_real_file(name: str) -> None:
    assert header_of(SAMPLES, name) == header_of(MIRROR, name)


def test_obelix_keeps_bounds_and_tells_what_it_leaves_out() -> None:
    rows = obelix.load_rows(SAMPLES / "obelix", ObelixRows(name="obelix"))
    assert rows.n_in == 52
    assert reasons(rows) == [
        (12, "unknown", "not a positive conductivity"),
        (8, "Li1.0Xx1.0", "'Li1.0Xx1.0' is not a chemical formula: there is no element 'Xx'"),
    ]
    frame = rows.frame
    assert frame["split"].value_counts().to_dict() == {"train": 40, "test": 10}
    assert frame.loc[frame["censored"] == 1, "log10_conductivity"].tolist() == [-10, -10, -10]
    assert frame["log10_conductivity"].between(-10, -3).all()
    assert not set(frame.loc[frame["split"] == "train", "doi"]) & set(frame.loc[frame["split"] == "test", "doi"])
    assert frame["doi"].str.startswith("10.0000/made-up-").all()
    wanted = {*obelix.COLUMNS.values(), "log10_conductivity", "censored", "composition_key", "split", "sulfide"}
    assert set(frame) == wanted - {"conductivity"}


def test_conductivities_at_several_temperatures_tell_what_they_leave_out() -> None:
    rows = load_conductivities(SAMPLES / "liion_database")
    assert rows.n_in == 21
    assert reasons(rows) == [
        (9, "warm", "not a temperature in °C"),
        (13, "-1", "not a positive conductivity"),
        (5, "Li2Xx3", "'Li2Xx3' is not a chemical formula: there is no element 'Xx'"),
    ]
    frame = rows.frame
    assert frame["temperature_c"].loc[[2, 3]].tolist() == [25, 55]
    assert np.allclose(10 ** frame["log10_conductivity"], frame["conductivity_s_cm"])
    assert frame["doi"].iloc[:2].tolist() == ["made up, annals of nothing 1, 2 (1999)", "10.0000/made-up-1"]
    assert frame["composition_key"].nunique() == 6
    # 75 Li9S and 25 P9S: 675 Li, 225 P and 100 S of 1000 atoms
    assert frame["composition_key"].loc[2] == "Li675 P225 S100"


def test_conductivities_outside_the_temperatures_are_left_out() -> None:
    rows = liion_database.load_rows(SAMPLES / "liion_database", LiionRows(name="liion_database"))
    assert rows.frame["temperature_c"].tolist() == [25] * 6
    assert [fault[1:] for fault in reasons(rows)[-2:]] == [
        ("145.0", "not within 15 to 35 °C"),
        ("175.0", "not within 15 to 35 °C"),
    ]


def test_the_adsorption_table_is_read_below_its_long_names() -> None:
    rows = lis_adsorption.load_rows(SAMPLES / "lis_adsorption", AdsorptionRows(name="lis_adsorption"))
    assert rows.n_in == 40
    assert [fault[:2] for fault in reasons(rows)] == [(4, "Li2S1")]
    assert list(rows.frame) == [*lis_adsorption.ROWS.values(), "paper", "split"]
    assert rows.frame["paper"].str.fullmatch(r"made up, paper \d").all()
    assert rows.frame.drop(columns=["catalyst", "adsorbate", "paper", "split"]).astype(float).notna().all(axis=None)


def test_candidates_without_a_number_are_left_out() -> None:
    rows = lis_adsorption.load_candidates(SAMPLES / "lis_adsorption")
    assert (rows.n_in, reasons(rows)) == (8, [(6, "unknown", "not a number")])
    assert list(rows.frame) == ["id", "formula", "adsorbate", *lis_adsorption.DESCRIPTORS.values()]
    assert rows.frame["band_gap_ev"].between(0, 3).all(), "numbers, not texts"


def test_electrodes_of_every_ion_get_a_capacity_or_a_reason() -> None:
    everything = ElectrodeRows(name="mp_electrodes", ions=tuple(mp_electrodes.CHARGES), voltage=(-20, 20))
    rows = mp_electrodes.load_rows(SAMPLES / "mp_electrodes", everything)
    assert [fault[:2] for fault in reasons(rows)] == [(3, "CoO?"), (5, "-30.0"), (41, "MnO2")]
    assert set(rows.frame["ion"]) == set(mp_electrodes.CHARGES)
    assert np.isfinite(rows.frame["capacity_mah_g"]).all()
    ncm = ElectrodeRows(
        name="mp_electrodes", ions=("Li",), host_with_any=("Ni", "Co", "Mn"), host_only=("Ni", "Co", "Mn", "O")
    )
    chosen = mp_electrodes.load_rows(SAMPLES / "mp_electrodes", ncm).frame
    assert set(chosen["host_system"]) == {
        "Co-O", "Ni-O", "Mn-O", "Co-Ni-O", "Co-Mn-O", "Mn-Ni-O", "Co-Mn-Ni-O",
    }  # fmt: skip


def test_policies_are_read_and_lives_held_against_their_lists() -> None:
    rows = severson_cycle_life.load_rows(SAMPLES / "severson_cycle_life", CycleLifeRows(name="severson_cycle_life"))
    assert rows.n_in == 36
    assert [fault[:2] for fault in reasons(rows)] == [(10, "secret")]
    assert rows.frame.iloc[0][["c_rate_1", "switch_soc", "c_rate_2"]].tolist() == [3.6, 10, 6]
    assert rows.frame["part"].value_counts().to_dict() == {"Prim. Test": 12, "Sec. test": 12, "Train": 11}


def test_compositions_with_lithium_are_joined_from_eleven_files() -> None:
    frame = load_compositions(SAMPLES / "mp_compositions", "Li")
    assert len(frame) == 20
    assert frame["hull_from"].value_counts().to_dict() == {"Bartel et al.": 10, "CrabNet": 10}
    assert frame["e_above_hull"].between(0, 0.2).all()
    assert frame["e_form"].notna().all()
    assert frame["gap_median"].notna().sum() == 18
    assert (frame["gap_max"] > frame["gap_min"]).sum() == 4
