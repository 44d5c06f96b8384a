"""What a study of formulas need not say: its descriptors, and that rows of one compound belong together."""

from collections.abc import Mapping
from typing import Any

from batterymi.vocabulary.arguments import FORMULAS

# beyond some hundred rows the fractions alone do as well; below, what is known of the elements helps (Murdock et al.
# 2020, doi:10.1007/s40192-020-00179-z)
FEW_ROWS = 1000
DESCRIPTORS = {"magpie": "Properties of the elements", "element_fractions": "Element fractions"}
REASONS = {
    "magpie": "properties of the elements carry over to elements that few rows have",
    "element_fractions": "which elements there are, and how much of each",
}


def choose_descriptors(column: str, n_rows: int | None = None) -> dict[str, dict[str, Any]]:
    """Choose descriptors of a column of formulas.

    Args:
        column: the column.
        n_rows: of the table; None if it is not known.

    Returns:
        Settings of each descriptor, by the reason for it.
    """
    chosen = [name for name in DESCRIPTORS if name != "magpie" or n_rows is None or n_rows <= FEW_ROWS]
    return {
        REASONS[name]: {
            "name": _name_descriptor(name, column),
            "function": name,
            "label": DESCRIPTORS[name],
            "columns": {"formula": column},
        }
        for name in chosen
    }


def _name_descriptor(function: str, column: str) -> str:
    """Return a name that is not the column's."""
    return function if function != column else f"{function}_of_{column}"


def complete_formula_study(raw: Any) -> Any:
    """Complete the settings of a study of formulas: descriptors if it names no inputs, and compounds as groups.

    Args:
        raw: the settings as they are written.

    Returns:
        The same, or with `descriptors` and `table.group`; settings that are wrong are left to their checks.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("table"), Mapping) or not raw["table"].get("file"):
        return raw
    table, descriptors, column = raw["table"], raw.get("descriptors"), raw["table"].get("formula_column")
    if isinstance(column, str) and not raw.get("features") and not descriptors:
        descriptors = list(choose_descriptors(column).values())
    if not isinstance(descriptors, list | tuple) or not all(isinstance(entry, Mapping) for entry in descriptors):
        return raw
    taken = [entry["columns"] for entry in descriptors if isinstance(entry.get("columns"), Mapping)]
    formulas = [columns[argument] for columns in taken for argument in FORMULAS if argument in columns]
    # a compound on both sides of a split would be predicted from itself
    group = {"group": formulas[0]} if formulas and "group" not in table else {}
    return {**raw, "descriptors": descriptors, "table": {**table, **group}}
