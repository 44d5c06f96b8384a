"""Bonds of structures: their statistics, what voltages gain by them, and NASICON compositions by their cations."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MIRROR, SAMPLES, needs_torch

from batterymi.config.bonds import KINDS
from batterymi.config.models import CrossValidated
from batterymi.data.loaders.mp_li_electrode_graphs import ElectrodeStructures, load_electrode_structures
from batterymi.data.loaders.nasicon_ehull import load_rows
from batterymi.errors import DamagedFileError
from batterymi.features.bonds import BondedAtoms, describe_bonds, fill_unknown, make_bond_graph
from batterymi.files import read_frame, write_parquet
from batterymi.stages import gather_bonds as gathering
from batterymi.stages import predict_hull_distances as predicting
from batterymi.stages.compare_bonds import compare_bonds
from batterymi.surrogates import bond_gain
from batterymi.surrogates.nasicon import count_electrodes, make_hull_problem, measure_ranking

QUICK = CrossValidated(models=("dummy", "ridge", "extra_trees"), folds=3, trees=10)


def make_ring(symbols: list[int], distances: list[float]) -> BondedAtoms:
    """A ring of atoms."""
    places = np.arange(len(symbols))
    pairs = np.stack([places, np.roll(places, -1)], axis=1)
    return BondedAtoms(np.array(symbols), np.concatenate([pairs, pairs[:, ::-1]]), np.tile(distances, 2))


def test_bond_statistics_are_those_of_the_bonds() -> None:
    first = make_ring([3, 8, 26, 8], [2.0, 1.9, 2.1, 2.2])  # Li-O 2.0 and 2.2, Fe-O 1.9 and 2.1
    second = make_ring([3, 8, 15, 8], [2.4, 1.5, 1.5, 2.4])
    found = describe_bonds([first, second], "Li")
    lengths = found[[f"ion-anion distance {name}" for name in ("mean", "std", "min", "max")]]
    np.testing.assert_allclose(lengths, [[2.1, 0.1, 2.0, 2.2], [2.4, 0.0, 2.4, 2.4]], atol=1e-9)
    # all four Li-O bonds are 2.25 on average
    np.testing.assert_allclose(found["ion-anion residual mean"], [-0.15, 0.15], atol=1e-9)
    np.testing.assert_allclose(found["metal-anion distance mean"], [2.0, np.nan])
    np.testing.assert_allclose(found["centre-anion distance mean"], [np.nan, 1.5])
    # in a ring each atom has two neighbours
    np.testing.assert_allclose(found["anion coordination mean"], [2.0, 2.0])
    filled = fill_unknown(found)
    assert filled["metal-anion distance mean"].tolist() == [2.0, 2.0]
    assert not filled.isna().any(axis=None)


def test_the_order_of_atoms_and_bonds_changes_no_statistic() -> None:
    one = make_ring([3, 8, 26, 8, 3, 8], [2.0, 1.9, 2.1, 2.2, 2.3, 1.8])
    order = np.array([4, 2, 0, 5, 1, 3])
    place = np.argsort(order)
    other = BondedAtoms(one.numbers[order], place[one.edges][::-1], one.distance[::-1])
    pd.testing.assert_frame_equal(describe_bonds([one, one], "Li"), describe_bonds([other, other], "Li"))


def test_a_graph_joins_equivalent_atoms() -> None:
    graph = make_bond_graph(make_ring([3, 8] * 4, [2.0] * 8))
    assert (len(graph.ions), graph.multiplicity.tolist()) == (2, [0.5, 0.5])
    assert sorted(graph.ions) == [0.0, 1.0]
    assert graph.count.tolist() == [2.0, 2.0]
    np.testing.assert_allclose(graph.distance, 2.0)


def load_sample() -> ElectrodeStructures:
    """The sample's electrodes with structures."""
    return load_electrode_structures(SAMPLES / "mp_li_electrode_graphs", SAMPLES / "mp_electrodes")


def test_electrodes_of_the_sample_get_the_structure_of_their_id() -> None:
    known = load_sample()
    # of 15 structures one belongs to a formula that is none, one to a voltage beyond any
    assert known.rows["discharged_id"].tolist() == [
        f"made-up-{n}" for n in (0, 10, 11, 12, 13, 14, 1, 3, 5, 6, 7, 8, 9)
    ]
    assert known.rows["line"].tolist() == list(range(1, 14))
    for formula, atoms in zip(known.rows["discharged"], known.structures, strict=True):
        assert (atoms.numbers == 3).sum() == int(formula[2])


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
def test_as_many_electrodes_have_a_structure_as_were_counted_elsewhere() -> None:
    known = load_electrode_structures(MIRROR / "mp_li_electrode_graphs", MIRROR / "mp_electrodes")
    assert (len(known.rows), known.rows["host_system"].nunique()) == (1108, 383)


