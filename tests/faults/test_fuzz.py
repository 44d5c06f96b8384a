"""Fuzzing of all that reads what users write: only typed errors come out, in bounded time.

Half of the inputs are random; the other half are valid ones that were cut, doubled, swapped, or had something put in.
"""

import copy
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, SHIPPED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from timing import seconds_of

from batterymi.config.designs import Derived
from batterymi.config.expressions import FUNCTIONS, parse_condition, parse_quantity
from batterymi.config.load import load_study, read_yaml
from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.loaded_rows import LoadedRows
from batterymi.data.read_table import read_table
from batterymi.data.table import check_rows
from batterymi.errors import BatteryMIError
from batterymi.features.formulas import parse_formula
from batterymi.optimise.space.constraints import expand_derived, make_conditions
from batterymi.vocabulary.elements import SYMBOLS

SHORT = 200
UNITS = 2  # of work, for one input
EACH = pytest.mark.parametrize("inputs", [SHORT, pytest.param(10_000, marks=pytest.mark.nightly)])
STUDIES = [f"{study}.yaml" for study in SHIPPED]

NASTY = st.sampled_from(
    [
        *(
            "",
            " ",
            "\n",
            "\r",
            "\t",
            "\0",
            '"',
            "'",
            "#",
            ",",
            ";",
            "=1+1",
            "-",
            "nan",
            "inf",
            "1e999",
            "9" * 400,
            "0x" + "f" * 5000,
            ":".join(["1"] * 3000),
            "x" * 5000,
            "-0",
        ),
        *("&a", "*a", "<<: *a", "[", "]", "{", "}", "!!python/object:os.system", "!!int x", "%", "|", ">", "? ", ": "),
        *("\ufeff", "\u2028", "\x85", "²", "١", "é", "\ud800", "None", "True", "1:30", "2026-99-99", "0x1f", "**", "("),
    ]
)


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[str]) -> str:
    """A valid text with one to six cuts, copies and insertions."""
    text = draw(valid)
    for _ in range(draw(st.integers(1, 6))):
        first, last = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        last = min(last, first + 40)
        piece = draw(st.sampled_from(["", text[first:last] * 2, text[first:last][::-1]]) | NASTY | st.text(max_size=4))
        text = text[:first] + piece + text[last:]
    return text


def fuzz(inputs: int, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Check inputs, none of which may take long or raise anything that is no typed error."""

    def one(value: Any) -> None:
        started = time.process_time()
        said = "nothing is wrong"
        try:
            check(value)
        except BatteryMIError as error:
            said = str(error).strip()
        assert 0 < len(said) < 20_000, "an error without a word, or one that nobody can read"
        assert time.process_time() - started < seconds_of(UNITS)

    checks = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
    ]
    rules = settings(max_examples=inputs, database=None, derandomize=True, suppress_health_check=checks)
    rules(given(strategy)(one))()


TABLE = "ni,co,kind,y\n0.5,0.5,a,1\n0.6,0.4,b,2\n# remark\n0.7,0.3,a,4\n0.8,0.2,b,3\n"
QUOTED = 'ni,co,kind,y\n0.5,0.5,"a",1\n0.6,0.4,"b",2\n"0.7",0.3,a,4\n0.8,0.2,b,"3"\n'
FEATURES = [
    Feature(name="ni", label="Ni", unit="1", bounds=(0, 1), valid=(0, 1)),
    Feature(name="co", label="Co", unit="1", bounds=(0, 1), valid=(0, 1)),
    Feature(name="kind", label="Kind", unit="1", choices=("a", "b")),
]
TARGETS = [Objective.model_validate({"name": "y", "label": "y", "unit": "1", "goal": "maximise", "valid": (0, 1000)})]
SETTINGS = TableSettings(
    path="rows.csv",
    dataset=None,
    table=Table(file="rows.csv"),
    features=tuple(FEATURES),
    objectives=tuple(TARGETS),
    simplex=Simplex(features=("ni", "co")),
    descriptors=(),
)
CSV = mutated(
    st.sampled_from([TABLE, QUOTED, TABLE.replace(",", ";"), TABLE.replace(",", "\t"), "label,split," + TABLE])
)
ENCODED = st.tuples(CSV | st.text(max_size=200), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))


@EACH
def test_no_csv_does_more_than_be_read_or_refused(inputs: int, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"

    def check(value: bytes | tuple[str, str]) -> None:
        data = (
            value
            if isinstance(value, bytes)
            else value[0].encode(value[1], errors="surrogatepass" if value[1] != "latin-1" else "replace")
        )
        path.write_bytes(data)
        cells = read_table(path).frame
        assert len(cells)
        assert all(isinstance(cell, str) for cell in cells.to_numpy().ravel())
        if {"ni", "co", "kind", "y"} <= set(cells.columns):
            rows = check_rows(LoadedRows(cells, len(cells), {}, {}), SETTINGS).rows
            assert np.isfinite(rows["ni"]).all()

    fuzz(inputs, ENCODED | st.binary(max_size=200), check)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NASTY
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of keys to everything within a study."""
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [here, *(place for key, part in parts for place in places(part, (*here, key)))]


@cache
def shipped(name: str) -> dict[str, Any]:
    """The content of a study's YAML."""
    return read_yaml(ROOT / "config/studies" / name)


@st.composite
def spoilt_study(draw: st.DrawFn) -> str:
    """A shipped study in which one to three settings are other values, gone, or under other keys."""
    study = copy.deepcopy(shipped(draw(st.sampled_from(STUDIES))))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from([place for place in places(study) if place]))
        parent: Any = study
        for key in where[:-1]:
            parent = parent[key]
        way = draw(st.sampled_from(["value", "value", "value", "gone", "key"]))
        if way == "value":
            parent[where[-1]] = draw(VALUES)
        elif way == "gone":
            del parent[where[-1]]
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=8) | st.integers())] = parent.pop(where[-1])
    return yaml.safe_dump(study, allow_unicode=True)


