"""Times of which some are censored, and draws without replacement: against textbooks and against all orders."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from batterymi.statistics.draws import (
    compute_expected_draws,
    compute_expected_place,
    compute_probability_within,
    find_median_draws,
)
from batterymi.statistics.survival import compute_restricted_mean, find_median_time

# weeks in remission of 21 children on 6-mercaptopurine (Freireich et al. 1963, doi:10.1182/blood.V21.6.699.699), the
# example of Cox and Oakes 1984, Analysis of Survival Data, table 1.1; a minus marks the end of observation
REMISSIONS = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
TIMES, SEEN = np.abs(np.array(REMISSIONS, float)), np.array(REMISSIONS) > 0


def test_the_textbook_example_of_kaplan_and_meier_is_reproduced() -> None:
    assert find_median_time(TIMES, SEEN) == 23
    # the area under the steps 1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482 of the book
    steps = [(6, 1), (1, 0.8571), (3, 0.8067), (3, 0.7529), (3, 0.6902), (6, 0.6275), (1, 0.5378), (12, 0.4482)]
    area = sum(width * height for width, height in steps)
    assert compute_restricted_mean(TIMES, SEEN, 35) == pytest.approx(area, abs=0.005)
    assert compute_restricted_mean(TIMES, SEEN, 35) == pytest.approx(23.29, abs=0.005)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=15),
    st.integers(1, 14),
)
def test_the_restricted_mean_is_the_area_under_the_curve_of_scipy(runs: list[tuple[int, bool]], until: int) -> None:
    times, seen = np.array([time for time, _ in runs], float), np.array([is_seen for _, is_seen in runs])
    survival = stats.ecdf(stats.CensoredData(uncensored=times[seen], right=times[~seen])).sf
    area = sum(float(survival.evaluate(np.array([moment]))[0]) for moment in range(until))
    # between whole numbers nothing happens, and before 1 all are under observation
    assert compute_restricted_mean(times, seen, until) == pytest.approx(area)


def test_resamples_are_computed_side_by_side() -> None:
    drawn = np.random.default_rng(0).integers(len(TIMES), size=(20, len(TIMES)))
    together = compute_restricted_mean(TIMES[drawn], SEEN[drawn], 30)
    single = [float(compute_restricted_mean(TIMES[row], SEEN[row], 30)) for row in drawn]
    np.testing.assert_allclose(together, single)


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))), st.data())
def test_draws_agree_with_all_orders(numbers: tuple[int, int], data: st.DataObject) -> None:
    n, n_best = numbers
    needed = data.draw(st.integers(1, n_best))
    places = [
        int(np.flatnonzero(np.cumsum(np.array(order) < n_best) >= needed)[0]) + 1
        for order in itertools.permutations(range(n))
    ]
    assert compute_expected_draws(n, n_best, needed) == pytest.approx(np.mean(places))
    assert find_median_draws(n, n_best, needed) == np.sort(places)[(len(places) - 1) // 2]
    draws = data.draw(st.integers(1, n))
    assert compute_probability_within(n, n_best, needed, draws) == pytest.approx(np.mean(np.array(places) <= draws))


def test_the_first_of_k_best_among_n_takes_n_plus_1_over_k_plus_1() -> None:
    assert compute_expected_draws(141, 1) == 71
    assert compute_expected_draws(478, 5) == pytest.approx(479 / 6)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6), st.data())
def test_the_place_in_a_rule_with_ties_is_the_mean_over_their_orders(
    rows: list[tuple[int, bool]], data: st.DataObject
) -> None:
    values, is_best = np.array([value for value, _ in rows], float), np.array([best for _, best in rows])
    if not is_best.any():
        is_best[0] = True
    needed = data.draw(st.integers(1, int(is_best.sum())))
    places = []
    for order in itertools.permutations(range(len(rows))):
        # a stable sort keeps the order of the permutation among equal values
        ruled = sorted(order, key=lambda row: -values[row])
        places.append(int(np.flatnonzero(np.cumsum(is_best[ruled]) >= needed)[0]) + 1)
    assert compute_expected_place(values, is_best, needed) == pytest.approx(np.mean(places))


def test_more_than_there_is_cannot_be_found() -> None:
    with pytest.raises(ValueError, match="3 of 2 best rows among 5 cannot be found"):
        compute_expected_draws(5, 2, 3)
