"""Studies of formulas: groups, campaigns over lists, screens in which each descriptor has its own column."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from batterymi.cli.main import main
from batterymi.config.descriptor_page import PAGE, write_descriptor_page
from batterymi.config.formula_study import choose_descriptors
from batterymi.config.load import load_study
from batterymi.config.slices.campaign import DesignSettings
from batterymi.config.slices.data import TableSettings
from batterymi.config.slices.screening import ListingSettings, ScoringSettings
from batterymi.config.slices.training import TrainingSettings
from batterymi.config.study import Study
from batterymi.data.designs import read_pool
from batterymi.data.table import CheckedTable, load_table
from batterymi.errors import ConfigError, TableError
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_json
from batterymi.optimise.campaigns.ledger_lines import Batch, Suggestion
from batterymi.optimise.campaigns.matched_results import compare_suggestions
from batterymi.optimise.campaigns.next_batch import make_search, propose_batch, replay_rows
from batterymi.screening.sources import CandidateColumns, check_candidate_file
from batterymi.stages.list_candidates import list_candidates
from batterymi.stages.prepare_table import prepare_table
from batterymi.stages.score_candidates import score_candidates
from batterymi.stages.train_surrogate import SurrogateFiles, train_surrogate
from batterymi.surrogates.problem import label_joint_groups
from batterymi.surrogates.store import find_stored

ROOT = Path(__file__).resolve().parents[1]
ZOO = """composition,x,sigma
"Li6.4La3Zr1.4Ta0.6O12",,9.0e-4
"Li₇La₃Zr₂O₁₂",,3.1e-4
"Li7-xLa3Zr2-xTaxO12",0.4,7.5e-4
"Li7−xLa3Zr2−xTaxO12 (x = 0.25)",,4.4e-4
"(Li6.25Al0.25)La3Zr2O12",,4.0e-4
"Li6.25Al0.25La3Zr2O12",,3.6e-4
"Li1.3Al0.3Ti1.7(PO4)3",,5.0e-4
"LATP (Li1.3Al0.3Ti1.7P3O12)",,4.5e-4
"Li6PS5Cl",,2.1e-3
"0.75Li2S-0.25P2S5",,2.5e-4
"Li3PS4 (75Li2S·25P2S5 glass)",,2.2e-4
"LiOH·H2O",,1.0e-9
"Li10Ge(PS6)2",,9.8e-3
"Li10GeP2S12",,1.2e-2
"[Li3YCl6]",,5.1e-4
"Li3Y1Cl6",,4.8e-4
"li3incl6",,1.5e-3
"Li2ZrCl6 + 5wt% LiI",,6.0e-4
"Li6.4La3Zr1.4Ta0.6012",,8.7e-4
"""
SAME = [(6, 7), (8, 9), (11, 12), (14, 15), (16, 17)]  # lines of one compound
OBJECTIVE = {"name": "sigma", "label": "Conductivity", "unit": "S/cm", "goal": "maximise"}
POOL = """id,composition,temperature_c
known,Li10Ge(PS6)2,25
hot,Li10Ge(PS6)2,60
doped,"Li7-xLa3Zr2-xTaxO12 (x = 0.2)",25
twice,Li3ErCl6,25
again,Li3Er1Cl6,25
salt,0.7Li3YCl6-0.3Li3InCl6,25
"""


def study_of(folder: Path, cells: str = ZOO, **changes: Any) -> Study:
    """Write a study of formulas and its table; return it as loaded."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/own.csv").write_text(cells, encoding="utf-8")
    content = {
        "title": "Formulas",
        "edition": "own",
        "table": {"file": "data/own.csv", "formula_column": "composition", "bad_rows": "drop"},
        "objectives": [OBJECTIVE],
        "surrogate": {"models": ["dummy", "ridge"], "folds": 3, "permutations": 19, "bootstraps": 100},
        "campaign": {"mode": "replay", "initial": 3, "budget": 8, "seeds": 2},
    }
    (folder / "config/studies").mkdir(parents=True, exist_ok=True)
    path = folder / "config/studies/own.yaml"
    path.write_text(yaml.safe_dump(content | changes, allow_unicode=True), encoding="utf-8")
    return load_study(path)


