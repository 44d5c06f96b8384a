"""Settings of a study as fields of a form; what is changed there is changed in its YAML, and nothing else."""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from batterymi.app.entries import read_entry
from batterymi.app.words import name_places
from batterymi.authoring.study_yaml import dump_yaml
from batterymi.config.load import load_study
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.user_files import lock_path, replace_bytes

GOALS = ("maximise", "minimise", "target", "limit", "report")
MOST_RULES = 50
NEW_RULE = "new_rule"


@dataclass(frozen=True)
class Field:
    """A field of the form.

    Attributes:
        name: of the field, as `features-temperature_c-unit`: places would move when the file is edited by hand.
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
    groups = [_list_feature(item) for item in content.get("features") or ()]
    groups += [_list_objective(item) for item in content["objectives"]]
    campaign = content.get("campaign") or {}
    groups.append(Group("Batches", (Field("suggestions", "Designs in a batch", _show(campaign.get("suggestions"))),)))
    return [*groups, Group("Rules on designs", tuple(_list_rules(content)))]


def _list_feature(item: Mapping[str, Any]) -> Group:
    """Return the fields of a factor."""
    key = f"features-{item['name']}"
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


def _list_objective(item: Mapping[str, Any]) -> Group:
    """Return the fields of an objective."""
    key, target = f"objectives-{item['name']}", item.get("target")
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
        Field(f"constraints-{item['name']}", str(item["name"]), str(item["expression"]))
        for item in content.get("constraints") or ()
        if "expression" in item
    ]
    return [*fields, Field(NEW_RULE, "One more, as solvent + salt <= 30", "")]


def change_settings(
    file: Path, text: str, given: Mapping[str, str], refuse: Callable[[Study], None], decimal: str = "."
) -> bool:
    """Write the fields that were changed into the YAML of a study.

    Args:
        file: the YAML.
        text: its content when the form was made.
        given: the form, by names of fields; those that are missing stay as they are.
        refuse: raises a `BatteryMIError` for settings that the study's table cannot be read with.
        decimal: what separates decimals in the table, and so in numbers of the form.

    Returns:
        Whether anything was changed.

    Raises:
        ConfigError: if the file has another content by now, or a value cannot be; nothing is written then.
        BatteryMIError: what `refuse` raises.
        OutputError: if it cannot be written.
    """
    content, was_changed = _load(text), False
    for group in list_groups(text):
        for field in group.fields:
            value = clean_entry(given.get(field.name, field.value))
            if value != field.value:
                _set_field(content, field, value, (f"{group.heading}: {field.label.partition(',')[0]}", decimal))
                was_changed = True
    if not was_changed:
        return False
    if "constraints" in content:
        content["constraints"] = [item for item in content["constraints"] if item.get("expression") != ""]
        if not content["constraints"]:
            del content["constraints"]
    new = dump_yaml(content)
    refuse(_read(new, file, content))
    with lock_path(file):
        if file.read_text(encoding="utf-8") != text:
            raise ConfigError([f"{file}: was changed since this page was made; nothing was written"])
        replace_bytes(file, new.encode())
    return True


def clean_entry(text: str) -> str:
    """Return what a browser sends of a field, without blanks around it and with plain line ends."""
    return text.replace("\r\n", "\n").strip()


def _set_field(content: CommentedMap, field: Field, value: str, how: tuple[str, str]) -> None:
    """Set one field.

    Args:
        content: of the YAML.
        field: to set.
        value: its new text.
        how: the words of the page for the field, and what separates decimals.

    Raises:
        ConfigError: if a number is none.
    """
    kind, _, rest = field.name.partition("-")
    if kind == "suggestions":
        _set(content.setdefault("campaign", CommentedMap()), "suggestions", _read_number(value, how))
    elif kind == NEW_RULE:
        rules = content.setdefault("constraints", CommentedSeq())
        names = {item["name"] for item in rules}
        name = next(name for name in (f"rule_{n}" for n in range(1, MOST_RULES)) if name not in names)
        rule = CommentedMap(name=name, expression=use_names(value, content))
        rule.fa.set_flow_style()
        rules.append(rule)
    elif kind == "constraints":
        next(item for item in content[kind] if item["name"] == rest)["expression"] = use_names(value, content)
    else:
        name, _, key = rest.rpartition("-")
        _set_key(next(item for item in content[kind] if item["name"] == name), key, value, how)


def use_names(rule: str, content: Mapping[str, Any]) -> str:
    """Return a rule in which labels, as the page shows them, are replaced by the names that rules are read with."""
    columns = [*(content.get("features") or ()), *content["objectives"]]
    names = {str(item["name"]) for item in columns}
    labels: dict[str, set[str]] = {}
    for item in columns:
        labels.setdefault(str(item.get("label", item["name"])).casefold(), set()).add(str(item["name"]))
    # a label that two columns have says nothing, and a name counts before the label of another column
    known = {label: min(found) for label, found in labels.items() if len(found) == 1 and not names & {label} - found}
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    # choices stand in quotation marks, and stay
    parts = re.split(r"('[^']*'|\"[^\"]*\")", rule)
    parts[::2] = [pattern.sub(lambda found: known[found[0].casefold()], part) for part in parts[::2]]
    return "".join(parts) if known else rule


def _set_key(item: CommentedMap, key: str, value: str, how: tuple[str, str]) -> None:
    """Set a key of a factor or an objective.

    Raises:
        ConfigError: if a number is none.
    """
    if key in ("low", "high"):
        item["bounds"][int(key == "high")] = _read_number(value, how)
    elif key == "choices":
        item["choices"] = _flow([line.strip() for line in value.split("\n") if line.strip()])
    elif key == "target":
        ends = [_read_number(part, how) for part in value.split(" to ")] if value else []
        _set(item, key, _flow(ends) if len(ends) == 2 else ends[0] if ends else None)
    else:
        _set(item, key, value if key in ("unit", "goal") else _read_number(value, how))


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


def _read_number(text: str, how: tuple[str, str]) -> float | int | None:
    """Return a number, None where there is none.

    Raises:
        ConfigError: naming the field.
    """
    if not text.strip():
        return None
    where, decimal = how
    number = read_entry(text, decimal, where)
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _read(text: str, file: Path, content: Mapping[str, Any]) -> Study:
    """Return a study from the text of its settings.

    Raises:
        ConfigError: with every problem, in the words of the page.
    """
    with tempfile.TemporaryDirectory(prefix="battery-mi-study-") as folder:
        trial = Path(folder) / file.name
        trial.write_text(text, encoding="utf-8")
        try:
            return load_study(trial)
        except ConfigError as error:
            problems = [name_places(problem.replace(f"{trial}: ", ""), content) for problem in error.problems]
            raise ConfigError([*problems, "nothing was written"]) from None


def _load(text: str) -> CommentedMap:
    """Return settings with their comments, as YAML of version 1.1, which is the one that they are read as."""
    # the round-trip loader, which makes text, numbers, lists and mappings alone, whatever a tag says
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
