"""CIF texts of compounds of the Materials Project by their ids, from published copies of parts of it."""

import re
from collections.abc import Collection
from pathlib import Path

from batterymi.data.loaders.base import read_records

LARGE = ("mp_20_biternary_val.csv.gz", "mp_20_biternary_test.csv.gz", "mpts_52_val.csv.gz", "mpts_52_test.csv.gz")
SMALL = ("raw_mp20_dataset_mini.csv",)
COLUMNS = {"material_id": "id", "cif": "cif"}
CONTENT = re.compile(r"_chemical_formula_sum\s+'?([^'\n]+)")


def read_crystal_texts(large: Path, small: Path, ids: Collection[str]) -> dict[str, str]:
    """Read the CIF text of each compound that has one; of a compound in several files the first.

    Args:
        large: holds the files of mp_structures.
        small: holds the file of mp20_mini.
        ids: as mp-135.
    """
    wanted, found = set(ids), dict[str, str]()
    for path in (*(large / name for name in LARGE), *(small / name for name in SMALL)):
        frame = read_records(path, COLUMNS)
        for name, text in frame[frame["id"].isin(wanted)].itertuples(index=False):
            found.setdefault(str(name), str(text))
    return found


def get_content(text: str) -> str | None:
    """Return the formula of the cell that a CIF text states; None if it states none."""
    match = CONTENT.search(text)
    return match[1].replace(" ", "") if match else None
