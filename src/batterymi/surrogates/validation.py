"""Nested, grouped cross-validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut

from batterymi.arrays import Array, Indices
from batterymi.config.models import DEFAULT_BLEND, Surrogate
from batterymi.errors import TableError
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.intervals import LEVELS, compute_conformal_factor, compute_half_widths
from batterymi.surrogates.model import N_TREES, Model, Options, find_model, make_model
from batterymi.surrogates.problem import Problem

LEAST_VALUES = 2  # among the rows of a fold, from which the scatter about a model is known
N_IMPUTING = 50  # trees of the forest that imputes censored values
Split = tuple[Indices, Indices]


@dataclass(frozen=True)
class Method:
    """How models are fitted within a cross-validation.

    Attributes:
        inner_folds: folds for hyperparameters and conformal intervals, or None for neither.
        criterion: "squared" or "absolute": which held-out error picks hyperparameters and the model.
        trees: size of forests.
        censoring: what is learned from rows of which only a bound is known: "bound", "expected" or "drop".
        blend: members of the model "blend".
    """

    inner_folds: int | None = None
    criterion: str = "squared"
    trees: int = N_TREES
    censoring: str = "bound"
    blend: tuple[str, ...] = DEFAULT_BLEND

    def make_options(self, seed: int) -> Options:
        """Return what all models share; ensembles have a local spread where intervals are conformal."""
        return Options(seed, self.trees, self.blend, local_spread=self.inner_folds is not None)

    def error(self, observed: Array, predicted: Array) -> float:
        """Return the mean error by the criterion."""
        miss = observed - predicted
        return float(np.mean(miss**2) if self.criterion == "squared" else np.mean(np.abs(miss)))


def make_method(settings: Surrogate) -> Method:
    """Build the method from the settings of a comparison."""
    return Method(settings.inner_folds, settings.criterion, settings.trees, settings.censoring, settings.blend)


@dataclass(frozen=True)
class CrossValidation:
    """One problem and the way in which models are held out, compared and resampled on it.

    Attributes:
        problem: what is learned.
        splits: train and test rows of each fold.
        method: how models are fitted.
        bootstraps: resamples behind intervals.
        seed: of models and resamples.
    """

    problem: Problem
    splits: Sequence[Split]
    method: Method
    bootstraps: int
    seed: int

    def compute_interval(self, values: Array | Sequence[Array], statistic: Callable[..., Array]) -> tuple[float, float]:
        """Compute the 95 % interval of a statistic of the scored rows, over their groups; see `bootstrap_interval`."""
        return bootstrap_interval(values, statistic, self.seed, self.problem.scored_groups, self.bootstraps)

    def predict_held_out(self, name: str, settings: Mapping[str, Any]) -> Array:
        """Predict every scored row by a model with fixed hyperparameters that was fitted without it."""
        predicted = np.empty(self.problem.n_scored)
        for train, test in self.splits:
            model = fit_on_rows(name, self.problem, train, self.method, self.seed, settings)
            predicted[test] = model.predict_mean(self.problem.frame.iloc[test])
        return predicted


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of the scored rows by models that were fitted without them.

    Attributes:
        mean: shape (n_scored,).
        spread: shape (n_scored,).
        models: the fitted model of each split.
        factors: half width over spread of conformal intervals: one array of shape (n_scored,) per level; none without
            inner folds.
        chosen: hyperparameters of each split.
        inner_errors: error of each split's inner cross-validation; none without inner folds.
    """

    mean: Array
    spread: Array
    models: tuple[Model, ...]
    factors: dict[float, Array]
    chosen: tuple[dict[str, Any], ...]
    inner_errors: tuple[float, ...]

    def half_widths(self, observed: Array, level: float) -> Array:
        """Return the half widths of the intervals at a level, shape (n_scored,): conformal, else Student's t."""
        if self.factors:
            return self.factors[level] * self.spread
        return compute_half_widths(observed, self.mean, self.spread, level)


