"""An engine over a finite list: an exact Gaussian process, and batches by expected improvement."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.stats import norm

Array = NDArray[np.float64]
LENGTHS = (0.3, 1.0, 3.0)  # in units of the median distance between rows
NOISES = (0.01, 0.1, 0.5)  # variance, in units of the variance of the values


class PoolKernels:
    """Matérn 5/2 correlations between all rows of a pool, computed once and shared by all campaigns."""

    def __init__(self, matrix: Array) -> None:
        """Compute the correlations.

        Args:
            matrix: scaled inputs of the pool, shape (n_rows, n_columns).
        """
        squares = (matrix**2).sum(axis=1)
        distance = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * matrix @ matrix.T, 0.0))
        above = distance[np.triu_indices(len(matrix), 1)]
        typical = float(np.median(above[above > 0])) if (above > 0).any() else 1.0
        self.correlations = [_matern(distance / (length * typical)) for length in LENGTHS]

    def __len__(self) -> int:
        """Rows of the pool."""
        return len(self.correlations[0])


class PoolEngine:
    """Asks for the rows of a pool that promise most.

    Length scale and noise are chosen anew for each batch from nine pairs, by marginal likelihood. A batch is filled one
    by one: after each choice the variance is updated as if the row were known to have its mean (kriging believer,
    Ginsbourger et al. 2010, doi:10.1007/978-3-642-10701-6_6), so that the batch spreads.
    """

    def __init__(self, kernels: PoolKernels) -> None:
        """Start without any value.

        Args:
            kernels: correlations of the pool.
        """
        self._kernels = kernels
        self._known: list[int] = []
        self._values: list[float] = []

    def tell(self, rows: NDArray[np.intp], values: Array) -> None:
        """Learn values to minimise.

        Args:
            rows: indices in the pool, shape (n,).
            values: shape (n,).
        """
        self._known += [int(row) for row in rows]
        self._values += [float(value) for value in values]

    def ask(self, n: int) -> NDArray[np.intp]:
        """Choose rows that are not known yet.

        Args:
            n: how many; fewer are returned if fewer are left.

        Returns:
            Indices in the pool.
        """
        values = np.array(self._values)
        spread = float(values.std()) or 1.0
        scaled = (values - values.mean()) / spread
        mean, variance, link, correlation = self._posterior(scaled)
        open_rows = np.ones(len(self._kernels), dtype=bool)
        open_rows[self._known] = False
        best, chosen = float(scaled.min()), []
        for _ in range(min(n, int(open_rows.sum()))):
            promise = np.where(open_rows, _expected_improvement(mean, variance, best), -np.inf)
            row = int(np.argmax(promise))
            chosen.append(row)
            open_rows[row] = False
            covariance = correlation[row] - link.T @ link[:, row]
            step = covariance / np.sqrt(max(covariance[row], 1e-9))
            link = np.vstack([link, step])
            variance = np.maximum(variance - step**2, 1e-12)
        return np.array(chosen, dtype=np.intp)

    def _posterior(self, values: Array) -> tuple[Array, Array, Array, Array]:
        """Means and variances of the pool, the factor that links it with the known rows, and its correlations."""
        known = np.array(self._known)
        best: tuple[float, Array, Array, Array] | None = None
        for correlation in self._kernels.correlations:
            within = correlation[np.ix_(known, known)]
            for noise in NOISES:
                root = cholesky(within + noise * np.eye(len(known)), lower=True, check_finite=False)
                white = solve_triangular(root, values, lower=True, check_finite=False)
                # the scale of the process is the one of largest likelihood, as a closed form
                n = len(values)
                scale = float(white @ white) / n
                likelihood = -0.5 * n * np.log(max(scale, 1e-12)) - float(np.log(np.diag(root)).sum())
                if best is None or likelihood > best[0]:
                    best = (likelihood, root, white, correlation)
        assert best is not None
        _, root, white, correlation = best
        link = solve_triangular(root, correlation[known], lower=True, check_finite=False)
        variance = np.maximum(1 - (link**2).sum(axis=0), 1e-12)
        scale = max(float(white @ white) / len(values), 1e-12)
        return link.T @ white, scale * variance, np.sqrt(scale) * link, scale * correlation


def _matern(scaled: Array) -> Array:
    """Matérn 5/2 correlation of scaled distances."""
    root = np.sqrt(5.0) * scaled
    return (1 + root + root**2 / 3) * np.exp(-root)


def _expected_improvement(mean: Array, variance: Array, best: float) -> Array:
    """Expected amount by which a value falls below the best."""
    deviation = np.sqrt(variance)
    z = (best - mean) / deviation
    gain: Array = deviation * (z * norm.cdf(z) + norm.pdf(z))
    return gain
