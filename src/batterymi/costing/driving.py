"""Range gained at a charger, and the pack that a range requires."""

from dataclasses import dataclass

import numpy as np

from batterymi.costing.stack import Number
from batterymi.errors import DesignError


@dataclass(frozen=True)
class Pack:
    """A pack for a range.

    Attributes:
        energy_kwh: usable energy.
        cells_kg: mass of its cells.
        pack_kg: with everything else of the pack.
    """

    energy_kwh: Number
    cells_kg: Number
    pack_kg: Number


def compute_charged_range(power_kw: Number, minutes: Number, efficiency: Number, consumption_kwh_km: Number) -> Number:
    """Compute the range that a charge at constant power brings: power times time times efficiency over consumption.

    400 kW for 10 min at 92 % and 0.2 kWh/km: 66.7 kWh x 0.92 / 0.2 = 307 km. It is an upper bound, since no car takes
    its highest power for so long.

    Args:
        power_kw: of the charger, constant.
        minutes: of charging.
        efficiency: energy that can be used over energy delivered.
        consumption_kwh_km: of the car.

    Returns:
        km.

    Raises:
        DesignError: if a number is not above 0, or the efficiency is above 1.
    """
    _check_positive(power_kw=power_kw, minutes=minutes, efficiency=efficiency, consumption_kwh_km=consumption_kwh_km)
    if np.max(efficiency) > 1:
        raise DesignError(f"efficiency: {np.max(efficiency):g} is more than 1; give a fraction, as 0.92")
    return power_kw * minutes / 60 * efficiency / consumption_kwh_km


def compute_pack(range_km: Number, consumption_kwh_km: Number, cell_wh_kg: Number, mass_ratio: Number) -> Pack:
    """Compute the energy and mass of a pack for a range.

    1,200 km at 0.17 kWh/km: 204 kWh; with cells of 285 Wh/kg 716 kg, of a pack of 1,101 kg at a ratio of 0.65.

    Args:
        range_km: on one charge, all of the pack's energy.
        consumption_kwh_km: of the car.
        cell_wh_kg: specific energy of the cells.
        mass_ratio: mass of the cells over that of the pack.

    Raises:
        DesignError: if a number is not above 0, or the ratio is above 1.
    """
    _check_positive(
        range_km=range_km, consumption_kwh_km=consumption_kwh_km, cell_wh_kg=cell_wh_kg, mass_ratio=mass_ratio
    )
    if np.max(mass_ratio) > 1:
        raise DesignError(f"mass_ratio: {np.max(mass_ratio):g} is more than 1; cells are a part of the pack")
    energy = range_km * consumption_kwh_km
    cells = 1000 * energy / cell_wh_kg
    return Pack(energy, cells, cells / mass_ratio)


def _check_positive(**numbers: Number) -> None:
    """Raise for numbers that are not above 0."""
    for name, number in numbers.items():
        if not np.min(number) > 0:
            raise DesignError(f"{name}: {np.min(number):g} is not above 0")
