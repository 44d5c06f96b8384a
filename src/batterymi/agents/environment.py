"""A charge as a Gymnasium environment: every control step, an agent sets the C-rate."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from batterymi.agents.observation import Vector, make_actions, make_encoder
from batterymi.agents.reward import Bounds, reward_terms
from batterymi.charging.controller import Observation
from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import ChargingSession, Simulator
from batterymi.charging.scenarios import draw_scenarios
from batterymi.charging.state import Reading, Start
from batterymi.config.agents import Environment, ScenarioRanges

SOC_TOLERANCE = 1e-6
SHORTEST_STEP_S = 1e-3
LEAST_RATE = 0.02
HOLD_TRIES = 8
HELD_V = 2e-3


class ChargingEnvironment(gymnasium.Env[Vector, Any]):
    """Charging from a random start to a state of charge, as fast as the limits allow.

    An episode ends (terminated) at the state of charge to reach or where the simulator fails, which is penalised; it is
    cut off (truncated) at the time limit. The last step is shortened to end at the state of charge to reach.
    """

    def __init__(self, simulator: Simulator, settings: Environment, kind: str) -> None:
        """Declare the spaces.

        Args:
            simulator: the cell.
            settings: of the environment.
            kind: of the agent: "dqn" for discrete actions, else continuous.
        """
        self.simulator, self.settings = simulator, settings
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
        self.bounds = Bounds.of(self.settings.limits, self.start, self.simulator.voltage_max_v)
        self.ceiling_v = self.bounds.voltage_v if self.settings.hold_voltage else None
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Charge for one control step.

        Returns:
            Observation, reward, whether the charge ended, whether it was cut off, and: the reading, the terms of the
            reward, whether a limit was broken, and the message of a failure.
        """
        rate = self.actions.rate(float(np.asarray(action).item()))
        before = self.session.now
        try:
            after = take_step(self.session, rate, self.settings.step_s, self.settings.soc_end, self.ceiling_v)
        except ChargeError as error:
            info = {"reading": before, "terms": {}, "broken": True, "failure": str(error)}
            return self._observe(), -self.settings.weights.failure, True, False, info
        terms = reward_terms(before, after, self.bounds, self.settings.weights, self.simulator.capacity_ah)
        ended = after.soc >= self.settings.soc_end - SOC_TOLERANCE
        late = after.seconds >= 60 * self.settings.time_limit_min - SHORTEST_STEP_S
        info = {"reading": after, "terms": terms, "broken": self.bounds.broken(after), "failure": ""}
        return self._observe(), -sum(terms.values()), ended, late and not ended, info

    def _observe(self) -> Vector:
        """Return what the agent sees now."""
        return self.encoder.encode(Observation(self.session, self.start.ambient_c), self.session.now.plating_margin_mv)


def take_step(
    session: ChargingSession, rate: float, seconds: float, soc_end: float, ceiling_v: float | None = None
) -> Reading:
    """Take a control step, shortened to end at a state of charge where that comes first.

    Args:
        session: the charge.
        rate: C-rate.
        seconds: of the control step.
        soc_end: state of charge to end at.
        ceiling_v: voltage that the charger's circuit holds by lowering the current; None for no such circuit.

    Raises:
        ChargeError: if the step cannot be simulated.
    """
    if ceiling_v is not None:
        rate = held_rate(session, rate, seconds, ceiling_v)
    return session.step(rate, max(min(seconds, session.seconds_to(soc_end, rate)), SHORTEST_STEP_S))


def held_rate(session: ChargingSession, rate: float, seconds: float, ceiling_v: float) -> float:
    """The C-rate, lowered as far as a step needs to stay below a voltage.

    The voltage is nearly linear in the current, so a secant within a bracket takes two or three looks.

    Args:
        session: the charge.
        rate: C-rate that is wanted.
        seconds: of the step.
        ceiling_v: voltage not to pass.

    Returns:
        The C-rate, at least `LEAST_RATE`: a current that low is taken whatever the voltage.
    """
    low, high, tried, last = 0.0, rate, rate, (0.0, session.now.voltage_v)
    for _ in range(HOLD_TRIES):
        voltage = _voltage(session, tried, seconds)
        if voltage <= ceiling_v and (tried >= rate or voltage >= ceiling_v - HELD_V):
            break
        low, high = (tried, high) if voltage <= ceiling_v else (low, tried)
        slope = (voltage - last[1]) / (tried - last[0]) if tried != last[0] else np.inf
        wanted = tried - (voltage - ceiling_v + HELD_V / 2) / slope if 0 < slope < np.inf else low
        last = (tried, voltage) if np.isfinite(voltage) else last
        tried = wanted if low < wanted < high else 0.5 * (low + high)
        if tried < LEAST_RATE:
            return LEAST_RATE
    else:
        tried = low
    return max(tried, LEAST_RATE)


def _voltage(session: ChargingSession, rate: float, seconds: float) -> float:
    """Highest voltage of a step; infinite where it cannot be simulated."""
    try:
        return session.peek(rate, seconds).voltage_max_v
    except ChargeError:
        return float("inf")


def draw_start(rng: np.random.Generator, ranges: ScenarioRanges) -> Start:
    """A random start for training.

    Args:
        rng: of the draw.
        ranges: what is drawn from.
    """
    preheated = float(rng.uniform(*ranges.preheated_c)) if rng.random() < ranges.preheated_share else None
    edge = ranges.ambient_c[int(rng.integers(2))] if rng.random() < ranges.edge_share else None
    return _draw(1, int(rng.integers(2**31)), "train", ranges, preheated, edge)[0]


def validation_starts(n: int, seed: int, ranges: ScenarioRanges) -> list[Start]:
    """Fixed starts that choose among checkpoints; training and judging draw others.

    Args:
        n: how many.
        seed: of the draw.
        ranges: what is drawn from; by their shares, the first ones are preheated, and the next ones alternate between
            the ends of the ambient temperatures.
    """
    n_hot, n_edge = round(n * ranges.preheated_share), round(n * ranges.edge_share)
    hot = [float(value) for value in np.linspace(*ranges.preheated_c, n_hot)]
    edges = [ranges.ambient_c[number % 2] for number in range(n_edge)]
    kinds: list[tuple[float | None, float | None]] = [
        *((value, None) for value in hot),
        *((None, edge) for edge in edges),
        *[(None, None)] * n,
    ]
    return [_draw(n, seed, "validation", ranges, *kinds[number])[number] for number in range(n)]


def _draw(
    n: int, seed: int, split: str, ranges: ScenarioRanges, preheated_c: float | None, ambient_c: float | None
) -> list[Start]:
    """Starts of one split, with a cell temperature or an ambient temperature of their own where given."""
    return draw_scenarios(
        n,
        seed,
        split,
        soc=ranges.soc,
        ambient_c=ranges.ambient_c if ambient_c is None else (ambient_c, ambient_c),
        lithium_lost=ranges.lithium_lost,
        preheated_c=preheated_c,
    )
