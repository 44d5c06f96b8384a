"""Phases for tests: all within 12 meV/atom of the hull in six chemical systems, and three further ones.

The systems are Li-P-S-Cl-Co-O, H-Li-P-S-Cl-O, Li-La-Zr-O, Li-La-Ti-O, Li-Y-Cl and Li-F. Formation energies as the data
set mp_compositions has them (Materials Project, CC BY 4.0, by way of Matbench and CrabNet), to six decimals.
"""

from functools import cache
from pathlib import Path

import pandas as pd

from batterymi.stability.assess import Assessor
from batterymi.stability.phases import PhaseTable


@cache
def read_phases() -> pd.DataFrame:
    """The frame that `load_formation_energies` would return of these phases."""
    return pd.read_csv(Path(__file__).with_name("phases_of_six_systems.csv"))


@cache
def make_assessor(draws: int = 0) -> Assessor:
    """An assessor of these phases, with draws of 10 meV/atom."""
    return Assessor(PhaseTable(read_phases()), draws, 0.01)
