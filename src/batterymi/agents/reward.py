"""The reward of a control step: speed, less degradation, less what lies beyond soft limits."""

from dataclasses import dataclass

from batterymi.charging.state import Reading, Start
from batterymi.config.agents import Limits, RewardWeights


@dataclass(frozen=True)
class Bounds:
    """Limits of one charge.

    Attributes:
        margin_mv: smallest plating margin.
        reserve_mv: kept above it, or a part of the reward is lost.
        checked_reserve_mv: kept above it, or a checkpoint is not safe.
        temperature_c: highest temperature.
        temperature_reserve_c: kept below it, or a part of the reward is lost.
        voltage_v: highest voltage.
    """

    margin_mv: float
    reserve_mv: float
    checked_reserve_mv: float
    temperature_c: float
    temperature_reserve_c: float
    voltage_v: float

    @classmethod
    def of(cls, limits: Limits, start: Start, voltage_max_v: float) -> "Bounds":
        """Limits of a charge from some start.

        A cell that starts near the highest temperature, or is in surroundings that are, cannot stay below it at any
        current, so it may warm by a declared amount.
        """
        return cls(
            limits.plating_margin_mv,
            limits.plating_reserve_mv,
            limits.checked_reserve_mv,
            max(limits.temperature_c, max(start.temperature_c, start.ambient_c) + limits.warming_c),
            limits.temperature_reserve_c,
            voltage_max_v - limits.voltage_reserve_v,
        )

    def broken(self, step: Reading, with_reserve: bool = False) -> bool:
        """Whether a step breaks a limit.

        Args:
            step: what was read at its end.
            with_reserve: whether the checked reserve of the plating margin counts too.
        """
        margin = self.margin_mv + (self.checked_reserve_mv if with_reserve else 0.0)
        return (
            step.plating_margin_mv < margin
            or step.temperature_max_c > self.temperature_c + 1e-6
            or step.voltage_max_v > self.voltage_v + 1e-3
        )


def reward_terms(
    before: Reading, after: Reading, bounds: Bounds, weights: RewardWeights, capacity_ah: float
) -> dict[str, float]:
    """Costs of one control step that took t minutes, in minutes of charging.

        speed        w_s · (t - 60 min · rise of the state of charge / reference C-rate)
        degradation  w_d · (capacity lost in the step / capacity) / 0.001 %
        plating      w_p · t · max(0, limit + reserve - smallest margin) / 10 mV
        temperature  w_T · t · max(0, highest temperature - limit + reserve) / 1 °C
        voltage      w_V · t · max(0, highest voltage - limit) / 10 mV

    The reward is minus their sum. The return of a charge within its limits and with w_d = 0 is therefore minus its
    minutes, plus what the reference would take from the same start to the same end: the same for every policy. This
    shaping by a potential of the state (Ng, Harada and Russell 1999) credits a current with the time that it saves in
    the step in which it flows. Whatever grows with t is independent of the length of the control step.

    Args:
        before: what was read before the step.
        after: what was read at its end, with the extremes within it.
        bounds: limits of the charge.
        weights: weights.
        capacity_ah: nominal capacity.

    Returns:
        The costs, by name.
    """
    minutes = (after.seconds - before.seconds) / 60
    reference = 60 * (after.soc - before.soc) / weights.reference_c_rate
    lost = (after.capacity_lost_mah - before.capacity_lost_mah) / (1000 * capacity_ah)
    return {
        "speed": weights.speed * (minutes - reference),
        "degradation": weights.degradation * lost / 1e-5,
        "plating": weights.plating
        * minutes
        * _beyond(bounds.margin_mv + bounds.reserve_mv, after.plating_margin_mv)
        / 10,
        "temperature": weights.temperature
        * minutes
        * _beyond(after.temperature_max_c, bounds.temperature_c - bounds.temperature_reserve_c),
        "voltage": weights.voltage * minutes * _beyond(after.voltage_max_v, bounds.voltage_v) * 100,
    }


def _beyond(value: float, limit: float) -> float:
    """How far a value lies above a limit; 0 below it."""
    return max(0.0, value - limit)
