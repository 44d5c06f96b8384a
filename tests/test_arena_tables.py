"""The arena's intervals and tables, on charges whose answers are known."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.arena.feasibility import explain_verdict
from batterymi.arena.feedback import measure_feedback
from batterymi.arena.statistics import compute_paired_difference, compute_share_interval
from batterymi.arena.table import (
    assign_costs,
    choose_verdict,
    compare_pairs,
    flag_violations,
    make_table,
    measure_discrepancy,
)
from batterymi.files import write_csv, write_json
from batterymi.reporting.arena_claims import MEASURES, check_claim, find_nominal
from batterymi.reporting.claims import Claim, read_claims
from batterymi.reporting.claims_table import check_claims
from batterymi.reporting.objections import LOSS_OF_A_CHARGE
from batterymi.stages.compare_controllers import CostFiles, read_costs
from batterymi.statistics.intervals import compute_wilson_interval

CLAIMS = Path(__file__).resolve().parents[1] / "data/textbook/claims.csv"


@given(share=st.floats(0, 1), n=st.integers(1, 500))
def test_wilson_intervals_hold_the_share_and_never_vanish(share: float, n: int) -> None:
    low, high = compute_wilson_interval(share, n)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    assert high - low > 0
    assert compute_wilson_interval(0.0, 50)[1] == pytest.approx(0.0713, abs=1e-3)


def test_seeds_of_an_agent_do_not_count_as_scenarios() -> None:
    none = np.zeros((5, 50))
    assert compute_share_interval(none) == compute_wilson_interval(0.0, 50)
    one_bad_seed = none.copy()
    one_bad_seed[0] = 1
    low, high = compute_share_interval(one_bad_seed)
    assert low < 0.05
    assert high > 0.5


def test_paired_differences_find_a_shift_that_unpaired_spread_would_hide() -> None:
    rng = np.random.default_rng(0)
    spread = rng.normal(20, 10, size=(1, 50))
    ours = spread - 1 + rng.normal(0, 0.2, size=(3, 50))
    gain, low, high, n = compute_paired_difference(ours, spread)
    assert n == 50
    assert low < gain < high < -0.8
    same = compute_paired_difference(spread, spread)
    assert same[:3] == (0.0, 0.0, 0.0)
    ours[0, :30] = np.nan
    assert compute_paired_difference(ours, spread)[3] == 20
    assert math.isnan(compute_paired_difference(np.full((1, 50), np.nan), spread)[0])


@pytest.mark.parametrize(
    ("low", "high", "ours", "theirs", "wanted"),
    [
        (-2.0, -1.0, 0.0, 0.0, "faster"),
        (-2.0, 1.0, 0.0, 0.0, "not better"),
        (1.0, 2.0, 0.0, 0.5, "slower, and within all limits"),
        (1.0, 2.0, 0.0, 0.0, "slower"),
        (-2.0, -1.0, 0.02, 0.0, "not better: faster by breaking limits that the other keeps"),
        (-2.0, -1.0, 0.02, 0.4, "faster, where both break limits"),
        (math.nan, math.nan, 1.0, 1.0, "not comparable: too few scenarios that both finish"),
    ],
)
def test_who_breaks_limits_is_never_better_than_who_keeps_them(
    low: float, high: float, ours: float, theirs: float, wanted: str
) -> None:
    assert choose_verdict(low, high, ours, theirs) == wanted


def charges_of(controller: str, minutes: float, margin: float, coarse: float, seeds: int = 1) -> list[dict[str, Any]]:
    """Made-up charges over 20 held-out scenarios and the nominal one, on both models."""
    rows = []
    for seed in range(seeds):
        for scenario in range(-1, 20):
            for model, value in (("DFN", margin), ("SPMe", coarse)):
                rows.append(
                    {
                        "cell": "c",
                        "condition": "mild",
                        "controller": controller,
                        "seed": seed,
                        "model": model,
                        "scenario": scenario,
                        "minutes": minutes + 0.1 * scenario,
                        "plating_margin_mv": value,
                        "temperature_max_c": 30.0,
                        "voltage_max_v": 4.1,
                        "capacity_lost_mah": 1.0,
                        "plated_mah": 12.0,
                        "ms_per_decision": 1.0,
                        "breaks_plating": value < 0,
                        "breaks_temperature": False,
                        "breaks_voltage": False,
                    }
                )
    return rows


@pytest.fixture
def made_up() -> pd.DataFrame:
    """A safe slow controller, a fast one that lives off the coarse model, and a safe agent between them."""
    rows = charges_of("plating_limited", 20, 5, 6) + charges_of("protocol_nominal", 12, -4, 3)
    return flag_violations(pd.DataFrame(rows + charges_of("sac", 16, 2, 4, seeds=3)))


def test_the_table_pools_seeds_and_tells_violations_on_the_fine_model(made_up: pd.DataFrame) -> None:
    table = make_table(made_up, {("c", "mild", "sac"): 120.0}).set_index("controller")
    assert list(table.index) == ["plating_limited", "protocol_nominal", "sac"]
    assert table.loc["sac", "seeds"] == 3
    assert table.loc["sac", "tuning_cpu_min"] == 2
    assert table.loc["protocol_nominal", "violations"] == 1
    assert table.loc["sac", "violations"] == 0
    assert table.loc["plating_limited", "minutes_median"] == pytest.approx(20.95)
    assert table.loc["plating_limited", "nominal_minutes"] == pytest.approx(19.9)
    assert table.loc["sac", "violations_upper"] == pytest.approx(compute_wilson_interval(0, 20)[1])


def test_pairs_discrepancy_and_feedback_tell_who_is_better_and_who_exploits(made_up: pd.DataFrame) -> None:
    pairs = compare_pairs(made_up).set_index(["controller", "other"])
    assert pairs.loc[("sac", "plating_limited"), "verdict"] == "faster"
    assert pairs.loc[("sac", "plating_limited"), "minutes_gained"] == pytest.approx(-4)
    assert pairs.loc[("protocol_nominal", "sac"), "verdict"].startswith("not better: faster by breaking")
    discrepancy = measure_discrepancy(made_up).set_index("controller")
    assert discrepancy.loc["protocol_nominal", "verdict"].startswith("exploits the coarse model: 100 %")
    assert discrepancy.loc["sac", "verdict"] == "keeps all limits on both"
    assert discrepancy.loc["sac", "margin_difference_mv_median"] == -2
    sentence = measure_feedback(made_up, pairs.reset_index())["places"][0]["sentence"]
    assert "the fastest safe feedback is SAC with 16.9 min" in sentence
    assert "no open loop controller keeps all limits" in sentence
    assert "leaves the limits in 100 % of the others" in sentence


def test_an_unfinished_charge_is_a_violation_and_takes_no_part_in_minutes(made_up: pd.DataFrame) -> None:
    made_up.loc[(made_up["controller"] == "sac") & (made_up["scenario"] == 3), "minutes"] = math.nan
    again = flag_violations(made_up)
    table = make_table(again, {}).set_index("controller")
    assert table.loc["sac", "share_unfinished"] == pytest.approx(0.05)
    assert table.loc["sac", "violations"] == pytest.approx(0.05)
    pairs = compare_pairs(again).set_index(["controller", "other"])
    assert pairs.loc[("sac", "plating_limited"), "left_out"] == 1
    assert pairs.loc[("sac", "plating_limited"), "verdict"].startswith("not better: faster by breaking")


def test_costs_are_read_for_each_temperature_and_added_over_the_seeds(made_up: pd.DataFrame, tmp_path: Path) -> None:
    write_json(tmp_path / "tuned/c/mild.json", {"cc_cv_safe": {"cpu_s": 7.0}, "charges": 3})
    for seed in (1, 2):
        write_json(tmp_path / f"agents/c/sac/{seed}/training.json", {"cpu_s": 30.0})
    records = [tmp_path / f"agents/c/sac/{seed}/training.json" for seed in (1, 2)]
    costs = read_costs(CostFiles([tmp_path / "tuned/c/mild.json"], None, records))
    assert assign_costs(made_up, costs) == {("c", "mild", "cc_cv_safe"): 7.0, ("c", "mild", "sac"): 60.0}


def claim_of(name: str, value: str) -> Claim:
    """Return a claim on fast charging with another value."""
    claims = {claim.id: claim for claim in read_claims(CLAIMS)}
    return replace(claims[name], printed=value)


def test_claims_are_held_against_the_fastest_safe_charge(made_up: pd.DataFrame) -> None:
    findings = find_nominal(made_up.assign(capacity_ah=2.0))
    assert findings.best is not None
    assert findings.best["controller"] == "sac", "the faster protocol plates"
    fast_map = pd.DataFrame([{"cell": "Marquis2019", "start": "mild", "minutes": 9.4, "feasible": True}])
    row = check_claim(claim_of("fc_time", "9.8"), findings, fast_map, "c, mild")
    assert row["found"] == pytest.approx(15.9)
    assert row["holds"] == "does not hold"
    assert "by SAC" in row["reason"]
    assert "Marquis2019 mild 9.4 min" in row["reason"]
    assert check_claim(claim_of("fc_time", "16.2"), findings, fast_map, "c, mild")["holds"] == "holds"
    assert check_claim(claim_of("fc_target", "10"), findings, fast_map, "c, mild")["holds"] == "no verdict", "a target"


def test_no_verdict_rests_on_the_loss_of_the_charge_alone(made_up: pd.DataFrame) -> None:
    findings = find_nominal(made_up.assign(capacity_ah=2.0))
    for name in ("fc_degradation", "fc_degradation_usual", "fc_improvement"):
        row = check_claim(claim_of(name, "50"), findings, pd.DataFrame({"feasible": []}), "c, mild")
        assert row["holds"] == "no verdict"
    row = check_claim(claim_of("fc_degradation", "50"), findings, pd.DataFrame({"feasible": []}), "c, mild")
    assert row["found"] == pytest.approx(50.0), "1 mAh of 2 Ah, times 1000"
    assert row["objection"] == LOSS_OF_A_CHARGE
    assert LOSS_OF_A_CHARGE in row["reason"]


def test_the_table_of_all_claims_has_the_numbers_and_verdicts_of_the_arena(
    made_up: pd.DataFrame, tmp_path: Path
) -> None:
    findings, fast_map = find_nominal(made_up.assign(capacity_ah=2.0)), pd.DataFrame({"feasible": []})
    claims = [claim for claim in read_claims(CLAIMS) if claim.id in MEASURES]
    assert len(claims) == len(MEASURES)
    own = [check_claim(claim, findings, fast_map, "c, mild") for claim in claims]
    write_csv(tmp_path / "arena/claims.csv", pd.DataFrame(own))
    table = check_claims(claims, {"arena": tmp_path / "arena"}, CLAIMS)
    for ours, theirs in zip(own, table.to_dict("records"), strict=True):
        assert theirs["holds"] == ours["holds"], ours["id"]
        assert theirs["found"] == pytest.approx(ours["found"], nan_ok=True) or ours["found"] is None
        assert ours["found"] is None or theirs["found_in"] == "arena"


def test_an_infeasible_wish_is_told_in_numbers_or_as_the_failure_that_it_is() -> None:
    wish = {"wanted_c_rate": 4.2, "wanted_margin_mv": -52.0, "wanted_temperature_c": 37.0, "wanted_voltage_v": 4.3}
    verdict = explain_verdict(False, 12.7, "look-ahead", 10, "plating", wish | {"wanted_breaks": "plating voltage"})
    assert verdict.endswith("at a constant 4.20C the margin is -52 mV, the cell reaches 37 °C and 4.30 V")
    failed = explain_verdict(
        False,
        30.7,
        "look-ahead",
        10,
        "plating",
        wish | {"wanted_margin_mv": float("nan"), "wanted_breaks": "ended_early"},
    )
    assert failed.endswith("a constant 4.20C cannot be simulated to its end (ended_early)")
    assert "nan" not in failed
