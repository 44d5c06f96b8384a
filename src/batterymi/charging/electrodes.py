"""What the electrodes hold: stoichiometries between the voltage limits, fresh or with lithium lost to the SEI."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pybamm

FARADAY = 96485.33212
# keeps the root search off a stoichiometry of zero, where potentials are singular
EMPTY = 1e-6


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

    def compute_stoichiometries(self, soc: float) -> tuple[float, float]:
        """Return the stoichiometries of the negative and positive electrode at a state of charge."""
        (x_empty, x_full), (y_empty, y_full) = self.negative, self.positive
        return x_empty + soc * (x_full - x_empty), y_empty + soc * (y_full - y_empty)


class Electrodes:
    """Both electrodes of a cell, and the lithium between them.

    Lithium that goes into the SEI is missing from the particles, so that the electrodes slip against each other: the
    window is solved again with less lithium (the electrode state of health of Mohtat et al. 2019,
    doi:10.1016/j.jpowsour.2019.03.104). The same lithium makes the film thicker.
    """

    def __init__(self, parameters: "pybamm.ParameterValues") -> None:
        """Read the capacities and the lithium of the fresh cell.

        Args:
            parameters: of the cell, with its voltage limits as cut-offs.
        """
        import pybamm

        symbols = pybamm.LithiumIonParameters()
        self.capacities_ah = tuple(float(parameters.evaluate(side.Q_init)) for side in (symbols.n, symbols.p))
        self.most_lithium = tuple(
            float(parameters[f"Maximum concentration in {side} electrode [mol.m-3]"])
            for side in ("negative", "positive")
        )
        self.volume_m3 = float(parameters.evaluate(symbols.n.L * symbols.A_cc))
        self.lithium_per_sei = float(parameters["Ratio of lithium moles to SEI moles"])
        self._lithium_ah = float(parameters.evaluate(symbols.Q_Li_particles_init))
        place, celsius_25 = pybamm.InputParameter("place"), symbols.T_ref
        self._potentials = tuple(
            parameters.process_symbol(electrode.prim.U(place, celsius_25)) for electrode in (symbols.n, symbols.p)
        )
        x_empty, x_full, y_full, y_empty = pybamm.lithium_ion.ElectrodeSOHSolver(
            parameters
        ).get_min_max_stoichiometries()
        self.fresh = self._make_window((float(x_empty), float(x_full)), (float(y_empty), float(y_full)))
        # cached per cell, since many charges start with the same loss of lithium
        self.window = lru_cache(maxsize=1024)(self._solve_window)

    def _make_window(self, negative: tuple[float, float], positive: tuple[float, float]) -> Window:
        """Make the window between stoichiometries of the empty and the full cell."""
        return Window(negative, positive, self.capacities_ah[0] * (negative[1] - negative[0]))

    def _solve_window(self, lithium_lost: float) -> Window:
        """Solve the window after a share of the fresh cell's lithium was lost.

        Args:
            lithium_lost: share of the fresh cell's capacity, which is its cyclable lithium.
        """
        # the fresh window exactly, without the rounding of a root search
        if lithium_lost == 0:
            return self.fresh
        lithium_ah = self._lithium_ah - lithium_lost * self.fresh.capacity_ah
        (x_empty, y_empty), (x_full, y_full) = (self._solve_slippage(end, lithium_ah) for end in (0, 1))
        return self._make_window((x_empty, x_full), (y_empty, y_full))

    def _solve_slippage(self, end: int, lithium_ah: float) -> tuple[float, float]:
        """Solve the stoichiometries at a voltage limit with less lithium than the fresh cell has.

        Both electrodes hold less there than in the fresh cell, which brackets the root: with the positive one as
        full as before the voltage is too low, with the negative one as full as before too high.

        Args:
            end: 0 for the empty cell, 1 for the full one.
            lithium_ah: in both electrodes together.
        """
        from scipy.optimize import brentq

        n_ah, p_ah = self.capacities_ah
        x_fresh, y_fresh = self.fresh.negative[end], self.fresh.positive[end]

        def positive(x: float) -> float:
            return (lithium_ah - x * n_ah) / p_ah

        # the fresh cell's own voltage at that end, so that no loss gives the fresh window
        limit_v = self.voltage(x_fresh, y_fresh)
        least = max((lithium_ah - y_fresh * p_ah) / n_ah, EMPTY)
        x = float(brentq(lambda x: self.voltage(x, positive(x)) - limit_v, least, x_fresh, xtol=1e-13))
        return x, positive(x)

    def voltage(self, x: float, y: float) -> float:
        """Return the open-circuit voltage at stoichiometries of the negative and the positive electrode."""
        negative, positive = (
            np.asarray(potential.evaluate(inputs={"place": place})).item()
            for potential, place in zip(self._potentials, (x, y), strict=True)
        )
        return float(positive - negative)

    def compute_concentrations(self, soc: float, lithium_lost: float) -> tuple[float, float]:
        """Return the lithium concentrations in the negative and the positive particles, mol/m3."""
        x, y = self.window(lithium_lost).compute_stoichiometries(soc)
        return x * self.most_lithium[0], y * self.most_lithium[1]

    def compute_sei_growth(self, lithium_lost: float) -> float:
        """Return the SEI that the lost lithium formed, mol per m3 of negative electrode."""
        moles = lithium_lost * self.fresh.capacity_ah * 3600 / FARADAY
        return moles / self.lithium_per_sei / self.volume_m3
