"""The stage `train_agent`: one agent, one cell, one seed, from nothing or from where it was interrupted."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from stable_baselines3.common.callbacks import BaseCallback

from batterymi.agents.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from batterymi.agents.environment import ChargingEnvironment, Plant, validation_starts
from batterymi.agents.evaluate import evaluate, is_better, summarise
from batterymi.agents.learner import make_learner, network_of
from batterymi.agents.observation import fingerprint
from batterymi.agents.policy import Network, save_policy
from batterymi.charging.state import Start
from batterymi.config.agents import Agent, Training
from batterymi.files import PathLike, write_csv, write_json

logger = logging.getLogger(__name__)

CURVE = (
    "steps",
    "charges",
    "episode_reward",
    "episode_violating",
    "validation_reward",
    "minutes",
    "minutes_mean",
    "violating",
    "unsafe",
    "smallest_margin_mv",
    "temperature_max_c",
    "capacity_lost_mah",
    "scale",
    "is_best",
)


@dataclass
class Progress:
    """What a training has come to.

    Attributes:
        curve: one row per look at the validation scenarios.
        best: numbers of the best policy so far.
        network: that policy.
        cpu_s: seconds of processor time, those before an interruption included.
        recent: reward of each charge since the last look, and whether a limit was broken in it.
    """

    curve: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, float] | None = None
    network: Network | None = None
    cpu_s: float = 0.0
    recent: list[tuple[float, bool]] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """All but the network, as JSON holds it."""
        return {"curve": self.curve, "best": self.best, "cpu_s": self.cpu_s}


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        network: the policy that was best on the validation scenarios.
        progress: how it came about.
        fingerprint: the environment that it belongs to.
        steps: control steps taken.
    """

    network: Network
    progress: Progress
    fingerprint: dict[str, Any]
    steps: int

    @property
    def scale(self) -> float:
        """Factor of the C-rates with which the policy was chosen."""
        return self.progress.best["scale"] if self.progress.best else 1.0


def train_agent(
    policy_path: PathLike,
    tensors_path: PathLike,
    curve_path: PathLike,
    record_path: PathLike,
    *,
    cell: str,
    name: str,
    training: Mapping[str, Any],
    seed: int,
) -> None:
    """Train an agent and write its policy.

    A training that is interrupted goes on from its last checkpoint, in the folder `checkpoint` beside the policy; the
    folder is removed at the end.

    Args:
        policy_path: JSON to write: what the policy is and belongs to.
        tensors_path: safetensors to write: its weights; must lie beside the JSON.
        curve_path: CSV to write: the learning curve.
        record_path: JSON to write: what the training cost, and what was chosen.
        cell: a declared cell.
        name: of the agent.
        training: settings of `batterymi.config.agents.Training`.
        seed: of the training.

    Raises:
        AgentError: if the checkpoint belongs to another training.
    """
    from batterymi.charging.simulator import ChargingSimulator

    settings = Training.model_validate(training)
    agent = settings.agent(name)
    plant = ChargingSimulator(cell=cell, model=settings.environment.model)
    folder = Path(policy_path).parent / "checkpoint"
    done = train(plant, cell, agent, settings, seed, folder)
    card = {"name": name, "kind": agent.kind, "seed": seed, "steps": done.steps, "scale": done.scale}
    write_csv(curve_path, pd.DataFrame(done.progress.curve, columns=list(CURVE)))
    weights = agent.environment(settings.environment).weights.model_dump()
    write_json(record_path, {"cpu_s": round(done.progress.cpu_s, 1), "weights": weights, "chosen": done.progress.best})
    save_policy(policy_path, done.network, card | {"fingerprint": done.fingerprint})
    remove_checkpoint(folder)


def train(plant: Plant, cell: str, agent: Agent, settings: Training, seed: int, folder: Path) -> Trained:
    """Train an agent, on from its checkpoint if there is one.

    Args:
        plant: the cell.
        cell: its name.
        agent: settings of the agent.
        settings: what all agents share.
        seed: of the training.
        folder: of the checkpoint.
    """
    own = agent.environment(settings.environment)
    environment = ChargingEnvironment(plant, own, agent.kind)
    own_print = fingerprint(cell, own, environment.sight, environment.actions)
    identity = {
        "fingerprint": own_print,
        "environment": own.model_dump(mode="json"),
        "agent": agent.model_dump(mode="json"),
        "seed": seed,
        "looks": settings.model_dump(mode="json", exclude={"environment", "agents", "study", "seeds"}),
    }
    with _one_torch_thread():
        learner = make_learner(agent, environment, seed)
        progress = _resume(folder, learner, identity)
        starts = validation_starts(settings.validation, settings.seed, own.ranges)
        judge = ChargingEnvironment(plant, own, agent.kind)
        watch = Watch(agent, settings, folder, identity, progress, judge, starts)
        learner.learn(agent.steps - learner.num_timesteps, callback=watch, reset_num_timesteps=False)
        watch.look()
    assert progress.network is not None
    return Trained(progress.network, progress, own_print, learner.num_timesteps)


