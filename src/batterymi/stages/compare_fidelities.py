"""The stage `compare_fidelities`: what cheaper levels are worth at the same cost."""

import logging
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.campaign import Fidelities
from batterymi.config.parts import Objective
from batterymi.evaluators.make import make_evaluator
from batterymi.files import read_frame, read_json, write_csv, write_json
from batterymi.optimise.campaigns.benchmark import N_BOOTSTRAPS, RANDOM
from batterymi.optimise.campaigns.campaign import start_designs
from batterymi.optimise.campaigns.fidelity import Ledgered, Level, run_levels
from batterymi.optimise.space.make_space import study_space
from batterymi.optimise.space.problem import Search
from batterymi.process_guard import end_with_owner
from batterymi.registry import look_up
from batterymi.statistics.intervals import interval

logger = logging.getLogger(__name__)

LEVELS, DEAREST = "all levels", "last level only"
_WORKER: dict[str, Any] = {}


def compare_fidelities(
    table_path: str,
    benchmark_path: str,
    ledger_path: str,
    comparison_path: str,
    *,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    derived: list[dict[str, Any]],
    campaign: dict[str, Any],
    seed: int,
    processes: int = 1,
) -> None:
    """Spend the same cost in three ways, from the same starts: over all levels, on the last alone, and at random on it.

    Args:
        table_path: the study's table.
        benchmark_path: what the study's campaign found; its limits in force hold here.
        ledger_path: CSV to write: every evaluation of every campaign, with its level, cost and reason.
        comparison_path: JSON to write: what the levels save.
        features: settings of the features that the campaign chooses.
        objectives: settings of the objectives.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        derived: settings of quantities that constraints may name.
        campaign: settings of the campaign, with its fidelities.
        seed: the study's seed.
        processes: worker processes; the result does not depend on it.
    """
    feasibility = read_json(benchmark_path)["feasibility"]
    targets = tuple(Objective(**objective) for objective in objectives)
    limits = {f"{one['objective']}:{one['side']}": one["in_force"] for one in feasibility["limits"]}
    space = study_space(
        read_frame(table_path, needs=[one["name"] for one in features]),
        campaign,
        features,
        simplex,
        constraints,
        derived,
    )
    search = Search(space, targets, limits)
    seeds = [seed + number for number in range(campaign["seeds"])]
    tasks = (search, campaign)
    parts = []
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_start_worker, initargs=tasks
    ) as pool:
        for number, part in enumerate(pool.map(_one_seed, seeds), start=1):
            parts.append(part)
            logger.info("seed %d of %d done", number, len(seeds))
    ledger = pd.concat(parts, ignore_index=True)
    settings = Fidelities(**campaign["fidelities"])
    write_csv(ledger_path, ledger)
    write_json(
        comparison_path,
        {
            "levels": [{"label": one.label, "cost": one.cost} for one in settings.levels],
            "budget": settings.budget,
            "seeds": len(seeds),
            "comparisons": [compare_costs(ledger, other, settings.budget, seed) for other in (DEAREST, RANDOM)],
            "evaluations": {
                one.label: float(((ledger["campaign"] == LEVELS) & (ledger["label"] == one.label)).sum() / len(seeds))
                for one in settings.levels
            },
        },
    )


