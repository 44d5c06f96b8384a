"""Expressions: arithmetic and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.designs import Derived
from batterymi.config.expressions import parse_condition, parse_quantity, substitute_quantities
from batterymi.config.parts import Constraint
from batterymi.optimise.space.constraints import expand_derived

COLUMNS = {"a": np.array([1.0, 2.0, 4.0]), "b": np.array([0.5, 2.0, -1.0])}


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("a + b <= 3", [1.5, -1.0, 0.0]),
        ("2 * a ** 2 >= 8", [-6.0, 0.0, 24.0]),
        ("0 <= b <= 1", [0.5, -1.0, -1.0]),
        ("a >= 2 and b >= 0", [-1.0, 0.0, -1.0]),
        ("a >= 2 or b >= 0", [0.5, 2.0, 2.0]),
        ("max(a, b, 3) <= 3", [0.0, 0.0, -1.0]),
        ("-abs(b) >= -1", [0.5, -1.0, 0.0]),
    ],
)
def test_a_condition_gives_its_margin(text: str, margin: list[float]) -> None:
    assert parse_condition(text)(COLUMNS) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a > 2", [False, False, True]),
        ("a >= 2", [False, True, True]),
        ("2 > a", [True, False, False]),
        ("a < 4", [True, True, False]),
        ("a <= 4", [True, True, True]),
        ("1 < a <= 4", [False, True, True]),
        ("1 <= a < 4", [True, True, False]),
        ("a > 2 or b >= 2", [False, True, True]),
        ("a >= 2 and b < 2", [False, False, True]),
        ("log(b) > 0", [False, True, False]),
        ("3 > 2 - 0 * a", [True, True, True]),
    ],
)
def test_at_equality_only_conditions_that_are_not_strict_hold(text: str, holds: list[bool]) -> None:
    assert parse_condition(text).is_satisfied(COLUMNS).tolist() == holds


def test_what_has_no_answer_is_not_a_number_and_raises_nothing() -> None:
    assert np.isnan(parse_condition("log(b) >= 0")(COLUMNS)[2])
    assert np.isinf(parse_quantity("a / (a - a)")(COLUMNS)).all()
    assert np.isinf(parse_quantity("9 ** 9 ** 9 ** a")(COLUMNS)).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a + b", "compares nothing"),
        ("a == b", "compare with <= or >="),
        ("1 <= 2", "names no column"),
        ("__import__('os') <= 1", "is not a function"),
        ("a.real <= 1", "only numbers, columns"),
        ("a[0] <= 1", "only numbers, columns"),
        ("(lambda: a)() <= 1", "is not a function"),
        ("sqr(a) <= 1", "did you mean 'sqrt'?"),
        ("sqrt(a, b) <= 1", "sqrt takes one argument"),
        ("a ^ 2 <= 1", "write \\*\\* for powers"),
        ("(a <= 1) + b <= 2", "cannot be part of a sum"),
        ("a <= ", "cannot be read"),
        ("a <= 'x'", "is not a number"),
        ("a <= True", "is not a number"),
        ("a <= " + "+".join("1" * 240), "more than 200 parts"),
        ("a <= " + "1" * 600, "at most 500"),
    ],
)
def test_all_else_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_condition(text)


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_parsed_or_refused(text: str) -> None:
    try:
        expression = parse_condition(text)
    except ValueError:
        return
    columns = {name: np.ones(3) for name in expression.columns}
    assert expression(columns).shape == (3,)


def test_derived_quantities_are_spelt_out() -> None:
    assert substitute_quantities("e <= 3", {"m": "a + b", "e": "2 * m"}) == "2 * (a + b) <= 3"
    derived = [Derived(name="e", label="e", unit="1", product_of=("a", "b"))]
    constraint = expand_derived(Constraint(name="c", expression="e <= 1"), derived)
    assert constraint.names == ("a", "b")
    assert parse_condition(constraint.expression or "")(COLUMNS) == pytest.approx([0.5, -3, 5])
