"""Settings of the stages `plot_study`, `summarise_study` and `build_report`."""

from batterymi.config.campaign import Campaign
from batterymi.config.datasets import Dataset
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
    optimised: tuple[Objective, ...]
    simplex: Simplex | None
    constraints: tuple[Constraint, ...]
    primary_variant: str
    designable: tuple[Feature, ...]
    design_columns: list[str]
    design_texts: tuple[str, ...]
    primary_descriptors: tuple[Descriptor, ...]
    campaign: Campaign
    derived: tuple[Derived, ...]
    remarks: tuple[str, ...]
    claimed: Claimed | None
    figure: str


class ReportSettings(Slice):
    """What the report needs to know of a run."""

    studies: dict[str, ReportedStudy]
    files: dict[str, dict[str, str]]  # by study: its files by their names in `StudyResults`, in its folder
    datasets: dict[str, Dataset]  # that were used
    logs: str  # the folder
