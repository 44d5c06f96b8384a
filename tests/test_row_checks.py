"""Rows of electrodes that are none: faults of these rows, before anything is computed from them."""

from pathlib import Path
from typing import Any

import pytest

from batterymi.config.parts import Descriptor
from batterymi.config.slices.data import TableSettings
from batterymi.config.study import Study
from batterymi.data.designs import read_designs
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import TableError

COLUMNS = {"charged": "empty_host", "discharged": "full_host", "ion": "carrier"}
FUNCTIONS = {"formula_net": COLUMNS, "electrode": COLUMNS, "host_magpie": {"formula": "empty_host", "ion": "carrier"}}
GOOD = ["FePO4,NaFePO4,Na,2.9", "CoO2,NaCoO2,Na,3.0", "MnO2,NaMnO2,Na,2.6", "NiO2,NaNiO2,Na,3.1", "TiS2,LiTiS2,Li,2.1"]
NO_ELECTRODES = {
    "HeO2,NaHeO2,Na": "empty_host: found 'HeO2': holds He, which the network over formulas was not trained with",
    "CoO2,CoO2,Na": "full_host: found 'CoO2': holds no more Na than the charged formula 'CoO2'",
    "NaCoO2,CoO2,Na": "full_host: found 'CoO2': holds no more Na than the charged formula 'NaCoO2'",
    "CoO2,NaCoO2,": "carrier: found '': no working ion that is known; these are: Li, Na,",
    "CoO2,CuCoO2,Cu": "carrier: found 'Cu': no working ion that is known",
    "CoO2,NaCoO2,Li": "full_host: found 'NaCoO2': its host, all but Li, is not that of the charged formula",
    "MnO2,NaFeO2,Na": "full_host: found 'NaFeO2': its host, all but Na, is not that of the charged formula 'MnO2'",
    "CoO2,Na,Na": "full_host: found 'Na': holds nothing but Na, and no host",
    "Na,NaCoO2,Na": "empty_host: found 'Na': holds nothing but Na, and no host",
    f"CoO2,Na{'9' * 308}CoO2,Na": "its amounts add up to 1e+308 atoms",
    "CoO2,Na0.000000001CoO2,Na": "Na is 3e-10 of its atoms",
    "CoO2,,Na": "full_host: found '': no formula; every row needs one here",
    "CoO2,NaCoO2+x,Na": "full_host: found 'NaCoO2+x'",
}


def load(folder: Path, row: str, bad_rows: str = "stop", functions: tuple[str, ...] = tuple(FUNCTIONS)) -> CheckedTable:
    """Load a table with one more row, on its third line."""
    path = folder / "nets.csv"
    lines = ["empty_host,full_host,carrier,voltage_v", GOOD[0], row, *GOOD[1:]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    content: dict[str, Any] = {
        "title": "Nets",
        "edition": "own",
        "table": {"file": "nets.csv", "bad_rows": bad_rows},
        "descriptors": [
            {"name": f"by_{name}", "function": name, "label": name, "columns": FUNCTIONS[name]} for name in functions
        ],
        "objectives": [{"name": "voltage_v", "label": "Voltage", "unit": "V", "goal": "maximise"}],
        "surrogate": {"models": ["dummy", "ridge"], "folds": 3},
        "campaign": {"mode": "replay", "batch": 1, "initial": 3, "budget": 5, "seeds": 2},
    }
    return load_table(TableSettings.take_from(Study.model_validate(content), path=str(path), dataset=None))


@pytest.mark.parametrize("row", NO_ELECTRODES)
def test_what_is_no_electrode_is_a_fault_of_its_row(tmp_path: Path, row: str) -> None:
    with pytest.raises(TableError) as caught:
        load(tmp_path, f"{row},1.0")
    lines = str(caught.value).splitlines()
    assert all("nets.csv: line 3: " in line for line in lines[:-1])
    assert NO_ELECTRODES[row] in lines[0]
    kept = load(tmp_path, f"{row},1.0", "drop")
    assert len(kept.rows) == len(GOOD)
    assert {fault["line"] for fault in kept.dropped} == {3}


def test_good_rows_of_any_ion_are_kept_and_described(tmp_path: Path) -> None:
    table = load(tmp_path, "CrO2,Na0.5CrO2,Na,2.4")
    assert len(table.rows) == len(GOOD) + 1
    assert not table.dropped


def test_a_host_alone_needs_an_element_for_its_ion(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 3: carrier: found 'Nq': no element; give the working ion as its symbol"):
        load(tmp_path, "CoO2,NaCoO2,Nq,1.0", functions=("host_magpie",))
    # an element that no electrode takes up, and no second formula to compare
    assert len(load(tmp_path, "CoO2,CoO2,Cu,1.0", functions=("host_magpie",)).rows) == len(GOOD) + 1


def test_candidates_of_a_list_that_are_no_electrode_are_said_by_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text("empty_host,full_host,carrier\nFePO4,NaFePO4,Na\nMnO2,NaFeO2,Na\nCoO2,,Na\n", encoding="utf-8")
    network = Descriptor(name="network", label="n", function="formula_net", columns=COLUMNS)
    texts = {"empty_host": True, "full_host": True, "carrier": False}
    with pytest.raises(TableError) as caught:
        read_designs(path, [], texts=texts, descriptors=[network])
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}: line 4: full_host: found '': no formula")
    assert lines[1].startswith(f"{path}: line 3: full_host: found 'NaFeO2': its host, all but Na, is not")
