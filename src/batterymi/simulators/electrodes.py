"""What the electrodes hold: stoichiometries between the voltage limits, fresh or with lithium lost to the SEI."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pybamm

FARADAY = 96485.33212


@dataclass(frozen=True)
class Window:
    """Stoichiometries of the empty and the full cell.

    Attributes:
        negative: of the negative electrode, empty and full.
        positive: of the positive electrode, empty and full.
        capacity_ah: charge between them.
    """

    negative: tuple[float, float]
    positive: tuple[float, float]
    capacity_ah: float

    def stoichiometries(self, soc: float) -> tuple[float, float]:
        """Of the negative and of the positive electrode at a state of charge."""
        (x_empty, x_full), (y_empty, y_full) = self.negative, self.positive
        return x_empty + soc * (x_full - x_empty), y_empty + soc * (y_full - y_empty)


class Electrodes:
    """Both electrodes of a cell, and the lithium between them.

    Lithium that goes into the SEI is missing from the particles, so that the electrodes slip against each other: the
    window is solved again with less lithium (PyBaMM's electrode state of health, after Mohtat et al. 2019,
    doi:10.1016/j.jpowsour.2019.03.104). The same lithium makes the film thicker.
    """

    def __init__(self, parameters: "pybamm.ParameterValues") -> None:
        """Read capacities and lithium of the fresh cell.

        Args:
            parameters: of the cell, with its voltage limits as cut-offs.
        """
        import pybamm

        symbols = pybamm.LithiumIonParameters()
        self._solver = pybamm.lithium_ion.ElectrodeSOHSolver(parameters)
        self._capacities: dict[str, Any] = {
            "Q_n": float(parameters.evaluate(symbols.n.Q_init)),
            "Q_p": float(parameters.evaluate(symbols.p.Q_init)),
        }
        self._lithium_ah = float(parameters.evaluate(symbols.Q_Li_particles_init))
        self.most_lithium = (
            float(parameters["Maximum concentration in negative electrode [mol.m-3]"]),
            float(parameters["Maximum concentration in positive electrode [mol.m-3]"]),
        )
        self._volume_m3 = float(parameters.evaluate(symbols.n.L * symbols.A_cc))
        self._lithium_per_sei = float(parameters["Ratio of lithium moles to SEI moles"])
        self.window = lru_cache(maxsize=1024)(self._window)

    def _window(self, lithium_lost: float) -> Window:
        """The window after a share of the fresh cell's lithium was lost.

        Args:
            lithium_lost: share of the fresh cell's capacity, which is its cyclable lithium.
        """
        lost_ah = lithium_lost * self.window(0.0).capacity_ah if lithium_lost else 0.0
        found = self._solver.solve({**self._capacities, "Q_Li": self._lithium_ah - lost_ah})
        negative = (float(found["x_0"]), float(found["x_100"]))
        positive = (float(found["y_0"]), float(found["y_100"]))
        return Window(negative, positive, self._capacities["Q_n"] * (negative[1] - negative[0]))

    def concentrations(self, soc: float, lithium_lost: float) -> tuple[float, float]:
        """Lithium in the negative and the positive particles, mol/m3."""
        x, y = self.window(lithium_lost).stoichiometries(soc)
        return x * self.most_lithium[0], y * self.most_lithium[1]

    def sei_grown(self, lithium_lost: float) -> float:
        """SEI that the lost lithium made, mol per m3 of negative electrode."""
        moles = lithium_lost * self.window(0.0).capacity_ah * 3600 / FARADAY
        return moles / self._lithium_per_sei / self._volume_m3
