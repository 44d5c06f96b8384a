"""Screens of candidates: the fast answers are the slow ones, shards change nothing, gates count everyone."""

import json
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Objective
from batterymi.config.screen import EnumerationSource, Gate, Screen
from batterymi.config.slices.screening import FunnelSettings, GatheringSettings, ListingSettings, ScoringSettings
from batterymi.errors import TableError
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.formulas import parse_formulas
from batterymi.figures.screen import draw_screen
from batterymi.files import write_json
from batterymi.screening import sources
from batterymi.screening.best import identify_compositions, merge_best
from batterymi.screening.enumeration import enumerate_compositions
from batterymi.screening.gates import Funnel, find_undecided, pass_gates, split_gates
from batterymi.screening.scorer import Scorer
from batterymi.stages.gather_screen import ScreenFiles, ShardFiles, gather_screen
from batterymi.stages.list_candidates import list_candidates
from batterymi.stages.plot_screen import plot_screen
from batterymi.stages.score_candidates import score_candidates
from batterymi.surrogates.model import Options, make_model
from batterymi.surrogates.store import StoredModel, save_models
from batterymi.surrogates.widening import make_no_widening

DESCRIPTORS: list[dict[str, Any]] = [
    {"name": "magpie", "function": "magpie", "label": "Magpie", "columns": {"formula": "composition"}},
    {"name": "elements", "function": "element_fractions", "label": "Elements", "columns": {"formula": "composition"}},
]
LITHIUM = EnumerationSource(
    name="enumeration", elements=("Li", "Na", "P", "Si", "Ge", "S", "Cl", "Br", "O"), sizes=(3, 4), largest_amount=6
)
SCREEN: dict[str, Any] = {
    "source": {"name": "file", "file": "candidates.csv"},
    "variant": "all_features",
    "gates": [
        {"label": "stable", "expression": "hull < 0.1"},
        {"label": "no germanium", "without": ["Ge"]},
        {"label": "new", "expression": "novel >= 1"},
        {"label": "good", "expression": "predicted >= -1"},
    ],
    "best": 12,
}
TARGET = {"name": "y", "label": "y", "unit": "1", "goal": "maximise"}


def listing(features: list[str] | None = None, **screen: Any) -> ListingSettings:
    """Settings of the first stage."""
    return ListingSettings.model_validate({"screen": SCREEN | screen, "screened_features": features or []})


def scoring(features: list[str] | None = None, **screen: Any) -> ScoringSettings:
    """Settings of the second."""
    of_model = {"target_name": "y", "formula_columns": ["composition"], "screened_features": features or []}
    return ScoringSettings.model_validate({"screen": SCREEN | screen, **of_model})


def gathering(features: list[str] | None = None, **screen: Any) -> GatheringSettings:
    """Settings of the third."""
    of_model = {"target": TARGET, "formula_columns": ["composition"], "screened_features": features or []}
    return GatheringSettings.model_validate({"screen": SCREEN | screen, **of_model})


def some_formulas(n: int, seed: int = 0) -> list[str]:
    """Formulas drawn from an enumeration, each once."""
    every = [formula for part in enumerate_compositions(LITHIUM) for formula in part]
    return list(np.random.default_rng(seed).choice(every, n, replace=False))


def stored_model(name: str, n_rows: int = 60, **fields: Any) -> tuple[StoredModel, pd.DataFrame]:
    """A model of that name, and the rows that it learned from."""
    rows = pd.DataFrame({"composition": some_formulas(n_rows, 1), "split": "train"})
    rows["hull"] = np.random.default_rng(3).uniform(0, 0.2, n_rows)
    from batterymi.config.parts import Descriptor

    frame = pd.concat(compute_descriptors(rows, [Descriptor(**d) for d in DESCRIPTORS]).values(), axis=1)
    observed = frame.iloc[:, 5].to_numpy(float) / 10 + np.random.default_rng(2).normal(size=n_rows)
    frame = pd.concat([rows[fields.get("features", [])], frame], axis=1)
    fitted = make_model(name, Options(3, 20, local_spread=True), {}).fit([], frame, observed)
    kinds = {"variant": "all_features", "objective": "y", "features": [], "categories": []}
    settings_ = {"descriptors": DESCRIPTORS, "half_width_per_spread": 2.0, "widening": make_no_widening()}
    return StoredModel(fitted=fitted, **(kinds | settings_ | fields)), rows.assign(y=observed)


