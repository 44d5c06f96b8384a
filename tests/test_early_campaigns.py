"""A campaign of equal cost with early measurements, and without."""

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.parts import EarlyMeasurement, Feature, Objective
from batterymi.optimise.campaigns.next_batch import propose_batch
from batterymi.optimise.campaigns.partly_measured import NAME, assess_partly_measured
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.expected import BOTH, EARLY_ONLY, GO_ON, MEASURE
from batterymi.vocabulary.measured import name_missing_column

NAMES = ("a", "b", "c", "d")
FEATURES = tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in NAMES)
EARLY = Objective(name="early", label="Early", unit="1", goal="report")
ALONE = Objective(name="late", label="Late", unit="1", goal="maximise")
LATE = ALONE.model_copy(update={"cost": 20.0, "early": EarlyMeasurement(column="early", cost=1)})


def ridge(x: Array) -> Array:
    """A narrow hill in four dimensions, on a slope."""
    return np.asarray(np.exp(-4 * ((x - [0.7, 0.3, 0.6, 0.2]) ** 2).sum(axis=1)) + 0.2 * x[:, 0])


def hint(x: Array) -> Array:
    return np.asarray(5 - 3 * ridge(x) + 0.4 * np.sin(5 * x[:, 1] + 3 * x[:, 2]))


class Campaign:
    """A campaign over a list of designs that follows what is suggested, until its cost is spent."""

    def __init__(self, late: Objective, seed: int, budget: float) -> None:
        """Measure six designs in full."""
        rng = np.random.default_rng(seed)
        self.listed = pd.DataFrame(rng.random((250, 4)), columns=NAMES)
        space = Space(FEATURES, candidates=self.listed)
        self.search = Search(space, (late, EARLY), (), is_noisy=True)
        self.left, self.seed, self.n_early = budget, seed, 0
        self.rows = self.listed.head(0).assign(late=0.0, early=0.0)
        for place in range(6):
            self.measure(self.listed.iloc[[place]], BOTH)

    def measure(self, design: pd.DataFrame, what: str) -> bool:
        """Measure a design, or go on with that of a row; return whether it can be paid."""
        has_early = bool(self.search.early)
        cost = {EARLY_ONLY: 1.0, BOTH: 20.0 + has_early, GO_ON: 20.0}[what]
        if cost > self.left:
            return False
        self.left, self.n_early = self.left - cost, self.n_early + (what == EARLY_ONLY)
        x = design[list(self.listed)].to_numpy(float)
        place = design.index[0] if what == GO_ON else len(self.rows)
        early, late = hint(x)[0] if has_early else np.nan, np.nan if what == EARLY_ONLY else ridge(x)[0]
        self.rows.loc[place] = [*x[0], late, early]
        return True

    def run(self) -> float:
        """Return the regret of the best design with a late result."""
        while self.left >= 20 and any(self.measure_round()):
            pass
        best = ridge(self.listed.to_numpy(float)).max()
        return float(best - ridge(self.rows[self.rows["late"].notna()][list(self.listed)].to_numpy(float)).max())

    def measure_round(self) -> list[bool]:
        """Go on with what is worth it, and measure new designs up to the first in full."""
        missing = np.where(self.rows["late"].isna(), "not measured", "")
        table = self.rows.assign(split="train", line=self.rows.index, **{name_missing_column("late"): missing})
        found = assess_partly_measured(self.search, table, self.seed).designs
        going_on = found[NAME][found[MEASURE] == GO_ON].str[5:].astype(int) if len(found) else []
        new = propose_batch(self.search, table, "gaussian_process", 4 if self.search.early else 1, self.seed)
        done = [self.measure(self.rows.loc[[place]], GO_ON) for place in going_on]
        for place, what in enumerate(new.get(MEASURE, [BOTH])):
            done.append(self.measure(new.iloc[[place]], what))
            if what == BOTH:
                break
        return done


def test_a_campaign_with_early_measurements_is_better_at_equal_cost() -> None:
    # benchmarks/campaigns/early_results.py measures it, with noise and on functions of the literature
    ours = [Campaign(LATE, seed, 200) for seed in range(5)]
    regrets = [campaign.run() for campaign in ours]
    alone = [Campaign(ALONE, seed, 200).run() for seed in range(5)]
    assert np.mean(regrets) < 0.5 * np.mean(alone)
    assert all(campaign.n_early > 5 for campaign in ours)
