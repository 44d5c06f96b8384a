"""What suggestions are expected to bring: the engines' own numbers, and words that agree with them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Workspace, needs_torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batterymi.cli.main import main
from batterymi.cli.show_suggestions import format_setting
from batterymi.config.parts import Feature, Limit, Objective
from batterymi.config.slices.data import TableSettings
from batterymi.config.slices.training import TrainingSettings
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.expectations import assess_suggestions, note_disagreements, state_verdict
from batterymi.optimise.campaigns.next_batch import propose_batch
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space
from batterymi.stages.prepare_table import prepare_table
from batterymi.stages.train_surrogate import SurrogateFiles, train_surrogate
from batterymi.statistics.digits import (
    find_decimals,
    format_estimate,
    format_interval,
    format_number,
    round_estimate,
)
from batterymi.vocabulary.expected import LIMITS_MET, NO_FAILURE, name_deviation_column, name_mean_column
from batterymi.vocabulary.measured import name_error_column, name_missing_column
from batterymi.workflow.settings import find_study, read_config

NUMBER = r"-?[\d.]+(?:e-?\d+)?"


def feature(name: str, **more: Any) -> Feature:
    return Feature(name=name, label=name, unit="1", **{"bounds": (0, 1), **more})


def objective(name: str, goal: str = "maximise", **more: Any) -> Objective:
    return Objective(name=name, label=name, unit="1", goal=goal, **more)


PLANE = Space((feature("a"), feature("b")))
MEAN, DEVIATION = name_mean_column("y"), name_deviation_column("y")


def rows_of(values: Mapping[str, Any]) -> pd.DataFrame:
    """Measured rows at different places within the bounds."""
    n = len(next(iter(values.values())))
    places = np.linspace(0.1, 0.9, n)
    return pd.DataFrame({"a": places, "b": places[::-1], "line": np.arange(2, n + 2), "split": "train", **values})


def proposed_of(**columns: Any) -> pd.DataFrame:
    """Suggestions with what an engine expects of them."""
    return pd.DataFrame(columns).assign(a=0.5, b=0.1, why="by expected improvement")


# digits


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (171.26, 3.7, "171 ± 4"),
        (171.26, 2.96, "171.3 ± 3.0"),
        (83.94, 0.1234, "83.94 ± 0.12"),
        (1234.5, 160.0, "1230 ± 160"),
        (0.00042, 0.00004, "(4.2 ± 0.4)e-4"),
        (3.2e7, 4e6, "(3.2 ± 0.4)e7"),
        (-0.02, 0.5, "0.0 ± 0.5"),
        (99.97, 0.96, "100.0 ± 1.0"),
        (12.0, 0.0, "12"),
    ],
)
def test_an_estimate_has_the_digits_that_its_deviation_leaves(value: float, deviation: float, text: str) -> None:
    assert format_estimate(value, deviation) == text
    assert format_interval(168.3, 160.2, 176.4) == "168 [160, 176]"


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_rounding_loses_less_than_the_deviation_says(value: float, deviation: float) -> None:
    shown = round_estimate(value, deviation)
    power = 10.0 ** np.floor(np.log10(max(abs(value), deviation)))
    # far larger numbers than deviations are cut at 15 digits
    assert abs(shown - value) <= max(0.15 * deviation, 1e-7 * power) * 1.0001
    assert 10.0 ** -find_decimals(deviation) <= deviation


def test_settings_have_the_decimals_of_their_steps() -> None:
    half = feature("x", bounds=(0.25, 10), step=0.5)
    assert format_setting(half, 2.7500000001, 0.5) == "2.75"
    assert format_setting(feature("t", bounds=(650, 900), step=10), 700.0, 10) == "700"
    assert format_setting(feature("t", bounds=(0, 1), step=0.0005), 0.1235, 0.0005) == "0.1235"
    assert format_setting(feature("t", bounds=None, levels=(0.1, 0.33, 1)), 0.33, None) == "0.33"
    assert format_setting(feature("t", bounds=(1, 20000)), 12345.678, None) == "12346"
    # of a list whose rows do not lie on the steps
    assert format_setting(half, 2.6667, 0.5) == "2.667"
    assert format_number(1e-5) == "1e-5"


# words and numbers


VALUES = st.lists(st.floats(-100, 100).map(lambda value: round(value, 2)), min_size=2, max_size=8, unique=True)
EXPECTED = st.lists(
    st.tuples(st.floats(-150, 150), st.floats(-3, 2.5).map(lambda power: 10.0**power)), min_size=1, max_size=5
)


@given(VALUES, EXPECTED, st.sampled_from(["maximise", "minimise"]), st.sampled_from([1e-6, 1.0, 1e5]))
@settings(max_examples=150)
def test_no_word_contradicts_the_numbers_beside_it(
    values: list[float], expected: list[tuple[float, float]], goal: str, scale: float
) -> None:
    search = Search(PLANE, (objective("y", goal),), (), is_noisy=True)
    best = find_best_known(search, rows_of({"y": np.array(values) * scale}))
    means, deviations = np.array(expected).T * scale
    outlooks = assess_suggestions(proposed_of(**{MEAN: means, DEVIATION: deviations}), search, best)
    spread = np.std(values) * scale
    n_better = 0
    for outlook, mean, deviation in zip(outlooks, means, deviations, strict=True):
        middle, rest = outlook.numbers.split(", best known ")
        # a number halfway between two digits may be rounded either way, as its last bit says
        near = [mean * (1 + slack) for slack in (0.0, -1e-9, 1e-9)]
        used = [number for number in near if format_estimate(number, deviation) == middle]
        assert used, middle
        shown = round_estimate(used[0], deviation)
        known = float(re.match(NUMBER, rest)[0])  # type: ignore[index]
        assert known == pytest.approx((max if goal == "maximise" else min)(values) * scale, rel=1e-3)
        gain = (shown - known) * (1 if goal == "maximise" else -1)
        chance = float(re.search(r"better with probability [<>]?([\d.]+)", outlook.reason)[1])  # type: ignore[index]
        if outlook.reason.startswith("expected to be better: "):
            assert gain > 0
            assert chance >= 0.5
            n_better += 1
        elif outlook.reason.startswith("expected to be worse, chosen "):
            assert gain < 0
            assert chance <= 0.5
            assert ("little is known" in outlook.words) == (deviation >= 0.5 * spread)
        else:
            assert outlook.words.startswith("about as good as the best")
            assert abs(gain) <= 0.7 * deviation
            assert 0.25 <= chance <= 0.75
            assert ("uncertain" in outlook.words) == (deviation >= 0.1 * spread)
        assert "line " in rest
    verdict = state_verdict(outlooks, search, best)
    assert verdict.startswith("No suggestion is expected to beat" if n_better == 0 else ("The", str(n_better)))
    assert verdict.endswith(".")


@given(st.data(), st.sampled_from(["maximise", "minimise"]), st.sampled_from(["maximise", "minimise"]))
def test_a_suggestion_extends_the_front_only_if_no_known_design_is_ahead(
    data: st.DataObject, first: str, second: str
) -> None:
    targets = (objective("y", first), objective("z", second))
    search = Search(PLANE, targets, (), is_noisy=True, reference={"y": 0, "z": 0})
    values = data.draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=6))
    rows = rows_of({"y": np.array(values)[:, 0].astype(float), "z": np.array(values)[:, 1].astype(float)})
    best = find_best_known(search, rows)
    signs = np.array([target.sign for target in targets])
    own = np.array(data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9))), float)
    deviation = data.draw(st.sampled_from([0.5, 5.0]))
    columns = {MEAN: [own[0]], name_mean_column("z"): [own[1]]}
    columns |= {DEVIATION: [deviation], name_deviation_column("z"): [deviation]}
    outlook = assess_suggestions(proposed_of(**columns), search, best)[0]
    costs = np.array(values) * signs
    is_behind = ((costs <= own * signs).all(axis=1) & (costs < own * signs).any(axis=1)).any()
    assert outlook.words.startswith(
        "chosen for the front: expected behind it" if is_behind else "chosen for the front: "
    )
    assert ("expected to extend it" in outlook.words) != is_behind
    assert state_verdict([outlook], search, best).startswith(
        "No suggestion" if is_behind else "The suggestion is expected to extend"
    )


def test_what_breaks_limits_is_neither_best_nor_counted_as_better() -> None:
    limit = Limit("z", "at_most", 5.0)
    search = Search(PLANE, (objective("y"), objective("z", "limit", at_most=5)), (limit,), is_noisy=True)
    rows = rows_of({"y": [1.0, 9, 5, 3], "z": [1.0, 9, 4, 2], "id": ["A", "B", "C", "D"]})
    best = find_best_known(search, rows, "id")
    assert best.labels == ("C",)
    expected = {MEAN: [7.0, 7.0], DEVIATION: [0.5, 0.5], name_mean_column("z"): [4.0, 8.0]}
    proposed = proposed_of(**expected, **{name_deviation_column("z"): [0.5, 0.5], LIMITS_MET: [0.97, 0.001]})
    outlooks = assess_suggestions(proposed.assign(**{NO_FAILURE: 0.8}), search, best)
    assert outlooks[0].reason == (
        "expected to be better: 7.0 ± 0.5, best known 5 (C); better with probability >0.99; limits met with "
        "probability 0.97; no failure with probability 0.80; by expected improvement"
    ) or outlooks[0].reason.startswith("expected to be better: 7.0 ± 0.5, best known 5")
    assert "if all goes well" in outlooks[1].words
    assert "limits met with probability <0.01" in outlooks[1].reason
    assert state_verdict(outlooks, search, best).startswith(
        "1 of 2 suggestions is expected to beat the best known, 5 (C)"
    )
    nothing = find_best_known(search, rows.assign(z=9.0))
    said = state_verdict(assess_suggestions(proposed, search, nothing), search, nothing)
    assert said == (
        "No measured design within the bounds meets all limits; 1 of 2 suggestions is expected to meet them."
    )


def test_the_best_known_is_within_the_bounds_complete_and_a_mean_of_its_replicates() -> None:
    search = Search(PLANE, (objective("y"),), (), is_noisy=True)
    rows = rows_of({"y": [1.0, 2, 3, 50, 60], "id": ["A", "B", "C", "D", "E"]})
    rows.loc[3, "a"] = 1.5
    rows.loc[4, "y"] = np.nan
    assert find_best_known(search, rows, "id").labels == ("C",)
    again = pd.concat([rows, rows.iloc[[2]].assign(y=5.0, id="F", line=9)], ignore_index=True)
    best = find_best_known(search, again, "id")
    assert best.labels == ("mean of 2 rows: C, F",)
    assert best.describe(search) == "4.0 ± 1.0 (mean of 2 rows: C, F)"
    # one lucky cell, known to be uncertain, makes nothing sure to be worse
    lucky = rows.assign(y=[1.0, 2, 30, 50, np.nan], **{name_error_column("y"): [0.1, 0.1, 30, 0.1, 0.1]})
    best = find_best_known(search, lucky, "id")
    outlook = assess_suggestions(proposed_of(**{MEAN: [20.0], DEVIATION: [1.0]}), search, best)[0]
    assert "best known 30 ± 30 (C)" in outlook.reason
    assert "better with probability 0.37" in outlook.reason


def test_models_that_exclude_each_other_are_named_with_their_numbers() -> None:
    search = Search(PLANE, (objective("y", valid=(0, 100)),), (), is_noisy=True)
    proposed = proposed_of(**{MEAN: [70.0, 82.0, 79.0, 104.0], DEVIATION: [3.0, 0.5, 6.0, 2.0]})
    bounds = {"y": [83.9] * 4, "y_lower_95": [82.0] * 4, "y_upper_95": [86.0] * 4}
    notes = note_disagreements(proposed, pd.DataFrame(bounds), search)
    said = "; the models disagree: the validated model expects y 83.9 [82.0, 86.0], the engine 70.0 ± 3.0"
    assert notes[:3] == [said, "", ""]
    assert "the engine 104.0 ± 2.0" in notes[3]
    best = find_best_known(search, rows_of({"y": [80.0, 85, 90]}))
    outlook = assess_suggestions(proposed, search, best)[3]
    assert "y cannot be beyond 0 to 100: the engine's model extrapolates" in outlook.reason


# engines


def hill(seed: int, n: int = 14) -> pd.DataFrame:
    """Measured rows of a hill at (0.3, 0.3) in a large unit."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.random((n, 2)), columns=["a", "b"]).assign(split="train", line=np.arange(n))
    return rows.assign(y=top(rows) + rng.normal(0, 3, n))


