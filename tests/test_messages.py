"""Messages about settings are ours, whatever pydantic finds wrong; its phrases are for programmers."""

import copy
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from conftest import ROOT
from pydantic import BaseModel, TypeAdapter, ValidationError

from batterymi.config.arena import Arena
from batterymi.config.datasets import DataFile, Dataset
from batterymi.config.messages import NO_WORDING, WORDINGS, describe_errors
from batterymi.config.run import Config
from batterymi.config.study import Study

WRONG: list[Any] = [
    None, True, 0, -1, 10**30, 2.5, float("nan"), float("inf"), "", "Wörd!", "x" * 2000, [], ["a", 1], [[]], [1, 2, 3],
    list(range(400)), {}, {"a": 1}, {1: 2}, [{}], {"name": "nothing"}, {"mode": "nothing"}, object(),
]  # fmt: skip
PYDANTIC = re.compile(
    r"(?i)\binput\b|\bshould (be|have|match)|field required|after validation|valid (string|number|integer|boolean|"
    r"dictionary|list|tuple|dict)\b|unable to parse|not permitted|instance of|discriminator|\btag\b"
)


def models_of(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Collect all models of settings inside an annotation, and those inside these."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
        found.add(annotation)
        for field in annotation.model_fields.values():
            models_of(field.annotation, found)
    for part in get_args(annotation):
        models_of(part, found)
    return found


MODELS = sorted(
    set().union(*(models_of(root, set()) for root in (Study, Config, Arena, Dataset))), key=lambda m: m.__name__
)


def wrong_settings(model: type[BaseModel]) -> Iterator[Any]:
    """Yield settings with a wrong value of every kind at every key, with keys of any type, and what are none."""
    yield from WRONG
    for name in model.model_fields:
        for value in WRONG:
            yield {name: value}
            yield {name: [value]}
            yield {name: {"name": value}}


def lines_of(model: type[BaseModel], content: Any) -> list[str]:
    """Return what is said of settings; nothing if they are right."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        return describe_errors(error, "x.yaml", model)
    return []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_message_about_a_wrong_value_is_pydantics(model: type[BaseModel]) -> None:
    for content in wrong_settings(model):
        for line in lines_of(model, copy.copy(content)):
            said = re.sub(r"; found .*$", "", line)  # what the user wrote comes back as it is
            said = re.sub(r"'[^']*'|`[^`]*`|^x\.yaml: [\w.\[\]]+:", "", said)
            assert not PYDANTIC.search(said), line
            assert NO_WORDING not in line, line


@pytest.mark.parametrize("name", ["sodium_ion", "fast_charging", "solid_electrolytes", "lithium_sulfur_measured"])
def test_a_wrong_value_anywhere_in_a_study_gets_a_message_of_ours(name: str) -> None:
    study = yaml.safe_load((ROOT / f"config/studies/{name}.yaml").read_text(encoding="utf-8"))

    def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield (*path, key)
            yield from places(inner, (*path, key))

    refused = 0
    for path in places(study):
        for value in WRONG:
            changed = copy.deepcopy(study)
            *above, last = path
            inside = changed
            for key in above:
                inside = inside[key]
            inside[last] = value
            for line in lines_of(Study, changed):
                refused += 1
                assert not re.search(
                    r"(?i)\binput should\b|field required|should (have|match)|valid (string|number|in)", line
                ), line
                assert NO_WORDING not in line, line
    assert refused > 500


def test_a_union_says_what_each_of_its_kinds_would_be_and_what_was_found_once() -> None:
    assert lines_of(Config, {"studies": 5}) == ["x.yaml: studies: give a list or 'all'; found 5"]


def test_a_misspelt_choice_is_suggested() -> None:
    (line,) = lines_of(Config, {"editions": ["textbok"]})
    assert line == (
        "x.yaml: editions.0: give 'textbook', 'measured', 'own' or 'on_request'; did you mean 'textbook'?; "
        "found 'textbok'"
    )


def test_a_pair_that_lacks_its_second_number_says_which_entry_is_missing() -> None:
    assert any("entry 2 is missing" in line for line in lines_of(Study, {"features": [{"bounds": [1]}]}))


def test_the_wordings_fit_what_pydantic_gives_them() -> None:
    assert all(isinstance(wording, str) and wording for wording in WORDINGS.values())
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(DataFile).validate_python({"url": "ftp://x", "sha256": "1", "bytes": 0})
    assert describe_errors(caught.value, "x", DataFile) == [
        "x: url: give an address that begins with https://; found 'ftp://x'",
        "x: sha256: give 64 hexadecimal digits, as sha256sum prints them; found '1'",
        "x: bytes: give a number greater than or equal to 1; found 0",
    ]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("table.group", {"a": 1}, "table.group: give a text or a list; found {'a': 1}"),
        ("table.group", [1], "table.group.0: give a text, in quotes if YAML reads it as something else; found 1"),
        ("objectives.error", {"column": "sd", "kind": "sd", "n": 0},
         "objectives.0.error.n: give a number greater than or equal to 1; found 0"),
        ("features.used_with", {"b": {"a": [1]}}, "features.0.used_with.b.a.1: entry 2 is missing"),
        ("simplex", {"features": ["a", "b"], "min_when_used": {"a": "x"}},
         "simplex.min_when_used.a: give a number; found 'x'"),
        ("campaign", {"mode": None}, "campaign: give 'mode': one of 'search', 'experiment', 'replay'; found nothing"),
        ("campaign", {"mode": "replay", "pool": "a.csv"},
         "campaign.pool: unknown key 'pool' there; it needs mode: search or mode: experiment"),
        ("constraints", [{"name": "a", "expression": "a = 5"}],
         "constraints.0.expression: 'a = 5' cannot be read: invalid syntax; an equality of a constraint is written "
         "with =="),
        ("constraints", [{"name": "a", "expression": "a =< 5"}],
         "constraints.0.expression: 'a =< 5' cannot be read: invalid syntax; write <= instead of =<"),
    ],
)  # fmt: skip
def test_only_the_branch_that_was_meant_is_told_and_in_the_words_of_the_yaml(place: str, value: Any, said: str) -> None:
    settings: dict[str, Any] = {
        "title": "T", "edition": "own", "table": {"file": "data/t.csv"}, "campaign": {"mode": "experiment"},
        "features": [{"name": name, "label": name, "unit": "1", "bounds": [0, 1]} for name in ("a", "b")],
        "objectives": [{"name": "y", "label": "Y", "unit": "1", "goal": "maximise"}],
    }  # fmt: skip
    above, _, key = place.partition(".")
    if not key:
        settings[above] = value
    elif above == "table":
        settings[above][key] = value
    else:
        settings[above][0][key] = value
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(settings)
    assert describe_errors(caught.value, "x.yaml", Study) == [f"x.yaml: {said}"]
