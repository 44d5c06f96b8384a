"""OBELiX: measured room-temperature Li conductivities, with its official split.

Therrien et al. 2026, doi:10.1039/D5DD00441A.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.sources import ObelixRows
from batterymi.data.loaders.base import Rows, make_composition_key, normalise_doi, read_records
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

COLUMNS = {
    "ID": "id",
    "Reduced Composition": "reduced_composition",
    "True Composition": "composition",
    "Z": "formulas_per_cell",
    "Ionic conductivity (S cm-1)": "conductivity",
    "Space group #": "space_group",
    "a": "a",
    "b": "b",
    "c": "c",
    "alpha": "alpha",
    "beta": "beta",
    "gamma": "gamma",
    "Family": "family",
    "DOI": "doi",
}
PARTS = (("train.csv", TRAIN), ("test.csv", TEST))


def load_rows(folder: Path, settings: ObelixRows) -> Rows:
    """Load the rows of both parts of the official split.

    37 conductivities are given as a bound, as in `<1E-10`: the bound becomes the value, and `censored` is 1.

    Args:
        folder: holds train.csv and test.csv.
        settings: none so far.

    Returns:
        Columns as in `COLUMNS`, and log10_conductivity (log10 S/cm), censored (0 or 1), sulfide (1 with more sulfur
        than oxygen, else 0), split (train or test). Two rows have the same `composition_key` if their formulas agree
        after reduction to fractions.
    """
    parts = [read_records(folder / name, COLUMNS).assign(**{SPLIT: split}) for name, split in PARTS]
    frame = pd.concat(parts, ignore_index=True)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    rows = Rows(frame, len(frame))
    text = frame["conductivity"]
    bound = text.str.startswith("<")
    value = pd.to_numeric(text.str.lstrip("<"), errors="coerce")
    # a negated comparison, so that NaN is dropped too; the logarithm needs a positive value
    rows.drop(~(value > 0), "conductivity", "not a positive conductivity")
    rows.drop_unparsable("composition")
    frame = rows.frame
    rows.frame = frame.assign(
        log10_conductivity=np.log10(value[frame.index]),
        censored=bound[frame.index].astype(int),
        doi=normalise_doi(frame["doi"]),
        composition_key=[make_composition_key(formula) for formula in frame["composition"]],
        sulfide=[int(_is_sulfide(formula)) for formula in frame["composition"]],
    ).drop(columns="conductivity")
    return rows


def _is_sulfide(formula: str) -> bool:
    """Return whether a formula has more sulfur than oxygen, which sulfates have not."""
    from batterymi.features.formulas import parse_formula

    amounts = parse_formula(formula)
    return amounts.get("S", 0.0) > amounts.get("O", 0.0)
