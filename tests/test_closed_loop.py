"""The closed loop over ten-minute protocols, held against the published facts."""

import numpy as np
import pytest
from sklearn.kernel_approximation import Nystroem

from batterymi.closed_loop.loop import (
    METHODS,
    NOISE_DEVIATION,
    PRIOR_DEVIATION,
    PRIOR_MEAN,
    Model,
    State,
    choose_by_gap,
    recommend_observed,
    run_loop,
)
from batterymi.closed_loop.stage import SAME_MODEL, compare_methods
from batterymi.closed_loop.thermal_life import cycle_lives, ten_minute_protocols

PROTOCOLS = ten_minute_protocols()
LIVES = cycle_lives(PROTOCOLS).astype(float)
INPUTS = PROTOCOLS.to_numpy(float)[:, :3]


def test_lives_are_those_of_the_published_simulator() -> None:
    assert len(PROTOCOLS) == 224
    assert (LIVES.min(), LIVES.max(), round(LIVES.mean())) == (573, 1208, 888)
    np.testing.assert_allclose(PROTOCOLS.iloc[LIVES.argmax()], [6, 4.4, 4.4, 4.714], atol=1e-3)


def test_every_protocol_charges_80_percent_in_ten_minutes() -> None:
    np.testing.assert_allclose((0.2 / PROTOCOLS.to_numpy()).sum(axis=1) * 60, 10)


def test_more_current_late_heats_more_and_ages_more() -> None:
    steady = PROTOCOLS.assign(c_rate_1=4.8, c_rate_2=4.8, c_rate_3=4.8, c_rate_4=4.8).head(1)
    hot = steady.assign(c_rate_1=9.6, c_rate_4=9.6, c_rate_2=3.2, c_rate_3=3.2)
    assert cycle_lives(hot)[0] < cycle_lives(steady)[0]


def test_the_model_is_regression_on_nystroem_features() -> None:
    rng = np.random.default_rng(0)
    arms = rng.integers(len(INPUTS), size=60)
    lives = LIVES[arms] + rng.normal(size=60) * NOISE_DEVIATION
    features = Nystroem(gamma=1.0, n_components=len(INPUTS), random_state=1).fit_transform(INPUTS)
    tested = features[arms]
    precision = tested.T @ tested / NOISE_DEVIATION**2 + np.eye(features.shape[1]) / PRIOR_DEVIATION**2
    covariance = np.linalg.inv(precision)
    mean = features @ covariance @ tested.T @ (lives - PRIOR_MEAN) / NOISE_DEVIATION**2 + PRIOR_MEAN
    model = Model.prior(INPUTS).given(arms, lives)
    np.testing.assert_allclose(model.mean, mean, atol=0.5)
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", features, covariance, features))
    np.testing.assert_allclose(model.deviation, deviation, rtol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_a_loop_is_repeatable_and_recommends_a_protocol_each_round(method: str) -> None:
    first, again = (run_loop(LIVES, INPUTS, method, 8, 3, 5) for _ in range(2))
    assert first == again
    assert len(first) == 3
    assert all(0 <= arm < len(LIVES) for arm in first)


def test_bayesgap_tests_no_protocol_twice_in_a_batch_and_prefers_the_promising() -> None:
    rng = np.random.default_rng(0)
    every = np.arange(len(LIVES))
    state = State(Model.prior(INPUTS).given(np.tile(every, 3), np.tile(LIVES, 3)), number=2)
    chosen = choose_by_gap(state, 48, rng)
    assert len(set(chosen.tolist())) == 48
    assert LIVES[chosen].mean() > np.quantile(LIVES, 0.7)


def test_without_a_model_the_best_observed_mean_is_recommended() -> None:
    state = State(Model.prior(INPUTS), arms=[3, 3, 7], lives=[1000.0, 600.0, 900.0])
    assert recommend_observed(state) == 7


def test_methods_are_compared_in_pairs() -> None:
    import pandas as pd

    rows = [
        (8, name, seed, 1, 900.0 + 10 * seed + gain) for name, gain in ((SAME_MODEL, 0), ("a", 5)) for seed in range(9)
    ]
    runs = pd.DataFrame(rows, columns=["batch", "method", "seed", "round", "life_cycles"])
    found = compare_methods(runs, 8, "a", 0)
    assert (found["gain"], found["gain_lower"], found["gain_upper"]) == (5, 5, 5)
    assert found["verdict"].startswith("better")
