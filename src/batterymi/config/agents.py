"""Settings of agents that learn to charge: the environment, its reward, and how each agent is trained."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from batterymi.config.parts import AscendingRange, Name, Range, Strict
from batterymi.spelling import did_you_mean

OBSERVABLE = ("soc", "voltage", "temperature", "resistance", "time", "rate", "ambient")
ORACLE = "plating_margin"

# values that performed well on validation scenarios, where they differ from the defaults of `Agent`
TUNED: dict[str, dict[str, Any]] = {
    "dqn": {"net": (128, 128), "gradient_steps": 4, "batch": 256, "learning_rate": 7e-4, "gamma": 0.9, "tau": 0.02}
}

Share = Annotated[float, Field(ge=0, le=1)]


class RewardWeights(Strict):
    """What a charge costs, counted in minutes of charging; see `batterymi.agents.reward` for the formula."""

    speed: float = Field(1.0, ge=0, description="Cost of each minute behind a charge at the reference C-rate.")
    reference_c_rate: float = Field(2.0, gt=0, description="Rate of a step that costs nothing; it changes no ranking.")
    degradation: float = Field(0.0, ge=0, description="Cost of each 0.001 % of the capacity that is lost.")
    plating: float = Field(1.0, ge=0, description="Cost of each minute, per 10 mV that the plating margin falls short.")
    temperature: float = Field(1.0, ge=0, description="Cost of each minute, per °C above the limit.")
    voltage: float = Field(1.0, ge=0, description="Cost of each minute, per 10 mV above the limit.")
    failure: float = Field(60.0, ge=0, description="Cost of a charge at which the simulator fails.")


class LimitSettings(Strict):
    """Limits that the reward is soft about."""

    plating_margin_mv: float = Field(0.0, description="Smallest anode potential against lithium that is allowed.")
    plating_reserve_mv: float = Field(
        4.0, ge=0, description="Kept above that, since policies are tested on a finer model than the one trained on."
    )
    checked_reserve_mv: float = Field(
        0.0, ge=0, description="Reserve that a validation scenario must keep for a checkpoint to count as safe in it."
    )
    temperature_c: float = Field(45.0, gt=0, le=100, description="Highest temperature that is allowed.")
    temperature_reserve_c: float = Field(1.0, ge=0, description="Reserve below that, kept by the reward.")
    warming_c: float = Field(
        5.0,
        ge=0,
        description="How far a cell may warm beyond the hotter of its start and its surroundings if that is hot.",
    )
    voltage_reserve_v: float = Field(0.0, ge=0, description="Reserve below the voltage of the full cell.")


class ScenarioRanges(Strict):
    """Ranges from which the scenarios of training and validation are drawn."""

    soc: tuple[Share, Share] = Field((0.0, 0.3), description="State of charge at the start.")
    ambient_c: Range = Field((10.0, 45.0), description="Ambient temperature.")
    lithium_lost: tuple[Share, Share] = Field((0.0, 0.1), description="Share of the cyclable lithium that is lost.")
    edge_share: Share = Field(0.25, description="Share of charges at an end of the ambient range, else rare.")
    preheated_share: Share = Field(0.12, description="Share of charges that start with a preheated cell.")
    preheated_c: Range = Field((45.0, 60.0), description="Temperature of preheated cells.")

    @field_validator("soc", "ambient_c", "lithium_lost", "preheated_c")
    @classmethod
    def _check_order(cls, value: Range) -> Range:
        # equal bounds are allowed: they fix the quantity
        if value[0] > value[1]:
            raise ValueError(f"the lower bound {value[0]:g} is above the upper bound {value[1]:g}")
        return value


class Environment(Strict):
    """One charge as a sequence of decisions."""

    model: Literal["SPMe", "DFN"] = Field("SPMe", description="Cell model that agents train on; DFN is slower.")
    soc_end: float = Field(0.8, gt=0, le=1, description="State of charge to reach.")
    step_s: float = Field(60.0, ge=1, le=600, description="Seconds between two decisions.")
    time_limit_min: float = Field(120.0, gt=0, description="A charge that takes longer is cut off.")
    c_rates: AscendingRange = Field((0.25, 5.0), description="Smallest and largest C-rate.")
    n_c_rates: int = Field(25, ge=2, le=200, description="How many C-rates discrete actions choose from.")
    spacing: Literal["even", "ratio"] = Field("ratio", description="Whether actions are even in C-rate or log C-rate.")
    hold_voltage: bool = Field(True, description="Whether the charger lowers the current at the voltage limit.")
    observe: tuple[str, ...] = Field(
        ("soc", "voltage", "temperature", "resistance", "time", "rate"),
        min_length=1,
        description=f"Quantities that the agent observes, of {', '.join(OBSERVABLE)}; `{ORACLE}` makes it an oracle.",
    )
    limits: LimitSettings = Field(LimitSettings(), description="Limits of the reward.")
    weights: RewardWeights = Field(RewardWeights(), description="Weights of the reward.")
    ranges: ScenarioRanges = Field(ScenarioRanges(), description="Ranges of the scenarios of training and validation.")

    @field_validator("observe")
    @classmethod
    def _check_observations(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (*OBSERVABLE, ORACLE)
        for name in value:
            if name not in known:
                raise ValueError(f"'{name}' cannot be observed; {did_you_mean(name, known)}")
        if len(set(value)) != len(value):
            raise ValueError("a quantity is listed twice")
        return value

    @model_validator(mode="after")
    def _check_feasible(self) -> Self:
        low, high = self.c_rates
        if low <= 0:
            raise ValueError(f"c_rates must be above 0, found {low:g}")
        # the highest initial SOC at the highest C-rate gives the shortest charge, in seconds
        shortest = 3600 * (self.soc_end - self.ranges.soc[1]) / high
        if shortest <= 0:
            raise ValueError(
                f"charges start at up to SOC {self.ranges.soc[1]:g} and end at {self.soc_end:g}; lower ranges.soc"
            )
        if self.step_s > shortest:
            raise ValueError(
                f"a control step of {self.step_s:g} s is longer than the shortest charge, {shortest:.0f} s "
                f"from SOC {self.ranges.soc[1]:g} to {self.soc_end:g} at {high:g}C; lower step_s"
            )
        if 60 * self.time_limit_min < shortest:
            raise ValueError(f"time_limit_min {self.time_limit_min:g} is shorter than any charge, {shortest / 60:.1f}")
        return self


class Agent(Strict):
    """One way to train: an algorithm with its settings; the defaults are those of sac, `TUNED` has those of dqn."""

    name: Name = Field(description="Name in results and figures.")
    kind: Literal["dqn", "sac"] = Field(description="`dqn` chooses among C-rates, `sac` sets any C-rate in the range.")
    steps: int = Field(10_000, ge=50, description="Control steps of a training; about 60 a second on one core.")
    weights: RewardWeights | None = Field(None, description="Weights of the reward, where they differ.")
    observe: tuple[str, ...] | None = Field(None, description="Quantities that this agent observes, where they differ.")
    net: tuple[int, ...] = Field((64, 64), min_length=1, description="Widths of the hidden layers.")
    learning_rate: float = Field(1e-3, gt=0, lt=1, description="Step of the optimiser at the start; it falls linearly.")
    learning_rate_end: float = Field(1e-4, gt=0, lt=1, description="Step of the optimiser at the end.")
    gamma: float = Field(0.95, gt=0, lt=1, description="Discount per control step.")
    batch: int = Field(128, ge=8, le=4096, description="Transitions per gradient step.")
    buffer: int = Field(50_000, ge=100, description="Size of the replay buffer, in transitions.")
    learning_starts: int = Field(300, ge=1, description="Random steps before learning begins.")
    gradient_steps: int = Field(2, ge=1, le=20, description="Gradient steps per control step.")
    tau: float = Field(0.01, gt=0, le=1, description="Soft-update factor of the target networks at each gradient step.")
    entropy: float | None = Field(None, gt=0, description="Weight of entropy (sac); not set: it is learned.")
    target_entropy: float = Field(-2.5, description="Entropy that a learned weight aims at (sac).")
    exploration: float = Field(0.4, gt=0, le=1, description="Share of training in which random actions fade (dqn).")
    exploration_end: float = Field(0.05, ge=0, le=1, description="Share of random actions afterwards (dqn).")

    @model_validator(mode="before")
    @classmethod
    def _fill_tuned_defaults(cls, values: Any) -> Any:
        """Fill the settings that are not given with the tuned values of the algorithm."""
        # given values come last, so that they override the tuned ones
        return {**TUNED.get(str(values.get("kind")), {}), **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_learning_starts(self) -> Self:
        if self.learning_starts >= self.steps:
            raise ValueError(f"learning starts after {self.learning_starts} steps, of {self.steps}; lower it")
        return self

    def environment(self, shared: Environment) -> Environment:
        """Return the shared environment with the settings that this agent changes.

        The result is valid, since its parts have been validated.
        """
        changes = {name: value for name in ("weights", "observe") if (value := getattr(self, name)) is not None}
        # not validated again: both parts were validated when they were read
        return shared.model_copy(update=changes)


class WeightStudy(Strict):
    """One agent trained again with other weights of the reward."""

    agent: Name = Field(description="The agent whose settings are taken.")
    steps: int | None = Field(None, ge=50, description="Control steps of each training, where they differ.")
    weights: dict[Name, RewardWeights] = Field(min_length=1, description="Weights, by a name for each combination.")


class Training(Strict):
    """What all agents share."""

    environment: Environment = Field(Environment(), description="The environment.")
    agents: tuple[Agent, ...] = Field(
        (Agent(name="dqn", kind="dqn"), Agent(name="sac", kind="sac")), min_length=1, description="Agents to train."
    )
    study: WeightStudy | None = Field(None, description="How the weights of the reward change the learned policy.")
    seeds: int = Field(5, ge=1, le=100, description="Trainings of each agent.")
    seed: int = Field(1, ge=0, description="The first seed; it also draws the validation scenarios.")
    validation: int = Field(16, ge=1, le=1000, description="Fixed scenarios that choose the best checkpoint.")
    evaluate_every: int = Field(1000, ge=10, description="Control steps between two validations.")
    derate: tuple[Annotated[float, Field(gt=0.5, le=1)], ...] = Field(
        # 1.0 comes first, so that a policy that keeps its limits is not slowed down
        (1.0, 0.95, 0.9),
        min_length=1,
        description="Factors of all C-rates to try in turn, in the second half of a training, until every validation "
        "scenario keeps its limits.",
    )
    patience: int | None = Field(None, ge=1, description="Validations without progress that end it; not set: never.")

    @field_validator("agents")
    @classmethod
    def _check_unique_names(cls, value: tuple[Agent, ...]) -> tuple[Agent, ...]:
        names = [agent.name for agent in value]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"the name {', '.join(repeated)} is listed twice; name each agent differently")
        return value

    @model_validator(mode="after")
    def _check_weight_study(self) -> Self:
        if self.study is not None:
            names = [agent.name for agent in self.agents]
            if self.study.agent not in names:
                hint = did_you_mean(self.study.agent, names)
                raise ValueError(f"study: '{self.study.agent}' is not an agent; {hint}")
            # both name folders of results, so equal names would overwrite each other
            if repeated := sorted({*names} & {agent.name for agent in self.variants}):
                raise ValueError(f"study: {', '.join(repeated)} is the name of an agent too; rename the weights")
        return self

    @property
    def variants(self) -> tuple[Agent, ...]:
        """Return the agents of the weight study, named `<agent>_<weights>`."""
        if self.study is None:
            return ()
        base = next(agent for agent in self.agents if agent.name == self.study.agent)
        steps = self.study.steps or base.steps
        return tuple(
            base.model_copy(update={"name": f"{base.name}_{name}", "weights": weights, "steps": steps})
            for name, weights in self.study.weights.items()
        )

    def agent(self, name: str) -> Agent:
        """Return the agent with a given name.

        Raises:
            KeyError: if there is none; the message suggests one.
        """
        known = {agent.name: agent for agent in (*self.agents, *self.variants)}
        if name not in known:
            raise KeyError(f"'{name}' is not an agent; {did_you_mean(name, known)}")
        return known[name]

    def dump_agent_settings(self, name: str) -> dict[str, Any]:
        """Return the settings of one agent's training alone, so that changes of other agents do not repeat it."""
        # Snakemake reruns a job whose params change, so the settings of other agents are left out
        return self.model_copy(update={"agents": (self.agent(name),), "study": None, "seeds": 1}).model_dump(
            mode="json"
        )
