"""Transfer from related tasks: whether their rows help, and up to how many own rows."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.parts import Descriptor
from batterymi.config.transfer import Transfer
from batterymi.progress import track
from batterymi.statistics.grouped import SMALLEST_SPREAD, OfSums, estimate
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import MAE, R2, compute_paired_difference, compute_scores
from batterymi.surrogates.model import find_model
from batterymi.surrogates.partitions import RepeatedValidation
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import CrossValidation, Method, make_splits, predict_rows
from batterymi.vocabulary.verdicts import BETTER, NO_WORSE, TOO_SMALL, WORSE

logger = logging.getLogger(__name__)

Strategy = Callable[[Indices, Indices, Indices], Array]
OWN, ALL = "own rows only", "pooled with all"
SCRATCH = "network from scratch"
ALL_ROWS = 0  # in a column of numbers of own rows
NETWORK_FUNCTION = "formula_net"  # of descriptors that carry over what a network learned of other compounds
FEATURES = " + network features"
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
            ALL: lambda own, related, test: self._predict(np.concatenate([own, related]), test),
            "all others (zero-shot)": lambda own, related, test: self._predict(related, test),
        }

    def _predict(self, rows: Indices, test: Indices, target: Array | None = None) -> Array:
        """Predict by a model that learned from some rows."""
        problem = self._problem if target is None else self._problem.replace_observed(target)
        settings = find_model(self._name).choose_settings(len(rows))
        return predict_rows(self._name, problem, rows, test, Method(), self._seed, settings)[0]

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
        predictions: held-out predictions of every strategy in each partition, shape (n_partitions, n_own) each.
    """

    report: dict[str, Any]
    predictions: dict[str, Array]


def compare_strategies(
    validation: RepeatedValidation,
    ions: NDArray[np.object_],
    choice: Transfer,
    folds: str | int,
    described: Problem | None = None,
) -> TransferFound:
    """Compare strategies of transfer by the same grouped folds, and over the number of own rows.

    Args:
        validation: the study's cross-validations; own rows are scored, those of related tasks are not.
        ions: working ion of each row, shape (n_rows,).
        choice: settings of the transfer.
        folds: as in the study, for the related task too.
        described: the same problem with features of a network that learned of other compounds. They are transfer, too,
            so no other strategy has them.
    """
    problem = validation.problem
    is_own = np.arange(len(problem.observed)) < problem.n_scored
    is_source = np.isin(ions, choice.source) & ~is_own
    strategies = Strategies(problem, is_source, choice.model, validation.first.seed)
    source = " and ".join(choice.source)
    ways = strategies.make_predictors(source)
    if described is not None:
        helped = Strategies(described, is_source, choice.model, validation.first.seed)
        ways[ALL + FEATURES] = helped.make_predictors(source)[ALL]
    each = track(ways.items(), "strategies from all rows", len(ways))
    predictions = {name: _predict(validation, way, None) for name, way in each}
    entries = [_score_strategy(validation, name, predictions) for name in ways]
    curves = _measure_curves(validation, ways, predictions, choice)
    best = min((entry for entry in entries if entry["strategy"] != OWN), key=lambda entry: entry["mae"])
    own_entry = next(entry for entry in entries if entry["strategy"] == OWN)
    learned = _count_learned(validation)
    report = {
        "model": choice.model,
        "source": list(choice.source),
        "source_task": _score_source_task(validation.first, np.flatnonzero(is_source), choice.model, folds),
        **_score_described(validation.first, described, np.flatnonzero(is_source), choice.model, folds),
        "own_rows": problem.n_scored,
        "own": own_entry,
        "best": best,
        # named beforehand, while the best is chosen on the rows that it is scored on
        "pooled": next(entry for entry in entries if entry["strategy"] == ALL),
        "strategies": entries,
        "curves": curves,
        "few_rows": _compare_few_rows(curves, ALL),
        "learned_in_a_fold": max(learned),
        "worth_rows": _count_worth(curves, ALL),
    }
    return TransferFound(report, predictions)


def _predict(validation: RepeatedValidation, way: Strategy, size: int | None) -> Array:
    """Return held-out predictions by a strategy in each partition, from some own rows or all, shape (n_partitions, n).

    Each partition draws own rows of its own; a smaller draw is a part of a larger one.

    Raises:
        ValueError: if none are to be drawn.
    """
    if size is not None and size < 1:
        raise ValueError(f"{size} own rows cannot be drawn")
    problem = validation.problem
    predicted = np.empty((len(validation.validations), problem.n_scored))
    for number, one in enumerate(validation.validations):
        rng = np.random.default_rng([one.seed, number])
        for train, test in one.splits:
            own, related = train[train < problem.n_scored], train[train >= problem.n_scored]
            order = rng.permutation(own)
            predicted[number, test] = way(own if size is None else np.sort(order[:size]), related, test)
    return predicted


