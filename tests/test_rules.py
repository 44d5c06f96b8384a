"""Rules of designs: compositions of a few of many parts, features that apply to some, equalities, shared values."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import needs_torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Table
from batterymi.data.table import load_table
from batterymi.errors import TableError
from batterymi.features.encode import make_encoder, make_feature_frame
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.matched_results import compare_suggestions
from batterymi.optimise.engines.shared import propose_designs
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space, make_space
from batterymi.surrogates.problem import label_joint_groups

GOAL = Objective(name="y", label="Y", unit="1", goal="maximise")
QUICK = settings(max_examples=25, suppress_health_check=list(HealthCheck))
ADDITIVES = {"FEC": (1.0, 10.0), "VC": (0.5, 3.0), "LiDFOB": (0.2, 2.0)}


def feature(name: str, **more: Any) -> Feature:
    """A feature without a unit."""
    return Feature(name=name, label=name, unit="1", **more)


@st.composite
def mixtures(draw: st.DrawFn) -> Simplex:
    """Up to 30 parts of which up to 5 are used."""
    n = draw(st.integers(2, 30))
    most = draw(st.integers(2, min(n, 5)))
    total = draw(st.sampled_from([1.0, 100.0]))
    return Simplex(
        features=tuple(f"part_{i}" for i in range(n)),
        total=total,
        max_parts=draw(st.sampled_from([most, None])),
        min_parts=draw(st.sampled_from([None, 2])),
        min_when_used=draw(st.sampled_from([None, 0.05 * total, 0.13 * total])),
        step=draw(st.sampled_from([None, 0.01 * total, 0.05 * total])),
    )


def make_mixture_features(simplex: Simplex, draw: st.DrawFn) -> tuple[Feature, ...]:
    """Parts with bounds that leave room."""
    high = draw(st.sampled_from([0.6, 0.8, 1.0])) * simplex.total
    low = 0.1 * simplex.total if draw(st.booleans()) else 0.0
    # the first may be required in all designs
    return tuple(feature(name, bounds=(low if i == 0 else 0.0, high)) for i, name in enumerate(simplex.features))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Spaces with rules of several kinds at once."""
    features: list[Feature] = []
    simplex, constraints, shared = None, [], []
    if draw(st.booleans()):
        simplex = draw(mixtures())
        features += make_mixture_features(simplex, draw)
    if draw(st.booleans()):
        step = draw(st.sampled_from([None, 0.1]))
        features.append(feature("additive", choices=("none", *ADDITIVES)))
        features.append(feature("amount", used_with={"additive": ADDITIVES}, step=step))
        features.append(feature("source", choices=("A", "B"), used_with={"additive": ("FEC", "VC")}))
    if draw(st.booleans()):
        features.append(feature("drying_c", bounds=(60, 120), step=draw(st.sampled_from([None, 5])), optional_step="d"))
        features.append(feature("drying_h", levels=(2, 6, 12, 24), optional_step="d"))
    if draw(st.booleans()):
        features.append(feature("rate", bounds=(1e-4, 1.0), scale="log", step=draw(st.sampled_from([None, 0.5]))))
        features.append(feature("grade", choices=("low", "medium", "high"), ordered=True))
    if draw(st.booleans()):
        step = draw(st.sampled_from([None, 0.05]))
        features += [feature("n_li", bounds=(0.8, 1.4), step=step), feature("n_p", bounds=(0.8, 1.4), step=step)]
        rule = draw(st.sampled_from([("n_li + n_p == 2", None), ("n_li / n_p == 1.05", 0.02)]))
        constraints.append(Constraint(name="balance", expression=rule[0], tolerance=rule[1]))
    features += [feature("oven_c", bounds=(700, 860), step=10), feature("speed", bounds=(0, 1))]
    if draw(st.booleans()):
        shared = ["oven_c"]
    space = make_space(features, simplex, constraints)
    return Space(space.features, space.simplex, space.constraints, shared=tuple(shared))


