"""Settings of the stages of a screen."""

from batterymi.config.parts import Name, Objective
from batterymi.config.screen import Screen
from batterymi.config.screened import ScreenedColumns
from batterymi.config.slices.base import Slice
from batterymi.config.slices.stability import AssessmentSettings
from batterymi.config.sources import Table


class ListingSettings(Slice):
    """Where candidates come from, and what must be known of them."""

    screen: Screen
    screened_features: tuple[Name, ...]
    screened_columns: ScreenedColumns = ScreenedColumns()


class ScoringSettings(Slice):
    """What is predicted of candidates, from what, and the gates."""

    screen: Screen
    target_name: Name
    target: Objective | None = None
    formula_columns: tuple[Name, ...]
    screened_features: tuple[Name, ...]
    stability: AssessmentSettings | None = None  # where gates use numbers that need draws or take long


class GatheringSettings(Slice):
    """Which candidates are listed, and beside what."""

    screen: Screen
    target: Objective
    table: Table | None = None
    formula_columns: tuple[Name, ...]
    screened_features: tuple[Name, ...]


class FunnelSettings(Slice):
    """What the figure of a screen shows."""

    target: Objective
