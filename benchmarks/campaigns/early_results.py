"""What early measurements are worth: held-out errors of the late outcome, and campaigns of equal cost.

python benchmarks/campaigns/early_results.py errors [--data FOLDER] [--seeds 20]
python benchmarks/campaigns/early_results.py campaigns [--seeds 10]

Each early outcome has a shape and a sign of its own; `noise` tells nothing. FOLDER holds the data sets, of which
`severson_cycle_life` is read: the variance of the capacity difference of cycles 100 and 10, and the cycle life.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from problems import ALPHA, A, P
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from batterymi.config.parts import EarlyMeasurement, Feature, Objective
from batterymi.optimise.campaigns.next_batch import propose_batch
from batterymi.optimise.campaigns.partly_measured import NAME, assess_partly_measured
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.scores import compute_mean
from batterymi.vocabulary.expected import EARLY_ONLY, GO_ON, MEASURE
from batterymi.vocabulary.measured import name_missing_column
from batterymi.vocabulary.splits import SPLIT, TRAIN

Array = NDArray[np.float64]
COST_EARLY, COST_LATE = 1.0, 20.0
NOISE = 0.1  # of both outcomes, in their standard deviations
N_START, BATCH = 6, 4
SPENT = (160.0, 200.0, 260.0, 320.0)  # at which campaigns are compared
METHODS = ("early and late", "late only", "random")


@dataclass(frozen=True)
class Case:
    """A late outcome to maximise, and an early one, over the unit cube."""

    name: str
    d: int
    late: Callable[[Array], Array]
    early: Callable[[Array], Array]

    @cached_property
    def scales(self) -> tuple[float, float, float, float]:
        """Return the deviations of both outcomes, their correlation, and the largest late one."""
        x = np.random.default_rng(0).random((20_000, self.d))
        late, early = self.late(x), self.early(x)
        starts = x[np.argsort(-late)[:8]]
        best = max(
            -float(minimize(lambda u: -float(self.late(u[None])[0]), start, bounds=[(0, 1)] * self.d).fun)
            for start in starts
        )
        return float(late.std()), float(early.std()), float(np.corrcoef(late, early)[0, 1]), best

    def measure(self, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return both outcomes with noise."""
        late, early, _, _ = self.scales
        return (
            self.late(x) + NOISE * late * rng.normal(size=len(x)),
            self.early(x) + NOISE * early * rng.normal(size=len(x)),
        )


def hartmann(x: Array, weights: Array = ALPHA) -> Array:
    """Hartmann's function of up to six numbers, to maximise."""
    a, p = A[:, : x.shape[1]], P[:, : x.shape[1]]
    return np.asarray((weights * np.exp(-(a * (x[:, None, :] - p) ** 2).sum(axis=2))).sum(axis=1))


def branin(x: Array) -> Array:
    """Branin's function, negative and by its logarithm."""
    u, v = 15 * x[:, 0] - 5, 15 * x[:, 1]
    value = (v - 5.1 / (4 * np.pi**2) * u**2 + 5 / np.pi * u - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(u) + 10
    return np.asarray(-np.log(value + 1))


def make_cases() -> list[Case]:
    """Return the cases; correlations of the two outcomes over the cube are printed with the results."""
    rng = np.random.default_rng(1)
    mixed = ALPHA * np.array([1.5, 0.8, 0.75, 1.25])
    return [
        Case(
            "Branin", 2, branin, lambda x: -branin(np.clip(x + 0.04, 0, 1)) + 0.55 * np.sin(5 * x[:, 0] + 4 * x[:, 1])
        ),
        Case("Hartmann 4", 4, hartmann, lambda x: -hartmann(x, mixed) - 0.35 * np.sin(6 * x[:, 0] + 2 * x[:, 1])),
        Case("Hartmann 6", 6, hartmann, lambda x: hartmann(x, mixed) + 0.15 * np.sin(6 * x[:, 0] - 3 * x[:, 3])),
        Case("Hartmann 4, noise", 4, hartmann, lambda x: rng.normal(size=len(x))),
    ]


def make_search(names: list[str], *, uses_early: bool) -> Search:
    """Make the search of a campaign over the unit cube."""
    costs = {"cost": COST_LATE, "early": EarlyMeasurement(column="early", cost=COST_EARLY)} if uses_early else {}
    objectives = (
        Objective(name="late", label="late", unit="1", goal="maximise", **costs),  # type: ignore[arg-type]
        Objective(name="early", label="early", unit="1", goal="report"),
    )
    space = Space(tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in names))
    return Search(space, objectives, (), is_noisy=True)


