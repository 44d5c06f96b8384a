"""Specific energy and energy density of a cell from the layers of its stack.

All masses and thicknesses are per cm² of one face of the positive electrode; foils are coated on both sides, so that
each face has half of them. Every layer is counted, then the share of the cell that is no stack, as in open calculators
(Wang et al., Back of the Battery, github.com/ndrewwang/BotB).
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from batterymi.errors import DesignError

Array = NDArray[np.float64]
Number = float | Array

Kind = Literal["insertion", "plated", "lithium_source"]
# of the fields of CellDesign, in the order in which tables list them
UNITS = {
    "areal_capacity_mah_cm2": "mAh/cm2",
    "voltage_v": "V",
    "positive_capacity_mah_g": "mAh/g",
    "positive_active_fraction": "1",
    "positive_active_density_g_cm3": "g/cm3",
    "positive_filler_density_g_cm3": "g/cm3",
    "positive_porosity": "1",
    "formation_loss": "1",
    "negative_capacity_mah_g": "mAh/g",
    "negative_active_fraction": "1",
    "negative_active_density_g_cm3": "g/cm3",
    "negative_filler_density_g_cm3": "g/cm3",
    "negative_porosity": "1",
    "n_p_ratio": "1",
    "positive_foil_um": "um",
    "positive_foil_density_g_cm3": "g/cm3",
    "negative_foil_um": "um",
    "negative_foil_density_g_cm3": "g/cm3",
    "separator_um": "um",
    "separator_density_g_cm3": "g/cm3",
    "separator_porosity": "1",
    "electrolyte_g_ah": "g/Ah",
    "electrolyte_ul_mg": "uL/mg",
    "electrolyte_density_g_cm3": "g/cm3",
    "packaging_mass_fraction": "1",
    "packaging_volume_fraction": "1",
}
SHARES = ("positive_active_fraction", "negative_active_fraction")  # above 0, at most 1
VOIDS = ("positive_porosity", "negative_porosity", "separator_porosity", "formation_loss")
PACKAGING = ("packaging_mass_fraction", "packaging_volume_fraction")  # at least 0, below 1
MAY_BE_ZERO = ("n_p_ratio", "negative_foil_um", "electrolyte_g_ah", "electrolyte_ul_mg", "separator_um")
CM_PER_UM = 1e-4


@dataclass(frozen=True)
class CellDesign:
    """What a cell is made of; each number may be an array, one entry per draw.

    Attributes:
        areal_capacity_mah_cm2: discharge capacity per cm² of one face.
        voltage_v: mean discharge voltage of the cell.
        positive_capacity_mah_g: discharge capacity of the positive active material, before `formation_loss`.
        positive_active_fraction: mass fraction of active material in the positive coating.
        positive_active_density_g_cm3: of the active material.
        positive_filler_density_g_cm3: of the rest of the coating: binder, carbon, solid electrolyte.
        positive_porosity: volume fraction of the coating that is open.
        formation_loss: share of that capacity which the negative electrode keeps for good in the first cycle.
        negative_capacity_mah_g: capacity of the negative active material.
        negative_active_fraction: mass fraction in the negative coating; 1 for a metal.
        negative_active_density_g_cm3: of the active material or metal.
        negative_filler_density_g_cm3: of the rest of the coating.
        negative_porosity: of the negative coating; 0 for a metal.
        n_p_ratio: capacity of the negative electrode as built over `areal_capacity_mah_cm2`.
        positive_foil_um: thickness of the foil with the positive coating on both sides.
        positive_foil_density_g_cm3: of its metal.
        negative_foil_um: the same for the negative electrode; 0 if there is none.
        negative_foil_density_g_cm3: of its metal.
        separator_um: thickness of the separator, or of the layer of solid electrolyte.
        separator_density_g_cm3: of its solid.
        separator_porosity: of the separator.
        electrolyte_g_ah: liquid electrolyte per capacity of the cell.
        electrolyte_ul_mg: liquid electrolyte per mass of positive active material (E/S in Li-S), instead.
        electrolyte_density_g_cm3: of the liquid.
        packaging_mass_fraction: share of the cell's mass that is no stack: case, tabs, edges.
        packaging_volume_fraction: the same of its volume.
        kind: whether ions enter the negative electrode ("insertion"), metal is plated from the positive electrode
            ("plated"), or the foil brings all of it ("lithium_source").
    """

    areal_capacity_mah_cm2: Number
    voltage_v: Number
    positive_capacity_mah_g: Number
    positive_active_fraction: Number
    positive_active_density_g_cm3: Number
    positive_filler_density_g_cm3: Number
    positive_porosity: Number
    negative_capacity_mah_g: Number
    negative_active_fraction: Number
    negative_active_density_g_cm3: Number
    negative_filler_density_g_cm3: Number
    negative_porosity: Number
    n_p_ratio: Number
    positive_foil_um: Number
    positive_foil_density_g_cm3: Number
    negative_foil_um: Number
    negative_foil_density_g_cm3: Number
    separator_um: Number
    separator_density_g_cm3: Number
    separator_porosity: Number
    packaging_mass_fraction: Number
    packaging_volume_fraction: Number
    electrolyte_density_g_cm3: Number
    formation_loss: Number = 0.0
    electrolyte_g_ah: Number = 0.0
    electrolyte_ul_mg: Number = 0.0
    kind: Kind = "insertion"

    def __post_init__(self) -> None:
        """Refuse numbers that no cell can have.

        Raises:
            DesignError: with every problem, each with the field, what was found and what would be right.
        """
        problems = [problem for name in UNITS if (problem := _find_problem(name, getattr(self, name)))]
        if np.any(np.asarray(self.electrolyte_g_ah) > 0) and np.any(np.asarray(self.electrolyte_ul_mg) > 0):
            problems.append("electrolyte_g_ah and electrolyte_ul_mg: give the liquid by one of them; the other is 0")
        least = {"insertion": 1.0, "plated": 0.0, "lithium_source": 1.0}[self.kind]
        if np.any(np.asarray(self.n_p_ratio) < least):
            lowest = np.min(self.n_p_ratio)
            problems.append(f"n_p_ratio: {lowest:g} is too little for '{self.kind}'; it must be at least {least:g}")
        if problems:
            raise DesignError("\n".join(problems))


@dataclass(frozen=True)
class Stack:
    """A cell stack per cm² of one face.

    Attributes:
        masses_mg_cm2: mass of each part, in mg/cm².
        thickness_um: of all layers of one face, charged.
        cell_mass_mg_cm2: with packaging.
        energy_mwh_cm2: capacity times mean voltage.
        specific_energy_wh_kg: of the cell.
        energy_density_wh_l: of the cell, charged.
        electrolyte_to_pores: volume of the liquid over that of all pores; below 1 some pores are dry. NaN without pores
            or without liquid.
    """

    masses_mg_cm2: dict[str, Number]
    thickness_um: Number
    cell_mass_mg_cm2: Number
    energy_mwh_cm2: Number
    specific_energy_wh_kg: Number
    energy_density_wh_l: Number
    electrolyte_to_pores: Number


def compute_stack(design: CellDesign) -> Stack:
    """Compute masses, thicknesses and energies of a cell.

    Args:
        design: numbers, or arrays of one shape.

    Returns:
        Numbers or arrays alike. Liquid beyond the pores takes room of its own, so that the volume is not too small.
    """
    capacity = design.areal_capacity_mah_cm2
    active = 1000 * capacity / (design.positive_capacity_mah_g * (1 - design.formation_loss))  # mg/cm²
    positive = active / design.positive_active_fraction
    negative = 1000 * capacity * design.n_p_ratio / design.negative_capacity_mah_g / design.negative_active_fraction
    liquid = design.electrolyte_g_ah * capacity + design.electrolyte_ul_mg * active * design.electrolyte_density_g_cm3
    separator = design.separator_um * CM_PER_UM * (1 - design.separator_porosity) * design.separator_density_g_cm3
    foils = [
        1000 * thickness / 2 * CM_PER_UM * density
        for thickness, density in (
            (design.positive_foil_um, design.positive_foil_density_g_cm3),
            (design.negative_foil_um, design.negative_foil_density_g_cm3),
        )
    ]
    masses = {
        "positive_active": active,
        "positive_filler": positive - active,
        "negative_active": negative * design.negative_active_fraction,
        "negative_filler": negative * (1 - design.negative_active_fraction),
        "positive_foil": foils[0],
        "negative_foil": foils[1],
        "separator": 1000 * separator,
        "electrolyte": liquid,
    }
    mass = sum(masses.values()) / (1 - design.packaging_mass_fraction)
    masses["packaging"] = mass * design.packaging_mass_fraction
    solid, pores = _compute_volumes(design, positive, negative)
    liquid_volume = liquid / design.electrolyte_density_g_cm3 / 1000  # cm³/cm²
    volume = solid + np.maximum(pores, liquid_volume)
    energy = capacity * design.voltage_v
    with np.errstate(divide="ignore", invalid="ignore"):
        filling = np.where((pores > 0) & (liquid_volume > 0), np.divide(liquid_volume, pores), np.nan)
    return Stack(
        masses_mg_cm2=masses,
        thickness_um=volume / CM_PER_UM,
        cell_mass_mg_cm2=mass,
        energy_mwh_cm2=energy,
        specific_energy_wh_kg=1000 * energy / mass,
        energy_density_wh_l=energy / (volume / (1 - design.packaging_volume_fraction)),
        electrolyte_to_pores=filling,
    )


def _compute_volumes(design: CellDesign, positive: Number, negative: Number) -> tuple[Number, Number]:
    """Compute the volumes of solids and of pores in cm³ per cm², charged.

    Args:
        design: the cell.
        positive: mass of the positive coating in mg/cm².
        negative: mass of the negative coating, or of the metal as built.
    """
    coats = (
        (positive, "positive", design.positive_porosity),
        (negative, "negative", design.negative_porosity),
    )
    solid: Number = (design.positive_foil_um + design.negative_foil_um) / 2 * CM_PER_UM
    separator = design.separator_um * CM_PER_UM
    solid = solid + separator * (1 - design.separator_porosity)
    pores = separator * design.separator_porosity
    for mass, side, porosity in coats:
        fraction = getattr(design, f"{side}_active_fraction")
        inverse_density = fraction / getattr(design, f"{side}_active_density_g_cm3") + (1 - fraction) / getattr(
            design, f"{side}_filler_density_g_cm3"
        )
        volume = mass / 1000 * inverse_density
        solid = solid + volume
        pores = pores + volume * porosity / (1 - porosity)
    if design.kind == "plated":  # the metal that charging brings lies on top of what was there
        plated = design.areal_capacity_mah_cm2 / design.negative_capacity_mah_g
        solid = solid + plated / design.negative_active_density_g_cm3
    return solid, pores


def _find_problem(name: str, value: Number) -> str | None:
    """Return what is wrong with a field, or None."""
    numbers = np.asarray(value, dtype=float)
    if not np.isfinite(numbers).all():
        return f"{name}: {value} is not finite"
    low, high = float(numbers.min()), float(numbers.max())
    if name in SHARES:
        return None if low > 0 and high <= 1 else f"{name}: {low:g} to {high:g} is no fraction above 0 and up to 1"
    if name in (*VOIDS, *PACKAGING):
        return None if low >= 0 and high < 1 else f"{name}: {low:g} to {high:g} is no fraction from 0 to below 1"
    if name in MAY_BE_ZERO:
        return None if low >= 0 else f"{name}: {low:g} is negative"
    return None if low > 0 else f"{name}: {low:g} is not above 0"


FIELDS = tuple(field.name for field in fields(CellDesign) if field.name != "kind")
