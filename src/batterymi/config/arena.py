"""Settings of the charging arena: cells, temperatures, controllers, limits and budgets."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from batterymi.config.agents import Training
from batterymi.config.load import merged, read_yaml
from batterymi.config.messages import describe
from batterymi.config.names import CellName
from batterymi.config.parts import Name, Range, Strict, ascending
from batterymi.errors import ConfigError
from batterymi.registry import REGISTRY
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.controllers import CONTROLLERS, GROUPS

Celsius = Annotated[float, Field(ge=-20, le=80)]


class Condition(Strict):
    """A temperature that charges start at."""

    name: Name = Field(description="What results call it.")
    ambient_c: Celsius = Field(description="Of the surroundings, °C.")
    initial_c: Celsius | None = Field(None, description="Of the cell, °C, where it was heated before; else not set.")


class Entry(Strict):
    """A cell of the arena."""

    name: CellName = Field(description="A declared cell.")
    conditions: tuple[Name, ...] | None = Field(None, description="Temperatures; not set: all.")
    controllers: tuple[str, ...] | None = Field(None, description="Controllers; not set: all that do not learn.")
    agents: tuple[Name, ...] = Field((), description="Agents of `training` that are trained and judged on it.")
    held_out: int | None = Field(None, ge=2, le=10_000, description="Scenarios, where they differ.")

    @field_validator("controllers")
    @classmethod
    def _known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in value or ():
            if name not in CONTROLLERS:
                raise ValueError(f"'{name}' is not a controller; {did_you_mean(name, CONTROLLERS)}")
        return value


class Reserve(Strict):
    """What planners keep to the limits, since they plan on a coarser model of a cell whose age they do not know."""

    margin_mv: float = Field(12.0, ge=0, description="Of the plating margin.")
    temperature_k: float = Field(1.0, ge=0, description="Of the temperature.")
    voltage_v: float = Field(0.005, ge=0, description="Of the voltage, where no circuit holds it.")


class Search(Strict):
    """Bayesian optimisation of protocols."""

    steps: int = Field(4, ge=1, le=12, description="Equal steps of state of charge.")
    budget: int = Field(60, ge=6, le=10_000, description="Protocols tried, the start included.")
    initial: int = Field(10, ge=1, le=1000, description="Random protocols of the start, beside five constant ones.")


class Scenarios(Strict):
    """How many situations."""

    held_out: int = Field(50, ge=2, le=10_000, description="To judge on, per cell and temperature; 50 for a claim.")
    validation: int = Field(8, ge=1, le=1000, description="To tune on; the first four are the corners of the ranges.")
    ladder: int = Field(10, ge=1, le=10_000, description="Of the held-out ones, how many are charged on the SPMe too.")
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
    c_rates: Range = Field((0.2, 8.0), description="Smallest and largest C-rate.")
    wanted_min: float = Field(10.0, gt=0, description="The charging time whose feasibility is asked.")
    budget: int = Field(50, ge=6, le=10_000, description="Protocols tried per cell and temperature.")
    confirmed: int = Field(8, ge=1, le=100, description="Of them, how many at most are charged on the DFN, best first.")

    _rates = field_validator("c_rates")(ascending)


class Arena(Strict):
    """config/arena.yaml: the charging arena."""

    cells: tuple[Entry, ...] = Field(min_length=1, description="Cells with what is judged on them.")
    conditions: tuple[Condition, ...] = Field(min_length=1, description="Temperatures that charges start at.")
    soc_nominal: float = Field(0.1, ge=0, lt=1, description="State of charge of the nominal scenario.")
    training: Training = Field(
        Training(), description="Agents, and the environment: control step, limits and ranges of all controllers."
    )
    reserve: Reserve = Field(Reserve(), description="What planners keep to the limits.")
    scenarios: Scenarios = Field(Scenarios(), description="How many situations.")
    search: Search = Field(Search(), description="Optimisation of protocols.")
    map: Map = Field(Map(), description="Which charging times are feasible.")

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        problems = _unknown("conditions", (n for e in self.cells for n in e.conditions or ()), self.condition_names)
        problems += _unknown("agents", (n for e in self.cells for n in e.agents), self.agent_names)
        problems += _twice("cells", [entry.name for entry in self.cells])
        problems += _twice("conditions", self.condition_names)
        problems += _twice("map.starts", [start.name for start in self.map.starts])
        problems += [
            f"training.agents: '{name}' is the name of a group of controllers; choose another"
            for name in self.agent_names
            if name in GROUPS
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _limits_can_be_met(self) -> Self:
        limits, environment = self.training.environment.limits, self.training.environment
        for condition in (*self.conditions, *self.map.starts):
            hottest = max(condition.ambient_c, condition.initial_c or condition.ambient_c)
            if hottest >= self.temperature_limit(condition):
                raise ValueError(
                    f"no protocol meets the limits: {condition.name} starts at {hottest:g} °C, where every charge "
                    f"exceeds {limits.temperature_c:g} °C; raise training.environment.limits.warming_c above 0"
                )
        for key, soc in (("soc_nominal", self.soc_nominal), ("map.soc_start", self.map.soc_start)):
            if not soc < environment.soc_end:
                raise ValueError(f"{key} {soc:g} is not below training.environment.soc_end {environment.soc_end:g}")
        return self

    @property
    def condition_names(self) -> list[str]:
        """Names of the temperatures."""
        return [condition.name for condition in self.conditions]

    @property
    def agent_names(self) -> list[str]:
        """Names of the agents."""
        return [agent.name for agent in self.training.agents]

    @property
    def agent_seeds(self) -> list[int]:
        """Seeds of the trainings of each agent."""
        return list(range(self.training.seed, self.training.seed + self.training.seeds))

    @property
    def drawn_cell(self) -> str:
        """The cell of the figures: the first."""
        return self.cells[0].name

    @property
    def drawn_condition(self) -> Condition:
        """The temperature of the figure over time: the drawn cell's first."""
        return self.condition(self.conditions_of(self.drawn_cell)[0])

    @property
    def figures(self) -> tuple[str, ...]:
        """Figures that there is something to draw for."""
        has_agents = bool(self.entry(self.drawn_cell).agents)
        learns = ("learning",) if has_agents else ()
        chooses = ("policies",) if has_agents or "look_ahead" in self.controllers_of(self.drawn_cell) else ()
        return ("traces", "minutes_and_margin", "violations", "feasibility", *learns, *chooses)

    def condition(self, name: str) -> Condition:
        """A temperature by name."""
        return next(condition for condition in self.conditions if condition.name == name)

    def temperature_limit(self, condition: Condition) -> float:
        """Highest temperature that charges may reach from a start, °C; see `batterymi.charging.limits`."""
        limits = self.training.environment.limits
        hottest = max(condition.ambient_c, condition.initial_c or condition.ambient_c)
        return max(limits.temperature_c, hottest + limits.warming_c)

    def entry(self, cell: str) -> Entry:
        """A cell of the arena."""
        return next(entry for entry in self.cells if entry.name == cell)

    def conditions_of(self, cell: str) -> list[str]:
        """Temperatures of a cell."""
        return list(self.entry(cell).conditions or self.condition_names)

    def controllers_of(self, cell: str) -> list[str]:
        """Controllers of a cell that do not learn."""
        chosen = self.entry(cell).controllers
        return list(CONTROLLERS if chosen is None else chosen)

    def groups_of(self, cell: str) -> list[str]:
        """Groups of controllers that are judged on a cell, agents included."""
        names = self.controllers_of(cell)
        return [*(g for g, members in GROUPS.items() if set(members) & set(names)), *self.entry(cell).agents]

    def rules(self) -> dict[str, Any]:
        """What every charge keeps to, as plain data."""
        environment = self.training.environment
        limits = environment.limits
        return {
            "soc_end": environment.soc_end,
            "control_s": environment.step_s,
            "time_limit_min": environment.time_limit_min,
            "c_rates": list(environment.c_rates),
            "soc_nominal": self.soc_nominal,
            "soc": list(environment.ranges.soc),
            "lithium_lost": list(environment.ranges.lithium_lost),
            "margin_mv": limits.plating_margin_mv,
            "temperature_c": limits.temperature_c,
            "headroom_k": limits.warming_c,
        }

    def situation(self, cell: str, condition: Condition) -> dict[str, Any]:
        """Arguments of `batterymi.arena.situation.Situation`."""
        return {
            "cell": cell,
            "condition": condition.name,
            "ambient_c": condition.ambient_c,
            "initial_c": condition.initial_c,
            "rules": self.rules(),
        }

    def map_situation(self, cell: str, start: Condition) -> dict[str, Any]:
        """The same for the feasibility map, from its own state of charge."""
        situation = self.situation(cell, start)
        return situation | {
            "rules": situation["rules"] | {"soc_nominal": self.map.soc_start, "c_rates": list(self.map.c_rates)}
        }


def _unknown(key: str, found: Iterable[str], known: list[str]) -> list[str]:
    """Names of a cell that nothing declares."""
    return [
        f"cells: {key}: there is no '{n}'; {did_you_mean(n, known)}" for n in dict.fromkeys(found) if n not in known
    ]


def _twice(key: str, names: list[str]) -> list[str]:
    """Names that stand twice."""
    return [f"{key}: '{name}' stands twice" for name in sorted({n for n in names if names.count(n) > 1})]


def load_arena(path: str, overrides: Mapping[str, Any]) -> Arena:
    """Check the settings of the arena.

    Args:
        path: YAML file.
        overrides: settings to lay over it.

    Raises:
        ConfigError: with every problem found.
    """
    raw = merged(read_yaml(Path(path)), overrides)
    try:
        return Arena.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(describe(error, path, Arena)) from None
