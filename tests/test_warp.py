"""Scales on which outcomes are modelled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batterymi.optimise.engines.warp import MIN_VALUES, Warp, fit_standardisation, fit_warp

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60).map(np.array)


@given(NUMBERS, st.integers(0, 2000).map(lambda n: n / 1000))
def test_what_is_bent_can_be_bent_back(values: np.ndarray, power: float) -> None:
    flat = fit_standardisation(values)
    warp = Warp(flat.centre, flat.spread, power, 0.3, 1.7)
    np.testing.assert_allclose(
        warp.inverse_transform(warp.transform(values)), values, rtol=1e-6, atol=1e-6 * flat.spread
    )


@given(NUMBERS)
def test_the_order_of_outcomes_is_kept(values: np.ndarray) -> None:
    warp = fit_warp(values)
    ordered = np.unique(values)
    assert (np.diff(warp.transform(ordered)) >= 0).all()


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_long_tail_is_drawn_in_and_symmetric_values_are_left_alone(sign: float) -> None:
    rng = np.random.default_rng(0)
    tail, bell = sign * np.exp(rng.normal(size=200)), rng.normal(size=200)
    for values, bent in ((tail, True), (bell, False)):
        scaled = fit_warp(values).transform(values)
        assert abs(scaled.mean()) < 1e-9
        assert scaled.std() == pytest.approx(1)
        before, after = (float((scale**3).mean()) for scale in (fit_standardisation(values).transform(values), scaled))
        assert abs(after) < (0.4 * abs(before) if bent else 0.25)
        assert (abs(fit_warp(values).power - 1) > 0.3) is bent


def test_slopes_are_derivatives() -> None:
    values = np.array([-3.0, -0.5, 0.2, 4.0])
    warp = Warp(0.1, 2.0, 0.4, 0.2, 1.3)
    step = 1e-6
    numerical = (warp.transform(values + step) - warp.transform(values - step)) / (2 * step)
    np.testing.assert_allclose(warp.compute_derivative(values), numerical, rtol=1e-6)


def test_few_or_equal_values_are_only_standardised() -> None:
    assert fit_warp(np.exp(np.arange(MIN_VALUES - 1.0))).power == 1
    assert np.isfinite(fit_warp(np.full(20, 3.0)).transform(np.full(3, 3.0))).all()


def test_a_straight_scale_gives_back_mean_and_variance_exactly() -> None:
    mean, variance = fit_standardisation(np.array([1.0, 5.0])).untransform_moments(np.array([0.5]), np.array([0.25]))
    assert (float(mean[0]), float(variance[0])) == (4.0, 1.0)
