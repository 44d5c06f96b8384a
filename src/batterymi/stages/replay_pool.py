"""Campaigns over a pool of measured rows, replayed: how many measurements would have found the best ones.

Every row of the table is known, but a campaign sees a row's value only after it asked for it. So the search is scored
on real measurements, noise included, with no model standing in for nature.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.campaign import Campaign, PoolChoice
from batterymi.config.parts import Ablation, Descriptor, Feature, Objective
from batterymi.data.headers import with_units
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.encode import make_encoder
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.benchmark import RANDOM, compare_with_random
from batterymi.optimise.engines.pool import PoolEngine, PoolKernels
from batterymi.statistics.intervals import interval
from batterymi.surrogates.problem import Inputs
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
N_BOOTSTRAPS = 5000
POOL = "pool"
CUT = 3.0  # standard deviations
N_COMPONENTS = 10


def replay_pool(
    table_path: str,
    predictions_path: str,
    history_path: str,
    suggestions_path: str,
    benchmark_path: str,
    named_path: str,
    *,
    features: list[dict[str, Any]],
    descriptors: list[dict[str, Any]],
    ablations: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    campaign: dict[str, Any],
    id_column: str | None,
    seed: int,
) -> None:
    """Replay campaigns against random search on the rows of a table.

    Args:
        table_path: the study's table.
        predictions_path: its out-of-fold predictions, shown beside the best rows.
        history_path: Parquet to write: every measurement that a campaign asked for.
        suggestions_path: CSV to write: the best rows of the pool.
        benchmark_path: JSON to write: measurements needed to find the best shares, against random search.
        named_path: CSV to write: empty, since a pool has no designs of others.
        features: settings of the features.
        descriptors: settings of the features that are computed from columns.
        ablations: settings of the variants.
        objectives: settings of the objectives; the first that is sought ranks the pool.
        campaign: settings of the campaign.
        id_column: column that names the rows.
        seed: the study's seed.
    """
    settings = Campaign(**campaign)
    choice = settings.evaluator
    assert isinstance(choice, PoolChoice)
    target = next(o for o in (Objective(**one) for one in objectives) if o.goal in ("maximise", "minimise"))
    rows = read_frame(table_path, needs=[*(one["name"] for one in [*features, *objectives]), SPLIT])
    predictions = read_frame(predictions_path, needs=["variant", "objective", "best", "line"])
    rows = rows[rows[SPLIT] == TRAIN].reset_index(drop=True)
    left_out = {name for one in ablations if one["name"] == choice.variant for name in Ablation(**one).drop}
    inputs = Inputs(
        tuple(Feature(**one) for one in features if one["name"] not in left_out),
        tuple(Descriptor(**one) for one in descriptors if one["name"] not in left_out),
    )
    kernels = PoolKernels(_matrix(rows, inputs))
    sign = 1.0 if target.goal == "minimise" else -1.0
    value = rows[target.name].to_numpy(float) * (rows[choice.times].to_numpy(float) if choice.times else 1.0)
    score = sign * value
    parts = []
    for number in range(settings.seeds):
        parts.append(_one_seed(kernels, score, settings, choice, seed + number))
        if (number + 1) % 10 == 0:
            logger.info("campaign %d of %d done", number + 1, settings.seeds)
    history = pd.concat(parts, ignore_index=True)
    history["line"] = rows["line"].to_numpy()[history["row"].to_numpy()]
    history[target.name] = rows[target.name].to_numpy()[history["row"].to_numpy()]
    hunts = [_hunt(history, score, share, seed) for share in choice.shares]
    comparison = compare_with_random(history, POOL, seed) | _as_saved(hunts[0])
    write_parquet(history_path, history.drop(columns="row"))
    best = _best_rows(rows, value, score, target, id_column, predictions, choice, settings)
    write_csv(suggestions_path, with_units(best, [target]))
    write_csv(named_path, pd.DataFrame(columns=["name", "status", "flags"]))
    found: dict[str, Any] = {
        "verdict": "feasible",
        "message": f"a pool of {len(rows)} rows, all of which can be asked for",
        "limits": [],
        "pareto_share": None,
    }
    write_json(
        benchmark_path,
        {"feasibility": found, "answers": "in the data", "comparison": comparison, "failures": {}, "hunts": hunts},
    )


def _matrix(rows: pd.DataFrame, inputs: Inputs) -> Array:
    """Scaled inputs of the pool, which are known before any value is.

    Cut at three standard deviations and turned into ten principal components at most: else a row with a rare element is
    far from all others, and the search visits every oddity of the pool before it learns from its neighbours.
    """
    from sklearn.decomposition import PCA

    frame = inputs.frame(rows, compute_descriptors(rows, inputs.descriptors))
    encoded = make_encoder(inputs.features, list(frame.columns)).fit_transform(frame)
    n_components = min(N_COMPONENTS, encoded.shape[1], len(encoded))
    reduced: Array = PCA(n_components, svd_solver="full").fit_transform(np.clip(encoded, -CUT, CUT))
    return reduced


def _one_seed(kernels: PoolKernels, score: Array, settings: Campaign, choice: PoolChoice, seed: int) -> pd.DataFrame:
    """The engine's campaign and random search, from one start, each without repeats."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(score))
    budget = min(settings.budget, len(score))
    start, asked = order[: settings.initial], list(order[: settings.initial])
    engine = PoolEngine(kernels)
    engine.tell(start, score[start])
    while len(asked) < budget:
        batch = engine.ask(min(choice.batch, budget - len(asked)))
        engine.tell(batch, score[batch])
        asked += list(batch)
    runs = []
    for name, taken in ((POOL, np.array(asked)), (RANDOM, order[:budget])):
        values = score[taken]
        runs.append(
            pd.DataFrame(
                {
                    "row": taken,
                    "score": values,
                    "best_so_far": np.minimum.accumulate(values),
                    "evaluation": np.arange(1, budget + 1),
                    "engine": name,
                    "seed": seed,
                    "feasible": True,
                    "failure": "",
                }
            )
        )
    return pd.concat(runs, ignore_index=True)


