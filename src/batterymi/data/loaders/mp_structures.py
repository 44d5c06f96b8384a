"""Crystal structures of the Materials Project with their formation energies, from published copies of parts of it.

MP-20 (Xie et al. 2022, arXiv:2110.06197) and MPTS-52 (Baird et al., mp-time-split) as repackaged with
WyckoffTransformer, and a part of MP-20 as repackaged with MatterGPT.
"""

import re
from pathlib import Path

import pandas as pd

from batterymi.data.loaders.base import read_records
from batterymi.features.formulas import parse_formula

DATED = ("mpts_52_val.csv.gz", "mpts_52_test.csv.gz")  # with the year of the first publication of the compound
UNDATED = ("mp_20_biternary_val.csv.gz", "mp_20_biternary_test.csv.gz")
SMALL = "raw_mp20_dataset_mini.csv"  # of the data set mp20_mini
CONTENT = re.compile(r"_chemical_formula_sum\s+'([^']+)'")
COLUMNS = {"material_id": "material_id", "formation_energy_per_atom": "e_form", "cif": "cif"}


def load_structures(folder: Path, small: Path, element: str, largest: int) -> pd.DataFrame:
    """Load structures that hold an element, each material once.

    Args:
        folder: holds the files of mp_structures.
        small: holds the file of mp20_mini.
        element: symbol.
        largest: number of sites above which a structure is left out.

    Returns:
        Columns material_id, formula (of the cell), e_form (eV/atom, of the snapshot that the structure comes from),
        year (of the first publication; NaN where unknown) and cif (text), sorted by material_id.

    Raises:
        TableError: if a file is missing, or not the one expected.
    """
    files = [(folder / name, COLUMNS | {"year": "year"}) for name in DATED]
    files += [(folder / name, COLUMNS) for name in UNDATED] + [(small / SMALL, COLUMNS)]
    frames = []
    for path, columns in files:
        frame = read_records(path, columns)
        frame["formula"] = frame["cif"].str.extract(CONTENT, expand=False).str.replace(" ", "")
        held = frame["formula"].str.contains(rf"{re.escape(element)}(?![a-z])", na=False)
        frames.append(frame[held])
    found = pd.concat(frames).drop_duplicates("material_id")
    sizes = found["formula"].map(lambda formula: sum(parse_formula(formula).values()))
    found = found[sizes <= largest].sort_values("material_id", ignore_index=True)
    for name in ("e_form", "year"):
        found[name] = pd.to_numeric(found[name], errors="coerce")
    return found[["material_id", "formula", "e_form", "year", "cif"]]
