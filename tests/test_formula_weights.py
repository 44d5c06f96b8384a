"""Weights of networks over formulas on disk: exchanged and damaged ones are an error of one line with what to do."""

import json
import shutil
from pathlib import Path
from typing import Any

import assumes_torch  # noqa: F401 - skips the file without PyTorch
import numpy as np
import pytest
from safetensors.numpy import load, save

from batterymi.errors import BatteryMIError
from batterymi.features.formula_net import SHIPPED, load_formula_net
from batterymi.features.formula_weights import find_weights_problem
from batterymi.files import compute_sha256, read_json
from batterymi.surrogates.nets.checkpoint import read_weights, write_weights
from batterymi.workflow.provenance import find_code_closure

RECEIPT = read_json(SHIPPED.with_suffix(".json"))
ARRAYS = load(SHIPPED.read_bytes())
VOCABULARY = json.dumps(RECEIPT["vocabulary"])


def write_net(folder: Path, content: bytes, receipt: str | None) -> Path:
    """Write weights and a receipt, whose digest is that of the weights."""
    path = folder / "net.safetensors"
    path.write_bytes(content)
    if receipt is not None:
        path.with_suffix(".json").write_text(receipt.replace(RECEIPT["sha256"], compute_sha256(path)), encoding="utf-8")
    return path


def check_refused(path: Path, message: str) -> None:
    """Check that weights are refused in one line which says what to do."""
    with pytest.raises(BatteryMIError) as caught:
        load_formula_net(path)
    text = str(caught.value)
    assert message in text
    assert "\n" not in text
    assert text.startswith(str(path.with_suffix("")))
    assert "install it again, or make them by `snakemake pretrained`" in text


@pytest.mark.parametrize(
    ("receipt", "message"),
    [
        (None, "there is no such file, the receipt of the encoders"),
        ("{", "not the JSON of a receipt"),
        ("[]", "not the receipt of encoders: it has no 'sha256'"),
        (json.dumps({"vocabulary": []}), "it has no 'sha256'"),
        (json.dumps({"sha256": 5, "vocabulary": []}), "it has no 'sha256'"),
        (json.dumps(RECEIPT | {"vocabulary": None}), "it has no 'vocabulary'"),
        (json.dumps(RECEIPT | {"vocabulary": [1, 2]}), "the vocabulary of its receipt is no list of elements"),
        (json.dumps(RECEIPT | {"vocabulary": RECEIPT["vocabulary"][1:]}), "83 in the receipt; they differ in H;"),
        (json.dumps(RECEIPT | {"vocabulary": RECEIPT["vocabulary"][::-1]}), "they differ in their order"),
        (json.dumps(RECEIPT | {"sha256": "0" * 64}), "and its receipt net.json says 0000"),
    ],
)
def test_a_receipt_that_is_none_is_said_with_what_to_do(tmp_path: Path, receipt: str | None, message: str) -> None:
    check_refused(write_net(tmp_path, SHIPPED.read_bytes(), receipt), message)


@pytest.mark.parametrize(
    ("change", "vocabulary", "message"),
    [
        ({}, None, "it lacks 'vocabulary'"),
        ({}, "5", "its vocabulary is no list of elements"),
        ({}, '["Zz"]', "its vocabulary is no list of elements"),
        ({}, '["H", "H"]', "its vocabulary lists an element twice"),
        ({}, "[", "cannot be read as pre-trained encoders"),
        ({"mean": ARRAYS["mean"][:0]}, VOCABULARY, "'mean' holds nothing"),
        ({"elements": ARRAYS["elements"][:1]}, VOCABULARY, "has the shape (3, 16, 96)"),
        ({"elements": ARRAYS["elements"][:, :9]}, VOCABULARY, "'elements' has the shape (3, 9, 96)"),
        ({"more": ARRAYS["mean"]}, VOCABULARY, "'more' is no part of an encoder"),
    ],
)
def test_weights_that_are_none_of_encoders_are_said_with_what_to_do(
    tmp_path: Path, change: dict[str, Any], vocabulary: str | None, message: str
) -> None:
    content = save(ARRAYS | change, None if vocabulary is None else {"vocabulary": vocabulary})
    check_refused(write_net(tmp_path, content, json.dumps(RECEIPT)), message)


def test_files_that_are_cut_off_are_said_with_what_to_do(tmp_path: Path) -> None:
    for size in (0, 9999, -1):
        path = write_net(tmp_path, SHIPPED.read_bytes()[:size], json.dumps(RECEIPT))
        load_formula_net.cache_clear()
        check_refused(path, "cannot be read as pre-trained encoders")


def test_each_array_of_encoders_is_needed_and_finite() -> None:
    known = RECEIPT["vocabulary"]
    assert not find_weights_problem(ARRAYS, known, known)
    for name, array in ARRAYS.items():
        without = {other: value for other, value in ARRAYS.items() if other != name}
        assert find_weights_problem(without, known, known).startswith("it lacks ")
        problem = find_weights_problem(ARRAYS | {name: np.where(array == array.flat[0], np.nan, array)}, known, known)
        assert problem == f"'{name}' holds a number that is not finite"


def test_weights_that_are_not_there_are_said_and_the_shipped_ones_are_right(tmp_path: Path) -> None:
    shutil.copy(SHIPPED.with_suffix(".json"), tmp_path)
    check_refused(tmp_path / SHIPPED.name, "there is no such file; both files come with the package")
    assert load_formula_net(write_net(tmp_path, SHIPPED.read_bytes(), json.dumps(RECEIPT))).members == 3


def test_weights_of_another_training_are_no_weights(tmp_path: Path) -> None:
    """Weights of another partition have seen the rows that are tested in this one."""
    path, arrays = tmp_path / "1.safetensors", {"Li/head": np.ones(3, np.float32)}
    identity = {"partition": 1, "rows": "a1"}
    write_weights(path, arrays, identity)
    assert read_weights(path, identity)["Li/head"].tolist() == [1, 1, 1]
    for other in ({"partition": 2, "rows": "a1"}, {"partition": 1, "rows": "b2"}, identity | {"settings": "c3"}):
        with pytest.raises(BatteryMIError, match=r"not the weights that belong there .*: it had .*remove the file and"):
            read_weights(path, other)
    # the record of the digest is beside the file, and another tool has replaced both
    shutil.rmtree(tmp_path / ".sums")
    for content, message in (
        (save(arrays), "partition: it had None, now 1"),
        (save({"Li/head": np.full(3, np.nan)}, {"identity": json.dumps(identity)}), "'Li/head' is not finite"),
        (b"nothing", "no weights of a network"),
    ):
        path.write_bytes(content)
        with pytest.raises(BatteryMIError, match=message):
            read_weights(path, identity)
    path.unlink()
    with pytest.raises(BatteryMIError, match="there is no such file"):
        read_weights(path, identity)
    with pytest.raises(BatteryMIError, match="the training has diverged: 'Li/head' is not finite"):
        write_weights(path, {"Li/head": np.array([1, np.inf], np.float32)})


def test_the_pre_training_does_not_depend_on_the_shipped_weights() -> None:
    """Their exchange would make it run again."""
    closures = {
        name: {path.name for path in find_code_closure(Path("scripts") / f"{name}.py")}
        for name in ("pretrain_formula_net", "gather_formula_net")
    }
    assert "ion_steps.py" in closures["pretrain_formula_net"]
    assert SHIPPED.name not in closures["pretrain_formula_net"]
    assert SHIPPED.name in closures["gather_formula_net"]
