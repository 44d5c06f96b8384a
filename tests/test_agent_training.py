"""Agents that learn to charge: training that is interrupted, policies on disk, and the study of weights."""

import json
from pathlib import Path
from typing import Any

import assumes_torch  # noqa: F401 - see there
import numpy as np
import pandas as pd
import pytest
from light_cell import TINY, LightSimulator, make_environment, make_training

from batterymi.agents.callback import TrainingCallback
from batterymi.agents.checkpoint import STATE
from batterymi.agents.evaluate import evaluate_policy, is_better, summarise_charges
from batterymi.agents.learner import extract_network, make_learner
from batterymi.agents.observation import make_actions, make_encoder, make_fingerprint
from batterymi.agents.policy import Network, load_policy, save_policy
from batterymi.agents.starts import list_validation_starts
from batterymi.agents.training import Trained, run_training
from batterymi.agents.weights import MEASURES
from batterymi.charging.controller import Observation
from batterymi.charging.state import Start
from batterymi.config.agents import Agent, Environment, ScenarioRanges
from batterymi.config.slices.agents import WeightStudySettings
from batterymi.errors import AgentError
from batterymi.files import remove_file, write_csv, write_json
from batterymi.stages.compare_weights import compare_weights


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
