"""Migration barriers predicted from the path of the ion, for hosts that a model has not seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.barriers import METHOD
from batterymi.config.parts import Objective
from batterymi.statistics.scores import compute_paired_difference, compute_scores
from batterymi.surrogates.feature_gain import decide_gain
from batterymi.surrogates.model import find_model
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Problem, make_plain_problem
from batterymi.surrogates.validation import CrossValidation, make_method, predict_rows
from batterymi.vocabulary.splits import SPLIT, TEST, TRAIN

BARRIER, LOGARITHM = "barrier_ev", "log_barrier"
GROUP, KIND = "host_system", "kind"  # of hosts; kinds are the data set's own, as spinel or perovskite
TARGET = Objective(name=LOGARITHM, label="Logarithm of the barrier", unit="1", goal="minimise")
THERMAL_EV = 0.0257  # at 298 K; a smaller barrier is none, and its logarithm is that of this
MEAN, ION_MEAN, BLEND, RIDGE = "mean", "mean_by_ion", "blend", "ridge"
POTENTIAL, PUBLISHED = "mace_ev", "published_ev"
WHAT = {
    MEAN: "mean of all barriers learned from",
    ION_MEAN: "mean of those of the same ion",
    "dummy": "geometric mean of all",
    RIDGE: "linear in the descriptors",
    "extra_trees": "extra trees",
    "histogram_boosting": "boosted trees",
    "support_vector": "support vectors",
    "gaussian_process": "Gaussian process",
    BLEND: "mean of trees, boosted trees, support vectors and Gaussian process",
}
BY_KIND = (MEAN, ION_MEAN, RIDGE, BLEND)  # models that are compared by kinds of hosts, too
PARTITIONS, BOOTSTRAPS = 5, 2000


def take_logarithm(barriers: Array) -> Array:
    """Return the logarithms of barriers in eV, those below the thermal energy as if they were that."""
    return np.asarray(np.log(np.maximum(barriers, THERMAL_EV)))


@dataclass(frozen=True)
class BarrierProblem:
    """What is learned, and beside it what is known of each row.

    Attributes:
        problem: logarithms of barriers, by descriptors of paths.
        rows: as `load_barriers` returns them.
        seed: of models, partitions and resamples.
        group: column whose equal values are held out together.
    """

    problem: Problem
    rows: pd.DataFrame
    seed: int
    group: str

    @property
    def barriers(self) -> Array:
        """Return the barriers in eV, shape (n_rows,)."""
        return self.rows[BARRIER].to_numpy(float)

    @property
    def official(self) -> tuple[Indices, Indices]:
        """Return the rows of both parts of the official split."""
        split = self.rows[SPLIT].to_numpy(str)
        return np.flatnonzero(split == TRAIN), np.flatnonzero(split == TEST)


def make_barrier_problem(rows: pd.DataFrame, described: pd.DataFrame, seed: int, group: str = GROUP) -> BarrierProblem:
    """Return the problem of learning barriers from paths.

    Logarithms are learned, since a few barriers of several eV would outweigh all others.

    Args:
        rows: as `load_barriers` returns them.
        described: descriptors of their paths, shape (n_rows, n_descriptors).
        seed: of models, partitions and resamples.
        group: `GROUP`, so that all paths of one chemical system of hosts are held out together, or `KIND`.
    """
    # the official split is a comparison of its own; in folds its rows are rows like others
    problem = make_plain_problem(described, take_logarithm(rows[BARRIER].to_numpy(float)), rows[group].tolist(), TARGET)
    problem = replace(problem, lines=rows["line"].to_numpy(np.int64))
    return BarrierProblem(problem, rows.reset_index(drop=True), seed, group)


def predict_partition(task: BarrierProblem, partition: int, names: Collection[str] = tuple(WHAT)) -> pd.DataFrame:
    """Return held-out predictions in eV of some models by one partition of the groups of hosts.

    Args:
        task: what is learned.
        partition: from 1.
        names: of the models, of `WHAT`.

    Returns:
        A row for each barrier: line, group, observed, partition, and a column for each model.
    """
    validation = make_validation(task.problem, METHOD, 1, task.seed, partition, is_primary=False)
    found = {name: np.empty(len(task.rows)) for name in names}
    for train, test in validation.splits:
        for name, said in predict_split(task, validation, train, test, names).items():
            found[name][test] = said
    about = {"line": task.problem.lines, "group": task.rows[task.group], "observed": task.barriers}
    return pd.DataFrame(about | found).assign(partition=partition)


def predict_official(task: BarrierProblem) -> pd.DataFrame:
    """Return predictions in eV of the official test part by models that learned from the other, as above."""
    train, test = task.official
    validation = make_validation(task.problem, METHOD, 1, task.seed, 1, is_primary=False)
    rows = task.rows.iloc[test]
    about = {"line": rows["line"], "group": rows[GROUP], "observed": rows[BARRIER], PUBLISHED: rows[PUBLISHED]}
    found = predict_split(task, validation, train, test, tuple(WHAT))
    return pd.DataFrame({name: np.asarray(values) for name, values in (about | found).items()})


def predict_split(
    task: BarrierProblem, validation: CrossValidation, train: Indices, test: Indices, names: Collection[str]
) -> dict[str, Array]:
    """Return predictions in eV of some rows by models that learned from others, within the range of these."""
    barriers, ions = task.barriers, task.rows["ion"].to_numpy(str)
    middle = float(barriers[train].mean())
    by_ion = pd.Series(barriers[train]).groupby(ions[train]).mean()
    found = {MEAN: np.full(len(test), middle), ION_MEAN: by_ion.reindex(ions[test]).fillna(middle).to_numpy(float)}
    low, high = task.problem.observed[train].min(), task.problem.observed[train].max()
    method = make_method(METHOD)
    for name in (name for name in METHOD.models if name in names):
        grid = dict(find_model(name).grid[0])
        said = predict_rows(name, task.problem, train, test, method, validation.seed, grid)[0]
        # a line in logarithms has no bound, and its exponential none at all
        found[name] = np.exp(np.clip(said, low, high))
    return found


def score_partitions(predictions: Sequence[pd.DataFrame], potential: Array | None, seed: int) -> pd.DataFrame:
    """Score every model over partitions, with its gains over the means and over ridge.

    Args:
        predictions: as `predict_partition` returns them, rows in the same order.
        potential: barriers of the same rows by a universal potential, eV, NaN where unknown, shape (n_rows,); None to
            leave it out.
        seed: of resamples.

    Returns:
        As `_score_models`; last the potential, on the rows that it has, with the gain of the blend over it.
    """
    first = predictions[0]
    stacked = {name: np.stack([frame[name].to_numpy(float) for frame in predictions]) for name in WHAT if name in first}
    observed, groups = first["observed"].to_numpy(float), first["group"].tolist()
    scores = _score_models(stacked, observed, groups, seed, METHOD.folds if isinstance(METHOD.folds, int) else 1)
    if potential is None:
        return scores
    known = np.isfinite(potential)
    row = _compare_with(potential, stacked[BLEND], observed, groups, seed, known)
    return pd.concat([scores, pd.DataFrame([{"model": POTENTIAL, "what": "MACE, by a nudged elastic band"} | row])])


def score_official(predictions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Score every model on the official test part; last the published model, with the gain of the blend over it."""
    said = {name: predictions[name].to_numpy(float)[None] for name in WHAT}
    observed, groups = predictions["observed"].to_numpy(float), predictions["group"].tolist()
    scores = _score_models(said, observed, groups, seed, 1)
    published = predictions[PUBLISHED].to_numpy(float)
    known = np.isfinite(published)
    if not known.any():
        return scores
    row = _compare_with(published, said[BLEND], observed, groups, seed, known)
    return pd.concat([scores, pd.DataFrame([{"model": PUBLISHED, "what": "best published network"} | row])])