def test_a_composition_is_new_whatever_its_other_numbers() -> None:
    stored, rows = stored_model("extra_trees", features=["hull"])
    asked = pd.DataFrame({"composition": [*some_formulas(5, 5), rows["composition"].iloc[7]], "hull": 0.15})
    asked = asked[~asked["composition"].iloc[:5].isin(rows["composition"]).reindex(asked.index, fill_value=False)]
    for scorer in (Scorer(stored, rows.iloc[:50], rows.iloc[50:]), Scorer(stored, rows.iloc[50:], rows.iloc[:50])):
        assert scorer.predict(asked).novel.tolist() == [True] * (len(asked) - 1) + [False]


def screen_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, n_shards: int, name: str = "extra_trees", **changes: Any
) -> Path:
    """Run all stages of a screen of 900 candidates in small blocks."""
    monkeypatch.setattr(sources, "BLOCK", 64)
    monkeypatch.chdir(folder)
    features = changes.pop("features", [])
    stored, rows = stored_model(name, features=features)
    rng = np.random.default_rng(4)
    listed = pd.DataFrame({"formula": some_formulas(900, 6), "hull": rng.uniform(0, 0.2, 900)})
    listed.loc[listed.index % 90 == 0, "hull"] = np.nan
    listed.to_csv("candidates.csv", index=False)
    rows.to_parquet("table.parquet")
    save_models("model.skops", [stored])
    pd.DataFrame(
        {"variant": "all_features", "objective": "y", "best": True, "partition": 1, "distance": np.linspace(0, 2, 50)}
    ).to_parquet("predictions.parquet")
    metrics = {"variant": "all_features", "objective": "y", "selected": True, "model": name, "verdict": "?", "q2": 0.1}
    pd.DataFrame([metrics | {"mae": 0.5}]).to_csv("metrics.csv", index=False)
    out = folder / f"shards_{n_shards}"
    shards, scored = ([out / f"{kind}{i}.parquet" for i in range(n_shards)] for kind in ("", "s"))
    reports = [path.with_suffix(".json") for path in scored]
    list_candidates(None, shards, out / "listing.json", listing(features, **changes))
    known = (Path("table.parquet"), Path("model.skops"), Path("predictions.parquet"))
    for shard, *made in zip(shards, scored, reports, strict=True):
        score_candidates(shard, *known, *made, scoring(features, **changes))
    files = (out / "listing.json", Path("table.parquet"), Path("metrics.csv"))
    made_files = ScreenFiles(out / "top.csv", out / "unknown.csv", out / "report.json")
    gather_screen(ShardFiles(scored, reports), *files, made_files, gathering(features, **changes))
    return out


@pytest.mark.parametrize("name", ["extra_trees", "gaussian_process"])
def test_the_number_of_shards_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = []
    for n_shards in (1, 2, 5, 20):
        out = screen_in(tmp_path, monkeypatch, n_shards, name)
        found.append((out / "top.csv").read_bytes() + (out / "report.json").read_bytes())
    assert len(set(found)) == 1
    report = json.loads((out / "report.json").read_text())
    stable, no_germanium, new, _ = report["funnel"]
    assert report["candidates"] == stable["entered"] == 900
    assert stable["unknown"] == 10
    assert stable["passed"] == no_germanium["entered"] > no_germanium["passed"] == report["scored"] == new["entered"]
    top = pd.read_csv(out / "top.csv")
    assert len(top) == 12
    assert top["predicted"].is_monotonic_decreasing
    assert not top["formula"].str.contains("Ge").any()
    assert (top["atoms_exchanged"] > 0).all()


def test_memory_goes_with_the_block_and_not_with_the_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen_in(tmp_path, monkeypatch, 1)
    peaks = []
    for n_blocks in (4, 40):
        n = 64 * n_blocks
        listed = pd.DataFrame({"formula": some_formulas(n, 6), "hull": 0.0, "position": np.arange(n)})
        listed.to_parquet("shard.parquet", row_group_size=64, index=False)
        for traced in (False, True):  # the first time, caches fill
            if traced:
                tracemalloc.start()
            names = ("shard.parquet", "table.parquet", "model.skops", "predictions.parquet", "s.parquet", "s.json")
            score_candidates(*map(Path, names), settings=scoring())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert json.loads(Path("s.json").read_text())["listed"] == n
    assert peaks[1] < 1.1 * peaks[0], peaks


