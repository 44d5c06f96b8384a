"""Measured Li conductivities at 5 to 873 °C, several temperatures of one material among them.

Hargreaves et al. 2023, doi:10.1038/s41524-022-00951-z; OBELiX was built in part from it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.sources import LiionRows
from batterymi.data.loaders.base import Rows, make_composition_key, normalise_doi, read_records
from batterymi.vocabulary.splits import SPLIT, TRAIN

COLUMNS = {
    "ID": "id",
    "composition": "composition",
    "source": "doi",
    "temperature": "temperature_c",
    "target": "conductivity_s_cm",
    "family": "family",
}
ABSOLUTE_ZERO_C = -273.15


def load_conductivities(folder: Path) -> Rows:
    """Load every row with a formula, a temperature and a positive conductivity.

    Args:
        folder: holds LiIonDatabase.csv.

    Returns:
        Columns as in `COLUMNS`, temperature in °C and conductivity in S/cm, and log10_conductivity and
        composition_key, in which two formulas of one composition agree. `doi` is in small letters as in OBELiX, or the
        reference as the data set has it. OBELiX's column `Liion ID` names other materials than `id` does, so rows that
        both data sets have are those that agree in paper and composition.

    Raises:
        TableError: if the file is missing or not the one expected.
    """
    frame = read_records(folder / "LiIonDatabase.csv", COLUMNS)
    rows = Rows(frame, len(frame))
    temperature = pd.to_numeric(frame["temperature_c"], errors="coerce")
    conductivity = pd.to_numeric(frame["conductivity_s_cm"], errors="coerce")
    # negated comparisons, so that NaN is dropped too
    wrong = ~(temperature > ABSOLUTE_ZERO_C)
    rows.drop(wrong, "temperature_c", "not a temperature in °C")
    rows.drop(~(conductivity > 0)[~wrong], "conductivity_s_cm", "not a positive conductivity")
    rows.drop_unparsable("composition")
    kept = rows.frame
    rows.frame = kept.assign(
        temperature_c=temperature[kept.index],
        conductivity_s_cm=conductivity[kept.index],
        log10_conductivity=np.log10(conductivity[kept.index]),
        doi=normalise_doi(kept["doi"]),
        composition_key=[make_composition_key(formula) for formula in kept["composition"]],
    )
    return rows


def load_rows(folder: Path, settings: LiionRows) -> Rows:
    """Load the rows within a range of temperatures, to learn from or to test on.

    Args:
        folder: holds LiIonDatabase.csv.
        settings: the range, in °C.

    Returns:
        Columns as of `load_conductivities`, and split (train).
    """
    rows = load_conductivities(folder)
    low, high = settings.temperature_c
    outside = ~rows.frame["temperature_c"].between(low, high)
    rows.drop(outside, "temperature_c", f"not within {low:g} to {high:g} °C")
    rows.frame = rows.frame.assign(**{SPLIT: TRAIN})
    return rows