def count_shared(rows: pd.DataFrame) -> dict[str, int]:
    """Count the rows of the official test part whose system, or chemical system, is among the rows learned from."""
    train, test = rows[rows[SPLIT] == TRAIN], rows[rows[SPLIT] == TEST]
    return {"test": len(test)} | {
        f"{name}_shared": int(test[name].isin(train[name]).sum()) for name in ("system", GROUP)
    }


def _score_models(
    said: Mapping[str, Array], observed: Array, groups: Sequence[object], seed: int, folds: int
) -> pd.DataFrame:
    """Return a row for each model: MAE, R² and rank correlation with intervals, gains in MAE, and verdicts.

    `gain` is over the mean of the same ion, the better of the two means where it is listed; `gain_ridge` over ridge.
    """
    errors = {name: np.abs(values - observed) for name, values in said.items()}
    rows = []
    for name, values in said.items():
        row: dict[str, Any] = {"model": name, "what": WHAT[name]}
        row |= compute_scores(observed, values, groups, BOOTSTRAPS, seed, folds)
        row["median_error"] = float(np.median(errors[name]))
        row["worst_mae"] = float(errors[name].mean(axis=1).max())
        for label, other in (("gain_mean", MEAN), ("gain_ion", ION_MEAN), ("gain_ridge", RIDGE)):
            gain = compute_paired_difference(errors[other], errors[name], groups, BOOTSTRAPS, seed, folds)
            row |= {label: gain["difference"], f"{label}_lower": gain["lower"], f"{label}_upper": gain["upper"]}
        row["verdict"] = "" if name == ION_MEAN else decide_gain(row["gain_ion_lower"], row["gain_ion_upper"])
        rows.append(row)
    return pd.DataFrame(rows)


def _compare_with(
    other: Array, blend: Array, observed: Array, groups: Sequence[object], seed: int, known: Mask
) -> dict[str, Any]:
    """Return the scores of barriers from elsewhere, and the gain of the blend over them on the same rows."""
    labels = [group for group, is_known in zip(groups, known, strict=True) if is_known]
    row = compute_scores(observed[known], other[known], labels, BOOTSTRAPS, seed)
    miss, own = np.abs(other - observed)[known], np.abs(blend - observed)[:, known]
    row["median_error"] = float(np.median(miss))
    folds = METHOD.folds if isinstance(METHOD.folds, int) and len(blend) > 1 else 1
    gain = compute_paired_difference(np.tile(miss, (len(own), 1)), own, labels, BOOTSTRAPS, seed, folds)
    named = {"blend_gain": gain["difference"], "blend_gain_lower": gain["lower"], "blend_gain_upper": gain["upper"]}
    return row | named | {"verdict": f"blend over it: {decide_gain(gain['lower'], gain['upper'])}"}
