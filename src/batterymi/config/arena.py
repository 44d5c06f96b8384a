"""Settings of the charging arena: cells, temperatures, controllers, limits and budgets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from batterymi.config.agents import Training
from batterymi.config.arena_parts import ChargeRules, Condition, Entry, Map, Reserve, Scenarios, Search, Situation
from batterymi.config.load import merge_settings, read_yaml
from batterymi.config.messages import validate_settings
from batterymi.config.parts import Strict
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.controllers import CONTROLLERS, GROUPS


class Arena(Strict):
    """config/arena.yaml: the charging arena."""

    cells: tuple[Entry, ...] = Field(min_length=1, description="Cells with what is tested on them.")
    conditions: tuple[Condition, ...] = Field(min_length=1, description="Temperatures that charges start at.")
    soc_nominal: float = Field(0.1, ge=0, lt=1, description="State of charge of the nominal scenario.")
    training: Training = Field(
        Training(), description="Agents, and the environment: control step, limits and ranges of all controllers."
    )
    reserve: Reserve = Field(Reserve(), description="Reserve to the limits that planners keep.")
    scenarios: Scenarios = Field(Scenarios(), description="Numbers of scenarios, and their seed.")
    search: Search = Field(Search(), description="Optimisation of protocols.")
    map: Map = Field(Map(), description="Which charging times are feasible.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        # pydantic stops at the first error of a model validator, so all problems are collected
        conditions = (name for cell in self.cells for name in cell.conditions or ())
        problems = _find_unknown_names("conditions", conditions, self.condition_names)
        problems += _find_unknown_names(
            "agents", (name for cell in self.cells for name in cell.agents), self.agent_names
        )
        problems += _find_duplicates("cells", [cell.name for cell in self.cells])
        problems += _find_duplicates("conditions", self.condition_names)
        problems += _find_duplicates("map.starts", [start.name for start in self.map.starts])
        problems += [
            f"training.agents: '{name}' is the name of a group of controllers; choose another"
            for name in self.agent_names
            # agents and groups of controllers share one wildcard, and so one level of folders
            if name in GROUPS
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        limits, environment = self.training.environment.limits, self.training.environment
        for condition in (*self.conditions, *self.map.starts):
            hottest = max(condition.ambient_c, condition.initial_c or condition.ambient_c)
            # charging heats the cell, so a start at the limit exceeds it at once
            if hottest >= self.compute_temperature_limit(condition):
                raise ValueError(
                    f"no protocol meets the limits: {condition.name} starts at {hottest:g} °C, where every charge "
                    f"exceeds {limits.temperature_c:g} °C; raise training.environment.limits.warming_c above 0"
                )
        for key, soc in (("soc_nominal", self.soc_nominal), ("map.soc_start", self.map.soc_start)):
            # a charge that starts at its final state of charge has no duration
            if not soc < environment.soc_end:
                raise ValueError(f"{key} {soc:g} is not below training.environment.soc_end {environment.soc_end:g}")
        return self

    @property
    def condition_names(self) -> list[str]:
        """Return the names of the temperatures."""
        return [condition.name for condition in self.conditions]

    @property
    def agent_names(self) -> list[str]:
        """Return the names of the agents."""
        return [agent.name for agent in self.training.agents]

    @property
    def agent_seeds(self) -> list[int]:
        """Return the seeds with which each agent is trained."""
        return list(range(self.training.seed, self.training.seed + self.training.seeds))

    @property
    def drawn_cell(self) -> str:
        """Return the cell that the figures show, which is the first one."""
        return self.cells[0].name

    @property
    def drawn_condition(self) -> Condition:
        """Return the temperature of the figure over time, which is the first one of the drawn cell."""
        return self.condition(self.list_conditions(self.drawn_cell)[0])

    @property
    def figures(self) -> tuple[str, ...]:
        """Return the names of the figures for which there are results to draw."""
        has_agents = bool(self.find_entry(self.drawn_cell).agents)
        learns = ("learning",) if has_agents else ()
        chooses = ("policies",) if has_agents or "look_ahead" in self.list_controllers(self.drawn_cell) else ()
        return ("traces", "minutes_and_margin", "violations", "feasibility", *learns, *chooses)

    def condition(self, name: str) -> Condition:
        """Return the temperature with a given name."""
        return next(condition for condition in self.conditions if condition.name == name)

    def compute_temperature_limit(self, condition: Condition) -> float:
        """Return the highest temperature that charges may reach from a start, °C; see `batterymi.charging.limits`."""
        limits = self.training.environment.limits
        hottest = max(condition.ambient_c, condition.initial_c or condition.ambient_c)
        # a charge that starts at 45 °C could not keep a fixed limit of 45 °C (decision 12)
        return max(limits.temperature_c, hottest + limits.warming_c)

    def find_entry(self, cell: str) -> Entry:
        """Return the arena's entry of a cell."""
        return next(entry for entry in self.cells if entry.name == cell)

    def list_conditions(self, cell: str) -> list[str]:
        """List the temperatures of a cell."""
        return list(self.find_entry(cell).conditions or self.condition_names)

    def list_controllers(self, cell: str) -> list[str]:
        """List the controllers of a cell that do not learn."""
        chosen = self.find_entry(cell).controllers
        # an empty list is a choice too: a cell for agents alone
        return list(CONTROLLERS if chosen is None else chosen)

    def list_groups(self, cell: str) -> list[str]:
        """Groups of controllers that are tested on a cell, agents included."""
        names = self.list_controllers(cell)
        return [*(g for g, members in GROUPS.items() if set(members) & set(names)), *self.find_entry(cell).agents]

    @property
    def rules(self) -> ChargeRules:
        """What every charge keeps to."""
        environment = self.training.environment
        limits = environment.limits
        return ChargeRules(
            soc_end=environment.soc_end,
            control_s=environment.step_s,
            time_limit_min=environment.time_limit_min,
            c_rates=environment.c_rates,
            soc_nominal=self.soc_nominal,
            soc=environment.ranges.soc,
            lithium_lost=environment.ranges.lithium_lost,
            margin_mv=limits.plating_margin_mv,
            temperature_c=limits.temperature_c,
            headroom_k=limits.warming_c,
        )

    def situation(self, cell: str, condition: Condition) -> Situation:
        """Return a cell at a temperature, with the rules."""
        return Situation(
            cell=cell,
            condition=condition.name,
            ambient_c=condition.ambient_c,
            initial_c=condition.initial_c,
            rules=self.rules,
        )

    def at(self, cell: str, condition: str) -> "Place":
        """Return what jobs on a cell at a temperature depend on."""
        return Place(
            self.situation(cell, self.condition(condition)),
            self.reserve,
            self.search,
            tuple(self.list_controllers(cell)),
            self.scenarios.validation,
            self.find_entry(cell).held_out or self.scenarios.held_out,
            self.scenarios.discrepancy,
            self.scenarios.seed,
        )

    def map_situations(self, cell: str) -> tuple[Situation, ...]:
        """Return a cell at every starting temperature of the feasibility map, from the map's own state of charge."""
        rules = self.rules.model_copy(update={"soc_nominal": self.map.soc_start, "c_rates": self.map.c_rates})
        return tuple(self.situation(cell, start).model_copy(update={"rules": rules}) for start in self.map.starts)

    @property
    def map_search(self) -> Search:
        """How protocols are optimised for the feasibility map."""
        return self.search.model_copy(update={"budget": self.map.budget})


