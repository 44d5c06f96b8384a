"""Studies with a target: what is said of suggestions, pools, figures, and the way from a table to a batch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace
from hypothesis import given, settings
from hypothesis import strategies as st
from tried_studies import new_study

from batterymi.authoring.roles import Wishes
from batterymi.cli.main import main
from batterymi.config.campaign import ReplayCampaign
from batterymi.config.goals import Window
from batterymi.config.load import load_study
from batterymi.config.messages import validate_settings
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.figures.axes import draw_target
from batterymi.figures.campaign import plot_convergence
from batterymi.figures.fidelity import draw_fidelities
from batterymi.figures.style import apply_style
from batterymi.files import write_json, write_parquet
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.expectations import assess_suggestions, list_expected, state_verdict
from batterymi.optimise.campaigns.pool import Pool
from batterymi.optimise.campaigns.replay import replay_campaigns
from batterymi.optimise.engines.targets import compute_expected_distance, compute_hit_probability
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.reporting.best_design import make_outcome
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.expected import name_deviation_column, name_mean_column

MEAN, DEVIATION = name_mean_column("y"), name_deviation_column("y")
PLANE = Space(tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in "ab"))


def objective(target: Any = None, name: str = "y", **more: Any) -> Objective:
    goal = {"goal": "target", "target": target} if target is not None else {}
    return Objective.model_validate({"name": name, "label": name, "unit": "1", **goal, **more})


# words


def rows_of(values: Mapping[str, Any]) -> pd.DataFrame:
    n = len(next(iter(values.values())))
    places = np.linspace(0.1, 0.9, n)
    return pd.DataFrame({"a": places, "b": places, "line": np.arange(2, n + 2), "split": "train", **values})


@given(
    st.lists(st.floats(-9, 9).map(lambda value: round(value, 2)), min_size=3, max_size=6, unique=True),
    st.floats(-9, 9),
    st.floats(-3, 1).map(lambda power: 10.0**power),
    st.sampled_from([1.25, (1.0, 2.5)]),
)
@settings(max_examples=120)
def test_no_word_about_a_target_contradicts_the_numbers(
    values: list[float], mean: float, deviation: float, target: Any
) -> None:
    only = objective(target)
    search, rows = Search(PLANE, (only,), ()), rows_of({"y": values})
    best = find_best_known(search, rows)
    assert only.window is not None
    cost = only.compute_cost(np.array(values))
    assert best.values["y"].iloc[0] == values[int(np.argmin(cost))]
    proposed = pd.DataFrame({MEAN: [mean], DEVIATION: [deviation], "a": 0.5, "b": 0.1, "why": "by x"})
    outlook = assess_suggestions(proposed, search, best)[0]
    verdict = state_verdict([outlook], search, best)
    assert f"target {only.target_text}" in list_expected(proposed.iloc[0].to_dict(), search)[0]
    if best.hits(0, only):
        hit = float(compute_hit_probability(np.array(mean), np.array(deviation), only.window, np.array(0.0)))
        assert ("expected to hit the target" in outlook.words) == (hit >= 0.5)
        assert ("The suggestion is expected to hit it too." in verdict or "the suggestion is" in verdict) == (
            hit >= 0.5
        )
        return
    expected = float(compute_expected_distance(np.array(mean), np.array(deviation), only.window))
    if "expected to come closer" in outlook.words:
        assert expected < cost.min()
        assert only.compute_cost(np.array(mean)) < cost.min()
        assert verdict.startswith(f"The suggestion is expected to come closer to {only.target_text} than the best")
    elif "farther off" in outlook.words:
        assert expected > cost.min()
        assert only.compute_cost(np.array(mean)) > cost.min() - 0.06 * deviation
        assert verdict.startswith("No suggestion is expected to come closer")


def test_the_best_known_of_several_objectives_says_what_is_closest() -> None:
    both = objective([1, 2], "y", unit="eV"), objective(goal="maximise", name="z")
    search = Search(PLANE, both, (), reference={"y": 5, "z": 0})
    best = find_best_known(search, rows_of({"y": [0.5, 1.5, 4.0], "z": [2.0, 1.0, 3.0]}))
    assert best.describe(search) == "y 1.5 eV (line 3), within 1 to 2 eV; z 3 (line 4)"
    limited = Search(PLANE, (objective(7.4),), (Limit("y", "at_most", 7.5),))
    assert find_best_known(limited, rows_of({"y": [7.0, 7.6]})).describe(limited) == "7 (line 2), closest to 7.4"


# from a table


TABLE = "sample,acid_pct,temp_c,pH: mean,E_ads (eV),sigma (S/cm)\n" + "".join(
    f"S{i},{(i * 37 % 100) / 10},{20 + i * 17 % 40},{9 - 0.035 * (i * 37 % 100):.3f},{-3 + 0.03 * (i * 37 % 100):.3f},"
    f"{10 ** (-6 + 0.04 * (i * 37 % 100)):.3e}\n"
    for i in range(12)
)


@pytest.mark.parametrize(
    ("option", "target"),
    [
        ("pH: mean:target:7.4", 7.4),
        ("ph: mean : Target : 7 : 7.5", (7.0, 7.5)),
        ("E_ads (eV):target:-2:-1.5", (-2.0, -1.5)),
        ("E_ads (eV):target:\N{MINUS SIGN}2:-2", -2.0),
        ("sigma (S/cm):target:1e-4", -4.0),  # learned by its logarithm
    ],
)
def test_a_target_comes_from_the_command_line_to_a_batch(
    option: str, target: Any, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    Path("data/mine.csv").write_text(TABLE, encoding="utf-8")
    assert main(["new-study", "data/mine.csv", "--objective", option]) == 0
    study: Study = load_study(Path("config/studies/mine.yaml"))
    assert [(o.goal, o.target) for o in study.objectives] == [("target", target)]
    assert "--objective says so; target" in capsys.readouterr().out
    assert main(["check", "mine"]) == main(["suggest", "mine", "-n", "3"]) == 0
    said = capsys.readouterr().out
    only = study.target
    assert re.search(rf"^Best known: .*, (closest to|within) {re.escape(only.target_text)}$", said, re.MULTILINE)
    found = [float(value) for value in re.findall(r"^   expected .* (-?[\d.]+) ± ", said, re.MULTILINE)]
    assert len(found) == 3
    assert only.compute_cost(np.array(found)).max() < 0.1
    assert main(["suggest", "mine", "--append"]) == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("pH: mean:target", "pH: mean:target: which value should it hit? write NAME:target:7.4 for a value"),
        ("pH: mean:target:", "'' is not a number, as 7.4"),
        ("pH: mean:target:7,4", "'7,4' is not a number"),
        ("pH: mean:target:nan", "'nan' is not a number"),
        ("pH: mean:target:8:7", "8 is not below 7; write the lower value first"),
        ("pH: mean:target:6:7:8", "3 values are no window"),
        ("sigma (S/cm):target:-4", "-4 is not above 0"),
        ("acidity:target:7", "is not a column"),
    ],
)
def test_a_target_that_cannot_be_read_is_refused_with_how_to_write_it_and_no_study_is_written(
    option: str, said: str, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    Path("data/mine.csv").write_text(TABLE, encoding="utf-8")
    assert main(["new-study", "data/mine.csv", "--objective", option]) == 1
    assert said in capsys.readouterr().err
    assert not Path("config/studies/mine.yaml").exists()


# pools, figures, summary


def test_a_replayed_pool_finds_the_rows_nearest_to_a_target() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-1, 1, size=(200, 2))
    values = 3 * matrix[:, 0] + matrix[:, 1] ** 2
    rows, all_worth = pd.DataFrame({"line": range(200), "y": values}), np.ones(200, dtype=bool)
    pool = Pool(rows, objective([0.5, 0.6]), values, matrix, all_worth, (), None, [])
    campaign = ReplayCampaign(mode="replay", initial=6, budget=26, seeds=4, batch=5)
    runs = replay_campaigns(pool, campaign, 0)
    hits = (values >= 0.5) & (values <= 0.6)
    found = hits[runs.loc[runs["engine"] == "pool", "row"]].sum() / 4
    assert found > 3 * hits.sum() * 26 / 200, "three times what random search is expected to find"
    assert runs.loc[runs["engine"] == "pool", "score"].median() < 0.2


STUDY = {
    "title": "Mine",
    "edition": "own",
    "table": {"file": "data/mine.csv"},
    "features": [{"name": "a", "label": "A", "unit": "1", "bounds": [0, 1]}],
    "objectives": [
        {"name": "y", "label": "Acidity", "unit": "V", "goal": "target", "target": [7, 7.5], "scale": 0.5, "weight": 2}
    ],
    "campaign": {"mode": "search", "evaluator": {"name": "surrogate"}, "initial": 2, "budget": 4},
}


def test_figures_of_campaigns_show_the_distance_in_the_unit_of_the_objective(tmp_path: Path) -> None:
    study = Study.model_validate(STUDY)
    results = StudyResults.of_folder(tmp_path, study)
    best = pd.DataFrame({"evaluation": [1, 2, 1, 2], "best_so_far": [8.0, 4.0, 8.0, 6.0], "seed": 1})
    write_parquet(results.files["history"], best.assign(engine=["gaussian_process"] * 2 + ["random"] * 2))
    comparison = {"targets": [], "initial": 1, "evaluations_saved": None, "seeds": 2, "verdict": "fewer"}
    write_json(results.files["benchmark"], {"feasibility": {}, "outcome_kind": "predicted", "comparison": comparison})
    with apply_style():
        axis = plot_convergence(results).axes[0]
        assert axis.get_ylabel().replace("\n", " ") == "Smallest distance of Acidity to 7 to 7.5 (V)"
        # a score of 8 is 8 * 0.5 / 2 V
        assert axis.lines[0].get_ydata().tolist() == [2.0, 1.0]
        ledger = best.assign(campaign="all levels", spent=best["evaluation"])
        ledger = pd.concat([ledger, *(ledger.assign(campaign=name) for name in ("last level only", "random"))])
        declared = {"label": "95 % of the range", "score": 6.0, "is_declared": True}
        saved = {"cost_saved": 0.1, "cost_saved_lower": 0.0, "cost_saved_upper": 0.2, "saved_is": "estimate"}
        entry = {"verdict": "lower cost than x, to y", "target": "y", "counted_from": 1, "targets": [declared], **saved}
        content = {"budget": 2, "seeds": 1, "levels": [], "comparisons": [entry]}
        axis = draw_fidelities(ledger.iloc[[0, 1, 4, 5, 8, 9]], content, study.objectives).axes[0]
        assert axis.get_ylabel().endswith("Acidity (V), distance to 7 to 7.5")
        assert axis.lines[0].get_ydata()[-1] == 1.0


@pytest.mark.parametrize(("window", "edges"), [(Window(1, 1), [1, 1]), (Window(1, 2.5), [1, 2.5])])
def test_a_target_is_drawn_where_it_is_on_either_axis(window: Window, edges: list[float]) -> None:
    import matplotlib.pyplot as plt

    with apply_style():
        for along, place in (("x", 0), ("y", 1)):
            axis = plt.figure().subplots()
            draw_target(axis, window, along=along)
            shown = axis.patches[0].get_path() if axis.patches else axis.lines[0].get_path()
            moved = axis.patches[0].get_patch_transform().transform_path(shown) if axis.patches else shown
            assert [moved.vertices[:, place].min(), moved.vertices[:, place].max()] == edges
            assert axis.get_legend_handles_labels()[1] == [f"target {window.text}"]


def test_the_summary_says_what_should_be_hit() -> None:
    best = pd.Series({"y": 7.123456, "y_lower_95": 7.0, "y_upper_95": 7.3})
    shown = make_outcome(best, Study.model_validate(STUDY).target)
    assert f"{shown.name} {shown.value}" == "y 7.123 V [7, 7.3], target 7 to 7.5 V"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": [{"name": "y", "label": "Y", "unit": "1", "goal": "report"}]}, "minimised, or have a target"),
        (
            {"campaign": {"mode": "replay", "times": "b", "label": "P", "initial": 2, "budget": 4}},
            "campaign.times: a target is a value of the objective itself",
        ),
        (
            {
                "objectives": [*STUDY["objectives"], {"name": "z", "label": "Z", "unit": "1", "goal": "maximise"}],
                "campaign": {"mode": "experiment", "reference": {"y": 7.2, "z": 0}},
            },
            "campaign.reference: 7.2 of 'y' hits the target 7 to 7.5",
        ),
    ],
)
def test_settings_that_do_not_go_with_a_target_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        validate_settings(Study, STUDY | changes, "mine.yaml")


def test_a_target_far_from_all_values_is_questioned() -> None:
    for target, is_far in ((7.4, False), (74.0, True)):
        wishes = Wishes(objectives=(("pH: mean", "target"),), targets={"pH: mean": Window(target, target)})
        with new_study(TABLE, wishes=wishes) as found:
            assert any("lies far from all values, 5.64 to 9" in line for line in found.questions) == is_far
