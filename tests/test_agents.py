"""Agents that learn to charge: the environment, its reward, training that is interrupted, and policies on disk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import assumes_torch  # noqa: F401 - see there
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from light_cell import LIMITS, REST, TINY, LightSimulator, make_environment, make_training
from pydantic import ValidationError

from batterymi.agents.callback import TrainingCallback
from batterymi.agents.checkpoint import STATE
from batterymi.agents.evaluate import evaluate_policy, is_better, summarise_charges
from batterymi.agents.learner import extract_network, make_learner
from batterymi.agents.observation import Actions, make_actions, make_encoder, make_fingerprint
from batterymi.agents.policy import Network, load_policy, save_policy
from batterymi.agents.reward import SoftLimits, compute_costs
from batterymi.agents.starts import list_validation_starts
from batterymi.agents.training import Trained, run_training
from batterymi.agents.weights import MEASURES
from batterymi.charging.charge_loop import Terms, take_step
from batterymi.charging.controller import Decision, Observation
from batterymi.charging.state import Start
from batterymi.charging.voltage_hold import VoltageHold
from batterymi.config.agents import Agent, Environment, LimitSettings, RewardWeights, ScenarioRanges, Training
from batterymi.config.slices.agents import WeightStudySettings
from batterymi.errors import AgentError
from batterymi.files import remove_file, write_csv, write_json
from batterymi.stages.compare_weights import compare_weights


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


def test_training_and_validation_draw_different_starts() -> None:
    environment = make_environment()
    drawn = set()
    for seed in range(20):
        environment.reset(seed=seed)
        drawn.add(environment.start.soc)
    ranges = ScenarioRanges(preheated_share=0.25, edge_share=0.25)
    starts = list_validation_starts(8, 1, ranges)
    assert len(drawn) == 20
    assert not drawn & {start.soc for start in starts}
    assert starts == list_validation_starts(8, 1, ranges)
    assert [start.initial_c is not None for start in starts] == [True, True, *[False] * 6]
    assert [start.ambient_c in (10, 45) for start in starts] == [False, False, True, True, *[False] * 4]


def test_a_checkpoint_that_keeps_the_limits_beats_a_faster_one_that_does_not() -> None:
    safe, fast = {"unsafe": 0.0, "validation_reward": -30.0}, {"unsafe": 0.1, "validation_reward": -20.0}
    assert is_better(safe, fast)
    assert not is_better(fast, safe)
    assert is_better(fast, None)


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_the_network_without_pytorch_decides_like_the_one_within(kind: str) -> None:
    environment = make_environment(kind)
    learner = make_learner(Agent(name="a", kind=kind, **TINY), environment, 5)
    network = extract_network(learner)
    rng = np.random.default_rng(0)
    for vector in rng.uniform(-1, 1, (50, len(environment.encoder.names))).astype(np.float32):
        expected, _ = learner.predict(vector, deterministic=True)
        assert network.choose_action(vector) == pytest.approx(float(np.asarray(expected).item()), abs=1e-5)


@pytest.fixture(scope="module", params=["dqn", "sac"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Trained]:
    """A training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    agent = Agent(name="a", kind=request.param, **TINY)
    return request.param, run_training(LightSimulator(), "light", agent, make_training(), 7, folder)