def _score_strategy(validation: RepeatedValidation, name: str, predictions: dict[str, Array]) -> dict[str, Any]:
    """Return the scores of a strategy with all own rows, and its gains over own rows only."""
    problem, first, predicted = validation.problem, validation.first, predictions[name]
    scores = compute_scores(
        problem.scored, predicted, problem.scored_groups, first.bootstraps, first.seed, validation.n_folds
    )
    logger.info("%s: MAE %.3f", name, scores["mae"])
    return {"strategy": name, **scores, **_measure_gains(validation, predictions[OWN], predicted, name)}


def find_network_features(descriptors: Sequence[Descriptor]) -> tuple[str, ...]:
    """Return the names of descriptors that carry over what a network learned of other compounds."""
    return tuple(descriptor.name for descriptor in descriptors if descriptor.function == NETWORK_FUNCTION)


def _measure_gains(validation: RepeatedValidation, alone: Array, helped: Array, name: str) -> dict[str, Any]:
    """Return how much smaller the MAE and larger the R² are than from own rows only; nothing for these themselves.

    A gain whose interval includes zero is none, and one below what is worthwhile does not matter.
    """
    if name == OWN:
        return {}
    observed, first = validation.problem.scored, validation.first
    pair = np.abs(observed - alone), np.abs(observed - helped)
    groups = validation.problem.scored_groups
    gain = compute_paired_difference(*pair, groups, first.bootstraps, first.seed, validation.n_folds)
    r2 = validation.estimate(R2_GAIN, np.broadcast_to(observed, alone.shape), helped, alone)
    shown = "gain" if gain["lower"] > 0 else "negative" if gain["upper"] < 0 else "no gain shown"
    least = validation.problem.objective.worthwhile
    if shown == "gain" and least and gain["difference"] < least.least:
        shown = TOO_SMALL
    found: dict[str, Any] = {f"mae_gain{end}": gain[key] for end, key in GAIN.items()}
    return found | label_interval("r2_gain", r2.value, r2.interval) | {"verdict": shown}


def _combine_r2_gain(count: Array, helped: Array, alone: Array, total: Array, square: Array) -> Array:
    """Return by how much R² is larger with help, from sums of squared errors and of observations."""
    spread = square - total**2 / count
    return (alone - helped) / np.where(spread > SMALLEST_SPREAD * square, spread, np.nan)


R2_GAIN = OfSums(
    lambda seen, helped, alone: (
        (seen - helped) ** 2,
        (seen - alone) ** 2,
        seen - seen.mean(),
        (seen - seen.mean()) ** 2,
    ),
    _combine_r2_gain,
)


def _score_source_task(validation: CrossValidation, rows: Indices, model: str, folds: str | int) -> dict[str, Any]:
    """Score the same model on the task that is used, by folds of its own groups."""
    problem, seed = validation.problem, validation.seed
    groups = [problem.groups[row] for row in rows]
    predicted = np.empty(len(rows))
    for train, test in make_splits(folds, groups, seed):
        settings = find_model(model).choose_settings(len(train))
        predicted[test] = predict_rows(model, problem, rows[train], rows[test], Method(), seed, settings)[0]
    return compute_scores(problem.observed[rows], predicted, groups, validation.bootstraps, seed)


def _score_described(
    validation: CrossValidation, described: Problem | None, rows: Indices, model: str, folds: str | int
) -> dict[str, Any]:
    """Return the scores of the task that is used with features of a network; nothing without these."""
    if described is None:
        return {}
    helped = replace(validation, problem=described)
    return {"source_task_with_network": _score_source_task(helped, rows, model, folds)}


def _count_learned(validation: RepeatedValidation) -> list[int]:
    """Return how many own rows each fold of each partition may learn from."""
    n_own = validation.problem.n_scored
    return [int((train < n_own).sum()) for one in validation.validations for train, _ in one.splits]


def _compare_with_all(validation: RepeatedValidation, alone: Array, helped: Array) -> dict[str, Any]:
    """Return by how much the MAE is smaller than that of all own rows without transfer, with a verdict."""
    observed, first = validation.problem.scored, validation.first
    pair = np.abs(observed - alone), np.abs(observed - helped)
    groups = validation.problem.scored_groups
    return rate_worth(compute_paired_difference(*pair, groups, first.bootstraps, first.seed, validation.n_folds))


