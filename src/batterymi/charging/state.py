"""The state that a charge starts from, and the readings during it."""

from dataclasses import dataclass

# the end of life up to which lives are simulated
MOST_LITHIUM_LOST = 0.2


@dataclass(frozen=True)
class Start:
    """The state in which a cell is put on charge.

    Attributes:
        soc: state of charge: 0 at the lower voltage limit, 1 with the nominal capacity in a fresh cell. What an aged
            cell holds between the limits, and so what counts as 1, is less in proportion.
        ambient_c: ambient temperature, °C.
        initial_c: the cell's own temperature, °C; None for the ambient one. A preheated cell is warmer.
        lithium_lost: share of the cyclable lithium that went into the SEI, 0 for a fresh cell. The film that it built
            adds its resistance.
    """

    soc: float = 0.1
    ambient_c: float = 25.0
    initial_c: float | None = None
    lithium_lost: float = 0.0

    def __post_init__(self) -> None:
        """Check that a cell can be in this state."""
        if not 0 <= self.soc < 1:
            raise ValueError(f"soc must be at least 0 and below 1, found {self.soc}")
        if not 0 <= self.lithium_lost <= MOST_LITHIUM_LOST:
            raise ValueError(f"lithium_lost must be 0 to {MOST_LITHIUM_LOST}, found {self.lithium_lost}")
        for name, value in (("ambient_c", self.ambient_c), ("initial_c", self.temperature_c)):
            # `not <=` rather than `>`, so that NaN is refused too
            if not -20 <= value <= 80:
                raise ValueError(f"{name} must be -20 to 80 °C, found {value}")

    @property
    def temperature_c(self) -> float:
        """Return the cell's own temperature, °C."""
        return self.ambient_c if self.initial_c is None else self.initial_c


@dataclass(frozen=True)
class Reading:
    """A cell at the end of a step, and the extremes within the step.

    Attributes:
        seconds: since the charge began.
        soc: state of charge, 0 to 1.
        rate: C-rate of the step.
        voltage_v: terminal voltage at the end.
        voltage_max_v: highest within the step.
        temperature_c: at the end.
        temperature_max_c: highest within the step.
        resistance_mohm: terminal voltage less open-circuit voltage, per current; before the first step that of a pulse
            of 1C for 10 s, and over a rest that of before.
        plating_margin_mv: smallest anode potential against lithium within the step, over the anode; not measurable.
        capacity_lost_mah: to SEI growth and dead lithium, since the charge began.
        plated_mah: lithium that is plated and can still be stripped, at the end.
        sei_mah: the part of the loss that went into the SEI.
        dead_mah: the part of the loss that is dead lithium.
        heat_j: heat that it made since the charge began.
    """

    seconds: float
    soc: float
    rate: float
    voltage_v: float
    voltage_max_v: float
    temperature_c: float
    temperature_max_c: float
    resistance_mohm: float
    plating_margin_mv: float
    capacity_lost_mah: float
    plated_mah: float
    sei_mah: float = 0.0
    dead_mah: float = 0.0
    heat_j: float = 0.0
