"""Lives by the thermal model with which the closed loop was published."""

from pathlib import Path

from batterymi.closed_loop.thermal_life import REMARKS, compute_cycle_lives, make_ten_minute_protocols
from batterymi.files import write_csv, write_json


def compute_thermal_lives(lives: Path, about: Path) -> None:
    """Compute the lives of the 224 ten-minute protocols.

    Args:
        lives: CSV to write: protocols and lives.
        about: JSON to write: what the lives rest on.
    """
    protocols = make_ten_minute_protocols()
    write_csv(lives, protocols.assign(life_cycles=compute_cycle_lives(protocols)))
    write_json(about, {"life_model": "thermal model of Attia et al. 2020", "remarks": list(REMARKS)})
