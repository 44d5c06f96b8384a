"""What happens between the charges of a training: validation, the best policy, checkpoints."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from batterymi.agents.checkpoint import save_checkpoint
from batterymi.agents.environment import ChargingEnvironment
from batterymi.agents.evaluate import evaluate_policy, is_better, summarise_charges
from batterymi.agents.learner import extract_network
from batterymi.agents.policy import Network
from batterymi.charging.state import Start
from batterymi.config.agents import Agent, Training
from batterymi.progress import format_duration

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
        curve: one row per validation.
        best: numbers of the best policy so far.
        network: that policy.
        cpu_s: seconds of processor time, those before an interruption included.
        recent: reward of each charge since the last validation, and whether a limit was broken in it.
    """

    curve: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, float] | None = None
    network: Network | None = None
    cpu_s: float = 0.0
    recent: list[tuple[float, bool]] = field(default_factory=list)


@dataclass
class Validation:
    """Scores policies on fixed scenarios.

    Attributes:
        environment: of its own, so that the charge under way in training is not lost.
        starts: the scenarios.
        derate: factors of all C-rates to try in turn.
    """

    environment: ChargingEnvironment
    starts: Sequence[Start]
    derate: Sequence[float]

    def score(self, network: Network, may_derate: bool) -> dict[str, float]:
        """Return the numbers of a policy, with its C-rates lowered if that makes it safe.

        Args:
            network: the policy.
            may_derate: whether to try lower C-rates; early policies are not worth the time.
        """
        best: dict[str, float] | None = None
        for scale in self.derate if may_derate else (1.0,):
            self.environment.actions = replace(self.environment.actions, scale=scale)
            charges = evaluate_policy(network, self.environment, self.starts)
            found = summarise_charges(charges, self.environment.settings.time_limit_min) | {"scale": scale}
            if is_better(found, best):
                best = found
            # factors are tried in turn, and no further one is needed
            if found["unsafe"] == 0:
                break
        assert best is not None
        return best


class TrainingCallback(BaseCallback):
    """Validates the policy between charges, keeps the best one, and writes checkpoints."""

    def __init__(
        self,
        agent: Agent,
        settings: Training,
        folder: Path,
        identity: Mapping[str, Any],
        progress: Progress,
        validation: Validation,
    ) -> None:
        """Take what a validation and a checkpoint need.

        Args:
            agent: settings of the agent.
            settings: what all agents share.
            folder: of checkpoints.
            identity: what a checkpoint belongs to.
            progress: of the training so far.
            validation: scores policies.
        """
        super().__init__()
        self.agent, self.settings, self.folder, self.identity = agent, settings, folder, identity
        self.progress, self.validation = progress, validation
        # set back by what was used before an interruption, so that the cost includes it
        self.began, self.cpu_before = time.perf_counter(), time.process_time() - progress.cpu_s
        self.steps_before = 0
        self.validated_at = progress.curve[-1]["steps"] if progress.curve else 0
        self.reward, self.broken, self.between = 0.0, False, True

    def _on_training_start(self) -> None:
        """Remember where this run began."""
        self.steps_before = self.model.num_timesteps

    def _on_step(self) -> bool:
        """Add a step to the charge under way; training ends when patience is over."""
        # there is one environment, so these lists have one entry
        self.reward += float(self.locals["rewards"][0])
        self.broken |= bool(self.locals["infos"][0]["broken"])
        self.between = bool(self.locals["dones"][0])
        if self.between:
            self.progress.recent.append((self.reward, self.broken))
            self.reward, self.broken = 0.0, False
        patience = self.settings.patience
        return patience is None or _count_stale(self.progress.curve) < patience

    def _on_rollout_start(self) -> None:
        """Validate and write a checkpoint where both are due and no charge is under way."""
        due = self.model.num_timesteps >= self.validated_at + self.settings.evaluate_every
        # between two charges the cell's state need not be saved
        if due and self.between:
            self.validate()
            progress, network = self.progress, self.progress.network
            extra = network.export_tensors() if network else {}
            plain = {"curve": progress.curve, "best": progress.best, "cpu_s": progress.cpu_s}
            save_checkpoint(self.folder, self.model, self.identity, plain, extra)  # type: ignore[arg-type]

    def validate(self) -> None:
        """Score the policy as it is now, and keep it if it is the best so far."""
        steps = self.model.num_timesteps
        if self.progress.curve and self.validated_at == steps:
            return
        network = extract_network(self.model)  # type: ignore[arg-type]
        found = self.validation.score(network, may_derate=2 * steps >= self.agent.steps)
        best = is_better(found, self.progress.best)
        if best:
            self.progress.best, self.progress.network = {"steps": steps, **found}, network
        row = {"steps": steps, **_summarise_episodes(self.progress.recent), **found, "is_best": best}
        self.progress.curve.append(row)
        self.progress.recent.clear()
        self.progress.cpu_s = time.process_time() - self.cpu_before
        self.validated_at = steps
        self._log(found)

    def _log(self, found: Mapping[str, float]) -> None:
        """Log the progress of the training."""
        # only steps of this run, since its clock started with it
        done = max(self.model.num_timesteps - self.steps_before, 1)
        left = (self.agent.steps - self.model.num_timesteps) * (time.perf_counter() - self.began) / done
        logger.info(
            "%s: %d of %d steps, reward %.1f, %.1f min, %.0f %% violating, smallest margin %.1f mV, about %s left",
            self.agent.name,
            self.model.num_timesteps,
            self.agent.steps,
            found["validation_reward"],
            found["minutes"],
            100 * found["violating"],
            found["smallest_margin_mv"],
            format_duration(left),
        )


def _count_stale(curve: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of validations since the best one."""
    return next((since for since, row in enumerate(reversed(curve)) if row["is_best"]), len(curve))


def _summarise_episodes(recent: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Return the numbers of the charges that were learned from since the last validation."""
    return {
        "charges": len(recent),
        "episode_reward": float(np.mean([reward for reward, _ in recent])) if recent else None,
        "episode_violating": float(np.mean([broken for _, broken in recent])) if recent else None,
    }