def load_rows(study: Study) -> CheckedTable:
    """Return the checked table of a study."""
    return load_table(TableSettings.take_from(study, path=study.table.file, dataset=None))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_column_of_formulas_makes_a_study_with_descriptors_and_compounds_as_groups(here: Path) -> None:
    study = study_of(here)
    assert [descriptor.function for descriptor in study.descriptors] == ["magpie", "element_fractions"]
    assert study.table.group == "composition"
    named = study_of(here, table={"file": "data/own.csv", "formula_column": "composition", "group": None})
    assert named.table.group is None
    few, many = choose_descriptors("f", 50), choose_descriptors("f", 5000)
    assert [entry["function"] for entry in few.values()] == ["magpie", "element_fractions"]
    assert [entry["function"] for entry in many.values()] == ["element_fractions"]
    assert all(reason for reason in (*few, *many))


def test_a_table_keeps_plain_formulas_and_says_what_it_understood_or_left_out(here: Path) -> None:
    loaded = load_rows(study_of(here))
    rows = loaded.rows.set_index("line")
    assert rows["composition"][4] == "Li6.6La3Zr1.6Ta0.4O12"
    assert {fault["line"] for fault in loaded.dropped} == {20}
    assert "write Li6.4La3Zr1.4Ta0.6O12" in loaded.dropped[0]["reason"]
    understood = {entry["line"]: entry["reason"] for entry in loaded.formulas.understood}
    assert set(understood) == {3, 4, 5, 9, 11, 12, 13, 18, 19}
    assert understood[4] == "Li6.6La3Zr1.6Ta0.4O12 (x = 0.4)"
    assert "wt% of the whole mass" in understood[19]
    groups = dict(zip(rows.index, label_joint_groups(loaded.rows, ["composition"]), strict=True))
    for first, second in SAME:
        assert groups[first] == groups[second]
    assert len(set(groups.values())) == len(groups) - len(SAME)


def test_one_compound_in_two_notations_with_one_result_is_a_duplicate(here: Path) -> None:
    table = "composition,sigma\nLi10Ge(PS6)2,1\nLi10GeP2S12,1\nLi2O,2\nLiF,3\nLiCl,4\n"
    with pytest.raises(TableError, match=r"line 3: .*a copy of line 2"):
        load_rows(study_of(here, table, table={"file": "data/own.csv", "formula_column": "composition"}))


