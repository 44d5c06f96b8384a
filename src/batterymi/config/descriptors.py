"""What descriptors take."""

from collections.abc import Sequence

from batterymi.config.parts import Descriptor
from batterymi.vocabulary.arguments import FORMULAS


def list_described_columns(descriptors: Sequence[Descriptor]) -> dict[str, bool]:
    """List the columns that descriptors take, each with whether it holds formulas."""
    taken: dict[str, bool] = {}
    for descriptor in descriptors:
        for argument, column in descriptor.columns.items():
            taken[column] = taken.get(column, False) or argument in FORMULAS
    return taken
