"""Ways to charge a cell."""

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class FourStep:
    """Constant currents over equal steps of state of charge; four steps in the studies, any number here.

    Attributes:
        c_rates: C-rate of each step, all > 0.
    """

    c_rates: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that the protocol ends."""
        # a step without current never reaches its end; the comparison refuses NaN too
        if not self.c_rates or not all(0 < rate < math.inf for rate in self.c_rates):
            raise ValueError(f"C-rates must be positive, found {self.c_rates}")

    @property
    def label(self) -> str:
        """Return the label for tables."""
        return "-".join(f"{rate:.3g}C" for rate in self.c_rates)


@dataclass(frozen=True)
class CCCV:
    """Constant current up to a voltage, which is then held.

    Attributes:
        c_rate: C-rate of the first phase, > 0.
        voltage_limit_v: voltage to hold.
        cutoff_c_rate: C-rate at which the charge ends.
    """

    c_rate: float
    voltage_limit_v: float = 4.2
    cutoff_c_rate: float = 0.05

    def __post_init__(self) -> None:
        """Check that the charge can start."""
        if not 0 < self.voltage_limit_v < math.inf:
            raise ValueError(f"voltage_limit_v must be above 0, found {self.voltage_limit_v}")
        # one chained comparison under `not`, so that NaN is refused as well
        if not math.inf > self.c_rate > self.cutoff_c_rate > 0:
            raise ValueError(f"c_rate {self.c_rate} must be above the cut-off {self.cutoff_c_rate}, which is above 0")

    @property
    def label(self) -> str:
        """Return the label for tables."""
        return f"CC-CV {self.c_rate:.3g}C"


@dataclass(frozen=True)
class Timed:
    """Constant currents for given times.

    Attributes:
        segments: pairs of C-rate (> 0) and minutes (> 0).
    """

    segments: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Check that every step has a current and a duration."""
        if not self.segments or not all(0 < number < math.inf for segment in self.segments for number in segment):
            raise ValueError(f"C-rates and minutes must be positive, found {self.segments}")

    @property
    def label(self) -> str:
        """Return the label for tables."""
        return " + ".join(f"{rate:.3g}C x {minutes:.3g} min" for rate, minutes in self.segments)


@dataclass(frozen=True)
class Phases:
    """Constant currents up to given states of charge.

    Attributes:
        windows: pairs of the state of charge where a phase ends, which rises from above 0 to at most 1, and its C-rate
            (> 0).
    """

    windows: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Check that the phases follow each other and end."""
        ends = [end for end, _ in self.windows]
        is_rising = all(first < second for first, second in pairwise([0.0, *ends]))
        if not ends or not is_rising or not ends[-1] <= 1:
            raise ValueError(f"states of charge must rise from above 0 to at most 1, found {ends}")
        if not all(0 < rate < math.inf for _, rate in self.windows):
            raise ValueError(f"C-rates must be positive, found {[rate for _, rate in self.windows]}")

    @property
    def label(self) -> str:
        """Return the label for tables."""
        return " + ".join(f"{rate:.3g}C to {100 * end:.3g} %" for end, rate in self.windows)


Protocol = FourStep | CCCV | Timed | Phases
