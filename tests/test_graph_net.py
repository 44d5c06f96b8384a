"""The graph network: what it learns from sites alone, and what makes no difference to it."""

import sys
from pathlib import Path

import assumes_torch  # noqa: F401 - skips the file without PyTorch
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_site_graphs import ROCK_SALT, make_sites, records, repeat_cell

from batterymi.config.parts import Feature
from batterymi.errors import BatteryMIError
from batterymi.features.site_graphs import GRAPH_COLUMN, SiteGraph, make_site_graph
from batterymi.features.site_records import SiteRecord
from batterymi.surrogates.families import graph_net
from batterymi.surrogates.model import Options, make_model
from batterymi.surrogates.nets.graph import convert_graph
from batterymi.surrogates.nets.train import FittedNetwork, Training, predict_network, train_network
from batterymi.surrogates.store import StoredModel, load_models, save_models
from batterymi.surrogates.widening import Widening

COLUMN = f"g: {GRAPH_COLUMN}"
NUMBER = Feature(name="x", label="x", unit="1")
QUICK = {"epochs": 60, "members": 2}


def make_graphs(n: int) -> tuple[list[SiteGraph], np.ndarray]:
    """Return rock salts with more or less lithium, and how much."""
    amounts = np.random.default_rng(0).uniform(0.2, 1, n)
    found = []
    for amount in amounts:
        sites = ROCK_SALT.amounts.copy()
        sites[sites == 0.8] = amount
        found.append(make_site_graph(SiteRecord(ROCK_SALT.cell, ROCK_SALT.positions, sites)))
    return found, amounts


@pytest.fixture(scope="module")
def fitted() -> FittedNetwork:
    """Return a network that learned from 24 graphs and two numbers."""
    graphs, amounts = make_graphs(24)
    matrix = np.random.default_rng(1).normal(size=(24, 2))
    return train_network(graphs, matrix, -3 * amounts, Training(2, 60, 0))


def predict(network: FittedNetwork, record: SiteRecord, *, merges: bool = True) -> np.ndarray:
    """Return what each member says of one record."""
    return predict_network(network, [make_site_graph(record, merges=merges)], np.zeros((1, 2)))