def make_splits(folds: str | int, groups: Sequence[object], seed: int, n_scored: int | None = None) -> list[Split]:
    """Split rows so that each scored row is tested once and no group is on both sides.

    Args:
        folds: "leave_one_out" (one group per fold) or a number of folds.
        groups: one label per row; each row's own label where rows are independent.
        seed: of the shuffle.
        n_scored: how many rows are scored; the others only join the training of folds that test none of their group.

    Returns:
        (train, test) index arrays.

    Raises:
        ValueError: if a group is on both sides of a split, or there are fewer than two groups.
    """
    # as text, since labels of several types cannot be sorted
    all_labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    labels = all_labels[:n_scored]
    n_groups = len(np.unique(labels))
    if n_groups < 2:
        raise ValueError("all rows are of one group; there is nothing to hold out")
    rows = np.zeros((len(labels), 1))
    if folds == "leave_one_out":
        splits = list(LeaveOneGroupOut().split(rows, groups=labels))
    # GroupKFold does not shuffle, and the rows of a table may be sorted
    elif n_groups == len(labels):
        shuffled = KFold(min(int(folds), n_groups), shuffle=True, random_state=seed)
        splits = list(shuffled.split(rows))
    else:
        splits = list(GroupKFold(min(int(folds), n_groups)).split(rows, groups=labels))
    related = np.arange(len(labels), len(all_labels))
    whole = []
    for train, test in splits:
        # a related row of a tested group would leak it into the training
        joining = related[~np.isin(all_labels[related], labels[test])]
        whole.append((np.concatenate([train, joining]), test))
    check_groups_disjoint(whole, all_labels)
    return whole


def check_groups_disjoint(splits: Sequence[Split], groups: Indices) -> None:
    """Refuse splits in which a group is on both sides.

    Raises:
        ValueError: how many groups do.
    """
    for train, test in splits:
        both = np.intersect1d(groups[train], groups[test])
        if both.size:
            raise ValueError(f"{both.size} groups are in both train and test")


