"""Pre-training of the graph network: what it starts with, what is left out, and what it gains over the same folds."""

from pathlib import Path

import assumes_torch  # noqa: F401 - skips the file without PyTorch
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLES
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from test_graph_net import make_graphs
from test_structure_gain import SETTINGS, WANTED, make_archive, make_table

from batterymi.config.slices.structures import GainSettings, PretrainingSettings, StructureSettings
from batterymi.config.structures import GraphPretraining
from batterymi.data import crystal_graphs
from batterymi.data.crystal_graphs import read_crystals
from batterymi.data.loaders.base import make_composition_key
from batterymi.data.structure_archive import find_structures
from batterymi.errors import BatteryMIError, DamagedFileError, TableError
from batterymi.features.graph_files import write_graphs
from batterymi.features.site_graphs import make_site_graph
from batterymi.files import read_frame, read_json, write_bytes, write_csv, write_json, write_parquet
from batterymi.stages.compare_pretrained import compare_pretrained
from batterymi.stages.gather_pretrained import gather_pretrained
from batterymi.stages.pretrain_graph_net import pretrain_graph_net
from batterymi.surrogates.feature_gain import BLEND
from batterymi.surrogates.nets import train
from batterymi.surrogates.nets.train import Training, check_site_weights, get_site_weights, train_network
from batterymi.surrogates.pretraining_gain import PRETRAINED, hold_out_systems, join_predictions, score_pretraining
from batterymi.surrogates.structure_gain import NETWORK

CRYSTALS = SAMPLES / "mp_structures/receipt.json", SAMPLES / "mp20_mini/receipt.json"


def fit(start: train.Weights | None = None, seed: int = 0, epochs: int = 1) -> train.FittedNetwork:
    """Return a network of two members that learned from six graphs."""
    graphs, amounts = make_graphs(6)
    return train_network(graphs, np.zeros((6, 1)), amounts, Training(2, epochs, seed, start=start))


def test_a_network_starts_with_pretrained_layers_and_draws_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    start = get_site_weights(fit(seed=5))
    rates: list[list[float]] = []
    monkeypatch.setattr(train, "fit_members", lambda _, groups, *rest: rates.append([one["lr"] for one in groups]))
    scratch, pretrained = fit(), fit(start)
    for name, value in pretrained.weights.items():
        if name.startswith(train.SITES):
            np.testing.assert_array_equal(value, start[name.removeprefix(train.SITES)])
        else:
            np.testing.assert_array_equal(value, scratch.weights[name])
    assert not np.array_equal(scratch.weights["sites.elements"], start["elements"])
    assert rates == [[train.LEARNING_RATE], [train.KEPT_RATE * train.LEARNING_RATE, train.LEARNING_RATE]]