@needs_torch
def test_what_bonds_say_is_found_and_a_control_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = load_sample()
    chance = np.random.default_rng(0)
    # hosts of their own, whose voltage is the length of their Li-O bonds, which no formula holds
    rows = pd.concat([known.rows] * 4, ignore_index=True)
    rows["line"] = np.arange(1, len(rows) + 1)
    rows["host_system"] = [f"host {n}" for n in range(len(rows))]
    lengths = chance.uniform(1.9, 2.5, len(rows))
    rings = [make_ring([3, 8, 27, 8], [length, 1.9, 1.9, length]) for length in lengths]
    rows["voltage_v"] = 10 * (lengths - 1.9)
    made = ElectrodeStructures(rows, rings)
    monkeypatch.setattr("batterymi.stages.compare_bonds.load_electrode_structures", lambda *folders: made)
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.LEAST_STEPS", 4)
    monkeypatch.setattr("batterymi.surrogates.families.graph_net.EPOCHS", 1)
    for module in (bond_gain, gathering):
        monkeypatch.setattr(module, "METHOD", QUICK)
    files = {kind: [tmp_path / f"{kind}{n}.parquet" for n in (1, 2)] for kind in KINDS}
    times = [path.with_suffix(".json") for paths in files.values() for path in paths]
    for kind, paths in files.items():
        for n, path in enumerate(paths, start=1):
            compare_bonds(Path("a/r"), Path("b/r"), path, path.with_suffix(".json"), kind, str(n))
    out = tmp_path / "gains.csv", tmp_path / "report.json"
    gathering.gather_bonds(*files.values(), times, *out)
    gains = pd.read_csv(out[0], index_col="candidate")
    assert list(gains.index) == list(bond_gain.CANDIDATES)
    assert gains.loc[["both", "bonds"], "verdict"].tolist() == ["gain shown"] * 2
    assert gains.loc["shuffled", "verdict"] != "gain shown"
    assert gains.loc["both", "mae"] < 0.5 * gains.loc["composition", "mae"]
    report = json.loads(out[1].read_text())
    assert (report["rows"], report["systems"]) == (52, 52)
    assert set(report["cpu_seconds"]) == set(bond_gain.CANDIDATES) - {"average", "average_shuffled"}
    nets = [read_frame(files[kind][0]) for kind in ("network", "control")]
    assert not np.allclose(nets[0]["graph_net"], nets[1]["graph_net_shuffled"]), "the control has other graphs"
    frame = read_frame(files["network"][1])
    write_parquet(files["network"][1], frame.iloc[::-1])
    with pytest.raises(DamagedFileError, match="the rows of the kinds differ"):
        gathering.gather_bonds(*files.values(), times, *out)


def test_nasicons_of_the_sample_are_read_and_failed_calculations_listed() -> None:
    rows = load_rows(SAMPLES / "nasicon_ehull")
    assert (rows.n_in, len(rows.frame)) == (72, 70)
    assert [(one["line"], one["reason"]) for one in rows.dropped] == [
        (4, "outside -300 to 300 meV/atom"), (6, "outside -300 to 300 meV/atom"),
    ]  # fmt: skip
    row = rows.frame.iloc[10]
    assert (row["composition"], row["cation_set"], row["metal_set"], row["na"]) == (
        "Na1TiSc(PO4)3",
        "Na-P-Sc-Ti",
        "Sc-Ti",
        1,
    )
    problem = make_hull_problem(rows.frame, "metal_set")
    # Ti and Sc in either order are one group
    assert len(set(problem.groups)) == 36


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets beside the project")
def test_no_nasicon_of_the_set_can_give_sodium_and_sixteen_calculations_failed() -> None:
    rows = load_rows(MIRROR / "nasicon_ehull")
    assert (rows.n_in, len(rows.frame), rows.frame["cation_set"].nunique()) == (3881, 3865, 830)
    assert count_electrodes(rows.frame) == 0
    assert count_electrodes(pd.DataFrame({"composition": ["Na3V2(PO4)3"]})) == 1


def test_distances_of_cations_not_seen_together_are_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = CrossValidated(models=("dummy", "ridge", "nearest_composition"), folds=3, criterion="absolute")
    for name, value in {"METHOD": quick, "PARTITIONS": 2, "BOOTSTRAPS": 100}.items():
        monkeypatch.setattr(predicting, name, value)
    out = tmp_path / "scores.csv", tmp_path / "predictions.parquet", tmp_path / "report.json"
    predicting.predict_hull_distances(SAMPLES / "nasicon_ehull/receipt.json", *out)
    scores = pd.read_csv(out[0], index_col=["grouping", "model"])
    assert len(scores) == 6
    assert scores.loc[("metal_set", "ridge"), "verdict"] == "gain shown"
    assert scores.loc[("metal_set", "ridge"), "area_under_curve"] > 0.8
    report = json.loads(out[2].read_text())
    assert (report["rows"], report["metal_set"], report["can_give_sodium"]) == (70, 36, 1)


def test_a_ranking_is_right_if_what_forms_is_predicted_lower() -> None:
    frame = pd.DataFrame({"partition": 1, "observed": [-10.0, 0.0, 5.0, 30.0], "model": [0.0, 1.0, 2.0, 3.0]})
    assert measure_ranking(frame, "model") == 1.0
    assert measure_ranking(frame.assign(model=-frame["model"]), "model") == 0.0
