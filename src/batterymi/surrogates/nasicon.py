"""Distances of NASICON compositions from the hull, predicted from composition for cations not seen together."""

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.nasicon import DESCRIPTORS as DESCRIBED
from batterymi.config.parts import Descriptor, Objective
from batterymi.config.sources import Table
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.extraction import find_extraction
from batterymi.features.formulas import parse_formulas
from batterymi.surrogates.problem import Inputs, Problem, make_problem

HULL = "hull_mev_atom"
TARGET = Objective(name=HULL, label="Distance from the hull", unit="meV", goal="minimise")
DESCRIPTORS = tuple(
    Descriptor.model_validate({"name": name, "function": name, "label": label, "columns": {"formula": "composition"}})
    for name, label in DESCRIBED.items()
)
ION = "Na"


def make_hull_problem(rows: pd.DataFrame, group: str) -> Problem:
    """Return the problem of learning distances from the hull from compositions.

    Args:
        rows: as `nasicon_ehull.load_rows` returns them; the index holds lines.
        group: column of what never straddles training and test.
    """
    rows = rows.reset_index()
    # a settings model asks for a source; these rows come from a loader of their own
    table = Table.model_validate({"dataset": {"name": "mp_electrodes", "ions": [ION]}, "group": group})
    computed = compute_descriptors(rows, DESCRIPTORS)
    return make_problem(rows, computed, "composition", Inputs((), DESCRIPTORS), TARGET, table)


def count_electrodes(rows: pd.DataFrame) -> int:
    """Return how many compositions could give Na by oxidation of a metal, as a positive electrode must."""
    extraction = find_extraction(parse_formulas(rows["composition"]), ION, 1.0)
    return int((np.nan_to_num(extraction.ions) > 0).sum())


def measure_ranking(predictions: pd.DataFrame, model: str) -> float:
    """Return the probability that a compound that is expected to form is predicted below one that is not.

    The mean over partitions of the area under the curve of rates; compounds at 0 or below are expected to form.

    Args:
        predictions: held-out ones of every partition.
        model: which.
    """
    from sklearn.metrics import roc_auc_score

    areas: Array = np.array(
        [roc_auc_score(part["observed"] <= 0, -part[model]) for _, part in predictions.groupby("partition")]
    )
    return float(areas.mean())
