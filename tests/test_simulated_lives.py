"""Lives of protocols from simulated losses of single charges."""

import numpy as np
import pandas as pd
import pytest

from batterymi.charging.simulator import ChargingSimulator
from batterymi.closed_loop.simulated_life import (
    AGES,
    CHARGE_SHARE,
    count_cycles,
    describe_lives,
    simulate_life,
)
from batterymi.closed_loop.thermal_life import AMBIENT_C, make_ten_minute_protocols
from batterymi.config.run import ClosedLoop

BEST = (6.0, 4.4, 4.4, 4.714286)


@pytest.fixture(scope="module")
def simulator() -> ChargingSimulator:
    """The power cell, empty."""
    return ChargingSimulator("power_cell", "SPMe", 0.0, CHARGE_SHARE, AMBIENT_C)


def test_a_constant_loss_is_counted_down() -> None:
    assert count_cycles(np.array([0.0, 100.0]), np.array([0.5, 0.5])) == 200


@pytest.mark.parametrize("first_loss", [0.01, 0.3])
def test_a_film_that_grows_alone_follows_the_root_law(first_loss: float) -> None:
    fresh, end = 5.0, 500.0  # lithium in the fresh film, and lithium lost at the end of life
    lost = np.array(AGES) / AGES[-1] * end
    losses = first_loss * fresh / (fresh + lost)
    # d(lost)/dN = first_loss fresh / (fresh + lost)
    exact = ((fresh + end) ** 2 - fresh**2) / (2 * first_loss * fresh)
    assert count_cycles(lost, losses) == pytest.approx(exact, abs=1)


def test_a_cycle_that_costs_nothing_has_no_life() -> None:
    assert np.isnan(count_cycles(np.array([0.0, 1.0]), np.array([0.1, 0.0])))


def test_ten_minute_protocols_go_by_nominal_capacity(simulator: ChargingSimulator) -> None:
    row = simulate_life(simulator, BEST)
    assert row["minutes"] == pytest.approx(10, abs=0.01)
    assert row["failure"] == ""
    assert row["life_cycles"] > row["life_at_fresh_loss"] > 1000
    losses = [row["loss_mah"], row["loss_mah_at_10_percent"], row["loss_mah_at_20_percent"]]
    assert losses == sorted(losses, reverse=True)
    assert row["loss_with_rest_mah"] > row["loss_mah"]


def test_hotter_charges_cost_more(simulator: ChargingSimulator) -> None:
    cool, hot = (simulate_life(simulator, rates) for rates in (BEST, (8.0, 7.0, 5.6, 2.584615)))
    assert hot["temperature_max_c"] > cool["temperature_max_c"]
    assert hot["life_cycles"] < cool["life_cycles"]


def test_a_charge_that_cannot_be_simulated_is_a_typed_failure(simulator: ChargingSimulator) -> None:
    row = simulate_life(simulator, (60.0, 60.0, 60.0, 60.0))
    assert row["failure"] in {"unphysical", "ended_early", "solver_failed"}
    assert "0 % of the lithium lost" in row["message"]
    assert np.isnan(row["life_cycles"])


def test_failures_and_plating_are_said() -> None:
    protocols = make_ten_minute_protocols()
    n = len(protocols)
    lives = protocols.assign(
        life_cycles=np.where(np.arange(n) < 200, 1000.0 + np.arange(n), np.nan),
        life_at_fresh_loss=100.0 + np.arange(n),
        failure=np.where(np.arange(n) < 200, "", "unphysical"),
        message="",
        plating_margin_mv=np.where(np.arange(n) < 150, -5.0, 5.0),
        temperature_max_c=40.0 + np.arange(n) / n,
        loss_mah=1.0,
        loss_with_rest_mah=2.0 + np.arange(n) / n,
        plated_mah=10.0,
    )
    about = describe_lives(lives, "power_cell", "SPMe")
    text = " ".join(about["remarks"])
    assert about["failures"] == {"unphysical": 24}
    assert about["plating_share"] == 0.75
    assert "24 protocols cannot be simulated through the cell's life: 24 unphysical" in text
    assert "150 of the 200 protocols" in text
    assert about["rank_agreement"]["lives at the fresh cell's loss"] == pytest.approx(1)
    assert about["rank_agreement"]["coolness"] == pytest.approx(-1)


def test_nothing_can_be_said_of_lives_that_nothing_has() -> None:
    protocols = make_ten_minute_protocols()
    lives = protocols.assign(life_cycles=np.nan, failure="solver_failed", message="no")
    about = describe_lives(pd.DataFrame(lives), "power_cell", "SPMe")
    assert (about["plating_share"], about["rank_agreement"]) == (None, {})


def test_a_cell_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="'power_cel' is not a declared cell; did you mean 'power_cell'"):
        ClosedLoop(cell="power_cel")
