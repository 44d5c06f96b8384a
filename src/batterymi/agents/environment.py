"""A charge as a Gymnasium environment: every control step, an agent sets the C-rate."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from batterymi.agents.observation import Vector, make_actions, make_encoder
from batterymi.agents.reward import SoftLimits, compute_costs
from batterymi.agents.starts import draw_start
from batterymi.charging.charge_loop import Terms, take_step
from batterymi.charging.controller import Decision, Observation
from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import Simulator
from batterymi.charging.voltage_hold import VoltageHold
from batterymi.config.agents import Environment


class ChargingEnvironment(gymnasium.Env[Vector, Any]):
    """Charging from a random start to a state of charge, as fast as the limits allow.

    An episode ends (terminated) at the target state of charge or where the simulator fails, which is penalised; it is
    cut off (truncated) at the time limit. The last step is shortened to end at the target state of charge.
    """

    def __init__(self, simulator: Simulator, settings: Environment, kind: str) -> None:
        """Define the observation space and the action space.

        Args:
            simulator: the cell.
            settings: of the environment.
            kind: of the agent: "dqn" for discrete actions, else continuous.
        """
        self.simulator, self.settings = simulator, settings
        self.terms = Terms(settings.soc_end, settings.step_s, settings.time_limit_min, settings.c_rates[1])
        self.encoder = make_encoder(settings, simulator.capacity_ah, simulator.voltage_max_v)
        self.actions = make_actions(settings, kind)
        self.observation_space = spaces.Box(-1.0, 1.0, (len(self.encoder.names),), np.float32)
        self.action_space = (
            spaces.Discrete(self.actions.n) if self.actions.is_discrete else spaces.Box(-1.0, 1.0, (1,), np.float32)
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Vector, dict[str, Any]]:
        """Put a cell on charge.

        Args:
            seed: of the draws from here on.
            options: `start`, a `Start` to take instead of a drawn one.
        """
        super().reset(seed=seed)
        self.start = (options or {}).get("start") or draw_start(self.np_random, self.settings.ranges)
        self.session = self.simulator.begin(self.start)
        self.limits = SoftLimits.from_settings(self.settings.limits, self.start, self.simulator.voltage_max_v)
        self.ceiling_v = self.limits.bare.voltage_v if self.settings.hold_voltage else None
        self.hold = VoltageHold(self.terms.hold_tolerance_v)
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Charge for one control step.

        Returns:
            Observation, reward, whether the charge ended, whether it was cut off, and: the reading, the costs of the
            step, whether a limit was broken, and the message of a failure.
        """
        decision = Decision(self.actions.rate(float(np.asarray(action).item())), ceiling_v=self.ceiling_v)
        before = self.session.now
        try:
            after = take_step(self.session, decision, self.terms, self.hold)
        except ChargeError as error:
            info = {"reading": before, "costs": {}, "broken": True, "failure": str(error)}
            return self._observe(), -self.settings.weights.failure, True, False, info
        assert after is not None, "only a cut-off current ends a charge"
        costs = compute_costs(before, after, self.limits.soft, self.settings.weights, self.simulator.capacity_ah)
        ended = self.terms.is_reached(after.soc)
        broken = bool(self.limits.bare.find_broken(after))
        info = {"reading": after, "costs": costs, "broken": broken, "failure": ""}
        return self._observe(), -sum(costs.values()), ended, self.terms.is_late(after.seconds) and not ended, info

    def _observe(self) -> Vector:
        """Return what the agent observes now."""
        return self.encoder.encode(Observation(self.session, self.start.ambient_c), self.session.now.plating_margin_mv)
