"""Lives by what simulated charges of a declared cell cost it."""

from pathlib import Path

from batterymi.closed_loop.simulated_life import describe_lives, simulate_all_lives
from batterymi.config.slices.closed_loop import LivesSettings
from batterymi.files import write_csv, write_json


def simulate_lives(lives: Path, about: Path, settings: LivesSettings, processes: int) -> None:
    """Simulate the lives of the 224 ten-minute protocols on a declared cell.

    Args:
        lives: CSV to write: protocols, lives, and the charges that they rest on.
        about: JSON to write: what the lives rest on, and what must be said of them.
        settings: the cell and its model.
        processes: worker processes.
    """
    found = simulate_all_lives(settings.cell, settings.model, processes)
    write_csv(lives, found)
    write_json(about, describe_lives(found, settings.cell, settings.model))