class Watch(BaseCallback):
    """Looks at the validation scenarios between charges, keeps the best policy, and writes checkpoints."""

    def __init__(
        self,
        agent: Agent,
        settings: Training,
        folder: Path,
        identity: Mapping[str, Any],
        progress: Progress,
        judge: ChargingEnvironment,
        starts: Sequence[Start],
    ) -> None:
        """Take what a look needs; arguments as in `train`, with an environment of its own to judge in."""
        super().__init__()
        self.agent, self.settings, self.folder, self.identity = agent, settings, folder, identity
        self.progress, self.judge, self.starts = progress, judge, starts
        self.began, self.cpu_before = time.perf_counter(), time.process_time() - progress.cpu_s
        self.steps_before = 0
        self.looked_at = progress.curve[-1]["steps"] if progress.curve else 0
        self.reward, self.broken, self.between = 0.0, False, True

    def _on_training_start(self) -> None:
        """Remember where this run began."""
        self.steps_before = self.model.num_timesteps

    def _on_step(self) -> bool:
        """Add a step to the charge under way; the end of training comes when patience is over."""
        self.reward += float(self.locals["rewards"][0])
        self.broken |= bool(self.locals["infos"][0]["broken"])
        self.between = bool(self.locals["dones"][0])
        if self.between:
            self.progress.recent.append((self.reward, self.broken))
            self.reward, self.broken = 0.0, False
        patience = self.settings.patience
        return patience is None or _stale(self.progress.curve) < patience

    def _on_rollout_start(self) -> None:
        """Look and write a checkpoint where one is due and no charge is under way."""
        due = self.model.num_timesteps >= self.looked_at + self.settings.evaluate_every
        if due and self.between:
            self.look()
            network = self.progress.network
            extra = network.tensors() if network else {}
            save_checkpoint(self.folder, self.model, self.identity, self.progress.plain(), extra)  # type: ignore[arg-type]

    def look(self) -> None:
        """Judge the policy as it is now, and keep it if it is the best so far."""
        steps = self.model.num_timesteps
        if self.progress.curve and self.looked_at == steps:
            return
        network = network_of(self.model)  # type: ignore[arg-type]
        found = self._judge(network)
        best = is_better(found, self.progress.best)
        if best:
            self.progress.best, self.progress.network = {"steps": steps, **found}, network
        self.progress.curve.append({"steps": steps, **_episodes(self.progress.recent), **found, "is_best": best})
        self.progress.recent.clear()
        self.progress.cpu_s = time.process_time() - self.cpu_before
        self.looked_at = steps
        self._report(found)

    def _judge(self, network: Network) -> dict[str, float]:
        """Numbers of a policy on the validation scenarios, with its C-rates lowered if that makes it safe.

        Early policies are judged as they are, since lowering them is not worth the time.
        """
        late = 2 * self.model.num_timesteps >= self.agent.steps
        best: dict[str, float] | None = None
        for scale in self.settings.derate if late else (1.0,):
            self.judge.actions = replace(self.judge.actions, scale=scale)
            charges = evaluate(network, self.judge, self.starts)
            found = summarise(charges, self.judge.settings.time_limit_min) | {"scale": scale}
            if is_better(found, best):
                best = found
            if found["unsafe"] == 0:
                break
        assert best is not None
        return best

    def _report(self, found: Mapping[str, float]) -> None:
        """Log where the training stands."""
        done = max(self.model.num_timesteps - self.steps_before, 1)
        left = (self.agent.steps - self.model.num_timesteps) * (time.perf_counter() - self.began) / done
        logger.info(
            "%s: %d of %d steps, reward %.1f, %.1f min, %.0f %% violating, smallest margin %.1f mV, %.0f s left",
            self.agent.name,
            self.model.num_timesteps,
            self.agent.steps,
            found["validation_reward"],
            found["minutes"],
            100 * found["violating"],
            found["smallest_margin_mv"],
            left,
        )


def _resume(folder: Path, learner: Any, identity: Mapping[str, Any]) -> Progress:
    """Progress of the checkpoint, with the agent put back to it; or of a new training."""
    loaded = load_checkpoint(folder, learner, identity)
    if loaded is None:
        return Progress()
    plain, tensors = loaded
    logger.info("going on after %d steps", learner.num_timesteps)
    network = Network.from_tensors(tensors, identity["agent"]["kind"] == "dqn") if tensors else None
    return Progress(plain["curve"], plain["best"], network, plain["cpu_s"])


def _stale(curve: Sequence[Mapping[str, Any]]) -> int:
    """Looks since the best one."""
    since = 0
    for row in reversed(curve):
        if row["is_best"]:
            break
        since += 1
    return since


def _episodes(recent: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Numbers of the charges that were learned from since the last look."""
    return {
        "charges": len(recent),
        "episode_reward": float(np.mean([reward for reward, _ in recent])) if recent else None,
        "episode_violating": float(np.mean([broken for _, broken in recent])) if recent else None,
    }


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Hold PyTorch to one thread: more are slower for networks this small, and other jobs need the processors."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
