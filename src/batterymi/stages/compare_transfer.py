"""The stage `compare_transfer`: whether rows of related tasks help, and from how many own rows on they stop to."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Descriptor, Feature, Objective, Surrogate, Transfer
from batterymi.config.sources import Table
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.statistics.intervals import interval, q_squared, resampled, resamples
from batterymi.statistics.scores import paired_difference, scores
from batterymi.surrogates.models import GRIDS
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.validation import Method, learn, make_splits
from batterymi.vocabulary.splits import CHECKED, SPLIT

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
OWN = "own rows only"
GAIN = {"": "difference", "_lower": "lower", "_upper": "upper"}


class Strategies:
    """Ways to predict a task's rows with the help of another's.

    Every way is given the rows of the own task that it may learn from, the rows of related tasks, and the rows to
    predict; groups that are predicted stand in neither.
    """

    def __init__(self, problem: Problem, from_one: NDArray[np.bool_], name: str, seed: int) -> None:
        """Keep the problem and the model.

        Args:
            problem: own rows first, rows of related tasks behind.
            from_one: marks rows of the one related task that the strategies lean on, shape (n_rows,).
            name: the model.
            seed: its random state.
        """
        self._problem, self._from_one, self._name, self._seed = problem, from_one, name, seed
        self._base: dict[bytes, Array] = {}

    def ways(self, source: str) -> dict[str, Callable[[Rows, Rows, Rows], Array]]:
        """Each strategy by name; takes own rows, related rows, and rows to predict."""
        return {
            OWN: lambda own, others, test: self._learned(own, test),
            f"{source} only (zero-shot)": lambda own, others, test: self._of_source(others, test),
            f"pooled with {source}": lambda own, others, test: self._learned(
                np.concatenate([own, others[self._from_one[others]]]), test
            ),
            f"residual on a {source} model": self._residual,
            "pooled with all": lambda own, others, test: self._learned(np.concatenate([own, others]), test),
            "all others (zero-shot)": lambda own, others, test: self._learned(others, test),
        }

    def _learned(self, rows: Rows, test: Rows, target: Array | None = None) -> Array:
        """Predictions of a model that learned from some rows."""
        problem = self._problem if target is None else self._problem.observing(target)
        settings = GRIDS.get(self._name, ({},))[0]
        few = self._name == "histogram_boosting" and len(rows) < 100
        settings = {**settings, "min_samples_leaf": 2} if few else settings  # its default splits nothing below 40 rows
        model = learn(self._name, problem, rows, Method(), self._seed, settings)
        predicted: Array = model.predict(problem.frame.iloc[test])
        return predicted

    def _of_source(self, others: Rows, test: Rows) -> Array:
        """Predictions of a model that knows the one related task only; kept, since many draws ask for it."""
        rows = others[self._from_one[others]]
        key = rows.tobytes() + b"|" + test.tobytes()
        if key not in self._base:
            self._base[key] = self._learned(rows, test)
        return self._base[key]

    def _residual(self, own: Rows, others: Rows, test: Rows) -> Array:
        """The related task's model, corrected by one that learned its errors on own rows."""
        errors = self._problem.observed.copy()
        errors[own] -= self._of_source(others, own)
        return self._of_source(others, test) + self._learned(own, test, errors)


def compare_transfer(
    table_path: str,
    predictions_path: str,
    result_path: str,
    *,
    features: list[dict[str, Any]],
    descriptors: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    table: dict[str, Any],
    surrogate: dict[str, Any],
    transfer: dict[str, Any],
    seed: int,
) -> None:
    """Compare strategies of transfer by the same grouped folds, and over the number of own rows.

    Args:
        table_path: the study's table, with rows of related tasks.
        predictions_path: Parquet to write: held-out predictions of every strategy.
        result_path: JSON to write: scores, gains over own rows only, learning curves, verdict.
        features: settings of the features.
        descriptors: settings of the features that are computed from columns.
        objectives: settings of the objectives; the first is transferred.
        table: settings of the table.
        surrogate: settings of the comparison: folds and resamples.
        transfer: settings of the transfer.
        seed: the study's seed.
    """
    settings, choice = Surrogate(**surrogate), Transfer(**transfer)
    target, source = Objective(**objectives[0]), Table(**table)
    inputs = Inputs(tuple(Feature(**f) for f in features), tuple(Descriptor(**d) for d in descriptors))
    rows = read_frame(table_path, needs=[*(one["name"] for one in [*features, *objectives]), SPLIT])
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    computed = compute_descriptors(rows, inputs.descriptors)
    problem = make_problem(rows, computed, "transfer", inputs, target, source)
    ions = rows.set_index("line")["ion"].reindex(problem.lines).to_numpy()
    is_own = np.arange(len(problem.observed)) < problem.n_scored
    lean = np.isin(ions, choice.source) & ~is_own
    name = " and ".join(choice.source)
    ways = Strategies(problem, lean, choice.model, seed).ways(name)
    whole = _whole(problem, ways, settings, seed)
    curves = _curves(problem, ways, settings, choice, seed)
    source_task = _source_task(problem, np.flatnonzero(lean), choice.model, settings, seed)
    groups, observed, n = problem.scored_groups, problem.scored, settings.bootstraps
    draws = resamples(groups, n, seed)
    listed = []
    for way, predicted in whole.items():
        entry = {"strategy": way, **scores(observed, predicted, groups, n, seed)}
        if way != OWN:
            gain = paired_difference(np.abs(observed - whole[OWN]), np.abs(observed - predicted), groups, n, seed)
            r2 = resampled(q_squared, draws, observed, predicted) - resampled(q_squared, draws, observed, whole[OWN])
            entry |= {f"mae_gain{end}": gain[key] for end, key in GAIN.items()}
            entry |= dict(zip(("r2_gain_lower", "r2_gain_upper"), interval(r2), strict=True))
            entry["verdict"] = _verdict(gain)
        listed.append(entry)
    best = min((e for e in listed if e["strategy"] != OWN), key=lambda e: e["mae"])
    own = next(e for e in listed if e["strategy"] == OWN)
    result = {
        "model": choice.model,
        "source": list(choice.source),
        "source_task": source_task,
        "own_rows": problem.n_scored,
        "own": own,
        "best": best,
        "strategies": listed,
        "curves": curves,
        "worth_rows": _worth_rows(curves, best["strategy"], own["mae"]),
    }
    write_json(result_path, result)
    long = pd.DataFrame(
        {"line": problem.lines[: problem.n_scored], "group": list(map(str, groups)), "observed": observed}
    )
    write_parquet(predictions_path, long.assign(**whole))


