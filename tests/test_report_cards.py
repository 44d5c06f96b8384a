"""What a report says first: of experiments the best measured row and the next batch, of others the best design."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from notebook_cells import make_project

from batterymi import Study
from batterymi.config.load import load_study
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.figures.interactive.campaign import chart_front
from batterymi.figures.interactive.charts import draw_charts
from batterymi.files import write_csv
from batterymi.optimise.campaigns.best_known import BEST_ROWS
from batterymi.reporting.best_design import describe_best, find_best_design
from batterymi.reporting.report_cards import GOOD, OPEN, make_card
from batterymi.reporting.report_page import Report, StudyPart, render_report
from batterymi.reporting.study_results import StudyResults
from batterymi.reporting.summary import summarise_results
from batterymi.vocabulary.verdicts import explain_verdict

# of the capacities 153 of line 5 is the best; of the lives that of line 4 is only a bound, which may be far less
ROWS = """temperature_c,suggestion,capacity_mah_g,life
650,,140,50
700,,150,60
750,,145,<900
800,,153,40
850,,131,80
880,,128,85
"""
SETTINGS = """title: Mine
edition: own
remarks: [Made by hand.]
table: {file: data/my.csv}
features:
  - {name: temperature_c, label: Temperature, unit: °C, bounds: [650, 900], step: 10}
objectives:
  - {name: capacity_mah_g, label: Capacity, unit: mAh/g, goal: maximise}
  - {name: life, label: Life, unit: '1', goal: maximise}
