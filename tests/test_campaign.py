"""Campaigns: feasibility first, honest comparisons, repeatable runs."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.campaign import ChargingChoice, NcmFormulasChoice
from batterymi.config.designs import Derived, ReferenceDesign
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.evaluators.charging import ChargingEvaluator
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.optimise.campaigns.campaign import draw_start_designs, run_engine, select_best_designs
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.campaigns.reference_designs import check_reference_designs
from batterymi.optimise.campaigns.seeds import list_slow_modules
from batterymi.optimise.campaigns.suggestions import add_derived
from batterymi.optimise.space.pareto import is_pareto_optimal
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.score import compute_score, compute_violation, penalise_scores
from batterymi.optimise.space.space import Space

NCM = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), ())


class Bowl:
    """(x - 0.3)², with a limit on z = x, failing above 0.95."""

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        x = designs["x"].to_numpy(float)
        failed = x > 0.95
        return pd.DataFrame(
            {
                "y": np.where(failed, np.nan, (x - 0.3) ** 2),
                "z": np.where(failed, np.nan, x),
                "failure": np.where(failed, "broke", ""),
            },
            index=designs.index,
        )

    def half_widths(self, designs: pd.DataFrame) -> None:
        return None

    def references(self) -> None:
        return None


@pytest.fixture
def line() -> Space:
    return Space((Feature(name="x", label="x", unit="1", bounds=(0, 1)),))


@pytest.fixture
def ncm_objectives(make_objective: Callable[..., Objective]) -> tuple[Objective, ...]:
    relaxation = {"to": 215, "reason": "no design attains the limit"}
    return (
        make_objective("capacity_mah_g", "maximise"),
        make_objective("cycle_life", "maximise", scale=10),
        make_objective("thermal_stability_c", "maximise", at_least=250, relaxation=relaxation),
    )


def test_the_infeasible_ncm_limit_is_found_and_relaxed(ncm_space: Space, ncm_objectives: tuple) -> None:
    found = check_feasibility(ncm_space, NCM, ncm_objectives, pd.DataFrame(), 0)
    assert found.verdict == "relaxed"
    assert found.limits[0].attainable == pytest.approx(236.5, abs=0.01)
    assert found.limits_in_force == (Limit("thermal_stability_c", "at_least", 215),)
    assert found.pareto_share == 1.0
    assert "250" in found.message
    assert "236.5" in found.message


def test_without_a_relaxation_the_problem_is_called_infeasible(
    ncm_space: Space, make_objective: Callable[..., Objective]
) -> None:
    objectives = (make_objective("thermal_stability_c", "maximise", at_least=250),)
    found = check_feasibility(ncm_space, NCM, objectives, pd.DataFrame(), 0)
    assert found.verdict == "infeasible"
    assert not found.worth_running


def test_limits_that_exclude_each_other_are_named(line: Space, make_objective: Callable[..., Objective]) -> None:
    objectives = (make_objective("y", at_most=0.01), make_objective("z", "limit", at_least=0.8))
    found = check_feasibility(line, Bowl(), objectives, pd.DataFrame(), 0)
    assert found.verdict == "infeasible"
    assert "not all at once" in found.message


def test_a_constant_objective_is_called_degenerate(line: Space, make_objective: Callable[..., Objective]) -> None:
    class Flat(Bowl):
        def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"y": 1.0, "failure": ""}, index=designs.index)

    found = check_feasibility(line, Flat(), (make_objective("y"),), pd.DataFrame(), 0)
    assert found.verdict == "degenerate"


def _problem(space: Space, make_objective: Callable[..., Objective]) -> Problem:
    objectives = (make_objective("y"), make_objective("z", "limit", at_least=0.5, scale=0.1))
    return Problem(space, objectives, (Limit("z", "at_least", 0.5),), Bowl())


def test_a_campaign_finds_the_best_feasible_design(line: Space, make_objective: Callable[..., Objective]) -> None:
    problem = _problem(line, make_objective)
    start = problem.evaluate(draw_start_designs(line, 5, 1))
    history = run_engine(problem, "scikit-optimize", start, 20, 1)
    assert history["evaluation"].tolist() == list(range(1, 21))
    assert history["best_so_far"].iloc[-1] == pytest.approx(0.04, abs=0.01)
    assert history["best_so_far"].dropna().is_monotonic_decreasing
    assert history.loc[history["feasible"], "z"].min() >= 0.5
    again = run_engine(problem, "scikit-optimize", start, 20, 1)
    pd.testing.assert_frame_equal(history, again)


def test_failures_count_as_the_worst_and_never_count_as_feasible(
    line: Space, make_objective: Callable[..., Objective]
) -> None:
    problem = _problem(line, make_objective)
    history = problem.evaluate(pd.DataFrame({"x": [0.1, 0.6, 0.99]}))
    penalised = penalise_scores(history)
    assert history["failure"].tolist() == ["", "", "broke"]
    assert history["feasible"].tolist() == [False, True, False]
    assert np.isfinite(penalised).all()
    assert penalised[2] == penalised.max() == penalised[0]


class CountingBowl(Bowl):
    """Counts calls; costly or cheap."""

    def __init__(self, *, is_cheap: bool) -> None:
        """Count from zero."""
        self.is_cheap, self.calls = is_cheap, 0

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        self.calls += 1
        return super().evaluate(designs)


@pytest.mark.parametrize("engine", ["random", "sobol"])
def test_an_engine_that_learns_nothing_finds_the_same_in_one_call_of_a_cheap_evaluator(
    engine: str, line: Space, make_objective: Callable[..., Objective]
) -> None:
    """A costly evaluator is called for each design, so that a run that is killed keeps what it has."""
    found, calls = [], []
    for is_cheap in (True, False):
        evaluator = CountingBowl(is_cheap=is_cheap)
        problem = replace(_problem(line, make_objective), evaluator=evaluator)
        start = problem.evaluate(draw_start_designs(line, 4, 0))
        found.append(run_engine(problem, engine, start, 12, 0))
        calls.append(evaluator.calls)
    pd.testing.assert_frame_equal(*found)
    assert calls == [2, 9]
    assert len(found[0]) == 12


def test_workers_import_the_simulator_once_and_only_where_charges_are_simulated() -> None:
    assert list_slow_modules("gaussian_process", [NCM]) == ()
    charging = ChargingEvaluator(ChargingChoice(name="charging"), ())
    modules = list_slow_modules("gaussian_process", [NCM, charging])
    assert {"pybamm", "batterymi.optimise.engines.gaussian_process", "batterymi.optimise.campaigns.seeds"} <= {*modules}
    assert all(find_spec(module) for module in modules)


def test_suggestions_are_feasible_distinct_and_best_first(
    line: Space, make_objective: Callable[..., Objective]
) -> None:
    problem = _problem(line, make_objective)
    start = problem.evaluate(draw_start_designs(line, 40, 0))
    history = run_engine(problem, "random", start, 60, 0)
    best = select_best_designs(problem, [history], 5, min_distance=0.02)
    assert best["score"].is_monotonic_increasing
    assert np.diff(np.sort(best["x"])).min() >= 0.02
    assert best["feasible"].all()


def test_scores_are_dimensionless_sums(make_objective: Callable[..., Objective]) -> None:
    outcomes = pd.DataFrame({"a": [10.0], "b": [3.0]})
    objectives = (
        make_objective("a", "maximise", weight=0.5, scale=10),
        make_objective("b", "minimise", at_most=1, scale=2),
    )
    assert compute_score(outcomes, objectives) == pytest.approx([-0.5 + 1.5])
    assert compute_violation(outcomes, objectives, (Limit("b", "at_most", 1.0),)) == pytest.approx([1.0])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=25))
def test_the_front_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    cost = np.array(points, float)
    wanted = [not any((b <= a).all() and (b < a).any() for b in cost) for a in cost]
    assert is_pareto_optimal(cost).tolist() == wanted


def test_reference_designs_are_judged_by_name(ncm_space: Space, ncm_objectives: tuple) -> None:
    problem = Problem(ncm_space, ncm_objectives, (Limit("thermal_stability_c", "at_least", 215),), NCM)
    rows = pd.DataFrame({"ni": [0.6], "co": [0.2], "mn": [0.2]})
    values = {"high Ni": (0.85, 0.08, 0.07), "NCM622": (0.6, 0.2, 0.2), "LCO": (0.0, 1.0, 0.0)}
    references = [
        ReferenceDesign(name=n, values=dict(zip(("ni", "co", "mn"), v, strict=True))) for n, v in values.items()
    ]
    found = check_reference_designs(references, problem, rows, ())
    assert found["status"].tolist() == [
        "rejected: violates a limit",
        "accepted",
        "rejected: ni is 0, outside 0.6 to 0.95; co is 1, outside 0.02 to 0.3",
    ]
    assert found["distance_to_known"].iloc[1] == 0


def test_derived_quantities_of_every_kind_are_computed_in_order() -> None:
    frame = pd.DataFrame({"mass": [2.0, 3.0], "voltage": [3.0, 4.0]})
    ways = {
        "energy": {"product_of": ("mass", "voltage")},
        "saved": {"reduction_of": "energy", "against": 24.0},
        "root": {"expression": "sqrt(energy * mass) - 1"},
    }
    derived = [Derived.model_validate({"name": name, "label": name, "unit": "1", **way}) for name, way in ways.items()]
    found = add_derived(frame, derived)
    assert found["energy"].tolist() == [6.0, 12.0]
    assert found["saved"].tolist() == [75.0, 50.0]
    assert found["root"].tolist() == pytest.approx([12**0.5 - 1, 5.0])
