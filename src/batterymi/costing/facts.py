"""Every number that the calculators give for the chapter's claims, each with the inputs that it rests on."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.costing.bills import Bill, compare_bills, compute_bill, compute_solid_electrolyte_need
from batterymi.costing.cells import CHEMISTRIES, CellResult, compute_cell, find_electrolyte_ratio, make_design
from batterymi.costing.driving import compute_charged_range, compute_pack
from batterymi.costing.energies import compute_reaction_energy
from batterymi.costing.inputs import Inputs, Quantity, load_prices, load_sources
from batterymi.costing.prices import (
    compare_costs,
    compute_cost_per_kwh,
    compute_material_cost,
    list_prices,
    price_component,
    price_element,
)
from batterymi.costing.sampling import DRAWS, Spread, Swing, draw_quantities, find_corner, summarise_draws
from batterymi.costing.stack import compute_stack
from batterymi.features.capacity import compute_theoretical_capacity

NCM622, NCM850807 = "LiNi0.6Co0.2Mn0.2O2", "LiNi0.85Co0.08Mn0.07O2"
CHAPTER_COBALT_USD_KG = 40.0
CHARGER_KW, CHARGE_MIN, RANGE_KM = 400.0, 10.0, 1200.0  # as the chapter claims
SOLID_WH_KG, SULFUR_WH_KG, SOLID_USD_KWH = 500.0, 500.0, 50.0
RATIOS = (
    ("sodium_layered", "nmc_graphite"),
    ("sodium_layered", "lfp_graphite"),
    ("sodium_nvpf", "nmc_graphite"),
    ("sodium_nvpf", "lfp_graphite"),
    ("lithium_sulfur", "nmc_graphite"),
)


@dataclass(frozen=True)
class Fact:
    """A computed number.

    Attributes:
        key: where it stands in the JSON, parts separated by dots.
        numbers: its value, and what else is known of it: median, low and high of the draws, the corners of the ranges.
        unit: of all of them.
        inputs: the quantities that it rests on.
        about: what it is, in words.
    """

    key: str
    numbers: Mapping[str, float]
    unit: str
    inputs: tuple[Quantity, ...]
    about: str

    @property
    def unchecked(self) -> list[str]:
        """Return the inputs whose value was not read in its source."""
        return sorted({quantity.key for quantity in self.inputs if not quantity.checked})


@dataclass
class Facts:
    """Facts in the order in which they were added, and tornados.

    Attributes:
        facts: all of them.
        swings: for some facts, what each input alone makes of it.
        parts: for sums, what they are made of with default inputs.
    """

    facts: list[Fact] = field(default_factory=list)
    swings: dict[str, list[Swing]] = field(default_factory=dict)
    parts: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def add(
        self, key: str, number: float | Spread, unit: str, inputs: Iterable[Quantity], about: str, **more: float
    ) -> None:
        """Add a fact; more are further numbers of it, in the same unit."""
        if isinstance(number, Spread):
            numbers = {name: value for name, value in asdict(number).items() if name != "draws"}
        else:
            numbers = {"value": float(number)}
        known = {quantity.key: quantity for quantity in inputs}
        self.facts.append(Fact(key, {**numbers, **more}, unit, tuple(known.values()), about))

    def as_frame(self) -> pd.DataFrame:
        """Return one row for each fact: key, about, unit, its numbers, checked and the inputs that are not."""
        rows = [
            {
                "key": fact.key,
                "about": fact.about,
                "unit": fact.unit,
                **{name: fact.numbers.get(name) for name in ("value", "median", "low", "high", "at_worst", "at_best")},
                "checked": not fact.unchecked,
                "unchecked": " ".join(fact.unchecked),
            }
            for fact in self.facts
        ]
        return pd.DataFrame(rows)

    def as_content(self) -> dict[str, Any]:
        """Return the same as nested plain data, with every input, its range and its source."""
        content: dict[str, Any] = {}
        for fact in self.facts:
            *path, last = fact.key.split(".")
            place = content
            for part in path:
                place = place.setdefault(part, {})
            place[last] = {
                **fact.numbers,
                "unit": fact.unit,
                "about": fact.about,
                "checked": not fact.unchecked,
                "unchecked": fact.unchecked,
                "inputs": sorted(quantity.key for quantity in fact.inputs),
            }
            if fact.key in self.parts:
                place[last]["parts"] = dict(self.parts[fact.key])
            if fact.key in self.swings:
                place[last]["swings"] = [asdict(swing) | {"size": swing.size} for swing in self.swings[fact.key]]
        return content | {"inputs": self._list_inputs()}

    def _list_inputs(self) -> list[dict[str, Any]]:
        """Return every input with its source in full, sorted by key."""
        sources = load_sources()
        known = {quantity.key: quantity for fact in self.facts for quantity in fact.inputs}
        return [
            asdict(known[key])
            | {"key": key}
            | {name: sources.get(known[key].source, {}).get(name, "") for name in ("citation", "address")}
            for key in sorted(known)
        ]


def compute_facts(inputs: Inputs, prices: Inputs, draws: int = DRAWS, seed: int = 0) -> Facts:
    """Compute every fact.

    Args:
        inputs: of cells and cars.
        prices: of elements and components.
        draws: over the declared ranges.
        seed: of the draws.
    """
    facts = Facts()
    cells = {cell: compute_cell(inputs, cell, draws, seed) for cell in CHEMISTRIES}
    bills = {cell: compute_bill(result, prices, seed) for cell, result in cells.items()}
    _add_energies(facts)
    _add_cells(facts, cells)
    _add_claimed_cells(facts, inputs, cells)
    _add_ncm(facts, prices, inputs, draws, seed)
    _add_bills(facts, bills, cells)
    _add_solid_electrolyte(facts, cells["nmc_lithium_solid"], prices, seed)
    _add_driving(facts, inputs, cells, draws, seed)
    return facts


def _add_energies(facts: Facts) -> None:
    """Add theoretical capacities and energies, which rest on molar masses alone."""
    sulfur, cobaltate = compute_theoretical_capacity("S", 2), compute_theoretical_capacity("LiCoO2", 1)
    facts.add("energies.sulfur_mah_g", sulfur, "mAh/g", (), "theoretical capacity of S, 2 Li each")
    facts.add("energies.lco_mah_g", cobaltate, "mAh/g", (), "theoretical capacity of LiCoO2, 1 Li")
    facts.add("energies.sulfur_over_lco", sulfur / cobaltate, "1", (), "ratio of both theoretical capacities")
    nvpf = compute_theoretical_capacity("Na3V2(PO4)2F3", 2)
    facts.add("energies.nvpf_mah_g", nvpf, "mAh/g", (), "theoretical capacity of Na3V2(PO4)2F3, 2 Na")
    low, middle, high = (compute_reaction_energy({"S": 1, "Li": 2}, 2, volts) for volts in (2.10, 2.20, 2.25))
    about = "S + 2 Li to Li2S, per mass of both; at 2.20 V, and from 2.10 to 2.25 V"
    facts.add("energies.lithium_sulfur_wh_kg", middle, "Wh/kg", (), about, low=low, high=high)


def _add_cells(facts: Facts, cells: Mapping[str, CellResult]) -> None:
    """Add the energies of every cell."""
    for cell, result in cells.items():
        inputs, title = result.quantities.values(), CHEMISTRIES[cell].title
        facts.add(
            f"cells.{cell}.specific_energy", result.specific_energy_wh_kg, "Wh/kg", inputs, f"{title}, cell",
            at_worst=result.at_worst_wh_kg, at_best=result.at_best_wh_kg,
        )  # fmt: skip
        facts.swings[f"cells.{cell}.specific_energy"] = result.swings
        facts.add(f"cells.{cell}.energy_density", result.energy_density_wh_l, "Wh/L", inputs, f"{title}, cell")
    for cell, other in RATIOS:
        first, second = cells[cell], cells[other]
        ratio = 100 * np.asarray(first.draws.specific_energy_wh_kg / second.draws.specific_energy_wh_kg)
        value = 100 * first.specific_energy_wh_kg.value / second.specific_energy_wh_kg.value
        facts.add(
            f"cells.{cell}.energy_over_{other}", summarise_draws(value, ratio), "percent",
            (*first.quantities.values(), *second.quantities.values()), "ratio of specific energies",
        )  # fmt: skip


def _add_claimed_cells(facts: Facts, inputs: Inputs, cells: Mapping[str, CellResult]) -> None:
    """Add what the claimed energies of three cells need, or what the claimed inputs give."""
    solid, sulfur, sodium = (cells[name] for name in ("nmc_lithium_solid", "lithium_sulfur", "sodium_nvpf"))
    about = f"share of the draws with more than {SOLID_WH_KG:g} Wh/kg"
    share = solid.share_of_draws_above(SOLID_WH_KG)
    facts.add("cells.nmc_lithium_solid.share_above_500", share, "1", solid.quantities.values(), about)
    known = sulfur.quantities.values()
    ratio = find_electrolyte_ratio(make_design(inputs, "lithium_sulfur"), SULFUR_WH_KG)
    about = f"electrolyte per sulfur at which the cell has {SULFUR_WH_KG:g} Wh/kg, the rest at its defaults"
    facts.add("cells.lithium_sulfur.electrolyte_for_500", ratio, "uL/mg", known, about)
    at_five = compute_stack(make_design(inputs, "lithium_sulfur", electrolyte_ul_mg=5.0)).specific_energy_wh_kg
    facts.add("cells.lithium_sulfur.specific_energy_at_5_ul_mg", float(at_five), "Wh/kg", known, "with 5 uL/mg")
    claimed = make_design(inputs, "sodium_nvpf", positive_capacity_mah_g=130.0, voltage_v=3.5)
    about = "with the chapter's 130 mAh/g and 3.5 V"
    energy = float(compute_stack(claimed).specific_energy_wh_kg)
    facts.add("cells.sodium_nvpf.specific_energy_of_chapter", energy, "Wh/kg", sodium.quantities.values(), about)


def _add_ncm(facts: Facts, prices: Inputs, inputs: Inputs, draws: int, seed: int) -> None:
    """Add the reduction of material cost from NCM622 to the chapter's composition."""
    cobalt = price_element(prices, "Co")
    facts.add(
        "costs.cobalt", 1000 * cobalt.value, "USD/t", (cobalt,), f"price of cobalt, {cobalt.date}",
        low=1000 * cobalt.low, high=1000 * cobalt.high,
    )  # fmt: skip
    before, after = (inputs[f"{name}.positive_capacity_mah_g"] for name in ("ncm622", "ncm850807"))
    voltage = inputs["nmc_graphite.voltage_v"]
    claimed = replace(cobalt.fix(CHAPTER_COBALT_USD_KG, "chapter"), traded_as="Co")
    for suffix, table, text in (
        ("", prices, "at the latest prices"),
        ("_in_2019", load_prices(prices.path, "2019"), "at the prices of 2019"),
        ("_at_40_usd", prices.replace(claimed), "with cobalt at 40 USD/kg"),
    ):
        known = list_prices(table, NCM850807)
        for basis, ratio, more in (("kg", 1.0, ()), ("kwh", after.value / before.value, (before, after))):
            spread, swings = compare_costs(table, NCM622, NCM850807, ratio, draws, seed)
            key = f"costs.ncm622_to_850807.reduction_per_{basis}{suffix}"
            facts.add(key, spread, "percent", (*known.values(), *more), f"lower cost of elements per {basis}, {text}")
            facts.swings[key] = swings
        defaults = {symbol: quantity.value for symbol, quantity in known.items()}
        for name, formula, capacity in (("ncm622", NCM622, before), ("ncm850807", NCM850807, after)):
            cost = float(compute_material_cost(formula, defaults))
            about = f"cost of the elements of {formula}, {text}"
            facts.add(f"costs.{name}.usd_per_kg{suffix}", cost, "USD/kg", known.values(), about)
            per_kwh = float(compute_cost_per_kwh(cost, capacity.value, voltage.value))
            about = f"{about}, at {capacity.value:g} mAh/g against graphite"
            used = (*known.values(), capacity, voltage)
            facts.add(f"costs.{name}.usd_per_kwh{suffix}", per_kwh, "USD/kWh", used, about)


