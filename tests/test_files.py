"""Files: whole or not at all, the same bytes again, and nothing that could run code."""

import fcntl
import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import MODELS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batterymi.config.parts import Feature
from batterymi.errors import DamagedFileError, OutputError, TableError
from batterymi.files import (
    CHECKSUM_FOLDER,
    append_line,
    check_content,
    read_frame,
    read_json,
    remove_file,
    write_atomically,
    write_csv,
    write_json,
    write_parquet,
    write_text,
)
from batterymi.surrogates import store
from batterymi.surrogates.model import Options, make_model
from batterymi.surrogates.store import StoredModel, load_models, save_models
from batterymi.surrogates.widening import make_no_widening


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    write_text(target, "old")

    def fail_half_way() -> None:
        with write_atomically(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name != CHECKSUM_FOLDER] == ["result.txt"]
    assert len(list((tmp_path / CHECKSUM_FOLDER).iterdir())) == 1


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "x")


def test_json_holds_no_nan_and_csv_no_last_bits(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": np.float64("nan"), "y": np.arange(2), "z": [np.inf, 1.0]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": None, "y": [0, 1], "z": [None, 1.0]}
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [0.1 + 0.2]}))
    assert (tmp_path / "a.csv").read_text() == "x\n0.3\n"


def test_every_flipped_bit_of_a_file_is_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.0], "y": ["a", "b"]})
    write_json(tmp_path / "a.json", {"x": 1.5})
    write_csv(tmp_path / "a.csv", frame)
    write_parquet(tmp_path / "a.parquet", frame)
    for name, read in (("a.json", read_json), ("a.csv", read_frame), ("a.parquet", read_frame)):
        path = tmp_path / name
        data = path.read_bytes()
        read(path)
        for place in range(len(data)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
            with pytest.raises(DamagedFileError, match=rf"{name}: not what was written there: .* remove the file and"):
                read(path)


def test_a_file_put_in_anothers_place_is_told_and_one_from_elsewhere_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "one/a.json", {"x": 1})
    write_json(tmp_path / "two/a.json", {"x": 2})
    other = (tmp_path / "two/a.json").read_bytes()
    (tmp_path / "one/a.json").write_bytes(other)
    with pytest.raises(DamagedFileError, match="not what was written there"):
        read_json(tmp_path / "one/a.json")
    (tmp_path / "one/b.json").write_bytes(other)
    assert read_json(tmp_path / "one/b.json") == {"x": 2}
    write_json(tmp_path / "one/a.json", {"x": 3})
    assert read_json(tmp_path / "one/a.json") == {"x": 3}


