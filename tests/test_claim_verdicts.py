"""Verdicts on claims: what a number with an interval, a bound or an objection can decide, and what it cannot."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.files import write_csv, write_json
from batterymi.reporting.claim_verdicts import compare_with_found, compare_with_printed, decide
from batterymi.reporting.claims import KINDS, Claim
from batterymi.reporting.objections import LOSS_OF_A_CHARGE
from batterymi.reporting.pointers import Found, Measurements
from batterymi.vocabulary.verdicts import NO_SKILL

CLAIM = Claim("a", "mine", "1", "text", "result", "q", "", "10", "1", "", (("x",),), 1.0, "")
NUMBERS = st.floats(-1e3, 1e3)


def widen(value: float, below: float = 0.0, above: float = 0.0, **others: Any) -> Found:
    """Return a number with an interval around it."""
    return Found(value, (value - below, value + above), **others)


@pytest.mark.parametrize(
    ("printed", "computed", "verdict"),
    [
        ("484.0", 483.98, "reproduced"),
        ("484.0", 484.2, "not reproduced"),
        ("12.5", 12.6, "reproduced"),
        ("236", 236.5, "reproduced"),
        ("0.0158", 0.01585, "reproduced"),
        ("0.0158", 0.0161, "not reproduced"),
        ("16", 19.05, "not reproduced"),
        ("-2.028", -2.0281, "reproduced"),
        ("90.0", 60.0, "not reproduced"),
    ],
)
def test_a_recipe_reproduces_a_number_within_its_last_printed_digit(
    printed: str, computed: float, verdict: str
) -> None:
    assert compare_with_printed(computed, replace(CLAIM, printed=printed)) == verdict


def test_a_difference_of_exactly_the_tolerance_is_within_it() -> None:
    assert compare_with_found(Found(0.1 + 0.2), replace(CLAIM, printed="0.0", tolerance=0.3)) == "holds"
    assert compare_with_found(Found(0.31), replace(CLAIM, printed="0.0", tolerance=0.3)) == "does not hold"


@pytest.mark.parametrize(
    ("relation", "found", "verdict"),
    [
        ("", Found(10.5), "holds"),
        ("", Found(12.0), "does not hold"),
        ("", widen(10.0, 0.5, 0.5), "holds"),
        ("", widen(10.0, 3, 3), None),
        ("", widen(14.0, 1, 9), "does not hold"),
        ("", widen(14.0, 5, 9), None),
        (">", Found(12.0), "holds"),
        (">", Found(8.0), "does not hold"),
        (">=", widen(12.0, 5, 1), None),
        ("<", Found(8.0), "holds"),
        ("<", widen(12.0, 0.5, 5), "does not hold"),
        ("", Found(8.0, bound="most"), "does not hold"),
        ("", Found(12.0, bound="most"), None),
        ("", Found(12.0, bound="least"), "does not hold"),
        ("", Found(8.0, bound="least"), None),
        (">", Found(8.0, bound="most"), "does not hold"),
        ("<", Found(8.0, bound="most"), "holds"),
        (">", Found(12.0, bound="least"), "holds"),
    ],
)
def test_intervals_and_bounds_decide_only_what_they_can(relation: str, found: Found, verdict: str | None) -> None:
    assert compare_with_found(found, replace(CLAIM, relation=relation)) == verdict


@given(value=NUMBERS, claimed=st.integers(-1000, 1000), below=st.floats(0, 50), above=st.floats(0, 50))
def test_a_wider_interval_never_turns_one_verdict_into_the_other(
    value: float, claimed: int, below: float, above: float
) -> None:
    claim = replace(CLAIM, printed=str(claimed))
    point, wide = (compare_with_found(found, claim) for found in (Found(value), widen(value, below, above)))
    assert wide in (point, None)
    assert (point == "holds") == (abs(value - claimed) <= 1 + 1e-12)


@given(value=NUMBERS, claimed=st.integers(-1000, 1000), bound=st.sampled_from(["most", "least"]))
def test_a_bound_of_what_is_possible_never_confirms_a_number(value: float, claimed: int, bound: str) -> None:
    assert compare_with_found(Found(value, bound=bound), replace(CLAIM, printed=str(claimed))) != "holds"


@pytest.mark.parametrize("kind", [kind for kind, text in KINDS.items() if text])
def test_what_is_no_result_gets_no_verdict_whatever_is_found(kind: str) -> None:
    for value in (10.0, 99.0):
        assert decide(replace(CLAIM, kind=kind), [Found(value)]) == ("no verdict", KINDS[kind])


def test_numbers_that_disagree_say_that_it_depends_and_on_what() -> None:
    numbers = [Found(10.2, place="one cell"), Found(18.0, place="another")]
    assert decide(CLAIM, numbers) == ("depends", "holds: one cell; does not hold: another")
    assert decide(CLAIM, [Found(10.0), widen(10.0, 9, 9)])[0] == "holds"
    wide = widen(10.0, 9, 9, place="another")
    assert decide(CLAIM, [Found(18.0, place="one"), wide]) == ("depends", "does not hold: one; undecided: another")
    assert decide(CLAIM, [Found(8.0, bound="most"), Found(99.0, bound="most")])[0] == "does not hold", "both must allow"
    assert decide(CLAIM, [Found(18.0), Found(10.0, objection="why not")])[0] == "does not hold"
    assert decide(CLAIM, [Found(10.0, objection="why not")]) == ("no verdict", "why not")
    assert decide(CLAIM, [widen(10.0, 9, 9)])[0] == "no verdict"
    assert decide(CLAIM, []) == ("no verdict", "")


SUGGESTIONS = "campaign/suggestions.csv#rank=1:{}"


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """Results of a campaign over a model with skill, whose best two designs differ in their outcome."""
    write_json(tmp_path / "summary.json", {"verdict": {"value": "skill shown; better than ridge", "source": ""}})
    comparison = {"targets": [{"label": "t", "ratio": 3.3, "gain": "fewer evaluations"}]}
    write_json(tmp_path / "campaign/benchmark.json", {"outcome_kind": "predicted", "comparison": comparison})
    rows = {"rank": [1, 2], "x": [0.3, 0.6], "y": [5.0, 4.0], "y_lower_95": [4.0, 3.0], "y_upper_95": [6.0, 5.0]}
    write_csv(tmp_path / "campaign/suggestions.csv", pd.DataFrame(rows | {"why": "best of all"}))
    design = {"name": "d", "status": "accepted", "flags": "", "y": 5.0, "theoretical_capacity_mah_g": 100.0}
    write_csv(tmp_path / "campaign/reference_designs.csv", pd.DataFrame([design]))
    return tmp_path


def object_to(folder: Path, pointer: str) -> str:
    """Return what speaks against using the number that a pointer leads to."""
    (found,) = Measurements({"mine": folder}).follow("mine", pointer, "claim")
    return found.objection


def edit(path: Path, **columns: Any) -> None:
    """Set columns of a CSV file."""
    write_csv(path, pd.read_csv(path).assign(**columns))


def test_nothing_speaks_against_a_single_best_design_of_a_model_with_skill(campaign: Path) -> None:
    assert object_to(campaign, SUGGESTIONS.format("x")) == ""
    assert object_to(campaign, "campaign/reference_designs.csv#name=d:y") == ""


def test_no_verdict_rests_on_a_model_without_skill(campaign: Path) -> None:
    write_json(campaign / "summary.json", {"verdict": {"value": NO_SKILL, "source": ""}})
    pointers = (
        SUGGESTIONS.format("x"),
        "campaign/reference_designs.csv#name=d:y",
        "campaign/benchmark.json#comparison.targets.*.ratio",
    )
    for pointer in pointers:
        assert "no skill" in object_to(campaign, pointer), pointer
    # what follows from a formula does not rest on the model
    assert object_to(campaign, "campaign/reference_designs.csv#name=d:theoretical_capacity_mah_g") == ""
    write_json(campaign / "facts.json", {"x": {"value": 1.0, "verdict": NO_SKILL}, "y": {"value": 1.0, "n": 7}})
    assert "no skill" in object_to(campaign, "facts.json#x.value")
    assert object_to(campaign, "facts.json#y.value") == "", "a measurement"
    write_json(campaign / "campaign/benchmark.json", {"outcome_kind": "in the data", "comparison": None})
    assert object_to(campaign, SUGGESTIONS.format("x")) == "", "measured rows need no model"


def test_no_verdict_rests_on_one_point_of_a_plateau(campaign: Path) -> None:
    edit(campaign / "campaign/suggestions.csv", y=5.0)
    assert "plateau: 2 of the 2" in object_to(campaign, SUGGESTIONS.format("x"))


def test_no_verdict_rests_on_predictions_beyond_what_is_possible_or_designs_that_are_not(campaign: Path) -> None:
    edit(campaign / "campaign/suggestions.csv", why="y was clipped to the possible range: the model extrapolates")
    assert "beyond what is possible" in object_to(campaign, SUGGESTIONS.format("x"))
    designs = campaign / "campaign/reference_designs.csv"
    edit(designs, flags="y is above the theoretical 117.6 mAh/g")
    assert "above the theoretical" in object_to(campaign, "campaign/reference_designs.csv#name=d:y")
    edit(designs, flags="", status="rejected: violates a limit")
    assert object_to(campaign, "campaign/reference_designs.csv#name=d:y") == "the design is rejected: violates a limit"


def test_no_verdict_rests_on_the_source_s_own_formulas(campaign: Path) -> None:
    content = {"outcome_kind": "by formula", "comparison": None}
    write_json(campaign / "campaign/benchmark.json", content)
    assert "own formulas" in object_to(campaign, SUGGESTIONS.format("x"))


def compare_targets(campaign: Path, *targets: dict[str, Any]) -> tuple[str, str]:
    """Return the verdict on a claim of 70 % saved, and the reason, for comparisons at some targets."""
    content = {"outcome_kind": "in the data", "comparison": {"targets": list(targets)}}
    write_json(campaign / "campaign/benchmark.json", content)
    pointer = "campaign/benchmark.json#comparison.targets.*.ratio |percent_saved"
    claim = replace(CLAIM, printed="70", tolerance=5.0)
    return decide(claim, Measurements({"mine": campaign}).follow("mine", pointer, "claim"))


def describe_target(
    label: str, ratio: float | None, low: float | None, high: float | None, gain: str
) -> dict[str, Any]:
    """Return a comparison at one target, as a campaign's findings have it."""
    return {"label": label, "ratio": ratio, "ratio_lower": low, "ratio_upper": high, "gain": gain}