campaign: {mode: experiment, engine: gaussian_process, suggestions: 2}
surrogate: {models: [dummy, ridge], permutations: 19, bootstraps: 100}
"""
ONE = re.sub(r"  - \{name: life.*\n", "", SETTINGS)


def suggest(folder: Path, settings: str) -> tuple[StudyResults, str]:
    """Run a study of experiments; return its results, and its report."""
    make_project(folder)
    (folder / "data/my.csv").write_text(ROWS, encoding="utf-8")
    (folder / "config/studies/my.yaml").write_text(settings, encoding="utf-8")
    study = Study.open("my", folder)
    study.suggest()
    with study.open_work() as work:
        declared, place = work.study, folder / work.place.folder
    results = StudyResults.of_folder(place, declared)
    vars(results)["study"] = ReportedStudy.take_from(declared)
    text = results.files["suggestions"].read_text(encoding="utf-8")
    part = StudyPart("my", results, summarise_results("my", results), draw_charts(results), {}, text)
    return results, render_report(Report([part], None, {}, (place.parent, folder / "logs"), ""))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyResults, str]:
    """Results and report of two objectives."""
    return suggest(tmp_path_factory.mktemp("two"), SETTINGS)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyResults, str]:
    """Results and report of one objective."""
    return suggest(tmp_path_factory.mktemp("one"), ONE)


def find_card(page: str) -> str:
    """Return the text of the only card."""
    (card,) = re.findall(r'<article class="card".*?</article>', page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", card).split())


def test_of_experiments_the_best_measured_row_and_the_next_batch_are_shown(one: tuple[StudyResults, str]) -> None:
    results, page = one
    card = find_card(page)
    assert "Measure the next batch, as an exploration, since the model shows no skill" in card
    assert "2 designs: b1-01 to b1-02" in card
    assert "Best measured so far line 5 Measured Capacity 153 mAh/g" in card
    assert 'href="my/campaign/suggestions.csv"' in page
    assert "Nothing to recommend" not in page
    cells = {key: value for key, (value, _) in describe_best(find_best_design(results)).items()}
    assert cells["best_design"] == "best measured so far: line 5"
    assert cells["best_outcome"] == "measured: capacity_mah_g 153 mAh/g"
    assert cells["next_batch"] == "2 designs: b1-01 to b1-02"


def test_of_several_objectives_the_best_of_each_is_named_and_a_bound_is_none(two: tuple[StudyResults, str]) -> None:
    assert "Capacity 153 mAh/g (line 5) Life 85 (line 7)" in find_card(two[1])


def test_of_rows_that_only_a_bound_is_known_of_none_is_a_best_compromise(two: tuple[StudyResults, str]) -> None:
    chart = chart_front(two[0])
    assert chart is not None
    assert "limits" not in chart.note
    drawn = {trace.name: list(zip(trace.x, trace.y, strict=True)) for trace in chart.figure.data}
    assert drawn["Life at most: only a bound is known"] == [(145, 900)]
    assert drawn["best compromises among the rows"] == [(150, 60), (153, 40), (131, 80), (128, 85)]
    assert drawn["rows"] == [(140, 50)]


def test_every_link_of_a_page_to_a_place_in_it_finds_one(two: tuple[StudyResults, str]) -> None:
    page = two[1]
    assert "Made by hand." in page
    places = set(re.findall(r' id="([^"]+)"', page))
    links = set(re.findall(r' href="#([^"]*)"', page))
    assert len(links) > 10
    assert links - places == set()


def test_of_two_predictions_of_a_design_is_said_of_which_model_each_is(two: tuple[StudyResults, str]) -> None:
    page = two[1]
    headings = re.findall(r'<th scope="col" aria-sort="none"><button type="button">(.*?)</button>', page)
    assert "Capacity, predicted (validated model) (mAh/g)" in headings
    assert "Capacity, expected (engine&#39;s model) (mAh/g)" in headings
    assert "Distance to the nearest row" in headings
    assert "Two models predict each design." in page
    assert "in units of its range of search" in page


def test_ranks_and_calibration_are_of_every_objective(two: tuple[StudyResults, str]) -> None:
    results, page = two
    cells = summarise_results("my", results)
    for column in ("ranks", "calibration"):
        text = cells[column]["value"]
        assert "capacity_mah_g: " in text
        assert " | life: " in text
    assert "Capacity, 95 % interval" in page
    assert "Life, 95 % interval" in page


def make_results(name: str, suggestions: pd.DataFrame, limits: list[dict[str, Any]], **more: Any) -> StudyResults:
    """Results of a shipped study."""
    results = StudyResults({}, ReportedStudy.take_from(load_study(ROOT / f"config/studies/{name}.yaml")))
    vars(results).update(
        suggestions=suggestions,
        benchmark={"outcome_kind": "by formula", "feasibility": {"limits": limits}, **more},
        metrics=pd.DataFrame({"selected": [], "variant": [], "verdict": []}),
        replay=None,
    )
    return results


def make_limit(objective: str, declared: float, in_force: float, **more: Any) -> dict[str, Any]:
    """A limit of a benchmark."""
    found = {"objective": objective, "side": "at_least", "declared": declared, "in_force": in_force}
    return found | {"attainable": 240.0, **more}


@pytest.mark.parametrize(("in_force", "tone"), [(250.0, GOOD), (215.0, OPEN)])
def test_a_design_under_a_relaxed_limit_is_recommended_with_the_limit_and_in_another_colour(
    in_force: float, tone: str
) -> None:
    study = load_study(ROOT / "config/studies/ncm_cathodes.yaml")
    design = {"rank": 1, "ni": 0.8, "co": 0.1, "mn": 0.1, "why": "best", **{o.name: 1.0 for o in study.objectives}}
    design |= {q.name: 1.0 for q in study.derived}
    limits = [make_limit("thermal_stability_c", 250.0, in_force)]
    best = find_best_design(make_results("ncm_cathodes", pd.DataFrame([design]), limits))
    row = {"title": "x", "edition": "x", "verdict": "skill shown", "gain_over_random": ""}
    card = make_card("ncm_cathodes", row, best)
    assert card.tone == tone
    said = "under a relaxed limit: Thermal stability at least 215 °C, since no design has at least 250 °C"
    assert (said in card.answer) == (tone == OPEN)
    assert (said in describe_best(best)["best_design"][0]) == (tone == OPEN)


def test_a_row_that_meets_limits_that_no_design_of_the_campaign_does_is_shown() -> None:
    limits = [make_limit("plating_margin_mv", 10.0, 10.0, reserve=12.0)]
    record = {"label": "line 4", "outcomes": {"time_to_80_min": {"value": 31.5, "error": None, "side": 0}}}
    found = make_results("fast_charging", pd.DataFrame(), limits, **{BEST_ROWS: [record]})
    cells = {key: value for key, (value, _) in describe_best(find_best_design(found)).items()}
    assert cells["best_design"] == "none: no design of the campaign meets the limits; a row of the table does: line 4"
    assert "without the reserves" in cells["best_outcome"]
    assert "time_to_80_min 31.5 min" in cells["best_outcome"]


@pytest.mark.parametrize(
    ("verdict", "model", "p", "rows", "said"),
    [
        ("no skill shown", "ridge", 0.25, 5, "5 rows are too few to tell it from chance: permutation p = 0.25"),
        ("no skill shown", "ridge", 0.25, 90, "chance does as well too often: permutation p = 0.25"),
        ("no skill shown", "ridge", np.nan, 90, "chance does as well"),
        ("no skill shown", "dummy", np.nan, 5, "no model beats predicting the mean"),
        ("no skill shown", "ridge", 0.01, 5, "its gain over predicting the mean may be none"),
        ("skill shown; the linear model is best", "ridge", 0.01, 50, "yes, and nothing more complex"),
        ("skill shown; better than ridge", "extra_trees", 0.01, 50, "yes, and it is better than a linear model"),
        ("skill shown; not better than ridge", "extra_trees", 0.01, 50, "yes, but a linear model may do as well"),
    ],
)
def test_a_verdict_is_said_in_plain_words(verdict: str, model: str, p: float, rows: int, said: str) -> None:
    assert explain_verdict(verdict, model, p, rows).startswith(said)


def test_a_probability_that_is_not_certain_is_not_shown_as_one(one: tuple[StudyResults, str], tmp_path: Path) -> None:
    results = one[0]
    frame = results.suggestions.assign(probability_no_failure=[0.99999, 0.42])
    write_csv(tmp_path / "suggestions.csv", frame)
    copy = StudyResults({**results.files, "suggestions": tmp_path / "suggestions.csv"}, results.study)
    part = StudyPart("my", copy, summarise_results("my", copy), {}, {}, "a\n")
    table = Report([part], None, {}, (tmp_path, tmp_path), "").list_suggestions("my")
    place = list(table.columns).index("Probability that nothing fails")
    assert [row[place].text for row in table.rows] == [">0.99", "0.42"]
