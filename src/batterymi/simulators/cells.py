"""Declared cells: which published parameters they use, what was changed, and what was never fitted."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batterymi.suggest import did_you_mean

if TYPE_CHECKING:
    import pybamm


@dataclass(frozen=True)
class Cell:
    """A cell for the charging simulator.

    Attributes:
        name: what settings call it.
        parameter_set: PyBaMM's name of the published set.
        soc_capacity_ah: charge of the fresh cell by which its state of charge is counted; None for what its electrodes
            hold between the voltage limits.
        factors: parameters to multiply.
        values: parameters to set.
        voltage_limits_v: voltages of the empty and the full cell, between which the state of charge is defined.
        provenance: where the numbers come from, and which were not fitted to this cell.
    """

    name: str
    parameter_set: str
    voltage_limits_v: tuple[float, float]
    provenance: str
    soc_capacity_ah: float | None = None
    factors: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def parameters(self, soc: float | None = None, ambient_c: float = 25.0) -> "pybamm.ParameterValues":
        """PyBaMM's parameters of the cell, with its voltage limits as cut-offs and the current as an input.

        Args:
            soc: initial state of charge, 0 to 1 between the voltage limits; None leaves the set's own lithium.
            ambient_c: ambient and initial temperature, °C.
        """
        import pybamm

        values = pybamm.ParameterValues(self.parameter_set)
        values.update({name: values[name] * factor for name, factor in self.factors.items()})
        kelvin = ambient_c + 273.15
        low, high = self.voltage_limits_v
        values.update(
            {
                **self.values,
                "Ambient temperature [K]": kelvin,
                "Initial temperature [K]": kelvin,
                "Lower voltage cut-off [V]": low,
                "Upper voltage cut-off [V]": high,
                "Current function [A]": "[input]",
            }
        )
        if soc is not None:
            values.set_initial_state(soc, inplace=True)
        return values

    def soc_scale(self, capacity_ah: float) -> float:
        """What the charge that counts as the whole cell is of the charge between the voltage limits.

        Args:
            capacity_ah: charge between the voltage limits of the fresh cell.
        """
        return 1.0 if self.soc_capacity_ah is None else self.soc_capacity_ah / capacity_ah


CELLS = {
    "power_cell": Cell(
        name="power_cell",
        parameter_set="OKane2022",
        voltage_limits_v=(2.5, 4.2),
        soc_capacity_ah=2.5,
        factors={
            "Negative electrode thickness [m]": 0.5,
            "Positive electrode thickness [m]": 0.5,
            "Nominal cell capacity [A.h]": 0.5,
            "Negative particle radius [m]": 0.6,
            "Positive particle radius [m]": 0.6,
        },
        values={"Total heat transfer coefficient [W.m-2.K-1]": 30.0},
        provenance=(
            "LG M50 (graphite-SiOx / NMC 811) of O'Kane et al. 2022 (doi:10.1039/D2CP00417H), electrochemistry "
            "after Chen et al. 2020 (doi:10.1149/1945-7111/ab9050), made into a power cell: half as thick "
            "electrodes with half the capacity, particles of 0.6 times the radius, heat transfer 30 W/m2K. "
            "Thermal and degradation parameters are from the literature and not fitted to this cell or to any "
            "cell of this design; losses are for comparing protocols, not for predicting life."
        ),
    ),
}


def find_cell(name: str) -> Cell:
    """The declared cell of a name.

    Raises:
        ValueError: if there is none; the message suggests one.
    """
    if name not in CELLS:
        raise ValueError(f"'{name}' is not a declared cell; {did_you_mean(name, CELLS)}")
    return CELLS[name]