@settings(max_examples=15)
@given(records(), st.randoms(use_true_random=False), st.tuples(*[st.integers(1, 2)] * 3))
def test_the_way_a_crystal_is_written_changes_no_prediction(
    fitted: FittedNetwork, record: SiteRecord, chance: object, times: tuple[int, int, int]
) -> None:
    order = list(range(len(record)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    moved = SiteRecord(record.cell, (record.positions[order] + 0.3) % 1, record.amounts[order])
    plain = predict(fitted, record)
    larger = repeat_cell(record, *times)
    for other in (predict(fitted, moved), predict(fitted, larger)):
        assert np.abs(other - plain).max() < 1e-5


def test_merged_sites_predict_what_all_of_them_do(fitted: FittedNetwork) -> None:
    chain = make_sites(np.diag([4, 4, 11]), ((0, 0, 0), {"O": 1}), ((0, 0, 0.2), {"Li": 0.7}), ((0, 0, 0.45), {"S": 1}))
    # of one kind of site there are twice as many as of the other
    oxide = make_sites(
        np.array([[0, 2.3, 2.3], [2.3, 0, 2.3], [2.3, 2.3, 0]]),
        ((0, 0, 0), {"O": 1}),
        *[((part, part, part), {"Li": 1}) for part in (0.25, 0.75)],
    )
    for record in (ROCK_SALT, chain, oxide):
        larger = repeat_cell(record, 2, 1, 2)
        assert len(make_site_graph(larger).amounts) < len(larger)
        np.testing.assert_allclose(predict(fitted, larger), predict(fitted, larger, merges=False), rtol=1e-9)


def test_occupancy_is_learned_from_sites_alone_and_the_same_on_every_run() -> None:
    graphs, amounts = make_graphs(40)
    frame = pd.DataFrame({COLUMN: pd.Series(graphs, dtype=object)})
    models = [make_model("graph_net", Options(seed), QUICK) for seed in (3, 3, 4)]
    means = [model.fit([], frame[:30], 10 * amounts[:30]).predict_mean(frame[30:]) for model in models]
    assert np.abs(means[0] - 10 * amounts[30:]).mean() < 0.5 * np.abs(10 * (amounts[30:] - amounts[:30].mean())).mean()
    np.testing.assert_array_equal(means[0], means[1])
    assert not np.array_equal(means[0], means[2])


def test_other_models_and_blends_take_their_own_part(tmp_path: Path) -> None:
    graphs, amounts = make_graphs(40)
    x = np.random.default_rng(2).normal(size=40)
    frame = pd.DataFrame({"x": x, COLUMN: pd.Series(graphs, dtype=object)})
    frame.loc[5, COLUMN] = None  # a row without a structure
    observed = 10 * amounts
    options = Options(0, members=("ridge", "graph_net"))
    blend = make_model("blend", options, {}).fit([NUMBER], frame, observed)
    ridge = make_model("ridge", options, {}).fit([NUMBER], frame, observed)
    np.testing.assert_allclose(ridge.predict_mean(frame), ridge.predict_mean(frame.drop(columns=COLUMN)))
    member = 2 * blend.predict_mean(frame) - ridge.predict_mean(frame)
    assert np.corrcoef(member[np.arange(40) != 5], observed[np.arange(40) != 5])[0, 1] > 0.8
    assert np.isfinite(member).all()
    stored = StoredModel("all", "y", ["x"], [], [], blend, 1.0, Widening(np.empty((0, 1))))
    save_models(tmp_path / "model.skops", [stored])
    loaded = load_models(tmp_path / "model.skops")[0].fitted
    np.testing.assert_array_equal(loaded.predict_mean(frame), blend.predict_mean(frame))
    # a row's prediction depends on that row alone
    np.testing.assert_allclose(loaded.predict_mean(frame[7:8]), blend.predict_mean(frame)[7:8], rtol=1e-12)


def test_sites_of_the_mobile_ion_are_told_from_the_same_composition_without_order(fitted: FittedNetwork) -> None:
    cell = 4.2 * np.eye(3)
    full = make_sites(cell, ((0, 0, 0), {"Li": 1}), ((0.5, 0.5, 0.5), {"Cl": 1}))
    split = make_sites(cell, ((0, 0, 0), {"Li": 0.5}), ((0.5, 0, 0), {"Li": 0.5}), ((0.5, 0.5, 0.5), {"Cl": 1}))
    assert np.abs(predict(fitted, full) - predict(fitted, split)).max() > 1e-3


def test_messages_fade_with_the_distance_and_count_by_how_much_is_there() -> None:
    graph = make_site_graph(ROCK_SALT)
    weight = convert_graph(graph, torch.float64).weight.numpy()
    total = graph.amounts.sum(axis=1)
    nearest = np.abs(graph.distance - 2.1) < 1e-6
    # six neighbours, at 0.5 (1 + cos(pi 2.1 / 4.5))
    expected = 6 * 0.5 * (1 + np.cos(np.pi * 2.1 / 4.5)) * total[graph.neighbour[nearest]]
    np.testing.assert_allclose(weight[nearest], expected)
    assert sorted(total[graph.neighbour[nearest]].round(6)) == [0.8, 1.0]


def test_nothing_to_learn_from_and_no_torch_are_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("graph_net", Options(), {})
    with pytest.raises(BatteryMIError, match="neither a structure nor another feature"):
        model.fit_encoded(np.empty((5, 0)), np.arange(5.0))
    monkeypatch.delitem(sys.modules, "batterymi.surrogates.nets.train")
    monkeypatch.delattr("batterymi.surrogates.nets.train")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BatteryMIError, match="graph_net needs PyTorch"):
        graph_net._import_training()
