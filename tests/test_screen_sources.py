"""Where candidates of a screen come from, and settings of screens that are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, ROOT

from batterymi.config.screen import CompositionsSource, EnumerationSource, FileSource, Screen
from batterymi.config.study import Study
from batterymi.data.fetch import fetch_files
from batterymi.data.loaders.mp_compositions import DECOMPOSITION, FORMATION, GAP, HULL, load_compositions
from batterymi.errors import TableError
from batterymi.features.formulas import parse_formulas
from batterymi.screening.enumeration import enumerate_compositions

TARGET = {"name": "y", "label": "y", "unit": "1", "goal": "maximise"}


def test_enumeration_gives_what_smact_gives() -> None:
    from smact import Element
    from smact.screening import smact_filter

    for symbols in (("Li", "P", "S"), ("Li", "Fe", "O"), ("Li", "Cl"), ("Li", "Ge", "P", "S")):
        size, largest = len(symbols), 4 if len(symbols) == 4 else 8
        source = EnumerationSource(
            name="enumeration", elements=symbols, always=symbols, sizes=(size,), largest_amount=largest
        )
        ours = [formula for part in enumerate_compositions(source) for formula in part]
        theirs = smact_filter([Element(one) for one in symbols], threshold=largest, species_unique=False)
        amounts = {tuple(ratio[names.index(one)] for one in symbols) for names, ratio in theirs}
        parsed = parse_formulas(ours)
        found = set(zip(*(parsed.count_atoms(one).astype(int).tolist() for one in symbols), strict=True))
        assert found == amounts
        assert len(ours) == len(found) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gates": [{"label": "a", "expression": "hull < 1"}]}, "there is no 'hull'"),
        ({"gates": [{"label": "a", "without": ["Lx"]}]}, "there is no element 'Lx'"),
        ({"gates": [{"label": "a"}]}, "exactly one of expression, without and with_any"),
        (
            {"source": {"name": "file", "file": "x.csv"}, "gates": [{"label": "a", "expression": "position < 1"}]},
            "'position' is a column of the screen itself; rename it in x.csv",
        ),
        (
            {
                "source": {"name": "file", "file": "x.csv", "formula_column": "salt"},
                "gates": [{"label": "a", "expression": "salt < 1"}],
            },
            "'salt' is a column of the screen itself",
        ),
        ({"source": {"name": "file", "file": "../x.csv"}}, "leaves the workflow's folder"),
        ({"source": {"name": "file", "file": "x.txt"}}, "neither in .csv nor in .parquet"),
        ({"source": {"name": "enumeration", "elements": ["Na", "O"]}}, "'Li' is not among elements"),
        (
            {"source": {"name": "enumeration", "elements": ["Li", "O"], "sizes": [5], "largest_amount": 20}},
            "3,200,000 ratios",
        ),
    ],
)
def test_wrong_settings_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Screen.model_validate({"source": {"name": "mp_compositions"}} | change)


@pytest.mark.parametrize("name", ["passed", "predicted", "novel", "rank", "salt"])
def test_features_of_a_screen_called_like_its_own_columns_are_refused(name: str) -> None:
    content = {
        "title": "A study",
        "edition": "own",
        "table": {"file": "x.csv"},
        "features": [{"name": name, "label": "x", "unit": "1", "bounds": [0, 1]}],
        "objectives": [TARGET],
        "campaign": {"mode": "search", "evaluator": {"name": "surrogate"}},
    }
    Study.model_validate(content)
    screen = {"source": {"name": "file", "file": "x.csv", "formula_column": "salt"}}
    with pytest.raises(ValueError, match=f"the feature '{name}' has the name of a column that the screen adds"):
        Study.model_validate(content | {"screen": screen})


def test_an_element_that_smact_does_not_know_is_named() -> None:
    source = EnumerationSource(name="enumeration", elements=("Li", "Og"), sizes=(2,))
    with pytest.raises(TableError, match=r"SMACT has no .* of Og; leave it out"):
        list(enumerate_compositions(source))


def test_compositions_are_reduced_joined_and_bounded(tmp_path: Path) -> None:
    for name in (*DECOMPOSITION, *FORMATION, *HULL, *GAP):
        (tmp_path / name).write_text("formula,target\nNaN,1\n")
    (tmp_path / DECOMPOSITION[0]).write_text("formula,target\nLi4S2,-0.2\nLiS,0.3\nNaLi,0.1\nBeO,0\n")
    (tmp_path / HULL[0]).write_text("formula,target\nLi2S1,0.5\nLiCl,0.02\n")
    (tmp_path / GAP[0]).write_text("formula,target\nLi2S,3.5\nLi2S,1.5\nLi4S2,2.0\n")
    frame = load_compositions(tmp_path, "Li").set_index("formula")
    assert len(frame) == 4
    assert {"Li2S", "LiCl"} < set(frame.index)
    assert frame.loc["Li2S", "e_above_hull"] == 0
    assert frame.loc["Li2S", "hull_from"] == "Bartel et al."
    assert frame.loc["LiCl", ["e_above_hull", "hull_from"]].tolist() == [0.02, "CrabNet"]
    assert frame.loc["Li2S", ["gap_min", "gap_median", "gap_max"]].tolist() == [1.5, 2.0, 3.5]
    assert np.isnan(frame.loc["LiCl", "gap_median"])


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
def test_the_lithium_compositions_are_those_counted_elsewhere(tmp_path: Path) -> None:
    from batterymi.config.load import load_datasets

    entry = load_datasets(ROOT / "config" / "datasets.yaml")["mp_compositions"]
    fetch_files(tmp_path, "mp_compositions", entry.files, str(MIRROR))
    frame = load_compositions(tmp_path, "Li")
    near = frame["e_above_hull"] < 0.1
    assert len(frame) == 9190
    assert frame["e_above_hull"].notna().sum() == 8919
    assert near.sum() == 7789
    assert (near & frame["gap_median"].notna()).sum() == 7770
    assert (near & (frame["gap_median"] > 1)).sum() == 3738
    expected = pd.read_csv(MIRROR / "mp_compositions" / "li_compositions.csv.gz", keep_default_na=False, na_values=[""])
    joined = frame.merge(expected, on="formula", suffixes=("", "_expected"))
    np.testing.assert_allclose(joined["e_above_hull"], joined["e_above_hull_expected"], atol=1e-9)
    np.testing.assert_allclose(joined["gap_max"], joined["gap_max_expected"], atol=1e-9)


def test_sources_keep_their_settings() -> None:
    assert CompositionsSource(name="mp_compositions").dataset == "mp_compositions"
    assert FileSource(name="file", file="a.csv").dataset is None
