"""What one column of a table is for, and limits by which that is decided."""

from dataclasses import dataclass

import numpy as np

from batterymi.config.goals import Window
from batterymi.data.column_facts import ColumnFacts

OBJECTIVE, FACTOR, IDENTITY, GROUP, FORMULA = "objective", "factor", "id", "group", "formula"
ERROR, REPEATS, DATE, STATUS, STRUCTURE, IGNORED = "error", "repeats", "date", "status", "structure", "ignored"
VARIABLE, WITHDRAWN = "variable", "withdrawn"
SUGGESTION = "suggestion"
GOALS = {"max": "maximise", "min": "minimise", "maximise": "maximise", "minimise": "minimise"}
# of outcomes; currents and areal loadings are chosen
OUTCOME_UNITS = (
    *("mAh/g", "Ah/g", "Ah/kg", "Wh/kg", "mWh/g", "Wh/L", "S/cm", "mS/cm", "S/m", "log10(S/cm)", "cycles", "F/g"),
    *("Ω cm2", "Ω cm", "eV", "meV", "meV/atom", "eV/atom", "cm2/s", "m2/s"),
)
ENERGIES = ("ea", "activation", "barrier")  # outcomes if they are in units of energy
# of which n_... is a number of measurements
COUNTED = ("cells", "samples", "repeats", "replicates", "rep", "reps", "measurements", "meas", "obs", "runs", "pellets")
MOST_CHOICES = 12
MOST_MISSING = 0.2  # share of a factor's cells; rows without it are left out
MOST_OBJECTIVES = 3
LOG_DECADES = 3.0  # beyond which a factor goes in a logarithmic scale
OBJECTIVE_DECADES = 2.0


@dataclass
class Role:
    """What one column is for.

    Attributes:
        column: the column.
        role: one of the names above.
        why: the reason, in words.
        goal: of an objective.
        of: name of the objective whose error or number of repeats the column holds.
        target: of an objective, what it should hit, in the unit of the table.
    """

    column: ColumnFacts
    role: str
    why: str
    goal: str = ""
    of: str = ""
    target: Window | None = None

    def ignore(self, why: str) -> None:
        """Leave the column out."""
        self.role, self.why, self.goal, self.target = IGNORED, why, "", None


def spans_decades(column: ColumnFacts, decades: float) -> bool:
    """Return whether the positive of numbers from 0 on span more than some decades."""
    positive = column.known[column.known > 0]
    if len(positive) < 2 or column.known.min() < 0 or len(positive) < 0.5 * len(column.known):
        return False
    return float(np.log10(positive.max()) - np.log10(positive.min())) > decades
