"""Computed distances from the hull of NASICON compositions.

Ouyang et al. 2021, doi:10.1038/s41467-021-26006-3. The distance is lowered by an ideal entropy of mixing at the
temperature of synthesis, so that it may be negative; about 0 or below a compound is expected to form. Columns of the
files that come from the calculation itself (Ewald sum, formation energy) are not read.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.nasicon import RANGE
from batterymi.data.loaders.base import Rows, read_records
from batterymi.features.formulas import parse_formula
from batterymi.vocabulary.splits import SPLIT, TRAIN

COLUMNS = {"CompName": "composition", "NewEhullLst": "hull_mev_atom"}
PARTS = ("train.csv", "test.csv")  # formulas of either have close relatives in the other, so they are taken together
OXYGEN = "O"
NOT_OF_FRAMEWORK = frozenset(("Na", "O", "P", "Si", "S"))


def load_rows(folder: Path) -> Rows:
    """Load all compositions.

    Args:
        folder: holds the files of the data set.

    Returns:
        Columns composition, hull_mev_atom, part (file), cation_set (its elements but oxygen), metal_set (of these the
        metals of the framework), na (atoms per 12 O), and split.
    """
    frames = [read_records(folder / name, COLUMNS).assign(part=name.removesuffix(".csv")) for name in PARTS]
    frame = pd.concat(frames, ignore_index=True)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="line")
    frame = frame.assign(hull_mev_atom=pd.to_numeric(frame["hull_mev_atom"], errors="coerce"))
    rows = Rows(frame, len(frame))
    rows.drop_unparsable("composition")
    low, high = RANGE
    # a negated comparison, so that NaN is dropped too
    rows.drop(~rows.frame["hull_mev_atom"].between(low, high), "hull_mev_atom", f"outside {low:g} to {high:g} meV/atom")
    amounts = [parse_formula(text) for text in rows.frame["composition"]]
    oxygen = np.array([one.get(OXYGEN, np.nan) for one in amounts])
    rows.frame = rows.frame.assign(
        cation_set=["-".join(sorted(set(one) - {OXYGEN})) for one in amounts],
        metal_set=["-".join(sorted(set(one) - NOT_OF_FRAMEWORK)) for one in amounts],
        na=[12 * one.get("Na", 0.0) for one in amounts] / oxygen,
        **{SPLIT: TRAIN},
    )
    return rows