def as_written(salt: int, units: int) -> str:
    """One of six compositions, in one of three ways."""
    return (f"Li{salt + 1}S", f"S2Li{2 * salt + 2}", f"(Li{salt + 1}S)0.5")[units]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans()), min_size=1, max_size=80),
    st.integers(1, 9),
    st.sampled_from(["minimise", "maximise", "target"]),
    st.sampled_from(["predicted", "probability_beyond"]),
)
@example([(1, 0, True), (4, 0, True)], 5, "target", "predicted")
@example([(1, 0, True), (4, 0, True), (2, 0, True)], 2, "maximise", "probability_beyond")
@settings(max_examples=60)
def test_the_merged_best_are_the_best_of_all_each_composition_once(
    rows: list[tuple[int, int, bool]], n_best: int, goal: str, order_by: str
) -> None:
    order_by = "predicted" if goal == "target" else order_by
    target = Objective.model_validate(TARGET | {"goal": goal, "target": 1 if goal == "target" else None})
    frame = pd.DataFrame(rows, columns=["salt", "units", "passed"])
    frame["formula"] = [as_written(salt, units) for salt, units, _ in rows]
    frame = frame.assign(position=range(len(rows)), inside=True)
    frame["predicted"] = frame["salt"] % 3 + 0.0  # many ties; a composition always has the same prediction
    frame["sure"] = frame["salt"] % 2 + 0.5 if goal == "target" else 0.0
    frame = frame.assign(lower_95=1 - frame["sure"], upper_95=1 + frame["sure"])
    # the spreads differ, so that the order by probability is another one
    frame["probability_beyond"] = (frame["salt"] % 4) / 4
    frame["undecided"] = frame["salt"] % 5 == 0
    times = goal != "target" and order_by == "predicted" and n_best % 2 == 0
    frame["gap_max"] = 1.0 + frame["salt"] % 2
    product = {"times": "gap_max", "label": "a product"} if times else {}
    screen = Screen(source={"name": "mp_compositions"}, best=n_best, order_by=order_by, **product)
    shards = [frame[frame["position"] % 3 == shard] for shard in range(3)]
    blocks = [shard.iloc[i : i + 4] for shard in shards for i in range(0, len(shard), 4)]
    found = merge_best([frame.head(0), *blocks], screen, target)
    ranked_by = frame["predicted"] * frame["gap_max"] if times else frame["predicted"]
    cost = {"minimise": ranked_by, "maximise": -ranked_by, "target": (frame["predicted"] - 1).abs()}
    first = -frame["probability_beyond"] if order_by == "probability_beyond" else 0.0
    ranked = frame.assign(first=first, cost=cost[goal])[frame["passed"]]
    expected = ranked.sort_values(["first", "cost", "sure", "position"])
    expected = expected.drop_duplicates("salt")
    for listed, part in ((found.candidates, ~expected["undecided"]), (found.undecided, expected["undecided"])):
        assert listed["position"].tolist() == expected.loc[part, "position"].head(n_best).tolist()
    assert found.n_undecided == ranked["undecided"].sum()
    assert (found.moments.n, found.inside) == (len(rows), len(rows))
    assert found.moments.mean == pytest.approx(frame["predicted"].mean())
    chances = frame.loc[frame["passed"], "probability_beyond"]
    assert found.likely == {"0.1": (chances > 0.1).sum(), "0.5": (chances > 0.5).sum()}


def test_formulas_of_one_composition_are_one() -> None:
    formulas = ["Li2S", "S1Li2", "Li4S2", "Li2/3S1/3", "(LiS0.5)3", "Li2S2", "Li2Og"]
    assert pd.factorize(identify_compositions(pd.Series(formulas)))[0].tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert len(identify_compositions(pd.Series([], dtype=object))) == 0


def test_an_enumeration_is_streamed_into_shards_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BLOCK", 100)
    shards = [tmp_path / f"{shard}.parquet" for shard in range(3)]
    settings_ = listing(source=LITHIUM.model_dump(mode="json"), gates=[])
    list_candidates(None, shards, tmp_path / "listing.json", settings_)
    found = pd.concat([pd.read_parquet(shard) for shard in shards]).sort_values("position")
    assert found["formula"].tolist() == [formula for part in enumerate_compositions(LITHIUM) for formula in part]
    assert found["formula"].is_unique
    assert found["formula"].str.contains("Li").all()
    assert "Li3PS4" in set(found["formula"])


