"""Ways for the engine of pools to use what is known for free, on the pools of the measured edition.

python benchmarks/campaigns/rules.py RESULTS HULLS [--seeds 50]

RESULTS is the folder of a finished measured edition, HULLS that of the data set mp_compositions. Numbers are mean
evaluations in all, the start included, to the first and to half of the best 1, 5 and 10 % of the rows. The rule joins
the model as a linear trend (a linear kernel of its value, beside Matern 5/2), or as a further input.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from batterymi.arrays import Indices
from batterymi.config.load import load_study
from batterymi.config.slices.campaign import ReplaySettings
from batterymi.config.worth import HULL
from batterymi.data.loaders.mp_compositions import look_up_hulls
from batterymi.optimise.campaigns.pool import Pool, make_pool
from batterymi.optimise.campaigns.pool_gain import make_pool_targets
from batterymi.optimise.engines.pool import correlate_rows

POOLS = ("ncm_cathodes", "sodium_ion", "fast_charging", "lithium_sulfur", "solid_electrolytes")
WAYS = {
    "random start": ("random", "none"),
    "random start, linear trend": ("random", "trend"),
    "random start, rule as input": ("random", "input"),
    "start from the rule": ("rule", "none"),
    "start from the rule, linear trend": ("rule", "trend"),
    "start from the rule, rule as input": ("rule", "input"),
}
Array = NDArray[np.float64]


def read_pool(results: Path, hulls: Path, name: str) -> tuple[Pool, ReplaySettings]:
    """Return the pool of a study."""
    settings = ReplaySettings.take_from(load_study(Path(f"config/studies/{name}_measured.yaml")))
    rows = pd.read_parquet(results / f"{name}_measured/table.parquet")
    rows = rows[rows["split"] == "train"].reset_index(drop=True)
    if column := settings.campaign.hull_of:
        rows[HULL] = look_up_hulls(hulls, rows[column].tolist())
    return make_pool(rows, settings), settings


def correlate(pool: Pool, model: str) -> list[Array]:
    """Return correlations of a model that knows the rule as a trend, as an input, or not."""
    assert pool.rule is not None
    plain = correlate_rows(pool.add_rule_input() if model == "input" else pool.matrix)
    scaled = (pool.rule - pool.rule.mean()) / pool.rule.std()
    return plain if model != "trend" else [*plain, *(one + np.outer(scaled, scaled) for one in plain)]


def run(pool: Pool, settings: ReplaySettings, correlations: list[Array], start: Indices) -> Indices:
    """Return the rows of a campaign in order."""
    campaign, chosen = settings.campaign, start
    while len(chosen) < min(campaign.budget, len(pool.rows)):
        chosen = np.concatenate([chosen, pool.propose_rows(correlations, chosen, campaign.batch)])
    return chosen


def main() -> None:
    """Print a table for each pool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("hulls", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--pools", nargs="+", default=POOLS, choices=POOLS)
    options = parser.parse_args()
    for name in options.pools:
        pool, settings = read_pool(options.results, options.hulls, name)
        targets = make_pool_targets(pool, settings.campaign.shares)
        sys.stdout.write(f"{name}: {'; '.join(target.label for target in targets)}\n")
        for way, (first, model) in WAYS.items():
            correlations, found = correlate(pool, model), []
            for seed in range(settings.seed, settings.seed + options.seeds):
                rng = np.random.default_rng(seed)
                order, ruled = rng.permutation(len(pool.rows)), pool.order_by_rule(rng)
                start = (order if first == "random" else ruled)[: settings.campaign.initial]
                cost = pool.cost[run(pool, settings, correlations, start)]
                counts = [np.cumsum(target.is_met(cost)) >= target.needed for target in targets]
                found.append([count.argmax() + 1 if count.any() else len(cost) + 1 for count in counts])
            means = "  ".join(f"{mean:6.1f}" for mean in np.mean(found, axis=0))
            sys.stdout.write(f"  {way:36s}{means}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
