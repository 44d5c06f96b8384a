"""What cheaper levels of fidelity are worth: campaigns of the same cost over all levels, on the last, and at random."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.campaign import Fidelities
from batterymi.evaluators.make import make_evaluator
from batterymi.optimise.campaigns.attainable import Attainable, complete_attainable
from batterymi.optimise.campaigns.benchmark import ENDS, OTHER, summarise_targets
from batterymi.optimise.campaigns.campaign import draw_start_designs
from batterymi.optimise.campaigns.fidelity import CostLedger, Level, run_levels
from batterymi.optimise.campaigns.gain import N_BOOTSTRAPS, compare_at_target
from batterymi.optimise.campaigns.seeds import list_slow_modules
from batterymi.optimise.campaigns.targets import Arrivals, Target, make_range_targets
from batterymi.optimise.space.problem import Search
from batterymi.process_pool import run_in_processes
from batterymi.progress import make_report
from batterymi.registry import look_up
from batterymi.statistics.bootstrap import average_finite, bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.vocabulary.targets import RANDOM
from batterymi.vocabulary.verdicts import COST_NAMES

LEVELS, LAST = "all levels", "last level only"
ENGINE = "gaussian_process"
OTHERS = {LAST: "the last level alone", RANDOM: f"{OTHER} on the last level"}
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
    evaluators = [make_evaluator(level.evaluator, search.objectives) for level in fidelities.levels]
    parts = run_in_processes(
        _run_seed,
        seeds,
        processes,
        build=_build_task,
        build_args=(search, fidelities),
        preload=list_slow_modules(ENGINE, evaluators),
        progress=make_report("seeds done"),
    )
    return pd.concat(parts, ignore_index=True)


def summarise_fidelities(
    ledger: pd.DataFrame, search: Search, fidelities: Fidelities, seeds: range, worthwhile: float = 0.0
) -> dict[str, Any]:
    """Return levels, budget, mean numbers of evaluations, the attainable range, and the comparisons of costs.

    Args:
        ledger: every evaluation of every campaign, as `run_fidelities` returns them.
        search: objectives and limits.
        fidelities: the levels, and the cost of a campaign.
        seeds: of the starts.
        worthwhile: evaluations of the last level whose cost is the smallest gain that matters.
    """
    own = ledger[ledger["campaign"] == LEVELS]["label"]
    attainable = find_attainable_at_last(ledger, search, fidelities)
    targets = make_range_targets(attainable) if attainable else []
    least = worthwhile * fidelities.levels[-1].cost
    compared = [
        compare_costs(ledger, baseline, targets, fidelities.budget, seeds[0], least) for baseline in (LAST, RANDOM)
    ]
    return {
        "levels": [{"label": level.label, "cost": level.cost} for level in fidelities.levels],
        "budget": fidelities.budget,
        "seeds": len(seeds),
        "attainable": attainable.as_dict() if attainable else None,
        "comparisons": compared,
        "evaluations": {level.label: float((own == level.label).sum() / len(seeds)) for level in fidelities.levels},
    }


def find_attainable_at_last(ledger: pd.DataFrame, search: Search, fidelities: Fidelities) -> Attainable | None:
    """Return the range that designs can attain at the last level, which alone counts."""
    last = ledger[ledger["label"] == fidelities.levels[-1].label]
    order = last.groupby(["campaign", "seed"]).cumcount() + 1
    history = last.assign(engine=last["campaign"], evaluation=order)
    setting = "campaign.fidelities.best_known"
    return complete_attainable(search, history, fidelities.initial, fidelities.best_known, setting)


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
    for name, engine in ((LAST, ENGINE), (RANDOM, RANDOM)):
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
            ledger.evaluate(waiting.pop(0), last, "start", is_start=True)
            continue
        proposed = propose(search, ledger.frame(), 1, seed)
        if proposed.empty:
            break
        ledger.evaluate(proposed, last, str(proposed["why"].iloc[0]))
    return ledger.frame()


def compare_costs(
    ledger: pd.DataFrame, baseline: str, targets: Sequence[Target], budget: float, seed: int, worthwhile: float = 0.0
) -> dict[str, Any]:
    """Compare what campaigns over all levels and those of a baseline spend until they reach fixed targets.

    Costs count after the cheaper of the two starts: the designs are shared, and what they cost is not, since a start at
    the first level is a part of what cheaper levels save. Seeds with a start that reaches the target are only counted.

    Args:
        ledger: rows of campaigns, with campaign, seed, spent, is_start and best_so_far.
        baseline: the campaign to compare with; it evaluates the whole start at the last level.
        targets: what is to be reached; verdicts rest on the declared one.
        budget: cost of each campaign.
        seed: of the bootstrap over seeds.
        worthwhile: cost saved below which a gain does not matter.

    Returns:
        The comparison at each target and at the declared one, the gain in the final score, which moves with the budget
        and decides nothing, and a verdict.
    """
    pair = [ledger[ledger["campaign"] == name] for name in (LEVELS, baseline)]
    shared = min(float(part.loc[part["is_start"].astype(bool), "spent"].max()) for part in pair)
    compared = []
    for target in targets:
        ours, theirs = find_cost_arrivals(pair[0], pair[1], target, shared)
        compared.append(compare_at_target(target, ours, theirs, budget - shared, seed, worthwhile))
    found = summarise_targets(compared, OTHERS[baseline], COST_NAMES)
    return {
        "other": baseline,
        "counted_from": shared,
        "target": found["target"],
        **{f"cost_saved{end}": found[f"evaluations_saved{end}"] for end in ENDS},
        **{f"share_saved{end}": found[f"experiment_reduction{end}"] for end in ENDS},
        "saved_is": found["saved_is"],
        "verdict": found["verdict"],
        **_compare_final(pair[0], pair[1], seed),
        "targets": [_rename_sides(entry) for entry in compared],
    }


def find_cost_arrivals(
    ours: pd.DataFrame, baseline: pd.DataFrame, target: Target, shared: float
) -> tuple[Arrivals, Arrivals]:
    """Return the cost at which campaigns over all levels, and those of a baseline, reached a target.

    Args:
        ours: campaigns over all levels.
        baseline: campaigns from the same starts, which are evaluated at the last level.
        target: what is to be reached.
        shared: cost from which is counted.

    Returns:
        For both one entry per seed, in increasing order; 0 where a design of the start reaches the target.
    """
    starts = baseline[baseline["is_start"].astype(bool)].groupby("seed", sort=True)["best_so_far"].last()
    is_open = ~target.is_met(starts.to_numpy(float))
    found = []
    for part in (ours, baseline):
        costs, reached = [], []
        for _, run in part.groupby("seed", sort=True):
            met = target.is_met(run["best_so_far"].to_numpy(float))
            reached.append(bool(met.any()))
            costs.append(float(run["spent"].iloc[int(met.argmax()) if met.any() else -1]) - shared)
        found.append(Arrivals(np.where(is_open, costs, 0.0), np.array(reached, dtype=bool) | ~is_open))
    return found[0], found[1]


def _compare_final(ours: pd.DataFrame, baseline: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return the baseline's final score minus ours, where both found a design that meets the limits."""
    ends = [part.groupby("seed", sort=True)["best_so_far"].last().to_numpy(float) for part in (ours, baseline)]
    gained = ends[1] - ends[0]
    finite = gained[np.isfinite(gained)]
    gain = bootstrap_interval(gained, average_finite, seed, n_resamples=N_BOOTSTRAPS)
    middle = float(finite.mean()) if len(finite) else None
    return {**label_interval("final_gain", middle, gain), "seeds_with_both": len(finite)}


def _rename_sides(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison at one target in the words of costs."""
    plain = {key: value for key, value in entry.items() if key not in ("engine", "random")}
    gain = COST_NAMES.get(entry["gain"], entry["gain"])
    return {**plain, "all_levels": entry["engine"], "baseline": entry["random"], "gain": gain}
