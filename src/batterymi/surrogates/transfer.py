"""Transfer from related tasks: whether their rows help, and up to how many own rows."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.transfer import Transfer
from batterymi.statistics.intervals import compute_q_squared
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean, compute_paired_difference, compute_scores
from batterymi.surrogates.model import find_model
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import CrossValidation, Method, fit_on_rows, make_splits
from batterymi.vocabulary.verdicts import TOO_SMALL

logger = logging.getLogger(__name__)

Strategy = Callable[[Indices, Indices, Indices], Array]
OWN = "own rows only"
GAIN = {"": "difference", "_lower": "lower", "_upper": "upper"}


class Strategies:
    """Ways to predict a task's rows with the help of another's.

    Every way is given the rows of the own task that it may learn from, the rows of related tasks, and the rows to
    predict; groups that are predicted are in neither.
    """

    def __init__(self, problem: Problem, is_source: Mask, name: str, seed: int) -> None:
        """Keep the problem and the model.

        Args:
            problem: own rows first, then rows of related tasks.
            is_source: whether a row is of the related task that the strategies use, shape (n_rows,).
            name: the model.
            seed: its random state.
        """
        self._problem, self._is_source, self._name, self._seed = problem, is_source, name, seed
        self._base: dict[bytes, Array] = {}

    def make_predictors(self, source: str) -> dict[str, Strategy]:
        """Return each strategy by name; it takes own rows, related rows, and rows to predict."""
        return {
            OWN: lambda own, related, test: self._predict(own, test),
            f"{source} only (zero-shot)": lambda own, related, test: self._predict_by_source(related, test),
            f"pooled with {source}": lambda own, related, test: self._predict(
                np.concatenate([own, related[self._is_source[related]]]), test
            ),
            f"residual on a {source} model": self._predict_residual,
            "pooled with all": lambda own, related, test: self._predict(np.concatenate([own, related]), test),
            "all others (zero-shot)": lambda own, related, test: self._predict(related, test),
        }

    def _predict(self, rows: Indices, test: Indices, target: Array | None = None) -> Array:
        """Predict by a model that learned from some rows."""
        problem = self._problem if target is None else self._problem.replace_observed(target)
        settings = find_model(self._name).choose_settings(len(rows))
        model = fit_on_rows(self._name, problem, rows, Method(), self._seed, settings)
        return model.predict_mean(problem.frame.iloc[test])

    def _predict_by_source(self, related: Indices, test: Indices) -> Array:
        """Predict by a model of the related task only; cached, since many draws need it."""
        rows = related[self._is_source[related]]
        # arrays are not hashable
        key = rows.tobytes() + b"|" + test.tobytes()
        if key not in self._base:
            self._base[key] = self._predict(rows, test)
        return self._base[key]

    def _predict_residual(self, own: Indices, related: Indices, test: Indices) -> Array:
        """Predict by the related task's model, corrected by one that learned its errors on own rows."""
        # the problem is shared by all strategies and must not change
        errors = self._problem.observed.copy()
        errors[own] -= self._predict_by_source(related, own)
        return self._predict_by_source(related, test) + self._predict(own, test, errors)


@dataclass(frozen=True)
class TransferFound:
    """What was found of transfer to one task.

    Attributes:
        report: scores, gains over own rows only, learning curves.
        predictions: held-out predictions of every strategy, shape (n_own,) each.
    """

    report: dict[str, Any]
    predictions: dict[str, Array]


def compare_strategies(
    validation: CrossValidation, ions: NDArray[np.object_], choice: Transfer, folds: str | int
) -> TransferFound:
    """Compare strategies of transfer by the same grouped folds, and over the number of own rows.

    Args:
        validation: the study's cross-validation; own rows are scored, those of related tasks are not.
        ions: working ion of each row, shape (n_rows,).
        choice: settings of the transfer.
        folds: as in the study, for the related task too.
    """
    problem, n, seed = validation.problem, validation.bootstraps, validation.seed
    is_own = np.arange(len(problem.observed)) < problem.n_scored
    is_source = np.isin(ions, choice.source) & ~is_own
    ways = Strategies(problem, is_source, choice.model, seed).make_predictors(" and ".join(choice.source))
    predictions = _predict_all(validation, ways)
    groups, observed = problem.scored_groups, problem.scored
    entries: list[dict[str, Any]] = []
    for way, predicted in predictions.items():
        entry = {"strategy": way, **compute_scores(observed, predicted, groups, n, seed)}
        if way != OWN:
            own = predictions[OWN]
            r2 = validation.compute_interval((observed, predicted, own), _gain_r2)
            entry |= dict(zip(("r2_gain_lower", "r2_gain_upper"), r2, strict=True))
            entry |= _measure_gain(validation, np.abs(observed - own), np.abs(observed - predicted))
        entries.append(entry)
    curves = _measure_curves(validation, ways, choice)
    best = min((entry for entry in entries if entry["strategy"] != OWN), key=lambda entry: entry["mae"])
    own_entry = next(entry for entry in entries if entry["strategy"] == OWN)
    report = {
        "model": choice.model,
        "source": list(choice.source),
        "source_task": _score_source_task(validation, np.flatnonzero(is_source), choice.model, folds),
        "own_rows": problem.n_scored,
        "own": own_entry,
        "best": best,
        "strategies": entries,
        "curves": curves,
        "worth_rows": _count_worth(curves, best["strategy"], own_entry["mae"]),
    }
    return TransferFound(report, predictions)


