"""What cheaper levels save: costs to fixed targets, whatever the budget, with campaigns that never get there."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from batterymi.config.campaign import Fidelities
from batterymi.config.parts import Feature, Objective
from batterymi.config.study import Study
from batterymi.config.worth import BestKnown
from batterymi.figures.fidelity import draw_fidelities
from batterymi.figures.style import apply_style
from batterymi.optimise.campaigns.attainable import Attainable
from batterymi.optimise.campaigns.fidelity import CostLedger, Level, run_levels
from batterymi.optimise.campaigns.fidelity_comparison import (
    LAST,
    LEVELS,
    compare_costs,
    find_attainable_at_last,
    summarise_fidelities,
)
from batterymi.optimise.campaigns.targets import make_range_targets
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.targets import RANDOM

SPACE = Space((Feature(name="x", label="X", unit="1", bounds=(0, 1)),))
Y = Objective(name="y", label="Y", unit="1", goal="minimise")
SEARCH = Search(SPACE, (Y,), ())
TARGETS = make_range_targets(Attainable(typical=10.0, best=0.0, source="made"))  # declared: 0.5
STEP = 3.0  # cost of an evaluation at the last level
START = 2  # designs of each start


def make_ledger(runs: dict[str, list[list[float]]], budget: float, start: float = STEP) -> pd.DataFrame:
    """The ledger of campaigns that evaluate at the last level, and pay `start` for each design of the start."""
    parts = []
    for name, campaigns in runs.items():
        for seed, values in enumerate(campaigns):
            is_start = np.arange(len(values)) < START
            frame = pd.DataFrame({"y": values, "score": values, "is_start": is_start})
            frame["cost"] = np.where(is_start & (name == LEVELS), start, STEP)
            frame["spent"] = frame["cost"].cumsum()
            frame["feasible"], frame["label"] = frame["score"].notna(), "fine"
            parts.append(frame[frame["spent"] <= budget].assign(campaign=name, seed=seed))
    ledger = pd.concat(parts, ignore_index=True)
    best = ledger.groupby(["campaign", "seed"])["score"].cummin()
    return ledger.assign(best_so_far=best.groupby([ledger["campaign"], ledger["seed"]]).ffill())


def arrive(places: Sequence[int], length: int = 40) -> list[list[float]]:
    """Campaigns that reach the declared target at an evaluation, counted from 1, and go on to better values."""
    return [[9.0] * (place - 1) + [0.4 - 0.01 * more for more in range(length - place + 1)] for place in places]


OURS, THEIRS = arrive([4, 5, 4, 6, 5, 4]), arrive([9, 12, 10, 14, 9, 11])


def compare(
    budget: float, ours: list[list[float]] = OURS, theirs: list[list[float]] = THEIRS, start: float = STEP
) -> dict[str, Any]:
    """What campaigns over all levels save against those on the last level alone, up to a budget."""
    declared = [target for target in TARGETS if target.is_declared]
    return compare_costs(make_ledger({LEVELS: ours, LAST: theirs}, budget, start), LAST, declared, budget, 0)


def test_the_budget_does_not_choose_what_cheaper_levels_save() -> None:
    """The worse of two final values, once the target, rose and fell with the budget, and the saving with it."""
    found = [compare(budget) for budget in (45, 60, 120)]
    exact = (np.mean([9, 12, 10, 14, 9, 11]) - np.mean([4, 5, 4, 6, 5, 4])) * STEP
    for entry in found:
        assert entry["target"] == "95% of the attainable range"
        assert entry["saved_is"] == "estimate"
        assert entry["cost_saved"] == pytest.approx(exact)
        assert entry["verdict"].startswith("lower cost than the last level alone")
    early = compare(24)  # eight evaluations: no campaign of the baseline gets there
    assert early["saved_is"] == "at least"
    assert early["cost_saved_upper"] is None
    assert early["cost_saved_lower"] <= early["cost_saved"] < exact


def test_progress_after_the_target_changes_nothing() -> None:
    """A campaign that goes on to better values is neither cheaper nor more expensive on its way to the target."""
    better = [[value if value > 1 else value - place for place, value in enumerate(run)] for run in THEIRS]
    plain, moved = compare(120), compare(120, theirs=better)
    assert moved["final_gain"] != plain["final_gain"]
    assert {key: plain[key] for key in plain if "final_gain" not in key} == {
        key: moved[key] for key in moved if "final_gain" not in key
    }


@settings(max_examples=8)
@given(st.lists(st.integers(START + 1, 20), min_size=6, max_size=8), st.integers(1, 20))
def test_two_ways_that_are_alike_save_nothing_and_sides_change_the_sign(places: list[int], later: int) -> None:
    moved = [place + later for place in places]
    same = compare(120, arrive(places), arrive(places))
    assert same["cost_saved"] == 0
    assert same["verdict"].startswith("no gain shown over the last level alone")
    there, back = compare(150, arrive(places), arrive(moved)), compare(150, arrive(moved), arrive(places))
    assert there["cost_saved"] == pytest.approx(later * STEP) == -back["cost_saved"]
    assert there["verdict"].startswith("lower cost than")
    assert back["verdict"].startswith("higher cost than")


def test_a_cheaper_start_is_a_part_of_what_is_saved() -> None:
    """Both count from the end of the cheaper start, since starts share designs and not their costs."""
    found = compare(120, start=1.0)
    assert found["counted_from"] == START
    assert found["cost_saved"] == pytest.approx(compare(120)["cost_saved"] + START * (STEP - 1.0))


def test_starts_that_reach_the_target_are_counted_and_left_out() -> None:
    """The start is evaluated at the last level by the baseline; the other way may not know that it is there."""
    ours, theirs = [*OURS, *arrive([7])], [*THEIRS, *arrive([2])]
    found = compare(120, ours, theirs)
    assert found["targets"][0]["reached_by_start"] == 1
    assert found["targets"][0]["seeds"] == 6
    assert found["cost_saved"] == compare(120)["cost_saved"]
    assert compare(120, arrive([2] * 6), arrive([2] * 6))["verdict"].startswith("every start reaches the target")


def test_a_gain_below_what_matters_and_campaigns_that_never_arrive_are_said_to_be_so() -> None:
    ledger, random = make_ledger({LEVELS: OURS, LAST: THEIRS}, 120), make_ledger({LEVELS: OURS, RANDOM: THEIRS}, 120)
    assert "random search on the last level" in compare_costs(random, RANDOM, TARGETS, 120, 0)["verdict"]
    assert compare_costs(ledger, LAST, TARGETS, 120, 0, 60)["verdict"].startswith("no gain that matters over")
    never = [[9.0] * 40] * 6
    nothing = compare(120, never, never)
    assert nothing["cost_saved"] is None
    assert nothing["verdict"].startswith("target not reached within the budget")
    assert compare_costs(ledger, LAST, [], 120, 0)["verdict"].startswith("no target can be set")


def test_the_range_ends_at_the_declared_value_and_begins_at_the_median_random_design() -> None:
    rng = np.random.default_rng(0)
    runs = [list(values) for values in rng.uniform(5, 15, size=(6, 20))]
    levels = tuple({"label": name, "cost": cost, "evaluator": {"name": "ncm_formulas"}} for name, cost in LEVELS_OF)
    plain = Fidelities(levels=levels, budget=60, initial=3)
    declared = plain.model_copy(update={"best_known": BestKnown(value=1.0, reason="by differential evolution")})
    found = []
    for budget in (30, 60):
        ledger = make_ledger({LEVELS: runs, LAST: runs, RANDOM: runs}, budget)
        found.append(find_attainable_at_last(ledger, SEARCH, declared))
        summary = summarise_fidelities(ledger, SEARCH, declared, range(6))
        assert {entry["other"] for entry in summary["comparisons"]} == {LAST, RANDOM}
        assert summary["attainable"]["best"] == 1.0
    assert found[0] == found[1] == Attainable(float(np.median([run[:3] for run in runs])), 1.0, found[0].source)
    moving = find_attainable_at_last(ledger, SEARCH, plain)
    assert "campaign.fidelities.best_known is not set; it moves with their budget" in moving.source


LEVELS_OF = (("rough", 1), ("fine", 3))


class Double:
    """Two outcomes that pull apart."""

    is_cheap = True

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        x = designs["x"].to_numpy(float)
        return pd.DataFrame({"y": x, "z": (1 - x) ** 2, "failure": ""})


def test_with_several_objectives_the_best_so_far_is_a_hypervolume_of_the_last_level() -> None:
    z = Objective(name="z", label="Z", unit="1", goal="minimise")
    search = Search(SPACE, (Y, z), (), reference={"y": 1.0, "z": 1.0})
    ledger = CostLedger(search, [Level("rough", 1, Double()), Level("fine", 4, Double())])
    for level, x in ((0, 0.2), (1, 0.5), (1, 0.8)):
        ledger.evaluate(pd.DataFrame({"x": [x]}), level, "why")
    found = ledger.frame()["best_so_far"].to_numpy()
    assert np.isnan(found[0]), "rougher levels are no results"
    assert found[1:] == pytest.approx([-0.5 * 0.75, -(0.5 * 0.75 + 0.2 * 0.21)])


def test_the_start_of_a_campaign_over_levels_is_marked() -> None:
    levels = [Level("rough", 1, Double()), Level("fine", 4, Double())]
    ledger = run_levels(SEARCH, levels, SPACE.sample(np.random.default_rng(0), 4), 30, 0)
    assert ledger["is_start"].tolist() == [True] * 7 + [False] * (len(ledger) - 7), "four rough, three of them fine"
    assert ledger.loc[ledger["is_start"], "spent"].max() == 4 + 3 * 4


def test_the_figure_shows_the_target_and_a_bound_as_a_bound() -> None:
    runs = {LEVELS: OURS, LAST: THEIRS, RANDOM: THEIRS}
    compared = [compare_costs(make_ledger(runs, 24), LAST, TARGETS, 24, 0)]
    content = {"budget": 24, "seeds": 6, "levels": [], "comparisons": compared}
    with apply_style():
        axis = draw_fidelities(make_ledger(runs, 24), content, (Y,)).axes[0]
        title = " ".join(axis.get_title().split())
        assert re.fullmatch(
            r"Cost saved: at least [\d.]+ \[[\d.]+, ∞\), to 95% of .* lower cost than the last level alone, 6 seeds",
            title,
        )
        assert [line.get_ydata()[0] for line in axis.lines if line.get_label() == "95% of the attainable range"] == [
            0.5
        ]


def test_a_best_value_of_several_objectives_is_refused() -> None:
    levels = [{"label": name, "cost": cost, "evaluator": {"name": "ncm_formulas"}} for name, cost in LEVELS_OF]
    fidelities = {"levels": levels, "budget": 60, "initial": 3, "best_known": {"value": 1, "reason": "found elsewhere"}}
    objectives = [{"name": name, "label": name, "unit": "1", "goal": "minimise"} for name in ("y", "z")]
    study = {
        "title": "Mine",
        "edition": "own",
        "table": {"file": "data/mine.csv"},
        "features": [{"name": "a", "label": "A", "unit": "1", "bounds": [0, 1]}],
        "objectives": objectives,
        "campaign": {"mode": "search", "evaluator": {"name": "surrogate"}, "fidelities": fidelities},
    }
    with pytest.raises(
        ValidationError, match=r"campaign\.fidelities\.best_known: a single value needs a single objective"
    ):
        Study.model_validate(study)