def top(rows: pd.DataFrame) -> pd.Series:
    """The true values."""
    return 1000 - 600 * ((rows["a"] - 0.3) ** 2 + (rows["b"] - 0.3) ** 2)


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
@pytest.mark.parametrize("engine", ["gaussian_process", "scikit-optimize", pytest.param("botorch", marks=needs_torch)])
def test_engines_expect_what_is_true_in_the_unit_of_the_objective(engine: str, goal: str) -> None:
    target = objective("y", goal, scale=50, weight=2)
    rows = hill(1)
    rows["y"] = rows["y"] if goal == "maximise" else -rows["y"]
    search = Search(PLANE, (target,), (), is_noisy=True)
    proposed = propose_batch(search, rows, engine, 3, 0)
    truth = top(proposed) * (1 if goal == "maximise" else -1)
    assert (proposed[DEVIATION] > 0).all()
    assert (np.abs(proposed[MEAN] - truth) < 4 * proposed[DEVIATION] + 20).all()
    # neither other designs of the batch nor those under way count as known
    pending = proposed.iloc[[0]].assign(split="pending", y=np.nan, line=99)[["a", "b", "y", "split", "line"]]
    alone = propose_batch(search, rows, engine, 1, 0)
    after = propose_batch(search, pd.concat([rows, pending], ignore_index=True), engine, 2, 0)
    assert alone[DEVIATION].iloc[0] == pytest.approx(proposed[DEVIATION].iloc[0])
    assert after[DEVIATION].min() > 0.2 * proposed[DEVIATION].min()