def test_check_prints_what_was_understood(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy_settings(here)
    study_of(here)
    assert main(["check", "own"]) == 0
    said = capsys.readouterr().out
    assert "line 4: composition: 'Li7-xLa3Zr2-xTaxO12' is read as Li6.6La3Zr1.6Ta0.4O12 (x = 0.4)" in said
    assert "line 20: composition" in said


def copy_settings(folder: Path) -> None:
    """Copy the settings that commands read beside studies."""
    (folder / "config").mkdir(exist_ok=True)
    for name in ("config.yaml", "datasets.yaml", "arena.yaml"):
        (folder / "config" / name).write_bytes((ROOT / "config" / name).read_bytes())


def pool_study(folder: Path) -> Study:
    """Return a campaign over a list of formulas at temperatures."""
    rows = [line.rsplit(",", 2) for line in ZOO.splitlines()[1:-1]]
    own = "suggestion,id,composition,x,temperature_c,sigma\n"
    own += "".join(f",s{n},{cell},{x},{25 + 10 * (n % 2 == 0)},{sigma}\n" for n, (cell, x, sigma) in enumerate(rows))
    own += ",s99,Li10GeP2S12,,25,1.1e-2\n"
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/pool.csv").write_text(POOL, encoding="utf-8")
    return study_of(
        folder,
        own,
        features=[{"name": "temperature_c", "label": "Temperature", "unit": "°C"}],
        descriptors=[
            {"name": "m", "function": "magpie", "label": "Magpie", "columns": {"formula": "composition"}},
        ],
        campaign={"mode": "experiment", "pool": "data/pool.csv", "suggestions": 3, "seeds": 2},
    )


def test_a_campaign_suggests_listed_formulas_that_are_not_measured_and_names_their_rows(here: Path) -> None:
    study = pool_study(here)
    settings, rows = DesignSettings.take_from(study), load_rows(study).rows
    pool = read_pool(Path("data/pool.csv"), settings)
    assert len(pool) == 5  # a compound that is listed twice is one candidate
    for engine in ("gaussian_process", "random", "sobol"):
        search = make_search(settings, rows, pool)
        proposed = propose_batch(search, rows, engine, 10, 3)
        # Li10GeP2S12 at 25 °C is measured, in another notation
        assert sorted(proposed["candidate"]) == ["doped", "hot", "salt", "twice"]
        called = proposed.set_index("candidate")
        assert called.loc["doped", "composition"] == "Li6.8La3Zr1.8Ta0.2O12"
        assert called.loc["hot", "temperature_c"] == 60
        assert proposed["why"].str.len().min() > 5
    again = propose_batch(make_search(settings, rows, pool), rows, "gaussian_process", 2, 3)
    pd.testing.assert_frame_equal(
        again, propose_batch(make_search(settings, rows, pool), rows, "gaussian_process", 2, 3)
    )
    history, comparison = replay_rows(make_search(settings, rows, pool), rows, study.campaign, 0)  # type: ignore[arg-type]
    assert comparison is not None
    assert len(history)


def test_results_are_matched_by_composition_however_it_is_written(here: Path) -> None:
    study = pool_study(here)
    settings, rows = DesignSettings.take_from(study), load_rows(study).rows
    space = make_search(settings, rows, read_pool(Path("data/pool.csv"), settings)).space
    design = {"composition": "Li10Ge(PS6)2", "temperature_c": 60.0}
    batch = Batch(1, "k", len(rows), (Suggestion("b1-01", design, {"sigma": [0.01, 0.0, 0.02]}),), frozenset())
    measured = rows.iloc[[0]].assign(composition="Li10GeP2S12", temperature_c=60.0, sigma=0.015, line=99)
    found = compare_suggestions([batch], pd.concat([rows, measured], ignore_index=True), space, study.objectives, 2)
    assert found[["status", "measured", "line"]].values.tolist() == [["measured", 0.015, "99"]]


def test_suggested_formulas_are_appended_and_then_pending(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy_settings(here)
    pool_study(here)
    assert main(["suggest", "own", "-n", "2", "--append", "--csv", "new.csv"]) == 0
    assert "data/pool.csv: " in capsys.readouterr().out
    new = pd.read_csv("new.csv", dtype=str, keep_default_na=False)
    assert set(new["id"]) <= {"hot", "doped", "salt", "twice"}
    assert set(new["sigma"]) == {"pending"}
    assert main(["suggest", "own", "-n", "9"]) == 0
    said = capsys.readouterr().out
    assert "2 pending" in said
    assert not any(f"composition {formula} " in said for formula in new["composition"])
    assert main(["check", "own"]) == 0
    assert "5 candidates in data/pool.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ("composition\nLi2O\n", "the header lacks 'temperature_c'"),
        ("formula,temperature_c\nLi2O,25\n", "the header lacks 'composition'"),
        ("composition,temperature_c\nLLZO,25\nLi2O,25\n", "line 2: composition: found 'LLZO': it is a name"),
        ("composition,temperature_c\n,25\nLi2O,25\n", "line 2: composition: found '': no formula"),
    ],
)
def test_a_list_of_formulas_that_cannot_be_used_is_refused_by_line(here: Path, pool: str, message: str) -> None:
    study = pool_study(here)
    Path("data/pool.csv").write_text(pool)
    with pytest.raises(TableError, match=message):
        read_pool(Path("data/pool.csv"), DesignSettings.take_from(study))


