"""Settings of a campaign: its engine, its budget, and the evaluator of its designs."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from batterymi.config.names import CellName, EngineName, UnitName
from batterymi.config.parts import InsidePath, Name, Strict, Worthwhile
from batterymi.config.screen import Element
from batterymi.config.worth import BestKnown, RankRule, WorthFinding
from batterymi.vocabulary.targets import DECLARED_POOL_SHARE, POOL_SHARES

ALL_FEATURES = "all_features"
VARIANT = "`all_features`, or the name of an ablation"


class FixedRun(Strict):
    """A reference charge that is not a point of the search space."""

    label: str = Field(description="What tables and figures call it.", min_length=1)
    cc_cv: float | None = Field(None, gt=0, description="C-rate of a constant-current, constant-voltage charge.")
    timed: tuple[tuple[float, float], ...] | None = Field(None, description="Pairs of C-rate and minutes.")
    phases: tuple[tuple[float, float], ...] | None = Field(
        None, description="Pairs of the state of charge where a phase ends, rising, and its C-rate."
    )

    @model_validator(mode="after")
    def _check_protocol_kind(self) -> Self:
        if sum(kind is not None for kind in (self.cc_cv, self.timed, self.phases)) != 1:
            raise ValueError("give exactly one of cc_cv, timed and phases")
        return self


class SurrogateChoice(Strict):
    """Designs are evaluated by the study's own surrogate."""

    name: Literal["surrogate"]
    variant: str = Field(ALL_FEATURES, description=f"{VARIANT} whose model predicts.")


class NcmFormulasChoice(Strict):
    """Designs are evaluated by the chapter's three NCM formulas."""

    name: Literal["ncm_formulas"]


class ChargingChoice(Strict):
    """Designs are C-rates of equal SOC steps, simulated by PyBaMM."""

    name: Literal["charging"]
    cell: CellName = Field("power_cell", description="A declared cell.")
    model: Literal["SPMe", "DFN"] = Field("SPMe", description="Model that evaluates designs.")
    reference_model: Literal["SPMe", "DFN"] = Field("DFN", description="Finer model on which the winner is replayed.")
    soc_start: float = Field(0.1, ge=0, lt=1, description="State of charge at the start.")
    soc_end: float = Field(0.8, gt=0, le=1, description="State of charge to reach.")
    ambient_c: float = Field(25.0, ge=-20, le=60, description="Ambient and initial °C.")
    references: tuple[FixedRun, ...] = Field((), description="Charges shown beside designs; no model learns from them.")

    @model_validator(mode="after")
    def _check_soc_range(self) -> Self:
        if not self.soc_start < self.soc_end:
            raise ValueError(f"soc_start {self.soc_start:g} is not below soc_end {self.soc_end:g}")
        return self


class ElectrolyteChoice(Strict):
    """Designs are compositions: a model predicts conductivity, formation energies tell window and reactions."""

    name: Literal["electrolyte"]
    elements: dict[Name, Element] = Field(
        min_length=2, description="Element of each feature; features are shares of the atoms."
    )
    model_of: Name = Field("solid_electrolytes_measured", description="Study whose model predicts the conductivity.")
    variant: str = Field("composition_only", description="Its variant, which takes formulas only.")
    threshold: float | None = Field(
        None, description="log10 of the conductivity in S/cm, beyond which `probability_beyond` counts."
    )

    @model_validator(mode="after")
    def _check_elements(self) -> Self:
        symbols = list(self.elements.values())
        if repeated := [symbol for symbol in symbols if symbols.count(symbol) > 1]:
            raise ValueError(f"elements: '{repeated[0]}' is there twice")
        return self


EvaluatorChoice = Annotated[
    SurrogateChoice | NcmFormulasChoice | ChargingChoice | ElectrolyteChoice, Field(discriminator="name")
]


class FidelityLevel(Strict):
    """One level of fidelity: an evaluator and the cost of one evaluation."""

    label: str = Field(description="What tables and figures call it.", min_length=1)
    cost: float = Field(gt=0, description="Of one evaluation, in units that all levels share.")
    evaluator: NcmFormulasChoice | ChargingChoice = Field(discriminator="name", description="Evaluator of this level.")


