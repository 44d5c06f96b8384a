"""How many evaluations an engine saves against random search, with an interval."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.statistics.bootstrap import average_finite, bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean

N_BOOTSTRAPS = 5000
RANDOM = "random"


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


def compare_with_random(history: pd.DataFrame, engine: str, seed: int) -> dict[str, Any]:
    """Compare an engine with random search from the same starts.

    For each seed the target is the worse of the two final values, which both campaigns reached, so nothing is
    censored. Saved evaluations are random search's minus the engine's. The share saved is "experiment reduction". The
    final gain is random search's final score minus the engine's, where both found a feasible design.

    Args:
        history: campaigns of both, with columns engine, seed, evaluation, best_so_far.
        engine: name of the engine.
        seed: of the bootstrap over seeds.

    Returns:
        Numbers of both, their difference with 95 % intervals over seeds, and a verdict.
    """
    pairs = [_compare_pair(part, engine) for _, part in history.groupby("seed", sort=True)]
    used = np.array([pair["engine_evaluations"] for pair in pairs], float)
    random = np.array([pair["random_evaluations"] for pair in pairs], float)
    gained = np.array([pair["final_gain"] for pair in pairs], float)
    # seeds are resampled as pairs, since both campaigns of a seed share their start
    saved = bootstrap_interval(random - used, compute_mean, seed, n_resamples=N_BOOTSTRAPS)
    gain = bootstrap_interval(gained, average_finite, seed, n_resamples=N_BOOTSTRAPS)
    share = bootstrap_interval((used, random), compute_share_saved, seed, n_resamples=N_BOOTSTRAPS)
    return {
        "engine": engine,
        "seeds": len(pairs),
        "budget": int(history["evaluation"].max()),
        **label_interval("evaluations_saved", float((random - used).mean()), saved),
        **label_interval("experiment_reduction", float(compute_share_saved(used, random)), share),
        "seeds_ahead": int((random > used).sum()),
        **label_interval("final_gain", float(np.nanmean(gained)) if np.isfinite(gained).any() else None, gain),
        "seeds_with_both": int(np.isfinite(gained).sum()),
        "final_best": _compute_quartiles(history, engine),
        "final_best_random": _compute_quartiles(history, RANDOM),
        "verdict": _classify_gain(saved, gain),
        "pairs": pairs,
    }


def _compare_pair(part: pd.DataFrame, engine: str) -> dict[str, Any]:
    """Compare the two campaigns of one seed."""
    ours = part[part["engine"] == engine].sort_values("evaluation")["best_so_far"].to_numpy()
    random = part[part["engine"] == RANDOM].sort_values("evaluation")["best_so_far"].to_numpy()
    found = [best[-1] for best in (ours, random) if np.isfinite(best[-1])]
    # the worse final value was reached by both campaigns, so nothing is censored
    target = max(found) if found else float("nan")
    return {
        "seed": int(part["seed"].iloc[0]),
        "value_to_reach": target,
        "engine_evaluations": count_evaluations_to(ours, target),
        "random_evaluations": count_evaluations_to(random, target),
        "final_engine": float(ours[-1]),
        "final_random": float(random[-1]),
        "final_gain": float(random[-1] - ours[-1]),
    }


def _compute_quartiles(history: pd.DataFrame, engine: str) -> dict[str, float]:
    """Compute the median and the quartiles over seeds of the final best score."""
    part = history[history["engine"] == engine]
    final = part.sort_values("evaluation").groupby("seed")["best_so_far"].last()
    # pandas leaves NaN out, and returns NaN where nothing else is left
    low, middle, high = final.quantile([0.25, 0.5, 0.75])
    return {"lower": float(low), "median": float(middle), "upper": float(high)}


def compute_share_saved(used: Array, baseline: Array) -> Array:
    """Compute the share that is saved over seeds, along the last axis."""
    # a ratio of sums, so that seeds with few evaluations do not dominate
    return np.asarray(1 - used.sum(axis=-1) / baseline.sum(axis=-1))


def _classify_gain(saved: tuple[float, float], gain: tuple[float, float]) -> str:
    """Choose the verdict; a gain whose interval includes zero does not count as a gain."""
    if saved[0] > 0:
        return "fewer evaluations than random search"
    # an engine may be no faster to a mediocre value and still end with a much better design
    if gain[0] > 0 and not saved[1] < 0:
        return "a better final design than random search, in no fewer evaluations"
    if saved[1] < 0:
        return "more evaluations than random search"
    return "no gain over random search shown"
