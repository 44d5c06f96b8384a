"""Campaigns over a pool of measured rows, replayed: how many measurements would have found the best ones.

Every row of the table is known, but a campaign learns a row's value only after it chose it. So the search is scored on
real measurements, noise included, without a model in place of the experiments.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.campaign import ReplayCampaign
from batterymi.config.parts import Objective
from batterymi.config.slices.campaign import ReplaySettings
from batterymi.optimise.campaigns.benchmark import N_BOOTSTRAPS, RANDOM
from batterymi.optimise.engines.pool import correlate_rows, propose_rows
from batterymi.optimise.space.embedding import embed_inputs
from batterymi.process_pool import make_progress_logger
from batterymi.statistics.bootstrap import bootstrap_interval
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import compute_mean
from batterymi.surrogates.problem import Inputs


@dataclass(frozen=True)
class Pool:
    """Rows to choose from.

    Attributes:
        rows: of the table.
        target: the objective.
        value: what decides the rank of rows, shape (n_rows,): the objective, or its product with a known column.
        matrix: scaled inputs, shape (n_rows, n_columns).
    """

    rows: pd.DataFrame
    target: Objective
    value: Array
    matrix: Array

    @property
    def score(self) -> Array:
        """The value as a cost, shape (n_rows,)."""
        return self.target.compute_cost(self.value)

    def propose_rows(self, correlations: list[Array], known: Indices, n: int) -> Indices:
        """Propose the next rows by what is known of some; see `engines.pool`."""
        window = self.target.window
        # a process learns the outcome itself, since its distance to a target has a kink there
        values = self.score if window is None else self.value
        return propose_rows(correlations, known, values[known], n, window)


def make_pool(rows: pd.DataFrame, settings: ReplaySettings) -> Pool:
    """Make the pool of a study: its rows that have a result of the first objective that is optimised."""
    campaign = settings.campaign
    target = next(objective for objective in settings.objectives if objective.is_optimised)
    inputs = Inputs(settings.features, settings.descriptors)
    for ablation in settings.ablations:
        if ablation.name == campaign.variant:
            inputs = inputs.drop(ablation.drop)
    rows = rows[rows[target.name].notna()].reset_index(drop=True)
    value = rows[target.name].to_numpy(float) * (rows[campaign.times].to_numpy(float) if campaign.times else 1.0)
    return Pool(rows, target, value, embed_inputs(rows, inputs))


def replay_campaigns(pool: Pool, campaign: ReplayCampaign, seed: int) -> pd.DataFrame:
    """Replay the engine and random search from the same starts.

    Args:
        pool: the rows.
        campaign: settings of the campaign.
        seed: of the first start; the others follow.

    Returns:
        Every measurement that a campaign chose, with `row`, its place in the pool, `line` and the objective.
    """
    # shared by all seeds
    correlations, report = correlate_rows(pool.matrix), make_progress_logger(10, "campaigns done")
    parts = []
    for start in range(seed, seed + campaign.seeds):
        parts.append(_replay_seed(correlations, pool, campaign, start))
        report(len(parts), campaign.seeds)
    history = pd.concat(parts, ignore_index=True)
    history["line"] = pool.rows["line"].to_numpy()[history["row"].to_numpy()]
    history[pool.target.name] = pool.rows[pool.target.name].to_numpy()[history["row"].to_numpy()]
    return history


def _replay_seed(correlations: list[Array], pool: Pool, campaign: ReplayCampaign, seed: int) -> pd.DataFrame:
    """Replay the engine and random search from one start, each without repeats."""
    score = pool.score
    order = np.random.default_rng(seed).permutation(len(score))
    budget = min(campaign.budget, len(score))
    chosen = order[: campaign.initial]
    while len(chosen) < budget:
        batch = pool.propose_rows(correlations, chosen, min(campaign.batch, budget - len(chosen)))
        chosen = np.concatenate([chosen, batch])
    runs = [_list_run(name, rows, score, seed) for name, rows in ((campaign.engine, chosen), (RANDOM, order[:budget]))]
    return pd.concat(runs, ignore_index=True)


def _list_run(engine: str, rows: Indices, score: Array, seed: int) -> pd.DataFrame:
    """Return one campaign as a table, one row per measurement."""
    return pd.DataFrame(
        {
            "row": rows,
            "score": score[rows],
            "best_so_far": np.minimum.accumulate(score[rows]),
            "evaluation": np.arange(1, len(rows) + 1),
            "engine": engine,
            "seed": seed,
            "feasible": True,
            "failure": "",
        }
    )


def measure_acceleration(
    history: pd.DataFrame, pool: Pool, share: float, campaign: ReplayCampaign, seed: int
) -> dict[str, Any]:
    """Measure how many evaluations it takes to the first, and to half, of the best share of the pool.

    A campaign that has not found them within its budget counts as budget + 1, which favours random search, since that
    fails to find them more often.

    Args:
        history: campaigns of the engine and of random search.
        pool: the rows.
        share: of the rows that count as best; with a target, all rows that are as near as the last of them count too.
        campaign: settings of the campaign.
        seed: of the bootstrap over seeds.

    Returns:
        Under `first` and `half`: evaluations of both, their difference, and the acceleration factor, the ratio of their
        means, with 95 % intervals over seeds.
    """
    n_best = max(1, round(share * len(pool.score)))
    limit = float(np.sort(pool.score)[n_best - 1])
    if pool.target.window:
        n_best = int((pool.score <= limit).sum())
    budget = int(history["evaluation"].max())
    found: dict[str, Any] = {"share": share, "rows": n_best, "budget": budget}
    # ceiling division: half of an odd number is rounded up
    for goal, needed in (("first", 1), ("half", -(-n_best // 2))):
        ours, random = (
            _count_evaluations(history[history["engine"] == name], limit, needed, budget)
            for name in (campaign.engine, RANDOM)
        )
        saved = bootstrap_interval(random - ours, compute_mean, seed, n_resamples=N_BOOTSTRAPS)
        factor = bootstrap_interval((random, ours), _compute_factor, seed, n_resamples=N_BOOTSTRAPS)
        found[goal] = {
            "engine": _summarise_counts(ours),
            "random": _summarise_counts(random),
            "missed_engine": int((ours > budget).sum()),
            "missed_random": int((random > budget).sum()),
            **label_interval("saved", float((random - ours).mean()), saved),
            **label_interval("acceleration", float(_compute_factor(random, ours)), factor),
        }
    return found


def _compute_factor(random: Array, ours: Array) -> Array:
    """Compute the acceleration factor over seeds, along the last axis."""
    return np.asarray(compute_mean(random) / compute_mean(ours))


def _count_evaluations(part: pd.DataFrame, limit: float, needed: int, budget: int) -> Array:
    """Count per seed the evaluations until so many of the best rows were found; budget + 1 if never."""
    wide = part.pivot(index="seed", columns="evaluation", values="score").to_numpy()
    enough = (wide <= limit).cumsum(axis=1) >= needed
    return np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, budget + 1).astype(float)


def _summarise_counts(counts: Array) -> dict[str, float]:
    """Return mean, median and quartiles of counts."""
    low, median, high = np.quantile(counts, [0.25, 0.5, 0.75])
    return {"mean": float(counts.mean()), "median": float(median), "lower": float(low), "upper": float(high)}


def describe_saving(acceleration: dict[str, Any]) -> dict[str, Any]:
    """Return evaluations saved to the first of the best rows, under the keys of the comparison of campaigns."""
    first = acceleration["first"]
    endings = ("", "_lower", "_upper")
    said = "fewer" if first["saved_lower"] > 0 else "more" if first["saved_upper"] < 0 else "no fewer"
    return {
        **{f"evaluations_saved{ending}": first[f"saved{ending}"] for ending in endings},
        **{f"experiment_reduction{ending}": 1 - 1 / first[f"acceleration{ending}"] for ending in endings},
        "verdict": f"{said} measurements than random search to the first row of the best {acceleration['share']:.0%}",
    }


def list_best_rows(pool: Pool, predictions: pd.DataFrame, settings: ReplaySettings) -> pd.DataFrame:
    """Return the best rows of the pool, with what a model that was fitted without them predicts.

    Args:
        pool: the rows.
        predictions: out-of-fold predictions of all models.
        settings: of the study.
    """
    name, campaign = pool.target.name, settings.campaign
    chosen = (predictions["variant"] == campaign.variant) & (predictions["objective"] == name) & predictions["best"]
    best = pool.rows.iloc[np.argsort(pool.score, kind="stable")[: campaign.suggestions]]
    predicted = predictions[chosen].set_index("line").loc[best["line"]]
    return pd.DataFrame(
        {
            "label": best[settings.id_column or "line"].astype(str),
            "line": best["line"],
            name: best[name],
            f"{name}_predicted": predicted["predicted"].to_numpy(),
            f"{name}_lower_95": predicted["lower_95"].to_numpy(),
            f"{name}_upper_95": predicted["upper_95"].to_numpy(),
            "ranked_by": (pool.value if pool.target.window is None else pool.score)[best.index],
            "why": "one of the best rows of the pool; the interval is of a model that did not see it",
        }
    )