def check_rules(space: Space, designs: pd.DataFrame) -> None:
    """Check every rule from the values alone, without the code of the space."""
    for f in space.features:
        values = designs[f.name]
        if f.used_with:
            applies = designs["additive"].isin(f.used_choices)
            assert (values.notna() == applies).all()
            for choice, (low, high) in f.own_ranges.items():
                own = values[designs["additive"] == choice].astype(float)
                assert own.between(low - 1e-9, high + 1e-9).all()
                if f.step:
                    steps = ((own - low) / f.step).to_numpy()
                    assert np.allclose(steps, np.round(steps), atol=1e-6)
        elif f.choices:
            assert values.isin(f.choices).all()
        elif f.optional_step:
            done = designs["drying_c"].notna()
            assert (values.notna() == done).all()
            assert values[done].between(f.range[0], f.range[1]).all()  # type: ignore[index]
            if f.levels:
                assert values[done].isin(f.levels).all()
        else:
            low, high = f.bounds or (0, 1)
            assert values.between(low - 1e-9, high + 1e-9).all()
            if f.step:
                steps = np.log10(values / low) / f.step if f.is_logarithmic else (values - low) / f.step
                assert np.allclose(steps, np.round(steps), atol=1e-6)
    if space.simplex is not None:
        check_mixture(space.simplex, designs[list(space.simplex.features)].to_numpy(float))
    for constraint in space.constraints:
        ratio = "/" in (constraint.expression or "")
        gap = designs["n_li"] / designs["n_p"] - 1.05 if ratio else designs["n_li"] + designs["n_p"] - 2
        assert (gap.abs() <= (constraint.tolerance or 1e-5)).all()


def check_mixture(simplex: Simplex, parts: np.ndarray) -> None:
    """Check the sum, the number of parts, the smallest amount, and the steps."""
    assert np.allclose(parts.sum(axis=1), simplex.total, rtol=1e-9)
    used = parts != 0
    if simplex.has_zeros:
        assert (used.sum(axis=1) <= (simplex.max_parts or 99)).all()
        assert (used.sum(axis=1) >= (simplex.min_parts or 1)).all()
        assert (parts[used] >= simplex.get_least(simplex.features[0]) - 1e-9).all()
        assert (parts[used] > 1e-4 * simplex.total).all(), "no traces"
    if simplex.step:
        assert np.allclose(parts / simplex.step, np.round(parts / simplex.step), atol=1e-6)


def evaluate(space: Space, designs: pd.DataFrame) -> pd.DataFrame:
    """A smooth outcome of any space."""
    inputs = space.inputs(space.codes(designs))
    weights = np.sin(1 + np.arange(inputs.shape[1]))
    return designs.assign(y=inputs @ weights - ((inputs - 0.4) ** 2).sum(axis=1), failure="")


@QUICK
@given(space=spaces(), seed=st.integers(0, 99))
def test_every_sample_keeps_every_rule(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for designs in (space.sample(rng, 40), space.fill(rng, 20)):
        check_rules(space, designs)
        assert space.is_feasible(designs).all()
        codes = space.codes(designs)
        assert np.allclose(space.codes(space.frame(codes)), codes, rtol=1e-9)
        around = space.perturb(codes, rng, 0.1)
        check_rules(space, space.frame(around[space.allowed(around)]))


def suggest(space: Space, engine: str, seed: int, n: int = 4) -> pd.DataFrame:
    """A batch after ten random designs."""
    search = Search(space, (GOAL,), ())
    history = search.add_scores(evaluate(space, space.sample(np.random.default_rng(seed), 10)))
    return propose_designs(engine, search, history, n, seed)


def check_batch(space: Space, batch: pd.DataFrame, n: int = 4) -> None:
    """Check rules, differences and shared values of a batch."""
    assert len(batch) == n
    check_rules(space, batch)
    assert space.is_feasible(batch).all()
    codes = space.codes(batch)
    assert all(space.is_distinct(codes[[i]], np.delete(codes, i, axis=0))[0] for i in range(n)), "no duplicates"
    for name in space.shared:
        assert batch[name].nunique() == 1


@QUICK
@given(space=spaces(), engine=st.sampled_from(["random", "sobol", "gaussian_process"]), seed=st.integers(0, 99))
def test_every_suggestion_keeps_every_rule(space: Space, engine: str, seed: int) -> None:
    check_batch(space, suggest(space, engine, seed))


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 99))
def test_scikit_optimize_keeps_every_rule(space: Space, seed: int) -> None:
    check_batch(space, suggest(space, "scikit-optimize", seed, 2), 2)


@needs_torch
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 99))
def test_botorch_keeps_every_rule(space: Space, seed: int) -> None:
    check_batch(space, suggest(space, "botorch", seed, 2), 2)


