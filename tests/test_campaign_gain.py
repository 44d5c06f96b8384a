"""What campaigns save: at fixed targets, whatever the budget, with campaigns that never get there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from batterymi.config.campaign import NcmFormulasChoice, SearchCampaign
from batterymi.config.parts import Feature, Objective
from batterymi.config.worth import BestKnown
from batterymi.evaluators.ncm_formulas import NcmFormulas
from batterymi.optimise.campaigns.attainable import Attainable, complete_attainable, scan_attainable
from batterymi.optimise.campaigns.benchmark import compare_with_random, summarise_targets
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.campaigns.gain import FEWEST_SEEDS, compare_at_target
from batterymi.optimise.campaigns.seeds import run_seeds
from batterymi.optimise.campaigns.targets import Arrivals, Target, make_range_targets
from batterymi.optimise.space.hypervolume import compute_hypervolume, select_front
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.targets import DECLARED_POOL_SHARE, DECLARED_RANGE_SHARE, POOL_SHARES, RANGE_SHARES

TARGET = Target("the target", 0.95, 0.0, is_declared=True)
BUDGETS = (15, 25, 40, 60)
NEVER = None


def arrive(counts: list[int | None], until: int) -> Arrivals:
    """Campaigns that reached a target after so many evaluations, or never."""
    reached = [count is not None and count <= until for count in counts]
    kept = [count if is_reached else until for count, is_reached in zip(counts, reached, strict=True)]
    return Arrivals(np.array(kept, float), np.array(reached))


def compare(ours: list[int | None], random: list[int | None], until: int, worthwhile: float = 0.0) -> dict[str, Any]:
    """Compare campaigns of an engine and of random search."""
    return compare_at_target(TARGET, arrive(ours, until), arrive(random, until), until, 0, worthwhile)


def cover(entry: dict[str, Any], key: str = "saved") -> tuple[float, float]:
    """The interval of a comparison, open ends infinite; everything where both are censored or nothing is known."""
    if entry[key] is None or entry["saved_is"] == "within the budget":
        return -np.inf, np.inf
    low, high = entry[f"{key}_lower"], entry[f"{key}_upper"]
    return -np.inf if low is None else low, np.inf if high is None else high


def make_history(runs: dict[str, list[list[float]]]) -> pd.DataFrame:
    """The history of campaigns from the best values of each."""
    rows = [
        {"engine": name, "seed": seed, "evaluation": step + 1, "best_so_far": value}
        for name, campaigns in runs.items()
        for seed, run in enumerate(campaigns)
        for step, value in enumerate(run)
    ]
    return pd.DataFrame(rows)


def test_the_same_campaign_gives_the_same_answer_at_every_budget() -> None:
    # an engine that halves the way to the best every two evaluations, and random search that draws uniformly
    rng = np.random.default_rng(0)
    start = [rng.uniform(0.5, 1, size=8) for _ in range(20)]
    ours = [[*np.minimum.accumulate(first), *(0.5 * 0.7 ** np.arange(1, 53))] for first in start]
    random = [[*np.minimum.accumulate([*first, *rng.uniform(0, 1, size=52)])] for first in start]
    targets = make_range_targets(Attainable(0.5, 0.0, ""))
    answers = {}
    for budget in BUDGETS:
        history = make_history({"ours": [r[:budget] for r in ours], "random": [r[:budget] for r in random]})
        answers[budget] = compare_with_random(history, "ours", targets, 8, 0)
    said = [answer["verdict"] for answer in answers.values()]
    # the engine needs nine evaluations, and the smallest budget allows seven
    assert said[0] == "undecided within the budget compared with random search, to 95% of the attainable range"
    assert set(said[1:]) == {"fewer evaluations than random search, to 95% of the attainable range"}
    for place in range(len(targets)):
        entries = [answers[budget]["targets"][place] for budget in BUDGETS]
        lows, highs = zip(*(cover(entry) for entry in entries), strict=True)
        assert max(lows) <= min(highs), "no budget contradicts another"
        # what is reached within the smallest budget is counted alike in all
        if not entries[0]["engine"]["censored"]:
            assert len({entry["engine"]["mean"] for entry in entries}) == 1
    # the largest budget censors least
    assert answers[60]["targets"][-1]["random"]["censored"] < answers[15]["targets"][-1]["random"]["censored"]


def test_a_campaign_that_ends_far_better_does_not_read_as_nothing_saved() -> None:
    # as fast charging: both need about as long to a mediocre value, then only the engine goes on
    mediocre = [[np.nan] * 10 + [31.0 + seed % 3] * 20 for seed in range(10)]
    ours = [run[:14] + [18.5] * 16 for run in mediocre]
    targets = make_range_targets(Attainable(35.0, 18.0, ""))
    found = compare_with_random(make_history({"ours": ours, "random": mediocre}), "ours", targets, 10, 0)
    assert found["evaluations_saved"] == 20 - 5
    assert found["saved_is"] == "at least"
    assert found["evaluations_saved_upper"] is None
    assert found["experiment_reduction"] == pytest.approx(0.75)
    assert found["verdict"] == "fewer evaluations than random search, to 95% of the attainable range"
    assert found["final_gain"] == pytest.approx(np.mean([31.0 + seed % 3 for seed in range(10)]) - 18.5)


def test_the_same_campaign_twice_shows_no_gain() -> None:
    runs = [[1.0, 0.8, 0.4, 0.0], [1.0, 0.9, 0.9, 0.9], [1.0, 1.0, 0.0, 0.0]] * 4
    targets = make_range_targets(Attainable(1.0, 0.0, ""))
    found = compare_with_random(make_history({"ours": runs, "random": runs}), "ours", targets, 1, 0)
    assert found["evaluations_saved"] == 0
    assert found["verdict"].startswith("no gain shown over random search")


@pytest.mark.parametrize(
    ("ours", "random", "kind", "gain"),
    [
        ([2, 3, 2, 4, 3, 2], [9, 8, 9, 7, 8, 9], "estimate", "fewer evaluations"),
        ([2, 3, 2, 4, 3, 2], [NEVER] * 6, "at least", "fewer evaluations"),
        ([9, 8, 9, 7, 8, 9], [2, 3, 2, 4, 3, 2], "estimate", "more evaluations"),
        ([NEVER] * 6, [2, 3, 2, 4, 3, 2], "at most", "more evaluations"),
        ([NEVER] * 6, [NEVER] * 6, None, "target not reached within the budget"),
        # random search may come last of all: beyond the budget nobody knows
        ([8, 9, 8, 9, 8, 9], [1, 1, 1, 1, 1, NEVER], "at least", "depends on the budget"),
        ([1, 1, 1, 1, 1, NEVER], [8, 9, 8, 9, 8, 9], "at most", "depends on the budget"),
        ([5, 5, 5, 5, 5, 5], [5, 6, 4, 5, 6, 4], "estimate", "no gain shown"),
        ([9, *[NEVER] * 5], [NEVER] * 6, "within the budget", "undecided within the budget"),
        ([9, 8, 9, 8, NEVER, NEVER], [NEVER] * 6, "within the budget", "fewer evaluations"),
        ([2, 2, 2, 2], [9, 9, 9, 9], "estimate", "too few starts that do not reach the target"),
        ([0] * 6, [0] * 6, None, "every start reaches the target"),
    ],
)
def test_campaigns_that_never_get_there_make_bounds(ours: list, random: list, kind: str | None, gain: str) -> None:
    found = compare(ours, random, 10)
    assert (found["saved_is"], found["gain"]) == (kind, gain)
    assert (found["saved_upper"] is None) == (kind in ("at least", None))
    assert (found["saved_lower"] is None) == (kind in ("at most", None))


def test_a_comparison_that_turns_with_the_budget_says_so() -> None:
    # the engine arrives late, and nearly always; random search at once, or never
    ours, random = [*[25] * 19, NEVER], [*[1] * 11, *[NEVER] * 9]
    assert compare(ours, random, 20)["gain"] == "more evaluations"
    assert compare(ours, random, 400)["gain"] == "depends on the budget"


def test_starts_that_reach_the_target_tell_nothing() -> None:
    found = compare([0, 0, 0, 2, 2, 2, 2, 2], [0, 0, 0, 8, 8, 8, 8, 8], 10)
    assert (found["reached_by_start"], found["seeds"]) == (3, 5)
    assert (found["saved"], found["ratio"]) == (6, 4)


def test_a_gain_below_what_is_worthwhile_does_not_matter() -> None:
    ours, random = [2, 3, 2, 3, 2, 3], [4, 5, 4, 5, 4, 5]
    assert compare(ours, random, 10)["gain"] == "fewer evaluations"
    assert compare(ours, random, 10, worthwhile=3)["gain"] == "no gain that matters"
    assert compare(random, ours, 10)["gain"] == "more evaluations"
    assert compare(random, ours, 10, worthwhile=3)["gain"] == "no gain shown", "a loss has to matter too"
    # of a lower bound nobody knows whether the gain matters, so what is shown is said
    assert compare(ours, [NEVER] * 6, 4, worthwhile=3)["gain"] == "fewer evaluations"
    assert compare([*ours, NEVER], [NEVER] * 7, 4, worthwhile=3)["gain"] == "fewer evaluations"


def test_a_verdict_that_differs_between_targets_says_so() -> None:
    entries = [
        {**compare([2] * 6, [9] * 6, 10), "label": "A", "is_declared": True},
        {**compare([9] * 6, [2] * 6, 10), "label": "B", "is_declared": False},
    ]
    assert summarise_targets(entries)["verdict"] == (
        "depends on the target: fewer evaluations than random search, to A; more evaluations than random search, to B"
    )


def test_one_declared_target_is_among_those_of_all_studies() -> None:
    assert DECLARED_POOL_SHARE in POOL_SHARES
    assert DECLARED_RANGE_SHARE in RANGE_SHARES
    assert [t.is_declared for t in make_range_targets(Attainable(1.0, 0.0, ""))].count(True) == 1


def test_without_a_range_there_is_no_target_and_no_number() -> None:
    found = compare_with_random(make_history({"ours": [[1.0, 1.0]], "random": [[1.0, 1.0]]}), "ours", [], 1, 0)
    assert found["evaluations_saved"] is None
    assert found["verdict"] == "no target can be set, since no random design meets the limits"


class Bowl:
    """(x - 0.3)² with a limit on x."""

    is_cheap = True
    kind = "computed"

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        x = designs["x"].to_numpy(float)
        return pd.DataFrame({"y": (x - 0.3) ** 2, "z": x, "failure": ""}, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        return None

    def references(self) -> None:
        return None


@pytest.fixture
def bowl(make_objective: Callable[..., Objective]) -> Problem:
    space = Space((Feature(name="x", label="x", unit="1", bounds=(0, 1)),))
    objectives = (make_objective("y"), make_objective("z", "limit", at_least=0.5))
    limits = check_feasibility(space, Bowl(), objectives, pd.DataFrame(), 0).limits_in_force
    return Problem(space, objectives, limits, Bowl())


def test_the_range_of_a_cheap_evaluator_ends_at_its_optimum(bowl: Problem) -> None:
    found = scan_attainable(bowl, 0)
    assert found is not None
    assert found.best == pytest.approx(0.04, abs=1e-6), "at the limit, 0.5"
    # the middle of the designs that meet the limit lies at 0.75
    assert found.typical == pytest.approx(0.45**2, rel=0.01)
    assert found.find_value(1.0) == pytest.approx(found.best)


def test_the_range_of_a_costly_evaluator_rests_on_random_designs_and_a_declared_value(bowl: Problem) -> None:
    history = run_seeds(
        bowl, SearchCampaign(mode="search", evaluator={"name": "ncm_formulas"}, seeds=3, initial=8, budget=10), 0, 1
    )
    best = BestKnown(value=0.04, reason="by differential evolution")
    declared = [complete_attainable(bowl, part, 8, best) for part in (history, history[history["evaluation"] <= 9])]
    assert declared[0] == declared[1], "whatever the budget"
    assert declared[0] is not None
    assert declared[0].best == 0.04
    open_end = complete_attainable(bowl, history, 8, None)
    assert open_end is not None
    assert open_end.best == history.loc[history["feasible"], "score"].min()
    assert "moves with their budget" in open_end.source
    assert complete_attainable(bowl, history.assign(feasible=False), 8, best) is None


def test_a_few_points_of_a_front_are_those_that_dominate_most() -> None:
    costs = np.array([[0.0, 0.9], [0.5, 0.5], [0.9, 0.0], [0.45, 0.6]])
    reference = np.array([1.0, 1.0])
    chosen = select_front(costs, reference, 3)
    assert chosen[0].tolist() == [0.5, 0.5], "a quarter of the square, more than any other"
    volumes = [compute_hypervolume(chosen[:n], reference) for n in (1, 2, 3)]
    assert volumes == sorted(volumes)
    assert len(select_front(costs, reference, 10)) <= 4


def compare_ncm(
    space: Space, make_objective: Callable[..., Objective], budgets: tuple[int, ...], seeds: int
) -> list[dict[str, Any]]:
    """The comparison of the textbook's NCM campaign at several budgets."""
    relaxation = {"to": 215, "reason": "no design attains the limit"}
    objectives = (
        make_objective("capacity_mah_g", "maximise", weight=0.4),
        make_objective("cycle_life", "maximise", weight=0.3, scale=10),
        make_objective("thermal_stability_c", "maximise", weight=0.3, at_least=250, relaxation=relaxation),
    )
    evaluator = NcmFormulas(NcmFormulasChoice(name="ncm_formulas"), ())
    found = check_feasibility(space, evaluator, objectives, pd.DataFrame(), 42)
    problem = Problem(space, objectives, found.limits_in_force, evaluator, reference=found.reference)
    attainable = scan_attainable(problem, 42)
    assert attainable is not None
    targets = make_range_targets(attainable)
    settings = SearchCampaign(
        mode="search", evaluator={"name": "ncm_formulas"}, seeds=seeds, initial=8, budget=max(budgets)
    )
    history = run_seeds(problem, settings, 42, 1)
    short = run_seeds(problem, settings.model_copy(update={"seeds": 2, "budget": 10}), 42, 1)
    kept = history[(history["evaluation"] <= 10) & (history["seed"] < 44)].reset_index(drop=True)
    pd.testing.assert_frame_equal(short[["engine", "seed", "score"]], kept[["engine", "seed", "score"]])
    return [
        compare_with_random(history[history["evaluation"] <= budget], settings.engine, targets, 8, 42)
        for budget in budgets
    ]