def _add_bills(facts: Facts, bills: Mapping[str, Bill], cells: Mapping[str, CellResult]) -> None:
    """Add what the materials of cells cost, and ratios between cells."""
    inputs = {cell: (*bill.prices.values(), *cells[cell].quantities.values()) for cell, bill in bills.items()}
    for cell, bill in bills.items():
        about = f"materials of {CHEMISTRIES[cell].title}, the positive active material at the price of its elements"
        facts.add(f"costs.{cell}.usd_per_kwh", bill.usd_per_kwh, "USD/kWh", inputs[cell], about)
        facts.parts[f"costs.{cell}.usd_per_kwh"] = bill.parts_usd_per_kwh
    for first, second in RATIOS:
        spread = compare_bills(bills[first], bills[second])
        both = (*inputs[first], *inputs[second])
        facts.add(f"costs.{first}.over_{second}", spread, "percent", both, "ratio of the costs of materials per kWh")
        active = [bills[cell].parts_usd_per_kwh["positive_active"] for cell in (first, second)]
        about = "ratio of the costs of the elements of the positive active materials per kWh"
        facts.add(f"costs.{first}.elements_over_{second}", 100 * active[0] / active[1], "percent", both, about)


def _add_solid_electrolyte(facts: Facts, result: CellResult, prices: Inputs, seed: int) -> None:
    """Add what the solid electrolyte costs per kWh, and the price at which it costs what the chapter requires."""
    price = price_component(prices, "sulfide_electrolyte")
    known = (price, *result.quantities.values())
    need = float(compute_solid_electrolyte_need(result.stack))
    needs = np.asarray(compute_solid_electrolyte_need(result.draws))
    costs = needs * draw_quantities([price], len(needs), seed)[price.key]
    root = "costs.solid_electrolyte"
    about = "solid electrolyte in the layer and in the cathode"
    facts.add(f"{root}.kg_per_kwh", summarise_draws(need, needs), "kg/kWh", result.quantities.values(), about)
    facts.add(f"{root}.usd_per_kwh", summarise_draws(need * price.value, costs), "USD/kWh", known, f"cost of {about}")
    limit = summarise_draws(SOLID_USD_KWH / need, SOLID_USD_KWH / needs)
    about = f"price at which it costs {SOLID_USD_KWH:g} USD/kWh"
    facts.add(f"{root}.usd_per_kg_for_50", limit, "USD/kg", result.quantities.values(), about)


