"""What descriptors take."""

from collections.abc import Sequence

from batterymi import registry
from batterymi.config.parts import Descriptor
from batterymi.vocabulary.arguments import FORMULAS

# an evaluator that calls a model runs the code of its family, and rows that descriptors take are checked
ADDED_KINDS = {"evaluator": "model", "descriptor": "row_check"}


def list_described_columns(descriptors: Sequence[Descriptor]) -> dict[str, bool]:
    """List the columns that descriptors take, each with whether it holds formulas."""
    taken: dict[str, bool] = {}
    for descriptor in descriptors:
        for argument, column in descriptor.columns.items():
            taken[column] = taken.get(column, False) or argument in FORMULAS
    return taken


def list_descriptor_lookups(descriptors: Sequence[Descriptor]) -> list[tuple[str, str]]:
    """List the registered names that descriptors stand for: each itself, and the check of its rows if it has one."""
    names, checks = [descriptor.function for descriptor in descriptors], registry.list_names("row_check")
    return [("descriptor", name) for name in names] + [("row_check", name) for name in names if name in checks]
