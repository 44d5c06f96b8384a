"""The fastest safe charge that anything finds, for a cell at each starting temperature."""

from pathlib import Path

from batterymi.arena.feasibility import map_cell
from batterymi.config.slices.arena import MapSettings
from batterymi.files import write_csv


def map_feasibility(table: Path, settings: MapSettings) -> None:
    """Search for the fastest safe charge of a fresh cell.

    Args:
        table: CSV to write: one row per starting temperature.
        settings: the cell at each starting temperature, and budgets.
    """
    write_csv(table, map_cell(settings))
