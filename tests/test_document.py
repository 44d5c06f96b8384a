"""The schema that editors use and the option tables: names complete, types read well, links lead on."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from batterymi import registry
from batterymi.config.document import LISTS, insert_tables, make_schema, write_options
from batterymi.config.load import load_datasets
from batterymi.vocabulary.unit_table import UNITS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "config/README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", README, re.MULTILINE)


def test_the_schema_and_the_option_tables_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / "config/schema.json").read_text(encoding="utf-8") == make_schema(), "run 'make docs'"
    assert insert_tables(README) == README, "run 'make docs'"


def enums(schema: Any) -> list[list[str]]:
    """Return every list of names in a schema."""
    if isinstance(schema, dict):
        own = [schema["enum"]] if "enum" in schema else [[schema["const"]]] if "const" in schema else []
        return own + [found for part in schema.values() for found in enums(part)]
    return [found for part in schema for found in enums(part)] if isinstance(schema, list) else []


@pytest.mark.parametrize("kind", ["model", "engine", "descriptor", "constraint", "figure", "cell", "candidates"])
def test_editors_complete_every_registered_name(kind: str) -> None:
    assert registry.list_names(kind) in enums(json.loads(make_schema()))


def test_editors_complete_units_and_take_others_and_data_sets_are_those_of_the_catalogue() -> None:
    schema = json.loads(make_schema())
    (enum, other) = schema["$defs"]["Feature"]["properties"]["unit"]["anyOf"]
    assert (enum["enum"], other["type"]) == (list(UNITS), "string")
    rows = {
        schema["$defs"][name]["properties"]["name"].get("const") for name in schema["$defs"] if name.endswith("Rows")
    }
    assert rows == set(registry.list_names("loader")) <= set(load_datasets(ROOT / "config/datasets.yaml"))


@pytest.mark.parametrize(("key", "kind", "default", "about"), ROWS)
def test_a_row_of_a_table_says_type_and_default_in_words(key: str, kind: str, default: str, about: str) -> None:
    assert kind
    for mark in (
        "batterymi",
        "Optional",
        "Union",
        "Literal",
        "NoneType",
        "Annotated",
        "tuple",
        "dict[",
        "anything",
        "...",
    ):
        assert mark not in kind + default, (key, kind)
    for opened, closed in ("[]", "()"):
        assert kind.count(opened) == kind.count(closed), (key, kind)
    assert kind.count("`") % 2 == default.count("`") % 2 == 0


def test_types_that_were_once_broken_read_well() -> None:
    found = {(key, kind) for key, kind, _, _ in ROWS}
    assert {
        ("group", "text or list of texts"),
        ("compare_groups", "list of (text or list of texts)"),
        ("folds", "`leave_one_out` or whole number"),
        ("source", "`all`, `none` or list of texts"),
        ("timed", "list of [number, number]"),
        ("product_of", "[text, text]"),
        ("values", "keys, each with number or text"),
        ("weights", "keys, each with [RewardWeights](#weights-rewardweights)"),
        ("studies", "list of texts or `all`"),
        ("models", "list of [names](#models)"),
        ("unit", "[unit](#units)"),
    } <= found


def test_every_link_leads_to_a_heading() -> None:
    headings = re.findall(r"^##+ (.+)$", README, re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors), "two headings are alike"
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= set(anchors)
    index = README[: README.index("## Add a study")]
    assert {f"](#{anchor})" for anchor in anchors} <= set(re.findall(r"\]\(#[^)]+\)", index))


def test_every_name_is_listed_with_what_it_stands_for() -> None:
    for kind, heading in LISTS.items():
        part = README[README.index(f"### {heading}\n") :]
        rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", part.split("\n### ")[0], re.MULTILINE))
        assert list(rows) == registry.list_names(kind)
        assert all(10 < len(meaning) < 200 for meaning in rows.values()), rows


def test_marks_that_are_missing_are_named() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        insert_tables("nothing")
    assert write_options().startswith("### config.yaml")