def _whole(
    problem: Problem, ways: dict[str, Callable[[Rows, Rows, Rows], Array]], settings: Surrogate, seed: int
) -> dict[str, Array]:
    """Held-out predictions of every strategy with all own rows."""
    splits = make_splits(settings.folds, problem.groups, seed, problem.n_scored)
    predicted = {}
    for name, way in ways.items():
        predicted[name] = np.empty(problem.n_scored)
        for train, test in splits:
            own, others = train[train < problem.n_scored], train[train >= problem.n_scored]
            predicted[name][test] = way(own, others, test)
        logger.info("%s: MAE %.3f", name, np.abs(predicted[name] - problem.scored).mean())
    return predicted


def _source_task(problem: Problem, rows: Rows, model: str, settings: Surrogate, seed: int) -> dict[str, Any]:
    """Scores of the same model on the task that is leaned on, by folds of its own groups."""
    groups = [problem.groups[row] for row in rows]
    predicted, settings_of_model = np.empty(len(rows)), GRIDS.get(model, ({},))[0]
    for train, test in make_splits(settings.folds, groups, seed):
        fitted = learn(model, problem, rows[train], Method(), seed, settings_of_model)
        predicted[test] = fitted.predict(problem.frame.iloc[rows[test]])
    return scores(problem.observed[rows], predicted, groups, settings.bootstraps, seed)


def _curves(
    problem: Problem,
    ways: dict[str, Callable[[Rows, Rows, Rows], Array]],
    settings: Surrogate,
    choice: Transfer,
    seed: int,
) -> list[dict[str, Any]]:
    """Error of the strategies that use own rows, and gain over own rows only, by how many they have; with intervals."""
    splits = make_splits(settings.folds, problem.groups, seed, problem.n_scored)
    draws = resamples(problem.scored_groups, settings.bootstraps, seed)
    found: list[dict[str, Any]] = []
    alone: dict[int, Array] = {}
    for name in [one for one in ways if "zero-shot" not in one]:
        for size in choice.sizes:
            n_draws = choice.draws if "pooled" not in name else 1  # pooled models hardly depend on which own rows join
            miss = np.zeros(problem.n_scored)
            for draw in range(n_draws):
                rng = np.random.default_rng([seed, draw])
                for train, test in splits:
                    own, others = train[train < problem.n_scored], train[train >= problem.n_scored]
                    some = np.sort(rng.permutation(own)[:size])
                    miss[test] += np.abs(ways[name](some, others, test) - problem.observed[test]) / n_draws
            low, high = interval(resampled(lambda values: values.mean(axis=-1), draws, miss))
            used = int(min(size, min(len(train[train < problem.n_scored]) for train, _ in splits)))
            point = {"strategy": name, "rows": used, "mae": float(miss.mean()), "mae_lower": low, "mae_upper": high}
            if name == OWN:
                alone[size] = miss
            else:
                gain = paired_difference(alone[size], miss, problem.scored_groups, settings.bootstraps, seed)
                point |= {f"mae_gain{end}": gain[key] for end, key in GAIN.items()} | {"verdict": _verdict(gain)}
            found.append(point)
        logger.info("%s: learning curve done", name)
    return found


def _verdict(gain: dict[str, float]) -> str:
    """A gain whose interval includes zero is not a gain."""
    if gain["lower"] > 0:
        return "gain"
    return "negative" if gain["upper"] < 0 else "no gain shown"


def _worth_rows(curves: Sequence[dict[str, Any]], strategy: str, mae: float) -> int | None:
    """Own rows with which a strategy is as good as all own rows without transfer; None if never."""
    reached = [point["rows"] for point in curves if point["strategy"] == strategy and point["mae"] <= mae]
    return min(reached) if reached else None
