"""What a campaign over a pool saves against random search, which is exact, and against a rule that is free."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.config.campaign import ReplayCampaign
from batterymi.optimise.campaigns.benchmark import describe_campaigns, summarise_targets
from batterymi.optimise.campaigns.gain import compare_at_target
from batterymi.optimise.campaigns.pool import Pool
from batterymi.optimise.campaigns.targets import Arrivals, Target, find_arrivals
from batterymi.statistics.draws import compute_expected_draws, compute_expected_place
from batterymi.vocabulary.targets import DECLARED_POOL_SHARE, RANDOM, WITH_RULE
from batterymi.vocabulary.verdicts import FEWER, MORE, NO_GAIN, state_gain


def make_pool_targets(pool: Pool, shares: Sequence[float]) -> list[Target]:
    """Return the first, and half, of the best rows, for each share of the rows.

    Args:
        pool: the rows; those that are worth nothing are never among the best.
        shares: of all rows of the pool.

    Returns:
        Two targets per share; one where half of the best rows is one row. Rows of equal value count alike, so that
        there may be more than the share. Where more rows hit a target value than the declared share, all of them are
        the best, and there is no other share.
    """
    costs = np.sort(pool.cost)
    n_worth, n_hits = int(pool.is_worth.sum()), int((costs <= 0).sum()) if pool.target.window else 0
    targets = []
    for share in [DECLARED_POOL_SHARE] if n_hits > DECLARED_POOL_SHARE * len(costs) else shares:
        value = float(costs[min(max(1, round(share * len(costs))), n_worth) - 1])
        n_best = int(Target("", share, value, is_declared=False).is_met(pool.cost).sum())
        # ceiling division: half of an odd number is rounded up
        half = -(-n_best // 2)
        name = "those that hit the target" if value <= 0 < n_hits else f"the best {share:.0%}"
        rows = f"{n_best} row{'' if n_best == 1 else 's'}"
        is_declared = share == DECLARED_POOL_SHARE
        targets.append(Target(f"the first of {name} ({rows})", share, value, is_declared, 1, n_best))
        if half > 1:
            targets.append(Target(f"half of {name} ({half} of {rows})", share, value, False, half, n_best))
    return targets


def compare_pool(history: pd.DataFrame, pool: Pool, campaign: ReplayCampaign, seed: int) -> dict[str, Any]:
    """Compare the engine with random search, and with the rule if there is one.

    Against random search evaluations are counted after the shared start, and those of random search are expectations
    over all orders of the rows that the start leaves. A rule needs no start, so against it all evaluations count.

    Args:
        history: replayed campaigns.
        pool: the rows.
        campaign: settings of the campaign.
        seed: of the bootstrap over seeds.

    Returns:
        As `compare_with_random`; each target with `rule` and `with_rule` beside `engine` and `random`.
    """
    least = campaign.worthwhile.least if campaign.worthwhile else 0.0
    budget, initial = int(history["evaluation"].max()), campaign.initial
    compared = []
    for target in make_pool_targets(pool, campaign.shares):
        is_best = target.is_met(pool.cost)
        ours = find_arrivals(history, campaign.engine, target, initial)
        random = _expect_after_starts(history, is_best, target, initial)
        entry = compare_at_target(target, ours, random, budget - initial, seed, least)
        entry["random_from_nothing"] = compute_expected_draws(len(is_best), int(is_best.sum()), target.needed)
        if pool.rule is not None:
            place = compute_expected_place(pool.rule, is_best, target.needed)
            entry["rule"] = place
            for key, name in (("engine_against_rule", campaign.engine), ("with_rule", WITH_RULE)):
                entry[key] = _compare_with_place(history, name, target, place, seed, least)
            entry["with_rule_against_random"] = _compare_with_place(
                history, WITH_RULE, target, entry["random_from_nothing"], seed, least
            )
        compared.append(entry)
    summary = summarise_targets(compared)
    if campaign.rank_by:
        said = [_state_against_rule(entry, campaign.rank_by.label) for entry in compared if entry["is_declared"]]
        summary["verdict"] = "; ".join([summary["verdict"], *said])
        summary["against_rule"] = "; ".join(said)
    return {
        **describe_campaigns(history, campaign.engine, initial, seed),
        **summary,
        "rule": campaign.rank_by.model_dump(mode="json") if campaign.rank_by else None,
        "conditions": pool.report,
        "targets": compared,
    }


def _expect_after_starts(history: pd.DataFrame, is_best: Mask, target: Target, initial: int) -> Arrivals:
    """Return how many rows random search takes on average after each start, exactly."""
    starts = history[(history["engine"] == RANDOM) & (history["evaluation"] <= initial)]
    expected = []
    for _, start in starts.groupby("seed", sort=True):
        n_found = int(is_best[start["row"].to_numpy()].sum())
        n_left, needed = len(is_best) - len(start), target.needed - n_found
        # the rows that a start leaves are in random order, whatever the start
        expected.append(compute_expected_draws(n_left, int(is_best.sum()) - n_found, needed) if needed > 0 else 0.0)
    return Arrivals(np.array(expected), np.ones(len(expected), dtype=bool), is_exact=True)


def _compare_with_place(
    history: pd.DataFrame, engine: str, target: Target, place: float, seed: int, worthwhile: float
) -> dict[str, Any]:
    """Compare all evaluations of an engine, its start included, with a number that nothing is left to chance in."""
    ours = find_arrivals(history, engine, target, 0)
    exact = Arrivals(np.full(len(ours.counts), place), np.ones(len(ours.counts), dtype=bool), is_exact=True)
    found = compare_at_target(target, ours, exact, int(history["evaluation"].max()), seed, worthwhile)
    ends = ("saved", "saved_lower", "saved_upper", "ratio", "ratio_lower", "ratio_upper", "saved_is", "gain")
    return {**found["engine"], **{key: found[key] for key in ends}}


def _state_against_rule(entry: dict[str, Any], label: str) -> str:
    """State what the engine, alone and started from a rule, makes of what the rule finds by itself."""
    alone, started = entry["engine_against_rule"], entry["with_rule"]
    numbers = f"{_describe_mean(alone)} evaluations in all against {entry['rule']:.1f}"
    lost = alone["gain"] == MORE
    said = f"loses to the rule '{label}'" if lost else state_gain(alone["gain"], f"the rule '{label}'", entry["label"])
    return f"{said} ({numbers}; started from the rule {_describe_mean(started)}: {_name_side(started['gain'])})"


def _describe_mean(part: dict[str, Any]) -> str:
    """Return a mean number of evaluations; with campaigns that were censored it is a lower bound."""
    return f"{'at least ' if part['censored'] else ''}{part['mean']:.1f}"


def _name_side(gain: str) -> str:
    """Name a verdict on the engine that starts from the rule, against the rule itself."""
    return {FEWER: "fewer than the rule", MORE: "more than the rule", NO_GAIN: "no gain over the rule shown"}.get(
        gain, gain
    )
