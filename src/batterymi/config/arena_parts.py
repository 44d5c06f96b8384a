"""Parts of the charging arena's settings: cells, temperatures, budgets, and what every charge keeps to."""

from typing import Annotated

from pydantic import Field, field_validator

from batterymi.config.names import CellName
from batterymi.config.parts import AscendingRange, Name, Range, Strict
from batterymi.registry import REGISTRY
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.controllers import CONTROLLERS

Celsius = Annotated[float, Field(ge=-20, le=80)]


class Condition(Strict):
    """A temperature that charges start at."""

    name: Name = Field(description="Name in results.")
    ambient_c: Celsius = Field(description="Of the surroundings, °C.")
    initial_c: Celsius | None = Field(None, description="Of the cell, °C, if it was preheated; otherwise not set.")


class Entry(Strict):
    """A cell of the arena."""

    name: CellName = Field(description="A declared cell.")
    conditions: tuple[Name, ...] | None = Field(None, description="Temperatures; not set: all.")
    controllers: tuple[str, ...] | None = Field(None, description="Controllers; not set: all that do not learn.")
    agents: tuple[Name, ...] = Field((), description="Agents of `training` that are trained and tested on it.")
    held_out: int | None = Field(None, ge=2, le=10_000, description="Scenarios, where they differ.")

    @field_validator("controllers")
    @classmethod
    def _check_controllers(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in value or ():
            if name not in CONTROLLERS:
                raise ValueError(f"'{name}' is not a controller; {did_you_mean(name, CONTROLLERS)}")
        return value


class Reserve(Strict):
    """Reserve to the limits that planners keep, since they plan on a coarser model of a cell of unknown age."""

    margin_mv: float = Field(12.0, ge=0, description="Of the plating margin.")
    temperature_k: float = Field(1.0, ge=0, description="Of the temperature.")
    voltage_v: float = Field(0.005, ge=0, description="Of the voltage, where no circuit holds it.")


class Search(Strict):
    """Bayesian optimisation of charging protocols."""

    steps: int = Field(4, ge=1, le=12, description="Equal steps of state of charge.")
    budget: int = Field(60, ge=6, le=10_000, description="Protocols tried, the start included.")
    initial: int = Field(10, ge=1, le=1000, description="Random protocols of the start, beside five constant ones.")


class Scenarios(Strict):
    """Numbers of scenarios, and the seed from which they are drawn."""

    held_out: int = Field(50, ge=2, le=10_000, description="To test on, per cell and temperature; 50 for a claim.")
    validation: int = Field(8, ge=1, le=1000, description="For tuning; the first four are the corners of the ranges.")
    discrepancy: int = Field(10, ge=1, le=10_000, description="Held-out ones that are charged on the SPMe too.")
    seed: int = Field(7, ge=0, description="Of all draws.")


class Map(Strict):
    """The feasibility map."""

    cells: tuple[CellName, ...] = Field(tuple(REGISTRY["cell"]), min_length=1, description="Cells.")
    starts: tuple[Condition, ...] = Field(
        (
            Condition(name="cold", ambient_c=10),
            Condition(name="mild", ambient_c=25),
            Condition(name="warm", ambient_c=45),
            Condition(name="preheated", ambient_c=25, initial_c=60),
        ),
        min_length=1,
        description="Starting temperatures.",
    )
    soc_start: float = Field(0.1, ge=0, lt=1, description="State of charge at the start.")
    c_rates: AscendingRange = Field((0.2, 8.0), description="Smallest and largest C-rate.")
    wanted_min: float = Field(10.0, gt=0, description="Charging time whose feasibility is checked.")
    budget: int = Field(50, ge=6, le=10_000, description="Protocols tried per cell and temperature.")
    confirmed: int = Field(8, ge=1, le=100, description="How many of them at most are charged on the DFN, best first.")


class ChargeRules(Strict):
    """What every charge of the arena keeps to.

    Attributes:
        soc_end: state of charge to reach.
        control_s: control step, s.
        time_limit_min: a charge that takes longer is not finished.
        c_rates: smallest and largest C-rate.
        soc_nominal: state of charge of the nominal scenario.
        soc: range of the state of charge at the start.
        lithium_lost: range of the share of lithium lost.
        margin_mv: smallest plating margin.
        temperature_c: highest temperature of a charge that starts cooler.
        headroom_k: how far a charge may rise that starts hot.
    """

    soc_end: float
    control_s: float
    time_limit_min: float
    c_rates: Range
    soc_nominal: float
    soc: Range
    lithium_lost: Range
    margin_mv: float
    temperature_c: float
    headroom_k: float


class Situation(Strict):
    """One cell at one starting temperature, with the rules of the arena.

    Attributes:
        cell: a declared cell.
        condition: name of the temperature.
        ambient_c: of the surroundings, °C.
        initial_c: of the cell, °C, or None if it is that of the surroundings.
        rules: what every charge keeps to.
    """

    cell: str
    condition: str
    ambient_c: float
    initial_c: float | None
    rules: ChargeRules
