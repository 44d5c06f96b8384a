"""How an engine compares with random search from the same starts, over targets that no campaign has a part in."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from batterymi.optimise.campaigns.gain import N_BOOTSTRAPS, compare_at_target
from batterymi.optimise.campaigns.targets import Target, find_arrivals
from batterymi.statistics.bootstrap import average_finite, bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.vocabulary.targets import RANDOM
from batterymi.vocabulary.verdicts import DEPENDS_ON_TARGET, FEWER, MORE, NO_TARGET, state_gain

ENDS = ("", "_lower", "_upper")
OTHER = "random search"


def compare_with_random(
    history: pd.DataFrame,
    engine: str,
    targets: Sequence[Target],
    initial: int,
    seed: int,
    worthwhile: float = 0.0,
) -> dict[str, Any]:
    """Compare an engine with random search from the same starts.

    Args:
        history: campaigns of both, with columns engine, seed, evaluation, best_so_far.
        engine: name of the engine.
        targets: what is to be reached; verdicts rest on the declared one.
        initial: evaluations of the shared start.
        seed: of the bootstrap over seeds.
        worthwhile: evaluations saved below which a gain does not matter.

    Returns:
        The comparison at each target and at the declared one, what the campaigns ended with, and a verdict.
    """
    until = int(history["evaluation"].max()) - initial
    compared = [
        compare_at_target(
            target,
            find_arrivals(history, engine, target, initial),
            find_arrivals(history, RANDOM, target, initial),
            until,
            seed,
            worthwhile,
        )
        for target in targets
    ]
    return {**describe_campaigns(history, engine, initial, seed), **summarise_targets(compared), "targets": compared}


def describe_campaigns(history: pd.DataFrame, engine: str, initial: int, seed: int) -> dict[str, Any]:
    """Return the numbers of campaigns, and what they ended with at the end of their budget.

    The final gain is random search's final score minus the engine's, where both found a feasible design. It grows and
    falls with the budget, so no verdict rests on it.
    """
    final = history.sort_values("evaluation").groupby(["engine", "seed"])["best_so_far"].last()
    gained = (final[RANDOM] - final[engine]).to_numpy(float)
    gain = bootstrap_interval(gained, average_finite, seed, n_resamples=N_BOOTSTRAPS)
    has_both = np.isfinite(gained)
    return {
        "engine": engine,
        "seeds": len(gained),
        "initial": initial,
        "budget": int(history["evaluation"].max()),
        **label_interval("final_gain", float(gained[has_both].mean()) if has_both.any() else None, gain),
        "seeds_with_both": int(has_both.sum()),
        "final_best": _compute_quartiles(final[engine]),
        "final_best_random": _compute_quartiles(final[RANDOM]),
    }


def summarise_targets(
    compared: Sequence[dict[str, Any]], other: str = OTHER, names: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return what is saved on the way to the declared target, and the verdict over all targets.

    Args:
        compared: what `compare_at_target` found, in order of the targets.
        other: what the campaigns are compared with.
        names: what verdicts are called instead, where costs are counted.

    Returns:
        `target`, `evaluations_saved` and `experiment_reduction` (the share saved), each with its ends, None where open,
        `saved_is` and `verdict`.
    """
    declared = next((entry for entry in compared if entry["is_declared"]), None)
    if declared is None:
        nothing = {f"{key}{end}": None for key in ("evaluations_saved", "experiment_reduction") for end in ENDS}
        return {"target": None, **nothing, "saved_is": None, "verdict": NO_TARGET}
    ratios = {end: declared[f"ratio{end}"] for end in ENDS}
    return {
        "target": declared["label"],
        **{f"evaluations_saved{end}": declared[f"saved{end}"] for end in ENDS},
        **{f"experiment_reduction{end}": ratio and 1 - 1 / ratio for end, ratio in ratios.items()},
        "saved_is": declared["saved_is"],
        "verdict": _state_verdict(declared, compared, other, names),
    }


def _state_verdict(
    declared: dict[str, Any], compared: Sequence[dict[str, Any]], other: str, names: Mapping[str, str]
) -> str:
    """State the verdict at the declared target, or that it differs between targets."""
    sides = {side: [entry["label"] for entry in compared if entry["gain"] == side] for side in (FEWER, MORE)}
    if all(sides.values()):
        said = "; ".join(
            state_gain(names.get(side, side), other, " and ".join(labels)) for side, labels in sides.items()
        )
        return f"{DEPENDS_ON_TARGET}: {said}"
    return state_gain(names.get(declared["gain"], declared["gain"]), other, declared["label"])


def _compute_quartiles(final: pd.Series) -> dict[str, float]:
    """Compute the median and the quartiles over seeds of the final best score."""
    # pandas leaves NaN out, and returns NaN where nothing else is left
    low, middle, high = final.quantile([0.25, 0.5, 0.75])
    return {"lower": float(low), "median": float(middle), "upper": float(high)}
