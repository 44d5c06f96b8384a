"""Columns in which an engine says what its own model expects of the designs that it proposes, and what to measure.

As in `measured`, no column of a user can have such a name.
"""

LIMITS_MET = "engine: limits met"  # probability that a design meets all limits
NO_FAILURE = "engine: no failure"  # probability that its experiment succeeds
CHANCE = "engine: better"  # probability that a design beats the best known
MEASURE = "engine: measure"  # what to measure of a design, where some outcomes have early measurements
EARLY_ONLY, BOTH = "early only", "both"  # of a new design
MEASURES = (EARLY_ONLY, BOTH)  # by the level up to which it is measured
GO_ON, STOP = "go on", "stop"  # of a design whose early result is in


def name_mean_column(objective: str) -> str:
    """Return the column with the expected value of an objective, in its unit."""
    return f"{objective}: engine mean"


def name_deviation_column(objective: str) -> str:
    """Return the column with the standard deviation of what is expected, the noise of a measurement not included."""
    return f"{objective}: engine sd"