def test_gates_count_who_came_passed_and_could_not_be_told() -> None:
    gates = [
        Gate(label="a", expression="hull <= 0.1"),
        Gate(label="b", with_any=("S", "O")),
        Gate(label="c", expression="predicted > 0 and hull < 5"),
        Gate(label="d", without=("P",)),
    ]
    before, after = split_gates(gates)
    assert [gate.label for gate in before] == ["a", "b"]
    numbers = {"hull": np.array([0.0, 0.2, np.nan, 0.1, 0.1]), "predicted": np.array([1.0, 1, 1, 1, -1])}
    compositions = parse_formulas(["Li2S", "Li2O", "LiCl", "Li3PO4", "LiCl"])
    alive, funnel = pass_gates(before, np.ones(5, bool), numbers, compositions)
    assert alive.tolist() == [True, False, False, True, False]
    assert funnel == Funnel([5, 3], [3, 2], [1, 0])
    alive, rest = pass_gates(after, alive, numbers, compositions)
    assert funnel.concat_steps(rest) == Funnel([5, 3, 2, 2], [3, 2, 2, 1], [1, 0, 0, 0])


def test_what_a_gate_does_not_know_passes_if_it_says_so_and_is_marked() -> None:
    numbers = {"hull": np.array([0.0, 0.2, np.nan])}
    compositions = parse_formulas(["LiCl", "LiBr", "LiI"])
    gates = [Gate(label="stable", expression="hull < 0.1", unknown=unknown) for unknown in ("stop", "pass")]
    for gate, left, undecided in zip(
        gates, ([True, False, False], [True, False, True]), ([False] * 3, [False, False, True]), strict=True
    ):
        alive, funnel = pass_gates([gate], np.ones(3, dtype=bool), numbers, compositions)
        assert alive.tolist() == left
        assert (funnel.entered, funnel.passed, funnel.unknown) == ([3], [sum(left)], [1])
        assert find_undecided([gate], numbers, compositions).tolist() == undecided


def test_a_strict_gate_lets_nobody_pass_at_equality() -> None:
    numbers = {"gap": np.array([0.0, 0.5, np.nan])}
    compositions = parse_formulas(["Li2S", "Li2O", "LiCl"])
    for expression, passed in (("gap > 0", 1), ("gap >= 0", 2), ("gap < 0.5", 1), ("0 < gap < 0.5", 0)):
        _, funnel = pass_gates([Gate(label="a", expression=expression)], np.ones(3, bool), numbers, compositions)
        assert funnel == Funnel([3], [passed], [1]), expression


def list_one(name: str, settings_: ListingSettings | None = None) -> None:
    """List the candidates of this folder in one shard."""
    list_candidates(None, [Path(f"{name}.parquet")], Path(f"{name}.json"), settings_ or listing())


def test_bad_candidates_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableError, match=r"candidates\.csv: there is no such file"):
        list_one("a")
    Path("candidates.csv").write_text("formula,hull\nLi2S,0\nLiXx,0\n,1\n")
    with pytest.raises(TableError, match=r"(?s)row 3: .*'LiXx' is not understood.*row 4"):
        list_one("a")
    Path("candidates.csv").write_text("formula,stability\nLi2S,0\n")
    with pytest.raises(TableError, match=r"the columns hull are missing.*Found: formula, stability"):
        list_one("a")
    Path("candidates.csv").write_text("note,formula,hull\na,Li2S,0\n\nb,Li2O,NA\nc,Li2O,low\n")
    with pytest.raises(TableError, match=r"candidates\.csv: row 5: 'low' in the column 'hull' is not a number"):
        list_one("a")
    Path("candidates.csv").write_text("formula,hull\nLi2S,0,1\n")
    with pytest.raises(TableError, match=r"candidates\.csv: cannot be read: .*Expected 2 columns, got 3"):
        list_one("a")
    assert not Path("a.parquet").exists()
    settings_ = listing(source={"name": "file", "file": "candidates.csv", "bad_rows": "drop"})
    Path("candidates.csv").write_text("formula,hull\nLi2S,\nLiXx,0\n")
    list_one("a", settings_)
    assert pd.read_parquet("a.parquet")["formula"].tolist() == ["Li2S"]
    assert json.loads(Path("a.json").read_text()) == {"listed": 1, "dropped": 1}