def _predict_all(validation: CrossValidation, ways: dict[str, Strategy]) -> dict[str, Array]:
    """Return held-out predictions of every strategy with all own rows."""
    problem, predicted = validation.problem, {}
    for name, way in ways.items():
        predicted[name] = np.empty(problem.n_scored)
        for train, test in validation.splits:
            own, related = train[train < problem.n_scored], train[train >= problem.n_scored]
            predicted[name][test] = way(own, related, test)
        logger.info("%s: MAE %.3f", name, np.abs(predicted[name] - problem.scored).mean())
    return predicted


def _gain_r2(observed: Array, helped: Array, alone: Array) -> Array:
    """Return how much larger R² is with help."""
    return compute_q_squared(observed, helped) - compute_q_squared(observed, alone)


def _measure_gain(validation: CrossValidation, alone: Array, helped: Array) -> dict[str, Any]:
    """Return how much smaller errors are than those of own rows only.

    A gain whose interval includes zero is none, and one below what is worthwhile does not matter.
    """
    groups, objective = validation.problem.scored_groups, validation.problem.objective
    gain = compute_paired_difference(alone, helped, groups, validation.bootstraps, validation.seed)
    shown = "gain" if gain["lower"] > 0 else "negative" if gain["upper"] < 0 else "no gain shown"
    if shown == "gain" and objective.worthwhile and gain["difference"] < objective.worthwhile.least:
        shown = TOO_SMALL
    return {f"mae_gain{end}": gain[key] for end, key in GAIN.items()} | {"verdict": shown}


def _score_source_task(validation: CrossValidation, rows: Indices, model: str, folds: str | int) -> dict[str, Any]:
    """Score the same model on the task that is used, by folds of its own groups."""
    problem, seed = validation.problem, validation.seed
    groups = [problem.groups[row] for row in rows]
    predicted = np.empty(len(rows))
    for train, test in make_splits(folds, groups, seed):
        settings = find_model(model).choose_settings(len(train))
        fitted = fit_on_rows(model, problem, rows[train], Method(), seed, settings)
        predicted[test] = fitted.predict_mean(problem.frame.iloc[rows[test]])
    return compute_scores(problem.observed[rows], predicted, groups, validation.bootstraps, seed)


def _measure_curves(validation: CrossValidation, ways: dict[str, Strategy], choice: Transfer) -> list[dict[str, Any]]:
    """Measure strategies that use own rows over how many they have: errors, and gains over own rows only."""
    problem = validation.problem
    found: list[dict[str, Any]] = []
    alone: dict[int, Array] = {}
    fewest = min(int((train < problem.n_scored).sum()) for train, _ in validation.splits)
    # zero-shot strategies use no own rows, so they have no curve
    for name in [way for way in ways if "zero-shot" not in way]:
        for size in choice.sizes:
            n_draws = choice.draws if "pooled" not in name else 1  # pooled models hardly depend on which own rows join
            miss = _measure_misses(validation, ways[name], size, n_draws)
            point: dict[str, Any] = {"strategy": name, "rows": min(size, fewest)}
            point |= label_interval("mae", float(miss.mean()), validation.compute_interval(miss, compute_mean))
            # the first strategy, so its errors are there when the next ones are compared with it
            if name == OWN:
                alone[size] = miss
            else:
                point |= _measure_gain(validation, alone[size], miss)
            found.append(point)
        logger.info("%s: learning curve done", name)
    return found


def _measure_misses(validation: CrossValidation, way: Strategy, size: int, n_draws: int) -> Array:
    """Return the mean absolute error of each own row over draws of some own rows to learn from."""
    problem = validation.problem
    miss = np.zeros(problem.n_scored)
    for draw in range(n_draws):
        rng = np.random.default_rng([validation.seed, draw])
        for train, test in validation.splits:
            own, related = train[train < problem.n_scored], train[train >= problem.n_scored]
            drawn = np.sort(rng.permutation(own)[:size])
            miss[test] += np.abs(way(drawn, related, test) - problem.observed[test]) / n_draws
    return miss


def _count_worth(curves: Sequence[dict[str, Any]], strategy: str, mae: float) -> int | None:
    """Return own rows with which a strategy is as good as all own rows without transfer; None if never."""
    reached = [point["rows"] for point in curves if point["strategy"] == strategy and point["mae"] <= mae]
    return min(reached) if reached else None
