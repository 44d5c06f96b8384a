"""Why a job runs again, in words: which settings changed, instead of all settings before and after."""

import ast
import logging
import re
from collections.abc import Iterator
from typing import Any

from batterymi.workflow.failures import SNAKEMAKE

# as Snakemake's `ParamsChange` prints itself, and what may follow
CHANGED = re.compile(
    r"Params have changed since last execution: Union of exclusive params before and now across all output: "
    r"before: (?P<values>.*?) (?P<rest>; Software environment definition[^;]*)?$",
    re.DOTALL,
)
BETWEEN = " now: "
NOTHING = "<nothing exclusive>"
DIGEST = re.compile(r"[0-9a-f]{64}|")
MOST_LISTED = 6
UNKNOWN = "settings changed"


def describe_reasons() -> None:
    """Let Snakemake say which settings have changed, where it would print all of them before and after."""
    logging.getLogger(SNAKEMAKE).addFilter(_describe_record)


def _describe_record(record: logging.LogRecord) -> bool:
    """Put words in the place of dictionaries; every record passes."""
    reason = getattr(record, "reason", None)
    if isinstance(reason, str):
        record.reason = describe_reason(reason)
    return True


def describe_reason(reason: str) -> str:
    """Return the reason for which a job runs, with names of settings in the place of all their values."""
    return CHANGED.sub(lambda found: _describe_params(found["values"]) + (found["rest"] or ""), reason)


def _describe_params(values: str) -> str:
    """Describe the difference between the params of a job before and now.

    Args:
        values: of both, as text; a text among them may hold what stands between the two.
    """
    for place in re.finditer(BETWEEN, values):
        before, now = _read_params(values[: place.start()]), _read_params(values[place.end() :])
        if before is not None and now is not None:
            return _compare_params(before, now)
    return UNKNOWN


def _compare_params(before: list[Any], now: list[Any]) -> str:
    """Describe the difference between two lists of values: settings, and digests of files."""
    settings, files = [], []
    for a, b in _pair_params(before, now):
        if _is_digests(a) and _is_digests(b):
            files += [path for path in sorted({*a, *b}) if a.get(path) != b.get(path)]
        else:
            settings += [path or "a value" for path in _find_differences(a, b)]
    said = [f"settings changed: {_join_names(settings)}"] if settings else []
    said += [f"files changed: {_join_names(files)}"] if files else []
    return "; ".join(said) or UNKNOWN


def _read_params(text: str) -> list[Any] | None:
    """Return the values that a list of Python's literals holds, or None if it holds something else."""
    if text.strip() == NOTHING:
        return []
    try:
        # infinity and NaN are names in what Python prints of them
        return list(ast.literal_eval("[" + re.sub(r"\b(nan|inf)\b(?=[,)\]}])", "1e999", text) + "]"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _pair_params(before: list[Any], now: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pair each value before with the one now that has most keys in common with it; None where there is none."""
    left = list(now)
    for a in before:
        likely = max(left, key=lambda b: _count_common(a, b), default=None)
        if likely is not None:
            left.remove(likely)
        yield a, likely
    yield from ((None, b) for b in left)


def _count_common(a: Any, b: Any) -> float:
    """Count what two values have in common: keys of mappings, else their type."""
    if isinstance(a, dict) and isinstance(b, dict):
        return 1 + len(a.keys() & b.keys()) + (_is_digests(a) == _is_digests(b))
    return float(type(a) is type(b))


def _is_digests(value: Any) -> bool:
    """Return whether a value holds the digests of files by their paths."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(one, str) and DIGEST.fullmatch(one) for one in value.values())
    )


def _find_differences(a: Any, b: Any, path: str = "") -> Iterator[str]:
    """Yield the places where two settings differ, as in a YAML; entries of lists go by their names."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _find_differences(a.get(key), b.get(key), f"{path}.{key}".lstrip("."))
    elif a_named := _key_by_name(a):
        b_named = _key_by_name(b)
        if b_named is None:
            yield path
        else:
            yield from _find_differences(a_named, b_named, path)
            if a_named == b_named and list(a_named) != list(b_named):
                yield f"{path} (their order)"
    elif a != b:
        yield path


def _key_by_name(value: Any) -> dict[str, Any] | None:
    """Return a list of entries by their names; None if it is something else, or names are missing or repeated."""
    if not isinstance(value, list | tuple) or not value:
        return None
    names = [one.get("name") if isinstance(one, dict) else None for one in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return {str(name): one for name, one in zip(names, value, strict=True)}


def _join_names(names: list[str]) -> str:
    """Join names, the first few of many."""
    names = list(dict.fromkeys(names))
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
