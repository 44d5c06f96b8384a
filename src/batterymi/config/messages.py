"""Messages about settings: where, what was found, what would be right."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean

# keys of earlier versions and what they are called now, by the model of the file; without numbers of list entries
RENAMED: dict[str, dict[str, str]] = {
    "Study": {
        "designs": "reference_designs",
        "picture": "figure",
        "candidates": "screen.source",
        "campaign.reach": "campaign.max_distance",
        "campaign.evaluator.judge": "campaign.evaluator.reference_model",
    },
    "Arena": {"scenarios.ladder": "scenarios.discrepancy"},
    "Config": {},
}
# what is right where pydantic found an error of a type; numbers and texts in braces are pydantic's
_TEXT, _LIST, _KEYS = "give a text, in quotes if YAML reads it as something else", "give a list", "give keys and values"
WORDINGS: dict[str, str] = {
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "string_unicode": "give a text of Unicode characters",
    "string_too_short": "give a text of {min_length} or more characters",
    "string_too_long": "give a text of at most {max_length} characters",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "give a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "give a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "give true or false"),
    "finite_number": "give a finite number",
    "greater_than": "give a number greater than {gt:g}",
    "greater_than_equal": "give a number greater than or equal to {ge:g}",
    "less_than": "give a number less than {lt:g}",
    "less_than_equal": "give a number less than or equal to {le:g}",
    "multiple_of": "give a multiple of {multiple_of:g}",
    "too_short": "give {min_length} or more entries",
    "too_long": "give at most {max_length} entries",
    **dict.fromkeys(("literal_error", "enum"), "give {expected}"),
    "union_tag_invalid": "give {discriminator}: one of {expected_tags}",
    "union_tag_not_found": "give the key {discriminator}, which says of what kind this is",
    **dict.fromkeys(("tuple_type", "list_type", "iterable_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), _KEYS),
    "invalid_key": "give a key that is a text",
    "none_required": "leave it out",
}
# of a union, the branches for another kind of value
KINDS = {
    *("string_type", "int_type", "float_type", "bool_type", "none_required"),
    *("tuple_type", "list_type", "dict_type", "mapping_type", "model_type", "model_attributes_type"),
}
NO_WORDING = "give something of the kind that belongs here"
PLAIN_TYPES = ("str", "int", "float", "bool")
PATTERNS = {  # of texts
    r"^[a-z][a-z0-9_]*$": "give a name of lower-case letters, digits and _, which begins with a letter",
    r"^https?://[^\s]+$": "give an address that begins with https://",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "give the name of a file, of letters, digits and `_`, `.`, `-`",
    r"^[0-9a-f]{64}$": "give 64 hexadecimal digits, as sha256sum prints them",
}
Model = TypeVar("Model", bound=BaseModel)
FOUND = "; found "
MAX_LISTED, MAX_WORD, MAX_MESSAGE = 20, 60, 1000  # of an error: keys, and characters of a key or value, and of a line


def validate_settings(model: type[Model], content: Any, source: str | Callable[[str], str]) -> Model:
    """Validate settings.

    Args:
        model: what they should be.
        content: as they were read.
        source: their file, for messages, or a function that returns the file of a key.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe_errors(error, source, model)) from None


def describe_errors(error: ValidationError, source: str | Callable[[str], str], model: type) -> list[str]:
    """Describe the errors of a validation in one line per key, with a limit on the number of lines."""
    problems = error.errors(include_url=False)
    above = {problem["loc"][:length] for problem in problems for length in range(len(problem["loc"]))}
    by_key: dict[str, list[ErrorDetails]] = {}
    for problem in _leave_out_other_branches(problems):
        if problem["type"] == "too_short" and problem["loc"] in above:
            continue  # its items were refused one by one already
        by_key.setdefault(_format_key(problem), []).append(problem)
    lines = []
    for key, same in list(by_key.items())[:MAX_LISTED]:
        messages = _join_messages(dict.fromkeys(_format_message(problem, model) for problem in same))
        place = source if isinstance(source, str) else source(key)
        lines.append(truncate_text(f"{place}: {key + ': ' if key else ''}{messages}", MAX_MESSAGE))
    rest = source if isinstance(source, str) else "settings"
    return lines + ([f"{rest}: {len(by_key) - MAX_LISTED} more keys"] if len(by_key) > MAX_LISTED else [])


