"""Which model for how many rows: held-out errors of all models on random subsamples of a table."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from batterymi.arrays import Array, Indices
from batterymi.config.slices.methods import MODELS
from batterymi.surrogates.model import find_model
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import Method, fit_on_rows

SIZES = (10, 20, 50, 100, 200, 500, 1000, 2000)
TEST_SHARE = 0.2
MANY_ROWS = 500  # from here on half the draws
MOST_ROWS = {"gaussian_process": 1000}  # its time grows with the cube of the rows
SEARCHED = 0.5  # of a table's rows are at most drawn, or all draws would be alike


def list_sizes(n_rows: int) -> list[int]:
    """Return the numbers of rows that a table is large enough for."""
    return [size for size in SIZES if size <= SEARCHED * n_rows]


def measure_sizes(
    problem: Problem, method: Method, seed: int, draws: int, report: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Measure the error of every model over the number of rows that it learned from.

    In each draw whole groups are held out, a fifth of the rows, and models learn from random rows of the other groups;
    a small sample is a part of the larger ones. Hyperparameters are those that `choose_settings` gives, since on ten
    rows none can be tuned.

    Args:
        problem: all of its rows are used, and none on both sides.
        method: how models are fitted.
        seed: of the draws.
        draws: repeats, half as many from 500 rows on.
        report: called with the finished and all draws.

    Returns:
        One row for each size, draw and model: `rows`, `draw`, `model`, `mae`, `mae_dummy` (of the mean of the same
        sample), `tested` rows.
    """
    sizes, found = list_sizes(len(problem.observed)), []
    for draw in range(draws):
        order, test = _draw_rows(problem.groups, np.random.default_rng([seed, draw]))
        # a bound is no value to be near to
        test = test[problem.censored[test] == 0]
        for size in sizes:
            if size > len(order) or (size >= MANY_ROWS and draw >= (draws + 1) // 2):
                continue
            rows = order[:size]
            observed = problem.observed[test]
            plain = float(np.abs(observed - problem.observed[rows].mean()).mean())
            for name in MODELS:
                if size > MOST_ROWS.get(name, size):
                    continue
                model = fit_on_rows(name, problem, rows, method, seed, find_model(name).choose_settings(size))
                miss = np.abs(observed - model.predict_mean(problem.frame.iloc[test]))
                entry = {"rows": size, "draw": draw, "model": name, "mae": float(miss.mean())}
                found.append(entry | {"mae_dummy": plain, "tested": len(test)})
        if report:
            report(draw + 1, draws)
    return pd.DataFrame(found)


def _draw_rows(groups: Sequence[object], rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return rows to learn from, in random order, and the rows of the groups that are held out."""
    labels = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    order = rng.permutation(labels.max() + 1)
    counts = np.cumsum(np.bincount(labels)[order])
    # at least one group, and never all
    n_held = min(int(np.searchsorted(counts, TEST_SHARE * len(labels))) + 1, len(order) - 1)
    is_held = np.isin(labels, order[:n_held])
    return rng.permutation(np.flatnonzero(~is_held)), np.flatnonzero(is_held)


def compare_sizes(measured: pd.DataFrame) -> pd.DataFrame:
    """Compare models by size, within each study.

    Errors are taken relative to that of the mean of the same sample. A model is tied with the best where the 95 %
    interval of the difference of their logarithms over draws includes zero: Student's t, its variance raised by the
    share of test to training rows, since draws overlap (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).

    Args:
        measured: tables of `measure_sizes`, with `study`.

    Returns:
        One row for each study, size and model: `ratio` (geometric mean over draws) with `lower` and `upper`, `draws`,
        `is_best`, `is_tied` (the best included), and `has_skill`, whether the interval lies below 1.
    """
    found = []
    logs = measured.assign(log=np.log(measured["mae"] / measured["mae_dummy"]))
    for (study, size), part in logs.groupby(["study", "rows"], sort=False):
        wide = part.pivot(index="draw", columns="model", values="log")
        best = str(wide.mean().idxmin())
        for name in wide.columns:
            values = wide[name].to_numpy()
            middle, half = float(values.mean()), compute_half_width(values)
            away = wide[name].to_numpy() - wide[best].to_numpy()
            found.append(
                {
                    "study": study,
                    "rows": size,
                    "model": name,
                    "ratio": float(np.exp(middle)),
                    "lower": float(np.exp(middle - half)),
                    "upper": float(np.exp(middle + half)),
                    "draws": len(values),
                    "is_best": name == best,
                    "is_tied": name == best or bool(away.mean() <= compute_half_width(away)),
                    "has_skill": bool(middle + half < 0),
                }
            )
    return pd.DataFrame(found)


def compute_half_width(values: Array) -> float:
    """Return the half width of the 95 % interval of a mean over draws that overlap; infinite for one draw."""
    n = len(values)
    if n < 2:
        return float("inf")
    variance = float(np.var(values, ddof=1)) * (1 / n + TEST_SHARE / (1 - TEST_SHARE))
    return float(stats.t.ppf(0.975, n - 1)) * variance**0.5


def rank_models(compared: pd.DataFrame) -> pd.DataFrame:
    """Count in how many studies each model is the best, tied with it, or has skill, for each size.

    Args:
        compared: of `compare_sizes`.

    Returns:
        One row for each size and model: `studies`, `best_in`, `tied_in`, `skill_in`, and `ratio`, the geometric mean
        over studies.
    """
    grouped = compared.assign(log=np.log(compared["ratio"])).groupby(["rows", "model"], sort=True)
    table = grouped.agg(
        studies=("study", "nunique"),
        best_in=("is_best", "sum"),
        tied_in=("is_tied", "sum"),
        skill_in=("has_skill", "sum"),
        ratio=("log", "mean"),
    ).reset_index()
    table["ratio"] = np.exp(table["ratio"])
    return table.sort_values(["rows", "ratio"], kind="stable").reset_index(drop=True)


def describe_methods(ranked: pd.DataFrame) -> list[str]:
    """Return one sentence for each number of rows: which models are shown worse nowhere, and which have skill at all.

    A wide interval includes zero, too: models that do worse than the mean on average are not among those named.
    """
    sentences = []
    for size, part in ranked.groupby("rows", sort=True):
        studies = int(part["studies"].max())
        useful = part[part["ratio"] < 1]
        counted = f"{size} rows ({studies} {'study' if studies == 1 else 'studies'})"
        if useful.empty:
            sentences.append(f"{counted}: no model does better than the mean on average")
            continue
        tied = int(useful["tied_in"].max())
        top = useful[useful["tied_in"] == tied].sort_values("ratio", kind="stable")
        names = ", ".join(f"{str(row.model).replace('_', ' ')} ({row.ratio:.2f})" for row in top.itertuples())
        sentences.append(
            f"{counted}: no difference from the best model shown in {tied}: {names}, in brackets the error relative to "
            f"the mean's; skill is shown in {int(useful['skill_in'].max())} at most"
        )
    return sentences
