"""Settings of the stages `plot_study` and `summarise_study`."""

from batterymi.config.campaign import Campaign, PoolChoice
from batterymi.config.designs import Claimed, Derived
from batterymi.config.parts import Constraint, Descriptor, Feature, Objective, Simplex
from batterymi.config.slices.base import Slice
from batterymi.config.sources import Table


class ReportedStudy(Slice):
    """What figures and the summary need to know of a study."""

    title: str
    edition: str
    table: Table
    features: tuple[Feature, ...]
    objectives: tuple[Objective, ...]
    simplex: Simplex | None
    constraints: tuple[Constraint, ...]
    primary_variant: str
    designable: tuple[Feature, ...]
    primary_descriptors: tuple[Descriptor, ...]
    campaign: Campaign
    derived: tuple[Derived, ...]
    remarks: tuple[str, ...]
    claimed: Claimed | None
    figure: str

    @property
    def design_columns(self) -> list[str]:
        """Return the columns that say what a design is; none where designs are rows of a pool."""
        is_pool = isinstance(self.campaign.evaluator, PoolChoice)
        return [] if is_pool else [feature.name for feature in self.designable]