def check_same_answers(answers: list[dict[str, Any]]) -> None:
    """No budget contradicts another at any target, and what was reached is counted alike."""
    for place in range(len(answers[0]["targets"])):
        entries = [answer["targets"][place] for answer in answers]
        lows, highs = zip(*(cover(entry) for entry in entries), strict=True)
        assert max(lows) <= min(highs), entries
        medians = {entry["engine"]["median"] for entry in entries} - {None}
        assert len(medians) <= 1
        means = {entry["engine"]["mean"] for entry in entries if not entry["engine"]["censored"]}
        assert len(means) <= 1
        gains = [entry["gain"] for entry in entries]
        if entries[0]["seeds"] < FEWEST_SEEDS:
            assert set(gains) == {"too few starts that do not reach the target"}
            continue
        assert gains[-1] == "fewer evaluations"
        # a smaller budget may decide nothing, but nothing else
        assert set(gains) <= {"fewer evaluations", "no gain shown", "undecided within the budget"}


def test_the_ncm_campaign_gives_the_same_answer_at_its_budgets(
    ncm_space: Space, make_objective: Callable[..., Objective]
) -> None:
    check_same_answers(compare_ncm(ncm_space, make_objective, (15, 25), seeds=5))


@pytest.mark.nightly
def test_the_ncm_campaign_gives_the_same_answer_at_more_budgets(
    ncm_space: Space, make_objective: Callable[..., Objective]
) -> None:
    check_same_answers(compare_ncm(ncm_space, make_objective, BUDGETS, seeds=10))
