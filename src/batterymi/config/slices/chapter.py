"""Settings of the stages that compute what the chapter's numbers are compared with."""

from batterymi.config.designs import Claimed
from batterymi.config.screen import Screen
from batterymi.config.slices.base import Slice


class RecipeSettings(Slice):
    """Which recipe is run."""

    claimed: Claimed


class LookupSettings(Slice):
    """Which numbers are looked up, and which of the study's models predicts what no row has."""

    claimed: Claimed
    screen: Screen | None
    primary_variant: str
    target_name: str