def interrupt(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Kill the training some steps after a checkpoint, in the middle of a charge."""
    plain = TrainingCallback._on_step

    def dies(self: TrainingCallback) -> bool:
        if self.model.num_timesteps >= after:
            raise KeyboardInterrupt
        return plain(self)

    monkeypatch.setattr(TrainingCallback, "_on_step", dies)


def test_an_interrupted_training_ends_as_if_nothing_had_happened(
    whole: tuple[str, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, expected = whole
    agent = Agent(name="a", kind=kind, **TINY)
    with monkeypatch.context() as patch:
        interrupt(patch, after=80)
        with pytest.raises(KeyboardInterrupt):
            run_training(LightSimulator(), "light", agent, make_training(), 7, tmp_path)
    state = json.loads((tmp_path / STATE).read_text(encoding="utf-8"))
    steps = state["counters"]["num_timesteps"]
    assert 20 < steps < 80
    with np.load(tmp_path / state["buffer"]["file"], allow_pickle=False) as buffer:
        assert len(buffer["rewards"]) == steps
    np.random.seed(99)
    found = run_training(LightSimulator(), "light", agent, make_training(), 7, tmp_path)
    assert found.steps == expected.steps == 90
    assert found.progress.curve == expected.progress.curve
    for name, values in expected.network.export_tensors().items():
        assert (found.network.export_tensors()[name] == values).all(), name


def test_a_checkpoint_of_another_environment_is_refused_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Agent(name="a", kind="dqn", **TINY)
    with monkeypatch.context() as patch:
        interrupt(patch, after=60)
        with pytest.raises(KeyboardInterrupt):
            run_training(LightSimulator(), "light", agent, make_training(), 7, tmp_path)
    before = sorted(path.name for path in tmp_path.glob("[!.]*"))
    changed = make_training().model_copy(update={"environment": Environment(time_limit_min=60, step_s=30)})
    with pytest.raises(AgentError, match=r"step_s is 60\.0, needed is 30\.0.*restore them to go on"):
        run_training(LightSimulator(), "light", agent, changed, 7, tmp_path)
    with pytest.raises(AgentError, match="seed is 7, needed is 8"):
        run_training(LightSimulator(), "light", agent, make_training(), 8, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == before
    (tmp_path / before[0]).write_bytes(b"cut off")
    with pytest.raises(AgentError, match="damaged"):
        run_training(LightSimulator(), "light", agent, make_training(), 7, tmp_path)


def make_policy(path: Path, scale: float = 1.0, **changes: Any) -> Network:
    """A policy with random weights on disk."""
    environment = Environment(**changes)
    encoder, actions = make_encoder(environment, 2.5, 4.2), make_actions(environment, "sac")
    rng = np.random.default_rng(4)
    n_in = len(encoder.names)
    layers = [
        (rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[0]).astype(np.float32))
        for shape in ((8, n_in), (1, 8))
    ]
    network = Network(tuple(layers), is_discrete=False)
    save_policy(
        path,
        network,
        {
            "name": "sac",
            "kind": "sac",
            "scale": scale,
            "fingerprint": make_fingerprint("light", environment, encoder, actions),
        },
    )
    return network


def test_a_policy_from_disk_charges_like_the_one_that_was_saved(tmp_path: Path) -> None:
    network = make_policy(tmp_path / "policy.json")
    controller = load_policy(tmp_path / "policy.json", {"cell": "light", "step_s": 60.0})
    environment = make_environment()
    environment.reset(options={"start": Start(ambient_c=30)})
    observation = Observation(environment.session, 30)
    controller.begin(observation, environment.session)
    rate = controller.decide(observation).rate
    assert rate == environment.actions.rate(network.choose_action(environment._observe()))
    assert 0.25 <= rate <= 5
    charges = evaluate_policy(network, environment, [Start(soc=0.7, ambient_c=30)])
    assert charges["minutes"].notna().all()
    assert summarise_charges(charges, 60)["minutes"] == charges["minutes"][0]


def test_a_policy_keeps_the_factor_that_made_it_safe(tmp_path: Path) -> None:
    make_policy(tmp_path / "policy.json")
    observation = Observation(LightSimulator().begin(Start(ambient_c=30)), 30.0)
    plain = load_policy(tmp_path / "policy.json").decide(observation).rate
    make_policy(tmp_path / "policy.json", scale=0.9)
    assert load_policy(tmp_path / "policy.json").decide(observation).rate == pytest.approx(max(0.9 * plain, 0.25))


@pytest.mark.parametrize(
    ("needed", "message"),
    [({"cell": "Chen2020"}, "cell is 'light', needed is 'Chen2020'"), ({"step_s": 30.0}, "step_s is 60.0")],
)
def test_a_policy_of_another_environment_is_refused(tmp_path: Path, needed: dict[str, Any], message: str) -> None:
    make_policy(tmp_path / "policy.json")
    with pytest.raises(AgentError, match=message):
        load_policy(tmp_path / "policy.json", needed)


def test_damaged_policies_and_oracles_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="there is no such policy"):
        load_policy(tmp_path / "policy.json")
    make_policy(tmp_path / "policy.json")
    (tmp_path / "policy.safetensors").write_bytes(b"cut off")
    with pytest.raises(AgentError, match="has digest"):
        load_policy(tmp_path / "policy.json")
    make_policy(tmp_path / "policy.json", observe=("soc", "plating_margin"))
    with pytest.raises(AgentError, match="observes the plating margin"):
        load_policy(tmp_path / "policy.json")
    (tmp_path / "policy.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AgentError, match="not what was written there"):
        load_policy(tmp_path / "policy.json")
    remove_file(tmp_path / "policy.json")
    (tmp_path / "policy.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AgentError, match="has format None, readable is 1"):
        load_policy(tmp_path / "policy.json")


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


def test_weights_are_compared_over_seeds(tmp_path: Path) -> None:
    records = []
    for name, seeds in (("sac", (1, 2, 3)), ("sac_greedy", (1,))):
        for seed in seeds:
            records.append(tmp_path / name / str(seed) / "training.json")
            write_json(records[-1], {"weights": {"plating": 1.0}})
            looks = pd.DataFrame({"steps": [50, 101, 200], "is_best": [True, True, True]})
            write_csv(
                records[-1].with_name("curve.csv"), looks.assign(**{m: [1.0, 10.0 * seed, 99.0] for m in MEASURES})
            )
    curves = [path.with_name("curve.csv") for path in records]
    compare_weights(records, curves, tmp_path / "weights.csv", WeightStudySettings(seed=1, steps=100))
    table = pd.read_csv(tmp_path / "weights.csv").set_index("agent")
    assert table.loc["sac", "minutes_mean"] == pytest.approx(20)
    assert 10 <= table.loc["sac", "minutes_mean_lower"] < 20 < table.loc["sac", "minutes_mean_upper"] <= 30
    assert np.isnan(table.loc["sac_greedy", "minutes_mean_lower"])
