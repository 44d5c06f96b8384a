"""The reward of a control step: speed, less degradation, less what lies beyond soft limits."""

from dataclasses import dataclass

from batterymi.charging.limits import KINDS, Limits
from batterymi.charging.state import Reading, Start
from batterymi.config.agents import LimitSettings, RewardWeights


@dataclass(frozen=True)
class SoftLimits:
    """The limits of one charge, with and without what training keeps to them.

    Attributes:
        bare: what the charge must keep to.
        soft: with the reserves beyond which a part of the reward is lost.
        checked: with the reserve that makes a policy count as safe.
    """

    bare: Limits
    soft: Limits
    checked: Limits

    @classmethod
    def from_settings(cls, settings: LimitSettings, start: Start, voltage_max_v: float) -> "SoftLimits":
        """Return the limits of a charge from some start.

        Args:
            settings: limits and reserves.
            start: a cell that starts hot may warm by a declared amount.
            voltage_max_v: full voltage of the cell.
        """
        bare = Limits(
            settings.plating_margin_mv,
            settings.temperature_c,
            voltage_max_v - settings.voltage_reserve_v,
            settings.warming_c,
        ).at(start)
        soft = bare.add_reserve(settings.plating_reserve_mv, settings.temperature_reserve_c)
        return cls(bare, soft, bare.add_reserve(settings.checked_reserve_mv))


def compute_costs(
    before: Reading, after: Reading, soft: Limits, weights: RewardWeights, capacity_ah: float
) -> dict[str, float]:
    """Return the costs of one control step that took t minutes, in minutes of charging.

        speed        w_s · (t - 60 min · rise of the state of charge / reference C-rate)
        degradation  w_d · (capacity lost in the step / capacity) / 0.001 %
        plating      w_p · t · max(0, soft limit - smallest margin) / 10 mV
        temperature  w_T · t · max(0, highest temperature - soft limit) / 1 °C
        voltage      w_V · t · max(0, highest voltage - soft limit) / 10 mV

    The reward is minus their sum. The return of a charge within its limits and with w_d = 0 is therefore minus its
    minutes, plus what the reference would take from the same start to the same end: the same for every policy. This
    shaping by a potential of the state (Ng, Harada and Russell 1999) credits a current with the time that it saves in
    the step in which it flows. Whatever grows with t is independent of the length of the control step.

    Args:
        before: what was read before the step.
        after: what was read at its end, with the extremes within it.
        soft: limits of the charge, with the reserves.
        weights: weights.
        capacity_ah: nominal capacity.

    Returns:
        The costs, by name.
    """
    minutes = (after.seconds - before.seconds) / 60
    # shaping by a potential credits saved time in the step that saves it
    reference = 60 * (after.soc - before.soc) / weights.reference_c_rate
    lost = (after.capacity_lost_mah - before.capacity_lost_mah) / (1000 * capacity_ah)
    beyond = {kind: max(0.0, -slack) for kind, slack in soft.compute_slacks(after).items()}
    return {
        "speed": weights.speed * (minutes - reference),
        "degradation": weights.degradation * lost / 1e-5,
        **{kind: getattr(weights, kind) * minutes * beyond[kind] for kind in KINDS},
    }
