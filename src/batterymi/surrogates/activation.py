"""Activation energies of conduction predicted from composition, for papers that a model has not seen."""

import numpy as np
import pandas as pd
from scipy import stats

from batterymi.config.activation import DESCRIPTORS as DESCRIBED
from batterymi.config.activation import METHOD
from batterymi.config.parts import Descriptor, Objective
from batterymi.config.sources import Table
from batterymi.features.descriptors import compute_descriptors
from batterymi.statistics.intervals import LEVEL
from batterymi.surrogates.model_scores import ModelScores, Repeats, score_models
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.vocabulary.measured import name_error_column
from batterymi.vocabulary.splits import SPLIT, TRAIN

ENERGY = "activation_energy_ev"
TARGET = Objective(name=ENERGY, label="Activation energy", unit="eV", goal="minimise")
DESCRIPTORS = tuple(
    Descriptor.model_validate({"name": name, "function": name, "label": label, "columns": {"formula": "composition"}})
    for name, label in DESCRIBED.items()
)
PARTITIONS = 5
BOOTSTRAPS = 2000
BASELINE = "dummy"


def make_activation_problem(fits: pd.DataFrame) -> Problem:
    """Return the problem of learning activation energies from compositions; series of one paper are one group.

    Series of two temperatures are left out, since nothing says how wrong their slope is. The others are weighted by the
    standard error of their slope.

    Args:
        fits: as `fit_series` returns them.
    """
    rows = fits[fits["has_interval"].astype(bool)].reset_index(drop=True)
    half = (rows["activation_energy_high_ev"] - rows["activation_energy_low_ev"]) / 2
    # of Student's t with two parameters fitted
    errors = half / stats.t.ppf(0.5 + LEVEL / 2, rows["n_points"] - 2)
    rows = rows.assign(**{SPLIT: TRAIN, "line": np.arange(1, len(rows) + 1), name_error_column(ENERGY): errors})
    # a settings model asks for a source; these rows come from another stage
    table = Table.model_validate({"dataset": {"name": "liion_database"}, "group": "doi"})
    computed = compute_descriptors(rows, DESCRIPTORS)
    return make_problem(rows, computed, "composition", Inputs((), DESCRIPTORS), TARGET, table)


def predict_activation_energies(problem: Problem, seed: int) -> ModelScores:
    """Cross-validate models by several partitions of the papers.

    Args:
        problem: as `make_activation_problem` returns it.
        seed: of models, partitions and resamples.
    """
    return score_models(problem, METHOD, Repeats(PARTITIONS, BOOTSTRAPS, seed), BASELINE)
