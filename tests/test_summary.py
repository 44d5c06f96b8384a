"""The summary: every cell has its file, and nothing passes for more than it is."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from batterymi.config.load import read_yaml
from batterymi.files import write_csv, write_json
from batterymi.stages.build_summary import build_summary
from batterymi.stages.summarise_study import summarise_study

ROOT = Path(__file__).resolve().parents[1]


def summarise(folder: Path, verdict: str = "no skill shown", why: str = "best", title: str = "Na-ion") -> Path:
    """The summary of a made-up run of the sodium-ion study."""
    study: dict[str, Any] = read_yaml(ROOT / "config/studies/sodium_ion.yaml") | {"title": title}
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
    write_csv(folder / "metrics.csv", metrics)
    write_json(folder / "validation.json", {"variant": "all_features", "objectives": {}})
    write_csv(folder / "suggestions.csv", pd.DataFrame([best]))
    write_csv(folder / "named.csv", pd.DataFrame([named]))
    found = {"verdict": "feasible", "message": "no limits", "pareto_share": None, "limits": []}
    write_json(folder / "benchmark.json", {"feasibility": found, "answers": "predicted", "comparison": None})
    places = [
        str(folder / name) for name in ("table.json", "metrics.csv", "suggestions.csv", "benchmark.json", "named.csv")
    ] + [str(folder / "validation.json"), None, None]
    target = folder / "summary.json"
    summarise_study("sodium_ion", *places, None, None, None, str(target), study=study, primary_variant="all_features")
    return target


def test_a_design_of_a_model_without_skill_is_no_recommendation(tmp_path: Path) -> None:
    cells = json.loads(summarise(tmp_path).read_text())
    assert cells["best_design"]["value"].startswith("not a recommendation, since the model shows no skill")
    assert cells["q2"] == {"value": 0.8, "source": str(tmp_path / "metrics.csv")}
    assert (cells["q2_dummy"]["value"], cells["q2_ridge"]["value"]) == (-0.5, 0.2)
    assert cells["best_outcome"]["value"].startswith("predicted: capacity_mah_g 180 mAh/g [150, 210]")


def test_a_design_beyond_what_is_possible_is_no_recommendation_either(tmp_path: Path) -> None:
    summary = summarise(tmp_path, "skill shown; better than ridge", "best; y was cut: the model extrapolates")
    assert "extrapolates" in json.loads(summary.read_text())["best_design"]["value"]
    summary = summarise(tmp_path, "skill shown; better than ridge")
    assert json.loads(summary.read_text())["best_design"]["value"].startswith("structure_type P2")


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "a | b"])
def test_titles_cannot_break_the_tables(title: str, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"out.{ending}") for ending in ("csv", "md", "html", "txt")]
    build_summary([str(summarise(tmp_path, title=title))], *paths)
    page, markdown = (tmp_path / "out.html").read_text(), (tmp_path / "out.md").read_text()
    assert "<script>" not in page
    widths = {
        line.replace("\\|", "").count("|") for line in markdown.split("## Findings")[0].splitlines() if "|" in line
    }
    assert len(widths) == 1
    frame = pd.read_csv(tmp_path / "out.csv")
    assert frame["title"].tolist() == [title]
    assert frame["gain_over_random"].tolist() == ["no campaign was run"]
