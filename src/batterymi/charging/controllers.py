"""Controllers with a fixed rule: CC-CV, currents by time, currents by state of charge."""

from collections.abc import Sequence
from dataclasses import dataclass

from batterymi.charging.controller import Decision, Observation
from batterymi.charging.plant import Plant

SMALL = 1e-9
HOLD_STEP_S = 10.0

CHAPTER_PROFILES: dict[str, tuple[tuple[float, float], ...]] = {
    "chapter_standard": ((1.0, 60.0),),
    "chapter_fast": ((3.0, 20.0),),
    "chapter_optimized": ((5.0, 5.0), (3.0, 10.0), (1.5, 10.0), (0.5, 15.0)),
}
# section 4.3.4: 5C to 20 %, 3C to 50 %, 1.5C to 70 %, 0.5C to 80 %
CHAPTER_PHASES = ((0.2, 5.0), (0.5, 3.0), (0.7, 1.5), (0.8, 0.5))


@dataclass
class ConstantRate:
    """Constant current to a voltage, which is then held.

    With the cell's full voltage it is CC-CV; with a lower voltage, tuned so that the anode stays above lithium, it is
    the textbook's plating-limited charge, which uses the terminal voltage for the margin that it cannot measure.

    Attributes:
        name: what tables call it.
        c_rate: of the first phase.
        ceiling_v: voltage to hold.
    """

    name: str
    c_rate: float
    ceiling_v: float

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Do nothing, as there is no state to keep."""

    def decide(self, observation: Observation) -> Decision:
        """Return the same decision at every step; the charger's circuit holds the voltage."""
        return Decision(self.c_rate, ceiling_v=self.ceiling_v)


@dataclass
class CcCv:
    """Constant current up to a voltage, which is then held to the end, as a charger does it.

    The voltage phase begins where the voltage is reached, and its steps are shorter than a controller's.

    Attributes:
        name: what tables call it.
        c_rate: of the first phase.
        voltage_v: voltage to hold.
        cutoff_rate: C-rate at which the charge is given up.
    """

    name: str
    c_rate: float
    voltage_v: float
    cutoff_rate: float

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Start with the constant current."""
        self._is_holding = False

    def decide(self, observation: Observation) -> Decision:
        """Return the constant current up to the voltage, then a current that holds it, which only falls."""
        if not self._is_holding:
            self._is_holding = True
            return Decision(self.c_rate, until_soc=1.0, until_v=self.voltage_v)
        last = observation.rate or self.c_rate
        return Decision(last, HOLD_STEP_S, ceiling_v=self.voltage_v, cutoff_rate=self.cutoff_rate)


@dataclass
class ByTime:
    """Constant currents for given times, whatever the cell does.

    Attributes:
        name: what tables call it.
        segments: pairs of C-rate and minutes.
    """

    name: str
    segments: Sequence[tuple[float, float]]

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Do nothing, as the time is part of every observation."""

    def decide(self, observation: Observation) -> Decision | None:
        """Return the current of the present segment, up to its end; None after the last."""
        end_s = 0.0
        for rate, minutes in self.segments:
            end_s += 60 * minutes
            # rounding of the clock must not add a step of almost no duration
            if observation.seconds < end_s - SMALL:
                return Decision(rate, end_s - observation.seconds)
        return None


@dataclass
class BySoc:
    """Constant currents over windows of state of charge, as a charger that counts charge can keep them.

    Attributes:
        name: what tables call it.
        windows: pairs of the state of charge where a window ends and its C-rate, rising; the last C-rate also holds
            beyond.
    """

    name: str
    windows: Sequence[tuple[float, float]]

    def begin(self, observation: Observation, plant: Plant) -> None:
        """Do nothing, as the state of charge is part of every observation."""

    def decide(self, observation: Observation) -> Decision:
        """Return the current of the present window, up to its end."""
        for end, rate in self.windows:
            if observation.soc < end - SMALL:
                return Decision(rate, until_soc=end)
        # the arena cuts the step at its own target, so the last current may hold to a full cell
        return Decision(self.windows[-1][1], until_soc=1.0)


def make_equal_windows(c_rates: Sequence[float], soc_start: float, soc_end: float) -> list[tuple[float, float]]:
    """Make windows of equal width over a range of state of charge.

    Args:
        c_rates: one for each window.
        soc_start: where the first begins; a charge that starts lower begins with its current.
        soc_end: where the last ends.
    """
    width = (soc_end - soc_start) / len(c_rates)
    return [(soc_start + width * number, float(rate)) for number, rate in enumerate(c_rates, start=1)]
