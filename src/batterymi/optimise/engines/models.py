"""Models of a campaign's outcomes: one Gaussian process each, and the probability that an experiment succeeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.goals import Window
from batterymi.optimise.engines.acquisition import compute_log_probability_below
from batterymi.optimise.engines.gaussian import EXACT, GaussianProcess, fit_process
from batterymi.optimise.engines.warp import Warp, fit_standardisation, fit_warp
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.measured import name_error_column, name_missing_column
from batterymi.vocabulary.splits import PENDING

OUTLIER = 3.0  # interquartile ranges beyond the quartiles
MIN_REPLICATES = 3  # of a design from which its own variance is used
LABEL_NOISE = 0.01
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
PRIOR_STRENGTH = 4.0  # weight of the common variance, in replicates


@dataclass(frozen=True)
class OutcomeModel:
    """A process of one outcome, with the scale that it is modelled on.

    Attributes:
        process: of the outcome on that scale.
        warp: the scale.
    """

    process: GaussianProcess
    warp: Warp

    def extend_inputs(self, inputs: Array) -> Array:
        """Return inputs as the process takes them."""
        return inputs

    def predict_scaled(self, inputs: Array) -> tuple[Array, Array]:
        """Return mean and variance on the scale, each of shape (n,)."""
        return self.process.predict(self.extend_inputs(inputs))

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Return mean and variance in the outcome's unit, shape (n,); on a bent scale median and like variance."""
        return self.warp.untransform_moments(*self.predict_scaled(inputs))

    def condition_on(self, inputs: Array) -> Self:
        """Return the model as if inputs had their predicted means.

        This is the kriging believer (Ginsbourger et al. 2010, doi:10.1007/978-3-642-10701-6_6).
        """
        mean, _ = self.predict_scaled(inputs)
        return replace(self, process=self.process.condition_on(self.extend_inputs(inputs), mean))

    def as_float32(self) -> Self:
        """Return the model in single precision, to shorten long lists quickly."""
        return replace(self, process=self.process.as_float32())


@dataclass(frozen=True)
class Replicates:
    """Different designs, with the mean and the number of their measurements.

    Attributes:
        codes: shape (n, n_features).
        group: which design each row is, shape (n_rows,).
        counts: measurements of each design, shape (n,).
    """

    codes: Array
    group: Indices
    counts: Array

    def mean(self, values: Array) -> Array:
        """Return the mean of each design, shape (n,)."""
        return np.bincount(self.group, values) / self.counts

    def combine(self, values: Array, errors: Array | None) -> tuple[Array, Array | None]:
        """Return the mean of each design, and its variance, each of shape (n,).

        Measurements are weighted by the inverse of their variances: the square of the error, and by how much more than
        that repeats scatter. A measurement without an error has the variance of repeats.

        Args:
            values: measurements, shape (n_rows,).
            errors: standard deviation of each, NaN where unknown; None if none is known.

        Returns:
            Means and variances; variances are NaN where they are unknown, and None where all are.
        """
        if errors is None or np.isnan(errors).all():
            return self.mean(values), self.noise(values)
        is_known, freedom = np.isfinite(errors), len(values) - len(self.counts)
        variances = np.square(errors)
        if freedom < 1:
            # one measurement of each design, so that a mean is the value itself
            return self.mean(values), np.asarray(np.bincount(self.group, variances), float)
        common = np.square(values - self.mean(values)[self.group]).sum() / freedom
        share = np.where(is_known, 1 - 1 / self.counts[self.group], 0.0)
        expected = (share[is_known] * variances[is_known]).sum() / max(share.sum(), 1e-300)
        beyond = max(common - expected, 0.0) if share.sum() > 0 else 0.0
        variances = np.where(is_known, variances + beyond, common)
        weights = 1 / np.maximum(variances, EXACT * max(float(np.var(values)), 1e-300))
        total = np.bincount(self.group, weights)
        return np.bincount(self.group, weights * values) / total, 1 / total

    def noise(self, values: Array) -> Array | None:
        """Return the variance of each design's mean from the scatter of repeats; None where no design was repeated.

        The common variance is that of all replicates about their means. A design measured three times or more has its
        own, shrunk towards the common one.
        """
        freedom = len(values) - len(self.counts)
        if freedom < 1:
            return None
        squares = np.bincount(self.group, (values - self.mean(values)[self.group]) ** 2)
        common = squares.sum() / freedom
        # shrunk to the common variance, since few replicates estimate a variance poorly
        own = (PRIOR_STRENGTH * common + squares) / (PRIOR_STRENGTH + self.counts - 1)
        return np.where(self.counts >= MIN_REPLICATES, own, common) / self.counts


def group_replicates(codes: Array) -> Replicates:
    """Group the measurements of one design together."""
    unique, first, group, counts = np.unique(codes, axis=0, return_index=True, return_inverse=True, return_counts=True)
    # in order of appearance, so that the newest row stays last
    order = np.argsort(first)
    # the inverse permutation renumbers the groups
    return Replicates(unique[order], np.argsort(order)[group.ravel()], counts[order].astype(float))


