"""The charger's circuit that lowers the current so that a voltage is not passed."""

import math
from dataclasses import dataclass

from batterymi.charging.outcome import ChargeError
from batterymi.charging.plant import ChargingSession

MOST_TRIES = 12
# the time to a state of charge divides by the C-rate, so it must stay above zero
LEAST_RATE = 0.02


@dataclass
class VoltageHold:
    """Finds the current that holds a voltage, over the steps of one charge.

    Attributes:
        tolerance_v: the voltage is met within this, from below.
        slope_v: volts per C-rate, as the last step in which the voltage was held left it.
    """

    tolerance_v: float = 2e-3
    slope_v: float | None = None

    def find_rate(self, session: ChargingSession, rate: float, seconds: float, ceiling_v: float) -> float:
        """Find the highest C-rate up to `rate` whose step stays below a voltage, by the secant method in a bracket.

        Args:
            session: where the step starts.
            rate: highest C-rate.
            seconds: length of the step.
            ceiling_v: voltage not to exceed.

        Returns:
            The C-rate; at least `LEAST_RATE`, even where every current exceeds the voltage.
        """
        low, high = 0.0, rate
        tried = min(rate, session.now.rate) if session.now.rate > 0 and self.slope_v else rate
        last: tuple[float, float] | None = None
        for _ in range(MOST_TRIES):
            gap = find_excess(session, tried, seconds, ceiling_v)
            if gap <= 0 and (gap >= -self.tolerance_v or tried >= rate):
                return tried
            low, high = (tried, high) if gap <= 0 else (low, tried)
            if high <= LEAST_RATE:
                break
            self.slope_v = _find_slope(last, (tried, gap)) or self.slope_v
            # a step that cannot be solved has an infinite gap, which gives no slope
            last = (tried, gap) if math.isfinite(gap) else last
            tried = self._choose_next(low, high, tried, gap)
        return max(low, LEAST_RATE)

    def _choose_next(self, low: float, high: float, tried: float, gap: float) -> float:
        """Return a current within the bracket: by the slope, aimed at the middle of the tolerance, or half way."""
        if self.slope_v is None or not math.isfinite(gap):
            return 0.5 * (low + high)
        wanted = tried - (gap + self.tolerance_v / 2) / self.slope_v
        return wanted if low < wanted < high else 0.5 * (low + high)


def find_excess(session: ChargingSession, rate: float, seconds: float, ceiling_v: float) -> float:
    """Return by how much a step passes a voltage; infinity where it cannot be solved."""
    try:
        return session.peek(rate, seconds).voltage_max_v - ceiling_v
    except ChargeError:
        return math.inf


def _find_slope(earlier: tuple[float, float] | None, latest: tuple[float, float]) -> float | None:
    """Return volts per C-rate from two tries, or None where they give no slope."""
    if earlier is None or earlier[0] == latest[0] or not math.isfinite(latest[1]):
        return None
    slope = (latest[1] - earlier[1]) / (latest[0] - earlier[0])
    return slope if slope > 0 else None