class Killed(BaseException):
    """What a test raises where a process would be killed."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_beside_the_rename_leaves_a_file_that_can_be_read(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    rename = Path.replace

    def killed(source: Path, target: Path) -> None:
        if moment == "after":
            rename(source, target)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            write_json(path, {"x": 2})
    assert len(list((tmp_path / CHECKSUM_FOLDER).iterdir())) == 2
    assert read_json(path) == {"x": 1 if moment == "before" else 2}
    write_json(path, {"x": 3})
    assert len(list((tmp_path / CHECKSUM_FOLDER).iterdir())) == 1
    assert read_json(path) == {"x": 3}


def test_what_users_edit_and_copies_of_a_storage_have_no_record(tmp_path: Path) -> None:
    write_text(tmp_path / "study.yaml", "a: 1\n", recorded=False)
    write_json(tmp_path / ".snakemake/storage/s3/a.json", {"x": 1})
    assert not list(tmp_path.rglob(CHECKSUM_FOLDER))
    write_text(tmp_path / "a.txt", "a")
    write_text(tmp_path / "a.txt", "b", recorded=False)
    check_content(tmp_path / "a.txt")
    write_text(tmp_path / "a.txt", "c")
    remove_file(tmp_path / "a.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".snakemake", "study.yaml"]


Models = tuple[list[StoredModel], pd.DataFrame]


@pytest.fixture
def models() -> Models:
    features = (
        Feature(name="x", label="x", unit="1", bounds=(0, 1)),
        Feature(name="kind", label="kind", unit="1", choices=("a", "b")),
    )
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.random(12), "kind": ["a", "b"] * 6})
    stored = [
        StoredModel(
            variant="all_features",
            objective="y",
            features=["x", "kind"],
            categories=["kind"],
            descriptors=[],
            fitted=make_model(name, Options(local_spread=True), {}).fit(features, frame, frame["x"].to_numpy() ** 2),
            half_width_per_spread=0.5,
            widening=make_no_widening(),
        )
        for name in MODELS
    ]
    return stored, frame


def test_models_come_back_with_the_same_predictions(models: Models, tmp_path: Path) -> None:
    stored, frame = models
    save_models(str(tmp_path / "m.skops"), stored)
    for before, after in zip(stored, load_models(str(tmp_path / "m.skops")), strict=True):
        for ours, theirs in zip(before.predict(frame), after.predict(frame), strict=True):
            assert np.array_equal(ours, theirs)
    save_models(str(tmp_path / "again.skops"), stored)
    assert (tmp_path / "m.skops").read_bytes() == (tmp_path / "again.skops").read_bytes()


def test_a_pickle_or_a_foreign_type_is_not_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "exploded",)

    path = tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DamagedFileError, match="not a model file"):
        load_models(str(path))
    with zipfile.ZipFile(path, "w") as archive:
        schema = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode", "content": None}
        archive.writestr("schema.json", json.dumps(schema | {"__id__": 1, "protocol": 2}))
    with pytest.raises(TableError, match=r"refused: it holds subprocess\.Popen"):
        load_models(str(path))
    assert not (tmp_path / "exploded").exists()


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Rewrite an archive after a change of its members, as one who also removes the record of its content."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    shutil.rmtree(path.parent / CHECKSUM_FOLDER, ignore_errors=True)


@pytest.mark.parametrize("name", ["0.npz", "0.npy"])
def test_an_archive_within_a_model_file_is_not_unpacked(
    name: str, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import scipy.sparse

    path, buffer = tmp_path / "m.skops", io.BytesIO()
    scipy.sparse.save_npz(buffer, scipy.sparse.csr_matrix((1, 3_000_000)))
    node = {"__class__": "csr_matrix", "__module__": "scipy.sparse", "__loader__": "SparseMatrixNode"}

    def put_in(content: dict[str, bytes]) -> None:
        schema = json.loads(content["schema.json"])
        schema["content"].append(node | {"type": "scipy", "file": name, "__id__": 10**9})
        content |= {"schema.json": json.dumps(schema).encode(), name: buffer.getvalue()}

    save_models(str(path), models[0])
    changed(path, put_in)
    monkeypatch.setattr("scipy.sparse.load_npz", lambda _: pytest.fail("the inner archive was unpacked"))
    with pytest.raises(TableError, match=rf"m\.skops: refused: it holds '{name}'; a model is schema\.json and arrays"):
        load_models(str(path))


def test_an_array_that_holds_a_pickle_is_not_loaded(models: Models, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "exploded",)

    def put_in(content: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
        content |= {name: buffer.getvalue() for name in content if name.endswith(".npy")}

    path = tmp_path / "m.skops"
    save_models(str(path), models[0])
    changed(path, put_in)
    with pytest.raises(DamagedFileError, match="not a model file of this workflow"):
        load_models(str(path))
    changed(path, lambda content: content.update({"0.npy": pickle.dumps(Bomb())}))
    with pytest.raises(TableError, match=r"refused: it holds '0\.npy'"):
        load_models(str(path))
    assert not (tmp_path / "exploded").exists()


def test_a_schema_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.skops"
    save_models(str(path), [])
    assert load_models(str(path)) == []
    monkeypatch.setattr(store, "MAX_SCHEMA", 100)
    with pytest.raises(TableError, match=r"m\.skops: refused: .*schema\.json of 0 MB; at most"):
        load_models(str(path))


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_mode_that_the_umask_gives_new_ones(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "a")
        append_line(tmp_path / "b.txt", "b")
        (tmp_path / "c.txt").touch()
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("*.txt")} == {oct(0o666 & ~umask)}


METADATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["index_columns", "columns", "column_indexes", "name", "field_name", "pandas_type", "metadata"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=st.one_of(METADATA.map(lambda content: json.dumps(content).encode()), st.binary(max_size=20)))
def test_a_parquet_file_with_crafted_metadata_is_a_typed_error_or_a_table(metadata: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"x": [1.0, 2.0], "y": ["a", "b"]}).replace_schema_metadata({b"pandas": metadata})
    pa.parquet.write_table(table, path)
    with suppress(DamagedFileError):
        assert len(read_frame(path)) == 2


@pytest.mark.parametrize("is_early", [True, False])
def test_a_temporary_file_that_another_process_is_removing_is_not_written(
    is_early: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer of the same file takes it for one that a killed process left, until it is locked."""
    lock, taken = fcntl.flock, []

    def be_late(handle: int, operation: int) -> None:
        if operation & fcntl.LOCK_SH and not taken:
            taken.extend(tmp_path.glob(".a-*.tmp"))
            if not is_early:
                raise BlockingIOError  # it is locked for removal
            taken[0].unlink()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", be_late)
    with write_atomically(tmp_path / "a.txt") as temporary:
        assert temporary.exists()
        temporary.write_text("whole")
        taken[0].unlink(missing_ok=True)
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert not list(tmp_path.glob(".a-*.tmp"))
