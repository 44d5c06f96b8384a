"""A study: all parts of one YAML file, and what must agree between them."""

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from batterymi import registry
from batterymi.config.parts import (
    Ablation,
    Campaign,
    ChargingChoice,
    Claimed,
    Column,
    Constraint,
    Derived,
    Feature,
    NamedDesign,
    Objective,
    Simplex,
    Strict,
    Surrogate,
    SurrogateChoice,
    Table,
)
from batterymi.suggest import did_you_mean

ALL_FEATURES = "all_features"


class Study(Strict):
    """One question, from its table to its campaign."""

    title: str = Field(description="Heading in tables, figures and the report.", min_length=1)
    edition: Literal["textbook", "measured"] = Field(description="Which edition it belongs to.")
    seed: int = Field(0, ge=0, lt=2**31, description="Every random number of the study comes from it.")
    table: Table = Field(description="Where the rows come from.")
    features: tuple[Feature, ...] = Field(min_length=1, description="Input columns.")
    objectives: tuple[Objective, ...] = Field(min_length=1, description="Output columns; the first leads in tables.")
    simplex: Simplex | None = Field(None, description="Features that are fractions of one whole.")
    constraints: tuple[Constraint, ...] = Field((), description="Conditions on designs.")
    surrogate: Surrogate = Field(default_factory=Surrogate, description="Models to compare.")
    ablations: tuple[Ablation, ...] = Field((), description="Comparisons without some features.")
    campaign: Campaign = Field(description="The search for better designs.")
    designs: tuple[NamedDesign, ...] = Field(
        (), description="Designs of others to hold against constraints and evaluator."
    )
    derived: tuple[Derived, ...] = Field((), description="Quantities computed from designs.")
    claimed: Claimed | None = Field(None, description="The chapter's row of its summary table.")
    picture: str = Field("overview", description="The study's own figure.")

    @field_validator("picture")
    @classmethod
    def _registered_picture(cls, value: str) -> str:
        if value not in registry.names("picture"):
            known = registry.names("picture")
            raise ValueError(f"'{value}' is not a known picture; {did_you_mean(value, known)}")
        return value

    @field_validator("features", "objectives")
    @classmethod
    def _all_named(cls, value: tuple[Column, ...]) -> tuple[Column, ...]:
        if any(column.name in ("split", "line", "label") for column in value):
            raise ValueError("'split', 'line' and 'label' are names that tables use themselves")
        return value

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        problems = [*self._naming(), *self._references(), *self._search(), *self._named_designs()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def variants(self) -> dict[str, tuple[Feature, ...]]:
        """Features of each variant: all of them, and each ablation."""
        left = {
            ablation.name: tuple(f for f in self.features if f.name not in ablation.drop) for ablation in self.ablations
        }
        return {ALL_FEATURES: self.features, **left}

    @property
    def headline(self) -> str:
        """The variant that decisions rest on: the one that answers the campaign."""
        choice = self.campaign.evaluator
        return choice.variant if isinstance(choice, SurrogateChoice) else ALL_FEATURES

    @property
    def designable(self) -> tuple[Feature, ...]:
        """The features that a campaign chooses."""
        return self.variants.get(self.headline, self.features)

    def lookups(self, *kinds: str) -> list[tuple[str, str]]:
        """Registered names that the study uses, as (kind, name) pairs, for the given kinds."""
        used = [
            ("engine", self.campaign.engine),
            ("engine", "random"),
            ("evaluator", self.campaign.evaluator.name),
            *(("constraint", constraint.function) for constraint in self.constraints),
            ("picture", self.picture),
        ]
        return [pair for pair in used if pair[0] in kinds]

    def _naming(self) -> Iterable[str]:
        names = [column.name for column in (*self.features, *self.objectives)]
        names += [derived.name for derived in self.derived]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"the column '{name}' is declared twice"
        variants = [ALL_FEATURES, *(ablation.name for ablation in self.ablations)]
        for name in sorted({name for name in variants if variants.count(name) > 1}):
            yield f"the ablation name '{name}' is taken"

    def _references(self) -> Iterable[str]:
        features = {feature.name for feature in self.features}
        columns = features | {objective.name for objective in self.objectives}
        wanted: list[tuple[str, str, set[str]]] = []
        if self.simplex:
            wanted += [("simplex", name, features) for name in self.simplex.features]
        for constraint in self.constraints:
            wanted += [("constraints", name, features) for name in constraint.columns.values()]
        for ablation in self.ablations:
            wanted += [("ablations", name, features) for name in ablation.drop]
        for derived in self.derived:
            used = derived.product_of or (derived.reduction_of or "",)
            wanted += [("derived", name, columns) for name in used]
        for place, name, known in wanted:
            if name not in known:
                yield f"{place}: '{name}' is not a column; {did_you_mean(name, known)}"
        for name, left in self.variants.items():
            if not left:
                yield f"ablations: '{name}' drops every feature"

    def _search(self) -> Iterable[str]:
        if self.headline not in self.variants:
            known = list(self.variants)
            yield (
                f"campaign.evaluator.variant: '{self.headline}' is not a variant; {did_you_mean(self.headline, known)}"
            )
        for feature in self.designable:
            if not feature.is_category and feature.bounds is None:
                yield f"features: '{feature.name}' needs bounds, since the campaign searches it"
        if not any(objective.goal in ("maximise", "minimise") for objective in self.objectives):
            yield "objectives: at least one must be maximised or minimised"
        if self.table.sample and isinstance(self.campaign.evaluator, SurrogateChoice):
            yield "table.sample needs an evaluator other than the surrogate, which has no rows yet"
        yield from self._simplex_reachable()
        if isinstance(self.campaign.evaluator, ChargingChoice):
            charging = self.campaign.evaluator
            if any(feature.unit != "C-rate" for feature in self.features):
                yield "features: the charging evaluator takes only features in C-rate"
            for reference in charging.references:
                if any(rate < 0 or minutes <= 0 for rate, minutes in reference.timed or ()):
                    yield f"campaign.evaluator.references: '{reference.label}' has a negative step"

    def _simplex_reachable(self) -> Iterable[str]:
        if self.simplex is None:
            return
        bounds = [f.bounds for f in self.features if f.name in self.simplex.features and f.bounds]
        low, high = sum(b[0] for b in bounds), sum(b[1] for b in bounds)
        if len(bounds) == len(self.simplex.features) and not low < 1 < high:
            yield f"simplex: with these bounds the fractions add up to {low:g} to {high:g}, never 1"

    def _named_designs(self) -> Iterable[str]:
        wanted = {feature.name: feature for feature in self.designable}
        for design in self.designs:
            for name, value in design.values.items():
                feature = wanted.get(name)
                if feature is None:
                    yield f"designs: '{design.name}': {name} is not searched; {did_you_mean(name, wanted)}"
                elif feature.choices and value not in feature.choices:
                    yield (
                        f"designs: '{design.name}': '{value}' is not a choice of {name}; "
                        f"{did_you_mean(str(value), feature.choices)}"
                    )
                elif not feature.choices and isinstance(value, str):
                    yield f"designs: '{design.name}': {name} is '{value}', not a number"
            for name in wanted.keys() - design.values.keys():
                yield f"designs: '{design.name}' lacks {name}"


class Config(Strict):
    """config/config.yaml: what runs."""

    studies: tuple[str, ...] | Literal["all"] = Field(
        "all", description="Studies of a plain `snakemake`; `all` takes every YAML of studies_folder."
    )
    studies_folder: str = Field("config/studies", description="Folder with one YAML per study.")
    claims: str = Field("data/textbook/claims.csv", description="Table of the chapter's claims.")
    overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings to lay over a study's YAML, by study name or `all`; for trial runs.",
    )
    pathvars: dict[str, str] = Field(default_factory=dict, description="Folders for results, logs and benchmarks.")