MANY = st.tuples(st.sampled_from(["k{}: 1", "k{}: {{a: 1}}", '"{} \\n": 1', "{}: ff"]), st.integers(1, 5000)).map(
    lambda x: "\n".join(x[0].format(number) for number in range(x[1])) + "\n"
)
TEXTS = st.sampled_from([(ROOT / "config/studies" / name).read_text(encoding="utf-8") for name in STUDIES])


@EACH
def test_no_yaml_does_more_than_be_taken_or_refused(inputs: int, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"

    def check(text: str) -> None:
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        study = load_study(path)
        assert study.objectives

    many = st.tuples(TEXTS, MANY).map("\n".join)
    fuzz(inputs, spoilt_study() | mutated(TEXTS) | many | st.text(max_size=200), check)


NUMBERS = (
    st.integers(0, 10**20).map(str)
    | st.floats(0, 1e300).map(repr)
    | st.sampled_from(["1e-400", "0", ".5", "1_0", "0x1f"])
)
TERMS = st.recursive(
    NUMBERS | st.sampled_from(["a", "b", "salt"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "^", "%", "//", "@", "if a else"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        )
        | st.tuples(st.sampled_from([*FUNCTIONS, "eval", "a.b", "-", "not "]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        )
        | st.tuples(inner, inner).map(lambda parts: f"min({parts[0]}, {parts[1]})")
    ),
    max_leaves=12,
)
CONDITIONS = st.tuples(TERMS, st.sampled_from(["<=", ">=", "<", ">", "==", "!=", "in", "and", "is"]), TERMS).map(
    " ".join
)
DEEP = st.tuples(st.sampled_from(["(", "-", "sqrt(", "[", "not ", "a if "]), st.integers(1, 2000)).map(
    lambda x: x[0] * x[1] + "a <= 1"
)


@EACH
def test_no_expression_does_more_than_be_computed_or_refused(inputs: int) -> None:
    def check(text: str) -> None:
        for parse in (parse_condition, parse_quantity):
            try:
                expression = parse(text)
            except BatteryMIError:
                continue
            values = expression({name: np.array([0.0, 1.5, -2.0]) for name in expression.columns} or {"a": np.zeros(3)})
            assert values.shape == (3,)
            assert values.dtype == float

    fuzz(inputs, CONDITIONS | mutated(CONDITIONS) | TERMS | DEEP | st.text(max_size=60), check)


WRAPS = st.tuples(st.sampled_from(["-", "+", "sqrt(", "1 + ("]), st.integers(0, 95)).map(
    lambda x: (x[0] * x[1], ")" * (x[1] * x[0].count("(")))
)
CHAINS = st.lists(WRAPS, min_size=1, max_size=60)


@EACH
def test_no_chain_of_quantities_does_more_than_be_put_in_or_refused(inputs: int) -> None:
    def check(wraps: list[tuple[str, str]]) -> None:
        chain = [
            Derived(
                name=f"q{number}",
                label="q",
                unit="1",
                expression=f"{before}{f'q{number - 1}' if number else 'a'}{after}",
            )
            for number, (before, after) in enumerate(wraps)
            if len(before) + len(after) < 190
        ]
        constraint = expand_derived(Constraint(name="c", expression=f"q{len(wraps) - 1} <= 1"), chain)
        (condition,) = make_conditions([constraint])
        assert condition({name: np.ones(3) for name in constraint.names}).shape == (3,)

    fuzz(inputs, CHAINS, check)


PARTS = st.tuples(
    st.sampled_from(SYMBOLS), st.sampled_from(["", "2", "0.5", "2/3", "1/0", ".5", "9" * 400, "0", "x"])
).map("".join)
FORMULAS = st.recursive(
    PARTS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map("".join)
        | st.tuples(
            st.sampled_from(["()", "[]", "{}", "(]"]), inner, st.sampled_from(["", "2", "0", "1/3", "9" * 300])
        ).map(lambda parts: parts[0][0] + parts[1] + parts[0][1] + parts[2])
    ),
    max_leaves=12,
)
LONG = st.tuples(st.sampled_from(["(", "Li", "((Li)", "9", "(Li9"]), st.integers(1, 5000)).map(lambda x: x[0] * x[1])


@EACH
def test_no_formula_does_more_than_be_parsed_or_refused(inputs: int) -> None:
    def check(text: str) -> None:
        amounts = parse_formula(text)
        assert amounts
        assert set(amounts) <= set(SYMBOLS)
        assert all(0 < amount < float("inf") for amount in amounts.values())

    fuzz(inputs, FORMULAS | mutated(FORMULAS) | LONG | st.text(max_size=60), check)
