"""Figures: drawn from the files of a study, where something can be told of them without looking."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batterymi.config.load import load_study
from batterymi.figures.overview import plot_overview
from batterymi.figures.style import apply_style, save_figure
from batterymi.figures.ternary import plot_ternary
from batterymi.files import write_csv, write_json
from batterymi.reporting.study_results import StudyResults

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ncm(tmp_path: Path) -> StudyResults:
    """Results of a made-up campaign over NCM compositions."""
    study = load_study(ROOT / "config/studies/ncm_cathodes.yaml")
    results = StudyResults.of_folder(tmp_path, study)
    best = pd.DataFrame({"ni": [0.7, 0.6], "co": [0.1, 0.2], "mn": [0.2, 0.2], "why": "best"})
    chapter = pd.DataFrame({"name": ["x"], "status": "accepted", "flags": "", "ni": 0.85, "co": 0.08, "mn": 0.07})
    write_csv(results.files["suggestions"], best)
    write_csv(results.files["reference_designs"], chapter)
    limit = {"objective": "thermal_stability_c", "side": "at_least", "in_force": 215.0}
    write_json(
        results.files["benchmark"],
        {"feasibility": {"limits": [limit]}, "outcome_kind": "by formula", "comparison": None},
    )
    return results


def test_compositions_lie_where_ternary_axes_say(ncm: StudyResults, tmp_path: Path) -> None:
    """The triangle shows 50 to 100 % Ni, so 70 % lie at 40 % of its height; likewise for Mn and Co."""
    with apply_style():
        figure = plot_ternary(ncm)
        figure.canvas.draw()
        axes = [axis for axis in figure.axes if axis.name == "ternary"]
        assert len(axes) == 3
        for axis in axes:
            star = next(line for line in axis.lines if line.get_marker() == "*")
            place = star.get_transform().transform(star.get_xydata())
            assert np.allclose(place, axis.transTernaryAxes.transform([(0.4, 0.4, 0.2)]))


def test_a_ternary_figure_has_the_same_bytes_each_time(ncm: StudyResults, tmp_path: Path) -> None:
    with apply_style():
        for name in ("a", "b"):
            save_figure(plot_ternary(ncm), tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_best_rows_of_a_replay_lie_at_their_features_and_predictions(tmp_path: Path) -> None:
    study = load_study(ROOT / "config/studies/lithium_sulfur_measured.yaml")
    target, features = study.objectives[0].name, [feature.name for feature in study.designable]
    results = StudyResults.of_folder(tmp_path, study)
    rows = pd.DataFrame(np.arange(3.0 * len(features)).reshape(3, -1), columns=features)
    results.files["table"].parent.mkdir(parents=True, exist_ok=True)
    rows.assign(**{target: [1.0, 5.0, 2.0], "line": [7, 8, 9], "split": "train"}).to_parquet(results.files["table"])
    numbers = {target: 5.0, f"{target}_predicted": 4.0, f"{target}_lower_95": 3.0, f"{target}_upper_95": 4.5}
    write_csv(results.files["suggestions"], pd.DataFrame({"line": [8], "why": "best", **numbers}))
    # the more important, the later in the list
    importances = pd.DataFrame(
        {"feature": features, "repeat": 0, "rmse_increase": np.arange(len(features), dtype=float)}
    )
    write_csv(results.files["importances"], importances.assign(variant="all_features", objective=target, unit="eV"))
    with apply_style():
        panels = plot_overview(results).axes
    labels = {feature.name: feature.axis_label for feature in study.designable}
    assert [panel.get_xlabel() for panel in panels] == [labels[name] for name in features[-6:]]
    assert panels[0].get_title() == f"the 6 most important of {len(features)} features"
    star = next(line for line in panels[0].lines if line.get_marker() == "*")
    assert star.get_xydata().tolist() == [[rows[features[-6]][1], 4.0]]