def test_many_parts_are_drawn_uniformly() -> None:
    simplex = Simplex(features=tuple(f"p{i}" for i in range(30)), total=100)
    space = make_space([feature(name, bounds=(0, 100)) for name in simplex.features], simplex, ())
    drawn = space.sample(np.random.default_rng(0), 4000).to_numpy() / 100
    # moments of the flat Dirichlet distribution
    assert drawn.mean(axis=0) == pytest.approx(np.full(30, 1 / 30), rel=0.1)
    assert drawn.var(axis=0).mean() == pytest.approx(29 / (30**2 * 31), rel=0.05)


def conduct(parts: pd.DataFrame) -> pd.Series:
    """A conductivity that is largest for EC with EMC and MA, with little to gain from each alone."""
    singles = sum(
        parts[name] * value for name, value in {"ec": 6.0, "emc": 7.0, "ma": 7.5, "ea": 7.5, "pc": 4.0}.items()
    )
    return singles + 12 * parts["ec"] * parts["emc"] + 14 * parts["ec"] * parts["ma"] + 8 * parts["emc"] * parts["ma"]


def test_batches_differ_in_their_solvents_and_find_the_best_ones() -> None:
    names = ("ec", "pc", "emc", "dmc", "dec", "fec", "vc", "ma", "ea", "gbl", "sl", "tep")
    simplex = Simplex(features=names, max_parts=4, min_when_used=0.05, step=0.01)
    space = make_space([feature(name, bounds=(0, 0.8)) for name in names], simplex, ())
    search, known = Search(space, (GOAL,), ()), space.sample(np.random.default_rng(1), 16)
    for number in range(4):
        history = search.add_scores(known.assign(y=conduct(known), failure=""))
        batch = propose_designs("gaussian_process", search, history, 5, number)
        check_batch(space, batch, 5)
        assert len((batch[list(names)] > 0).drop_duplicates()) >= 4, "solvents differ"
        known = pd.concat([known, batch[list(names)]], ignore_index=True)
    best = known.loc[conduct(known).idxmax()]
    assert set(best.index[best > 0]) >= {"ec", "emc", "ma"}


@pytest.mark.parametrize("n", [8, 96])
def test_one_oven_holds_a_batch_at_the_temperature_that_is_best(n: int) -> None:
    space = make_space(
        [
            feature("oven_c", bounds=(700, 860), step=5),
            feature("excess", bounds=(0, 8)),
            feature("binder", choices=("CMC", "PVDF")),
        ],
        None,
        (),
    )
    space = Space(space.features, shared=("oven_c",))
    rng = np.random.default_rng(0)
    # three runs of eight pellets
    rows = space.sample(rng, 24).assign(oven_c=np.repeat([740.0, 780.0, 820.0], 8))
    rows["y"] = 190 - ((rows["oven_c"] - 790) / 20) ** 2 - (rows["excess"] - 4) ** 2 / 8
    search = Search(space, (GOAL,), (), is_noisy=True)
    batch = propose_designs("gaussian_process", search, search.add_scores(rows.assign(failure="")), n, 0)
    check_batch(space, batch, n)
    assert batch["oven_c"].iloc[0] == pytest.approx(790, abs=15)
    assert batch["excess"].nunique() > n / 2
    assert len(batch) == n


def test_an_amount_that_does_not_apply_makes_no_distance() -> None:
    features = (
        feature("additive", choices=("none", "FEC")),
        feature("amount", used_with={"additive": {"FEC": (1, 10)}}),
        feature("purity", choices=("low", "medium", "high"), ordered=True, used_with={"additive": ("FEC",)}),
        feature("rate", bounds=(1e-3, 1), scale="log"),
    )
    space = make_space(features, None, ())
    rows = pd.DataFrame(
        {
            "additive": ["none", "none", "FEC", "FEC"],
            "amount": [np.nan, np.nan, 1.0, 10.0],
            "purity": [np.nan, np.nan, "low", "high"],
            "rate": [1e-3, 1e-3, 1e-2, 1e-1],
        }
    )
    pd.testing.assert_frame_equal(space.frame(space.codes(rows)), rows)
    frame = make_feature_frame(rows, features)
    for matrix in (space.inputs(space.codes(rows)), make_encoder(features, list(frame.columns)).fit_transform(frame)):
        assert np.isfinite(matrix).all()
        gaps = np.linalg.norm(matrix[:, None] - matrix[None], axis=2)
        assert gaps[0, 1] == 0
        assert gaps[0, 2] > 0
        assert gaps[0, 2] < gaps[0, 3]
    assert space.distance(rows.iloc[[0]], rows.iloc[[1]])[0] == 0
    # in logarithms the decades are equal
    rates = space.inputs(space.codes(rows))[:, -1]
    assert np.diff(rates[1:]) == pytest.approx([1 / 3, 1 / 3])