def _add_driving(facts: Facts, inputs: Inputs, cells: Mapping[str, CellResult], draws: int, seed: int) -> None:
    """Add the range gained at a charger, and the pack of a long range."""
    use, efficiency, ratio = (
        inputs[f"car.{name}"] for name in ("consumption_kwh_km", "charging_efficiency", "cell_to_pack_mass_ratio")
    )

    def charge(values: Mapping[str, Any]) -> Any:
        return compute_charged_range(CHARGER_KW, CHARGE_MIN, values[efficiency.key], values[use.key])

    known = (use, efficiency)
    drawn = draw_quantities(known, draws, seed)
    value = float(charge({quantity.key: quantity.value for quantity in known}))
    ends = [
        float(charge(find_corner(lambda values: float(charge(values)), known, largest))) for largest in (False, True)
    ]
    about = f"range by {CHARGE_MIN:g} min at {CHARGER_KW:g} kW, constant"
    facts.add(
        "driving.charged_range", summarise_draws(value, charge(drawn)), "km", known, about,
        at_worst=ends[0], at_best=ends[1],
    )  # fmt: skip
    needed = [RANGE_KM * number for number in (use.value, use.low, use.high)]
    about = f"energy of a pack for {RANGE_KM:g} km"
    facts.add("driving.pack_energy", needed[0], "kWh", (use,), about, low=needed[1], high=needed[2])
    for cell in ("nmc_graphite", "nmc_lithium_solid"):
        result = cells[cell]
        energy = result.specific_energy_wh_kg.value
        mass = float(compute_pack(RANGE_KM, use.value, energy, ratio.value).pack_kg)
        both = draw_quantities((use, ratio), draws, seed)
        masses = compute_pack(RANGE_KM, both[use.key], result.draws.specific_energy_wh_kg, both[ratio.key]).pack_kg
        about = f"mass of a pack for {RANGE_KM:g} km of {CHEMISTRIES[cell].title} cells"
        spread = summarise_draws(mass, np.asarray(masses))
        facts.add(f"driving.pack_mass_{cell}", spread, "kg", (use, ratio, *result.quantities.values()), about)
