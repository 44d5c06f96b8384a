"""The units that columns may have, as they are written in a study's YAML and on axes."""

UNITS: dict[str, str] = {
    "1": "dimensionless: fractions, counts, ratios",
    "percent": "parts per hundred",
    "wt%": "mass fraction in percent",
    "eV": "electronvolt",
    "V": "volt; against Li/Li+ or Na/Na+ where the label says so",
    "mV": "millivolt",
    "A": "ampere",
    "C-rate": "current over the current that fills the nominal capacity in one hour",
    "Å3": "cubic ångström",
    "log10(cycles)": "decimal logarithm of a number of cycles",
    "μB": "Bohr magneton",
    "Å": "ångström",
    "°": "degree of angle",
    "pm": "picometre",
    "nm": "nanometre",
    "m2/g": "specific surface area",
    "cm3/g": "specific volume",
    "mmol/g": "amount per mass",
    "S/cm": "conductivity",
    "log10(S/cm)": "decimal logarithm of a conductivity in S/cm",
    "mAh": "charge",
    "mAh/g": "specific capacity",
    "Wh/kg": "specific energy",
    "°C": "temperature",
    "K": "temperature or temperature difference",
    "min": "minute",
    "h": "hour",
    "cycles": "number of full cycles",
    "g/cm3": "density",
}


def with_unit(label: str, unit: str) -> str:
    """Axis label: what is shown, and its unit in brackets unless it has none."""
    return label if unit == "1" else f"{label} ({unit})"
