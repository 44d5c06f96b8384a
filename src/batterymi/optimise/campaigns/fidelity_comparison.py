"""What cheaper levels of fidelity are worth: campaigns of the same cost over all levels, on the last, and at random."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.campaign import Fidelities
from batterymi.evaluators.make import make_evaluator
from batterymi.optimise.campaigns.campaign import draw_start_designs
from batterymi.optimise.campaigns.fidelity import CostLedger, Level, run_levels
from batterymi.optimise.campaigns.gain import N_BOOTSTRAPS
from batterymi.optimise.space.problem import Search
from batterymi.process_pool import make_progress_logger, run_in_processes
from batterymi.registry import look_up
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean
from batterymi.vocabulary.targets import RANDOM

LEVELS, LAST = "all levels", "last level only"
Task = tuple[Search, Fidelities, list[Level]]


def run_fidelities(search: Search, fidelities: Fidelities, seeds: range, processes: int) -> pd.DataFrame:
    """Spend the same cost in three ways, from the same starts.

    Args:
        search: objectives and limits, and the space.
        fidelities: the levels, and the cost of a campaign.
        seeds: of the starts.
        processes: worker processes; the result does not depend on it.

    Returns:
        Every evaluation of every campaign, with its level, cost and reason; see `CostLedger`.
    """
    parts = run_in_processes(
        _run_seed,
        seeds,
        processes,
        build=_build_task,
        build_args=(search, fidelities),
        progress=make_progress_logger(1, "seeds done"),
    )
    return pd.concat(parts, ignore_index=True)


def summarise_fidelities(ledger: pd.DataFrame, fidelities: Fidelities, seeds: range) -> dict[str, Any]:
    """Return levels, budget, mean numbers of evaluations, and the comparisons of costs."""
    own = ledger[ledger["campaign"] == LEVELS]["label"]
    return {
        "levels": [{"label": level.label, "cost": level.cost} for level in fidelities.levels],
        "budget": fidelities.budget,
        "seeds": len(seeds),
        "comparisons": [compare_costs(ledger, baseline, fidelities.budget, seeds[0]) for baseline in (LAST, RANDOM)],
        "evaluations": {level.label: float((own == level.label).sum() / len(seeds)) for level in fidelities.levels},
    }


def _build_task(search: Search, fidelities: Fidelities) -> Task:
    """Build the evaluators of all levels, once in each process."""
    levels = [
        Level(level.label, level.cost, make_evaluator(level.evaluator, search.objectives))
        for level in fidelities.levels
    ]
    return search, fidelities, levels


def _run_seed(task: Task, seed: int) -> pd.DataFrame:
    """Run the three campaigns of one seed."""
    search, fidelities, levels = task
    start = draw_start_designs(search.space, fidelities.initial, seed)
    parts = [run_levels(search, levels, start, fidelities.budget, seed).assign(campaign=LEVELS)]
    for name, engine in ((LAST, "gaussian_process"), (RANDOM, RANDOM)):
        parts.append(_run_last_level(task, start, seed, engine).assign(campaign=name))
    return pd.concat(parts, ignore_index=True).assign(seed=seed)


def _run_last_level(task: Task, start: pd.DataFrame, seed: int, engine: str) -> pd.DataFrame:
    """Run a campaign that evaluates at the last level alone."""
    search, fidelities, levels = task
    ledger, last = CostLedger(search, levels), len(levels) - 1
    propose = look_up("engine", engine)
    waiting = [start.iloc[[position]] for position in range(len(start))]
    while ledger.spent + levels[last].cost <= fidelities.budget + 1e-9:
        if waiting:
            ledger.evaluate(waiting.pop(0), last, "start")
            continue
        proposed = propose(search, ledger.frame(), 1, seed)
        if proposed.empty:
            break
        ledger.evaluate(proposed, last, str(proposed["why"].iloc[0]))
    return ledger.frame()


def compare_costs(ledger: pd.DataFrame, baseline: str, budget: float, seed: int) -> dict[str, Any]:
    """Compare the cost of campaigns over all levels with that of a baseline.

    For each seed the target is the worse of the two final values, so that nothing is censored. A campaign that
    found no design that meets the limits counts as if the one after its budget did.

    Args:
        ledger: rows of campaigns, with campaign, seed, spent and best_so_far.
        baseline: the campaign to compare with.
        budget: of each.
        seed: of the bootstrap over seeds.

    Returns:
        Share of the cost saved and the gain in the final score, with 95 % intervals over seeds, and a verdict.
    """
    costs, gains = [], []
    for _, part in ledger.groupby("seed", sort=True):
        pair = [part[part["campaign"] == name] for name in (LEVELS, baseline)]
        final = [campaign["best_so_far"].iloc[-1] for campaign in pair]
        # where only one campaign found a feasible design, its first feasible design is the target
        target = max(float("inf") if np.isnan(value) else value for value in final)
        costs.append([_find_cost_to_target(campaign, target, budget) for campaign in pair])
        gains.append(final[1] - final[0])
    spent, gained = np.array(costs), np.array(gains, float)
    ours, theirs = spent.T
    saved = bootstrap_interval((ours, theirs), compute_share_saved, seed, n_resamples=N_BOOTSTRAPS)
    # a seed without a feasible design on either side has no gain to resample
    finite = gained[np.isfinite(gained)]
    gain = (float("nan"), float("nan"))
    if len(finite):
        gain = bootstrap_interval(finite, compute_mean, seed, n_resamples=N_BOOTSTRAPS)
    return {
        "other": baseline,
        **label_interval("cost_saved", float(compute_share_saved(ours, theirs)), saved),
        **label_interval("final_gain", float(finite.mean()) if len(finite) else None, gain),
        "seeds_with_both": len(finite),
        "verdict": "cheaper" if saved[0] > 0 else "more expensive" if saved[1] < 0 else "no gain shown",
    }


def _find_cost_to_target(rows: pd.DataFrame, target: float, budget: float) -> float:
    """Return what was spent when a value was first reached."""
    n = count_evaluations_to(rows["best_so_far"].to_numpy(float), target)
    return float(rows["spent"].iloc[n - 1]) if n <= len(rows) else budget + float(rows["cost"].max())


def count_evaluations_to(best_so_far: Array, value: float) -> int:
    """Return the first evaluation, counted from 1, at which a campaign is at least as good as a value.

    Args:
        best_so_far: shape (n,), falling; NaN before the first feasible design.
        value: the target.

    Returns:
        The evaluation; n + 1 if it was never reached.
    """
    # rounding must not decide whether a tie counts as reached
    tolerance = 1e-9 * max(1.0, abs(value))
    reached = np.flatnonzero(best_so_far <= value + tolerance)
    return int(reached[0]) + 1 if reached.size else len(best_so_far) + 1


def compute_share_saved(used: Array, baseline: Array) -> Array:
    """Compute the share that is saved over seeds, along the last axis."""
    # a ratio of sums, so that seeds with few evaluations do not dominate
    return np.asarray(1 - used.sum(axis=-1) / baseline.sum(axis=-1))
