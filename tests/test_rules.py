"""Rules of designs: compositions of a few of many parts, features that apply to some, equalities, shared values."""

from typing import Any

import numpy as np
import pandas as pd
from conftest import needs_torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.optimise.engines.shared import propose_designs
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space, make_space

GOAL = Objective(name="y", label="Y", unit="1", goal="maximise")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
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


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 99))
def test_scikit_optimize_keeps_every_rule(space: Space, seed: int) -> None:
    check_batch(space, suggest(space, "scikit-optimize", seed, 2), 2)


@needs_torch
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 99))
def test_botorch_keeps_every_rule(space: Space, seed: int) -> None:
    check_batch(space, suggest(space, "botorch", seed, 2), 2)