class Fidelities(Strict):
    """Levels of fidelity, compared with the last level alone at the same cost by `snakemake fidelities`."""

    levels: tuple[FidelityLevel, ...] = Field(
        min_length=2, description="In order of increasing cost; only outcomes of the last level count as results."
    )
    budget: float = Field(gt=0, description="Cost of all evaluations of a campaign together.")
    initial: int = Field(8, ge=3, le=1000, description="Designs to start from.")
    best_known: BestKnown | None = Field(
        None,
        description="With one objective: the best value known at the last level, under the limits without reserves: "
        "the end of the attainable range. Not set: the best of these campaigns, which moves with their budget.",
    )

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        costs = [level.cost for level in self.levels]
        # without repeats, so that two levels of equal cost are refused too
        if costs != sorted(set(costs)):
            raise ValueError(f"list levels in order of increasing cost, found costs {costs}")
        labels = [level.label for level in self.levels]
        if len(set(labels)) < len(labels):
            raise ValueError(f"every level needs a label of its own, found {labels}")
        # the start and at least one more design are evaluated at the last level, whose results count
        least = self.initial * costs[-1] + costs[-1]
        if self.budget < least:
            raise ValueError(
                f"budget {self.budget:g} leaves nothing after {self.initial} designs at {costs[-1]:g}; "
                f"use at least {least:g}"
            )
        return self


class _Campaign(Strict):
    """What campaigns of all modes have."""

    mode: str
    seeds: int = Field(10, ge=2, le=1000, description="Repeats, each from its own start; 10 or more for a claim.")
    suggestions: int = Field(5, ge=1, le=100, description="Best designs to list; with `experiment`, the next batch.")
    worthwhile: Worthwhile | None = Field(
        None, description="Evaluations saved against random search below which a gain does not matter; not set: any."
    )


class _DesignCampaign(_Campaign):
    """What campaigns have that propose designs within bounds."""

    engine: EngineName = Field("gaussian_process", description="What proposes designs; docs/reference/campaigns.md.")
    max_distance: float | None = Field(
        None,
        gt=0,
        description="Maximum distance of a design to the nearest row (root mean square over the features, in "
        "units of the search range); keeps a surrogate from extrapolating. Not set: no bound.",
    )
    pool: InsidePath | None = Field(None, description="CSV file of designs to choose from; not set: any in bounds.")
    shared_in_batch: tuple[Name, ...] = Field(
        (),
        description="Features of which all designs of a batch have the same value, as the temperature of an oven that "
        "holds them all; the engine chooses it.",
    )
    reference: dict[Name, float] | None = Field(
        None,
        description="With several objectives, the worst value of each that counts in the hypervolume, for a target a "
        "value on either side of it; not set: inferred from designs all over the space, or from the rows.",
    )


class _BudgetedCampaign(_Campaign):
    """What campaigns have that spend a budget."""

    initial: int = Field(8, ge=2, le=1000, description="Random designs to start from, shared with random search.")
    budget: int = Field(25, ge=1, le=10_000, description="Evaluations per campaign, start included.")

    @model_validator(mode="after")
    def _budget_covers_start(self) -> Self:
        # the initial designs count towards the budget
        if self.budget <= self.initial:
            raise ValueError(
                f"budget {self.budget} leaves nothing after {self.initial} initial designs; "
                f"use at least {self.initial + 1}"
            )
        return self


