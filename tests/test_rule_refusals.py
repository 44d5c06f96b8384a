"""Rules of designs that exclude each other, or that no design keeps, are refused in words."""

import re
from typing import Any

import numpy as np
import pytest

from batterymi.config.messages import validate_settings
from batterymi.config.parts import Constraint, Feature
from batterymi.config.study import Study
from batterymi.errors import ConfigError, DesignError
from batterymi.optimise.space.space import make_space


def feature(name: str, **more: Any) -> Feature:
    """A feature without a unit."""
    return Feature(name=name, label=name, unit="1", **more)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"simplex": {"features": ["a", "b", "c"], "max_parts": 1}}, "1 fractions add up to 0.6 at most"),
        ({"simplex": {"features": ["a", "b", "c"], "min_when_used": 0.7}}, "0.7 is above the upper bound of 'a', 0.6"),
        ({"simplex": {"features": ["a", "b", "c"], "total": 100}}, "add up to 0 to 1.8, never 100"),
        ({"simplex": {"features": ["a", "b", "c"], "min_parts": 3, "min_when_used": 0.4}}, "add up to 1.2 at least"),
        ({"amount": {"used_with": {"gas": ["air"]}}}, "'gas' is not a feature"),
        ({"amount": {"used_with": {"additive": ["EC"]}}}, "'additive' has no choice 'EC'; did you mean 'FEC'"),
        ({"amount": {"used_with": {"a": ["EC"]}}}, "'a' has no choices; it must be a category"),
        ({"shared": ["amount"]}, "'amount' depends on 'additive'; share both"),
        ({"shared": ["oven"]}, "'oven' is not a feature of designs"),
        ({"shared": ["a"], "simplex": {"features": ["a", "b", "c"]}}, "'a' is a fraction of the simplex"),
        ({"engine": "enumerate"}, "supports no used_with"),
        ({"constraints": [{"name": "x", "expression": "a / b == 2"}]}, "give its tolerance"),
        ({"constraints": [{"name": "x", "expression": "a == 2 and b <= 1"}]}, "an equality is written with ==, alone"),
        ({"amount": {"scale": "log", "bounds": [0, 1]}}, "scale: log needs values above 0, found 0"),
    ],
)
def test_rules_that_exclude_each_other_are_refused(change: dict[str, Any], wanted: str) -> None:
    amount = change.get("amount", {"used_with": {"additive": {"FEC": [1, 10]}}})
    amount = {"bounds": [1, 2], **amount} if "additive" not in str(amount) or "[1, 10]" not in str(amount) else amount
    study = {
        "title": "T",
        "edition": "own",
        "table": {"file": "data/t.csv"},
        "features": [
            *({"name": name, "label": name, "unit": "1", "bounds": [0, 0.6]} for name in "abc"),
            {"name": "additive", "label": "a", "unit": "1", "choices": ["none", "FEC"]},
            {"name": "amount", "label": "a", "unit": "1", **amount},
        ],
        "objectives": [{"name": "y", "label": "y", "unit": "1", "goal": "maximise"}],
        "simplex": change.get("simplex"),
        "constraints": change.get("constraints", []),
        "campaign": {
            "mode": "experiment",
            "engine": change.get("engine", "random"),
            "shared_in_batch": change.get("shared", []),
        },
    }
    with pytest.raises(ValueError, match=re.escape(wanted)):
        Study.model_validate(study)


def test_an_equality_that_no_design_meets_is_named() -> None:
    features = [feature(name, bounds=(0.5, 2), step=0.1) for name in ("n_li", "n_p")]
    rule = Constraint(name="balance", expression="n_li / n_p == 1.05", tolerance=1e-4)
    with pytest.raises(DesignError, match=r"constraint 'balance'.*take finer steps"):
        make_space(features, None, [rule]).sample(np.random.default_rng(0), 1)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("expression", ["gas == 1", "t >= 20 * gas", "max(t, gas) <= 700"])
def test_a_category_in_a_constraint_is_refused_and_never_computed(expression: str, ordered: bool) -> None:
    settings = {
        "title": "T", "edition": "own", "table": {"file": "data/t.csv"}, "campaign": {"mode": "experiment"},
        "features": [
            {"name": "t", "label": "T", "unit": "K", "bounds": [600, 900]},
            {"name": "gas", "label": "Gas", "unit": "1", "choices": ["air", "O2"], "ordered": ordered},
        ],
        "objectives": [{"name": "y", "label": "Y", "unit": "1", "goal": "maximise"}],
        "constraints": [{"name": "rule", "expression": expression}],
    }  # fmt: skip
    with pytest.raises(ConfigError, match="constraints: 'rule': gas is a category; constraints take numbers"):
        validate_settings(Study, settings, "my.yaml")
