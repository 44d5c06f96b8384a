"""Descriptors of CIF files: partial occupancy, bad files by line, and a study of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from batterymi.config.load import load_study
from batterymi.config.slices.data import TableSettings
from batterymi.config.study import Study
from batterymi.data.structure_columns import list_structure_files
from batterymi.data.table import load_table
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.structures import StructureError, describe_structure, read_structure
from batterymi.files import compute_sha256

OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-y,x-y,z'\n'-x+y,-x,z'\n"
NAMES = {"label": "label", "type": "type_symbol", "x": "fract_x", "y": "fract_y", "z": "fract_z", "occ": "occupancy"}
OXYGEN = ("O1", "O", "0.3333", "0.6667", "0.25", "1")
LITHIUM = ("Li1", "Li", "0", "0", "0", "0.5")


def write_cif(path: Path, *sites: tuple[str, ...], symmetry: str = OPERATIONS, angle: str = "120") -> Path:
    """Write a hexagonal cell of 4 × 4 × 10 Å."""
    cell = {"length_a": "4", "length_b": "4", "length_c": "10", "angle_alpha": "90", "angle_beta": "90"}
    lines = ["data_test", *(f"_cell_{name} {value}" for name, value in cell.items()), f"_cell_angle_gamma {angle}"]
    columns = [f"_atom_site_{name}" for name in NAMES.values()]
    text = "\n".join([*lines, symmetry + "loop_", *columns, *(" ".join(site) for site in sites)])
    path.write_text(text + "\n", encoding="utf-8")
    return path


def test_a_site_that_is_half_occupied_counts_half(tmp_path: Path) -> None:
    found = describe_structure(read_structure(write_cif(tmp_path / "a.cif", LITHIUM, OXYGEN)).structure)
    volume = 4 * 4 * 10 * 3**0.5 / 2
    assert found["atoms per cell"] == pytest.approx(1.5)
    assert found["volume per atom (Å3)"] == pytest.approx(volume / 1.5)
    assert found["density (g/cm3)"] == pytest.approx((0.5 * 6.94 + 15.999) / volume * 1.66054, rel=1e-3)
    assert found["Li fraction"] == pytest.approx(1 / 3)
    assert found["ion sites per cell"] == 1
    assert found["mean occupancy of ion sites"] == pytest.approx(0.5)
    assert found["share of sites partly occupied"] == pytest.approx(0.5)
    # neighbours along a and b, and three oxygens around the axis
    assert found["shortest distance between ions (Å)"] == pytest.approx(4.0)
    assert found["coordination of the ion by anions"] == pytest.approx(3.0)
    assert found["mean distance to coordinated anions (Å)"] == pytest.approx((16 / 3 + 2.5**2) ** 0.5, rel=1e-3)


def test_sites_too_near_to_be_occupied_at_once_are_alternatives(tmp_path: Path) -> None:
    split = ("Li2", "Li", "0", "0", "0.08", "0.5")
    found = describe_structure(read_structure(write_cif(tmp_path / "a.cif", LITHIUM, split, OXYGEN)).structure)
    assert found["shortest distance between ions (Å)"] == pytest.approx(4.0)
    assert found["ion sites per cell"] == 2
    assert found["ions per atom"] == pytest.approx(0.5)


def test_a_structure_without_a_mobile_ion_has_numbers_too(tmp_path: Path) -> None:
    site = ("Si1", "Si", "0", "0", "0", "1")
    found = describe_structure(read_structure(write_cif(tmp_path / "a.cif", site, OXYGEN)).structure)
    assert found["ion sites per cell"] == 0
    assert found["shortest distance between ions (Å)"] == 8


BAD: dict[str, tuple[list[tuple[str, ...]], dict[str, Any], str]] = {
    "label": ([("X1", "X", "0", "0", "0", "1"), OXYGEN], {}, "label 'X1' is no element"),
    "two": (
        [("Li1", "Li", "0", "0", "0", "0.7"), ("Na1", "Na", "0", "0", "0", "0.7"), OXYGEN],
        {},
        r"add up to more than 1: Li1 0\.7 \+ Na1 0\.7 = 1\.4",
    ),
    "one": ([("Li1", "Li", "0", "0", "0", "1.4(2)"), OXYGEN], {}, r"add up to more than 1: Li1 1\.4"),
    "negative": ([("Li1", "Li", "0", "0", "0", "-0.4"), OXYGEN], {}, r"Li1 has the occupancy -0\.4; it must be 0 to 1"),
    "word": ([("Li1", "Li", "0", "0", "0", "half"), OXYGEN], {}, "Li1 has the occupancy 'half', which is no number"),
    "symmetry": ([LITHIUM, OXYGEN], {"symmetry": ""}, "neither symmetry operations nor a space group"),
    "group": ([LITHIUM, OXYGEN], {"symmetry": "_symmetry_space_group_name_H-M 'Q 99'\n"}, r"space group \(Q 99\)"),
    "rounded": ([LITHIUM, ("O1", "O", "0.33", "0.67", "0.25", "1")], {}, "rounded too far"),
    "place": ([LITHIUM, ("O1", "O", "0.3333", "0.6667", "?", "1")], {}, "the site O1 has no coordinate z"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_words(tmp_path: Path, name: str) -> None:
    sites, changes, message = BAD[name]
    path = write_cif(tmp_path / "a.cif", *sites, **changes)
    with pytest.raises(StructureError, match=message):
        read_structure(path)


@pytest.mark.parametrize(("content", "message"), [("", "is empty"), ("hello", "no atoms"), (None, "no such file")])
def test_what_is_no_cif_file_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "a.cif"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StructureError, match=message):
        read_structure(path)


@pytest.mark.parametrize(
    ("oxygen", "lithium", "note"),
    [("0.3333", "0.5", "0.3333 to 1/3"), ("0.333", "0.5", "0.333 to 1/3"), ("0.33333333", "1.02", "scaled")],
)
def test_rounding_is_understood_and_noted(tmp_path: Path, oxygen: str, lithium: str, note: str) -> None:
    other = f"{1 - float(oxygen):.8f}"
    sites = (("Li1", "Li", "0", "0", "0", lithium), ("O1", "O", oxygen, other, "0.25", "1"))
    read = read_structure(write_cif(tmp_path / "a.cif", *sites))
    assert len(read.structure) == 2
    assert any(note in text for text in read.notes), read.notes


def structure_study(folder: Path) -> Study:
    """Return a study of CIF files, one of which is bad and one missing."""
    (folder / "data/cifs").mkdir(parents=True)
    (folder / "config/studies").mkdir(parents=True)
    for number in range(5):
        write_cif(folder / f"data/cifs/{number}.cif", LITHIUM, ("O1", "O", "0.2", "0.2", f"0.{number + 1}", "1"))
    write_cif(folder / "data/cifs/bad.cif", ("X1", "X", "0", "0", "0", "1"))
    (folder.parent / "outside.cif").write_text("data_x\n")
    rows = [*(f"cifs/{n}.cif,{n}" for n in range(4)), "data/cifs/4.cif,7", "cifs/bad.cif,8", "cifs/none.cif,9"]
    (folder / "data/own.csv").write_text("\n".join(["cif,y", *rows, "../../outside.cif,1"]) + "\n")
    content = {
        "title": "Structures",
        "edition": "own",
        "table": {"file": "data/own.csv", "bad_rows": "drop"},
        "descriptors": [{"name": "s", "function": "structure", "label": "S", "columns": {"structure": "cif"}}],
        "objectives": [{"name": "y", "label": "y", "unit": "1", "goal": "maximise"}],
        "campaign": {"mode": "replay"},
    }
    path = folder / "config/studies/own.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_study(path)


def test_files_of_a_table_are_found_checked_and_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = structure_study(tmp_path)
    loaded = load_table(TableSettings.take_from(study, path="data/own.csv", dataset=None))
    assert {fault["line"]: fault["reason"].split(",")[0].split(";")[0] for fault in loaded.dropped} == {
        7: "the label 'X1' is no element",
        8: "there is no such file",
        9: "the file lies outside the workflow's folder",
    }
    assert loaded.rows["cif"].tolist() == [f"data/cifs/{n}.cif" for n in range(5)]
    assert loaded.rows["cif: sha256"].tolist() == [compute_sha256(f"data/cifs/{n}.cif") for n in range(5)]
    computed = compute_descriptors(loaded.rows, study.descriptors)["s"]
    assert computed["s: mean distance to coordinated anions (Å)"].nunique() > 1
    assert set(list_structure_files(study)) == {f"data/cifs/{n}.cif" for n in (*range(5), "bad")}
    assert study.takes_structures


def test_a_changed_file_changes_the_digests_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = structure_study(tmp_path)
    settings = TableSettings.take_from(study, path="data/own.csv", dataset=None)
    before = load_table(settings)
    write_cif(tmp_path / "data/cifs/1.cif", LITHIUM, ("S1", "S", "0.2", "0.2", "0.2", "1"))
    after = load_table(settings)
    changed = [name for name, digest in after.digests.items() if before.digests[name] != digest]
    assert changed == ["data/cifs/1.cif"]
    first, second = (compute_descriptors(loaded.rows, study.descriptors)["s"] for loaded in (before, after))
    assert second["s: S fraction"][1] > 0
    assert len(first) == len(second)