def _leave_out_other_branches(problems: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that a value is of another kind, where a branch of the same union takes its kind and tells more."""
    keys = [_format_key(problem) for problem in problems]
    alike = {*KINDS, "literal_error", "enum"}  # a name of a list says no more than another kind
    telling = [key for key, problem in zip(keys, problems, strict=True) if problem["type"] not in alike]
    return [
        problem
        for key, problem in zip(keys, problems, strict=True)
        if problem["type"] not in KINDS
        or not (key in telling or any(other.startswith(f"{key}.") for other in keys if key))
    ]


def _format_key(problem: ErrorDetails) -> str:
    """Format the path of keys that leads to a problem, as in the YAML."""
    *above, last = problem["loc"] or ("",)
    if problem["type"] == "extra_forbidden":
        # an unknown key is any text, so its control characters are escaped
        place = [*_strip_union_tags(tuple(above)), repr(str(last)[:MAX_MESSAGE])[1:-1]]
    else:
        place = _strip_union_tags(problem["loc"])
    return ".".join(truncate_text(part, MAX_WORD) for part in place)


def _format_message(problem: ErrorDetails, model: type) -> str:
    """Format what was found and what would be right."""
    if problem["type"] == "extra_forbidden":
        unknown = truncate_text(str(problem["loc"][-1]), MAX_WORD)
        place = ".".join(part for part in [*_strip_union_tags(problem["loc"][:-1]), unknown] if not part.isdigit())
        if new := RENAMED.get(model.__name__, {}).get(place):
            return f"unknown key {unknown!r}; it is now '{new}'"
        if needed := _find_other_kinds(model, problem["loc"]):
            return f"unknown key {unknown!r} there; it needs {needed}"
        return f"unknown key {unknown!r}; {did_you_mean(unknown, keys_at(model, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        last = problem["loc"][-1] if problem["loc"] else ""
        return f"entry {last + 1} is missing" if isinstance(last, int) else "this key is missing"
    if problem["type"] == "value_error":  # our own messages name the value already
        return _lower_first(problem["msg"].removeprefix("Value error, "))
    return _format_wanted(problem) + _format_found(_find_input(problem))


def _find_input(problem: ErrorDetails) -> Any:
    """Return what was found; of a union, the name of a kind that it does not have."""
    context: dict[str, Any] = dict(problem.get("ctx", {}))
    key = str(context.get("discriminator", "")).strip("'")
    if "tag" in context and isinstance(problem["input"], dict) and key in problem["input"]:
        # the tag of the error is a text even where the value is none
        return problem["input"][key]
    return context.get("tag", problem["input"])


def _format_wanted(problem: ErrorDetails) -> str:
    """Format what would be right in the place of what pydantic has refused."""
    context: dict[str, Any] = dict(problem.get("ctx", {}))
    if problem["type"] == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"give a text that matches {context['pattern']}")
    try:
        wanted = WORDINGS[problem["type"]].format(**context)
    except LookupError:
        return NO_WORDING
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        names = re.findall(r"'([^']*)'", context["expected"])
        if names and (close := did_you_mean(problem["input"], names)).startswith("did"):
            return f"{wanted}; {close}"
    return wanted


def _join_messages(messages: Iterable[str]) -> str:
    """Join what the branches of a union would take, with what was found at the end, once."""
    parts = [message.rpartition(FOUND) for message in messages]
    found = dict.fromkeys(value for _, separator, value in parts if separator)
    if len(found) > 1 or not all(separator for _, separator, _ in parts):
        return " or ".join("".join(part) for part in parts)
    # between other kinds a text needs no word on how YAML reads it
    texts = [text.replace(_TEXT, "give a text") if len(parts) > 1 else text for text, _, _ in parts]
    wanted = [text if place == 0 else text.removeprefix("give ") for place, text in enumerate(texts)]
    return f"{' or '.join(wanted)}{FOUND}{next(iter(found))}"


def _strip_union_tags(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys as in the YAML, without the tags that pydantic adds for unions."""
    place: list[str] = []
    for part in map(str, location):
        tag_of_union = place[-1:] in (["evaluator"], ["dataset"], ["campaign"])
        branch_of_union = not part.replace("_", "").replace("-", "").replace(".", "").isalnum()
        if not tag_of_union and not branch_of_union and not part.startswith("constrained-"):
            place.append(part)
        elif tag_of_union:
            place.append("")
    # of a choice between plain types, as a number or a text, the type
    is_type = len(place) > 1 and place[-1] in PLAIN_TYPES
    return [part for part in (place[:-1] if is_type else place) if part]


def keys_at(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the model at a place, which is given by keys and by the tags that pydantic adds for unions."""
    return sorted({name for candidate in _models_at(model, location) for name in candidate.model_fields})


def _find_other_kinds(model: Any, location: tuple[int | str, ...]) -> str:
    """Return which kinds of a union have a key that the chosen one lacks, as `mode: search`; empty if none has."""
    *above, tag, key = ("", "", *location)
    found = []
    for candidate in _models_at(model, tuple(above[2:])) if len(location) > 2 else ():
        for name, field in candidate.model_fields.items():
            kinds = [kind for kind in get_args(field.annotation) if isinstance(kind, str)]
            if name in ("mode", "name") and key in candidate.model_fields and kinds and tag not in kinds:
                found += [f"{name}: {kind}" for kind in kinds]
    return " or ".join(dict.fromkeys(found))


def _models_at(model: Any, location: tuple[int | str, ...]) -> list[Any]:
    """Return the models at a place, several where a union leaves that open."""
    current: list[Any] = [model]
    for part in map(str, location):
        fields = [model.model_fields[part] for model in current if part in model.model_fields]
        tagged = [m for m in current if any(part in get_args(f.annotation) for f in m.model_fields.values())]
        current = [inner for field in fields for inner in models_in(field.annotation)] or tagged or current
    return current


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return all pydantic models inside an annotation such as `tuple[Feature, ...]` or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _format_found(value: Any) -> str:
    """Format the value that was found, shortened."""
    # an empty entry of a YAML
    return f"{FOUND}{'nothing' if value is None else truncate_text(repr(value), MAX_WORD)}"


def truncate_text(text: str, most: int) -> str:
    """Truncate a text to a number of characters, with three dots at its end."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _lower_first(message: str) -> str:
    """Lower the first letter of a message, since it follows a colon."""
    # an acronym at the start keeps its capitals
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
