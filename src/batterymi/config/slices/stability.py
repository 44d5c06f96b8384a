"""Settings of the stages of stability."""

from batterymi.config.slices.base import Slice


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
