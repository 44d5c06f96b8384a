"""The cells that the calculators know, built from a table of inputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from batterymi.costing.inputs import Inputs, Quantity, convert_quantity
from batterymi.costing.sampling import (
    DRAWS,
    Spread,
    Swing,
    Values,
    compute_swings,
    draw_quantities,
    find_corner,
    summarise_draws,
)
from batterymi.costing.stack import FIELDS, UNITS, CellDesign, Kind, Number, Stack, compute_stack
from batterymi.errors import DesignError, TableError
from batterymi.spelling import did_you_mean


@dataclass(frozen=True)
class Chemistry:
    """A chemistry of cells.

    Attributes:
        title: in words.
        kind: how the negative electrode works, see `CellDesign`.
        positive: formula of the positive active material as built; its elements are priced.
        negative: item of the price table for the negative active material.
        filler: item for the rest of the positive coating.
        negative_foil: item for the foil of the negative electrode.
        separator: item for the separator or the layer of solid electrolyte.
        electrolyte: item for the liquid.
    """

    title: str
    kind: Kind
    positive: str
    negative: str
    filler: str = "carbon_and_binder"
    negative_foil: str = "copper_foil"
    separator: str = "separator"
    electrolyte: str = "lithium_electrolyte"


SOLID = "sulfide_electrolyte"
CHEMISTRIES: Mapping[str, Chemistry] = {
    "nmc_graphite": Chemistry("NMC811 / graphite", "insertion", "LiNi0.8Co0.1Mn0.1O2", "graphite"),
    "lfp_graphite": Chemistry("LFP / graphite", "insertion", "LiFePO4", "graphite"),
    "nmc_lithium_solid": Chemistry(
        "NMC811 / Li, sulfide electrolyte", "plated", "LiNi0.8Co0.1Mn0.1O2", "lithium_metal", SOLID, separator=SOLID
    ),
    "lithium_sulfur": Chemistry(
        "Li-S", "lithium_source", "S", "lithium_metal", electrolyte="lithium_sulfur_electrolyte"
    ),
    "sodium_layered": Chemistry(
        "Na layered oxide / hard carbon", "insertion", "Na0.833Ni0.317Mn0.467Mg0.1Ti0.117O2", "hard_carbon",
        negative_foil="aluminium_foil", electrolyte="sodium_electrolyte",
    ),
    "sodium_nvpf": Chemistry(
        "Na3V2(PO4)2F3 / hard carbon", "insertion", "Na3V2(PO4)2F3", "hard_carbon",
        negative_foil="aluminium_foil", electrolyte="sodium_electrolyte",
    ),
}  # fmt: skip
CATHODES = ("ncm622", "ncm850807")  # groups of materials without a cell of their own
POTENTIALS = ("mean_potential_v",)  # of the group `hard_carbon`: of a negative electrode against its metal
CAR = ("consumption_kwh_km", "charging_efficiency", "cell_to_pack_mass_ratio")  # of the group `car`
OPTIONAL = ("formation_loss", "electrolyte_g_ah", "electrolyte_ul_mg")  # 0 where a table has no row


def get_chemistry(cell: str) -> Chemistry:
    """Return a chemistry.

    Raises:
        DesignError: if there is none of this name; the message suggests one.
    """
    if cell not in CHEMISTRIES:
        raise DesignError(f"there is no cell '{cell}'; {did_you_mean(cell, CHEMISTRIES)}")
    return CHEMISTRIES[cell]


def list_quantities(inputs: Inputs, cell: str) -> dict[str, Quantity]:
    """List the inputs of a cell by the field of `CellDesign` that they fill, in its units.

    Args:
        inputs: the table.
        cell: a name of `CHEMISTRIES`.

    Raises:
        TableError: if the table lacks one, or one has a unit that measures something else.
    """
    get_chemistry(cell)
    names = [name for name in FIELDS if name not in OPTIONAL or f"{cell}.{name}" in inputs]
    return {name: convert_quantity(inputs[f"{cell}.{name}"], UNITS[name], inputs.path) for name in names}


def make_design(inputs: Inputs, cell: str, **changed: Number) -> CellDesign:
    """Return the design of a cell with its defaults.

    Args:
        inputs: the table.
        cell: a name of `CHEMISTRIES`.
        changed: fields of `CellDesign` to set instead.

    Raises:
        DesignError: if a field does not exist, or has a number that no cell can have.
        TableError: if the table lacks an input.
    """
    for name in changed:
        if name not in FIELDS:
            raise DesignError(f"'{name}' is no field of a cell; {did_you_mean(name, FIELDS)}")
    defaults: dict[str, Number] = {name: quantity.value for name, quantity in list_quantities(inputs, cell).items()}
    return CellDesign(**(defaults | changed), kind=get_chemistry(cell).kind)


@dataclass(frozen=True)
class CellResult:
    """A cell with its declared ranges.

    Attributes:
        cell: name of the chemistry.
        specific_energy_wh_kg: default, median and quantiles.
        energy_density_wh_l: the same.
        at_best_wh_kg: with every input at the end of its range that gives most.
        at_worst_wh_kg: with every input at the other end.
        stack: with the defaults.
        draws: the stack of every draw.
        swings: what each input alone makes of the specific energy, the largest swing first.
        quantities: the inputs, by field.
    """

    cell: str
    specific_energy_wh_kg: Spread
    energy_density_wh_l: Spread
    at_best_wh_kg: float
    at_worst_wh_kg: float
    stack: Stack
    draws: Stack
    swings: list[Swing]
    quantities: Mapping[str, Quantity]

    def share_of_draws_above(self, wh_kg: float) -> float:
        """Return the share of the draws with more specific energy; no probability, since ranges are declared."""
        return float(np.mean(np.asarray(self.draws.specific_energy_wh_kg) > wh_kg))


def compute_cell(inputs: Inputs, cell: str, n: int = DRAWS, seed: int = 0) -> CellResult:
    """Compute the energies of a cell over the declared ranges of its inputs.

    Args:
        inputs: the table.
        cell: a name of `CHEMISTRIES`.
        n: draws.
        seed: of the draws.
    """
    kind = get_chemistry(cell).kind
    quantities = list_quantities(inputs, cell)
    fields = {quantity.key: name for name, quantity in quantities.items()}

    def build(values: Mapping[str, Number]) -> Stack:
        return compute_stack(CellDesign(**{fields[key]: value for key, value in values.items()}, kind=kind))

    def evaluate(values: Values) -> float:
        return float(build(values).specific_energy_wh_kg)

    stack = build({key: quantities[name].value for key, name in fields.items()})
    drawn = build(draw_quantities(quantities.values(), n, seed))
    return CellResult(
        cell=cell,
        specific_energy_wh_kg=summarise_draws(
            float(stack.specific_energy_wh_kg), np.asarray(drawn.specific_energy_wh_kg)
        ),
        energy_density_wh_l=summarise_draws(float(stack.energy_density_wh_l), np.asarray(drawn.energy_density_wh_l)),
        at_best_wh_kg=evaluate(find_corner(evaluate, quantities.values())),
        at_worst_wh_kg=evaluate(find_corner(evaluate, quantities.values(), largest=False)),
        stack=stack,
        draws=drawn,
        swings=compute_swings(evaluate, quantities.values()),
        quantities=quantities,
    )


def find_electrolyte_ratio(design: CellDesign, wh_kg: float) -> float:
    """Find the ratio of electrolyte to sulfur, or to other active material, at which a cell has a specific energy.

    The mass is linear in the ratio, so the equation is solved exactly.

    Args:
        design: a cell of numbers, whose liquid is given by `electrolyte_ul_mg`.
        wh_kg: specific energy to reach.

    Returns:
        µL per mg.

    Raises:
        DesignError: if the cell has less even without electrolyte.
    """
    if np.any(np.asarray(design.electrolyte_g_ah) > 0):
        raise DesignError("electrolyte_g_ah: the liquid of this cell is given per capacity, not per active material")
    stack = compute_stack(design)
    active = float(stack.masses_mg_cm2["positive_active"])
    dry = float(sum(stack.masses_mg_cm2.values()))
    dry -= float(stack.masses_mg_cm2["packaging"]) + float(stack.masses_mg_cm2["electrolyte"])
    allowed = 1000 * float(stack.energy_mwh_cm2) / wh_kg * (1 - float(design.packaging_mass_fraction))
    ratio = (allowed - dry) / (active * float(design.electrolyte_density_g_cm3))
    if ratio < 0:
        best = 1000 * float(stack.energy_mwh_cm2) / dry * (1 - float(design.packaging_mass_fraction))
        raise DesignError(f"{wh_kg:g} Wh/kg cannot be reached: without any electrolyte the cell has {best:.0f} Wh/kg")
    return ratio


def check_inputs(inputs: Inputs) -> None:
    """Check that every row of a table of cells is one that some cell takes.

    Raises:
        TableError: naming the rows that are not, each with a suggestion.
    """
    unknown = []
    for quantity in inputs.values():
        names = {"car": CAR, "hard_carbon": POTENTIALS}.get(quantity.group, FIELDS)
        if quantity.group not in ("any", "car", "hard_carbon", *CATHODES, *CHEMISTRIES):
            unknown.append(f"{quantity.key}: there is no such cell; {did_you_mean(quantity.group, CHEMISTRIES)}")
        elif quantity.name not in names:
            unknown.append(f"{quantity.key}: nothing takes it; {did_you_mean(quantity.name, names)}")
    if unknown:
        raise TableError(f"{inputs.path}: " + "; ".join(unknown))