def predict_out_of_fold(name: str, validation: CrossValidation) -> OutOfFold:
    """Predict every scored row by a model fitted without it.

    With inner folds, hyperparameters are chosen within the training rows of each split, by the same groups, and the
    errors of that inner cross-validation set the width of the split's intervals; the rows that are tested play no part
    in either.

    Args:
        name: the model.
        validation: the cross-validation.

    Returns:
        Predictions, spreads and intervals.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    n = problem.n_scored
    mean, spread = np.empty(n), np.empty(n)
    factors = {level: np.empty(n) for level in LEVELS} if method.inner_folds else {}
    models, chosen, errors = [], [], []
    for train, test in validation.splits:
        settings: dict[str, Any] = {}
        if method.inner_folds:
            tuned = tune_hyperparameters(name, problem, train, method, seed)
            settings = tuned.settings
            errors.append(tuned.error)
            for level, values in factors.items():
                values[test] = compute_conformal_factor(tuned.scores, level)
        model = fit_on_rows(name, problem, train, method, seed, settings)
        mean[test], spread[test] = model.predict(problem.frame.iloc[test])
        models.append(model)
        chosen.append(settings)
    return OutOfFold(mean, spread, tuple(models), factors, tuple(chosen), tuple(errors))


@dataclass(frozen=True)
class Tuned:
    """Outcome of an inner cross-validation.

    Attributes:
        settings: the hyperparameters with the smallest error.
        error: that error, by the method's criterion.
        scores: held-out errors over their spreads, shape (n,).
    """

    settings: dict[str, Any]
    error: float
    scores: Array


def tune_hyperparameters(name: str, problem: Problem, rows: Indices, method: Method, seed: int) -> Tuned:
    """Choose hyperparameters by cross-validation within some rows.

    Args:
        name: the model.
        problem: what to learn.
        rows: indices of the rows that may be learned from.
        method: how models are fitted.
        seed: random state of models and splits.

    Returns:
        The choice, its error and its held-out scores.
    """
    # `make_splits` expects scored rows first
    rows = np.sort(rows)
    scored = rows[rows < problem.n_scored]
    inner = make_splits(method.inner_folds or 5, [problem.groups[row] for row in rows], seed, len(scored))
    best: Tuned | None = None
    for settings in find_model(name).grid:
        mean, spread = np.empty(len(scored)), np.empty(len(scored))
        for train, test in inner:
            model = fit_on_rows(name, problem, rows[train], method, seed, settings)
            mean[test], spread[test] = model.predict(problem.frame.iloc[rows[test]])
        error = method.error(problem.observed[scored], mean)
        if best is None or error < best.error:
            best = Tuned(dict(settings), error, np.abs(problem.observed[scored] - mean) / spread)
    assert best is not None
    return best


def fit_on_rows(
    name: str, problem: Problem, rows: Indices, method: Method, seed: int, settings: Mapping[str, Any]
) -> Model:
    """Fit a model to some rows, bounds treated as the method says.

    Args:
        name: the model.
        problem: what to learn.
        rows: indices of the rows to learn from.
        method: how models are fitted.
        seed: random state of the model.
        settings: hyperparameters.

    Returns:
        The fitted model.

    Raises:
        TableError: if bounds are to be left out or imputed, and next to nothing else is there.
    """
    observed = problem.observed[rows]
    n_values = int((problem.censored[rows] == 0).sum())
    if method.censoring != "bound" and n_values < min(LEAST_VALUES, len(rows)):
        raise TableError(
            f"{problem.objective.name}: surrogate.censoring: '{method.censoring}' needs {LEAST_VALUES} results in "
            f"every fold that are values and not limits, one has {n_values}; set it to 'bound', or add results"
        )
    if method.censoring == "drop":
        kept = problem.censored[rows] == 0
        rows, observed = rows[kept], observed[kept]
    elif method.censoring == "expected" and problem.censored[rows].any():
        observed = impute_censored(problem, rows, seed)
    model = make_model(name, method.make_options(seed), settings)
    return model.fit(problem.inputs.features, problem.frame.iloc[rows], observed, problem.get_errors(rows))


def impute_censored(problem: Problem, rows: Indices, seed: int) -> Array:
    """Replace each bound among the observations by the value expected beyond it.

    Rows are predicted by a small forest in a cross-validation within `rows`; an upper bound b becomes the mean of a
    normal distribution about the prediction m, with the standard deviation s of the held-out errors, cut off above b:
    m - s phi(z) / Phi(z) with z = (b - m) / s (Tobin 1958, doi:10.2307/1907382). A lower bound is the mirror image,
    m + s phi(z) / Phi(z) with z = (m - b) / s. The forest is the same whatever model learns from the result, so that
    models differ in nothing else, and its predictions are cached for all of them.

    Args:
        problem: what to learn.
        rows: indices of the rows to learn from.
        seed: random state of the forest.

    Returns:
        Shape (len(rows),).
    """
    observed, bounds = problem.observed[rows].copy(), problem.censored[rows] != 0
    # with the observations, since a permutation test shuffles them
    key = (rows.tobytes(), observed.tobytes(), problem.censored[rows].tobytes(), seed)
    if key not in problem.expected:
        mean, features = np.empty(len(rows)), problem.inputs.features
        for train, test in make_splits(3, [problem.groups[row] for row in rows], seed):
            frame = problem.frame.iloc[rows[train]]
            forest = make_model("extra_trees", Options(seed, N_IMPUTING), {"max_features": 0.33})
            model = forest.fit(features, frame, observed[train])
            mean[test] = model.predict_mean(problem.frame.iloc[rows[test]])
        known = ~bounds
        # no division by zero where the forest predicts every known row
        deviation = max(float(np.std(observed[known] - mean[known])), 1e-9)
        # mirrored, lower bounds are upper ones
        side = problem.censored[rows][bounds].astype(float)
        limit, middle = side * observed[bounds], side * mean[bounds]
        # well below the mean both pdf and cdf underflow to 0
        z = np.clip((limit - middle) / deviation, -5, None)
        below = middle - deviation * stats.norm.pdf(z) / stats.norm.cdf(z)
        # where z was clipped, the expected value can lie above the bound
        problem.expected[key] = side * np.minimum(below, limit)
    observed[bounds] = problem.expected[key]
    return observed
