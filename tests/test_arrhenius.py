"""Arrhenius fits on series with known answers, hosts with both ions, and the stages that write them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from batterymi.config.sources import ElectrodeRows
from batterymi.costing.arrhenius import BOLTZMANN_EV_K, FORMS, fit_arrhenius, predict_conductivity
from batterymi.costing.conductivities import count_temperatures, fit_series, list_series, summarise_series
from batterymi.costing.hosts import compare_ions, compute_difference, pair_hosts
from batterymi.data.loaders import mp_electrodes
from batterymi.data.loaders.liion_database import load_conductivities
from batterymi.errors import DesignError, TableError
from batterymi.figures.arrhenius import draw_arrhenius
from batterymi.figures.style import COLUMN_IN, apply_style
from batterymi.files import read_frame, read_json
from batterymi.stages.compute_cell_facts import compute_cell_facts
from batterymi.stages.fit_conductivities import fit_conductivities

mirrored = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
CELSIUS = np.array([20.0, 45.0, 80.0, 120.0, 160.0])


def conduct(celsius: np.ndarray, energy_ev: float, form: str = FORMS[0], factor: float = 1e4) -> np.ndarray:
    """Conductivities on a line of a form."""
    kelvin = np.asarray(celsius) + 273.15
    values = factor * np.exp(-energy_ev / BOLTZMANN_EV_K / kelvin)
    return values / kelvin if form == FORMS[0] else values


@settings(max_examples=30)
@given(energy=st.floats(0.1, 1.2), form=st.sampled_from(FORMS), far=st.floats(-60, 400))
def test_points_on_a_line_give_it_back(energy: float, form: str, far: float) -> None:
    fit = fit_arrhenius(CELSIUS, conduct(CELSIUS, energy, form), form)  # type: ignore[arg-type]
    assert fit.activation_energy_ev == pytest.approx(energy)
    assert fit.high_ev - fit.low_ev < 1e-6
    assert predict_conductivity(fit, far).conductivity_s_cm == pytest.approx(float(conduct(far, energy, form)))
    assert not fit.is_curved


def test_the_forms_differ_by_about_kt() -> None:
    sigma = conduct(CELSIUS, 0.4)
    hops, plain = (fit_arrhenius(CELSIUS, sigma, form) for form in FORMS)
    # d ln T / d(1/T) = -T, so the slopes differ by k times a mean temperature of about 360 K
    assert hops.activation_energy_ev - plain.activation_energy_ev == pytest.approx(BOLTZMANN_EV_K * 360, rel=0.1)


def test_intervals_are_those_of_linear_regression() -> None:
    sigma = conduct(CELSIUS, 0.35) * np.array([1.1, 0.8, 1.2, 1.0, 0.9])
    fit = fit_arrhenius(CELSIUS, sigma)
    kelvin = CELSIUS + 273.15
    line = stats.linregress(1 / kelvin, np.log(sigma * kelvin))
    half = stats.t.ppf(0.975, 3) * line.stderr * BOLTZMANN_EV_K
    assert fit.activation_energy_ev == pytest.approx(-line.slope * BOLTZMANN_EV_K)
    assert (fit.low_ev, fit.high_ev) == pytest.approx(
        (fit.activation_energy_ev - half, fit.activation_energy_ev + half)
    )


def test_prediction_intervals_hold_one_more_measurement_in_95_of_100_cases() -> None:
    rng, hits, n = np.random.default_rng(0), 0, 1500
    clean, cold = conduct(CELSIUS, 0.4), float(conduct(-30.0, 0.4))
    for _ in range(n):
        noise = np.exp(0.2 * rng.normal(size=6))
        predicted = predict_conductivity(fit_arrhenius(CELSIUS, clean * noise[:5]), -30)
        hits += predicted.low_s_cm <= cold * noise[5] <= predicted.high_s_cm
    # the standard error of the share is 0.0056
    assert 0.935 < hits / n < 0.965


def test_a_bend_is_found_and_scatter_is_not_called_one() -> None:
    rng, n, flagged = np.random.default_rng(1), 400, 0
    celsius = np.array([25.0, 60.0, 100.0, 150.0, 200.0, 260.0])
    for _ in range(n):
        flagged += fit_arrhenius(celsius, conduct(celsius, 0.5) * np.exp(0.1 * rng.normal(size=6))).is_curved
    assert flagged / n == pytest.approx(0.05, abs=0.035)
    # 0.8 eV below 100 °C and 0.3 eV above it, continuous there
    scale = conduct(100.0, 0.8) / conduct(100.0, 0.3)
    bent = np.where(celsius <= 100, conduct(celsius, 0.8), scale * conduct(celsius, 0.3))
    fit = fit_arrhenius(celsius, bent * np.exp(0.02 * rng.normal(size=6)))
    assert fit.is_curved
    assert fit.bend_ev == pytest.approx(0.5, abs=0.1)


def test_two_temperatures_give_a_line_without_an_interval_and_one_gives_none() -> None:
    # Li10GeP2S12 at 25 and 5 °C: ln(0.012 x 298.15 / (0.00631 x 278.15)) = 0.7122 over 2.4117e-4 1/K: 2953 K, 0.2545 eV
    fit = fit_arrhenius(np.array([25.0, 5.0]), np.array([0.012, 0.00631]))
    assert fit.activation_energy_ev == pytest.approx(0.2545, abs=5e-4)
    assert np.isnan([fit.low_ev, fit.curvature_p, fit.residual_decades]).all()
    cold = predict_conductivity(fit, -30)
    # x exp(-2953 x 7.587e-4) x 298.15/243.15
    assert cold.conductivity_s_cm == pytest.approx(1.57e-3, rel=0.01)
    assert np.isnan(cold.low_s_cm)
    with pytest.raises(DesignError, match="1 temperature gives no activation energy"):
        fit_arrhenius(np.array([25.0, 25.0]), np.array([1e-3, 2e-3]))
    with pytest.raises(DesignError, match="conductivities above 0"):
        fit_arrhenius(np.array([25.0, 50.0]), np.array([1e-3, 0.0]))


def make_rows(series: list[tuple[str, str, list[float], float]]) -> pd.DataFrame:
    """Rows as the loader gives them: for each series composition, paper, temperatures and activation energy."""
    parts: Iterator[pd.DataFrame] = (
        pd.DataFrame(
            {
                "composition": composition,
                "composition_key": composition,
                "doi": doi,
                "family": composition[:2],
                "temperature_c": celsius,
                "conductivity_s_cm": conduct(np.array(celsius), energy),
            }
        )
        for composition, doi, celsius, energy in series
    )
    return pd.concat(parts, ignore_index=True)


def test_series_are_of_one_material_and_paper_and_span_enough() -> None:
    rows = make_rows(
        [
            ("Li3N", "a", [25, 60, 100], 0.3),
            ("Li3N", "b", [25, 60], 0.5),
            ("LiCl", "a", [24.9, 25.1, 27], 0.4),
            ("LiBr", "a", [25, 26, 90], 0.6),
        ]
    )
    assert [(one.composition, one.doi) for one in list_series(rows)] == [("Li3N", "a"), ("Li3N", "b"), ("LiBr", "a")]
    assert count_temperatures(pd.Series([26.0, 90.0, 25.0])) == 2
    fits = fit_series(rows).set_index(["composition", "doi"])
    assert fits["has_interval"].tolist() == [True, False, False]
    assert fits["activation_energy_ev"].tolist() == pytest.approx([0.3, 0.5, 0.6])
    assert fits.loc[("Li3N", "b"), "low_s_cm_at_minus_30_c"] != fits.loc[("Li3N", "b"), "low_s_cm_at_minus_30_c"]
    summary = summarise_series(fits.reset_index())
    assert (summary["n_series"], summary["n_two_temperatures"]) == (1, 2)
    with pytest.raises(TableError, match="at temperatures 20 K apart"):
        fit_series(rows[rows["composition"] == "LiCl"])


def test_the_figure_fits_a_column_and_names_the_fastest_of_each_family() -> None:
    rows = load_conductivities(SAMPLES / "liion_database").frame.assign(family="Garnet")
    with apply_style():
        figure = draw_arrhenius(list(list_series(rows)))
        labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
        assert figure.get_size_inches()[0] == pytest.approx(COLUMN_IN)
    assert labels == ["Li9Ge9O"], "of those with three temperatures left it has the smallest slope"


def test_the_stage_fits_what_the_data_set_holds(tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("fits.csv", "summary.json", "figure.svg", "figure.png")]
    fit_conductivities(SAMPLES / "liion_database" / "receipt.json", *outputs)
    fits, summary = read_frame(outputs[0]), read_json(outputs[1])
    assert len(fits) == 5
    # made up with 1000 + 200 n over T in decades, as ln(sigma): k ln(10) times that, in eV
    expected = [BOLTZMANN_EV_K * np.log(10) * (1000 + 200 * number) for number in range(1, 6)]
    assert fits["plain_activation_energy_ev"].tolist() == pytest.approx(expected, abs=0.02)
    assert summary["rows"] == 21
    assert [fault["line"] for fault in summary["dropped"]] == [9, 13, 5]
    assert outputs[2].stat().st_size > 1000


def make_hosts(n: int, difference: float) -> pd.DataFrame:
    """Electrodes of n hosts with both ions, Na so much above Li; and others that are not to be paired."""
    metals = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Mo", "W", "Nb", "Ta", "Zr", "Hf")
    rows = []
    for number, metal in enumerate(metals[:n]):
        volts = 2 + 0.1 * number
        rows.append(("Li", f"{metal}O2", f"Li{metal}O2", volts))
        rows.append(("Na", f"{metal}2O4", f"Na2{metal}2O4", volts + difference))
    rows += [("Li", "FePO4", "LiFePO4", 3.4), ("Na", "FePO4", "Na0.5FePO4", 9.0), ("K", "TiO2", "KTiO2", 0.5)]
    return pd.DataFrame(rows, columns=["ion", "charged", "discharged", "voltage_v"])


def test_hosts_are_paired_by_composition_and_by_what_they_take_up() -> None:
    rows = make_hosts(12, -0.2)
    pairs = pair_hosts(rows, "Na", "Li")
    assert len(pairs) == 12, "the phosphate takes up twice as much Li as Na"
    assert pairs["difference_v"].tolist() == pytest.approx([-0.2] * 12)
    assert len(pair_hosts(rows, "Na", "Li", same_content=False)) == 13
    found = compute_difference(pairs)
    assert (found.mean_v, found.low_v, found.high_v, found.share_below) == pytest.approx((-0.2, -0.2, -0.2, 1))
    with pytest.raises(TableError, match="only 5 hosts have voltages of both Na and Li; 10 needed"):
        pair_hosts(make_hosts(5, -0.2), "Na", "Li")


def test_polymorphs_of_a_host_count_once() -> None:
    rows = make_hosts(12, -0.2)
    polymorphs = rows.iloc[[0, 0, 0]].assign(voltage_v=[5.0, 5.2, 2.0])
    pairs = pair_hosts(pd.concat([rows, polymorphs]), "Na", "Li")
    assert len(pairs) == 12
    # TiO2 with Li: 2, 5, 5.2 and 2 V, median 3.5; with Na 1.8 V
    assert pairs["difference_v"].min() == pytest.approx(1.8 - 3.5)


def test_the_stage_writes_facts_without_data_sets(tmp_path: Path) -> None:
    compute_cell_facts(None, tmp_path / "facts.json", tmp_path / "facts.csv")
    content, frame = read_json(tmp_path / "facts.json"), read_frame(tmp_path / "facts.csv")
    assert content["hosts"] is None
    assert set(content) == {"energies", "cells", "costs", "driving", "inputs", "hosts"}
    for key, value in zip(frame["key"], frame["value"], strict=True):
        place = content
        for part in key.split("."):
            place = place[part]
        assert place["value"] == pytest.approx(value), key
    json.dumps(content, allow_nan=False)


@mirrored
def test_sodium_lies_a_little_below_lithium_in_the_same_hosts() -> None:
    settings = ElectrodeRows(name="mp_electrodes", ions=("Na", "Li"))
    found = compare_ions(mp_electrodes.load_rows(MIRROR / "mp_electrodes", settings).frame)
    for way in ("same_content", "any_content"):
        assert found[way]["n_hosts"] > 100
        assert -0.3 < found[way]["low_v"] < found[way]["mean_v"] < found[way]["high_v"] < 0
        assert found[way]["low_v"] > -0.5, "not the half volt that the chapter states"


@mirrored
def test_no_series_of_the_data_set_was_measured_in_the_cold() -> None:
    fits = fit_series(load_conductivities(MIRROR / "liion_database").frame)
    summary = summarise_series(fits)
    assert summary["n_series"] == 79
    assert summary["extrapolated"]["lowest_measured_c"] == 5
    sulfide = fits[fits["doi"] == "10.1038/nmat3066"].iloc[0]
    assert sulfide["low_s_cm_at_minus_30_c"] < 1e-3 < sulfide["high_s_cm_at_minus_30_c"]
    assert (fits["activation_energy_ev"] - fits["plain_activation_energy_ev"] > 0).all()