@pytest.mark.parametrize("engine", ["gaussian_process", pytest.param("botorch", marks=needs_torch)])
def test_each_modelled_outcome_has_its_own_expectation_also_from_partial_results(engine: str) -> None:
    rows = hill(2).assign(z=lambda table: 10 * table["a"])
    rows.loc[[1, 4], "z"] = np.nan
    rows[name_missing_column("z")] = np.where(rows["z"].isna(), "pending", "")
    rows.loc[3, ["y", "z"]] = np.nan
    rows.loc[3, "split"] = "failed"
    targets = (objective("y"), objective("z", "limit", at_most=4.0))
    search = Search(PLANE, targets, (Limit("z", "at_most", 4.0),), is_noisy=True)
    proposed = propose_batch(search, rows, engine, 2, 0)
    assert {MEAN, DEVIATION, name_mean_column("z"), name_deviation_column("z"), LIMITS_MET, NO_FAILURE} <= set(proposed)
    assert np.abs(proposed[name_mean_column("z")] - 10 * proposed["a"]).max() < 1.5
    assert proposed[[LIMITS_MET, NO_FAILURE]].stack().between(0, 1).all()
    best = find_best_known(search, rows[rows["split"] == "train"])
    for outlook in assess_suggestions(proposed, search, best):
        assert re.search(r"; limits met with probability [<>]?\d", outlook.reason)
        assert re.search(r"; no failure with probability [<>]?\d", outlook.reason)


