"""Declared cells: which published parameters they use, what was changed, and what was never fitted."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batterymi.spelling import did_you_mean

if TYPE_CHECKING:
    import pybamm


PLATING = (
    "Lithium metal partial molar volume [m3.mol-1]",
    "Lithium plating kinetic rate constant [m.s-1]",
    "Exchange-current density for plating [A.m-2]",
    "Exchange-current density for stripping [A.m-2]",
    "Initial plated lithium concentration [mol.m-3]",
    "Typical plated lithium concentration [mol.m-3]",
    "Lithium plating transfer coefficient",
    "Dead lithium decay constant [s-1]",
    "Dead lithium decay rate [s-1]",
)
# the only set used here that ships with lithium plating
LENDER = "OKane2022"


@dataclass(frozen=True)
class Cell:
    """A cell for the charging simulator.

    Attributes:
        name: its name in the settings.
        parameter_set: PyBaMM's name of the published set.
        borrows: parameters that the set lacks, taken from O'Kane et al. 2022.
        factors: parameters to multiply.
        values: parameters to set.
        voltage_limits_v: voltages of the empty cell, from which the state of charge is counted, and of the full one.
        provenance: where the numbers come from, and which were not fitted to this cell.
    """

    name: str
    parameter_set: str
    voltage_limits_v: tuple[float, float]
    provenance: str
    borrows: tuple[str, ...] = ()
    factors: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def make_parameters(self, soc: float | None = None, ambient_c: float = 25.0) -> "pybamm.ParameterValues":
        """Return PyBaMM's parameters, with the voltage limits as cut-offs and the current as an input.

        Args:
            soc: initial state of charge, 0 to 1 between the voltage limits; None leaves the set's own lithium.
            ambient_c: ambient and initial temperature, °C.
        """
        import pybamm

        values = pybamm.ParameterValues(self.parameter_set)
        lender = pybamm.ParameterValues(LENDER)
        # PyBaMM otherwise refuses names that a set does not have
        values.update({name: lender[name] for name in self.borrows}, check_already_exists=False)
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
                # as an input, so that another current needs no new model
                "Current function [A]": "[input]",
            }
        )
        if soc is not None:
            values.set_initial_state(soc, inplace=True)
        return values


NOT_FITTED = "Thermal and degradation parameters are from the literature and not fitted to this cell"
COMPARES = "losses of a charge alone neither rank protocols nor predict life."
BORROWS = (
    "The set has no lithium plating: its kinetics are those of O'Kane et al. 2022 (doi:10.1039/D2CP00417H) for another "
    "graphite. SEI parameters are the set's examples for growth models. "
)

POWER_CELL = Cell(
    name="power_cell",
    parameter_set="OKane2022",
    voltage_limits_v=(2.5, 4.2),
    factors={
        # thinner electrodes and smaller particles make a power cell of the energy cell
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
        "Its electrodes hold 2 % more than the nominal 2.5 Ah between the limits. "
        f"{NOT_FITTED} or to any cell of this design; {COMPARES}"
    ),
)
MARQUIS2019 = Cell(
    name="Marquis2019",
    parameter_set="Marquis2019",
    voltage_limits_v=(3.105, 4.1),
    borrows=PLATING,
    provenance=(
        "Kokam SLPB78205130H pouch cell (graphite / LCO) as shipped with PyBaMM, after Marquis et al. 2019 "
        "(doi:10.1149/2.0341915jes), with properties from Dualfoil; thin electrodes, cooled over the whole face. "
        "Its electrodes hold 0.873 Ah between the limits, well above the nominal 0.681 Ah, so that 80 % are 62 % "
        f"of what they hold. {BORROWS}{NOT_FITTED}; {COMPARES}"
    ),
)
CHEN2020 = Cell(
    name="Chen2020",
    parameter_set="Chen2020",
    voltage_limits_v=(2.5, 4.2),
    borrows=PLATING,
    provenance=(
        "LG M50 (graphite-SiOx / NMC 811, 5 Ah) as shipped with PyBaMM, after Chen et al. 2020 "
        "(doi:10.1149/1945-7111/ab9050); an energy cell with thick electrodes, measured at 25 °C, and most of its "
        f"properties do not depend on temperature. {BORROWS}{NOT_FITTED}; {COMPARES}"
    ),
)
AI2020 = Cell(
    name="Ai2020",
    parameter_set="Ai2020",
    voltage_limits_v=(3.0, 4.2),
    borrows=PLATING,
    provenance=(
        "Enertech pouch cell (graphite / LCO, 2.28 Ah, 34 electrode pairs) as shipped with PyBaMM, after Ai et al. "
        "2020 (doi:10.1149/2.0122001JES) and Rieger et al. 2016 (doi:10.1016/j.est.2016.11.001). "
        f"{BORROWS}{NOT_FITTED}; {COMPARES}"
    ),
)
OKANE2022 = Cell(
    name="OKane2022",
    parameter_set="OKane2022",
    voltage_limits_v=(2.5, 4.2),
    provenance=(
        "LG M50 (graphite-SiOx / NMC 811, 5 Ah) as shipped with PyBaMM, after O'Kane et al. 2022 "
        "(doi:10.1039/D2CP00417H), electrochemistry after Chen et al. 2020 (doi:10.1149/1945-7111/ab9050) with "
        f"properties that depend on temperature. {NOT_FITTED}; {COMPARES}"
    ),
)
CELLS = {cell.name: cell for cell in (POWER_CELL, MARQUIS2019, CHEN2020, AI2020, OKANE2022)}


def find_cell(name: str) -> Cell:
    """Return the declared cell with a name.

    Raises:
        ValueError: if there is none; the message suggests one.
    """
    if name not in CELLS:
        raise ValueError(f"'{name}' is not a declared cell; {did_you_mean(name, CELLS)}")
    return CELLS[name]
