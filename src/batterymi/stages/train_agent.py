"""One agent on one cell with one seed."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from batterymi.agents.checkpoint import remove_checkpoint
from batterymi.agents.policy import save_policy
from batterymi.agents.training import run_training
from batterymi.config.agents import Training
from batterymi.files import write_csv, write_json


@dataclass(frozen=True)
class TrainingFiles:
    """What a training writes.

    Attributes:
        policy: JSON: what the policy is and belongs to.
        weights: safetensors: its weights, beside the JSON.
        curve: CSV: the learning curve.
        record: JSON: what the training cost, and what was chosen.
    """

    policy: Path
    weights: Path
    curve: Path
    record: Path


def train_agent(files: TrainingFiles, cell: str, algorithm: str, seed: str, settings: Training) -> None:
    """Train an agent and write its policy.

    An interrupted training continues from its last checkpoint, in the folder `checkpoint` beside the policy; the
    folder is removed at the end.

    Args:
        files: what is written.
        cell: a declared cell.
        algorithm: name of the agent.
        seed: of the training, a number.
        settings: the agent, and what all agents share.

    Raises:
        AgentError: if the checkpoint belongs to another training.
    """
    from batterymi.charging.simulator import ChargingSimulator

    agent = settings.agent(algorithm)
    simulator = ChargingSimulator(cell=cell, model=settings.environment.model)
    folder = files.policy.parent / "checkpoint"
    done = run_training(simulator, cell, agent, settings, int(seed), folder)
    card = {"name": algorithm, "kind": agent.kind, "seed": int(seed), "steps": done.steps, "scale": done.scale}
    write_csv(files.curve, pd.DataFrame(done.progress.curve))
    weights = agent.environment(settings.environment).weights.model_dump()
    cost = {"cpu_s": round(done.progress.cpu_s, 1), "weights": weights, "chosen": done.progress.best}
    write_json(files.record, cost)
    save_policy(files.policy, done.network, card | {"fingerprint": done.fingerprint})
    # last, so that a kill while the policy is written costs no training
    remove_checkpoint(folder)
