"""What a campaign recommends: designs that keep a reserve to the limits, and that pass the reference model."""

from collections.abc import Callable

import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_campaign import Bowl

from batterymi.charging.outcome import ChargeResult
from batterymi.config.load import load_study
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.space.space import Space
from batterymi.reporting.best_design import describe_best, find_best_design
from batterymi.reporting.study_results import StudyResults
from batterymi.stages.replay_protocols import choose_design

LINE = Space((Feature(name="x", label="x", unit="1", bounds=(0, 1)),))
OBJECTIVES = (
    Objective(name="time_to_80_min", label="Time", unit="min", goal="minimise"),
    Objective(name="plating_margin_mv", label="Margin", unit="mV", goal="limit", at_least=10, reserve=12),
)
LIMITS = (Limit("plating_margin_mv", "at_least", 10.0),)


def charge(minutes: float, margin: float) -> ChargeResult:
    """A charge; one of no minutes failed."""
    return ChargeResult("", time_to_80_min=minutes, plating_margin_mv=margin, failure="" if minutes > 0 else "broke")


@given(st.lists(st.tuples(st.floats(1, 60), st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=6))
def test_the_fastest_design_that_passes_the_reference_model_is_recommended(
    charges: list[tuple[float, float, float]],
) -> None:
    coarse = [charge(minutes, margin) for minutes, margin, _ in charges]
    fine = [charge(minutes, margin) for minutes, _, margin in charges]
    found = choose_design(coarse, fine, OBJECTIVES, LIMITS)
    good = [minutes for minutes, _, margin in charges if margin >= 10]
    assert found["is_recommended"] == bool(good) == found["reference_model_meets_limits"]
    assert found["reference_model"]["time_to_80_min"] == (min(good) if good else charges[0][0])
    assert [entry["reference_model_meets_limits"] for entry in found["designs"]] == [c[2] >= 10 for c in charges]


def test_a_design_that_fails_on_the_reference_model_is_not_recommended() -> None:
    found = choose_design([charge(10, 30)], [ChargeResult("", failure="broke")], OBJECTIVES, LIMITS)
    assert not found["is_recommended"]
    assert found["reference_model"] == {
        "time_to_80_min": None,
        "plating_margin_mv": None,
        "plated_mah": None,
        "failure": "broke",
    }


@pytest.mark.parametrize(("side", "planned"), [("at_least", 0.7), ("at_most", 0.3)])
def test_designs_are_planned_with_the_reserve_and_held_to_the_limit(
    make_objective: Callable[..., Objective], side: str, planned: float
) -> None:
    """On both sides of an outcome the reserve moves the limit inwards; what counts stays as declared."""
    objectives = (make_objective("y"), make_objective("z", "limit", **{side: 0.5}, reserve=0.2))
    found = check_feasibility(LINE, Bowl(), objectives, pd.DataFrame(), 0)
    assert found.limits_in_force == (Limit("z", side, 0.5),)
    assert [(limit.side, round(limit.value, 9)) for limit in found.planned_limits] == [(side, planned)]


def test_reserves_that_leave_nothing_are_named(make_objective: Callable[..., Objective]) -> None:
    objectives = (make_objective("y"), make_objective("z", "limit", at_least=0.5, reserve=0.7))
    found = check_feasibility(LINE, Bowl(), objectives, pd.DataFrame(), 0)
    assert found.verdict == "infeasible"
    assert "with their reserves" in found.message


@pytest.mark.parametrize(
    ("limits", "word"), [({}, "needs a limit"), ({"at_least": 1, "at_most": 4}, "nothing is left between")]
)
def test_a_reserve_without_room_is_refused(limits: dict[str, float], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Objective(name="y", label="y", unit="1", goal="maximise", reserve=1.5, **limits)


@pytest.mark.parametrize("passes", [True, False])
def test_the_summary_shows_what_the_reference_model_says_and_recommends_nothing_that_violates_it(
    passes: bool,
) -> None:
    study = load_study(ROOT / "config/studies/fast_charging.yaml")
    fine = charge(20, 14 if passes else 3)
    found = choose_design([charge(18, 22), charge(20, 23)], [charge(18, 2), fine], OBJECTIVES, LIMITS)
    results = StudyResults({}, ReportedStudy.take_from(study))
    rates = {f"c_rate_{step}": [2.0, 1.0] for step in range(1, 5)}
    outcomes = {o.name: [1.0, 1.0] for o in study.objectives}
    vars(results).update(
        suggestions=pd.DataFrame({"rank": [1, 2], **rates, **outcomes, "why": "best"}),
        replay={"rank": found["place"] + 1, "reference": "DFN", **found}
        | {"reference_model": {o.name: 1.0 for o in study.objectives} | found["reference_model"]},
        benchmark={"outcome_kind": "simulated", "feasibility": {"limits": []}},
        metrics=pd.DataFrame({"selected": [], "variant": [], "verdict": []}),
    )
    cells = {key: value for key, (value, _) in describe_best(find_best_design(results)).items()}
    assert cells["best_design"].startswith("not a recommendation, since it violates") != passes
    assert ("c_rate_1 1 C-rate" in cells["best_design"]) == passes
    assert cells["best_outcome"].startswith(f"simulated on the DFN: time_to_80_min {20 if passes else 18} min")
