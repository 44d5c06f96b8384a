"""Settings of a study as fields of a form; what is changed there is changed in its YAML, and nothing else."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from batterymi.authoring.study_yaml import dump_yaml
from batterymi.config.load import load_study
from batterymi.errors import ConfigError
from batterymi.user_files import lock_path, replace_bytes

GOALS = ("maximise", "minimise", "target", "limit", "report")
MOST_RULES = 50


@dataclass(frozen=True)
class Field:
    """A field of the form.

    Attributes:
        name: of the field, as `features-0-unit`.
        label: what it is.
        value: as it is now.
        choices: of a list to choose from; none where it is a text.
        lines: whether it may have several lines.
    """

    name: str
    label: str
    value: str
    choices: tuple[str, ...] = ()
    lines: bool = False


@dataclass(frozen=True)
class Group:
    """Fields under a heading.

    Attributes:
        heading: label of the column that they describe.
        fields: of the form.
    """

    heading: str
    fields: tuple[Field, ...]


def digest_text(text: str) -> str:
    """Return a short digest of settings."""
    return sha256(text.encode()).hexdigest()[:16]


def list_groups(text: str) -> list[Group]:
    """Return the fields of a study's YAML.

    Args:
        text: the YAML, which was read without a mistake.
    """
    content = _load(text)
    groups = [_list_feature(item, place) for place, item in enumerate(content.get("features") or ())]
    groups += [_list_objective(item, place) for place, item in enumerate(content["objectives"])]
    campaign = content.get("campaign") or {}
    groups.append(Group("Batches", (Field("suggestions", "Designs in a batch", _show(campaign.get("suggestions"))),)))
    return [*groups, Group("Rules on designs", tuple(_list_rules(content)))]


def _list_feature(item: Mapping[str, Any], place: int) -> Group:
    """Return the fields of a factor."""
    key = f"features-{place}"
    fields = [Field(f"{key}-unit", "Unit", _show(item.get("unit")))]
    if "choices" in item:
        fields.append(
            Field(f"{key}-choices", "Choices, one a line", "\n".join(map(_show, item["choices"])), lines=True)
        )
    elif "bounds" in item:
        low, high = item["bounds"]
        fields += [Field(f"{key}-low", "From", _show(low)), Field(f"{key}-high", "To", _show(high))]
        fields.append(Field(f"{key}-step", "In steps of", _show(item.get("step"))))
    return Group(str(item.get("label", item["name"])), tuple(fields))


def _list_objective(item: Mapping[str, Any], place: int) -> Group:
    """Return the fields of an objective."""
    key, target = f"objectives-{place}", item.get("target")
    shown = " to ".join(map(_show, target)) if isinstance(target, list) else _show(target)
    fields = (
        Field(f"{key}-unit", "Unit", _show(item.get("unit"))),
        Field(f"{key}-goal", "Goal", _show(item.get("goal")), GOALS),
        Field(f"{key}-target", "Target, as 7.4 or 1 to 2.5", shown),
        Field(f"{key}-at_least", "At least", _show(item.get("at_least"))),
        Field(f"{key}-at_most", "At most", _show(item.get("at_most"))),
    )
    return Group(str(item.get("label", item["name"])), fields)


def _list_rules(content: Mapping[str, Any]) -> list[Field]:
    """Return the written rules, and an empty field for one more."""
    fields = [
        Field(f"constraints-{place}", str(item["name"]), str(item["expression"]))
        for place, item in enumerate(content.get("constraints") or ())
        if "expression" in item
    ]
    return [*fields, Field("constraints-new", "One more, as solvent + salt <= 30", "")]


def change_settings(file: Path, text: str, given: Mapping[str, str]) -> bool:
    """Write the fields that were changed into the YAML of a study.

    Args:
        file: the YAML.
        text: its content when the form was made.
        given: the form, by names of fields; those that are missing stay as they are.

    Returns:
        Whether anything was changed.

    Raises:
        ConfigError: if the file has another content by now, or a value cannot be; nothing is written then.
        OutputError: if it cannot be written.
    """
    content, was_changed = _load(text), False
    for group in list_groups(text):
        for field in group.fields:
            value = given.get(field.name, field.value).replace("\r\n", "\n").strip()
            if value != field.value:
                _set_field(content, field, value, f"{group.heading}: {field.label.partition(',')[0]}")
                was_changed = True
    if not was_changed:
        return False
    if "constraints" in content:
        content["constraints"] = [item for item in content["constraints"] if item.get("expression") != ""]
        if not content["constraints"]:
            del content["constraints"]
    new = dump_yaml(content)
    _check(new, file)
    with lock_path(file):
        if file.read_text(encoding="utf-8") != text:
            raise ConfigError([f"{file}: was changed since this page was made; nothing was written"])
        replace_bytes(file, new.encode())
    return True


def _set_field(content: CommentedMap, field: Field, value: str, where: str) -> None:
    """Set one field.

    Raises:
        ConfigError: if a number is none.
    """
    kind, _, rest = field.name.partition("-")
    if kind == "suggestions":
        _set(content.setdefault("campaign", CommentedMap()), "suggestions", _read_number(value, where))
    elif kind == "constraints" and rest == "new":
        rules = content.setdefault("constraints", CommentedSeq())
        names = {item["name"] for item in rules}
        name = next(name for name in (f"rule_{n}" for n in range(1, MOST_RULES)) if name not in names)
        rule = CommentedMap(name=name, expression=value)
        rule.fa.set_flow_style()
        rules.append(rule)
    elif kind == "constraints":
        content["constraints"][int(rest)]["expression"] = value
    else:
        place, _, key = rest.partition("-")
        _set_key(content[kind][int(place)], key, value, where)


def _set_key(item: CommentedMap, key: str, value: str, where: str) -> None:
    """Set a key of a factor or an objective.

    Raises:
        ConfigError: if a number is none.
    """
    if key in ("low", "high"):
        item["bounds"][int(key == "high")] = _read_number(value, where)
    elif key == "choices":
        item["choices"] = _flow([line.strip() for line in value.split("\n") if line.strip()])
    elif key == "target":
        ends = [_read_number(part, where) for part in value.split(" to ")] if value else []
        _set(item, key, _flow(ends) if len(ends) == 2 else ends[0] if ends else None)
    else:
        _set(item, key, value if key in ("unit", "goal") else _read_number(value, where))


def _set(item: CommentedMap, key: str, value: Any) -> None:
    """Set a key, or remove it where there is no value."""
    if value is None:
        item.pop(key, None)
    else:
        item[key] = value


def _flow(values: list[Any]) -> CommentedSeq:
    """Return a list that is written within brackets."""
    found = CommentedSeq(values)
    found.fa.set_flow_style()
    return found


def _read_number(text: str, where: str) -> float | int | None:
    """Return a number, None where there is none.

    Raises:
        ConfigError: naming the field.
    """
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        raise ConfigError([f"{where}: found '{text}'; give a number, as 12.5; nothing was written"]) from None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _check(text: str, file: Path) -> None:
    """Refuse settings that could not be read.

    Raises:
        ConfigError: with every problem.
    """
    with tempfile.TemporaryDirectory(prefix="battery-mi-study-") as folder:
        trial = Path(folder) / file.name
        trial.write_text(text, encoding="utf-8")
        try:
            load_study(trial)
        except ConfigError as error:
            problems = [problem.replace(f"{trial}: ", "") for problem in error.problems]
            raise ConfigError([*problems, "nothing was written"]) from None


def _load(text: str) -> CommentedMap:
    """Return settings with their comments, as YAML of version 1.1, which is the one that they are read as."""
    yaml = YAML()
    yaml.version = (1, 1)
    yaml.preserve_quotes = True
    loaded: CommentedMap = yaml.load(text)
    return loaded


def _show(value: Any) -> str:
    """Return a value as a field has it."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
