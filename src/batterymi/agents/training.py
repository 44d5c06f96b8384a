"""Training of one agent, from nothing or from where it was interrupted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batterymi.agents.callback import Progress, TrainingCallback, Validation
from batterymi.agents.checkpoint import load_checkpoint
from batterymi.agents.environment import ChargingEnvironment
from batterymi.agents.learner import make_learner
from batterymi.agents.observation import make_fingerprint
from batterymi.agents.policy import Network
from batterymi.agents.starts import list_validation_starts
from batterymi.charging.plant import Simulator
from batterymi.config.agents import Agent, Training
from batterymi.process_pool import use_single_torch_thread

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        network: the policy that was best on the validation scenarios.
        progress: learning curve and cost.
        fingerprint: the environment that it belongs to.
        steps: control steps taken.
    """

    network: Network
    progress: Progress
    fingerprint: dict[str, Any]
    steps: int

    @property
    def scale(self) -> float:
        """Return the factor of the C-rates with which the policy was chosen."""
        return self.progress.best["scale"] if self.progress.best else 1.0


def run_training(simulator: Simulator, cell: str, agent: Agent, settings: Training, seed: int, folder: Path) -> Trained:
    """Train an agent, continuing from its checkpoint if there is one.

    Args:
        simulator: the cell.
        cell: its name.
        agent: settings of the agent.
        settings: what all agents share.
        seed: of the training.
        folder: of the checkpoint.
    """
    own = agent.environment(settings.environment)
    environment = ChargingEnvironment(simulator, own, agent.kind)
    own_print = make_fingerprint(cell, own, environment.encoder, environment.actions)
    identity = {
        "fingerprint": own_print,
        "environment": own.model_dump(mode="json"),
        "agent": agent.model_dump(mode="json"),
        "seed": seed,
        "validation": settings.model_dump(mode="json", exclude={"environment", "agents", "study", "seeds"}),
    }
    with use_single_torch_thread():
        learner = make_learner(agent, environment, seed)
        progress = _resume_progress(folder, learner, identity)
        starts = list_validation_starts(settings.validation, settings.seed, own.ranges)
        validation = Validation(ChargingEnvironment(simulator, own, agent.kind), starts, settings.derate)
        callback = TrainingCallback(agent, settings, folder, identity, progress, validation)
        learner.learn(agent.steps - learner.num_timesteps, callback=callback, reset_num_timesteps=False)
        callback.validate()
    assert progress.network is not None
    return Trained(progress.network, progress, own_print, learner.num_timesteps)


def _resume_progress(folder: Path, learner: Any, identity: Mapping[str, Any]) -> Progress:
    """Restore the agent and its progress from the checkpoint, or return the progress of a new training."""
    loaded = load_checkpoint(folder, learner, identity)
    if loaded is None:
        return Progress()
    plain, tensors = loaded
    logger.info("continuing after %d steps", learner.num_timesteps)
    network = Network.from_tensors(tensors, identity["agent"]["kind"] == "dqn") if tensors else None
    return Progress(plain["curve"], plain["best"], network, plain["cpu_s"])
