"""What a campaign searches with, and what answers its designs."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from batterymi.config.names import CellName, EngineName, UnitName
from batterymi.config.parts import Name, Strict, inside_folder


class FixedRun(Strict):
    """A reference charge that is not a point of the search space."""

    label: str = Field(description="What tables and figures call it.", min_length=1)
    cc_cv: float | None = Field(None, gt=0, description="C-rate of a constant-current, constant-voltage charge.")
    timed: tuple[tuple[float, float], ...] | None = Field(None, description="Pairs of C-rate and minutes.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cc_cv is None) == (self.timed is None):
            raise ValueError("give exactly one of cc_cv and timed")
        return self


class SurrogateChoice(Strict):
    """Designs are answered by the study's own model."""

    name: Literal["surrogate"]
    variant: str = Field(
        "all_features",
        description="`all_features`, or the name of an ablation whose model answers.",
    )


class ExperimentChoice(Strict):
    """Designs are answered by you: the next batch is suggested, and what you measure is appended to the table."""

    name: Literal["experiment"]
    variant: str = Field("all_features", description="As for `surrogate`; this model predicts the suggestions.")


class PoolChoice(Strict):
    """Designs are rows of the table, answered by looking them up."""

    name: Literal["pool"]
    variant: str = Field(
        "all_features", description="`all_features`, or the ablation whose features the campaign uses."
    )
    batch: int = Field(5, ge=1, le=1000, description="Rows that are asked for at once.")
    shares: tuple[float, ...] = Field(
        (0.01, 0.05), min_length=1, description="Best shares of the pool that a campaign hunts for."
    )
    times: Name | None = Field(
        None,
        description="Column, known beforehand, whose product with the objective is hunted for; as the capacity for "
        "specific energy.",
    )
    label: str | None = Field(None, description="What figures call that product.")
    unit: UnitName = Field("1", description="Unit of that product.")

    @model_validator(mode="after")
    def _product_is_named(self) -> Self:
        if (self.times is None) != (self.label is None):
            raise ValueError("times and label belong together")
        return self


class NcmFormulasChoice(Strict):
    """Designs are answered by the chapter's three NCM formulas."""

    name: Literal["ncm_formulas"]


class ChargingChoice(Strict):
    """Designs are C-rates of equal SOC steps, answered by PyBaMM."""

    name: Literal["charging"]
    cell: CellName = Field("power_cell", description="A declared cell.")
    model: Literal["SPMe", "DFN"] = Field("SPMe", description="Model that answers designs.")
    reference_model: Literal["SPMe", "DFN"] = Field("DFN", description="Finer model on which the winner is replayed.")
    soc_start: float = Field(0.1, ge=0, lt=1, description="State of charge at the start.")
    soc_end: float = Field(0.8, gt=0, le=1, description="State of charge to reach.")
    ambient_c: float = Field(25.0, ge=-20, le=60, description="Ambient and initial °C.")
    references: tuple[FixedRun, ...] = Field(
        (), description="Charges shown beside the designs; no model learns from them."
    )

    @model_validator(mode="after")
    def _charges(self) -> Self:
        if not self.soc_start < self.soc_end:
            raise ValueError(f"soc_start {self.soc_start:g} is not below soc_end {self.soc_end:g}")
        return self


EvaluatorChoice = Annotated[
    SurrogateChoice | NcmFormulasChoice | ChargingChoice | PoolChoice | ExperimentChoice, Field(discriminator="name")
]


class FidelityLevel(Strict):
    """A way to answer designs, with its price."""

    label: str = Field(description="What tables and figures call it.", min_length=1)
    cost: float = Field(gt=0, description="Of one evaluation, in units that all levels share.")
    evaluator: NcmFormulasChoice | ChargingChoice = Field(discriminator="name", description="What answers.")


class Fidelities(Strict):
    """Levels of fidelity, compared with the last level alone at the same cost by `snakemake fidelities`."""

    levels: tuple[FidelityLevel, ...] = Field(
        min_length=2, description="Cheapest first; only answers of the last count as results."
    )
    budget: float = Field(gt=0, description="Cost of all evaluations of a campaign together.")
    initial: int = Field(8, ge=3, le=1000, description="Designs to start from.")

    @model_validator(mode="after")
    def _dearer_and_dearer(self) -> Self:
        costs = [level.cost for level in self.levels]
        if costs != sorted(set(costs)):
            raise ValueError(f"levels must become dearer from one to the next, found costs {costs}")
        labels = [level.label for level in self.levels]
        if len(set(labels)) < len(labels):
            raise ValueError(f"every level needs a label of its own, found {labels}")
        least = self.initial * costs[-1] + costs[-1]
        if self.budget < least:
            raise ValueError(
                f"budget {self.budget:g} leaves nothing after {self.initial} designs at {costs[-1]:g}; "
                f"use at least {least:g}"
            )
        return self


class Campaign(Strict):
    """The search for better designs."""

    evaluator: EvaluatorChoice = Field(description="What answers a design.")
    engine: EngineName | Literal["pool"] = Field(
        "gaussian_process", description="What proposes designs; docs/reference/campaigns.md."
    )
    initial: int = Field(8, ge=2, le=1000, description="Random designs to start from, shared with random search.")
    budget: int = Field(25, ge=1, le=10_000, description="Evaluations per campaign, start included.")
    batch: int = Field(1, ge=1, le=1000, description="Designs that are asked for at once in each round.")
    seeds: int = Field(10, ge=2, le=1000, description="Repeats, each from its own start; 10 or more for a claim.")
    reach: float | None = Field(
        None,
        gt=0,
        description="Largest distance of a design to the nearest row (root mean square over the features, in "
        "units of the search range); keeps a surrogate from extrapolating. Not set: no bound.",
    )
    suggestions: int = Field(5, ge=1, le=100, description="Best designs to list; with `experiment`, the next batch.")
    pool: str | None = Field(
        None, description="CSV file of designs to choose from, one per row; not set: any design within the bounds."
    )
    reference: dict[Name, float] | None = Field(
        None,
        description="With several objectives, the worst value of each that counts in the hypervolume; not set: "
        "inferred from designs all over the space, or from the rows.",
    )
    fidelities: Fidelities | None = Field(None, description="Levels of fidelity; docs/reference/campaigns.md.")

    @field_validator("pool")
    @classmethod
    def _inside(cls, value: str | None) -> str | None:
        return inside_folder(value)

    @model_validator(mode="after")
    def _budget_covers_start(self) -> Self:
        if self.budget <= self.initial:
            raise ValueError(
                f"budget {self.budget} leaves nothing after {self.initial} initial designs; "
                f"use at least {self.initial + 1}"
            )
        return self
