"""The largest share of the NCM front's volume that 80 evaluations can reach when all outcomes are known beforehand.

python benchmarks/campaigns/ceiling.py [--seeds 20]

Designs are chosen after the shared start, each where it adds most; then each is moved to where it adds most beside the
rest, until no move gains. That is a local optimum over a grid of compositions: a ceiling for campaigns in practice,
not a proof.
"""

import argparse
import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from problems import BenchmarkCase, make_problems
from threadpoolctl import threadpool_limits

from batterymi.optimise.space.hypervolume import compute_hypervolume, partition_nondominated

Array = NDArray[np.float64]
STEP = 0.00125  # of the grid
COMPARED_AT = (40, 80)


def designs(case: BenchmarkCase) -> pd.DataFrame:
    """Compositions of a grid over the space."""
    first, second, third = case.space.names
    low, high = ({feature.name: feature.bounds[i] for feature in case.space.features} for i in (0, 1))
    axes = [np.linspace(low[n], high[n], round((high[n] - low[n]) / STEP) + 1) for n in (first, second)]
    x, y = (axis.ravel() for axis in np.meshgrid(*axes))
    grid = pd.DataFrame({first: x, second: y, third: 1 - x - y})
    return grid[grid[third].between(low[third], high[third])]


def gains(front: Array, costs: Array, reference: Array) -> Array:
    """Volume that each of some points would add to a front, shape (n,)."""
    cells = partition_nondominated(front, reference)
    added = np.zeros(len(costs))
    for lower, upper in zip(cells.lower, cells.upper, strict=True):
        added += np.maximum(upper - np.maximum(lower, costs), 0).prod(axis=1)
    return added


def polished(front: Array, n_fixed: int, costs: Array, reference: Array) -> Array:
    """The front with each point but the first few moved to its best place until nothing gains."""
    front, volume = front.copy(), 0.0
    while (now := compute_hypervolume(front, reference)) > volume * (1 + 1e-6):
        volume = now
        for row in range(n_fixed, len(front)):
            front[row] = costs[gains(np.delete(front, row, axis=0), costs, reference).argmax()]
    return front


def ceilings(case: BenchmarkCase, seed: int, costs: Array, reference: Array) -> list[float]:
    """Shares of the true volume: chosen one by one at each of `COMPARED_AT`, and all moved together at the last."""
    front, shares = case.problem.compute_costs(case.observe(case.start(seed), np.random.default_rng(0))), []
    while len(front) < case.budget:
        front = np.vstack([front, costs[gains(front, costs, reference).argmax()]])
        if len(front) in COMPARED_AT:
            shares.append(compute_hypervolume(front, reference) / case.optimum)
    return [*shares, compute_hypervolume(polished(front, case.initial, costs, reference), reference) / case.optimum]


def main() -> None:
    """Print the shares of each seed, and their medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    case = make_problems()["NCM front"]
    known = case.problem.add_scores(pd.concat([grid := designs(case), case.evaluate(grid)], axis=1))
    costs = case.problem.compute_costs(known[known["violation"] <= 0])
    reference = case.problem.reference_costs
    found = []
    for seed in range(options.seeds):
        found.append(ceilings(case, seed, costs, reference))
        sys.stdout.write(f"seed {seed}: " + ", ".join(f"{share:.2%}" for share in found[-1]) + "\n")
        sys.stdout.flush()
    low, middle, high = np.quantile(found, [0, 0.5, 1], axis=0)
    for name, *three in zip(["40, one by one", "80, one by one", "80, all together"], low, middle, high, strict=True):
        sys.stdout.write(f"{name}: median {three[1]:.2%}, least {three[0]:.2%}, most {three[2]:.2%}\n")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
