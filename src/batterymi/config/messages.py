"""Messages about settings: where, what was found, what would be right."""

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
Model = TypeVar("Model", bound=BaseModel)
MAX_LISTED, MAX_WORD, MAX_MESSAGE = 20, 60, 1000  # of an error: keys, and characters of a key or value, and of a line


def validate_settings(model: type[Model], content: Any, source: str) -> Model:
    """Validate settings.

    Args:
        model: what they should be.
        content: as they were read.
        source: their file, for messages.

    Raises:
        ConfigError: with every problem found, each with file, key, what was found and what would be right.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe_errors(error, source, model)) from None


def describe_errors(error: ValidationError, source: str, model: type) -> list[str]:
    """Describe the errors of a validation in one line per key, with a limit on the number of lines."""
    problems = error.errors(include_url=False)
    above = {problem["loc"][:length] for problem in problems for length in range(len(problem["loc"]))}
    by_key: dict[str, list[ErrorDetails]] = {}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in above:
            continue  # its items were refused one by one already
        by_key.setdefault(_format_key(problem), []).append(problem)
    lines = []
    for key, same in list(by_key.items())[:MAX_LISTED]:
        messages = " or ".join(dict.fromkeys(_format_message(problem, model) for problem in same))
        lines.append(truncate_text(f"{source}: {key + ': ' if key else ''}{messages}", MAX_MESSAGE))
    return lines + ([f"{source}: {len(by_key) - MAX_LISTED} more keys"] if len(by_key) > MAX_LISTED else [])


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
        return f"unknown key {unknown!r}; {did_you_mean(unknown, keys_at(model, problem['loc'][:-1]))}"
    # our own messages name the value already, and a missing key has no value
    omits_value = problem["type"] in ("missing", "value_error")
    found = "" if omits_value else _format_found(problem["input"])
    return _lower_first(problem["msg"].removeprefix("Value error, ")) + found


def _strip_union_tags(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys as in the YAML, without the tags that pydantic adds for unions."""
    place: list[str] = []
    for part in map(str, location):
        tag_of_union = place[-1:] in (["evaluator"], ["dataset"], ["campaign"])
        branch_of_union = not part.replace("_", "").replace("-", "").replace(".", "").isalnum()
        if not tag_of_union and not branch_of_union and part != "constrained-int":
            place.append(part)
        elif tag_of_union:
            place.append("")
    return [part for part in place if part]


def keys_at(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the model at a place, which is given by keys and by the tags that pydantic adds for unions."""
    current: list[Any] = [model]
    for part in map(str, location):
        fields = [model.model_fields[part] for model in current if part in model.model_fields]
        tagged = [m for m in current if any(part in get_args(f.annotation) for f in m.model_fields.values())]
        current = [inner for field in fields for inner in models_in(field.annotation)] or tagged or current
    return sorted({name for candidate in current for name in candidate.model_fields})


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return all pydantic models inside an annotation such as `tuple[Feature, ...]` or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _format_found(value: Any) -> str:
    """Format the value that was found, shortened."""
    return f"; found {truncate_text(repr(value), MAX_WORD)}"


def truncate_text(text: str, most: int) -> str:
    """Truncate a text to a number of characters, with three dots at its end."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _lower_first(message: str) -> str:
    """Lower the first letter of a message, since it follows a colon."""
    # an acronym at the start keeps its capitals
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