@pytest.mark.parametrize("engine", ["random", "sobol", "gaussian_process", "scikit-optimize"])
def test_without_a_model_nothing_is_claimed(engine: str) -> None:
    rows = hill(0) if engine in ("random", "sobol") else hill(0).iloc[:1]
    search = Search(PLANE, (objective("y"),), (), is_noisy=True)
    proposed = propose_batch(search, rows, engine, 2, 0)
    assert not [column for column in proposed if "engine" in column]
    best = find_best_known(search, rows)
    outlooks = assess_suggestions(proposed, search, best)
    assert [outlook.reason for outlook in outlooks] == proposed["why"].tolist()
    assert state_verdict(outlooks, search, best).startswith("The engine predicts nothing of the suggestions: ")


def test_a_score_of_several_outcomes_is_not_taken_for_one() -> None:
    rows = hill(0).assign(z=lambda table: table["a"])
    search = Search(PLANE, (objective("y"), objective("z")), (), is_noisy=True, reference={"y": 0, "z": 0})
    assert MEAN not in propose_batch(search, rows, "scikit-optimize", 1, 0)


# commands


TABLE = "host,pore_nm,loading_wt,capacity_mah_g\n" + "".join(
    f"S{i:02},{2 + i % 5},{50 + 3 * (i * 7 % 8)},{160 - (i % 5 - 2) ** 2 + i * 7 % 8}\n" for i in range(16)
)
STUDY = """title: Mine
edition: own
table: {file: data/mine.csv, id_column: host}
features:
  - {name: pore_nm, label: Pore, unit: nm, bounds: [2, 6], step: 0.5}
  - {name: loading_wt, label: Loading, unit: percent, bounds: [50, 71]}
objectives:
  - {name: capacity_mah_g, label: Capacity, unit: mAh/g, goal: maximise}
surrogate: {models: [dummy, ridge], bootstraps: 100, permutations: 19}
campaign: {mode: experiment, suggestions: 2POOL}
"""