def test_a_table_says_what_does_not_apply_and_what_cannot_be(tmp_path: Path) -> None:
    good = ["none,,80,12,1", "none,0,-,n/a,2", "none,none,100,6,3", "FEC,2,,,4", "VC,3,90,6,5", "none,,,,7"]
    rows = load(tmp_path, good)
    assert rows["amount"].isna().tolist() == [True, True, True, False, False, True]
    assert rows["drying_c"].isna().tolist() == rows["drying_h"].isna().tolist()
    assert len(rows) == len(good), "nothing is dropped"
    for line, wanted in {
        "none,3,80,12,1": "amount: found '3': given with additive 'none', but used only with FEC, VC",
        "VC,,80,12,1": "amount: found '': no value",
        "VC,1,80,,1": "drying_h: found '': no value, but the row gives drying_c of the step 'drying'",
    }.items():
        with pytest.raises(TableError, match="line 8: " + re.escape(wanted)):
            load(tmp_path, [*good, line])


CONDITIONAL = (
    feature("additive", choices=("none", "FEC", "VC")),
    feature("amount", used_with={"additive": {"FEC": (1, 10), "VC": (0.5, 3)}}),
    feature("drying_c", bounds=(60, 120), optional_step="drying"),
    feature("drying_h", bounds=(2, 24), optional_step="drying"),
)


def load(folder: Path, lines: list[str]) -> pd.DataFrame:
    """The rows of a table with the columns above."""
    path = folder / "table.csv"
    path.write_text("\n".join(["additive,amount,drying_c,drying_h,y", *lines]), encoding="utf-8")
    table = Table(file="table.csv")
    parts = {"features": CONDITIONAL, "objectives": (GOAL,), "simplex": None, "descriptors": (), "dataset": None}
    return load_table(TableSettings(path=str(path), table=table, **parts)).rows


def test_results_of_designs_without_an_amount_are_matched(tmp_path: Path) -> None:
    space = make_space(CONDITIONAL, None, ())
    designs: list[dict[str, Any]] = [
        {"additive": "none", "amount": None, "drying_c": 80.0, "drying_h": 12.0},
        {"additive": "FEC", "amount": 5.0, "drying_c": None, "drying_h": None},
        {"additive": "VC", "amount": 1.0, "drying_c": 80.0, "drying_h": 12.0},
    ]
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("key", 0, [{"design": design, "predicted": {"y": [1.0, 0.0, 2.0]}} for design in designs])
    assert "null" in ledger.path.read_text(encoding="utf-8")
    rows = load(tmp_path, ["none,,80,12,1", "FEC,5,,,2", "VC,1,,,3", "FEC,5,80,12,4"])
    found = compare_suggestions(Ledger(ledger.path).batches, rows, space, (GOAL,), 0)
    assert found["line"].tolist() == ["2", "3", ""]
    assert ledger.add("key", 0, [{"design": design, "predicted": {"y": [1.0, 0.0, 2.0]}} for design in designs]) == 1


def test_ordered_choices_move_to_their_neighbours() -> None:
    space = make_space([feature("grade", choices=tuple("abcdef"), ordered=True), feature("x", bounds=(0, 1))], None, ())
    codes = np.tile([3.0, 0.5], (500, 1))
    moved = space.perturb(codes, np.random.default_rng(0), 0.1)
    assert set(moved[:, 0]) == {2.0, 3.0, 4.0}
    assert space.inputs(codes).shape[1] == 2, "one number"


def test_groups_of_a_column_of_numbers_stay_together() -> None:
    rows = pd.DataFrame({"run": [1, 1, 2, 2, 3], "y": range(5)})
    labels = label_joint_groups(rows, ("run",))
    assert [labels[0] == label for label in labels] == [True, True, False, False, False]
    assert len(set(labels)) == 3


@QUICK
@given(space=spaces(), seed=st.integers(0, 9))
def test_equal_seeds_give_equal_designs(space: Space, seed: int) -> None:
    pd.testing.assert_frame_equal(
        suggest(space, "gaussian_process", seed, 2), suggest(space, "gaussian_process", seed, 2)
    )