@dataclass(frozen=True)
class Place:
    """A cell at a temperature: what slices of settings are taken from.

    Attributes:
        situation: the cell at the temperature, with the rules.
        reserve: what planners keep to the limits.
        search: how protocols are optimised.
        controllers: those that do not learn.
        validation: number of scenarios to tune on.
        held_out: number of scenarios to test on.
        discrepancy: number of them that are charged on the coarse model too.
        seed: of all draws.
    """

    situation: Situation
    reserve: Reserve
    search: Search
    controllers: tuple[str, ...]
    validation: int
    held_out: int
    discrepancy: int
    seed: int


def _find_unknown_names(key: str, found: Iterable[str], known: list[str]) -> list[str]:
    """List the problems with names in a cell's entry that are declared nowhere."""
    unknown = (name for name in dict.fromkeys(found) if name not in known)
    return [f"cells: {key}: there is no '{name}'; {did_you_mean(name, known)}" for name in unknown]


def _find_duplicates(key: str, names: list[str]) -> list[str]:
    """Return a problem for each name that is listed twice."""
    return [f"{key}: '{name}' is listed twice" for name in sorted({n for n in names if names.count(n) > 1})]


def load_arena(path: str, overrides: Mapping[str, Any]) -> Arena:
    """Load the settings of the arena and check them.

    Args:
        path: YAML file.
        overrides: settings to lay over it.

    Raises:
        ConfigError: with every problem found.
    """
    # merged before the validation, so that overrides are validated too
    return validate_settings(Arena, merge_settings(read_yaml(Path(path)), overrides), path)