def write_study(pool: str = "") -> None:
    """Write a study of the user's."""
    Path("data/mine.csv").write_text(TABLE, encoding="utf-8")
    Path("config/studies/mine.yaml").write_text(STUDY.replace("POOL", pool), encoding="utf-8")


def train_model() -> None:
    """Run the rules that make the table and the validated model."""
    study, results = find_study("mine", read_config()), Path("results/mine")
    table, report = results / "table.parquet", results / "table.json"
    prepare_table(table, report, TableSettings.take_from(study, path="data/mine.csv", dataset=None))
    folder = results / "surrogate"
    names = {"metrics": "metrics.csv", "predictions": "predictions.parquet", "importances": "importances.csv"}
    names |= {"validation": "validation.json", "model": "model.skops", "card": "card.md"}
    files = SurrogateFiles(**{key: folder / name for key, name in names.items()})
    train_surrogate(table, report, files, TrainingSettings.take_from(study))


def suggest(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What the command prints."""
    assert main(["suggest", "mine", *more]) == 0
    return capsys.readouterr().out


def test_suggest_prints_both_models_the_best_known_and_a_verdict(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    write_study()
    said = suggest(capsys)
    assert "Best known: Capacity 166 mAh/g (S" in said
    assert re.search(r"^1\. Pore \(nm\) \d\.\d; Loading \(percent\) \d\d(\.\d+)?$", said, flags=re.MULTILINE)
    assert len(re.findall(r"^   expected Capacity [\d.]+ ± [\d.]+ mAh/g \(engine's model\)$", said, re.MULTILINE)) == 2
    assert re.search(
        r"^(No|\d of 2) suggestions? (is|are) expected to beat the best known, 166 mAh/g", said, re.MULTILINE
    )
    assert "validated model" not in said
    assert "With validated predictions and figures: snakemake mine" in said
    train_model()
    said = suggest(capsys)
    assert (
        len(re.findall(r"^   predicted Capacity \d+ \[\d+, \d+\] mAh/g \(validated model\)$", said, re.MULTILINE)) == 2
    )
    assert "Predicted by results/mine/surrogate/model.skops" in said
    with Path("data/mine.csv").open("a", encoding="utf-8") as file:
        file.write("S99,3,60,150\n")
    said = suggest(capsys)
    assert "validated model)" not in said
    assert "model.skops: learned from another table or other settings; snakemake mine makes it again" in said


def test_suggestions_of_a_list_of_numbers_name_its_rows(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    write_study(", pool: data/list.csv")
    Path("data/list.csv").write_text("host,pore_nm,loading_wt\nN1,2.3333,61.5\nN2,4.1,55\n", encoding="utf-8")
    said = suggest(capsys, "--append")
    assert re.search(
        r"^\d\. N1 of data/list.csv: Pore \(nm\) 2.333; Loading \(percent\) 61.5$", said, flags=re.MULTILINE
    )
    assert [line.split(",")[0] for line in Path("data/mine.csv").read_text().splitlines()[-2:]] in (
        ["N1", "N2"],
        ["N2", "N1"],
    )
    Path("data/list.csv").write_text("pore_nm,loading_wt\n2.5,61.5\n", encoding="utf-8")
    assert "line 2 of data/list.csv: Pore (nm) 2.5" in suggest(capsys)
