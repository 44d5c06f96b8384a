"""The arena on a cell whose answers are known by hand, its settings, and one whole small run."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from conftest import Workspace, needs_torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import LONG

from batterymi.arena.charge_case import ChargeCase
from batterymi.arena.look_ahead import LookAhead, Oracle
from batterymi.arena.protocols import optimise_protocol
from batterymi.arena.scenario_set import ScenarioSet
from batterymi.arena.trial import Progress, run_trial
from batterymi.arena.tune import find_fastest_constant, find_plating_limited, find_safe_constant
from batterymi.charging.charge_loop import Terms
from batterymi.charging.controller import Decision, Observation
from batterymi.charging.controllers import CHAPTER_PHASES, BySoc, ByTime, ConstantRate, make_equal_windows
from batterymi.charging.limits import Limits
from batterymi.charging.outcome import ChargeError, FailureKind
from batterymi.charging.plant import Plant
from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Reading, Start
from batterymi.config.arena import load_arena
from batterymi.config.arena_parts import ChargeRules, Search, Situation
from batterymi.errors import BatteryMIError, ConfigError

LIMITS = Limits(0.0, 45.0, 4.2, 5.0)
TERMS = Terms(c_rate_max=6.0)
MILD = Start(0.1, 25.0)


class LinearSession:
    """Margin 100 - 40 rate - 80 soc (mV), voltage 3.4 + 0.8 soc + (0.05 + lost) rate, 0.2 rate² K warmer a minute."""

    def __init__(self, cell: "LinearCell", start: Start) -> None:
        """Rest at the start."""
        self.cell, self.start = cell, start
        self.now = self._read(0.0, 0.0, start.soc, start.temperature_c, 0.0)
        self.taken: list[tuple[float, float]] = []

    def _read(self, seconds: float, rate: float, soc: float, temperature: float, lost: float) -> Reading:
        margin = 100 + self.cell.flattery_mv - 40 * rate - 80 * soc
        voltage = self.cell.empty_v + 0.8 * soc + (self.cell.volts_per_c + self.start.lithium_lost) * rate
        return Reading(seconds, soc, rate, voltage, voltage, temperature, temperature, 30.0, margin, lost, 0.0)

    @property
    def soc(self) -> float:
        return self.now.soc

    @property
    def seconds(self) -> float:
        return self.now.seconds

    def seconds_to(self, soc: float, rate: float) -> float:
        return 3600 * (1 - self.start.lithium_lost) * (soc - self.now.soc) / rate

    def peek(self, rate: float, seconds: float) -> Reading:
        self.cell.peeks += 1
        if rate > self.cell.breaks_at:
            raise ChargeError(FailureKind.SOLVER_FAILED, "too much")
        soc = self.now.soc + rate * seconds / 3600 / (1 - self.start.lithium_lost)
        warmer = self.now.temperature_c + 0.2 * rate**2 * seconds / 60
        lost = self.now.capacity_lost_mah + rate * seconds
        return self._read(self.now.seconds + seconds, rate, soc, warmer, lost)

    def step(self, rate: float, seconds: float) -> Reading:
        assert seconds > 0
        self.now = self.peek(rate, seconds)
        self.taken.append((rate, seconds))
        return self.now

    def trace(self) -> pd.DataFrame:
        return pd.DataFrame(self.taken, columns=["c_rate", "seconds"])


class LinearCell:
    """Starts such charges; a coarse model of it flatters the margin."""

    voltage_max_v, capacity_ah = 4.2, 5.0
    empty_v, volts_per_c = 3.4, 0.05
    is_broken = False

    def __init__(self, flattery_mv: float = 0.0, breaks_at: float = math.inf) -> None:
        """Take what is added to the margin, and the C-rate above which nothing is solved."""
        self.flattery_mv, self.breaks_at, self.peeks = flattery_mv, breaks_at, 0
        self.sessions: list[LinearSession] = []

    def begin(self, start: Start) -> LinearSession:
        if self.is_broken:
            raise ChargeError(FailureKind.UNPHYSICAL, "no such state")
        self.sessions.append(LinearSession(self, start))
        return self.sessions[-1]


def make_scenarios(starts: list[Start] | None = None, limits: Limits = LIMITS) -> ScenarioSet:
    return ScenarioSet(LinearCell(), starts or [MILD], limits, TERMS)


@settings(max_examples=40)
@given(rate=st.floats(0.5, 6.0), soc=st.floats(0.0, 0.7), lost=st.floats(0.0, 0.15))
def test_every_charge_ends_exactly_at_the_state_of_charge_to_reach(rate: float, soc: float, lost: float) -> None:
    cell = LinearCell()
    charger = Constantly(rate)
    row = run_trial(cell, Start(soc, 25.0, None, lost), charger, LIMITS, TERMS).row
    assert row["soc_end"] == pytest.approx(0.8, abs=1e-6)
    assert row["minutes"] == pytest.approx(60 * (0.8 - soc) * (1 - lost) / rate, rel=1e-4)
    assert all(seconds <= 60 for _, seconds in cell.sessions[0].taken)


class Constantly:
    """A controller of one C-rate."""

    name = "constantly"

    def __init__(self, rate: float) -> None:
        """Take the C-rate."""
        self._rate = rate

    def begin(self, observation: Observation, plant: Plant) -> None: ...

    def decide(self, observation: Observation) -> Decision:
        return Decision(self._rate)


@settings(max_examples=40)
@given(rate=st.floats(0.5, 6.0), ceiling=st.floats(4.06, 4.2), lost=st.floats(0.0, 0.15))
def test_a_held_voltage_is_never_passed_and_is_met_within_two_millivolts(
    rate: float, ceiling: float, lost: float
) -> None:
    cell = LinearCell()
    row = run_trial(cell, Start(0.1, 25.0, None, lost), ConstantRate("", rate, ceiling), LIMITS, TERMS).row
    assert row["voltage_max_v"] <= ceiling + 1e-9
    # the last step is planned whole and ends before it gets that far
    lowered = [lower for lower, _ in cell.sessions[0].taken[:-1] if lower < rate - 1e-9]
    assert row["voltage_max_v"] >= ceiling - 0.0021 or not lowered


def test_protocols_by_time_and_by_state_of_charge_switch_where_they_say() -> None:
    cell = LinearCell()
    run_trial(cell, MILD, ByTime("", ((3.0, 5.0), (1.0, 100.0))), LIMITS, TERMS)
    assert cell.sessions[0].taken[0] == (3.0, pytest.approx(300.0))
    row = run_trial(cell, replace(MILD, soc=0.0), BySoc("", CHAPTER_PHASES), LIMITS, TERMS).row
    assert row["minutes"] == pytest.approx(28.4, abs=1e-3), "the arithmetic of the chapter's four phases"
    assert [rate for rate, _ in cell.sessions[1].taken] == [5.0, 3.0, 1.5, 0.5]
    windows = make_equal_windows((4.0, 2.0), 0.1, 0.8)
    assert windows == [(pytest.approx(0.45), 4.0), (pytest.approx(0.8), 2.0)]
    row = run_trial(cell, replace(MILD, lithium_lost=0.1), BySoc("", windows), LIMITS, TERMS).row
    assert row["minutes"] == pytest.approx(0.9 * 60 * (0.35 / 4 + 0.35 / 2), rel=1e-6)


def test_a_profile_that_ends_too_early_and_one_that_is_too_slow_are_not_finished() -> None:
    early = run_trial(LinearCell(), MILD, ByTime("", ((1.0, 6.0),)), LIMITS, TERMS).row
    assert math.isnan(early["minutes"])
    assert early["soc_end"] == pytest.approx(0.2)
    slow = run_trial(LinearCell(), MILD, ConstantRate("", 0.1, 4.2), LIMITS, TERMS).row
    assert math.isnan(slow["minutes"])
    assert slow["soc_end"] == pytest.approx(0.1 + 0.1 * 2)


def test_a_failure_keeps_what_was_broken_before_it() -> None:
    cell = LinearCell(breaks_at=3.0)
    row = run_trial(cell, MILD, ByTime("", ((2.9, 5.0), (5.0, 5.0))), LIMITS, TERMS).row
    assert row["failure"] == "solver_failed"
    assert math.isnan(row["minutes"])
    assert row["breaks_plating"]
    assert row["plating_margin_mv"] == pytest.approx(100 - 40 * 2.9 - 80 * (0.1 + 2.9 / 12))


def test_a_cell_that_cannot_be_put_on_charge_is_a_failure_without_numbers() -> None:
    cell = LinearCell()
    cell.is_broken = True
    charge = run_trial(cell, MILD, ConstantRate("", 1.0, 4.2), LIMITS, TERMS)
    assert charge.row["failure"] == "unphysical"
    assert math.isnan(charge.row["minutes"])
    assert math.isnan(charge.row["plating_margin_mv"])
    assert not charge.row["breaks_plating"]
    assert charge.steps == []


def test_limits_let_a_warm_start_rise_and_a_cool_one_not() -> None:
    assert LIMITS.at(MILD).temperature_c == 45
    assert LIMITS.at(Start(0.1, 45.0)).temperature_c == 50
    assert LIMITS.at(Start(0.1, 25.0, 60.0)).temperature_c == 65
    broken = LIMITS.at(MILD).find_broken
    assert broken(Progress(-0.001, 45.04, 4.2019)) == ["plating"]
    assert broken(Progress(1.0, 45.06, 4.2021)) == ["temperature", "voltage"]
    assert broken(Progress(math.nan, 30.0, 4.0)) == ["plating"], "what is not known is not safe"


def test_the_find_fastest_constant_current_is_the_one_computed_by_hand() -> None:
    # 100 - 40 rate - 64 = 0 at 80 %
    assert find_fastest_constant(make_scenarios(), 4.2, "here") == pytest.approx(0.9, rel=0.011)
    tight = LIMITS.add_reserve(margin_mv=12)
    assert find_fastest_constant(make_scenarios(limits=tight), 4.2, "here") == pytest.approx(0.6, rel=0.011)


def test_no_constant_current_is_sought_beyond_the_charger() -> None:
    ours = make_scenarios(limits=replace(LIMITS, temperature_c=200.0))
    ours.simulator = LinearCell(flattery_mv=1000)
    assert find_fastest_constant(ours, 4.2, "here") == TERMS.c_rate_max
    assert find_plating_limited(ours, TERMS.c_rate_max, 4.2) == (TERMS.c_rate_max, 4.2)


def test_limits_that_no_protocol_meets_are_told_with_numbers() -> None:
    with pytest.raises(BatteryMIError, match=r"here: limits: no protocol meets them; even 0.42C has a plating margin"):
        find_fastest_constant(make_scenarios(limits=LIMITS.add_reserve(margin_mv=60)), 4.2, "here")


class Place:
    """A situation on the linear cell."""

    label, nominal = "here", MILD

    def __init__(self, limits: Limits) -> None:
        """Take the limits without reserve."""
        self._limits = limits

    def limits(self, voltage_v: float) -> Limits:
        return self._limits


def test_a_reserve_that_cannot_be_kept_leaves_a_controller_out_and_limits_that_cannot_stop_the_run() -> None:
    wanting = make_scenarios(limits=LIMITS.add_reserve(margin_mv=60))
    found, reason = find_safe_constant(wanting, Place(LIMITS), 4.2)  # type: ignore[arg-type]
    assert found is None
    assert "plating margin" in reason
    with pytest.raises(BatteryMIError, match="no protocol meets them"):
        find_safe_constant(wanting, Place(LIMITS.add_reserve(margin_mv=60)), 4.2)  # type: ignore[arg-type]


def test_a_lower_voltage_with_more_current_is_faster_and_keeps_the_margin_everywhere() -> None:
    scenarios = make_case().draw_validation(8, 1)
    ours = make_scenarios(scenarios)
    ours.simulator = cell = LinearCell()
    # such a voltage tells the margin: at 80 %, where the margin is 0 at 0.9C, it is 4.09 V
    cell.empty_v, cell.volts_per_c = 3.0, 0.5
    constant = find_fastest_constant(ours, 4.2, "here")
    rate, ceiling = find_plating_limited(ours, constant, 4.2)
    assert rate > constant
    assert 4.08 <= ceiling <= 4.09
    assert ours.mean_minutes(ConstantRate("", rate, ceiling)) < ours.mean_minutes(ConstantRate("", constant, 4.2))
    rows = [ours.try_start(ConstantRate("", rate, ceiling), start) for start in scenarios]
    assert min(row["plating_margin_mv"] for row in rows) >= 0


def test_validation_scenarios_hold_the_corners_and_none_of_the_held_out_ones() -> None:
    ours = make_case().draw_validation(12, 3)
    corners = {(start.soc, start.lithium_lost) for start in ours[:4]}
    assert corners == {(0.0, 0.0), (0.0, 0.1), (0.3, 0.0), (0.3, 0.1)}
    held_out = draw_scenarios(50, 3, "held_out", ambient_c=(25.0, 25.0))
    assert not {start.soc for start in ours[4:]} & {start.soc for start in held_out}


def test_look_ahead_keeps_its_reserve_and_beats_every_constant_current() -> None:
    twin, cell = LinearCell(), LinearCell()
    charger = LookAhead("look_ahead", LIMITS.add_reserve(margin_mv=10), 60.0, 6.0, twin=twin, voltage_v=4.2)
    row = run_trial(cell, MILD, charger, LIMITS, TERMS).row
    assert 10 <= row["plating_margin_mv"] <= 11.5
    assert row["minutes"] < 60 * 0.7 / 0.9
    assert charger.binds["plating"] > 0.5 * sum(charger.binds.values())
    assert twin.peeks / row["decisions"] < 6


def test_look_ahead_on_a_flattering_twin_breaks_the_limit_by_what_it_is_flattered() -> None:
    charger = LookAhead("look_ahead", LIMITS, 60.0, 6.0, twin=LinearCell(flattery_mv=15), voltage_v=4.2)
    row = run_trial(LinearCell(), MILD, charger, LIMITS, TERMS).row
    assert -15 <= row["plating_margin_mv"] <= -13.5
    oracle = run_trial(LinearCell(), MILD, Oracle("oracle", LIMITS, 60.0, 6.0), LIMITS, TERMS).row
    assert 0 <= oracle["plating_margin_mv"] <= 1.5


def test_look_ahead_holds_the_voltage_of_an_aged_cell_that_its_twin_does_not_know() -> None:
    aged = Start(0.1, 25.0, None, 0.15)
    charger = LookAhead("look_ahead", LIMITS, 60.0, 6.0, twin=LinearCell(), voltage_v=4.2)
    assert run_trial(LinearCell(), aged, charger, LIMITS, TERMS).row["voltage_max_v"] <= 4.2


def test_look_ahead_goes_on_where_its_twin_cannot_be_solved() -> None:
    charger = LookAhead("look_ahead", LIMITS, 60.0, 6.0, twin=LinearCell(breaks_at=1.0), voltage_v=4.2)
    row = run_trial(LinearCell(), MILD, charger, LIMITS, TERMS).row
    assert math.isfinite(row["minutes"])
    assert row["minutes"] == pytest.approx(60 * 0.7 / 0.97, rel=0.1)


def make_case() -> ChargeCase:
    rules = make_rules((0.2, 6.0))
    assert (rules.soc, rules.lithium_lost) == ((0.0, 0.3), (0.0, 0.1))
    situation = Situation(cell="none", condition="mild", ambient_c=MILD.ambient_c, initial_c=None, rules=rules)
    return ChargeCase(situation)


def make_rules(c_rates: tuple[float, float]) -> ChargeRules:
    return load_arena("config/arena.yaml", {}).rules.model_copy(update={"c_rates": c_rates})


def test_optimised_protocols_keep_all_limits_and_beat_the_constant_current() -> None:
    rules = make_rules((0.2, 5.0))
    rates, history = optimise_protocol(make_scenarios(), rules, Search(steps=4, budget=30, initial=8), 1)
    assert rates is not None
    row = make_scenarios().try_start(BySoc("", make_equal_windows(rates, 0.1, 0.8)), MILD)
    assert row["plating_margin_mv"] >= 0
    # windows end at 27.5, 45, 62.5 and 80 %: the fastest C-rates are 1.95, 1.6, 1.25 and 0.9
    best = 60 * 0.175 * (1 / 1.95 + 1 / 1.6 + 1 / 1.25 + 1 / 0.9)
    assert best - 1e-6 <= row["minutes"] <= 1.15 * best < 60 * 0.7 / 0.9
    assert history["feasible"].sum() < len(history)
    tight = make_scenarios(limits=LIMITS.add_reserve(margin_mv=90))
    none, _ = optimise_protocol(tight, make_rules((0.6, 5.0)), Search(steps=2, budget=8, initial=3), 1)
    assert none is None


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ({"cells": [{"name": "powercell"}]}, "cells.0.name: 'powercell' is not a declared cell; did you mean 'power_c"),
        (
            {"cells": [{"name": "power_cell", "controllers": ["look_ahed"]}]},
            "'look_ahed' is not a controller; did you mean 'look_ahead'?",
        ),
        ({"cells": [{"name": "power_cell", "agents": ["sak"]}]}, "cells: agents: there is no 'sak'; did you mean 'sac"),
        (
            {"cells": [{"name": "power_cell", "conditions": ["mildly"]}]},
            "cells: conditions: there is no 'mildly'; did you mean 'mild'?",
        ),
        ({"training": {"environment": {"step_s": 600}}}, "a control step of 600 s is longer than the shortest charge"),
        (
            {"training": {"environment": {"limits": {"warming_c": 0}}}},
            "no protocol meets the limits: warm starts at 45 °C, where every charge exceeds 45 °C",
        ),
        ({"soc_nominal": 0.9}, "soc_nominal 0.9 is not below training.environment.soc_end 0.8"),
        ({"scenarioss": {}}, "unknown key 'scenarioss'; did you mean 'scenarios'?"),
    ],
)
def test_wrong_settings_are_told_in_one_line_that_says_what_would_be_right(
    overrides: dict[str, Any], wanted: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_arena("config/arena.yaml", overrides)
    assert len(caught.value.problems) == 1
    assert wanted in caught.value.problems[0]
    assert caught.value.problems[0].startswith("config/arena.yaml: ")


def test_a_decision_beyond_what_the_charger_can_give_is_cut() -> None:
    cell = LinearCell()
    run_trial(cell, MILD, Constantly(50.0), LIMITS, TERMS)
    assert cell.sessions[0].taken[0][0] == 6.0
    assert Decision(1.0).seconds is None


@needs_torch
@pytest.mark.slow
def test_the_small_arena_runs_from_training_to_figures_and_is_no_part_of_the_default_run(workspace: Workspace) -> None:
    options = ("--configfile", "tests/arena_smoke.yaml")
    assert "simulate_controllers" not in workspace.run("-n", "--quiet", "host").stdout
    finished = workspace.run("charging_arena", *options, "--cores", "2", units=LONG)
    assert finished.returncode == 0, finished.stdout
    results = workspace.folder / "results/arena"
    table = pd.read_csv(results / "table.csv")
    assert set(table["controller"]) == {"sac", "look_ahead", "plating_limited", "protocol_robust"}
    assert (table.loc[table["controller"] == "sac", "seeds"] == 2).all()
    assert (table["tuning_cpu_min"] >= 0).all()
    assert (table["scenarios"] == 2).all()
    claims = pd.read_csv(results / "claims.csv")
    assert {"fc_time", "fc_temperature", "fc_improvement"} <= set(claims["id"])
    for name in ("traces", "minutes_and_margin", "violations", "feasibility", "learning", "policies"):
        assert (results / f"figures/{name}.png").stat().st_size > 5000
    assert not list(results.rglob("*.tmp"))
    assert "nothing to be done" in workspace.run("charging_arena", *options, "-n").stdout.lower()
