"""Training of networks over formulas: the same in NumPy, after an interruption, and blind to what is held out."""

import logging
import shutil
from pathlib import Path

import assumes_torch  # noqa: F401 - skips the file without PyTorch
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from batterymi.config.formula_net import FineTuning
from batterymi.config.slices.formula_net import GatheringSettings, PretrainingSettings
from batterymi.data.host_pairs import pair_hosts
from batterymi.errors import BatteryMIError
from batterymi.features.formula_encoder import encode_formulas
from batterymi.features.formula_net import FormulaNet, load_formula_net
from batterymi.features.formula_table import tabulate_formulas
from batterymi.files import compute_sha256, read_json, write_json
from batterymi.stages import pretrain_formula_net as stage
from batterymi.stages.gather_formula_net import Artefact, gather_formula_net
from batterymi.stages.pretrain_formula_net import pretrain_formula_net
from batterymi.surrogates.nets.checkpoint import load_state, save_state
from batterymi.surrogates.nets.formula import FormulaEncoder
from batterymi.surrogates.nets.formula_chain import Chain, draw_rows
from batterymi.surrogates.nets.formula_voltage import describe_electrodes
from batterymi.surrogates.nets.pairs import find_voltages, train_pairs
from batterymi.surrogates.nets.pretrain import (
    Examples,
    Pretraining,
    State,
    choose_device,
    export_weights,
    make_examples,
    predict_targets,
    pretrain_encoder,
    take_blocks,
)
from batterymi.vocabulary.elements import INDEX

SAMPLES = Path(__file__).with_name("samples")
VOCABULARY = ("Li", "O", "Na", "P", "S", "Ti", "Fe")
TINY = Pretraining(width=16, layers=2, epochs=4, batch=32, pair_epochs=0, seed=1, device="cpu")
FORMULAS = [
    f"{ion}{amount}{metal}{oxygen and f'O{oxygen}'}"
    for ion in ("Li", "Na")
    for amount in (1, 2, 3, 4)
    for metal in ("Fe", "Ti", "FeP", "TiS2")
    for oxygen in (2, 3, 4)
]


def make_tiny_examples() -> Examples:
    """Return formulas with an energy that falls with the share of oxygen, and a quantity that is seldom known."""
    table = tabulate_formulas(FORMULAS, VOCABULARY)
    oxygen = np.where(table.elements == 1, table.fractions, 0).sum(axis=1)
    targets = np.stack([-3 * oxygen, np.where(np.arange(len(FORMULAS)) % 7 == 0, oxygen, np.nan)], axis=1)
    rows = np.arange(len(FORMULAS))
    return make_examples(table, targets, rows, np.array([INDEX[symbol] for symbol in VOCABULARY]))


