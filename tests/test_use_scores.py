"""Scores that match the use: probability of exceeding a threshold, ranking, tests on other rows; and what they say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score

from batterymi.config.external import ExternalTest, OfficialSplit
from batterymi.config.parts import Objective
from batterymi.config.study import Study
from batterymi.data.external import find_external_rows
from batterymi.data.loaders.liion_database import load_rows
from batterymi.errors import TableError
from batterymi.reporting.use import (
    describe_external,
    describe_official_test,
    describe_ranks,
    describe_stricter,
    describe_threshold,
)
from batterymi.statistics.scores import SPEARMAN
from batterymi.surrogates.exceedance import (
    AUC,
    WITHIN_FAMILIES,
    PrecisionAmongFirst,
    Predicted,
    compute_exceedance,
    score_use,
)
from batterymi.vocabulary.verdicts import NO_SKILL, describe_looks, describe_skill

TARGET = Objective(name="y", label="y", unit="1", goal="maximise", threshold=-3)


def predicted(observed: np.ndarray, mean: np.ndarray, **given: Any) -> Predicted:
    """Rows, each its own group, with exact probabilities of a normal error of 1."""
    chance = 1 - stats.norm.cdf(-3 - mean)
    parts = {"bounds": np.zeros(len(observed), dtype=np.int8), "groups": list(range(len(observed))), "families": None}
    return Predicted(observed=observed, mean=mean, chance=chance, **{**parts, **given})


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=4, max_size=40))
def test_scores_of_drawn_rows_are_those_of_the_rows_written_out(rows: list[tuple[bool, int, int]]) -> None:
    marked, score, times = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    drawn = np.repeat(np.arange(len(rows)), times.astype(int))
    weights, observed = times[None], marked + 0.1 * score[::-1]
    found = float(AUC.weigh(weights, marked, score)[0])
    if len(set(marked[drawn])) == 2:
        assert found == pytest.approx(roc_auc_score(marked[drawn], score[drawn]))
    else:
        assert np.isnan(found)
    ranks = float(SPEARMAN.weigh(weights, observed, score)[0])
    if len(drawn) > 1 and np.ptp(observed[drawn]) > 0 and np.ptp(score[drawn]) > 0:
        assert ranks == pytest.approx(stats.spearmanr(observed[drawn], score[drawn]).statistic, abs=1e-9)
    else:
        assert np.isnan(ranks)


def test_the_first_of_a_ranking_are_counted_by_hand() -> None:
    marked, score = np.array([1.0, 0, 1, 0, 0]), np.array([5.0, 4, 3, 2, 1])
    whole = np.ones((1, 5))
    assert PrecisionAmongFirst(2).weigh(whole, marked, score)[0] == 0.5
    assert PrecisionAmongFirst(3).weigh(whole, marked, score)[0] == pytest.approx(2 / 3)
    # a row that is drawn three times takes three places
    assert PrecisionAmongFirst(4).weigh(np.array([[3.0, 1, 1, 1, 1]]), marked, score)[0] == 0.75
    assert np.isnan(PrecisionAmongFirst(6).weigh(whole, marked, score)[0])


def test_a_probability_is_the_share_of_errors_that_would_take_the_prediction_beyond() -> None:
    errors = np.array([-2.0, -1, 0, 1, 2])
    above = compute_exceedance(np.array([-3.5, -3.5]), np.array([1.0, 10.0]), errors, -3, -1)
    assert above == pytest.approx([(2 + 0.5) / 6, (2 + 0.5) / 6])
    assert compute_exceedance(np.array([0.0]), np.array([1.0]), errors, -3, -1)[0] == pytest.approx(5.5 / 6)
    # of a goal that is minimised, beyond is below
    assert compute_exceedance(np.array([0.0]), np.array([1.0]), errors, -3, 1)[0] == pytest.approx(0.5 / 6)


def test_probabilities_are_calibrated_where_errors_are_far_from_normal() -> None:
    rng = np.random.default_rng(0)
    spread, mean = rng.uniform(0.5, 2, 4000), rng.normal(-3, 2, 4000)
    skewed = rng.exponential(size=8000) - 1
    observed = mean + spread * skewed[:4000]
    chance = compute_exceedance(mean, spread, skewed[4000:], -3, -1)
    for low in np.arange(0, 1, 0.2):
        part = (chance >= low) & (chance < low + 0.2)
        assert np.mean(observed[part] > -3) == pytest.approx(chance[part].mean(), abs=0.05)


def test_the_scores_of_use_are_those_of_the_library_and_know_a_base_rate() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(-5, 2, 300)
    rows = predicted(mean + rng.normal(size=300), mean)
    found = score_use(rows, TARGET, 500, 0)
    beyond = rows.observed > -3
    threshold = found["threshold"]
    assert (threshold["beyond"], threshold["base_rate"]) == (beyond.sum(), pytest.approx(beyond.mean()))
    assert threshold["auc"] == pytest.approx(roc_auc_score(beyond, rows.chance))
    assert threshold["brier"] == pytest.approx(brier_score_loss(beyond, rows.chance))
    assert threshold["brier_upper"] < threshold["brier_of_base_rate"]
    assert threshold["auc_lower"] < threshold["auc"] < threshold["auc_upper"] <= 1
    best = np.argsort(-mean)[:10]
    assert threshold["first"][0] == pytest.approx(
        {"n": 10, "precision": beyond[best].mean()} | {k: v for k, v in threshold["first"][0].items() if "_" in k}
    )
    assert found["families"] is None


def test_a_model_that_only_tells_families_apart_has_ranks_overall_and_none_within() -> None:
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(4), 30)
    mean = 3.0 * family + 0.1 * rng.normal(size=120)
    names = [f"family {number}" for number in family]
    observed = 3.0 * family + rng.normal(size=120)
    found = score_use(predicted(observed, mean, families=names), TARGET, 500, 0)
    assert found["spearman_lower"] > 0.8
    assert found["within_families"]["spearman_lower"] < 0.1 < 0.3
    assert abs(found["within_families"]["spearman"]) < 0.2
    each = [entry["spearman"] for entry in found["families"]]
    assert found["within_families"]["spearman"] == pytest.approx(np.mean(each))
    # nine rows are too few to be ranked by themselves
    few = score_use(predicted(observed[:39], mean[:39], families=names[:39]), TARGET, 200, 0)
    assert [entry["family"] for entry in few["families"]] == ["family 0"]
    assert np.isnan(WITHIN_FAMILIES.weigh(np.zeros((1, 4)), np.zeros(4), np.arange(4.0), np.arange(4.0))[0])


def test_rows_without_a_family_are_none_and_correlations_of_few_rows_stay_within_their_range() -> None:
    rng = np.random.default_rng(1)
    observed = rng.normal(-3, 1, 36)
    mean = observed + rng.normal(0, 0.1, (3, 36))
    families = ["garnet"] * 12 + [""] * 12 + [None] * 12
    rows = predicted(observed, mean, families=families, groups=[f"paper {n // 4}" for n in range(36)], folds=5)
    found = score_use(rows, TARGET, 300, 0)
    (garnet,) = found["families"]
    assert (garnet["family"], garnet["rows"], found["within_families"]["rows"]) == ("garnet", 12, 12)
    # three papers, of which a resample may hold one only, whose rows it ranks perfectly
    assert -1 <= garnet["spearman_lower"] <= garnet["spearman"] <= garnet["spearman_upper"] <= 1


def test_ten_of_the_first_ten_do_not_make_a_certainty() -> None:
    observed = np.r_[np.full(15, -2.0), np.full(30, -6.0)] + np.linspace(0, 0.1, 45)
    (ten, twenty) = score_use(predicted(observed, observed.copy()), TARGET, 300, 0)["threshold"]["first"]
    assert ten["precision"] == 1
    # Wilson's interval of 10 of 10
    assert ten["precision_lower"] == pytest.approx(stats.binomtest(10, 10).proportion_ci(method="wilson").low)
    assert ten["precision_upper"] == 1
    assert twenty["precision"] == 0.75


def test_a_bound_that_may_lie_on_either_side_of_the_threshold_is_not_counted() -> None:
    rng = np.random.default_rng(0)
    observed = np.array([-2.0, -1, -5, -6, -7, -8] * 5)
    bounds = np.array([1, 0, 1, 0, -1, 0] * 5, dtype=np.int8)
    found = score_use(predicted(observed, observed + rng.normal(size=30), bounds=bounds), TARGET, 200, 0)
    assert (found["threshold"]["rows"], found["threshold"]["beyond"]) == (20, 5)


def test_an_interval_of_the_scores_is_over_groups() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(-4, 2, 12)[np.repeat(np.arange(12), 20)] + 0.1 * rng.normal(size=240)
    observed = mean + rng.normal(0, 2, 12)[np.repeat(np.arange(12), 20)]
    alone = score_use(predicted(observed, mean), TARGET, 500, 0)["threshold"]
    grouped = score_use(predicted(observed, mean, groups=list(np.repeat(np.arange(12), 20))), TARGET, 500, 0)[
        "threshold"
    ]
    assert grouped["auc_upper"] - grouped["auc_lower"] > 1.5 * (alone["auc_upper"] - alone["auc_lower"])


# other data sets


@pytest.fixture
def liion(tmp_path: Path) -> Path:
    """A few rows in the format of LiIonDatabase."""
    lines = [
        "\ufeffID,composition,source,temperature,target,log_target,family,ChemicalFamily",
        "1,Li7La3Zr2O12,https://doi.org/10.1/A,25,1e-4,-4,Garnet,Oxides",
        "2,Li2S,10.1/b,22,1e-9,-9,Other,Sulfides",
        "3,Li4S2,10.1/c,30,1e-8,-8,Other,Sulfides",
        "4,Li3N,10.1/d,25,1e-3,-3,Other,Nitrides",
        "5,Li3N,10.1/d,300,1e-1,-1,Other,Nitrides",
        "6,LiXx2,10.1/e,25,1e-3,-3,Other,",
    ]
    (tmp_path / "LiIonDatabase.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


TEST = {"dataset": {"name": "liion_database"}, "unlike": ["doi", "composition_key"], "group": "doi"}


def test_rows_of_another_data_set_that_are_like_ours_are_left_out_and_counted(liion: Path) -> None:
    settings_ = ExternalTest.model_validate(TEST)
    own = pd.DataFrame({"doi": ["10.1/a"], "composition_key": ["Li667 S333"]})
    found = find_external_rows(liion, settings_, own, ["composition", "log10_conductivity"])
    assert found.rows["composition"].tolist() == ["Li3N"]
    assert found.rows["log10_conductivity"].tolist() == [-3]
    assert (found.n_in, found.n_dropped, found.alike) == (6, 2, {"doi": 1, "composition_key": 2})
    reasons = {entry["reason"].split(":")[0] for entry in load_rows(liion, settings_.dataset).dropped}
    assert "not within 15 to 35 °C" in reasons
    with pytest.raises(TableError, match="external_test: 'space_group' is not a column of liion_database"):
        find_external_rows(liion, settings_, own, ["space_group"])
    with pytest.raises(TableError, match=r"external_test\.unlike: 'composition_key' is not a column of the table"):
        find_external_rows(liion, settings_, own[["doi"]], [])
    everything = pd.DataFrame({"doi": ["10.1/a", "10.1/b", "10.1/c", "10.1/d"], "composition_key": ""})
    with pytest.raises(TableError, match="every row of liion_database is like one of the study's"):
        find_external_rows(liion, settings_, everything, [])


def test_a_threshold_needs_a_better_side_and_an_external_test_a_variant() -> None:
    with pytest.raises(ValueError, match=r"threshold needs goal: maximise or minimise, .* not 'report'"):
        Objective(name="y", label="y", unit="1", goal="report", threshold=1)
    study = {
        **{"title": "t", "edition": "own", "table": {"file": "x.csv"}, "campaign": {"mode": "replay"}},
        "features": [{"name": "a", "label": "a", "unit": "1"}],
        "objectives": [{"name": "y", "label": "y", "unit": "1", "goal": "maximise"}],
    }
    with pytest.raises(ValueError, match=r"external_test\.variant: 'al_features' is not a variant; .*all_features"):
        Study.model_validate(study | {"external_test": TEST | {"variant": "al_features"}})


# words


def scores(**given: Any) -> dict[str, Any]:
    """Scores of a model as they are stored."""
    base = {"rows": 20, "mae": 1.2, "mae_lower": 0.9, "mae_upper": 1.5, "r2": 0.5, "r2_lower": 0.2, "r2_upper": 0.7}
    return base | {"spearman": 0.6, "spearman_lower": 0.4, "spearman_upper": 0.8} | given


THRESHOLD = {
    **{"value": -3.0, "side": "above", "rows": 20, "beyond": 5, "base_rate": 0.25, "brier_of_base_rate": 0.1875},
    **{"auc": 0.63, "auc_lower": 0.46, "auc_upper": 0.77, "brier": 0.15, "brier_lower": 0.1, "brier_upper": 0.2},
    "first": [{"n": 10, "precision": 0.4, "precision_lower": 0.1, "precision_upper": 0.6}],
}
USE = {"spearman": 0.6, "spearman_lower": 0.4, "spearman_upper": 0.8, "families": None, "within_families": None}


def test_the_official_test_says_how_often_it_was_seen_and_why() -> None:
    found = {
        **{"selected": "blend", "scores": {"blend": scores(), "dummy": scores(mae=2.0)}, "n_censored": 3},
        **{"mae_without_censored": 1.1, "use": USE | {"threshold": THRESHOLD}},
    }
    text = describe_official_test(found | OfficialSplit(looks=4, note="a formula was misread").model_dump(), " eV")
    assert "on 20 rows, seen 4 times: a formula was misread" in text
    assert "once" not in text
    assert "area under the curve 0.63 [0.46, 0.77]" in text
    assert "there lie 0.40 [0.10, 0.60] of the first 10 of the ranking, 0.25 of all" in text
    assert describe_looks(1) == "seen once"


def test_what_has_no_skill_for_new_groups_says_for_which() -> None:
    assert describe_skill(NO_SKILL, ("catalyst", "paper")) == "no skill for new catalysts and papers"
    assert describe_skill(NO_SKILL, ()) == NO_SKILL
    assert describe_skill("skill shown; better than ridge", ("paper",)) == "skill shown; better than ridge"


def test_a_stricter_split_stands_beside_the_score_and_ranks_name_families() -> None:
    splits = [scores(split="doi", groups=9, is_stricter=False), scores(split="doi + key", groups=5, is_stricter=True)]
    assert describe_stricter(splits) == "R² 0.50 [0.20, 0.70], MAE 1.2 by doi + key (5 groups)"
    assert describe_stricter(None) == ""
    ends = {"spearman_lower": -0.3, "spearman_upper": 0.2}
    families = [{"family": "argyrodite", "rows": 35, "spearman": -0.02, **ends}]
    within = {"families": 1, "rows": 35, "spearman": -0.02, **ends}
    text = describe_ranks(USE | {"families": families, "within_families": within})
    assert "0.60 [0.40, 0.80] over all rows, -0.02 [-0.30, 0.20] within 1 families" in text
    assert "argyrodite -0.02 (35 rows)" in text
    assert "all predictions are the same" in describe_ranks(USE | {"spearman": None})


def test_an_external_test_says_what_was_left_out_and_a_threshold_without_a_curve_that_there_is_none() -> None:
    found = {
        **{"model": "blend", "variant": "composition_only", "dataset": "liion_database", "scores": scores()},
        **{"alike": {"doi": 7, "composition_key": 3}, "coverage": {"0.95": 0.9}, "use": USE | {"threshold": None}},
    }
    text = describe_external(found, "")
    assert "20 rows of liion_database that are like none of ours (left out: 7 by doi, 3 by composition_key)" in text
    assert "95 % intervals cover 90%" in text
    assert "no area under the curve" in describe_threshold(THRESHOLD | {"auc": None, "first": []}, "")


def test_rows_are_taken_with_their_probabilities_by_partition() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(-4, 2, size=(3, 60))
    observed = mean[0] + rng.normal(size=60)
    rows = replace(predicted(observed, mean[0]), mean=mean, chance=1 - stats.norm.cdf(-3 - mean), folds=5)
    found = score_use(rows, TARGET, 200, 0)["threshold"]
    each = [roc_auc_score(observed > -3, rows.chance[number]) for number in range(3)]  # type: ignore[index]
    assert found["auc"] == pytest.approx(np.mean(each))
    assert found["groups"] == 60
