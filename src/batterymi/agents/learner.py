"""Learning algorithms of stable-baselines3, and the extraction of their policies."""

from typing import Any

from stable_baselines3 import DQN, SAC
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn

from batterymi.agents.environment import ChargingEnvironment
from batterymi.agents.policy import Network
from batterymi.config.agents import Agent


def make_learner(agent: Agent, environment: ChargingEnvironment, seed: int) -> OffPolicyAlgorithm:
    """Make an untrained agent in its environment.

    Args:
        agent: settings.
        environment: with the actions of the agent's kind.
        seed: of weights, exploration, replay and scenarios.
    """
    fall = agent.learning_rate - agent.learning_rate_end
    shared: dict[str, Any] = {
        # falls evenly with the share of the training that remains
        "learning_rate": lambda left: agent.learning_rate_end + fall * left,
        # a buffer longer than the training would never fill
        "buffer_size": min(agent.buffer, agent.steps),
        "learning_starts": agent.learning_starts,
        "batch_size": agent.batch,
        "gamma": agent.gamma,
        "train_freq": 1,
        "gradient_steps": agent.gradient_steps,
        "tau": agent.tau,
        "policy_kwargs": {"net_arch": list(agent.net), "activation_fn": nn.ReLU},
        "seed": seed,
        "device": "cpu",
        "verbose": 0,
    }
    if agent.kind == "dqn":
        return DQN(
            "MlpPolicy",
            environment,
            target_update_interval=1,
            exploration_fraction=agent.exploration,
            exploration_final_eps=agent.exploration_end,
            **shared,
        )
    return SAC(
        "MlpPolicy",
        environment,
        ent_coef="auto_0.1" if agent.entropy is None else agent.entropy,
        target_entropy=agent.target_entropy,
        **shared,
    )


def unwrap_environment(learner: OffPolicyAlgorithm) -> ChargingEnvironment:
    """Return the environment that an agent learns in, without its wrappers."""
    assert learner.env is not None
    found = learner.env.envs[0].unwrapped  # type: ignore[attr-defined]
    assert isinstance(found, ChargingEnvironment)
    return found


def extract_network(learner: OffPolicyAlgorithm) -> Network:
    """Return the current deterministic policy of an agent.

    Args:
        learner: a DQN or SAC agent.

    Returns:
        A copy of its layers.
    """
    is_discrete = isinstance(learner, DQN)
    policy: Any = learner.policy
    # without exploration SAC acts by its mean, so the layer of the deviation is left out
    body = policy.q_net.q_net if is_discrete else nn.Sequential(policy.actor.latent_pi, policy.actor.mu)
    layers = [layer for layer in body.modules() if isinstance(layer, nn.Linear)]
    # copies, since training goes on to change the layers in place
    arrays = [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in layers]
    return Network(tuple(arrays), is_discrete)
