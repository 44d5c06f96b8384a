"""Spaces and engines: every design is possible, and the same seed gives the same design."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Constraint, Feature, Simplex
from batterymi.errors import DesignError
from batterymi.optimise.space.simplex import BoundedSimplex
from batterymi.optimise.space.space import Space, make_space


@st.composite
def bounded_simplices(draw: st.DrawFn) -> BoundedSimplex:
    n = draw(st.integers(2, 5))
    lower = [draw(st.floats(0, 0.4)) for _ in range(n)]
    upper = [low + draw(st.floats(0.05, 0.9)) for low in lower]
    assume(sum(lower) < 0.98)
    assume(sum(upper) > 1.02)
    return BoundedSimplex(list(zip(lower, upper, strict=True)))


@settings(max_examples=60)
@given(bounded_simplices(), st.integers(0, 1000))
def test_every_sampled_composition_sums_to_one_within_its_bounds(simplex: BoundedSimplex, seed: int) -> None:
    parts = simplex.sample(np.random.default_rng(seed), 50)
    assert np.abs(parts.sum(axis=1) - 1).max() < 1e-9
    assert (parts >= simplex.lower - 1e-9).all()
    assert (parts <= simplex.upper + 1e-9).all()


@settings(max_examples=60)
@given(bounded_simplices(), st.integers(0, 1000))
def test_the_map_to_the_cube_can_be_undone(simplex: BoundedSimplex, seed: int) -> None:
    unit = np.random.default_rng(seed).uniform(0.01, 0.99, size=(20, len(simplex.lower) - 1))
    parts = simplex.from_unit(unit)
    assert np.abs(parts.sum(axis=1) - 1).max() < 1e-9
    assert simplex.from_unit(simplex.to_unit(parts)) == pytest.approx(parts, abs=1e-9)


def test_compositions_are_uniform_on_the_triangle() -> None:
    parts = BoundedSimplex([(0, 1)] * 3).sample(np.random.default_rng(1), 20_000)
    assert parts.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.01)
    assert (parts[:, 0] > 0.5).mean() == pytest.approx(0.25, abs=0.01)


def test_bounds_that_no_composition_meets_are_refused() -> None:
    with pytest.raises(ValueError, match="no composition meets the bounds"):
        BoundedSimplex([(0.5, 0.6), (0.6, 0.7)])


@pytest.fixture(params=["composition", "constrained", "categories", "mixed"])
def space(request: pytest.FixtureRequest, ncm_space: Space) -> Space:
    def number(name: str, low: float, high: float) -> Feature:
        return Feature(name=name, label=name, unit="1", bounds=(low, high))

    kind = Feature(name="kind", label="kind", unit="1", choices=("a", "b", "c"))
    pores = Constraint(
        name="fits",
        function="sulfur_fits_pores",
        columns={"diameter_nm": "d", "area_m2_g": "area", "sulfur_wt": "s"},
        values={"swelling": 0.8},
        reason="sulfur must fit",
    )
    host = (number("d", 2, 10), number("area", 800, 3000), number("s", 50, 75))
    return {
        "composition": ncm_space,
        "constrained": Space(host, None, (pores,)),
        "categories": Space((kind, number("x", -1, 1))),
        "mixed": Space((*ncm_space.features, number("t", 600, 900), kind), ncm_space.simplex),
    }[request.param]


def test_samples_and_fillings_meet_every_constraint(space: Space) -> None:
    for designs in (space.sample(np.random.default_rng(3), 200), space.fill(np.random.default_rng(3), 64)):
        assert space.is_feasible(designs).all()
        codes = space.codes(designs)
        unit, words = space.compute_coordinates(codes), codes * [feature.is_category for feature in space.features]
        again = space.frame(space.snap_to_grid(space.place(unit, words)))
        pd.testing.assert_frame_equal(again, designs.reset_index(drop=True), check_exact=False, atol=1e-9)


def test_an_empty_region_is_named_with_its_constraint() -> None:
    numbers = {"d": (2.0, 2.1), "area": (800.0, 810.0), "s": (70.0, 75.0)}
    features = tuple(Feature(name=n, label=n, unit="1", bounds=b) for n, b in numbers.items())
    pores = Constraint(
        name="fits",
        function="sulfur_fits_pores",
        columns={"diameter_nm": "d", "area_m2_g": "area", "sulfur_wt": "s"},
        reason="sulfur must fit",
    )
    with pytest.raises(DesignError, match=r"'fits' is met by fewer than 1 in 10000 .* the nearest violates it by"):
        Space(features, None, (pores,)).sample(np.random.default_rng(0), 1)


def test_a_maximum_distance_keeps_designs_near_the_rows() -> None:
    feature = Feature(name="x", label="x", unit="1", bounds=(0, 1))
    space = make_space([feature], None, (), pd.DataFrame({"x": [0.2, 0.8]}), 0.05)
    designs = space.sample(np.random.default_rng(0), 300)["x"].to_numpy()
    assert np.minimum(abs(designs - 0.2), abs(designs - 0.8)).max() <= 0.05 + 1e-9


def test_distance_counts_a_different_category_as_one() -> None:
    kind = Feature(name="kind", label="kind", unit="1", choices=("a", "b"))
    number = Feature(name="x", label="x", unit="1", bounds=(0, 10))
    space = Space((kind, number), None)
    rows = pd.DataFrame({"kind": ["a"], "x": [0.0]})
    designs = pd.DataFrame({"kind": ["a", "b", "a"], "x": [0.0, 0.0, 10.0]})
    assert space.distance(designs, rows) == pytest.approx([0, np.sqrt(0.5), np.sqrt(0.5)])


def test_a_simplex_outside_the_searched_features_is_left_out(ncm_space: Space) -> None:
    space = make_space(ncm_space.features[:2], Simplex(features=("ni", "co", "mn")), ())
    assert space.simplex is None
