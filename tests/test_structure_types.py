"""Structure types: one label for isopointal crystals, and transfer scored within and across types."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, SAMPLES
from pymatgen.core import Lattice, Structure

from batterymi.data.loaders.crystal_texts import get_content, read_crystal_texts
from batterymi.features.structure_types import label_type, parse_cif
from batterymi.features.structures import StructureError
from batterymi.files import write_parquet
from batterymi.stages.type_structures import type_structures
from batterymi.surrogates.type_gain import ACROSS, UNTYPED, WITHIN, find_kinds, score_by_type


def make_layered(ion: str, metal: str, scale: float = 1.0) -> Structure:
    """The O3 structure: ions and metals in octahedral layers of oxygen, R-3m."""
    lattice = Lattice.hexagonal(2.9 * scale, 15.5 * scale)
    return Structure.from_spacegroup(166, lattice, [ion, metal, "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.26]])


def test_one_type_has_one_label_whatever_elements_cell_and_size() -> None:
    label = label_type(make_layered("Na", "Fe"))
    assert label == "ABC2_hR12_166_1-1-2"
    assert label_type(make_layered("Li", "Co", 0.95)) == label
    assert label_type(make_layered("Na", "Fe").get_primitive_structure()) == label
    supercell = make_layered("Na", "Fe")
    supercell.make_supercell([2, 1, 1])
    assert label_type(supercell) == label


def test_other_types_have_other_labels() -> None:
    salt = Structure.from_spacegroup(225, Lattice.cubic(4.2), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    caesium = Structure.from_spacegroup(221, Lattice.cubic(4.1), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert [label_type(salt), label_type(caesium)] == ["AB_cF8_225_1-1", "AB_cP2_221_1-1"]
    partly = Structure(Lattice.cubic(4.2), [{"Na": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(StructureError, match="partly occupied"):
        label_type(partly)


def test_texts_are_found_by_id_and_no_crystal_is_named() -> None:
    texts = read_crystal_texts(SAMPLES / "mp_structures", SAMPLES / "mp20_mini", ["made-up-0", "made-up-1", "other"])
    assert set(texts) == {"made-up-0", "made-up-1"}
    assert get_content(texts["made-up-0"]) == "Co4O4"
    assert label_type(parse_cif(texts["made-up-0"], "a")) == "AB_cF8_225_1-1"
    with pytest.raises(StructureError, match=r"^made-up-1: no CIF text of a crystal"):
        parse_cif(texts["made-up-1"], "made-up-1")


def test_a_type_is_shared_on_the_same_side_alone() -> None:
    rows = [
        (1, "Li", "charged", "a"),
        (2, "Na", "charged", "a"),
        (3, "Na", "discharged", "a"),
        (4, "Na", "charged", "b"),
    ]
    types = pd.DataFrame([*rows, (4, "Na", "discharged", "c")], columns=["line", "ion", "side", "type"])
    assert find_kinds(types, "Na", "Li") == {2: WITHIN, 3: ACROSS, 4: ACROSS}
    more = pd.DataFrame([(5, "Li", "discharged", "c")], columns=types.columns)
    assert find_kinds(pd.concat([types, more]), "Na", "Li")[4] == WITHIN


def make_predictions(n: int = 60) -> pd.DataFrame:
    """Two partitions; pooling halves the errors of the first half of the rows, and doubles those of the others."""
    observed = np.linspace(1, 4, n)
    errors = 0.4 + 0.1 * np.sin(np.arange(n))
    factor = np.where(np.arange(n) < n // 2, 0.5, 2.0)
    base = {"line": np.arange(1, n + 1), "group": [f"g{i}" for i in range(n)], "observed": observed}
    said = {"own rows only": observed + errors, "pooled with Li": observed - factor * errors}
    return pd.concat([pd.DataFrame({"partition": part, **base, **said}) for part in (1, 2)], ignore_index=True)


def test_gains_are_those_of_the_rows_of_a_kind_and_few_rows_get_no_verdict() -> None:
    kinds = {**dict.fromkeys(range(1, 31), WITHIN), **dict.fromkeys(range(31, 56), ACROSS)}
    found = score_by_type(make_predictions(), kinds, "pooled with Li", (3, 200, 0)).set_index("kind")
    assert found["rows"].to_dict() == {WITHIN: 30, ACROSS: 25, UNTYPED: 5}
    assert found["verdict"].to_dict() == {WITHIN: "gain shown", ACROSS: "loss shown", UNTYPED: "too few"}
    assert found.loc[WITHIN, "gain"] == pytest.approx(found.loc[WITHIN, "mae_own"] / 2)
    assert found.loc[WITHIN, "gain_lower"] < found.loc[WITHIN, "gain"] < found.loc[WITHIN, "gain_upper"]


def test_types_of_the_sample_are_counted_and_scored(tmp_path: Path) -> None:
    rows = {
        "line": [1, 2, 3], "ion": ["Li", "Na", "Na"],
        "discharged": ["a", "b", "c"], "discharged_id": ["none", "none", "made-up-1"],
        "charged": ["d", "e", "f"], "charged_id": ["made-up-0", "made-up-2", "none"],
    }  # fmt: skip
    write_parquet(tmp_path / "table.parquet", pd.DataFrame(rows))
    write_parquet(tmp_path / "predictions.parquet", make_predictions(3))
    out = tmp_path / "types.csv", tmp_path / "gains.csv", tmp_path / "report.json"
    receipts = SAMPLES / "mp_structures/receipt.json", SAMPLES / "mp20_mini/receipt.json"
    type_structures(tmp_path / "table.parquet", *receipts, tmp_path / "predictions.parquet", *out)
    report = json.loads(out[2].read_text())
    assert report["electrodes"]["Na"] | {"types": {}} == {
        "rows": 2, "discharged": 0, "charged": 1, "either": 1, "both": 0, "types": {},
    }  # fmt: skip
    assert pd.read_csv(out[1])["rows"].tolist() == [1, 0, 2]
    assert [fault.partition(":")[0] for fault in report["faults"]] == ["made-up-1"]


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
def test_ids_of_electrodes_lead_to_as_many_texts_as_were_counted(tmp_path: Path) -> None:
    # a mirror holds the file compressed; the workflow unpacks what it fetches
    small = tmp_path / "raw_mp20_dataset_mini.csv"
    small.write_bytes(gzip.decompress((MIRROR / f"mp20_mini/{small.name}.gz").read_bytes()))
    electrodes = pd.read_csv(MIRROR / "mp_electrodes/electrodes.csv", dtype=str, keep_default_na=False)
    ion = electrodes["battery_id"].str.rpartition("_")[2]
    pairs = electrodes[ion.isin(("Li", "Na"))]
    ids = {*pairs["low_mpid"], *pairs["high_mpid"]}
    assert len(read_crystal_texts(MIRROR / "mp_structures", tmp_path, ids)) > 150
