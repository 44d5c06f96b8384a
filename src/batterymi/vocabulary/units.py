"""Units on axes and in tables; what units there are, `vocabulary/unit_table.py` says."""


def format_label(label: str, unit: str) -> str:
    """Return an axis label: what is shown, and its unit in brackets unless it has none."""
    return label if unit == "1" else f"{label} ({unit})"
