"""Agents that learn to charge: the environment, its reward, and their settings."""

from dataclasses import replace
from typing import Any

import assumes_torch  # noqa: F401 - see there
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from light_cell import LIMITS, REST, LightSimulator, make_environment
from pydantic import ValidationError

from batterymi.agents.observation import Actions
from batterymi.agents.reward import SoftLimits, compute_costs
from batterymi.charging.charge_loop import Terms, take_step
from batterymi.charging.controller import Decision
from batterymi.charging.state import Start
from batterymi.charging.voltage_hold import VoltageHold
from batterymi.config.agents import Agent, Environment, LimitSettings, RewardWeights, Training


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_the_environment_is_one_that_both_libraries_accept(kind: str) -> None:
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as check_for_learning

    environment = make_environment(kind)
    check_env(environment, skip_render_check=True)
    check_for_learning(environment)


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_every_observation_lies_within_its_bounds(kind: str) -> None:
    environment = make_environment(kind)
    environment.action_space.seed(3)
    vector, _ = environment.reset(seed=3)
    for _ in range(200):
        assert environment.observation_space.contains(vector)
        vector, _, ended, cut_off, _ = environment.step(environment.action_space.sample())
        if ended or cut_off:
            vector, _ = environment.reset()


def test_no_charger_sees_the_plating_margin() -> None:
    environment = make_environment()
    environment.reset(options={"start": Start()})
    plain = environment._observe()
    environment.session.now = replace(environment.session.now, plating_margin_mv=-77.0, capacity_lost_mah=9.0)
    assert (environment._observe() == plain).all()
    oracle = make_environment(observe=("soc", "plating_margin"))
    oracle.reset(options={"start": Start()})
    before = oracle._observe()[1]
    oracle.session.now = replace(oracle.session.now, plating_margin_mv=-40.0)
    assert oracle._observe()[1] < before


@given(rate=st.floats(0.3, 5), soc=st.floats(0, 0.3), lost=st.floats(0, 0.1), step_s=st.sampled_from([30.0, 60.0]))
def test_a_charge_ends_exactly_at_the_state_of_charge_to_reach(
    rate: float, soc: float, lost: float, step_s: float
) -> None:
    session = LightSimulator().begin(Start(soc=soc, lithium_lost=lost))
    terms = Terms(control_s=step_s, time_limit_min=np.inf)
    while session.now.soc < 0.8 - 1e-6:
        take_step(session, Decision(rate), terms, VoltageHold())
    assert session.now.soc == pytest.approx(0.8, abs=1e-6)
    assert session.now.seconds == pytest.approx(3600 * (0.8 - soc) * (1 - lost) / rate, rel=1e-4)


@given(rate=st.floats(0.3, 6), soc=st.floats(0.1, 0.79), lost=st.floats(0, 0.2))
def test_a_held_voltage_is_neither_passed_nor_undercut_without_need(rate: float, soc: float, lost: float) -> None:
    session = LightSimulator().begin(Start(soc=soc, lithium_lost=lost))
    held = VoltageHold().find_rate(session, rate, 60, 4.0)
    voltage = session.peek(held, 60).voltage_max_v
    assert voltage <= 4.0 or held <= 0.02
    assert held == rate or voltage > 3.99 or held <= 0.02


def test_a_charge_beyond_the_time_limit_is_cut_off_not_ended() -> None:
    environment = make_environment(time_limit_min=20)
    environment.reset(options={"start": Start(soc=0.0)})
    for _ in range(19):
        assert environment.step(np.array([-1.0]))[2:4] == (False, False)
    assert environment.step(np.array([-1.0]))[2:4] == (False, True)


def test_a_failure_of_the_simulator_ends_the_charge_and_costs_what_the_settings_say() -> None:
    environment = make_environment(simulator=LightSimulator(fails_above=2.0), hold_voltage=False)
    environment.reset(options={"start": Start()})
    _, reward, ended, cut_off, info = environment.step(np.array([1.0]))
    assert (reward, ended, cut_off, info["broken"]) == (-60.0, True, False, True)
    assert "no solution" in info["failure"]


def test_costs_of_a_step_are_those_of_the_formula() -> None:
    after = replace(
        REST,
        seconds=90.0,
        plating_margin_mv=-5.0,
        temperature_max_c=47.0,
        voltage_max_v=4.23,
        capacity_lost_mah=0.5,
    )
    weights = RewardWeights(speed=2, degradation=3, plating=4, temperature=5, voltage=6)
    costs = compute_costs(REST, after, SoftLimits.from_settings(LIMITS, Start(), 4.2).soft, weights, capacity_ah=2.5)
    expected = {"speed": 2 * 1.5, "degradation": 3 * 20, "plating": 4 * 1.5 * 1.5, "temperature": 5 * 1.5 * 3}
    assert costs == pytest.approx(expected | {"voltage": 6 * 1.5 * 3})


