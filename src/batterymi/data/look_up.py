"""Voltages that follow from two formation energies of a table, without any model."""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.data.loaders.mp_compositions import load_targets
from batterymi.features.formulas import identify_compositions
from batterymi.features.ion_steps import compute_voltage, count_ions


def look_up_voltages(folder: Path, electrodes: pd.DataFrame) -> Array:
    """Look both formulas of electrodes up in the Materials Project's formation energies, and compute voltages.

    The lowest energy of each composition is taken, so a voltage between other polymorphs comes out differently.

    Args:
        folder: of the data set mp_compositions.
        electrodes: columns charged, discharged and ion.

    Returns:
        V, shape (n_electrodes,); NaN where one of the two formulas is not in the table.
    """
    known = load_targets(folder).dropna(subset="e_form")
    energies = pd.Series(known["e_form"].to_numpy(float), index=pd.Index(identify_compositions(known["formula"])))
    charged, discharged = (
        energies.reindex(pd.Index(identify_compositions(electrodes[name]))).to_numpy(float)
        for name in ("charged", "discharged")
    )
    step = count_ions(*(electrodes[name].tolist() for name in ("charged", "discharged", "ion")))
    return np.asarray(compute_voltage(step, charged, discharged))
