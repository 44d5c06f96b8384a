"""Activation energies of conduction predicted from composition, for papers that a model has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from batterymi.config.activation import DESCRIPTORS as DESCRIBED
from batterymi.config.activation import METHOD
from batterymi.config.parts import Descriptor, Objective
from batterymi.config.sources import Table
from batterymi.features.descriptors import compute_descriptors
from batterymi.statistics.intervals import LEVEL
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.feature_gain import decide_gain
from batterymi.surrogates.partitions import Outs, predict_partition, repeat_validation
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


@dataclass(frozen=True)
class ActivationScores:
    """Scores of models of activation energies.

    Attributes:
        models: a row for each: MAE and R² with 95 % intervals over papers and partitions, gain over the mean of all
            series, and a verdict that follows its interval.
        predictions: held-out predictions, a row for each series and partition.
    """

    models: pd.DataFrame
    predictions: pd.DataFrame


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


def predict_activation_energies(problem: Problem, seed: int) -> ActivationScores:
    """Cross-validate models by several partitions of the papers.

    Args:
        problem: as `make_activation_problem` returns it.
        seed: of models, partitions and resamples.
    """
    repeated = repeat_validation(problem, METHOD, BOOTSTRAPS, seed, PARTITIONS, is_primary=False)
    outs: list[Outs] = [predict_partition(validation, METHOD.models) for validation in repeated.validations]
    observed, groups, folds = problem.scored, problem.scored_groups, repeated.n_folds
    means = {name: repeated.stack(outs, name) for name in METHOD.models}
    rows: list[dict[str, Any]] = []
    for name, said in means.items():
        first, second = (np.abs(means[other] - observed) for other in (BASELINE, name))
        gain = compute_paired_difference(first, second, groups, BOOTSTRAPS, seed, folds)
        scores = compute_scores(observed, said, groups, BOOTSTRAPS, seed, folds)
        verdict = "" if name == BASELINE else decide_gain(gain["lower"], gain["upper"])
        named = {"gain": gain["difference"], "gain_lower": gain["lower"], "gain_upper": gain["upper"]}
        rows.append({"model": name, **scores, **named, "verdict": verdict})
    predictions = [
        pd.DataFrame(
            {"partition": number, "line": problem.lines, "group": map(str, groups), "observed": observed}
        ).assign(**{name: said[number - 1] for name, said in means.items()})
        for number in range(1, len(outs) + 1)
    ]
    return ActivationScores(pd.DataFrame(rows), pd.concat(predictions, ignore_index=True))
