"""The summary: every cell has its file, and nothing passes for more than it is."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import SHIPPED
from hypothesis import given
from hypothesis import strategies as st

from batterymi.config.designs import Derived
from batterymi.config.load import load_study, read_yaml
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.config.study import Study
from batterymi.errors import DamagedFileError
from batterymi.files import write_csv, write_json
from batterymi.optimise.campaigns.suggestions import add_derived
from batterymi.reporting.gain import format_interval
from batterymi.reporting.pages import TextTable, escape_markdown, render_markdown
from batterymi.reporting.study_results import StudyResults, list_results
from batterymi.reporting.summary import describe_replay
from batterymi.reporting.tables import collect_sources, join_summaries
from batterymi.stages.build_summary import build_summary
from batterymi.stages.summarise_study import summarise_study

ROOT = Path(__file__).resolve().parents[1]


def summarise(folder: Path, verdict: str = "no skill shown", why: str = "best", title: str = "Na-ion") -> Path:
    """The summary of a made-up run of the sodium-ion study."""
    content = read_yaml(ROOT / "config/studies/sodium_ion.yaml") | {"title": title}
    metrics = pd.DataFrame(
        {
            "variant": "all_features",
            "objective": "capacity_mah_g",
            "model": ["dummy", "ridge", "extra_trees"],
            "q2": [-0.5, 0.2, 0.8],
            "q2_lower": -1.0,
            "q2_upper": 0.9,
            "p_value": [None, None, 0.2],
            "mae": 3.0,
            "mae_lower": 2.0,
            "mae_upper": 4.0,
            "coverage_80": 0.8,
            "unit": "mAh/g",
            "selected": [False, False, True],
            "verdict": ["", "", verdict],
        }
    )
    best = {"rank": 1, "structure_type": "P2", "avg_voltage_v": 3.0, "capacity_mah_g": 180.0, "why": why}
    best |= {"capacity_mah_g_lower_95": 150.0, "capacity_mah_g_upper_95": 210.0, "specific_energy_wh_kg": 540.0}
    named = {"name": "x", "status": "accepted", "structure_type": "P2", "avg_voltage_v": 3.0, "flags": ""}
    write_json(folder / "table.json", {"rows_to_learn_from": 5})
    write_csv(folder / "surrogate/metrics.csv", metrics)
    write_json(folder / "surrogate/validation.json", {"variant": "all_features", "objectives": {}})
    write_csv(folder / "campaign/suggestions.csv", pd.DataFrame([best]))
    write_csv(folder / "campaign/reference_designs.csv", pd.DataFrame([named]))
    found = {"verdict": "feasible", "message": "no limits", "pareto_share": None, "limits": []}
    write_json(
        folder / "campaign/benchmark.json", {"feasibility": found, "outcome_kind": "predicted", "comparison": None}
    )
    target = folder / "summary.json"
    study = Study.model_validate(content)
    files = {name: folder / path for name, path in list_results(study, "summary").items()}
    summarise_study("sodium_ion", files, target, ReportedStudy.take_from(study))
    return target


def test_a_design_of_a_model_without_skill_is_no_recommendation(tmp_path: Path) -> None:
    cells = json.loads(summarise(tmp_path).read_text())
    assert cells["best_design"]["value"].startswith("not a recommendation, since the model shows no skill")
    source = f"{tmp_path}/surrogate/metrics.csv#variant=all_features,objective=capacity_mah_g,model=extra_trees:q2"
    assert cells["q2"] == {"value": 0.8, "source": source}
    assert (cells["q2_dummy"]["value"], cells["q2_ridge"]["value"]) == (-0.5, 0.2)
    assert cells["best_outcome"]["value"].startswith("predicted: capacity_mah_g 180 mAh/g [150, 210]")


def test_a_design_beyond_what_is_possible_is_no_recommendation_either(tmp_path: Path) -> None:
    summary = summarise(tmp_path, "skill shown; better than ridge", "best; y was cut: the model extrapolates")
    assert "extrapolates" in json.loads(summary.read_text())["best_design"]["value"]
    summary = summarise(tmp_path, "skill shown; better than ridge")
    assert json.loads(summary.read_text())["best_design"]["value"].startswith("structure_type P2")


def test_beside_the_limits_that_a_design_keeps_stands_what_the_model_plates_all_the_same() -> None:
    study = ReportedStudy.take_from(load_study(ROOT / "config/studies/fast_charging.yaml"))
    numbers = {objective.name: 1.0 for objective in study.objectives}
    replay = {"model": "SPMe", "reference": "DFN", "designs": [{"reference_model_meets_limits": True}]}
    replay |= {"campaign_model": numbers, "reference_model": numbers | {"plated_mah": 15.37}}
    text = describe_replay(replay, study)
    assert "1 of the campaign's best 1 meet the limits on the DFN; plated at the end all the same 15.37 mAh" in text
    assert describe_replay(None, study) == ""


def test_quantities_of_all_kinds_are_computed_for_each_design() -> None:
    """Those by `expression` too, of columns and of quantities above, and those of no column at all."""
    start = {"label": "x", "unit": "1"}
    derived = [
        Derived(name="energy", product_of=("voltage", "capacity"), **start),
        Derived(name="double", expression="2 * energy", **start),
        Derived(name="less", reduction_of="voltage", against=4.0, **start),
        Derived(name="one", expression="1", **start),
    ]
    designs = pd.DataFrame({"kind": ["P2", "O3"], "voltage": [3.0, 2.0], "capacity": [100.0, 50.0]})
    found = add_derived(designs, derived)
    assert found["energy"].tolist() == [300, 100]
    assert found["double"].tolist() == [600, 200]
    assert found["less"].tolist() == [25, 50]
    assert found["one"].tolist() == [1, 1]
    assert list(designs) == ["kind", "voltage", "capacity"]


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "a | b", "a \\| b", "[a](javascript:alert(1))"])
def test_titles_cannot_break_the_tables(title: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"out.{ending}" for ending in ("csv", "md", "txt", "html")]
    build_summary([summarise(tmp_path, title=title)], *paths)
    page, markdown = (tmp_path / "out.html").read_text(), (tmp_path / "out.md").read_text()
    assert "<script>" not in page
    assert "<script>" not in markdown
    assert "](" not in markdown
    widths = {count_cells(line) for line in markdown.split("## Findings")[0].splitlines() if "|" in line}
    assert len(widths) == 1
    frame = pd.read_csv(tmp_path / "out.csv")
    assert frame["title"].tolist() == [title]
    assert frame["gain_over_random"].tolist() == ["no campaign was run"]


def count_cells(line: str) -> int:
    """Return the bars that part cells for a reader of Markdown: those without a backslash that escapes them."""
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))


@given(st.text())
def test_any_text_stays_in_its_cell_of_markdown(text: str) -> None:
    line = f"| {escape_markdown(text)} |"
    assert count_cells(line) == 2
    assert "\n" not in line
    assert "<" not in line


def test_tables_of_markdown_are_parted_by_empty_lines() -> None:
    tables = [TextTable("A", "why", ("x", "y"), [["1", "2"]]), TextTable("B", "", ("z",), [])]
    assert render_markdown(tables) == "## A\n\nwhy\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n## B\n\n| z |\n|---|\n"


def test_only_the_folder_of_the_study_is_generalised(tmp_path: Path) -> None:
    """A folder above that has the name of a study is left as it is, and so is a file elsewhere."""
    home = tmp_path / "sodium_ion/results"
    cells = {
        "q2": {"value": 1, "source": str(home / "sodium_ion/surrogate/metrics.csv")},
        "a": {"value": 1, "source": "elsewhere/sodium_ion/x.csv"},
        "b": {"value": 1, "source": ""},
    }
    assert collect_sources({home / "sodium_ion/summary.json": cells}) == {
        "q2": f"{home}/{{study}}/surrogate/metrics.csv",
        "a": "elsewhere/sodium_ion/x.csv",
    }


def test_results_are_read_once_and_checked_when_they_are_used(tmp_path: Path) -> None:
    summarise(tmp_path)
    study = load_study(ROOT / "config/studies/sodium_ion.yaml")
    results = StudyResults.of_folder(tmp_path, study)
    assert results.metrics is results.metrics
    assert results.selected["model"].tolist() == ["extra_trees"]
    assert results.transfer is None
    assert results.earlier is None
    with pytest.raises(DamagedFileError, match="there is no such file"):
        _ = results.history
    write_csv(tmp_path / "surrogate/metrics.csv", pd.DataFrame({"variant": ["other"], "objective": "capacity_mah_g"}))
    with pytest.raises(DamagedFileError, match="there is no such file"):
        results.read_all()
    with pytest.raises(DamagedFileError, match="no variant is 'all_features'"):
        _ = StudyResults.of_folder(tmp_path, study).metrics


def test_a_file_that_a_rule_forgets_is_an_error_and_not_a_study_without_it() -> None:
    study = load_study(ROOT / "config/studies/sodium_ion.yaml")
    results = StudyResults({}, ReportedStudy.take_from(study))
    with pytest.raises(TypeError, match="the rule names no file 'benchmark'"):
        _ = results.benchmark


@pytest.mark.parametrize("name", SHIPPED)
def test_each_file_of_results_is_made_by_the_rule_that_its_entry_names(name: str) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    parts = re.split(r"\n *rule (\w+):\n", texts)
    made = {rule: text.partition("output:")[2].partition("log:")[0] for rule, text in itertools.pairwise(parts[1:])}
    study = load_study(ROOT / f"config/studies/{name}.yaml")
    results = StudyResults.of_folder(Path("results"), study)
    for path in list_results(study).values():
        assert f'"<results>/{{study}}/{path}"' in made[results.find_rule(Path("results") / name / path) or ""]


def test_listing_results_needs_no_library_for_tables() -> None:
    """The launcher lists the inputs of rules from the entries, in each process that it starts."""
    code = "import sys, batterymi.reporting.study_results as _; print({'pandas', 'jinja2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("numbers", "kind", "text"),
    [
        ((10.64, 10.1, None), "at least", "at least 10.6 [10.1, ∞)"),
        ((-2.0, None, -1.0), "at most", "at most -2.0 (−∞, -1.0]"),
        ((2.9, 0.8, 5.5), "within the budget", "within the budget 2.9 [0.8, 5.5]"),
        ((6.0, 5.0, 7.0), "estimate", "6.0 [5.0, 7.0]"),
    ],
)
def test_a_number_of_evaluations_says_what_kind_of_number_it_is(numbers: tuple, kind: str, text: str) -> None:
    assert format_interval(*numbers, 1, kind) == text
    cells = dict(zip(("evaluations_saved", "evaluations_saved_lower", "evaluations_saved_upper"), numbers, strict=True))
    # the other numbers of the row have closed ends, whatever kind this one is of
    row = {**cells, "saved_is": kind, "final_gain": 1.0, "final_gain_lower": 0.5, "final_gain_upper": 2.0}
    summary = {key: {"value": value, "source": ""} for key, value in row.items()} | {
        key: {"value": 1.0, "source": ""} for key in ("mae", "mae_lower_95", "mae_upper_95", "q2")
    }
    frame = join_summaries([{**summary, "mae_unit": {"value": "V", "source": ""}}])
    assert frame.loc[0, "gain_text"] == text
    assert frame.loc[0, "final_text"] == "1.00 [0.50, 2.00]"
    assert frame.loc[0, "reduction_text"] == "-"