def _start_worker(search: Search, campaign: dict[str, Any]) -> None:
    """Build the levels once in each process."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    end_with_owner()
    settings = Fidelities(**campaign["fidelities"])
    _WORKER["levels"] = [
        Level(one.label, one.cost, make_evaluator(one.evaluator.model_dump(), search.objectives))
        for one in settings.levels
    ]
    _WORKER["search"], _WORKER["budget"] = search, settings.budget
    _WORKER["initial"] = settings.initial


def _one_seed(seed: int) -> pd.DataFrame:
    """The three campaigns of one seed."""
    search, levels, budget = _WORKER["search"], _WORKER["levels"], _WORKER["budget"]
    start = start_designs(search.space, _WORKER["initial"], seed)
    parts = [run_levels(search, levels, start, budget, seed).assign(campaign=LEVELS)]
    for name, engine in ((DEAREST, "gaussian_process"), (RANDOM, RANDOM)):
        parts.append(_on_last(search, levels, start, budget, seed, engine).assign(campaign=name))
    return pd.concat(parts, ignore_index=True).assign(seed=seed)


def _on_last(
    search: Search, levels: list[Level], start: pd.DataFrame, budget: float, seed: int, engine: str
) -> pd.DataFrame:
    """A campaign that asks the last level alone."""
    ledger, last = Ledgered(search, levels), len(levels) - 1
    propose = look_up("engine", engine)
    waiting = [start.iloc[[position]] for position in range(len(start))]
    while ledger.spent + levels[last].cost <= budget + 1e-9:
        if waiting:
            ledger.ask(waiting.pop(0), last, "start")
            continue
        asked = propose(search, ledger.frame(), 1, seed)
        if asked.empty:
            break
        ledger.ask(asked, last, str(asked["why"].iloc[0]))
    return ledger.frame()


def compare_costs(ledger: pd.DataFrame, other: str, budget: float, seed: int) -> dict[str, Any]:
    """What campaigns over all levels save against others.

    For each seed the value to reach is the worse of the two final values, so that nothing is censored. A campaign that
    found no design that meets the limits counts as if the one after its budget did.

    Args:
        ledger: rows of campaigns, with campaign, seed, spent and best_so_far.
        other: the campaign to compare with.
        budget: of each.
        seed: of the bootstrap over seeds.

    Returns:
        Share of the cost saved and the gain in the final score, with 95 % intervals over seeds, and a verdict.
    """
    costs, gains = [], []
    for _, part in ledger.groupby("seed", sort=True):
        ours, theirs = (part[part["campaign"] == name] for name in (LEVELS, other))
        final = [one["best_so_far"].iloc[-1] for one in (ours, theirs)]
        # where one of them found nothing that meets the limits, the first design that does is the value to reach
        target = max(float("inf") if np.isnan(value) else value for value in final)
        costs.append([_cost_to_reach(one, target, budget) for one in (ours, theirs)])
        gains.append(final[1] - final[0])
    spent, gained = np.array(costs), np.array(gains, float)
    draws = np.random.default_rng(seed).integers(len(spent), size=(N_BOOTSTRAPS, len(spent)))
    shares: NDArray[np.float64] = 1 - spent[draws, 0].sum(axis=1) / spent[draws, 1].sum(axis=1)
    saved = interval(shares)
    finite = gained[np.isfinite(gained)]
    again = np.random.default_rng(seed).integers(max(len(finite), 1), size=(N_BOOTSTRAPS, max(len(finite), 1)))
    gain = interval(finite[again].mean(axis=1)) if len(finite) else (float("nan"), float("nan"))
    return {
        "other": other,
        "cost_saved": float(1 - spent[:, 0].sum() / spent[:, 1].sum()),
        "cost_saved_lower": saved[0],
        "cost_saved_upper": saved[1],
        "final_gain": float(finite.mean()) if len(finite) else None,
        "final_gain_lower": gain[0],
        "final_gain_upper": gain[1],
        "seeds_with_both": len(finite),
        "verdict": "cheaper" if saved[0] > 0 else "dearer" if saved[1] < 0 else "no gain shown",
    }


def _cost_to_reach(rows: pd.DataFrame, target: float, budget: float) -> float:
    """What was spent when a value was first reached."""
    tolerance = 1e-9 * max(1.0, abs(target)) if np.isfinite(target) else 0.0
    reached = rows.loc[rows["best_so_far"] <= target + tolerance, "spent"]
    return float(reached.iloc[0]) if len(reached) else budget + float(rows["cost"].max())
