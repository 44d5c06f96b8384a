"""Computed adsorption energies of lithium polysulfides on metal compounds, and candidates to screen.

Han et al. 2025, collected from 19 papers; the energies are magnitudes, so larger is more strongly bound.
"""

from pathlib import Path

import pandas as pd

from batterymi.config.sources import AdsorptionRows
from batterymi.data.loaders.base import Rows, read_records
from batterymi.vocabulary.splits import SPLIT, TRAIN

DESCRIPTORS = {
    "LR": "li_ratio",
    "Nmx": "metal_nonmetal_ratio",
    "Rm": "metal_radius_pm",
    "Rx": "nonmetal_radius_pm",
    "Lmx": "bond_length_a",
    "In": "crystal_face",
    "PF": "packing_fraction",
    "Pm": "metal_electronegativity",
    "Vm": "metal_valence_electrons",
    "Px": "nonmetal_electronegativity",
    "Vx": "nonmetal_valence_electrons",
    "Pmx": "electronegativity_ratio",
    "Ef": "fermi_energy_ev",
    "Eg": "band_gap_ev",
    "TM": "magnetisation_mub",
}
ROWS = {"CF": "catalyst", "Ad": "adsorbate", "Ead": "adsorption_energy_ev", **DESCRIPTORS}
REFERENCE_COLUMN = 18  # the sheet gives it no short name
ADSORBATES = ("S8", "Li2S8", "Li2S6", "Li2S4", "Li2S2")
HEADER = 2  # two rows of long names come before the short ones


def load_rows(folder: Path, settings: AdsorptionRows) -> Rows:
    """Load the rows of the collected table.

    The authors' split is by row and puts the same catalyst on both sides, so it is not used.

    Args:
        folder: holds original_dataset.xlsx.
        settings: none so far.

    Returns:
        Columns as in `ROWS`, and paper (the source of the energy).
    """
    path = folder / "original_dataset.xlsx"
    frame = read_records(path, ROWS, HEADER, _get_first_sheet(path))
    papers = read_records(path, {f"Unnamed: {REFERENCE_COLUMN}": "paper"}, HEADER, _get_first_sheet(path))
    rows = Rows(frame.assign(**papers, **{SPLIT: TRAIN}), len(frame))
    rows.drop(~rows.frame["adsorbate"].isin(ADSORBATES), "adsorbate", f"not one of {', '.join(ADSORBATES)}")
    return rows


def load_candidates(folder: Path) -> Rows:
    """Load the compounds that the authors screened for Li2S2; nothing is measured or computed for them.

    Args:
        folder: holds original_validation.xlsx.

    Returns:
        Columns id (Materials Project), formula, adsorbate, and the descriptors.
    """
    columns = {"Mat": "id", "CF": "formula", "Ad": "adsorbate", **DESCRIPTORS}
    path = folder / "original_validation.xlsx"
    frame = read_records(path, columns, HEADER, _get_first_sheet(path))
    rows = Rows(frame, len(frame))
    numbers = frame[list(DESCRIPTORS.values())].apply(pd.to_numeric, errors="coerce")
    for name in numbers:
        # aligned by line, since earlier columns may have dropped records
        rows.drop(numbers.loc[rows.frame.index, name].isna(), str(name), "not a number")
    rows.frame = rows.frame.assign(**numbers.loc[rows.frame.index])
    return rows


def _get_first_sheet(path: Path) -> str:
    """Return the name of a workbook's first sheet."""
    from batterymi.errors import TableError

    try:
        with pd.ExcelFile(path) as workbook:
            return str(workbook.sheet_names[0])
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; fetch the data set again") from None
    except ValueError as error:
        raise TableError(f"{path}: not a workbook: {error}") from None
