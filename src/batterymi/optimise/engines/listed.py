"""The Gaussian process at a list of designs: conditioned on some of them at once, without a new fit for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from batterymi.arrays import Array, Indices
from batterymi.optimise.engines.gaussian import take_root

FLOOR = 1e-12  # smallest variance that is left, in units of the prior's
LEAST_KNOWN = 1e-9  # smallest variance of a design that is assumed to have its mean


@dataclass(frozen=True)
class ListedProcess:
    """A Gaussian process at a list of designs.

    Attributes:
        mean: of the function at each design, shape (n,); for several fantasies shape (n, n_fantasies).
        variance: of it, without the noise of a measurement, shape (n,).
        correlation: of the function between designs before any value, shape (n, n).
        scale: variance of the function before any value.
        link: what known values take from the covariance is its square, shape (n_known, n).
    """

    mean: Array
    variance: Array
    correlation: Array
    scale: float
    link: Array

    @classmethod
    def make_prior(cls, correlation: Array, scale: float = 1.0, mean: float = 0.0) -> "ListedProcess":
        """Return the process before any value."""
        n = len(correlation)
        return cls(np.full(n, mean), np.full(n, scale), correlation, scale, np.empty((0, n)))

    def covariance(self, rows: Indices) -> Array:
        """Return the covariance of some designs with all, shape (n_rows, n)."""
        return self.scale * self.correlation[rows] - self.link[:, rows].T @ self.link

    def condition_on(self, rows: Indices, values: Array, noise: float) -> "ListedProcess":
        """Return the process given measurements.

        Args:
            rows: places of the designs measured, shape (m,); one may occur more than once.
            values: measured, shape (m,).
            noise: variance of a measurement.
        """
        covariance = self.covariance(rows)
        root = take_root(covariance[:, rows], noise)
        step = solve_triangular(root, covariance, lower=True, check_finite=False)
        white = solve_triangular(root, values - self.mean[rows], lower=True, check_finite=False)
        return replace(
            self,
            mean=self.mean + step.T @ white,
            variance=np.maximum(self.variance - (step**2).sum(axis=0), FLOOR * self.scale),
            link=np.vstack([self.link, step]),
        )

    def assume_mean(self, row: int) -> "ListedProcess":
        """Return the process as if a design were known to have its mean.

        This is the kriging believer (Ginsbourger et al. 2010, doi:10.1007/978-3-642-10701-6_6).
        """
        covariance = self.covariance(np.array([row]))[0]
        step = covariance / np.sqrt(max(covariance[row], LEAST_KNOWN))
        return replace(self, variance=np.maximum(self.variance - step**2, FLOOR), link=np.vstack([self.link, step]))

    def assume_drawn(self, row: int, deviates: Array) -> "ListedProcess":
        """Return the process as if a design were known to have values that are drawn from what it may have.

        Args:
            row: its place.
            deviates: standard normal deviates, shape (n_fantasies,), for which the mean gets a second axis.
        """
        covariance = self.covariance(np.array([row]))[0]
        step = covariance / np.sqrt(max(covariance[row], LEAST_KNOWN))
        mean = self.mean.reshape(len(step), -1) + step[:, None] * deviates
        variance = np.maximum(self.variance - step**2, FLOOR)
        return replace(self, mean=mean, variance=variance, link=np.vstack([self.link, step]))

    def rescale(self, scale: float) -> "ListedProcess":
        """Return the process with all covariances multiplied by a number."""
        return replace(self, variance=scale * self.variance, scale=scale * self.scale, link=np.sqrt(scale) * self.link)


def fit_listed(correlations: Sequence[Array], noises: Sequence[float], rows: Indices, values: Array) -> ListedProcess:
    """Choose length scale and noise from a grid by marginal likelihood, and condition on values.

    Args:
        correlations: between all designs of the list, for each length scale, each of shape (n, n).
        noises: variances of a measurement, in units of the variance of the function.
        rows: places of the designs measured.
        values: standardised, shape (n_rows,).

    Returns:
        The process; its scale is the one of largest likelihood, as a closed form.
    """
    n = len(values)
    best = (-np.inf, correlations[0], 0.0, 0.0)
    for correlation in correlations:
        within = correlation[np.ix_(rows, rows)]
        for noise in noises:
            root = take_root(within.copy(), noise)
            white = solve_triangular(root, values, lower=True, check_finite=False)
            scale = max(float(white @ white) / n, 1e-12)
            likelihood = -0.5 * n * np.log(scale) - float(np.log(np.diag(root)).sum())
            if likelihood > best[0]:
                best = (likelihood, correlation, noise, scale)
    _, correlation, noise, scale = best
    return ListedProcess.make_prior(correlation).condition_on(rows, values, noise).rescale(scale)