def test_weights_of_another_network_are_refused_in_one_line() -> None:
    start = get_site_weights(fit())
    check_site_weights(start, 2)
    with pytest.raises(
        BatteryMIError, match=r"between\.0\.weight has the shape \(2, 24, 64\), in graph_net it has the"
    ):
        check_site_weights(start, 3)
    with pytest.raises(BatteryMIError, match=r"elements is missing, in graph_net it has the shape \(2, "):
        fit({name: value for name, value in start.items() if name != "elements"})
    with pytest.raises(
        BatteryMIError, match=r"extra has the shape \(1,\), in graph_net it is missing; run pretrain"
    ) as e:
        check_site_weights({**start, "extra": np.zeros(1, np.float32)}, 2)
    assert "\n" not in str(e.value)


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1), st.integers(0, 99))
def test_whole_chemical_systems_are_held_out(systems: list[str], seed: int) -> None:
    held_out = hold_out_systems(systems, seed)
    inside = {name for name, out in zip(systems, held_out, strict=True) if out}
    outside = {name for name, out in zip(systems, held_out, strict=True) if not out}
    assert not inside & outside
    assert len(inside) == -(-len(set(systems)) // 10)


def test_measured_compositions_are_left_out_and_lithium_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    cif = pd.read_csv(SAMPLES / "mp_structures/mpts_52_val.csv.gz")["cif"][0]
    formulas = ["Co4O4", "Li8O4", "Li1Cl1", "Na4Cl4", "Fe2O2", "Li2S1", "Mn1O1"]
    energies = [-1.0, -2.0, np.nan, -2.1, -1.2, -1.5, -1.0]
    texts = [cif, cif, cif, cif, "no crystal", cif, cif]
    known = pd.DataFrame(
        {"material_id": [f"m{n}" for n in range(7)], "formula": formulas, "e_form": energies, "cif": texts}
    )
    monkeypatch.setattr(crystal_graphs, "load_structures", lambda *arguments: known)
    measured = {make_composition_key("NaCl"), make_composition_key("LiCl")}
    everything = read_crystals(Path(), Path(), measured, GraphPretraining(), 0)
    assert everything.rows["material_id"].tolist() == ["m0", "m1", "m5", "m6"]
    expected = {"crystals": 7, "without_energy": 1, "left_out_for_composition": 1, "unreadable": 1, "taken": 4}
    assert everything.counts | expected | {"taken_with_Li": 2} == everything.counts
    assert len(everything.graphs) == 4
    few = GraphPretraining.model_construct(epochs=1, largest_cell=40, most=2)
    assert read_crystals(Path(), Path(), measured, few, 0).rows["material_id"].tolist() == ["m1", "m5"]


def test_gains_over_both_baselines_are_those_that_were_put_in() -> None:
    observed = np.random.default_rng(0).normal(size=40)
    frame = pd.DataFrame({"line": range(40), "group": [str(row // 2) for row in range(40)], "observed": observed})
    signs = np.where(np.arange(40) % 3, 1, -1)
    errors = {BLEND: 1.0, NETWORK: 1.4, PRETRAINED: 1.2}
    compared = frame.assign(**{name: observed + signs * errors[name] for name in (BLEND, NETWORK)})
    pretrained = frame.assign(**{PRETRAINED: observed + signs * errors[PRETRAINED]})
    joined = join_predictions(compared, pretrained)
    scores = score_pretraining([joined, joined], 3, 200, 0).set_index(["over", "candidate"])
    assert scores.loc[(NETWORK, PRETRAINED), "gain"] == pytest.approx(0.2)
    assert scores.loc[(BLEND, PRETRAINED), "gain"] == pytest.approx(-0.2)
    assert scores.loc[(NETWORK, PRETRAINED), "verdict"] == "gain shown"
    assert scores.loc[(BLEND, PRETRAINED), "verdict"] == "loss shown"
    with pytest.raises(ValueError, match="its column observed is not that of the comparison of structures"):
        join_predictions(compared.assign(observed=0.0), pretrained)


def test_the_stages_pretrain_compare_and_gather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.LEAST_STEPS", 1)
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.EPOCHS", 1)
    rows = make_table()
    write_parquet(tmp_path / "table.parquet", rows)
    found = find_structures(rows, make_archive(tmp_path), WANTED)
    write_graphs(tmp_path / "graphs.npz", {line: make_site_graph(one) for line, one in found.records.items()})
    write_csv(tmp_path / "rows.csv", found.rows)
    chosen = WANTED.model_copy(update={"pretraining": GraphPretraining(epochs=1)})
    weights, receipt = tmp_path / "weights.safetensors", tmp_path / "pretraining.json"
    inputs = tmp_path / "table.parquet", *CRYSTALS, weights, receipt
    pretrain_graph_net(*inputs, PretrainingSettings(structures=chosen, seed=0))
    first = weights.read_bytes()
    pretrain_graph_net(*inputs, PretrainingSettings(structures=chosen, seed=0))
    assert weights.read_bytes() == first
    account = read_json(receipt)
    assert account["settings"] == {"epochs": 1, "largest_cell": 40, "most": 6000, "members": 3, "seed": 0}
    assert account["data"]["learned"] + account["held_out"]["crystals"] == account["data"]["taken"] == 9
    few = StructureSettings.model_validate(SETTINGS)
    parts = []
    for partition in ("1", "2"):
        parts.append((tmp_path / f"{partition}.parquet", tmp_path / f"{partition}.json"))
        arguments = tmp_path / "table.parquet", tmp_path / "graphs.npz", tmp_path / "rows.csv", weights
        compare_pretrained(*arguments, *parts[-1], partition, few)
    predictions, times = (list(paths) for paths in zip(*parts, strict=True))
    compared = [tmp_path / "with.parquet", tmp_path / "without.parquet"]
    for path, made in zip(compared, predictions, strict=True):
        write_parquet(path, read_frame(made).assign(**{BLEND: 1.0, NETWORK: 2.0}))
    judged = GainSettings.model_validate({name: SETTINGS[name] for name in GainSettings.model_fields})
    out = tmp_path / "gains.csv", tmp_path / "report.json"
    gather_pretrained(compared, predictions, times, receipt, *out, judged)
    assert set(read_json(out[1])["verdicts"]) == {NETWORK, BLEND}
    assert len(pd.read_csv(out[0])) == 6
    write_parquet(predictions[1], read_frame(predictions[1]).iloc[::-1])
    with pytest.raises(
        DamagedFileError, match=r"2\.parquet: its column line is not that .* run compare_pretrained again"
    ):
        gather_pretrained(compared, predictions, times, receipt, *out, judged)
    narrow = {name: value[:1] for name, value in load(first).items()}
    write_bytes(weights, save(narrow))
    with pytest.raises(DamagedFileError, match=r"weights\.safetensors: weights of another network: between\.0\.weight"):
        compare_pretrained(*arguments, *parts[0], "1", few)
    write_json(weights, {})
    with pytest.raises(DamagedFileError, match=r"weights\.safetensors: no weights of a network"):
        compare_pretrained(*arguments, *parts[0], "1", few)


def test_too_few_crystals_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path / "table.parquet", make_table())
    chosen = WANTED.model_copy(
        update={"pretraining": GraphPretraining.model_construct(epochs=1, largest_cell=2, most=20)}
    )
    with pytest.raises(TableError, match="0 crystals of other compositions than the study's are too few"):
        pretrain_graph_net(
            tmp_path / "table.parquet",
            *CRYSTALS,
            tmp_path / "w",
            tmp_path / "r",
            PretrainingSettings.model_construct(structures=chosen, seed=0),
        )
