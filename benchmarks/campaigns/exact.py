"""Two goals other than campaigns: the chapter's trees by enumeration, and a batch from a million candidates."""

import resource
import sys
import time

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from batterymi.config.parts import Feature, Objective
from batterymi.optimise.engines.enumerate import extract_leaves, find_maximum
from batterymi.optimise.engines.gaussian_process import propose_designs
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space

N, D, KNOWN, BATCH = 1_000_000, 60, 500, 8


def enumerate_trees() -> None:
    """The forest of section 4.2.3 over the chapter's bounds, beside 200,000 random designs."""
    pore, area = [2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0], [800, 1200, 1500, 1800, 2000, 2200, 2500, 2800]
    oh, sulfur = [0.5, 1.0, 1.5, 2.0, 2.5, 1.8, 1.2, 0.8], [60, 65, 70, 68, 62, 58, 55, 52]
    retention = [55, 72, 85, 90, 82, 75, 68, 60]
    x, _, y, _ = train_test_split(np.column_stack([pore, area, oh, sulfur]), retention, test_size=0.3, random_state=42)
    forest = RandomForestRegressor(100, random_state=42).fit(x, y)
    low, high = np.array([2, 800, 0.5, 50.0]), np.array([10, 3000, 3.0, 75])
    began = time.perf_counter()
    best = find_maximum(extract_leaves(forest), low, high)
    took = time.perf_counter() - began
    guessed = forest.predict(np.random.default_rng(0).uniform(low, high, size=(200_000, 4))).max()
    sys.stdout.write(f"trees: {best.value:.4f} proven in {took:.4f} s; best of 200,000 random designs {guessed:.4f}\n")


def long_list() -> None:
    """One batch from a list, rows and candidates made up."""
    rng = np.random.default_rng(0)
    names = [f"f{i}" for i in range(D)]
    listed = pd.DataFrame(rng.random((N, D)), columns=names)
    features = tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in names)
    target = Objective(name="y", label="y", unit="1", goal="maximise")
    search = Search(Space(features, candidates=listed), (target,), (), is_noisy=True)
    rows = listed.iloc[rng.choice(N, KNOWN, replace=False)].reset_index(drop=True)
    rows["y"] = rows[names[:6]].sum(axis=1) + np.sin(6 * rows["f0"]) + 0.1 * rng.normal(size=KNOWN)
    history = search.add_scores(rows.assign(failure=""))
    began = time.perf_counter()
    proposed = propose_designs(search, history, BATCH, 0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(
        f"list of {N:,}: {len(proposed)} designs in {time.perf_counter() - began:.0f} s, {memory:.1f} GB\n"
    )


if __name__ == "__main__":
    with threadpool_limits(1):
        enumerate_trees()
        long_list()
