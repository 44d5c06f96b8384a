"""Settings of the stages of the charging arena."""

from batterymi.config.arena_parts import Reserve, Search, Situation
from batterymi.config.slices.base import Slice


class TuningSettings(Slice):
    """Where controllers are tuned, with which reserve, and on how many validation scenarios."""

    situation: Situation
    reserve: Reserve
    validation: int
    seed: int


class ProtocolSettings(TuningSettings):
    """The same for protocols, and how they are optimised."""

    search: Search


class ReferenceSettings(Slice):
    """Which controllers charge where, over how many held-out scenarios, and how many of these on the SPMe too."""

    situation: Situation
    controllers: tuple[str, ...]
    reserve: Reserve
    held_out: int
    discrepancy: int
    seed: int


class MapSettings(Slice):
    """A cell at each starting temperature, and how the fastest safe charge is searched for."""

    situations: tuple[Situation, ...]
    search: Search
    confirmed: int
    wanted_min: float
    seed: int


class FigureSettings(Slice):
    """What the arena's figures show, and which limits they draw."""

    cell: str
    condition: str
    margin_mv: float
    temperature_c: float
    wanted_min: float


class ArenaClaimSettings(Slice):
    """The cell and the temperature whose charges the chapter's claims are checked against."""

    cell: str
    condition: str
