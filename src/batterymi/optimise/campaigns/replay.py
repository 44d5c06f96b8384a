"""Campaigns over a pool of measured rows, replayed: how many measurements would have found the best ones.

Every row of the table is known, but a campaign learns a row's value only after it chose it. So the search is scored on
real measurements, noise included, without a model in place of the experiments.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.campaign import ReplayCampaign
from batterymi.config.slices.campaign import ReplaySettings
from batterymi.optimise.campaigns.pool import Pool
from batterymi.optimise.engines.pool import correlate_rows
from batterymi.optimise.space.score import find_certain, get_sides
from batterymi.progress import make_report
from batterymi.vocabulary.measured import describe_side
from batterymi.vocabulary.targets import RANDOM, RULE, WITH_RULE


def replay_campaigns(pool: Pool, campaign: ReplayCampaign, seed: int) -> pd.DataFrame:
    """Replay the engine and random search from the same starts, and with a rule its order and the engine with it.

    Args:
        pool: the rows.
        campaign: settings of the campaign.
        seed: of the first start; the others follow.

    Returns:
        Every measurement that a campaign chose, with `row`, its place in the pool, `line` and the objective.
    """
    report = make_report("campaigns done")
    replays = _Replays(pool, campaign)
    parts = []
    for start in range(seed, seed + campaign.seeds):
        parts += [_list_run(pool, name, rows, start) for name, rows in replays.run_seed(start)]
        report(start - seed + 1, campaign.seeds)
    history = pd.concat(parts, ignore_index=True)
    history["line"] = pool.rows["line"].to_numpy()[history["row"].to_numpy()]
    history[pool.target.name] = pool.rows[pool.target.name].to_numpy()[history["row"].to_numpy()]
    return history


class _Replays:
    """Campaigns over one pool; those from equal starts are run once, since the engine leaves nothing to chance."""

    def __init__(self, pool: Pool, campaign: ReplayCampaign) -> None:
        """Compute the correlations that all seeds share."""
        self._pool, self._campaign = pool, campaign
        self._budget = min(campaign.budget, len(pool.rows))
        self._correlations = {campaign.engine: correlate_rows(pool.matrix)}
        if pool.rule is not None:
            self._correlations[WITH_RULE] = correlate_rows(pool.add_rule_input())
        self._done: dict[tuple[str, bytes], Indices] = {}

    def run_seed(self, seed: int) -> Iterator[tuple[str, Indices]]:
        """Yield the campaigns of one seed, each the rows in the order in which they were chosen."""
        initial, budget = self._campaign.initial, self._budget
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self._pool.rows))
        yield self._campaign.engine, self._run_engine(self._campaign.engine, order[:initial])
        yield RANDOM, order[:budget]
        if self._pool.rule is not None:
            ruled = self._pool.order_by_rule(rng)
            yield RULE, ruled[:budget]
            yield WITH_RULE, self._run_engine(WITH_RULE, ruled[:initial])

    def _run_engine(self, name: str, start: Indices) -> Indices:
        """Choose rows until the budget is spent."""
        key = (name, start.tobytes())
        if key not in self._done:
            pool, chosen, correlations = self._pool, start, self._correlations[name]
            while len(chosen) < self._budget:
                n = min(self._campaign.batch, self._budget - len(chosen))
                chosen = np.concatenate([chosen, pool.propose_rows(correlations, chosen, n)])
            self._done[key] = chosen
        return self._done[key]


def _list_run(pool: Pool, engine: str, rows: Indices, seed: int) -> pd.DataFrame:
    """Return one campaign as a table, one row per measurement; rows that are worth nothing have no score."""
    cost = pool.cost[rows]
    return pd.DataFrame(
        {
            "row": rows,
            "score": _as_missing(cost),
            "best_so_far": _as_missing(np.minimum.accumulate(cost)),
            "evaluation": np.arange(1, len(rows) + 1),
            "engine": engine,
            "seed": seed,
            "feasible": pool.is_worth[rows],
            "failure": "",
        }
    )


def _as_missing(costs: Array) -> Array:
    """Return costs with NaN instead of infinity."""
    return np.where(np.isfinite(costs), costs, np.nan)


def list_best_rows(pool: Pool, predictions: pd.DataFrame, settings: ReplaySettings) -> pd.DataFrame:
    """Return the best rows of the pool, with what a model that was fitted without them predicts.

    A row that only a bound is known of counts where it is at least as good as that number, and is marked.

    Args:
        pool: the rows.
        predictions: out-of-fold predictions of all models.
        settings: of the study.
    """
    name, campaign = pool.target.name, settings.campaign
    chosen = (predictions["variant"] == campaign.variant) & (predictions["objective"] == name) & predictions["best"]
    n = min(campaign.suggestions, int(pool.is_worth.sum()))
    sides = get_sides(pool.rows, [pool.target])
    certain = find_certain(sides, [pool.target], (), len(pool.rows))
    order = np.argsort(pool.cost, kind="stable")
    places = order[certain[order]][:n]
    best = pool.rows.iloc[places]
    bounds = sides.get(name, np.zeros(len(pool.rows)))[places]
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
            "why": [
                "one of the best rows of the pool; the interval is of a model that did not see it"
                + (f"; known to be {describe_side(side)}this" if side else "")
                for side in bounds
            ],
        }
    )
