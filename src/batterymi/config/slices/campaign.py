"""Settings of the stages about campaigns: `run_campaign`, `suggest_batch`, `replay_pool` and others."""

from batterymi.config.campaign import ExperimentCampaign, ReplayCampaign, SearchCampaign
from batterymi.config.designs import Derived, ReferenceDesign
from batterymi.config.models import Ablation
from batterymi.config.parts import Constraint, Descriptor, Feature, Objective, Simplex
from batterymi.config.slices.base import Slice


class DesignSettings(Slice):
    """What designs may be, and what they are for."""

    designable: tuple[Feature, ...]
    primary_descriptors: tuple[Descriptor, ...] = ()
    simplex: Simplex | None
    constraints: tuple[Constraint, ...]
    derived: tuple[Derived, ...]
    objectives: tuple[Objective, ...]
    campaign: SearchCampaign | ExperimentCampaign
    seed: int


class CampaignSettings(DesignSettings):
    """A campaign whose designs an evaluator evaluates."""

    campaign: SearchCampaign
    reference_designs: tuple[ReferenceDesign, ...]


class SuggestionSettings(DesignSettings):
    """A campaign of experiments."""

    campaign: ExperimentCampaign
    reference_designs: tuple[ReferenceDesign, ...]
    id_column: str | None = None


class FidelitySettings(DesignSettings):
    """A campaign over levels of fidelity."""

    campaign: SearchCampaign


class FidelityFigureSettings(Slice):
    """What the figure of levels of fidelity shows."""

    objectives: tuple[Objective, ...]


class ReplaySettings(Slice):
    """A campaign over the rows of a table."""

    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...]
    ablations: tuple[Ablation, ...]
    objectives: tuple[Objective, ...]
    campaign: ReplayCampaign
    id_column: str | None
    seed: int
