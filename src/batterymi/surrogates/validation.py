"""Nested, grouped cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import stats
from sklearn.model_selection import KFold, LeaveOneGroupOut

from batterymi.arrays import Array, Indices
from batterymi.config.models import DEFAULT_BLEND, CrossValidated
from batterymi.errors import TableError
from batterymi.statistics.grouped import Estimate, GroupDraws, Statistic, draw_groups, estimate
from batterymi.statistics.intervals import LEVELS, compute_conformal_factor, compute_half_widths
from batterymi.surrogates.model import N_TREES, Model, Options, find_model, make_model
from batterymi.surrogates.problem import Problem

LEAST_VALUES = 2  # among the rows of a fold, from which the scatter about a model is known
N_IMPUTING = 50  # trees of the forest that imputes censored values
N_CHOOSING = 50  # trees of forests that are compared for their hyperparameters; more change a score by about 1 %
Split = tuple[Indices, Indices]
InnerUse = Literal["intervals", "models", "settings"]


@dataclass(frozen=True)
class Method:
    """How models are fitted within a cross-validation.

    Attributes:
        inner_folds: folds for hyperparameters and conformal intervals, or None for neither.
        inner_use: what they are held out for: "intervals" takes all of them, "models" the first for every model, and
            "settings" the first for models of several hyperparameters alone.
        criterion: "squared" or "absolute": which held-out error picks hyperparameters and the model.
        trees: size of forests.
        censoring: what is learned from rows of which only a bound is known: "bound", "expected" or "drop".
        blend: members of the model "blend".
    """

    inner_folds: int | None = None
    inner_use: InnerUse = "intervals"
    criterion: str = "squared"
    trees: int = N_TREES
    censoring: str = "bound"
    blend: tuple[str, ...] = DEFAULT_BLEND

    def make_options(self, seed: int) -> Options:
        """Return what all models share; ensembles have a local spread where intervals are conformal."""
        return Options(seed, self.trees, self.blend, local_spread=self.inner_folds is not None)

    def error(self, observed: Array, predicted: Array) -> float:
        """Return the mean error by the criterion."""
        return float(self.list_errors(observed, predicted).mean())

    def list_errors(self, observed: Array, predicted: Array) -> Array:
        """Return the errors by the criterion, squared or absolute, shape (n,)."""
        return (observed - predicted) ** 2 if self.criterion == "squared" else np.abs(observed - predicted)


def make_method(settings: CrossValidated) -> Method:
    """Build the method from the settings of a comparison."""
    return Method(
        settings.inner_folds,
        criterion=settings.criterion,
        trees=settings.trees,
        censoring=settings.censoring,
        blend=settings.blend,
    )


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

    @property
    def draws(self) -> GroupDraws:
        """Return resamples of the groups of the scored rows."""
        return draw_groups(self.problem.scored_groups, self.bootstraps, self.seed)

    def estimate(self, statistic: Statistic, *values: Array) -> Estimate:
        """Return a score of the scored rows with its interval; values of several partitions are averaged over them."""
        return estimate(statistic, self.draws, *values, folds=len(self.splits))

    def predict_held_out(self, name: str, settings: Mapping[str, Any]) -> Array:
        """Predict every scored row by a model with fixed hyperparameters that was fitted without it."""
        predicted = np.empty(self.problem.n_scored)
        for train, test in self.splits:
            predicted[test] = predict_rows(name, self.problem, train, test, self.method, self.seed, settings)[0]
        return predicted

    def fit_folds(self, name: str, chosen: Sequence[Mapping[str, Any]]) -> list[Model]:
        """Return the model of each fold, with its hyperparameters."""
        return [
            fit_on_rows(name, self.problem, train, self.method, self.seed, settings)
            for (train, _), settings in zip(self.splits, chosen, strict=True)
        ]


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of the scored rows by models that were fitted without them.

    Attributes:
        mean: shape (n_scored,).
        spread: shape (n_scored,).
        factors: half width over spread of conformal intervals: one array of shape (n_scored,) per level; none without
            inner folds, and where only the first of them was held out.
        chosen: hyperparameters of each split.
        inner_errors: error on each split's first inner fold; none without inner folds, NaN where nothing was chosen.
        models: the fitted model of each split; none if they were fitted by another job.
    """

    mean: Array
    spread: Array
    factors: dict[float, Array]
    chosen: tuple[dict[str, Any], ...]
    inner_errors: tuple[float, ...]
    models: tuple[Model, ...] = ()

    def half_widths(self, observed: Array, level: float) -> Array:
        """Return the half widths of the intervals at a level, shape (n_scored,): conformal, else Student's t."""
        if self.factors:
            return self.factors[level] * self.spread
        return compute_half_widths(observed, self.mean, self.spread, level)