class SearchCampaign(_DesignCampaign, _BudgetedCampaign):
    """Designs are proposed, and evaluated at once; beside random search from the same starts."""

    mode: Literal["search"] = Field(description="An evaluator evaluates the designs that are proposed.")
    evaluator: EvaluatorChoice = Field(description="Evaluator of the designs.")
    batch: int = Field(1, ge=1, le=1000, description="Designs that are proposed at once in each round.")
    fidelities: Fidelities | None = Field(None, description="Levels of fidelity; docs/reference/campaigns.md.")
    best_known: BestKnown | None = Field(
        None,
        description="With one objective and a costly evaluator, as simulated charges: the best value known, the upper "
        "end of the attainable range. Not set: the best of these campaigns, which moves with their budget. Cheap "
        "evaluators are scanned instead.",
    )

    @property
    def variant(self) -> str:
        """Return the variant whose model evaluates designs; all features where none does."""
        return self.evaluator.variant if isinstance(self.evaluator, SurrogateChoice) else ALL_FEATURES


class ExperimentCampaign(_DesignCampaign):
    """The next batch is suggested to you, and what you measure is appended to the table."""

    mode: Literal["experiment"] = Field(description="You measure the designs that are suggested.")
    variant: str = Field(ALL_FEATURES, description=f"{VARIANT} whose model predicts the suggestions.")


class ReplayCampaign(_BudgetedCampaign):
    """Designs are the rows of the table, evaluated by looking them up."""

    engine: ClassVar[str] = "pool"

    mode: Literal["replay"] = Field(description="The rows of the table are the designs; their values are known.")
    variant: str = Field(ALL_FEATURES, description=f"{VARIANT} whose features the campaign uses.")
    batch: int = Field(5, ge=1, le=1000, description="Rows that are chosen at once.")
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        POOL_SHARES, min_length=1, description="Best shares of the rows; how soon a campaign finds them is measured."
    )
    times: Name | None = Field(
        None,
        description="Column, known beforehand, whose product with the objective ranks the rows; as the capacity for "
        "specific energy.",
    )
    label: str | None = Field(None, description="Label of that product in figures.")
    unit: UnitName = Field("1", description="Unit of that product.")
    where: tuple[WorthFinding, ...] = Field(
        (), description="What makes a row worth finding; others are none of the best, whatever their value."
    )
    hull_of: Name | None = Field(
        None,
        description="Column of formulas whose distance from the convex hull, in eV/atom, conditions may use as "
        "`e_above_hull`; from the data set mp_compositions, by formula.",
    )
    rank_by: RankRule | None = Field(
        None, description="What is known for free: an order of the rows that needs no measurement, to compare with."
    )

    @model_validator(mode="after")
    def _check_product_label(self) -> Self:
        if (self.times is None) != (self.label is None):
            raise ValueError("times and label belong together")
        if DECLARED_POOL_SHARE not in self.shares:
            raise ValueError(f"shares: {DECLARED_POOL_SHARE:g} is missing, on which the verdicts of all studies rest")
        return self


MODES = {
    "search": "an evaluator evaluates designs",
    "experiment": "you measure the designs that are suggested",
    "replay": "the rows of the table are the designs",
}


def refuse_old_modes(value: Any) -> Any:
    """Refuse a campaign without a mode, or with the evaluators that were modes before."""
    if not isinstance(value, Mapping):
        return value
    evaluator = value.get("evaluator")
    name = evaluator.get("name") if isinstance(evaluator, Mapping) else None
    if name == "pool" or value.get("engine") == "pool":
        raise ValueError(
            "the evaluator 'pool' and the engine 'pool' are now `mode: replay`, without evaluator and engine; variant, "
            "batch, shares, times, label and unit are keys beside it"
        )
    if name == "experiment":
        raise ValueError(
            "the evaluator 'experiment' is now `mode: experiment`, without evaluator; variant is a key beside it"
        )
    if "mode" not in value:
        choices = "; ".join(f"`mode: {mode}` if {meaning}" for mode, meaning in MODES.items())
        raise ValueError(f"the mode is missing; write {choices}")
    return value


CAMPAIGNS: dict[str, type[_Campaign]] = {
    "search": SearchCampaign,
    "experiment": ExperimentCampaign,
    "replay": ReplayCampaign,
}
Campaign = Annotated[
    SearchCampaign | ExperimentCampaign | ReplayCampaign, Field(discriminator="mode"), BeforeValidator(refuse_old_modes)
]
