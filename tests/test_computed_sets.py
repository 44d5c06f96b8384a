"""What models gain by computed sets: learned from these alone, compared by the same folds, and told by the interval."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES

from batterymi.config.models import Surrogate
from batterymi.config.parts import Feature, Objective
from batterymi.config.slices.computed import ComputedSettings
from batterymi.config.slices.methods import MethodSettings
from batterymi.config.slices.structures import GainSettings
from batterymi.config.sources import Table
from batterymi.data.loaders.base import make_composition_key
from batterymi.data.loaders.ionnet import load_scores
from batterymi.errors import DamagedFileError
from batterymi.files import read_frame, read_json, write_csv, write_parquet
from batterymi.stages.compare_computed_sets import compare_computed_sets
from batterymi.stages.gather_computed_sets import gather_computed_sets
from batterymi.stages.learn_computed_sets import learn_computed_sets
from batterymi.surrogates.computed_sets import (
    ADDED,
    BARRIER,
    CANDIDATES,
    COMPUTED,
    PROPERTIES,
    SCORE,
    SHUFFLED,
    WITH_SCORE,
    ComputedSet,
    extend_problems,
    learn_set,
)
from batterymi.surrogates.problem import Inputs, make_problem

TARGET = Objective(name="y", label="y", unit="1", goal="maximise")
FEATURE = Feature(name="a", label="a", unit="Å")
SETTINGS: dict[str, Any] = {
    "table": Table.model_validate({"dataset": {"name": "obelix"}, "group": "paper"}),
    "features": (FEATURE,),
    "descriptors": (),
    "objectives": (TARGET,),
    "surrogate": Surrogate(models=("dummy", "ridge", "blend"), folds=3, blend=("ridge", "support_vector")),
    "seed": 1,
}
PATHS = pd.DataFrame(
    {
        "formula": [f"{ion}{n}MnO{n + 2}" for ion in ("Li", "Na", "Mg") for n in range(1, 5)],
        "barrier_ev": [0.2 + 0.1 * n for n in range(12)],
        "host_system": [f"Mn-O {n % 4}" for n in range(12)],
        "ion": [ion for ion in ("Li", "Na", "Mg") for _ in range(4)],
    }
)


def make_table(n: int = 24) -> pd.DataFrame:
    """Compositions of two per paper; the first two are those of scores."""
    scores = load_scores(SAMPLES / "ionnet").frame["formula"]
    formulas = [
        *scores[:2],
        *(f"Li{1 + number % 5}{('Ge', 'Sn')[number % 2]}S{2 + number % 3}" for number in range(n - 2)),
    ]
    rows = pd.DataFrame({"line": range(1, n + 1), "composition": formulas, "split": "train"})
    return rows.assign(a=np.arange(n) % 7, y=np.arange(n) / 3, paper=[f"p{number // 2}" for number in range(n)])


def test_scores_that_are_none_are_left_out_with_the_reason() -> None:
    rows = load_scores(SAMPLES / "ionnet")
    assert rows.n_in == 24
    assert [(fault["line"], fault["found"]) for fault in rows.dropped] == [(5, "1.5"), (10, "Li2Xx")]
    assert rows.frame["superionic_score"].between(0, 1).all()


def test_what_is_learned_from_a_set_is_found_in_other_systems_and_depends_on_the_ion() -> None:
    metals, anions = ("P", "Ge", "Sn", "Al", "Zr", "Ti", "Si", "Nb"), ("O", "S", "Cl")
    formulas = [f"Li{n}{metal}{anion}4" for metal in metals for anion in anions for n in range(1, 6)]
    amount = np.array([float(formula[2]) for formula in formulas])
    systems = [formula[0:2] + formula[3:] for formula in formulas]
    said, skill = learn_set(ComputedSet("e_form", formulas, -amount, systems), ["Li5TaO4", "Li1TaO4"], 0)
    assert skill["r2"] > 0.8
    assert said[0] < -4 < -2 < said[1]
    ions = ["Li" if n % 2 else "Mg" for n in range(len(formulas))]
    slow = np.array([1.0 if ion == "Mg" else 0.0 for ion in ions])
    said, _ = learn_set(ComputedSet(BARRIER, formulas, slow, systems, ions), formulas, 0)
    # predicted for lithium, whatever ion moved in the composition that was learned from
    assert said.mean() < 0.15


def test_each_candidate_has_its_own_columns_and_the_shuffled_ones_are_of_other_rows() -> None:
    rows = make_table()
    known = pd.DataFrame({name: np.arange(24) + 100.0 * k for k, name in enumerate(PROPERTIES)}, index=rows["line"])
    problem = make_problem(rows, {}, "all", Inputs((FEATURE,)), TARGET, SETTINGS["table"])
    frames = {name: extended.frame for name, model, extended in extend_problems(problem, known, 3) if model == "blend"}
    assert list(frames) == list(CANDIDATES)
    for name, frame in frames.items():
        assert list(frame.columns) == ["a", *(f"computed: {column}" for column in ADDED[name])]
    assert not any(SCORE in column for name in (COMPUTED, SHUFFLED) for column in frames[name].columns)
    plain, shuffled = (frames[name].filter(like="computed").to_numpy() for name in (COMPUTED, SHUFFLED))
    np.testing.assert_array_equal(plain[:, 0], np.arange(24))
    assert (plain[:, 0] != shuffled[:, 0]).mean() > 0.5
    # rows are shuffled as a whole
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), plain)
    np.testing.assert_array_equal(shuffled[:, 1] - shuffled[:, 0], np.full(24, 100.0))


def test_the_stages_learn_compare_and_gather(tmp_path: Path) -> None:
    table = make_table()
    hidden = (
        make_table(26)
        .iloc[24:]
        .assign(split="test", composition=load_scores(SAMPLES / "ionnet").frame["formula"].iloc[5])
    )
    write_parquet(tmp_path / "table.parquet", pd.concat([table, hidden], ignore_index=True))
    write_parquet(tmp_path / "barriers.parquet", PATHS)
    sources = [SAMPLES / name / "receipt.json" for name in ("mp_compositions", "ionnet")]
    files = tmp_path / "known.csv", tmp_path / "learned.json"
    settings = ComputedSettings.model_validate({"computed_sets": {"formula": "composition"}, "seed": 1})
    learn_computed_sets(tmp_path / "table.parquet", sources, tmp_path / "barriers.parquet", *files, settings)
    known, learned = read_frame(files[0]), read_json(files[1])
    assert known["line"].tolist() == table["line"].tolist()  # the official test stays closed
    assert known[list(PROPERTIES)].notna().all(axis=None)
    assert [one["property"] for one in learned["properties"]] == list(PROPERTIES)
    keys = load_scores(SAMPLES / "ionnet").frame["composition_key"]
    measured = {make_composition_key(text) for text in (*table["composition"], *hidden["composition"])}
    assert learned["scores_left_out"] == keys.isin(measured).sum() >= 3
    chosen = MethodSettings.model_validate(SETTINGS)
    parts, times = [], []
    for partition in ("1", "2"):
        target = tmp_path / f"{partition}.parquet", tmp_path / f"{partition}.json"
        compare_computed_sets(tmp_path / "table.parquet", files[0], *target, partition, chosen)
        parts.append(target[0])
        times.append(target[1])
    gain = GainSettings.model_validate({name: SETTINGS[name] for name in GainSettings.model_fields})
    out = tmp_path / "gains.csv", tmp_path / "report.json"
    gather_computed_sets(parts, times, *files, *out, gain)
    scores = pd.read_csv(out[0], index_col="candidate")
    assert list(scores.index) == list(CANDIDATES)
    first = np.abs(read_frame(parts[0])["blend"] - table["y"]).mean()
    second = np.abs(read_frame(parts[1])["blend"] - table["y"]).mean()
    assert scores.loc["blend", "mae"] == pytest.approx((first + second) / 2)
    report = read_json(out[1])
    assert report["verdict"] == scores.loc[COMPUTED, "verdict"]
    assert report["verdict_superionic_score"] == scores.loc[WITH_SCORE, "verdict"]
    assert set(report["rank_correlation_with_observed"]) == set(PROPERTIES)
    write_parquet(parts[1], read_frame(parts[1]).iloc[::-1])
    with pytest.raises(DamagedFileError, match=r"2\.parquet: its rows are not those of 1\.parquet"):
        gather_computed_sets(parts, times, *files, *out, gain)
    write_csv(files[0], pd.DataFrame({"line": [1]}))
    with pytest.raises(DamagedFileError, match="lacks the column 'e_form'"):
        compare_computed_sets(tmp_path / "table.parquet", files[0], *target, "1", chosen)
