"""A study: all parts of one YAML file, and what must agree between them."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from batterymi.config import rules
from batterymi.config.campaign import (
    ALL_FEATURES,
    Campaign,
    ChargingChoice,
    EvaluatorChoice,
    Fidelities,
    SearchCampaign,
    SurrogateChoice,
)
from batterymi.config.compositions import find_composition_problems
from batterymi.config.computed import ComputedSets
from batterymi.config.descriptors import ADDED_KINDS, list_described_columns, list_descriptor_lookups
from batterymi.config.designs import Claimed, Derived, ReferenceDesign
from batterymi.config.early import find_early_problems
from batterymi.config.external import ExternalTest, OfficialSplit, find_external_problems
from batterymi.config.formula_net import FineTuning, find_tuning_problems
from batterymi.config.formula_study import complete_formula_study
from batterymi.config.models import Ablation, Surrogate
from batterymi.config.names import Edition, FigureName
from batterymi.config.parts import Column, Constraint, Descriptor, Feature, Labelled, Line, Objective, Simplex, Strict
from batterymi.config.protocol_checks import find_protocol_problems
from batterymi.config.screen import CandidatesSource, FileSource, Screen
from batterymi.config.screened import ScreenedColumns, find_screen_problems
from batterymi.config.sources import Table
from batterymi.config.structures import Structures, find_structure_problems
from batterymi.config.transfer import Transfer
from batterymi.config.worth import HULL_DATASET, find_pool_problems
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.arguments import STRUCTURES


class Study(Strict):
    """One question, from its table to its campaign."""

    title: Line = Field(description="Heading in tables, figures and the report.", min_length=1)
    edition: Edition = Field(description="The chapter's tables, data sets, your own, or only run where it is named.")
    seed: int = Field(0, ge=0, lt=2**31, description="Every random number of the study comes from it.")
    table: Table = Field(description="Where the rows come from.")
    features: tuple[Feature, ...] = Field((), description="Input columns.")
    descriptors: tuple[Descriptor, ...] = Field((), description="Features computed from columns, as from a formula.")
    objectives: tuple[Objective, ...] = Field(min_length=1, description="Output columns; the first leads in tables.")
    simplex: Simplex | None = Field(None, description="Features that are fractions of one whole.")
    constraints: tuple[Constraint, ...] = Field((), description="Conditions on designs.")
    surrogate: Surrogate = Field(default_factory=Surrogate, description="Models to compare.")
    ablations: tuple[Ablation, ...] = Field((), description="Comparisons without some features.")
    official_test: OfficialSplit | None = Field(None, description="How often the official test split was looked at.")
    external_test: ExternalTest | None = Field(None, description="Another data set to test the final model on.")
    fine_tuning: FineTuning | None = Field(None, description="Networks over formulas for `snakemake transfer_curve`.")
    transfer: Transfer | None = Field(None, description="Strategies of transfer to compare, for data sets with ions.")
    campaign: Campaign = Field(description="The search for better designs.")
    structures: Structures | None = Field(None, description="Crystal structures of the data set, and their worth.")
    computed_sets: ComputedSets | None = Field(None, description="Computed sets, and their worth.")
    screen: Screen | None = Field(None, description="Candidates to score in shards and pass through gates.")
    reference_designs: tuple[ReferenceDesign, ...] = Field((), description="Known designs, as from the literature.")
    derived: tuple[Derived, ...] = Field((), description="Quantities computed from designs.")
    remarks: tuple[str, ...] = Field((), description="What readers of the summary and the model card should know.")
    claimed: Claimed | None = Field(None, description="The chapter's row of its summary table.")
    figure: FigureName = Field("overview", description="The study's own figure.")

    @model_validator(mode="before")
    @classmethod
    def _complete_formulas(cls, raw: Any) -> Any:
        """Complete a study of formulas: descriptors where it names no inputs, and rows of one compound as a group."""
        return complete_formula_study(raw)

    @field_validator("features", "objectives")
    @classmethod
    def _check_column_names(cls, value: tuple[Column, ...]) -> tuple[Column, ...]:
        if any(column.name in ("split", "line", "label") for column in value):
            raise ValueError("'split', 'line' and 'label' are names that tables use themselves")
        return value

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        screened = self.variants, self._screened_descriptors, self.objectives
        problems = [
            *self._find_naming_problems(),
            *self._find_reference_problems(),
            *self._find_campaign_problems(),
            *find_external_problems(self.external_test, self.variants),
            *find_tuning_problems(self.fine_tuning, self.transfer is not None),
            *find_structure_problems(self.structures, self.table),
            *rules.find_design_problems(self.reference_designs, self.designable),
            *find_composition_problems(self.evaluator, self.features, self.objectives, self.simplex),
            *(find_screen_problems(self.screen, *screened) if self.screen else ()),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def variants(self) -> dict[str, tuple[Feature, ...]]:
        """Return the features of each variant: all of them, and those of each ablation."""
        kept = {a.name: tuple(f for f in self.features if f.name not in a.drop) for a in self.ablations}
        return {ALL_FEATURES: self.features, **kept}

    def list_descriptors(self, variant: str) -> tuple[Descriptor, ...]:
        """List the descriptors of a variant."""
        dropped = {name for ablation in self.ablations if ablation.name == variant for name in ablation.drop}
        return tuple(descriptor for descriptor in self.descriptors if descriptor.name not in dropped)

    @property
    def primary_variant(self) -> str:
        """Return the variant that decisions rest on: the one whose model the campaign uses."""
        return self.campaign.variant

    @property
    def primary_descriptors(self) -> tuple[Descriptor, ...]:
        """Return the descriptors of the primary variant."""
        return self.list_descriptors(self.primary_variant)

    @property
    def designable(self) -> tuple[Feature, ...]:
        """Return the features that a campaign chooses."""
        return self.variants.get(self.primary_variant, self.features)

    @property
    def optimised(self) -> tuple[Objective, ...]:
        """The objectives that are maximised or minimised, or have a target; at least one."""
        return tuple(objective for objective in self.objectives if objective.is_optimised)

    @property
    def target(self) -> Objective:
        """The first of them, which ranks candidates and rows."""
        return self.optimised[0]

    @property
    def target_name(self) -> str:
        """The column of that objective."""
        return self.target.name

    @property
    def design_columns(self) -> list[str]:
        """Columns of the campaign's files that describe a design; none where designs are rows of the table."""
        own = [feature.name for feature in self.designable]
        return [] if self.campaign.mode == "replay" else [*own, *self.design_texts]

    @property
    def design_texts(self) -> tuple[str, ...]:
        """Columns of a design that are text from which descriptors are computed."""
        numbers = {feature.name for feature in self.designable}
        taken = list_described_columns(self.primary_descriptors) if self.is_described_pool else ()
        return tuple(name for name in taken if name not in numbers)

    @property
    def evaluator(self) -> EvaluatorChoice | None:
        """Return what evaluates designs; None where they are measured or looked up."""
        return self.campaign.evaluator if isinstance(self.campaign, SearchCampaign) else None

    @property
    def is_charging(self) -> bool:
        """Whether designs are charging protocols."""
        return isinstance(self.evaluator, ChargingChoice)

    @property
    def fidelities(self) -> Fidelities | None:
        """Levels of fidelity to compare, if there are any."""
        return self.campaign.fidelities if isinstance(self.campaign, SearchCampaign) else None

    @property
    def pool(self) -> str | None:
        """The file of designs that the campaign chooses from, if it has one."""
        return None if self.campaign.mode == "replay" else self.campaign.pool

    @property
    def is_described_pool(self) -> bool:
        """Whether the campaign chooses among listed candidates that descriptors describe, as formulas."""
        return bool(self.primary_descriptors) and self.is_experiment and self.pool is not None

    @property
    def takes_structures(self) -> bool:
        """Whether descriptors are computed from CIF files."""
        return any(argument in STRUCTURES for descriptor in self.descriptors for argument in descriptor.columns)

    @property
    def id_column(self) -> str | None:
        """Return the column that names the rows of the table, if it has one."""
        return self.table.id_column

    @property
    def n_sampled(self) -> int:
        """Return the number of designs that make the table, if the evaluator makes it."""
        return self.table.sample.designs if self.table.sample else 0

    @property
    def datasets(self) -> tuple[str, ...]:
        """Return the names of the data sets that the study reads."""
        tested = self.external_test.dataset if self.external_test else None
        names: list[str] = [rows.name for rows in (self.table.dataset, tested) if rows]
        names += self.screen.datasets if self.screen else []
        names += [HULL_DATASET] if self.campaign.mode == "replay" and self.campaign.hull_of else []
        names += [HULL_DATASET] if getattr(self.evaluator, "name", None) == "electrolyte" else []
        return tuple(dict.fromkeys(names))

    @property
    def compared_models(self) -> tuple[str, ...]:
        """Models that the study fits anywhere, members of blends included."""
        compared = [self.surrogate.models, *(ablation.models or () for ablation in self.ablations)]
        names = [name for models in compared for name in models]
        names += [self.transfer.model] if self.transfer else []
        names += ["extra_trees"] if self.surrogate.censoring == "expected" else []  # it predicts what is below bounds
        return tuple(dict.fromkeys([*names, *(self.surrogate.blend if "blend" in names else ())]))

    @property
    def is_experiment(self) -> bool:
        """Return whether designs are evaluated by experiments."""
        return self.campaign.mode == "experiment"

    @property
    def files(self) -> tuple[str, ...]:
        """Files of data that the study reads, beside data sets."""
        screened = self.screen.source.file if self.screen and isinstance(self.screen.source, FileSource) else None
        return tuple(file for file in (self.table.file, self.pool, screened) if file)

    def list_lookups(self, *kinds: str) -> list[tuple[str, str]]:
        """List the registered names that the study uses, as (kind, name) pairs, for the given kinds."""
        used = [
            *self._campaign_lookups(),
            *(("constraint", constraint.function) for constraint in self.constraints if constraint.function),
            ("figure", self.figure),
            *list_descriptor_lookups(self.descriptors),
            *(("model", name) for name in self.compared_models),
            *self._claim_lookups(),
            *(("loader", rows.name) for rows in (self.table.dataset,) if rows),
            *(
                ("candidates", screen.source.name)
                for screen in (self.screen,)
                if screen and isinstance(screen.source, CandidatesSource)
            ),
        ]
        wanted = {*kinds, *(ADDED_KINDS[kind] for kind in kinds if kind in ADDED_KINDS)}
        return [pair for pair in used if pair[0] in wanted]

    def _claim_lookups(self) -> list[tuple[str, str]]:
        """Return the registered names of what the chapter's numbers are compared with."""
        named = (("recipe", self.claimed.recipe), ("lookup", self.claimed.lookups)) if self.claimed else ()
        return [(kind, name) for kind, name in named if name]

    def _campaign_lookups(self) -> list[tuple[str, str]]:
        """Return the registered names of the campaign: of engines, and of the evaluator."""
        if self.campaign.mode == "replay":
            return []
        # measured rows are replayed with a Gaussian process where the study's own engine needs a model of trees
        stand_in = ["gaussian_process"] if self.is_experiment and self.campaign.engine == "enumerate" else []
        engines = [("engine", name) for name in (self.campaign.engine, "random", *stand_in)]
        return [*engines, *([("evaluator", self.evaluator.name)] if self.evaluator else [])]

    def _find_naming_problems(self) -> Iterable[str]:
        if not self.features and not self.descriptors:
            yield "features: a model needs at least one feature or descriptor"
        columns: tuple[Labelled, ...] = (*self.features, *self.objectives, *self.descriptors)
        names = [*(column.name for column in columns), *(derived.name for derived in self.derived)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"the column '{name}' is declared twice"
        variants = [ALL_FEATURES, *(ablation.name for ablation in self.ablations)]
        for name in sorted({name for name in variants if variants.count(name) > 1}):
            yield f"the ablation name '{name}' is taken"

    def _find_reference_problems(self) -> Iterable[str]:
        features = {feature.name for feature in self.features}
        columns = features | {objective.name for objective in self.objectives}
        # constraints are checked before an evaluation, so they cannot use objectives
        quantities = {name for name, used in self._resolve_quantities().items() if used <= features}
        wanted: list[tuple[str, str, set[str]]] = []
        if self.simplex:
            wanted += [("simplex", name, features) for name in self.simplex.features]
        for constraint in self.constraints:
            wanted += [("constraints", name, features | quantities) for name in constraint.names]
        for constraint in self.constraints:
            yield from rules.find_category_problems(constraint, self.features)
        for ablation in self.ablations:
            known = features | {descriptor.name for descriptor in self.descriptors}
            wanted += [("ablations", name, known) for name in ablation.drop]
        earlier = columns - self._uncomputable()
        for derived in self.derived:
            wanted += [("derived", name, set(earlier)) for name in derived.names if name not in self._uncomputable()]
            earlier.add(derived.name)
        for name in sorted({name for derived in self.derived for name in derived.names} & self._uncomputable()):
            yield f"derived: '{name}' is not a number that the campaign chooses; use {', '.join(sorted(earlier))}"
        for place, name, known in wanted:
            if name not in known:
                yield f"{place}: '{name}' is not a column; {did_you_mean(name, known)}"
        for name, left in self.variants.items():
            if not left and not self.list_descriptors(name):
                yield f"ablations: '{name}' drops every feature"

    def _uncomputable(self) -> set[str]:
        """Return the features that no quantity of a design can be derived from: categories, and what it leaves out."""
        numbers = {feature.name for feature in self.designable if not feature.is_category}
        return {feature.name for feature in self.features} - numbers

    def _resolve_quantities(self) -> dict[str, set[str]]:
        """Return the derived quantities with the columns on which each depends in the end."""
        found: dict[str, set[str]] = {}
        for derived in self.derived:
            found[derived.name] = set().union(*(found.get(name, {name}) for name in derived.names))
        return found

    def _find_campaign_problems(self) -> Iterable[str]:
        if self.primary_variant not in self.variants:
            key, name = "evaluator.variant" if self.evaluator else "variant", self.primary_variant
            yield f"campaign.{key}: '{name}' is not a variant; {did_you_mean(name, self.variants)}"
        is_replay = self.campaign.mode == "replay"
        for feature in () if is_replay or self.is_described_pool else self.designable:
            if not feature.is_category and feature.range is None:
                yield f"features: '{feature.name}' needs bounds, since the campaign searches it"
        if not self.optimised:
            yield "objectives: at least one must be maximised or minimised, or have a target"
        if self.campaign.mode != "search":
            yield from rules.find_reserves(self.objectives)
        if self.table.sample and (self.evaluator is None or isinstance(self.evaluator, SurrogateChoice)):
            yield "table.sample needs `campaign.mode: search`, with another evaluator than surrogate, which has no rows"
        if self.primary_descriptors and not (is_replay or self.is_described_pool):
            yield (
                "descriptors: they need `campaign.mode: replay`, which chooses among the rows, or `mode: experiment` "
                "with a `pool`, a file of candidates to choose from; a `screen` ranks candidates without a campaign"
            )
        # the cells of a file may hold limits themselves, as <1e-8
        if self.surrogate.censoring != "bound" and not (self.table.censored or self.table.file):
            yield f"surrogate.censoring: '{self.surrogate.censoring}' needs table.censored, which marks the bounds"
        yield from find_early_problems(self.objectives, self.features, self.campaign)
        yield from self._find_rule_problems()
        yield from self._find_engine_problems()
        levels = self.fidelities.levels if self.fidelities else ()
        charging = [
            one for one in (self.evaluator, *(level.evaluator for level in levels)) if isinstance(one, ChargingChoice)
        ]
        if charging:
            yield from find_protocol_problems(self.features, self.reference_designs, charging)

    def _find_rule_problems(self) -> Iterable[str]:
        """Yield problems with compositions, with features that apply to some designs only, and with shared values."""
        if self.simplex is not None:
            yield from rules.find_simplex_problems(self.simplex, self.features)
        yield from rules.find_condition_problems(self.variants)
        if self.campaign.mode != "replay":
            yield from rules.find_shared_problems(self.campaign.shared_in_batch, self.designable, self.simplex)

    def _find_engine_problems(self) -> Iterable[str]:
        """Yield problems with the engine and the reference point."""
        campaign = self.campaign
        if campaign.mode == "replay":
            measured = [objective.name for objective in self.objectives]
            yield from find_pool_problems(campaign.where, campaign.rank_by, campaign.hull_of, measured)
            if campaign.times and self.optimised and self.target.window:
                yield "campaign.times: a target is a value of the objective itself, not of its product with a column"
            return
        if campaign.mode == "search" and len(self.optimised) != 1:
            said = "a single value needs a single objective to maximise or minimise"
            if campaign.best_known:
                yield f"campaign.best_known: {said}"
            if campaign.fidelities and campaign.fidelities.best_known:
                yield f"campaign.fidelities.best_known: {said}"
        if campaign.reference is not None:
            yield from rules.find_reference_problems(campaign.reference, self.optimised)
        if self.is_described_pool and campaign.engine == "scikit-optimize":
            yield "campaign.engine: 'scikit-optimize' knows no descriptors; use gaussian_process or botorch"
        if self.is_described_pool and self.reference_designs:
            yield "reference_designs: they hold no formulas; add the designs to campaign.pool, and see its suggestions"
        if campaign.engine == "enumerate":
            if not (self.is_experiment or isinstance(self.evaluator, SurrogateChoice)):
                yield "campaign.engine: 'enumerate' needs the evaluator surrogate, whose trees it lists"
            if self.simplex is not None or self.constraints or campaign.max_distance is not None:
                yield "campaign.engine: 'enumerate' knows bounds only, no simplex, constraint or max_distance"
            if any(feature.step or feature.levels for feature in self.designable) or campaign.pool:
                yield "campaign.engine: 'enumerate' supports continuous numbers only, no step, levels or pool"
            if any(feature.is_conditional for feature in self.designable) or campaign.shared_in_batch:
                yield "campaign.engine: 'enumerate' supports no used_with, optional_step or shared_in_batch"
            if len(self.optimised) > 1:
                yield "campaign.engine: 'enumerate' optimises one objective"

    @property
    def screened_features(self) -> tuple[str, ...]:
        """Return the numbers that the screen's model takes beside formulas."""
        return tuple(feature.name for feature in self.variants[self.screen.variant]) if self.screen else ()

    @property
    def _screened_descriptors(self) -> tuple[Descriptor, ...]:
        """Return the descriptors of the screen's model."""
        return self.list_descriptors(self.screen.variant) if self.screen else ()

    @property
    def screened_columns(self) -> ScreenedColumns:
        """Return the columns of text of the screen's model."""
        features = self.variants[self.screen.variant] if self.screen else ()
        return ScreenedColumns.choose(self.screen, features, self._screened_descriptors)

    @property
    def formula_columns(self) -> tuple[str, ...]:
        """Return the columns of the screen's model that are the formula of a candidate."""
        return self.screened_columns.own
