"""The closed loop over ten-minute protocols, held against the published facts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR
from sklearn.kernel_approximation import Nystroem

from batterymi.closed_loop.choices import METHODS, State, choose_by_gap, recommend_observed
from batterymi.closed_loop.compare import SAME_MODEL, compare_methods, count_rounds_to_match
from batterymi.closed_loop.life_model import PAPER, make_prior
from batterymi.closed_loop.lives import remark_lives, select_usable_lives
from batterymi.closed_loop.loop import LONGER, run_loop
from batterymi.closed_loop.thermal_life import compute_cycle_lives, make_ten_minute_protocols
from batterymi.config.slices.closed_loop import LoopSettings
from batterymi.errors import TableError
from batterymi.files import read_json, write_csv, write_json
from batterymi.stages.close_loop import close_loop
from batterymi.stages.compute_thermal_lives import compute_thermal_lives
from batterymi.stages.plot_closed_loop import plot_closed_loop

PROTOCOLS = make_ten_minute_protocols()
LIVES = compute_cycle_lives(PROTOCOLS).astype(float)
INPUTS = PROTOCOLS.to_numpy(float)[:, :3]
MIRRORED = MIRROR / "attia_protocols/protocols_224.csv"
PUBLISHED_LIVES = {  # figures/SI/hp_sensitivity/policies_lifetimes_sim.csv of the authors' repository
    (3.6, 6.0, 5.6): 974,
    (4.0, 6.0, 4.8): 1101,
    (4.4, 5.6, 4.8): 1161,
    (4.8, 5.6, 4.4): 1182,
    (5.2, 4.4, 5.2): 1175,
    (5.6, 6.0, 3.6): 1049,
    (7.0, 4.4, 5.6): 793,
    (8.0, 7.0, 5.6): 573,
}
# The authors' ten runs of BayesGap after rounds 1 to 4, figures/SI/hp_sensitivity/log.csv, β0 = 5, γ = 1, ε = 0.5
PUBLISHED_RUNS = [
    (883, 1148, 1192, 1208),
    (1005, 1136, 1208, 1145),
    (666, 1035, 1208, 1208),
    (906, 1182, 1154, 1161),
    (673, 1145, 1182, 1165),
    (891, 1148, 1133, 1208),
    (939, 1035, 1133, 1133),
    (992, 1145, 1123, 1192),
    (727, 1192, 1165, 1154),
    (1154, 1172, 1172, 1154),
]


def test_lives_are_those_of_the_published_simulator() -> None:
    assert len(PROTOCOLS) == 224
    assert (LIVES.min(), LIVES.max(), round(LIVES.mean())) == (573, 1208, 888)
    np.testing.assert_allclose(PROTOCOLS.iloc[LIVES.argmax()], [6, 4.4, 4.4, 4.714], atol=1e-3)
    found = {rates: LIVES[np.all(np.array(rates) == INPUTS, axis=1)].item() for rates in PUBLISHED_LIVES}
    assert found == PUBLISHED_LIVES


@pytest.mark.skipif(not MIRRORED.exists(), reason="no mirror beside the repository")
def test_protocols_are_those_of_the_published_list() -> None:
    published = pd.read_csv(MIRRORED).to_numpy()
    assert published.shape == PROTOCOLS.shape
    np.testing.assert_allclose(PROTOCOLS.to_numpy(), published, atol=1e-3)


def test_every_protocol_charges_80_percent_in_ten_minutes() -> None:
    np.testing.assert_allclose((0.2 / PROTOCOLS.to_numpy()).sum(axis=1) * 60, 10)


def test_more_current_late_heats_more_and_ages_more() -> None:
    steady = PROTOCOLS.assign(c_rate_1=4.8, c_rate_2=4.8, c_rate_3=4.8, c_rate_4=4.8).head(1)
    hot = steady.assign(c_rate_1=9.6, c_rate_4=9.6, c_rate_2=3.2, c_rate_3=3.2)
    assert compute_cycle_lives(hot)[0] < compute_cycle_lives(steady)[0]


def test_the_model_is_regression_on_nystroem_features() -> None:
    rng = np.random.default_rng(0)
    arms = rng.integers(len(INPUTS), size=60)
    noise = PAPER.deviation
    lives = LIVES[arms] + rng.normal(size=60) * noise
    features = Nystroem(gamma=1.0, n_components=len(INPUTS), random_state=1).fit_transform(INPUTS)
    tested = features[arms]
    precision = tested.T @ tested / noise**2 + np.eye(features.shape[1]) / PAPER.deviation**2
    covariance = np.linalg.inv(precision)
    mean = features @ covariance @ tested.T @ (lives - PAPER.prior_mean) / noise**2 + PAPER.prior_mean
    model = make_prior(INPUTS).condition_on(arms, lives, PAPER.deviation**2)
    np.testing.assert_allclose(model.mean, mean, atol=0.5)
    deviation = np.sqrt(np.einsum("ij,jk,ik->i", features, covariance, features))
    np.testing.assert_allclose(np.sqrt(model.variance), deviation, rtol=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_tests_say_the_same_all_at_once_or_round_by_round(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = rng.integers(len(INPUTS), size=90)
    lives = LIVES[arms] + rng.normal(size=90) * PAPER.deviation
    cut = int(rng.integers(1, 89))
    whole = make_prior(INPUTS).condition_on(arms, lives, PAPER.deviation**2)
    parts = make_prior(INPUTS).condition_on(arms[:cut], lives[:cut], PAPER.deviation**2)
    parts = parts.condition_on(arms[cut:], lives[cut:], PAPER.deviation**2)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-9)
    np.testing.assert_allclose(parts.variance, whole.variance, rtol=1e-6)


def test_bayesgap_goes_as_in_the_authors_runs() -> None:
    published = np.array(PUBLISHED_RUNS, float)
    ours = np.array([LIVES[run_loop(LIVES, INPUTS, "BayesGap", 48, 4, seed)] for seed in range(20)])
    error = np.sqrt(published.var(axis=0, ddof=1) / len(published) + ours.var(axis=0, ddof=1) / len(ours))
    assert (np.abs(ours.mean(axis=0) - published.mean(axis=0)) < 3 * error).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("factor", "shift"), [(0.01, 3.0), (40.0, -9000.0)])
def test_lives_in_other_units_change_no_choice(method: str, factor: float, shift: float) -> None:
    scaled = factor * LIVES + shift
    scale = PAPER.rescale_to_lives(scaled, LIVES)
    assert scale.deviation == pytest.approx(164 * factor)
    assert run_loop(scaled, INPUTS, method, 8, 3, 1, scale) == run_loop(LIVES, INPUTS, method, 8, 3, 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_loop_is_repeatable_and_recommends_a_protocol_each_round(method: str) -> None:
    first, again = (run_loop(LIVES, INPUTS, method, 8, 3, 5) for _ in range(2))
    assert first == again
    assert len(first) == 3
    assert all(0 <= arm < len(LIVES) for arm in first)


def test_bayesgap_tests_no_protocol_twice_in_a_batch_and_prefers_the_promising() -> None:
    rng = np.random.default_rng(0)
    arms = np.arange(len(LIVES))
    model = make_prior(INPUTS).condition_on(np.tile(arms, 3), np.tile(LIVES, 3), PAPER.deviation**2)
    state = State(model, PAPER.deviation, number=2)
    chosen = choose_by_gap(state, 48, rng)
    assert len(set(chosen.tolist())) == 48
    assert LIVES[chosen].mean() > np.quantile(LIVES, 0.7)


def test_without_a_model_the_best_observed_mean_is_recommended() -> None:
    state = State(make_prior(INPUTS), PAPER.deviation, arms=[3, 3, 7], lives=[1000.0, 600.0, 900.0])
    assert recommend_observed(state) == 7


def test_more_rounds_begin_like_fewer() -> None:
    few, many = (run_loop(LIVES, INPUTS, SAME_MODEL, 8, rounds, 2) for rounds in (2, 6))
    assert many[:2] == few


@pytest.mark.parametrize(
    ("gains", "word"), [([5.0] * 9, "better"), ([-5.0] * 9, "worse"), ([5.0, -5.0] * 4, "not better")]
)
def test_methods_are_compared_in_pairs(gains: list[float], word: str) -> None:
    random = [(8, SAME_MODEL, seed, 1, 900.0 + 10 * seed) for seed in range(len(gains))]
    better = [(8, "a", seed, 1, 900.0 + 10 * seed + gain) for seed, gain in enumerate(gains)]
    runs = pd.DataFrame(random + better, columns=["batch", "method", "seed", "round", "life_cycles"])
    found = compare_methods(runs, 8, "a", 1, 0)
    assert found["gain"] == pytest.approx(np.mean(gains))
    assert found["gain_lower"] <= found["gain"] <= found["gain_upper"]
    assert found["verdict"].startswith(f"{word} than")
    assert found["by_round"][0]["gain"] == found["gain"]


def test_random_batches_match_in_the_first_round_that_is_as_good_or_never() -> None:
    random = np.tile([700.0, 800.0, 900.0, 950.0], (20, 1))
    assert count_rounds_to_match(np.full(20, 850.0), random, 0) == {"round": 3, "lower": 3, "upper": 3, "tried": 4}
    assert count_rounds_to_match(np.full(20, 990.0), random, 0)["round"] == np.inf


def test_protocols_without_a_life_are_left_out_and_said() -> None:
    table = PROTOCOLS.assign(life_cycles=LIVES)
    table.loc[:9, "life_cycles"] = np.nan
    inputs, lives = select_usable_lives(table, "lives.csv")
    assert len(inputs) == len(lives) == 214
    assert "10 of 224" in remark_lives(lives, 224)[0]


def test_flat_lives_are_said() -> None:
    assert not remark_lives(LIVES, 224)
    (remark,) = remark_lives(1000 + LIVES / 100, 224)
    assert "flat" in remark


@pytest.mark.parametrize(("kept", "words"), [(1, "1 of 224 protocols have a life"), (0, "0 of 224")])
def test_a_loop_without_protocols_is_refused(kept: int, words: str) -> None:
    table = PROTOCOLS.assign(life_cycles=np.nan)
    table.loc[: kept - 1, "life_cycles"] = 800.0
    with pytest.raises(TableError, match=words):
        select_usable_lives(table, "lives.csv")


def test_a_loop_without_a_choice_is_refused() -> None:
    with pytest.raises(TableError, match=r"lives.csv.*every protocol lasts 900 cycles"):
        select_usable_lives(PROTOCOLS.assign(life_cycles=900.0), "lives.csv")


def test_the_stage_compares_every_method_on_any_lives(tmp_path: Path) -> None:
    lives, about, runs, comparison = (tmp_path / name for name in ("l.csv", "l.json", "r.csv", "c.json"))
    compute_thermal_lives(lives, about)
    write_csv(lives, pd.read_csv(lives).head(30))
    write_json(about, {"life_model": "thirty", "remarks": ["a remark"]})
    close_loop(lives, about, runs, comparison, LoopSettings(batches=(4, 48), rounds=2, seeds=3, seed=0))
    found, rows = read_json(comparison), pd.read_csv(runs)
    assert (found["life_model"], found["remarks"], found["protocols"]) == ("thirty", ["a remark"], 30)
    assert {(row["batch"], row["method"]) for row in found["comparisons"]} == {(b, m) for b in (4, 48) for m in METHODS}
    assert rows.groupby("method")["round"].max().to_dict() == {
        method: 2 * LONGER if method == SAME_MODEL else 2 for method in METHODS
    }
    assert set(rows["life_cycles"]) <= set(LIVES[:30])


def test_the_figure_is_drawn_from_what_the_stage_writes(tmp_path: Path) -> None:
    lives, about, runs, comparison = (tmp_path / name for name in ("l.csv", "l.json", "r.csv", "c.json"))
    compute_thermal_lives(lives, about)
    close_loop(lives, about, runs, comparison, LoopSettings(batches=(8,), rounds=1, seeds=2, seed=0))
    plot_closed_loop(runs, comparison, tmp_path / "rounds.svg", tmp_path / "rounds.png")
    assert "<svg" in (tmp_path / "rounds.svg").read_text(encoding="utf-8")
    assert (tmp_path / "rounds.png").stat().st_size > 10_000


def test_many_cycles_are_drawn_in_thousands() -> None:
    from batterymi.figures.closed_loop import scale_to_readable_units

    runs = pd.DataFrame({"round": [1, 2, 3], "life_cycles": [30_000.0, 40_000.0, 50_000.0]})
    gains = {"gain": 500.0, "gain_lower": 100.0, "gain_upper": 900.0}
    few = {"best_life": 1208.0, "rounds": 2, "comparisons": [gains]}
    assert scale_to_readable_units(runs, few)[1:] == (few, "cycles")
    scaled, comparison, unit = scale_to_readable_units(runs, few | {"best_life": 60_000.0})
    assert (scaled["life_cycles"].tolist(), comparison["best_life"], unit) == ([30, 40], 60, "1000 cycles")
    assert comparison["comparisons"] == [{"gain": 0.5, "gain_lower": 0.1, "gain_upper": 0.9}]
