"""What noisy tests say of the lives of a list of protocols.

The model is that of Attia et al. 2020: Bayesian linear regression on Nyström features of a Gaussian kernel. With as
many features as protocols that is the Gaussian process with that kernel, in which form it is computed here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Array = NDArray[np.float64]
Arms = NDArray[np.intp]

GAMMA = 1.0


@dataclass(frozen=True)
class Scale:
    """What the paper's settings in cycles are for a set of lives.

    Attributes:
        prior_mean: life expected of every protocol before any test; in the paper the mean of an earlier batch of cells.
        deviation: standard deviation of a test about the true life, of cells and of early prediction, and at once that
            of the prior, which the paper sets alike.
    """

    prior_mean: float = 947.0
    deviation: float = 164.0

    def carried_over(self, lives: Array, reference: Array) -> "Scale":
        """The same settings for other lives: as far from their mean, and as wide, in units of their spread.

        So the other problem differs from the reference in which protocols are good, not in how hard they are to tell
        apart.

        Args:
            lives: those to scale for, shape (n,).
            reference: those that this scale belongs to, shape (m,).
        """
        ratio = float(lives.std() / reference.std())
        return Scale(float(lives.mean()) + (self.prior_mean - float(reference.mean())) * ratio, self.deviation * ratio)


PAPER = Scale()


@dataclass(frozen=True)
class Model:
    """What tests say of all protocols.

    Attributes:
        mean: of each protocol's life, shape (n,).
        covariance: of them, shape (n, n).
        noise: standard deviation of a test.
    """

    mean: Array
    covariance: Array
    noise: float

    @classmethod
    def prior(cls, inputs: Array, scale: Scale = PAPER) -> "Model":
        """Before any test.

        Args:
            inputs: what protocols differ in, shape (n, d); in the paper the first three C-rates.
            scale: settings in cycles.
        """
        squares = ((inputs[:, None, :] - inputs[None, :, :]) ** 2).sum(axis=2)
        kernel = scale.deviation**2 * np.exp(-GAMMA * squares)
        return cls(np.full(len(inputs), scale.prior_mean), kernel, scale.deviation)

    @property
    def deviation(self) -> Array:
        """Standard deviation of each protocol's life, shape (n,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), (1e-6 * self.noise) ** 2))

    def given(self, arms: Arms, lives: Array) -> "Model":
        """After more tests; what was believed before is the prior.

        Args:
            arms: which protocol each was of, shape (m,); one may occur more than once.
            lives: observed, shape (m,).
        """
        link = self.covariance[:, arms]
        factor = cho_factor(link[arms] + self.noise**2 * np.eye(len(arms)), lower=True)
        gain = cho_solve(factor, link.T)
        mean = self.mean + (lives - self.mean[arms]) @ gain
        return Model(mean, self.covariance - link @ gain, self.noise)