def test_a_share_saved_depends_where_targets_or_budgets_disagree(campaign: Path) -> None:
    near = describe_target("half of the range", 3.4, 3.3, 3.5, "fewer evaluations")
    far = describe_target("95 % of the range", 1.4, 1.2, 1.6, "fewer evaluations")
    budget = describe_target("95 % of the range", 3.4, 3.3, 3.5, "depends on the budget")
    never = describe_target("95 % of the range", None, None, None, "target not reached within the budget")
    assert compare_targets(campaign, near) == ("holds", "")
    assert compare_targets(campaign, far)[0] == "does not hold"
    verdict, reason = compare_targets(campaign, near, far)
    assert verdict == "depends"
    assert reason == "holds: mine: half of the range; does not hold: mine: 95 % of the range"
    assert compare_targets(campaign, budget) == ("depends", "depends: mine")
    assert compare_targets(campaign, near, never) == ("holds", "")
    assert compare_targets(campaign, never) == ("no verdict", "")


def test_a_share_that_is_cut_off_by_the_budget_is_a_bound_on_one_side(campaign: Path) -> None:
    above = describe_target("t", 5.0, 4.5, None, "fewer evaluations")
    assert compare_targets(campaign, above)[0] == "does not hold", "at least 78 % is more than 70 %"
    below = describe_target("t", 2.0, 1.8, None, "fewer evaluations")
    assert compare_targets(campaign, below)[0] == "no verdict", "at least 44 % may be 70 %"


@pytest.mark.parametrize("meets", [True, False])
def test_no_verdict_rests_on_a_design_that_the_reference_model_rejects(meets: bool, tmp_path: Path) -> None:
    model = {"time_to_80_min": 18.0, "capacity_lost_mah": 0.02}
    content = {"reference": "DFN", "reference_model": model, "reference_model_meets_limits": meets}
    write_json(tmp_path / "charging/replay.json", content)
    found = object_to(tmp_path, "charging/replay.json#reference_model.time_to_80_min")
    assert found == ("" if meets else "the design violates the limits on the DFN")
    assert object_to(tmp_path, "charging/replay.json#reference_model.capacity_lost_mah") == LOSS_OF_A_CHARGE
