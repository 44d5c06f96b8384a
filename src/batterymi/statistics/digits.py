"""Numbers as people read them: as many digits as their uncertainty leaves, and no more."""

import math

PLAIN = (-3, 6)  # powers of ten between which numbers have no exponent
DIGITS = 4  # of a number of unknown uncertainty
MOST_DECIMALS = 7  # of a number without an exponent
TWO_DIGITS = 3.55  # leading digits of an uncertainty up to which it has two of them


def format_number(value: float, decimals: int | None = None) -> str:
    """Return a number with so many decimals, or with four significant digits.

    Args:
        value: the number.
        decimals: digits after the point; below zero, tens and hundreds are rounded.
    """
    if not math.isfinite(value):
        return "unknown"
    power = _find_power(value)
    if decimals is None:
        if value and not PLAIN[0] <= power < PLAIN[1]:
            return _format_power(value, DIGITS - 1)
        text = f"{value:.{max(DIGITS - 1 - power, 0)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if value and (power >= PLAIN[1] or decimals > MOST_DECIMALS):
        return _format_power(value, max(power + decimals, 0))
    # adding zero removes the sign of a rounded -0
    return f"{round(value, decimals) + 0.0:.{min(max(decimals, 0), MOST_DECIMALS)}f}"


def find_decimals(uncertainty: float) -> int:
    """Return how many decimals an uncertainty leaves, by the rule of the Particle Data Group.

    Two digits of it are kept where it begins with 10 to 35, else one.
    """
    power = _find_power(uncertainty)
    leading = uncertainty / 10.0**power
    # 0.95 and above is rounded to the next power of ten, of which two digits are kept
    if leading >= 9.5:
        return -power
    return 1 - power if leading < TWO_DIGITS else -power


def format_estimate(value: float, deviation: float) -> str:
    """Return a value with its standard deviation, as 171 ± 3; without, where it is unknown or zero."""
    if not _is_positive(deviation) or not math.isfinite(value):
        return format_number(value)
    power = _find_power(max(abs(value), deviation))
    if PLAIN[0] <= power < PLAIN[1]:
        decimals = find_decimals(deviation)
        return f"{format_number(value, decimals)} ± {format_number(deviation, decimals)}"
    decimals = max(find_decimals(deviation / 10.0**power), 0)
    value, deviation = value / 10.0**power, deviation / 10.0**power
    return f"({round(value, decimals) + 0.0:.{decimals}f} ± {deviation:.{decimals}f})e{power}"


def format_beside(value: float, deviation: float) -> str:
    """Return a value that is compared with an estimate, in no fewer digits than that has and than four."""
    power = _find_power(value)
    if not _is_positive(deviation) or not PLAIN[0] <= power < PLAIN[1]:
        return format_number(value)
    decimals = find_decimals(deviation)
    return format_number(value, decimals) if decimals > DIGITS - 1 - power else format_number(value)


def round_estimate(value: float, deviation: float) -> float:
    """Return a value as `format_estimate` shows it; itself without a deviation."""
    if not _is_positive(deviation):
        return value
    middle, _, rest = format_estimate(value, deviation).lstrip("(").partition(" ± ")
    return float(middle + (f"e{rest.partition(')e')[2]}" if ")e" in rest else "")) if math.isfinite(value) else value


def format_interval(value: float, lower: float, upper: float) -> str:
    """Return a value with its interval, as 168 [160, 176]; without, where it is unknown."""
    half = (upper - lower) / 2
    if not (math.isfinite(half) and half > 0 and math.isfinite(value)):
        return format_number(value)
    if not PLAIN[0] <= _find_power(max(abs(value), half)) < PLAIN[1]:
        return f"{format_number(value)} [{format_number(lower)}, {format_number(upper)}]"
    middle, low, high = (format_number(number, find_decimals(half)) for number in (value, lower, upper))
    return f"{middle} [{low}, {high}]"


def format_probability(probability: float) -> str:
    """Return a probability in two decimals; what is not certain does not become 0 or 1."""
    return "<0.01" if probability < 0.005 else ">0.99" if probability >= 0.995 else f"{probability:.2f}"


def _format_power(value: float, decimals: int) -> str:
    """Return a number with a power of ten, as 2.9e-4."""
    middle, _, power = f"{value:.{decimals}e}".partition("e")
    return f"{middle.rstrip('0').rstrip('.') if '.' in middle else middle}e{int(power)}"


def _is_positive(number: float) -> bool:
    """Return whether a number is known and above zero."""
    return math.isfinite(number) and number > 0


def _find_power(value: float) -> int:
    """Return the power of ten of the first digit of a number; 0 of zero."""
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0