def test_the_header_of_candidates_is_held_against_what_is_wanted_and_the_rest_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    many = "".join(f"Li2S,{i},1,b\n" for i in range(200_000))  # Arrow reads by the megabyte, and guesses from the first
    Path("candidates.csv").write_text(f"formula,note,hull,note\n{many}Li2O,a word,2,b\n")
    list_one("a")
    found = pd.read_parquet("a.parquet")
    assert found.columns.tolist() == ["formula", "hull", "position"]
    assert found.iloc[-1].tolist() == ["Li2O", 2.0, 200_000]
    for header in ("formula,hull,hull", "formula,formula,hull"):
        Path("candidates.csv").write_text(f"{header}\nLi2S,0,0\n")
        with pytest.raises(TableError, match=r"candidates\.csv: 2 columns are called '(hull|formula)'; rename all but"):
            list_one("b")
    Path("candidates.csv").write_text("")
    with pytest.raises(TableError, match=r"the columns formula, hull are missing.*Found: none"):
        list_one("b")


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("candidates.csv").write_text("\nformula,hull\n\n\nLi2S,0\n\nLiXx,0\nLiYy,0\n")
    with pytest.raises(TableError, match=r"(?s)row 7: .*'LiXx'.*row 8: .*'LiYy'"):
        list_one("a")
    pd.DataFrame({"formula": ["Li2S", "LiXx"], "hull": 0.0}).to_parquet("candidates.parquet")
    settings_ = listing(source={"name": "file", "file": "candidates.parquet"})
    with pytest.raises(TableError, match=r"row 2: .*'LiXx'"):
        list_one("a", settings_)


def test_more_shards_than_files_may_be_open_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("candidates.csv").write_text("formula,hull\nLi2S,0\n")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (264, 264))
    with pytest.raises(TableError, match=r"101 shards are too many.* take 100 or fewer: --set-scatter screen=100"):
        list_candidates(None, [Path(f"{i}.parquet") for i in range(101)], Path("a.json"), listing())
    list_candidates(None, [Path(f"{i}.parquet") for i in range(100)], Path("a.json"), listing())


def test_candidates_whose_numbers_are_missing_are_counted_and_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees would answer for them as for any other."""
    gates = [{"label": "no germanium", "without": ["Ge"]}, {"label": "new", "expression": "novel >= 1"}]
    out = screen_in(tmp_path, monkeypatch, 3, features=["hull"], gates=gates)
    report = json.loads((out / "report.json").read_text())
    listed = pd.read_csv("candidates.csv")
    lacking = int((listed["hull"].isna() & ~listed["formula"].str.contains("Ge")).sum())
    assert lacking > 0
    no_germanium, known, new = report["funnel"]
    assert known["gate"] == "the model's numbers known"
    assert known["unknown"] == known["entered"] - known["passed"] == lacking
    assert no_germanium["passed"] == known["entered"]
    assert known["passed"] == report["scored"] == new["entered"]
    scored = pd.concat([pd.read_parquet(path) for path in out.glob("s*.parquet")])
    assert len(scored) == report["scored"]
    assert scored["hull"].notna().all()


def test_a_funnel_in_which_nobody_is_scored_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = screen_in(tmp_path, monkeypatch, 2, gates=[{"label": "stable", "expression": "hull < -1"}])
    report = json.loads((out / "report.json").read_text())
    assert (report["candidates"], report["scored"], report["mean_prediction"]) == (900, 0, None)
    settings_ = FunnelSettings.model_validate({"target": TARGET})
    plot_screen(out / "top.csv", out / "report.json", out / "funnel.svg", out / "funnel.png", settings_)
    assert (out / "funnel.png").stat().st_size > 1000


def test_dropped_rows_are_told_in_the_report_and_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from batterymi.config.parts import Objective

    out = screen_in(tmp_path, monkeypatch, 2)
    report = json.loads((out / "report.json").read_text())
    assert report["dropped"] == 0
    figure = draw_screen(pd.read_csv(out / "top.csv"), report | {"dropped": 1234}, Objective(**TARGET))
    assert " 900  (1,234 unreadable)" in [text.get_text() for text in figure.axes[0].texts]


def test_a_list_that_the_shards_do_not_hold_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = screen_in(tmp_path, monkeypatch, 2)
    write_json(out / "listing.json", {"listed": 899, "dropped": 0})
    shards = ShardFiles([out / f"s{i}.parquet" for i in range(2)], [out / f"s{i}.json" for i in range(2)])
    files = (out / "listing.json", Path("table.parquet"), Path("metrics.csv"))
    with pytest.raises(TableError, match="the shards were dealt 900 candidates, 899 were listed"):
        gather_screen(shards, *files, ScreenFiles(out / "t.csv", out / "u.csv", out / "r.json"), gathering())
