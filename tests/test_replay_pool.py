"""Campaigns over pools of known rows: random search is exact, rules that are free, and what is worth finding."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi import registry
from batterymi.config.load import load_study
from batterymi.config.slices.campaign import ReplaySettings
from batterymi.config.study import Study
from batterymi.data.loaders.mp_compositions import look_up_hulls
from batterymi.data.loaders.obelix import _is_sulfide
from batterymi.errors import TableError
from batterymi.optimise.campaigns.pool import Pool, make_pool
from batterymi.optimise.campaigns.pool_gain import compare_pool, make_pool_targets
from batterymi.optimise.campaigns.replay import list_best_rows, replay_campaigns
from batterymi.optimise.engines.pool import correlate_rows, propose_rows
from batterymi.statistics.draws import compute_expected_place
from batterymi.vocabulary.measured import LOWER, UPPER, name_bound_column

mirrored = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
SAMPLES = ROOT / "tests/samples"
RULE = {"label": "large b first", "expression": "b", "order": "decreasing", "reason": "it is known for free"}


def make_study(**campaign: Any) -> Study:
    """A study with one feature, whose rows are replayed."""
    column = {"label": "x", "unit": "1"}
    return Study.model_validate(
        {
            "title": "A pool",
            "edition": "own",
            "table": {"file": "data/pool.csv"},
            "features": [{"name": "a", **column}],
            "objectives": [{"name": "y", "goal": "maximise", **column}],
            "campaign": {"mode": "replay", "seeds": 30, "initial": 4, "budget": 20, **campaign},
        }
    )


def make_rows(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Rows whose objective follows a feature, and a column b that is close to it."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(-1, 1, n)
    y = -((a - 0.5) ** 2)
    return pd.DataFrame({"line": np.arange(1, n + 1), "a": a, "y": y, "b": y + 0.2 * rng.normal(size=n), "t": "text"})


def pool_of(rows: pd.DataFrame, **campaign: Any) -> tuple[Pool, ReplaySettings]:
    """The pool of such a study."""
    found = ReplaySettings.take_from(make_study(**campaign))
    return make_pool(rows, found), found


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.1, 0.3]))
def test_random_search_after_a_start_is_the_mean_over_orders_of_the_other_rows(seed: int, share: float) -> None:
    pool, found = pool_of(make_rows(20, seed), seeds=2, shares=[0.05, share], budget=6)
    history = replay_campaigns(pool, found.campaign, seed)
    compared = compare_pool(history, pool, found.campaign, seed)["targets"]
    rng = np.random.default_rng(seed)
    for target, entry in zip(make_pool_targets(pool, found.campaign.shares), compared, strict=True):
        is_best, taken = target.is_met(pool.cost), []
        for start in (seed, seed + 1):
            chosen = history[(history["seed"] == start) & (history["engine"] == "random")]["row"].to_numpy()[:4]
            needed = target.needed - int(is_best[chosen].sum())
            rest = np.delete(is_best, chosen)
            orders = [np.cumsum(rng.permutation(rest)) for _ in range(2000)] if needed > 0 else []
            taken += [np.mean([np.flatnonzero(order >= needed)[0] + 1 for order in orders])] if orders else []
        if taken:
            assert entry["random"]["mean"] == pytest.approx(np.mean(taken), rel=0.08)
            assert entry["random"]["is_exact"]
        else:
            assert entry["random"]["mean"] is None


def test_a_pool_compares_with_random_search_without_chance() -> None:
    pool, found = pool_of(make_rows(), shares=[0.05])
    first, half = make_pool_targets(pool, (0.05,))
    assert (first.n_best, first.needed, half.needed) == (3, 1, 2)
    entry = compare_pool(replay_campaigns(pool, found.campaign, 0), pool, found.campaign, 0)["targets"][0]
    # no start that is still open holds one of the three best, so all leave 56 rows with three best ones
    assert entry["random"]["mean"] == pytest.approx(57 / 4)
    assert entry["random"]["mean_lower"] == entry["random"]["mean_upper"] == pytest.approx(57 / 4)
    assert entry["random_from_nothing"] == pytest.approx(61 / 4)
    assert entry["gain"] == "fewer evaluations"


def test_a_campaign_that_loses_to_a_rule_says_so() -> None:
    rows = make_rows().assign(b=lambda frame: np.where(frame["y"].rank(ascending=False) <= 10, 1.0, 0.0))
    pool, found = pool_of(rows, rank_by=RULE)
    comparison = compare_pool(replay_campaigns(pool, found.campaign, 0), pool, found.campaign, 0)
    assert "loses to the rule 'large b first'" in comparison["verdict"]
    declared = next(entry for entry in comparison["targets"] if entry["is_declared"])
    # the three best are among ten tied rows, which are taken in random order
    assert declared["rule"] == pytest.approx(11 / 4)
    assert declared["with_rule"]["mean"] < declared["engine_against_rule"]["mean"]
    assert declared["engine_against_rule"]["gain"] == "more evaluations"


def test_an_engine_that_starts_from_a_rule_keeps_what_the_rule_finds() -> None:
    pool, found = pool_of(make_rows(), rank_by=RULE)
    history = replay_campaigns(pool, found.campaign, 0)
    by_rule, started = (
        history[(history["engine"] == name) & (history["seed"] == 0)]["row"].to_numpy()
        for name in ("rule", "pool_with_rule")
    )
    assert by_rule[:4].tolist() == started[:4].tolist() == pool.rows["b"].nlargest(4).index.tolist()
    assert len(set(started)) == 20


def test_a_rule_in_increasing_order_is_the_other_way_round() -> None:
    rows = make_rows()
    best = np.arange(len(rows)) == int(rows["b"].argmin())
    pool, _ = pool_of(rows, rank_by=RULE | {"order": "increasing"})
    assert pool.rule is not None
    assert compute_expected_place(pool.rule, best) == 1


@pytest.mark.parametrize(
    ("campaign", "message"),
    [
        ({"rank_by": RULE | {"expression": "b + y"}}, "rank_by: 'y' is an objective, so it is not known before"),
        (
            {"where": [{"expression": "y > 0", "known_before": True, "reason": "long enough"}]},
            "where.0: 'y' is an objective",
        ),
        ({"where": [{"expression": "e_above_hull < 1", "reason": "long enough"}]}, "hull_of: not set"),
        ({"shares": [0.01, 0.1]}, "shares: 0.05 is missing"),
        ({"rank_by": RULE | {"expression": "1 + 2"}}, "uses no column"),
        ({"where": [{"expression": "b + 1", "reason": "long enough"}]}, "is not a comparison"),
    ],
)
def test_what_is_not_known_beforehand_is_refused(campaign: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_study(**campaign)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("10 * y_again", "has the order of the outcome itself"),
        ("0 - exp(y_again)", "has the order of the outcome itself"),
        ("bb", "'bb' is not a column of the table; did you mean"),
        ("t", "'t' holds text"),
        ("flat", "is 1 in all rows, so it orders nothing"),
        ("gap", "has no value in line 3"),
    ],
)
def test_a_rule_that_knows_the_outcome_or_nothing_is_refused(expression: str, message: str) -> None:
    rows = make_rows().assign(flat=1.0, y_again=lambda frame: frame["y"])
    rows["gap"] = rows["b"].where(rows["line"] != 3)
    with pytest.raises(TableError, match=message):
        pool_of(rows, rank_by=RULE | {"expression": expression})


def test_rows_that_are_known_to_be_worth_nothing_are_no_part_of_the_pool() -> None:
    where = [{"expression": "b >= -1", "known_before": True, "reason": "long enough"}]
    rows = make_rows()
    pool, _ = pool_of(rows, where=where)
    assert len(pool.rows) == (rows["b"] >= -1).sum() < len(rows)
    assert pool.is_worth.all()
    assert pool.report[0]["meet"] == len(pool.rows)
    with pytest.raises(TableError, match="0 of 60 rows meet what is known beforehand"):
        pool_of(rows, where=[where[0] | {"expression": "b > 9"}])


def test_rows_that_turn_out_to_be_worth_nothing_can_be_chosen_and_are_none_of_the_best() -> None:
    rows = make_rows()
    limit = float(rows["y"].quantile(0.9))
    where = [{"expression": f"y < {limit!r}", "reason": "what is above is an artefact"}]
    pool, found = pool_of(rows, where=where)
    assert len(pool.rows) == len(rows)
    best = make_pool_targets(pool, (0.05,))[0]
    assert not (best.is_met(pool.cost) & (rows["y"].to_numpy() >= limit)).any()
    history = replay_campaigns(pool, found.campaign, 0)
    assert not history["feasible"].all(), "some were measured"
    assert history.loc[~history["feasible"], "score"].isna().all()
    # the best value so far is never one that is worth nothing
    assert (-history["best_so_far"].dropna() < limit).all()
    with pytest.raises(TableError, match="none of 60 rows meets all conditions"):
        pool_of(rows, where=[{"expression": "y > 99", "reason": "long enough"}])


def test_a_bound_that_may_be_worse_is_none_of_the_best_rows() -> None:
    rows = make_rows()
    name = make_study().objectives[0].name
    top, second = rows[name].nlargest(2).index
    bounds = pd.Series(0.0, rows.index)
    bounds[top], bounds[second] = UPPER, LOWER
    pool, declared = pool_of(rows.assign(**{name_bound_column(name): bounds}))
    predictions = pd.DataFrame({"line": rows["line"], "variant": declared.campaign.variant, "objective": name})
    predictions = predictions.assign(best=True, predicted=1.0, lower_95=0.0, upper_95=2.0)
    best = list_best_rows(pool, predictions, declared)
    assert rows.at[top, "line"] not in set(best["line"])
    assert best["line"].iloc[0] == rows.at[second, "line"]
    assert best["why"].iloc[0].endswith("; known to be at least this")


def test_a_limit_applies_where_its_column_is_known() -> None:
    rows = make_rows()
    rows["hull"] = np.where(rows["line"] % 2 == 0, np.nan, 1.0)
    pool, _ = pool_of(rows, where=[{"expression": "hull <= 0.1", "reason": "long enough"}])
    assert pool.is_worth.tolist() == (rows["line"] % 2 == 0).tolist()


def test_the_engine_learns_where_rows_are_worth_something() -> None:
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        matrix = rng.uniform(-1, 1, size=(200, 2))
        # the value rises to the right, and is worth nothing beyond the middle
        values, margin = -matrix[:, 0], 0.2 - matrix[:, 0]
        order, correlations = rng.permutation(200), correlate_rows(matrix)
        taken = []
        for knows_margin in (True, False):
            chosen = order[:10]
            while len(chosen) < 40:
                margins = [margin[chosen]] if knows_margin else []
                batch = propose_rows(correlations, chosen, values[chosen], 5, None, margins, margin[chosen] >= 0)
                chosen = np.concatenate([chosen, batch])
            taken.append((margin[chosen] >= 0).mean())
        found.append(taken)
    with_margin, without = np.mean(found, axis=0)
    assert with_margin > without + 0.2


def test_where_many_rows_hit_a_target_all_of_them_are_the_best() -> None:
    study = make_study(seeds=3)
    objective = study.objectives[0].model_copy(update={"goal": "target", "target": (-0.3, -0.1)})
    rows = make_rows()
    hits = rows["y"].between(-0.3, -0.1)
    pool = make_pool(rows, ReplaySettings.take_from(study.model_copy(update={"objectives": (objective,)})))
    first, half = make_pool_targets(pool, (0.01, 0.05, 0.1))
    assert hits.sum() > 6
    assert first.is_met(pool.cost).tolist() == hits.tolist()
    assert (first.is_declared, half.is_declared) == (True, False)
    assert half.needed == -(-hits.sum() // 2)
    # a window that one row hits leaves the shares as they are
    narrow = objective.model_copy(update={"target": (float(rows["y"].iloc[0]), float(rows["y"].iloc[0]) + 1e-12)})
    pool = make_pool(rows, ReplaySettings.take_from(study.model_copy(update={"objectives": (narrow,)})))
    assert [target.n_best for target in make_pool_targets(pool, (0.05, 0.1))] == [3, 3, 6, 6]


def test_a_sulfate_is_no_sulfide() -> None:
    formulas = ["Li6PS5Cl", "Li2SO4", "Li10GeP2S12", "Li3PS3O", "LiCl"]
    assert [_is_sulfide(formula) for formula in formulas] == [True, False, True, True, False]


def test_hull_distances_are_those_of_the_compositions_of_a_screen() -> None:
    known = pd.read_csv(SAMPLES / "mp_compositions/CritExam__Ed_train.csv", keep_default_na=False)
    found = look_up_hulls(SAMPLES / "mp_compositions", [*known["formula"], "Li99Xe"])
    assert found[:-1] == pytest.approx(np.maximum(known["target"].astype(float), 0))
    assert np.isnan(found[-1])


def pool_of_data(name: str, folder: Path = MIRROR) -> Pool:
    """The pool of a shipped study."""
    study = load_study(ROOT / f"config/studies/{name}.yaml")
    assert study.table.dataset is not None
    rows = registry.look_up("loader", study.table.dataset.name)(folder / study.table.dataset.name, study.table.dataset)
    frame = rows.frame[rows.frame["split"] == "train"].reset_index()
    if study.campaign.mode == "replay" and study.campaign.hull_of:
        # the pairs alone, since the whole data set takes seconds to reduce
        frame["e_above_hull"] = frame["discharged"].map({"Li2NiO2": 0.082}).fillna(0.0)
    return make_pool(frame, ReplaySettings.take_from(study.model_copy(update={"descriptors": study.descriptors[:1]})))


@mirrored
def test_artefacts_are_not_the_best_sodium_and_nickel_rows() -> None:
    sodium, ncm = pool_of_data("sodium_ion_measured"), pool_of_data("ncm_cathodes_measured")
    for pool, artefact in ((sodium, "NaFe5O8"), (ncm, "Li2NiO2")):
        is_artefact = (pool.rows["discharged"] == artefact).to_numpy()
        assert is_artefact.any(), "it can be chosen"
        assert np.isinf(pool.cost[is_artefact]).all()
        best = make_pool_targets(pool, (0.05,))[0].is_met(pool.cost)
        assert pool.rows.loc[best, "voltage_v"].between(1.5, 4.3).all()
    # the specific energy ranks, no longer the voltage alone
    assert sodium.value == pytest.approx((sodium.rows["voltage_v"] * sodium.rows["capacity_mah_g"]).to_numpy())


@mirrored
def test_a_rule_finds_the_largest_product_at_once_and_slow_policies_are_left_out() -> None:
    ncm, severson = pool_of_data("ncm_cathodes_measured"), pool_of_data("fast_charging_measured")
    assert severson.rows["minutes_to_80"].max() < 10.5
    assert len(severson.rows) == 92
    # without the limits the row of largest capacity is the best: sorting finds it at once
    assert ncm.rule is not None
    unlimited = np.arange(len(ncm.rows)) == int(np.argmin(ncm.score))
    assert compute_expected_place(ncm.rule, unlimited) == 1