# held-out errors


def predict(search: Search, rows: pd.DataFrame, designs: pd.DataFrame) -> Array:
    """Return the predicted late outcome of designs."""
    history = search.add_scores(rows.assign(failure=""))
    known = history[history[["late", "early"] if search.early else ["late"]].notna().any(axis=1)]
    posterior = Posterior.fit_measured(search, history, known, np.random.default_rng(0))
    return posterior.models["late"].predict(search.space.inputs(search.space.codes(designs)))[0]


def list_partitions(case: Case, n_late: int, n_early: int, seeds: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield rows, of which some lack the late outcome, and new designs, with the true late outcome as `true`."""
    names = [f"x{i}" for i in range(case.d)]
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 3])
        x, new = rng.random((n_early, case.d)), rng.random((200, case.d))
        late, early = case.measure(x, rng)
        late[n_late:] = np.nan
        rows = pd.DataFrame(x, columns=names).assign(late=late, early=early, true=case.late(x))
        yield rows, pd.DataFrame(new, columns=names).assign(true=case.late(new))


def list_cell_partitions(folder: Path, n_late: int, seeds: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the same of cells: by policy, late outcomes of some, early ones of half of the others, none of the rest."""
    cells = pd.read_csv(folder / "severson_cycle_life/cells_features.csv")
    x = cells[["C1", "Q1_pct", "C2"]]
    rows = ((x - x.min()) / (x.max() - x.min())).set_axis(["x0", "x1", "x2"], axis=1)
    rows = rows.assign(true=np.log10(cells["cycle_life"]), early=cells["log10_var_dq"])
    for seed in range(seeds):
        policies = np.random.default_rng([seed, 4]).permutation(cells["policy"].unique())
        place = cells["policy"].map({policy: i for i, policy in enumerate(policies)})
        tested = place < n_late + (len(policies) - n_late) // 2
        late = rows["true"].where(place < n_late)
        yield rows.assign(late=late)[tested].reset_index(drop=True), rows[~tested].reset_index(drop=True)


def compare_errors(name: str, partitions: Iterator[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """Return lines with the root mean square errors without and with early results, and their ratio, with intervals."""
    found: dict[str, list[tuple[float, float]]] = {"early result in": [], "new design": []}
    for rows, new in partitions:
        names = [column for column in rows if str(column).startswith("x")]
        searches = [make_search(names, uses_early=uses_early) for uses_early in (False, True)]
        for kind, held in (("early result in", rows[rows["late"].isna()]), ("new design", new)):
            errors = [predict(search, rows, held) - held["true"].to_numpy() for search in searches]
            found[kind].append((float(np.sqrt(np.mean(errors[0] ** 2))), float(np.sqrt(np.mean(errors[1] ** 2)))))
    lines = []
    for kind, pairs in found.items():
        without, with_early = np.array(pairs).T
        low, high = bootstrap_interval((without, with_early), _ratio, 0)
        means = without.mean(), with_early.mean()
        ratio = f"{means[1] / means[0]:.2f} [{low:.2f}, {high:.2f}]"
        lines.append(f"| {name} | {kind} | {means[0]:.3f} | {means[1]:.3f} | {ratio} |")
    return "\n".join(lines) + "\n"


def _ratio(without: Array, with_early: Array) -> Array:
    return np.asarray(with_early.mean(axis=-1) / without.mean(axis=-1))


# campaigns of equal cost


class Campaign:
    """A campaign that follows what is suggested, until its cost is spent."""

    def __init__(self, case: Case, method: str, seed: int) -> None:
        """Measure the start in full; campaigns without early measurements do not pay for them."""
        self.case, self.method, self.seed = case, method, seed
        self.rng = np.random.default_rng([seed, 5])
        self.names = [f"x{i}" for i in range(case.d)]
        self.search = make_search(self.names, uses_early=method == METHODS[0])
        self.rows = pd.DataFrame(columns=[*self.names, "late", "early"], dtype=float)
        self.spent, self.counts = 0.0, {"early": 0, "late": 0}
        self.regrets: list[tuple[float, float]] = []
        for x in np.random.default_rng([seed, 1]).random((N_START, case.d)):
            self.measure(x, early=bool(self.search.early), late=True)

    def measure(self, x: Array, *, early: bool, late: bool, row: int | None = None) -> bool:
        """Measure a design, or go on with that of a row; return whether it could be paid."""
        cost = COST_EARLY * early + COST_LATE * late
        if self.spent + cost > SPENT[-1]:
            return False
        self.spent += cost
        outcomes = self.case.measure(x[None], self.rng)
        if row is None:
            row = len(self.rows)
            self.rows.loc[row] = [*x, np.nan, np.nan]
        for name, value, is_measured in zip(("late", "early"), outcomes, (late, early), strict=True):
            if is_measured:
                self.rows.loc[row, name] = float(value[0])
                self.counts[name] += 1
        deviation, _, _, best = self.case.scales
        known = self.rows[self.rows["late"].notna()][self.names].to_numpy(float)
        self.regrets.append((self.spent, (best - float(self.case.late(known).max())) / deviation))
        return True

    def run(self) -> "Campaign":
        """Suggest and measure until nothing can be paid any more."""
        while self.spent + COST_LATE <= SPENT[-1] and any(self._measure_round()):
            pass
        return self

    def _measure_round(self) -> list[bool]:
        """Measure what is suggested, one design at a time unless it is measured early only."""
        if self.method == "random":
            return [self.measure(self.rng.random(self.case.d), early=False, late=True)]
        missing = np.where(self.rows["late"].isna(), "not measured", "")
        table = self.rows.assign(line=np.arange(len(self.rows)), **{SPLIT: TRAIN, name_missing_column("late"): missing})
        if not self.search.early:
            proposed = propose_batch(self.search, table, "gaussian_process", 1, self.seed)
            return [self.measure(x, early=False, late=True) for x in proposed[self.names].to_numpy(float)]
        partly = assess_partly_measured(self.search, table, self.seed).designs
        proposed = propose_batch(self.search, table, "gaussian_process", BATCH, self.seed)
        done = []
        for row in partly.to_dict("records"):
            if row[MEASURE] == GO_ON:
                place = int(str(row[NAME]).removeprefix("line "))
                x = self.rows.loc[place, self.names].to_numpy(float)
                done.append(self.measure(x, early=False, late=True, row=place))
        for x, what in zip(proposed[self.names].to_numpy(float), proposed[MEASURE], strict=True):
            done.append(self.measure(x, early=True, late=what != EARLY_ONLY))
            if what != EARLY_ONLY:
                break
        return done

    def list_regrets(self) -> list[float]:
        """Return the regret at each cost that is compared."""
        return [min(regret for spent, regret in self.regrets if spent <= limit) for limit in SPENT]


def compare_campaigns(case: Case, seeds: int) -> Iterator[str]:
    """Yield lines with mean regrets, and how much lower they are with early measurements, with intervals over seeds."""
    found: dict[str, Array] = {}
    for method in METHODS:
        campaigns = [Campaign(case, method, seed).run() for seed in range(seeds)]
        found[method] = np.array([campaign.list_regrets() for campaign in campaigns])
        n = {name: np.mean([campaign.counts[name] for campaign in campaigns]) for name in ("early", "late")}
        cells = " | ".join(f"{value:.2f}" for value in found[method].mean(axis=0))
        yield f"| {case.name} | {method} | {n['early']:.0f} + {n['late']:.1f} | {cells} |\n"
    for method in METHODS[1:]:
        gains = found[method] - found[METHODS[0]]
        bounds = [bootstrap_interval(gain, compute_mean, 0) for gain in gains.T]
        cells = " | ".join(
            f"{gain.mean():.2f} [{low:.2f}, {high:.2f}]" for gain, (low, high) in zip(gains.T, bounds, strict=True)
        )
        yield f"| {case.name} | lower than {method} by | | {cells} |\n"


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("errors", "campaigns"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="*")
    options = parser.parse_args()
    for case in make_cases():
        if options.cases and case.name not in options.cases:
            continue
        sys.stdout.write(f"{case.name}: correlation {case.scales[2]:.2f}\n")
        if options.what == "campaigns":
            for line in compare_campaigns(case, options.seeds):
                sys.stdout.write(line)
                sys.stdout.flush()
            continue
        for n_late, n_early in ((8, 30), (16, 60)):
            name = f"{case.name}, {n_late} late, {n_early} early"
            sys.stdout.write(compare_errors(name, list_partitions(case, n_late, n_early, options.seeds)))
    if options.what == "errors" and options.data:
        for n_late in (12, 25, 40):
            partitions = list_cell_partitions(options.data, n_late, options.seeds)
            sys.stdout.write(compare_errors(f"cycle life, {n_late} policies late", partitions))


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
