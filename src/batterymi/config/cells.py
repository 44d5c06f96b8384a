"""Names of cells in settings."""

from batterymi.spelling import did_you_mean
from batterymi.vocabulary.cells import CELLS


def known_cell(value: str) -> str:
    """Refuse a cell that is not declared."""
    if value not in CELLS:
        raise ValueError(f"'{value}' is not a declared cell; {did_you_mean(value, CELLS)}")
    return value