def test_descriptors_in_a_campaign_need_a_list(here: Path) -> None:
    with pytest.raises(ConfigError, match="`mode: experiment` with a `pool`"):
        study_of(here, campaign={"mode": "experiment"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"campaign": {"mode": "experiment", "pool": "p.csv", "engine": "scikit-optimize"}}, "knows no descriptors"),
        (
            {
                "campaign": {"mode": "experiment", "pool": "p.csv"},
                "reference_designs": [{"name": "a", "values": {}}],
            },
            "they hold no formulas",
        ),
    ],
)
def test_what_lists_of_formulas_do_not_support_is_refused(here: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study_of(here, **changes)


METALS = {"Ti": 22, "V": 23, "Cr": 24, "Mn": 25, "Fe": 26, "Co": 27, "Ni": 28}
PAIRS = [
    (f"{ion}{metal}{anion}2", f"{metal}{anion}2", shift + number / 10)
    for metal, number in METALS.items()
    for ion, anion, shift in (("Li", "O", 1.0), ("Na", "O", 0.6), ("Li", "S", 0.1))
]


def electrode_study(folder: Path, source: str = "data/list.csv") -> Study:
    """Return a study with a descriptor on each of two columns of formulas, and a screen."""
    table = "discharged,charged,temperature_c,sigma\n"
    table += "".join(f"{full},{empty},{20 + n},{value}\n" for n, (full, empty, value) in enumerate(PAIRS))
    return study_of(
        folder,
        table,
        table={"file": "data/own.csv"},
        features=[{"name": "temperature_c", "label": "T", "unit": "°C"}],
        descriptors=[
            {"name": "full", "function": "magpie", "label": "Full", "columns": {"formula": "discharged"}},
            {"name": "empty", "function": "magpie", "label": "Empty", "columns": {"formula": "charged"}},
        ],
        screen={"source": {"name": "file", "file": source}, "best": 5},
    )


def test_a_screen_over_the_rows_of_the_table_predicts_what_the_model_predicts(here: Path) -> None:
    study = electrode_study(here)
    prepare_table(
        here / "table.parquet", here / "report.json", TableSettings.take_from(study, path="data/own.csv", dataset=None)
    )
    rows = pd.read_parquet("table.parquet")
    names = ("metrics.csv", "predictions.parquet", "importances.csv", "validation.json", "model.skops", "card.md")
    files = SurrogateFiles(*(here / name for name in names))
    train_surrogate(here / "table.parquet", here / "report.json", files, TrainingSettings.take_from(study))
    # candidates in another order of columns, and one in another notation
    listed = rows[["temperature_c", "charged", "discharged"]].iloc[::-1].reset_index(drop=True)
    listed.loc[0, "charged"] = "Ni₁S₂"
    listed.to_csv("data/list.csv", index=False)
    list_candidates(here / "data/list.csv", [here / "1.parquet"], here / "l.json", ListingSettings.take_from(study))
    shard = (here / "1.parquet", here / "table.parquet", files.model, files.predictions)
    score_candidates(
        *shard, here / "scored.parquet", here / "scored.json", ScoringSettings.take_from(study, stability=None)
    )
    scored = pd.read_parquet("scored.parquet")
    mean, _ = find_stored(files.model, "all_features", "sigma").predict(rows)
    assert np.std(mean) > 0.1
    np.testing.assert_allclose(scored["predicted"].to_numpy()[::-1], mean, rtol=0, atol=1e-9)
    assert scored["formula"].tolist()[::-1] == rows["discharged"].tolist()
    assert read_json(here / "l.json")["listed"] == len(rows)


def test_a_screen_names_the_columns_that_candidates_lack(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy_settings(here)
    study = electrode_study(here)
    Path("data/list.csv").write_text("discharged,temperature_c\nLiCoO2,25\n")
    with pytest.raises(TableError, match=r"data/list.csv: the columns charged are missing"):
        check_candidate_file(Path("data/list.csv"), CandidateColumns.of_settings(ListingSettings.take_from(study)))
    assert main(["check", "own"]) == 1
    assert "data/list.csv: the columns charged are missing" in capsys.readouterr().err


def test_a_source_of_single_formulas_is_refused_for_a_model_of_two(here: Path) -> None:
    study = electrode_study(here)
    content = study.model_dump() | {"screen": {"source": {"name": "mp_compositions"}}, "features": ()}
    with pytest.raises(ValueError, match=r"'formula' \(charged\) candidates of mp_compositions do not have"):
        Study.model_validate(content)


def test_each_descriptor_reads_its_own_column(here: Path) -> None:
    study = electrode_study(here)
    rows = load_rows(study).rows
    computed = compute_descriptors(rows, study.descriptors)
    assert not np.allclose(computed["full"].to_numpy(), computed["empty"].to_numpy())


def test_the_page_of_descriptors_is_current() -> None:
    os.chdir(ROOT)
    assert (ROOT / PAGE).read_text(encoding="utf-8") == write_descriptor_page(), "run 'make docs'"
