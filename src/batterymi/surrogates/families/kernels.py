"""Models that are functions of distances to the rows they learned from."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import pdist, squareform
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.svm import SVR

from batterymi.arrays import Array
from batterymi.surrogates.distances import FEW_COLUMNS, Points, Rows
from batterymi.surrogates.model import Model, Options, join_predictions

SMALLEST_SPREAD = 1e-9
NO_SPREAD = 10 * float(np.finfo(float).eps)  # of observations that the library takes to be all the same
SMALLEST_ALPHA = 1e-10  # the library's own, added to the diagonal of a covariance


class KernelModel(Model):
    """A model of squared distances, which screens share between predictions and the applicability domain.

    In few columns scikit-learn's own predictions cost as much, and are taken.
    """

    def predict_encoded(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads of encoded rows."""
        if rows.matrix.shape[1] <= FEW_COLUMNS:
            return self.predict_by_library(rows)
        return join_predictions([self.predict_by_distance(piece) for piece in rows.split()])

    def predict_by_library(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads as scikit-learn makes them."""
        return super().predict_encoded(rows)

    @abstractmethod
    def predict_by_distance(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and spreads from squared distances."""


class GaussianProcess(KernelModel):
    """A Gaussian process with a Matérn 5/2 kernel and noise; its spread is its own standard deviation.

    The kernel's parameters maximise the marginal likelihood of the rows.
    """

    knows_distance = True

    trusted = (
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
    )

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> GaussianProcessRegressor:
        """Return the unfitted regressor."""
        smooth = Matern(length_scale=1.0, length_scale_bounds=(0.1, 100.0), nu=2.5)
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * smooth + WhiteKernel(1e-3, (1e-8, 1.0))
        return GaussianProcessRegressor(kernel, normalize_y=True, random_state=options.seed)

    def fit_encoded(self, matrix: Array, observed: Array, errors: Array | None = None) -> None:
        """Fit the regressor to encoded rows; known errors add to the noise that is fitted."""
        if errors is not None:
            known = errors[np.isfinite(errors)]
            # rows without an error are taken to have a typical one
            typical = float(np.median(known)) if len(known) else 0.0
            scaled = np.where(np.isfinite(errors), errors, typical) / (float(np.std(observed)) or 1.0)
            self.regressor.set_params(alpha=np.maximum(scaled**2, SMALLEST_ALPHA))
        # by name, since a stored model holds no function of ours
        usual = self.regressor.optimizer
        self.regressor.set_params(optimizer=LikelihoodSearch(matrix, observed, self.regressor.alpha).find_maximum)
        self.regressor.fit(matrix, observed)
        self.regressor.set_params(optimizer=usual)

    @cached_property
    def _learned(self) -> tuple[Points, Array]:
        """Rows that it learned from, and the Cholesky factor of their covariance in the order that BLAS takes."""
        return Points(self.regressor.X_train_), np.asfortranarray(self.regressor.L_)

    def predict_by_library(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and standard deviations as scikit-learn makes them."""
        mean, spread = self.regressor.predict(rows.matrix, return_std=True)
        return mean, np.maximum(spread, SMALLEST_SPREAD)

    def predict_by_distance(self, rows: Rows) -> tuple[Array, Array]:
        """Return means and standard deviations of the posterior (Rasmussen and Williams 2006, algorithm 2.1)."""
        points, factor = self._learned
        model, kernel = self.regressor, self.regressor.kernel_
        scale, noise = kernel.k1.k1.constant_value, kernel.k2.noise_level
        scaled = np.sqrt(5 * rows.square_distances(points)) / float(kernel.k1.k2.length_scale)
        covariance = scale * (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
        mean = covariance @ model.alpha_
        solved = solve_triangular(factor, covariance.T, lower=True, check_finite=False)
        # rounding can make the variance beside a known row negative
        variance = np.maximum(scale + noise - np.einsum("ij,ij->j", solved, solved), 0)
        width = float(model._y_train_std)
        return mean * width + float(model._y_train_mean), np.maximum(np.sqrt(variance) * width, SMALLEST_SPREAD)


class LikelihoodSearch:
    """The search for the kernel parameters of a Gaussian process, as scikit-learn's, with distances measured once.

    The library measures all distances again in each of about a hundred steps, for every parameter.
    """

    def __init__(self, matrix: Array, observed: Array, alpha: Array | float) -> None:
        """Prepare what no parameter changes.

        Args:
            matrix: encoded rows, shape (n, n_columns).
            observed: shape (n,).
            alpha: known variances, in squared deviations of the observations, shape (n,) or one number.
        """
        deviation = float(np.std(observed))
        self._observed = (observed - observed.mean()) / (deviation if deviation > NO_SPREAD else 1.0)
        self._distance = np.sqrt(5.0) * squareform(pdist(matrix))
        self._alpha = alpha

    def find_maximum(self, objective: Any, initial: Array, bounds: Array) -> tuple[Array, float]:
        """Return the logarithms of scale, length and noise of largest marginal likelihood, and its negative.

        Args:
            objective: the library's own, which is not needed.
            initial: where to start, shape (3,).
            bounds: shape (3, 2).
        """
        found = minimize(self.compute_misfit, initial, method="L-BFGS-B", jac=True, bounds=bounds)
        return found.x, float(found.fun)

    def compute_misfit(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log marginal likelihood and its gradient (Rasmussen and Williams 2006, 5.8 and 5.9)."""
        scale, length, noise = np.exp(theta)
        scaled = self._distance / length
        decay = scale * np.exp(-scaled)
        smooth = decay * (1 + scaled + scaled**2 / 3)
        covariance = smooth.copy()
        covariance.flat[:: len(covariance) + 1] += noise + self._alpha
        try:
            factor = cholesky(covariance, lower=True, check_finite=False)
        except LinAlgError:
            return np.inf, np.zeros(3)
        inverse = cho_solve((factor, True), np.eye(len(factor)), check_finite=False)
        weights = inverse @ self._observed
        likelihood = (
            -0.5 * self._observed @ weights - np.log(np.diag(factor)).sum() - len(factor) / 2 * np.log(2 * np.pi)
        )
        inner = np.outer(weights, weights) - inverse
        by_length = decay * scaled**2 * (1 + scaled) / 3
        slopes = [(inner * smooth).sum(), (inner * by_length).sum(), noise * np.trace(inner)]
        return -float(likelihood), -0.5 * np.array(slopes)


class SupportVector(KernelModel):
    """Support vector regression with a Gaussian kernel."""

    grid = ({"C": 10.0}, {"C": 2.0})

    def make_regressor(self, options: Options, settings: Mapping[str, Any]) -> SVR:
        """Return the unfitted regressor."""
        return SVR(**{"C": 10.0, **settings})

    @cached_property
    def _learned(self) -> Points:
        """Return the support vectors."""
        return Points(self.regressor.support_vectors_)

    def predict_by_distance(self, rows: Rows) -> tuple[Array, Array]:
        """Return means, and spreads of 1."""
        model = self.regressor
        kernel = np.exp(-model._gamma * rows.square_distances(self._learned))
        return kernel @ model.dual_coef_[0] + float(model.intercept_[0]), np.ones(len(rows))
