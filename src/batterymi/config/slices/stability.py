"""Settings of the stages of stability."""

from batterymi.config.datasets import Dataset
from batterymi.config.run import HullEstimates
from batterymi.config.slices.base import Slice
from batterymi.config.structures import Structures


class AssessmentSettings(Slice):
    """Which formulas are looked at closely, and the draws of their energies."""

    first_gates: tuple[str, ...]
    draws: int
    noise_ev_atom: float
    seed: int


class ComparisonSettings(Slice):
    """The draws of the energies of known electrolytes, and what the account repeats."""

    first_gates: tuple[str, ...]
    draws: int
    noise_ev_atom: float
    seed: int


class CalibrationSettings(Slice):
    """What a potential's energies are held against, and the data sets to cite."""

    hull_estimates: HullEstimates
    seed: int
    datasets: dict[str, Dataset]


class EstimateSettings(Slice):
    """Whose structures are estimated, and how."""

    hull_estimates: HullEstimates
    structures: Structures
    formula_column: str
