"""Whether the graph network gains by pre-training on formation energies, by the same folds as without it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.config.models import CrossValidated
from batterymi.surrogates.feature_gain import BLEND, predict_extensions, score_candidates
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.structure_gain import NETWORK, KnownStructures, extend_problem

if TYPE_CHECKING:  # the module imports PyTorch
    from batterymi.surrogates.nets.train import Weights

PRETRAINED = "network_pretrained"
CANDIDATES = {
    BLEND: "the blend of models without structures",
    NETWORK: "the graph network from scratch",
    PRETRAINED: "the graph network, its layers over sites pre-trained on formation energies",
}
BASELINES = (NETWORK, BLEND)
SHARE_HELD_OUT = 0.1  # of the chemical systems


def hold_out_systems(systems: Sequence[str], seed: int) -> Mask:
    """Return which rows are of chemical systems that are held out, whole systems at a time, shape (n_rows,)."""
    names = np.unique(np.asarray(systems, dtype=str))
    n_out = int(np.ceil(SHARE_HELD_OUT * len(names)))
    held_out = np.random.default_rng(seed).permutation(names)[:n_out]
    return np.isin(np.asarray(systems, dtype=str), held_out)


def predict_pretrained(
    problem: Problem, known: KnownStructures, start: "Weights", settings: CrossValidated, seed: int, partition: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return held-out predictions of the pre-trained network by one partition, and its processor time in seconds.

    Args:
        problem: without structures.
        known: of its rows.
        start: weights of the layers over sites.
        settings: of folds and bounds.
        seed: of the study.
        partition: from 1.
    """
    extended = extend_problem(problem, known, NETWORK, seed + partition)
    return predict_extensions(problem, [(PRETRAINED, NETWORK, extended)], settings, seed, partition, {"start": start})


def join_predictions(compared: pd.DataFrame, pretrained: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions with and without pre-training by one partition; rows must be the same.

    Raises:
        ValueError: if they are not.
    """
    for name in ("line", "group", "observed"):
        if compared[name].tolist() != pretrained[name].tolist():
            raise ValueError(f"its column {name} is not that of the comparison of structures")
    return pretrained.assign(**{name: compared[name] for name in BASELINES})


def score_pretraining(predictions: list[pd.DataFrame], folds: int, bootstraps: int, seed: int) -> pd.DataFrame:
    """Score the candidates over partitions, and their gains over the network from scratch and over the blend.

    Args:
        predictions: of each partition, rows in the same order.
        folds: of each partition.
        bootstraps: resamples of groups behind intervals.
        seed: of these.

    Returns:
        As `score_candidates`, once for each baseline, which the column `over` names.
    """
    scored = [
        score_candidates(predictions, CANDIDATES, folds, bootstraps, seed, baseline).assign(over=baseline)
        for baseline in BASELINES
    ]
    return pd.concat(scored, ignore_index=True)