def make_splits(
    folds: str | int, groups: Sequence[object], seed: int, n_scored: int | None = None, partition: int = 1
) -> list[Split]:
    """Split rows so that each scored row is tested once and no group is on both sides.

    Args:
        folds: "leave_one_out" (one group per fold) or a number of folds.
        groups: one label per row; each row's own label where rows are independent.
        seed: of the shuffle.
        n_scored: how many rows are scored; the others only join the training of folds that test none of their group.
        partition: which of the random partitions into folds, from 1.

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
    elif n_groups == len(labels):
        # numbers of several partitions must not be those of a neighbouring seed
        state = seed if partition == 1 else int(np.random.SeedSequence([seed, partition]).generate_state(1)[0])
        splits = list(KFold(min(int(folds), n_groups), shuffle=True, random_state=state).split(rows))
    else:
        splits = _deal_groups(labels, min(int(folds), n_groups), np.random.default_rng([seed, partition]))
    related = np.arange(len(labels), len(all_labels))
    whole = []
    for train, test in splits:
        # a related row of a tested group would leak it into the training
        joining = related[~np.isin(all_labels[related], labels[test])]
        whole.append((np.concatenate([train, joining]), test))
    check_groups_disjoint(whole, all_labels)
    return whole


def _deal_groups(labels: Indices, n_folds: int, rng: np.random.Generator) -> list[Split]:
    """Deal groups to folds in random order, each to the fold that has the fewest rows so far."""
    sizes = np.bincount(labels)
    fold_of, filled = np.zeros(len(sizes), dtype=int), np.zeros(n_folds)
    # rows of related tasks may have labels that no scored row has
    for group in rng.permutation(np.flatnonzero(sizes)):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    folds = fold_of[labels]
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(n_folds)]


def check_groups_disjoint(splits: Sequence[Split], groups: Indices) -> None:
    """Refuse splits in which a group is on both sides.

    Raises:
        ValueError: how many groups do.
    """
    for train, test in splits:
        both = np.intersect1d(groups[train], groups[test])
        if both.size:
            raise ValueError(f"{both.size} groups are in both train and test")


def predict_out_of_fold(name: str, validation: CrossValidation, fixed: Mapping[str, Any] | None = None) -> OutOfFold:
    """Predict every scored row by a model fitted without it.

    With inner folds, hyperparameters are chosen within the training rows of each split, by the same groups, and the
    errors of that inner cross-validation set the width of the split's intervals; the rows that are tested play no part
    in either.

    Args:
        name: the model.
        validation: the cross-validation.
        fixed: hyperparameters where none are chosen.

    Returns:
        Predictions, spreads and intervals.
    """
    problem, method, seed = validation.problem, validation.method, validation.seed
    n = problem.n_scored
    mean, spread = np.empty(n), np.empty(n)
    factors = {level: np.empty(n) for level in LEVELS} if method.inner_folds and method.inner_use == "intervals" else {}
    models, chosen, errors = [], [], []
    for train, test in validation.splits:
        used = dict(fixed or {})
        if method.inner_folds:
            tuned = tune_hyperparameters(name, problem, train, method, seed)
            used = tuned.settings
            errors.append(tuned.error)
            for level, values in factors.items():
                values[test] = compute_conformal_factor(np.abs(tuned.errors), level)
        model = fit_on_rows(name, problem, train, method, seed, used)
        mean[test], spread[test] = predict_by(model, problem, train, test, method)
        models.append(model)
        chosen.append(used)
    return OutOfFold(mean, spread, factors, tuple(chosen), tuple(errors), tuple(models))


@dataclass(frozen=True)
class Tuned:
    """Outcome of an inner cross-validation.

    Attributes:
        settings: the chosen hyperparameters.
        error: their error on the first inner fold, by the method's criterion; NaN where nothing was chosen.
        errors: observed - predicted over the spread, of the rows that all inner folds hold out, shape (n,); empty where
            only the first is held out.
    """

    settings: dict[str, Any]
    error: float
    errors: Array


def tune_hyperparameters(name: str, problem: Problem, rows: Indices, method: Method, seed: int) -> Tuned:
    """Choose hyperparameters within some rows, by the first of several inner folds.

    Settings are listed in order of preference. The first are kept unless others have a smaller error by more than its
    standard error over groups (Breiman et al. 1984, the one-standard-error rule): what one inner fold says of two or
    three settings is mostly noise, and so is what all of them say (docs/decisions/0020). The chosen settings are then
    held out in every inner fold, for the width of intervals.

    Args:
        name: the model.
        problem: what to learn.
        rows: indices of the rows that may be learned from.
        method: how models are fitted.
        seed: random state of models and splits.

    Returns:
        The choice, its error and the held-out errors of all inner folds.
    """
    grid = find_model(name).grid
    if len(grid) == 1 and method.inner_use == "settings":
        return Tuned(dict(grid[0]), np.nan, np.empty(0))
    # `make_splits` expects scored rows first
    rows = np.sort(rows)
    scored = rows[rows < problem.n_scored]
    inner = make_splits(method.inner_folds or 5, [problem.groups[row] for row in rows], seed, len(scored))
    small = replace(method, trees=min(method.trees, N_CHOOSING))
    train, test = rows[inner[0][0]], rows[inner[0][1]]
    misses = [
        method.list_errors(problem.observed[test], predict_rows(name, problem, train, test, small, seed, settings)[0])
        for settings in grid
    ]
    best = min(range(len(grid)), key=lambda number: misses[number].mean())
    if not _is_clearly_smaller(misses[best], misses[0], [problem.groups[row] for row in test]):
        best = 0
    error, settings = float(misses[best].mean()), dict(grid[best])
    errors: list[Array] = []
    for train, test in inner if method.inner_use == "intervals" else ():
        mean, spread = predict_rows(name, problem, rows[train], rows[test], method, seed, settings)
        errors.append((problem.observed[rows[test]] - mean) / spread)
    return Tuned(settings, error, np.concatenate([np.empty(0), *errors]))


def _is_clearly_smaller(errors: Array, others: Array, groups: Sequence[object]) -> bool:
    """Return whether the mean of errors is smaller than that of others by more than its standard error over groups."""
    gain = others - errors
    labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    deviation = np.sqrt((np.bincount(labels, gain - gain.mean()) ** 2).sum()) / len(gain)
    return bool(gain.mean() > deviation)


def predict_rows(
    name: str, problem: Problem, train: Indices, test: Indices, method: Method, seed: int, settings: Mapping[str, Any]
) -> tuple[Array, Array]:
    """Return means and spreads of some rows by a model that learned from others; see `fit_on_rows`."""
    model = fit_on_rows(name, problem, train, method, seed, settings)
    return predict_by(model, problem, train, test, method)


def predict_by(model: Model, problem: Problem, train: Indices, test: Indices, method: Method) -> tuple[Array, Array]:
    """Return means and spreads of some rows by a model that `fit_on_rows` fitted to others."""
    matrix = problem.encode_others(test, _list_learned(problem, train, method))
    return model.predict_matrix(matrix, problem.list_graphs(test))


def _list_learned(problem: Problem, rows: Indices, method: Method) -> Indices:
    """Return those of some rows that a model learns from: all, or those whose values are no bounds."""
    return rows[problem.censored[rows] == 0] if method.censoring == "drop" else rows


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
    n_values = int((problem.censored[rows] == 0).sum())
    if method.censoring != "bound" and n_values < min(LEAST_VALUES, len(rows)):
        raise TableError(
            f"{problem.objective.name}: surrogate.censoring: '{method.censoring}' needs {LEAST_VALUES} results in "
            f"every fold that are values and not limits, one has {n_values}; set it to 'bound', or add results"
        )
    rows = _list_learned(problem, rows, method)
    observed = problem.observed[rows]
    if method.censoring == "expected" and problem.censored[rows].any():
        observed = impute_censored(problem, rows, seed)
    model = make_model(name, method.make_options(seed), settings)
    return model.fit_matrix(*problem.encode(rows), observed, problem.get_errors(rows), problem.list_graphs(rows))


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
        mean = np.empty(len(rows))
        for train, test in make_splits(3, [problem.groups[row] for row in rows], seed):
            forest = make_model("extra_trees", Options(seed, N_IMPUTING), {"max_features": 0.33})
            forest.fit_matrix(*problem.encode(rows[train]), observed[train])
            mean[test] = forest.predict_matrix(problem.encode_others(rows[test], rows[train]))[0]
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
