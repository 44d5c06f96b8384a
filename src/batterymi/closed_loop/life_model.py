"""The posterior of the lives of a list of protocols, given noisy tests.

The model is that of Attia et al. 2020: Bayesian linear regression on Nyström features of a Gaussian kernel. With as
many features as protocols that is the Gaussian process with that kernel, as campaigns use it too.
"""

from dataclasses import dataclass

import numpy as np

from batterymi.arrays import Array, Indices
from batterymi.optimise.engines.gaussian import pairwise_distances
from batterymi.optimise.engines.listed import ListedProcess

Arms = Indices

GAMMA = 1.0


@dataclass(frozen=True)
class Scale:
    """The paper's settings in cycles, for a set of lives.

    Attributes:
        prior_mean: life expected of every protocol before any test; in the paper the mean of an earlier batch of cells.
        deviation: standard deviation of a test about the true life, of cells and of early prediction, and at once that
            of the prior, which the paper sets alike.
    """

    prior_mean: float = 947.0
    deviation: float = 164.0

    def rescale_to_lives(self, lives: Array, reference: Array) -> "Scale":
        """Return the same settings for a different set of lives, in units of their mean and spread.

        So the rescaled problem differs from the reference in which protocols are good, not in how hard they are to
        distinguish.

        Args:
            lives: those to scale for, shape (n,).
            reference: those that this scale belongs to, shape (m,).
        """
        ratio = float(lives.std() / reference.std())
        return Scale(float(lives.mean()) + (self.prior_mean - float(reference.mean())) * ratio, self.deviation * ratio)


PAPER = Scale()


def make_prior(inputs: Array, scale: Scale = PAPER) -> ListedProcess:
    """Return the process of lives before any test.

    Args:
        inputs: features of the protocols, shape (n, d); in the paper the first three C-rates.
        scale: settings in cycles.
    """
    correlation = np.exp(-GAMMA * pairwise_distances(inputs, inputs) ** 2)
    return ListedProcess.make_prior(correlation, scale.deviation**2, scale.prior_mean)
