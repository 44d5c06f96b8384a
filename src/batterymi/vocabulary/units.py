"""Units on axes and in tables; what units there are, `vocabulary/unit_table.py` says."""


def format_unit(unit: str) -> str:
    """Return a unit as it follows its number."""
    return "" if unit == "1" else f" {unit}"


def format_label(label: str, unit: str) -> str:
    """Return an axis label: what is shown, and its unit in brackets unless it has none."""
    return label if unit == "1" else f"{label} ({unit})"