def fit_outcome(
    inputs: Array,
    replicates: Replicates,
    values: Array,
    *,
    search: Search,
    name: str,
    rng: np.random.Generator,
    bend: bool = False,
    errors: Array | None = None,
) -> OutcomeModel:
    """Fit a process to one outcome.

    Args:
        inputs: of the different designs, shape (n, n_inputs).
        replicates: the designs.
        values: measurements, shape (n_rows,).
        search: whether a second measurement would differ, and what is of no use, so that outliers there are winsorised.
        name: of the outcome.
        rng: of the fit.
        bend: whether to warp it to the scale on which it looks most normal.
        errors: standard deviation of each measurement, NaN where unknown; None if none is known.

    Returns:
        The process.
    """
    mean, noise = replicates.combine(values, errors) if search.is_noisy else (replicates.mean(values), None)
    mean = winsorise_values(mean, search.get_bad_side(name), search.find_window(name))
    shape = mean if errors is None or noise is None else shrink_values(mean, noise)
    warp = fit_warp(shape) if bend else fit_standardisation(shape)
    if not search.is_noisy:
        known: Array | None = np.full(len(mean), EXACT)
    else:
        # delta method: a small variance scales with the squared slope of the warp
        known = None if noise is None else np.maximum(noise * warp.compute_derivative(mean) ** 2, EXACT)
    return OutcomeModel(fit_process(inputs, warp.transform(mean), known, rng), warp)


def winsorise_values(values: Array, bad: str, window: Window | None = None) -> Array:
    """Return values clipped on the bad side at three interquartile ranges beyond the quartiles.

    Otherwise one failed experiment would set the scale of all others, and the differences between good designs would
    vanish. Values up to as far beyond a target are kept, since they tell where it is hit.
    """
    # quartiles of so few values cannot reveal outliers
    if len(values) < 6:
        return values
    low, high = np.quantile(values, [0.25, 0.75])
    margin = OUTLIER * (high - low)
    if margin <= 0:
        return values
    if window is not None:
        low, high = min(low, window.low), max(high, window.high)
    top = high + margin if bad in ("high", "both") else np.inf
    bottom = low - margin if bad in ("low", "both") else -np.inf
    return np.clip(values, bottom, top)


def shrink_values(values: Array, noise: Array) -> Array:
    """Return values drawn towards their mean by their noise, so that one of large error does not set the scale.

    Args:
        values: shape (n,).
        noise: variance of each, NaN where unknown, which draws nothing.
    """
    # of the median distance, which one wild value does not change
    between = float((MAD_TO_DEVIATION * np.median(np.abs(values - np.median(values)))) ** 2)
    if between <= 0:
        return values
    kept = between / (between + np.nan_to_num(noise))
    centre = float((kept * values).sum() / kept.sum())
    return centre + kept * (values - centre)


class SuccessModel:
    """The probability that an experiment succeeds, learned from those that failed.

    A Gaussian process is fitted to 1 where one succeeded and to -1 where it failed, and the probability is that of
    being above 0: least-squares classification (Rasmussen and Williams 2006, section 6.5), which is sure among failures
    where the Laplace approximation of the logistic one stays near a half on tables of this size.
    """

    def __init__(self, space: Space, succeeded: Array, failed: Array, rng: np.random.Generator) -> None:
        """Fit the process.

        Args:
            space: where designs come from.
            succeeded: designs that gave a result, in codes.
            failed: designs that gave none, in codes.
            rng: of the fit.
        """
        self._space = space
        inputs = space.inputs(np.vstack([succeeded, failed]))
        labels = np.concatenate([np.ones(len(succeeded)), -np.ones(len(failed))])
        self._process = fit_process(inputs, labels, np.full(len(labels), LABEL_NOISE), rng)

    def log_probability(self, codes: Array) -> Array:
        """Return the logarithm of the probability that experiments succeed, shape (n,)."""
        mean, variance = self._process.predict(self._space.inputs(codes))
        return compute_log_probability_below(-mean, variance + LABEL_NOISE, 0.0)


def has_any_outcome(history: pd.DataFrame, names: Sequence[str]) -> Mask:
    """Return which rows have some of the outcomes, shape (n_rows,)."""
    return history[list(names)].astype(float).notna().any(axis=1).to_numpy()


def is_under_way(history: pd.DataFrame, name: str) -> Mask:
    """Return which measured rows still wait for an outcome, shape (n_rows,)."""
    column = name_missing_column(name)
    return (history[column] == PENDING).to_numpy() if column in history else np.zeros(len(history), dtype=bool)


def select_measured(space: Space, history: pd.DataFrame, name: str) -> tuple[Replicates, Array, Array | None]:
    """Return the designs that have an outcome, its measurements, and their errors, None if none is known."""
    rows = history[history[name].notna()]
    column = name_error_column(name)
    errors = rows[column].to_numpy(float) if column in rows else np.full(len(rows), np.nan)
    known = None if np.isnan(errors).all() else errors
    return group_replicates(space.codes(rows)), rows[name].to_numpy(float), known


def list_succeeded(space: Space, known: pd.DataFrame) -> Array:
    """Return the different designs of rows that did not fail, in codes."""
    places = np.flatnonzero(known["failure"].to_numpy() == "")
    return group_replicates(space.codes(known.iloc[places])).codes


def has_all_outcomes(history: pd.DataFrame, names: Sequence[str]) -> Mask:
    """Return which rows have all outcomes, shape (n_rows,)."""
    good = history[list(names)].astype(float).notna().all(axis=1).to_numpy()
    return good & (history["failure"] == "").to_numpy()


def predict_means(models: Mapping[str, OutcomeModel], inputs: Array) -> pd.DataFrame:
    """Return the mean of every outcome, shape (n, n_outcomes)."""
    return pd.DataFrame({name: model.predict(inputs)[0] for name, model in models.items()})