def _hunt(history: pd.DataFrame, score: Array, share: float, seed: int) -> dict[str, Any]:
    """Measurements until the first, and until half, of the best share of the pool is found.

    A campaign that has not found them within its budget counts as budget + 1, which favours random search, since that
    misses more often.
    """
    n_best = max(1, round(share * len(score)))
    limit = float(np.sort(score)[n_best - 1])
    budget = int(history["evaluation"].max())
    found: dict[str, Any] = {"share": share, "rows": n_best, "budget": budget}
    for goal, needed in (("first", 1), ("half", -(-n_best // 2))):
        counts = {name: _needed(history[history["engine"] == name], limit, needed, budget) for name in (POOL, RANDOM)}
        ours, random = counts[POOL], counts[RANDOM]
        draws = np.random.default_rng(seed).integers(len(ours), size=(N_BOOTSTRAPS, len(ours)))
        saved = interval((random - ours)[draws].mean(axis=1))
        factor = interval(random[draws].mean(axis=1) / ours[draws].mean(axis=1))
        found[goal] = {
            "engine": _middle(ours),
            "random": _middle(random),
            "missed_engine": int((ours > budget).sum()),
            "missed_random": int((random > budget).sum()),
            "saved": float((random - ours).mean()),
            "saved_lower": saved[0],
            "saved_upper": saved[1],
            "acceleration": float(random.mean() / ours.mean()),
            "acceleration_lower": factor[0],
            "acceleration_upper": factor[1],
        }
    return found


def _needed(part: pd.DataFrame, limit: float, needed: int, budget: int) -> Array:
    """Per seed, the measurement at which so many of the best rows were found; budget + 1 if never."""
    wide = part.pivot(index="seed", columns="evaluation", values="score").to_numpy()
    enough = (wide <= limit).cumsum(axis=1) >= needed
    return np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, budget + 1).astype(float)


def _middle(counts: Array) -> dict[str, float]:
    """Mean, median and quartiles of counts."""
    low, median, high = np.quantile(counts, [0.25, 0.5, 0.75])
    return {"mean": float(counts.mean()), "median": float(median), "lower": float(low), "upper": float(high)}


def _as_saved(hunt: dict[str, Any]) -> dict[str, Any]:
    """The hunt for the first of the best rows, in the words of the comparison of campaigns."""
    first = hunt["first"]
    factor = [first[f"acceleration{ending}"] for ending in ("", "_lower", "_upper")]
    better = first["saved_lower"] > 0
    worse = first["saved_upper"] < 0
    said = "fewer" if better else "more" if worse else "no fewer"
    return {
        "evaluations_saved": first["saved"],
        "evaluations_saved_lower": first["saved_lower"],
        "evaluations_saved_upper": first["saved_upper"],
        "experiment_reduction": 1 - 1 / factor[0],
        "experiment_reduction_lower": 1 - 1 / factor[1],
        "experiment_reduction_upper": 1 - 1 / factor[2],
        "verdict": f"{said} measurements than random search to the first row of the best {hunt['share']:.0%}",
    }


def _best_rows(
    rows: pd.DataFrame,
    value: Array,
    score: Array,
    target: Objective,
    id_column: str | None,
    predictions: pd.DataFrame,
    choice: PoolChoice,
    settings: Campaign,
) -> pd.DataFrame:
    """The best rows of the pool, with what a model says of them that did not see them."""
    chosen = (
        (predictions["variant"] == choice.variant) & (predictions["objective"] == target.name) & predictions["best"]
    )
    predictions = predictions[chosen].set_index("line")
    best = rows.iloc[np.argsort(score, kind="stable")[: settings.suggestions]]
    said = predictions.loc[best["line"]]
    return pd.DataFrame(
        {
            "label": best[id_column].astype(str) if id_column else best["line"].astype(str),
            "line": best["line"],
            target.name: best[target.name],
            f"{target.name}_predicted": said["predicted"].to_numpy(),
            f"{target.name}_lower_95": said["lower_95"].to_numpy(),
            f"{target.name}_upper_95": said["upper_95"].to_numpy(),
            "ranked_by": value[best.index],
            "why": "one of the best rows of the pool; the interval is of a model that did not see it",
        }
    )