@given(margin=st.floats(10, 300), hot=st.floats(-10, 44), volts=st.floats(3, 4.2), seconds=st.floats(1, 600))
def test_within_the_limits_a_minute_costs_a_minute(margin: float, hot: float, volts: float, seconds: float) -> None:
    after = replace(
        REST, seconds=seconds, plating_margin_mv=margin, temperature_max_c=hot, voltage_max_v=volts, capacity_lost_mah=1
    )
    soft = SoftLimits.from_settings(LIMITS, Start(), 4.2).soft
    assert sum(compute_costs(REST, after, soft, RewardWeights(), 2.5).values()) == pytest.approx(seconds / 60)


@given(st.lists(st.floats(0.5, 2), min_size=1, max_size=30))
def test_the_return_of_a_charge_is_the_time_that_it_gains_on_the_reference(rates: list[float]) -> None:
    environment = make_environment(
        simulator=LightSimulator(), hold_voltage=False, limits=LimitSettings(plating_reserve_mv=0)
    )
    environment.reset(options={"start": Start(soc=0.1, ambient_c=26)})
    gained, steps = 0.0, iter(rates * 200)
    ended = False
    while not ended:
        action = 2 * np.log(next(steps) / 0.25) / np.log(5 / 0.25) - 1
        _, reward, ended, _, info = environment.step(np.array([action]))
        assert info["costs"]["plating"] == info["costs"]["temperature"] == info["costs"]["voltage"] == 0
        gained += reward
    assert gained == pytest.approx(60 * 0.7 / 2 - environment.session.now.seconds / 60, abs=1e-6)


@pytest.mark.parametrize(
    ("start", "limit"), [(Start(ambient_c=25), 45), (Start(ambient_c=44), 49), (Start(initial_c=60), 65)]
)
def test_a_hot_start_may_warm_by_what_is_declared(start: Start, limit: float) -> None:
    assert SoftLimits.from_settings(LIMITS, start, 4.2).bare.temperature_c == limit


@given(st.integers(0, 24))
def test_discrete_and_continuous_actions_cover_the_same_rates(number: int) -> None:
    for spacing in ("even", "ratio"):
        discrete, continuous = Actions(0.25, 5, spacing, 25), Actions(0.25, 5, spacing, 0)
        assert discrete.rate(number) == pytest.approx(continuous.rate(number / 12 - 1))
        assert 0.25 <= discrete.rate(number) <= 5 + 1e-12


@given(st.floats(-1, 1), st.floats(0.6, 1))
def test_lowered_rates_stay_in_the_range(action: float, scale: float) -> None:
    plain, lowered = Actions(0.25, 5, "ratio", 0), Actions(0.25, 5, "ratio", 0, scale)
    assert lowered.rate(action) == pytest.approx(max(scale * plain.rate(action), 0.25))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step_s": 500}, "a control step of 500 s is longer than the shortest charge"),
        ({"observe": ["soc", "voltag"]}, "did you mean 'voltage'"),
        ({"c_rates": [3, 1]}, "not below the upper bound"),
        ({"soc_end": 0.3}, r"lower ranges\.soc"),
        ({"time_limit_min": 5}, "shorter than any charge"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Environment(**settings)


def test_agents_have_names_of_their_own_and_are_found_by_them() -> None:
    with pytest.raises(ValidationError, match="the name sac is listed twice"):
        Training(agents=[{"name": "sac", "kind": "sac"}, {"name": "sac", "kind": "dqn"}])
    gentle = {"name": "gentle", "kind": "sac", "weights": {"degradation": 5}}
    training = Training(agents=[{"name": "sac", "kind": "sac"}, gentle])
    assert training.agent("gentle").environment(training.environment).weights.degradation == 5
    assert [agent["name"] for agent in training.dump_agent_settings("gentle")["agents"]] == ["gentle"]
    with pytest.raises(KeyError, match="did you mean 'gentle'"):
        training.agent("gentel")


def test_settings_that_are_not_given_suit_the_algorithm() -> None:
    assert Agent(name="a", kind="dqn").gradient_steps > Agent(name="a", kind="sac").gradient_steps
    assert Agent(name="a", kind="dqn", gradient_steps=1).gradient_steps == 1
    again = Agent.model_validate(Agent(name="a", kind="dqn", net=(8,)).model_dump())
    assert again.net == (8,)


def test_a_study_trains_an_agent_with_every_set_of_weights() -> None:
    study = {"agent": "sac", "steps": 500, "weights": {"greedy": {"plating": 0}, "gentle": {"degradation": 9}}}
    training = Training(study=study)
    greedy, gentle = training.variants
    assert (greedy.name, greedy.steps, greedy.kind) == ("sac_greedy", 500, "sac")
    assert (greedy.weights, gentle.weights) == (RewardWeights(plating=0), RewardWeights(degradation=9))
    assert Training.model_validate(training.dump_agent_settings("sac_greedy")).agents == (greedy,)
    with pytest.raises(ValidationError, match="did you mean 'sac'"):
        Training(study=study | {"agent": "sca"})
    with pytest.raises(ValidationError, match="dqn_b is the name of an agent too"):
        Training(
            agents=[{"name": "dqn", "kind": "dqn"}, {"name": "dqn_b", "kind": "dqn"}],
            study={"agent": "dqn", "weights": {"b": {}}},
        )