def rate_worth(gain: Mapping[str, float]) -> dict[str, Any]:
    """Return a gain over all own rows without transfer, with its interval and verdict.

    Args:
        gain: from `compute_paired_difference`: errors of all own rows alone minus those of fewer with transfer.

    Returns:
        `gain`, `gain_lower`, `gain_upper`, `verdict`, and `margin`: all own rows alone are better by no more than this,
        the lower end of the interval; 0 where the whole interval is above zero.
    """
    lower, upper = gain["lower"], gain["upper"]
    verdict = BETTER if lower > 0 else WORSE if upper < 0 else NO_WORSE
    found: dict[str, Any] = {f"gain{end}": gain[key] for end, key in GAIN.items()}
    return found | {"margin": max(0.0, -lower), "verdict": verdict}


def select_sizes(sizes: Sequence[int], learned: Sequence[int]) -> list[int]:
    """Return the numbers of own rows that every fold has more of; the log says which are left out.

    Args:
        sizes: wanted, `ALL_ROWS` for all.
        learned: own rows that each fold may learn from.
    """
    least = min(learned)
    for size in (size for size in sizes if size >= least):
        logger.warning(
            "transfer.sizes: %d own rows are left out: a fold learns from %d, and all are a point of their own",
            size,
            least,
        )
    return [size for size in sizes if size < least]


def _measure_curves(
    validation: RepeatedValidation, ways: dict[str, Strategy], whole: dict[str, Array], choice: Transfer
) -> list[dict[str, Any]]:
    """Measure strategies that use own rows over how many they have: errors, and gains over own rows only.

    Args:
        validation: the cross-validations.
        ways: the strategies; that of own rows only is the first.
        whole: their predictions from all own rows.
        choice: settings of the transfer: numbers of own rows.
    """
    problem, first = validation.problem, validation.first
    found: list[dict[str, Any]] = []
    alone: dict[int, Array] = {}
    learned = _count_learned(validation)
    sizes = select_sizes(choice.sizes, learned)
    # zero-shot strategies use no own rows, so they have no curve
    curved = [way for way in ways if "zero-shot" not in way]
    for name in track(curved, "learning curves", len(curved)):
        for size in [*sizes, max(learned)]:
            predicted = whole[name] if size == max(learned) else _predict(validation, ways[name], size)
            # the first strategy, so its errors are there when the next ones are compared with it
            alone.setdefault(size, predicted)
            draws = first.draws
            mae, r2 = (
                estimate(statistic, draws, problem.scored, predicted, folds=validation.n_folds)
                for statistic in (MAE, R2)
            )
            found.append(
                {"strategy": name, "rows": size, "all": size == max(learned)}
                | label_interval("mae", mae.value, mae.interval)
                | label_interval("r2", r2.value, r2.interval)
                | _measure_gains(validation, alone[size], predicted, name)
                | {"against_all_own_rows": _compare_with_all(validation, whole[OWN], predicted)}
            )
        logger.info("%s: learning curve done", name)
    return found


def _compare_few_rows(curves: Sequence[dict[str, Any]], strategy: str) -> dict[str, Any] | None:
    """Return the errors from the fewest own rows, alone and by a strategy; None without a curve of it."""
    helped = [point for point in curves if point["strategy"] == strategy]
    if not helped:
        return None
    least = min(helped, key=lambda point: point["rows"])
    alone = next(point for point in curves if (point["strategy"], point["rows"]) == (OWN, least["rows"]))
    return {"rows": least["rows"], "own": alone, "helped": least}


def _count_worth(curves: Sequence[dict[str, Any]], strategy: str) -> dict[str, Any] | None:
    """Return the fewest own rows whose MAE with a strategy is that of all own rows without transfer, or less.

    The means alone show no saving: that takes an interval above zero, see `rate_worth`. None if there are no such.
    """
    points = [point for point in curves if point["strategy"] == strategy]
    reached = [point for point in points if point["against_all_own_rows"]["gain"] >= 0]
    if not reached:
        return None
    least = min(reached, key=lambda point: point["rows"])
    shown = [point["rows"] for point in points if point["against_all_own_rows"]["verdict"] == BETTER]
    return {"rows": least["rows"], **least["against_all_own_rows"], "rows_shown_better": min(shown, default=None)}