def make_tiny_net(members: int = 2) -> FormulaNet:
    """Return encoders with drawn weights."""
    generator = torch.Generator().manual_seed(3)
    encoder = FormulaEncoder((members, 16, 2), torch.randn(len(VOCABULARY), 14, generator=generator), 3, generator)
    return FormulaNet(export_weights(encoder), VOCABULARY, np.array([-1.5, 1, 0]), np.array([1.0, 1, 1]), {})


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["Li2S", "NaFePO4", "TiO2", "O", "LiTi2P3O12", "Fe3O4", "Na2Ti3O7"]), min_size=1))
def test_the_forward_pass_in_numpy_is_that_of_pytorch(formulas: list[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    encoder = FormulaEncoder((2, 32, 2), torch.randn(len(VOCABULARY), 14, generator=generator), 3, generator)
    table = tabulate_formulas(formulas, VOCABULARY)
    order, blocks = take_blocks(table, np.arange(len(table)), "cpu")
    with torch.no_grad():
        embedded = encoder(blocks)
        targets = encoder.predict_targets(embedded)
    for member in range(2):
        found = encode_formulas(export_weights(encoder), member, table)
        np.testing.assert_allclose(found[0][order.numpy()], embedded[member], rtol=0, atol=1e-5)
        np.testing.assert_allclose(found[1][order.numpy()], targets[member], rtol=0, atol=1e-5)


def test_an_encoder_learns_and_an_interruption_changes_nothing(tmp_path: Path) -> None:
    examples, states = make_tiny_examples(), []
    whole = pretrain_encoder(examples, TINY, None, states.append)
    assert states[-1].losses[-1] < 0.8 * states[0].losses[0]
    # the state goes through a file, as after a kill
    kept = tmp_path / "kept.safetensors"
    save_state(kept, states[1], {"seed": 1})
    resumed = pretrain_encoder(examples, TINY, load_state(kept, {"seed": 1}), lambda _: None)
    for name, weight in export_weights(whole).items():
        np.testing.assert_array_equal(export_weights(resumed)[name], weight)
    miss = np.abs(predict_targets(whole, examples, examples.rows, "cpu")[0, :, 0] - examples.targets[:, 0])
    assert miss.mean() < 0.8 * examples.targets[:, 0].std()


def test_an_interrupted_training_of_other_settings_is_an_error_of_one_line(tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    assert load_state(kept, {}) is None
    save_state(kept, State([0.5], {"step": np.zeros(1, np.float32)}), {"width": 16})
    with pytest.raises(BatteryMIError, match=r"other settings .width: it had 16, now 32.; restore them") as caught:
        load_state(kept, {"width": 32})
    assert "\n" not in str(caught.value)
    kept.write_bytes(b"no tensors")
    with pytest.raises(BatteryMIError, match="is damaged"):
        load_state(kept, {"width": 16})


def test_pairs_of_a_host_bring_their_voltages_closer() -> None:
    examples = make_tiny_examples()
    pairs = pair_hosts(FORMULAS, examples.rows)
    assert len(pairs.poor) == 144  # six pairs of four amounts, of 2 ions and 12 hosts
    training = Pretraining(**{**vars(TINY), "pair_epochs": 20})

    def measure(encoder: FormulaEncoder) -> float:
        energies = predict_targets(encoder, examples, examples.rows, "cpu")[0, :, 0]
        return float(np.abs(find_voltages(energies, pairs) - find_voltages(examples.targets[:, 0], pairs)).mean())

    encoder = pretrain_encoder(examples, training, None, lambda _: None)
    before = measure(encoder)
    assert train_pairs(encoder, examples, pairs, training) == 144
    assert measure(encoder) < before


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(BatteryMIError, match=r"formula_net.device: 'cuda', but PyTorch finds no GPU"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"


def test_encoders_of_samples_become_an_artefact_that_its_receipt_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    receipts = [SAMPLES / name / "receipt.json" for name in ("mp_compositions", "mp_electrodes")]
    chosen = {"width": 8, "layers": 1, "epochs": 2, "batch": 8, "pair_epochs": 1, "device": "cpu", "seed": 0}
    files = (tmp_path / "1.safetensors", tmp_path / "1.json")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "train_pairs", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pretrain_formula_net(*receipts, *files, PretrainingSettings(encoder=1, **chosen))
    caplog.set_level(logging.INFO)
    for encoder in (1, 2):
        files = (tmp_path / f"{encoder}.safetensors", tmp_path / f"{encoder}.json")
        pretrain_formula_net(*receipts, *files, PretrainingSettings(encoder=encoder, **chosen))
    assert "1.interrupted.safetensors: the interrupted training goes on after epoch 2 of 2" in caplog.text
    assert "min left before the pairs" in caplog.text
    # also those of the epochs before the interruption
    assert [len(read_json(tmp_path / f"{encoder}.json")["losses"]) for encoder in (1, 2)] == [2, 2]
    assert not list(tmp_path.glob("*interrupted*"))
    made = Artefact(tmp_path / "net.safetensors", tmp_path / "net.json", tmp_path / "left_out.csv")
    trained = [[tmp_path / f"{encoder}.{ending}" for encoder in (1, 2)] for ending in ("safetensors", "json")]
    gather_formula_net(*receipts, *trained, made, GatheringSettings(components=3, seed=0))
    check_damaged_encoders(receipts, trained, made, tmp_path)
    net, receipt = load_formula_net(made.weights), read_json(made.receipt)
    assert net.members == 2
    assert net.axes["step"][1].shape == (16, 3)
    left_out = pd.read_csv(made.left_out)["formula"].tolist()
    assert len(left_out) == receipt["data"]["left_out"]
    assert receipt["half_precision"]["largest_change_of_a_voltage_v"] < 0.5


def interrupt(*_: object) -> None:
    """End a training."""
    raise KeyboardInterrupt


def check_damaged_encoders(receipts: list[Path], trained: list[list[Path]], made: Artefact, folder: Path) -> None:
    """Encoders that are damaged, exchanged or of several sizes are an error of one line with the file."""
    settings = GatheringSettings(components=3, seed=0)
    (first, second), reports = trained
    shutil.rmtree(folder / ".sums")
    whole, report = second.read_bytes(), read_json(reports[1])
    arrays = load(whole)
    nothing = save({name: value * np.nan for name, value in arrays.items()})
    wider = save(arrays | {"hidden.weight": np.zeros((1, 8, 12), np.float32)})
    for content, message in (
        (whole[:99], "no weights of a network"),
        (nothing, "is not finite"),
        (first.read_bytes(), "not the encoder that 2.json describes"),
        (wider, "of another width or number of layers than 1.safetensors: 'hidden.weight' has the shape"),
    ):
        second.write_bytes(content)
        digest = compute_sha256(second) if content is wider else report["sha256"]
        write_json(reports[1], report | {"sha256": digest})
        with pytest.raises(BatteryMIError, match=rf"2.safetensors: .*{message}.*; remove the file and run") as caught:
            gather_formula_net(*receipts, *trained, made, settings)
        assert "\n" not in str(caught.value)
    second.write_bytes(whole)
    write_json(reports[1], {name: value for name, value in report.items() if name != "mean"})
    with pytest.raises(BatteryMIError, match=r"2.json: not the file that belongs there: it lacks 'mean'"):
        gather_formula_net(*receipts, *trained, made, settings)


def make_chain(observed: np.ndarray, seed: int = 0) -> tuple[Chain, np.ndarray]:
    """Return the trainings of 12 Na electrodes, beside 12 of Li, in three folds; and which are of Li."""
    hosts = [f"{metal}{centre}O{oxygen}" for metal in ("Fe", "Ti") for centre in ("P", "S") for oxygen in (2, 3, 4)]
    ions = ["Na"] * 12 + ["Li"] * 12
    discharged = [f"{ion}{host}" for ion, host in zip(ions, hosts * 2, strict=True)]
    electrodes = describe_electrodes(
        (hosts * 2, discharged, ions), VOCABULARY, np.arange(24.0)[:, None] % 5, np.arange(12, 24)
    )
    tests = [np.arange(start, 12, 3) for start in range(3)]
    splits = [(np.setdiff1d(np.arange(24), np.concatenate([test, test + 12])), test) for test in tests]
    tuning = FineTuning(teaching_steps=6, least_steps=6, most_steps=6, batch=8)
    return Chain(make_tiny_net(), electrodes, observed, splits, tuning, seed), np.array(ions) == "Li"


OBSERVED = np.random.default_rng(4).uniform(1, 4, 24)


@pytest.mark.parametrize("strategy", ["taught", "scratch"])
def test_a_fold_learns_nothing_of_what_it_predicts(strategy: str) -> None:
    hidden = 3  # tested in the first fold, learned from in the others

    def predict(observed: np.ndarray) -> np.ndarray:
        chain, is_li = make_chain(observed)
        learned = [train[train < 12] for train, _ in chain.splits]
        if strategy == "scratch":
            return chain.train_from_scratch(learned, 12)
        taught, _ = chain.teach(is_li, 12, with_features=True)
        return chain.tune(taught, learned, 12, with_features=True)

    changed = OBSERVED.copy()
    changed[[hidden, hidden + 12]] += 5
    before, after = predict(OBSERVED), predict(changed)
    first = make_chain(OBSERVED)[0].splits[0][1]
    np.testing.assert_array_equal(before[first], after[first])
    assert not np.allclose(np.delete(before, first), np.delete(after, first))


def test_zero_shot_sees_no_own_row_and_frozen_rounds_stay() -> None:
    own = OBSERVED.copy()
    own[:12] += 7
    (first, is_li), (second, _) = make_chain(OBSERVED), make_chain(own)
    weights, predicted = first.teach(is_li, 12)
    np.testing.assert_array_equal(predicted, second.teach(is_li, 12)[1])
    # only the last round of messages, the targets and the head are trained
    assert {name.split(".")[1] for name in weights if "encoder.attend" in name} == {"attend"}
    assert not [name for name in weights if name.startswith(("encoder.enter", "encoder.elements", "encoder.attend.0"))]


def test_weights_of_another_network_are_refused() -> None:
    chain, is_li = make_chain(OBSERVED)
    taught, _ = chain.teach(is_li, 12)
    with pytest.raises(BatteryMIError, match="of a network of another size; run teach_voltages again"):
        chain.make_network(with_features=True).restore(taught)


def test_smaller_draws_are_parts_of_larger_ones_and_of_what_a_fold_may_learn() -> None:
    chain, _ = make_chain(OBSERVED)
    few, more, everything = (draw_rows(chain.splits, 12, size, [0, 1]) for size in (3, 5, 99))
    for (train, test), small, large, whole in zip(chain.splits, few, more, everything, strict=True):
        assert len(small) == 3
        assert set(small) < set(large) < set(train)
        assert not set(whole) & set(test)
        assert whole.tolist() == train[train < 12].tolist()
    assert [row.tolist() for row in draw_rows(chain.splits, 12, 3, [0, 2])] != [row.tolist() for row in few]
