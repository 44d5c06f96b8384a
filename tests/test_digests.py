"""Content decides what runs again, and what is hashed is what was read."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SMALL, Workspace

from batterymi.config.load import load_study
from batterymi.config.parts import Feature
from batterymi.config.run import Config
from batterymi.config.screen import Screen
from batterymi.config.slices.data import TableSettings
from batterymi.config.slices.screening import ListingSettings
from batterymi.config.sources import Reading
from batterymi.data import table as table_module
from batterymi.data import user_table
from batterymi.data.designs import read_designs
from batterymi.data.input_files import NO_FILE, hold_unchanged, read_content
from batterymi.data.read_table import RawTable
from batterymi.errors import TableError
from batterymi.reporting.claims import read_claims
from batterymi.screening import sources
from batterymi.stages import list_candidates as stage_module
from batterymi.stages.list_candidates import list_candidates
from batterymi.stages.prepare_table import prepare_table
from batterymi.workflow import digests as digests_module
from batterymi.workflow.digests import find_changes, take_digests
from batterymi.workflow.launch import report_changes

CLAIMS = "data/textbook/claims.csv"
YEAR_2000 = 946_684_800


def sha256_of(data: bytes) -> str:
    """Digest of some bytes."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def study_table(tmp_path: Path) -> tuple[Path, TableSettings]:
    """A table of six rows, and the settings that read it."""
    study = load_study(ROOT / "config/studies/sodium_ion.yaml", Config.model_validate({}))
    path = tmp_path / "my.csv"
    path.write_bytes((ROOT / study.table.file).read_bytes())
    return path, TableSettings.take_from(study, path=str(path), dataset=None)


@pytest.mark.parametrize("year", [YEAR_2000, None], ids=["an older date", "the same date"])
def test_a_table_with_new_content_is_read_again_whatever_its_date(year: int | None, done: Workspace) -> None:
    path = done.folder / "data/textbook/sodium_ion.csv"
    before, status = path.read_bytes(), path.stat()
    lines = before.decode().splitlines()
    try:
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")  # one row less
        times = (year, year) if year else (status.st_atime, status.st_mtime)
        os.utime(path, times)
        assert {"prepare_table:sodium_ion", "train_surrogate:sodium_ion", "build_summary"} <= done.jobs(*SMALL)
        assert not {job for job in done.jobs(*SMALL) if job.endswith(":ncm_cathodes")}
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert done.jobs(*SMALL) == set()


def test_claims_with_new_content_are_compared_again_whatever_their_date(done: Workspace) -> None:
    path = done.folder / CLAIMS
    before, status = path.read_bytes(), path.stat()
    try:
        path.write_bytes(b"".join(before.splitlines(keepends=True)[:-1]))
        os.utime(path, (YEAR_2000, YEAR_2000))
        assert done.jobs(*SMALL) == {"build_claims", "build_report"}
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_the_arena_s_numbers_enter_the_claims_once_they_are_there_and_a_plain_run_makes_none_of_them(
    done: Workspace,
) -> None:
    path = done.folder / "results/arena/claims.csv"
    path.parent.mkdir(exist_ok=True)
    try:
        path.write_text("id,found,how,objection\n", encoding="utf-8")
        assert done.jobs(*SMALL) == {"build_claims", "build_report"}
    finally:
        path.unlink()
    assert done.jobs(*SMALL) == set()


def test_a_row_saved_while_the_table_is_read_is_in_neither_rows_nor_digest(
    study_table: tuple[Path, TableSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, settings = study_table
    before = path.read_bytes()
    parse = user_table.parse_table

    def save_meanwhile(data: bytes, name: str, reading: Reading) -> RawTable:
        path.write_bytes(b"\n".join(before.splitlines()[:-2]) + b"\n")
        return parse(data, name, reading)

    monkeypatch.setattr(user_table, "parse_table", save_meanwhile)
    prepare_table(path.with_name("t.parquet"), path.with_name("t.json"), settings)
    report = json.loads(path.with_name("t.json").read_text())
    assert report["sha256"] == sha256_of(before)
    assert report["rows_in"] == len(before.splitlines()) - 1


def test_a_table_edited_since_the_run_began_is_named_in_the_log(
    study_table: tuple[Path, TableSettings], caplog: pytest.LogCaptureFixture
) -> None:
    path, settings = study_table
    begun = {str(path): sha256_of(path.read_bytes())}
    prepare_table(path.with_name("t.parquet"), path.with_name("t.json"), settings, digests=begun)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    path.write_bytes(path.read_bytes().rstrip(b"\n") + b"\n\n")
    prepare_table(path.with_name("t.parquet"), path.with_name("t.json"), settings, digests=begun)
    assert f"{path}: was changed after this run began" in caplog.text
    assert json.loads(path.with_name("t.json").read_text())["sha256"] == sha256_of(path.read_bytes())


def test_lists_of_designs_and_claims_edited_since_the_run_began_are_refused(tmp_path: Path) -> None:
    """No result keeps their digest, so a file that was changed back would leave results of the other content."""
    pool, claims = tmp_path / "pool.csv", tmp_path / "claims.csv"
    pool.write_text("x\n1\n2\n")
    claims.write_bytes((ROOT / CLAIMS).read_bytes())
    feature = Feature(name="x", label="x", unit="1", bounds=(0.0, 3.0))
    read_designs(pool, [feature], {str(pool): sha256_of(pool.read_bytes())})
    read_claims(claims, {str(claims): sha256_of(claims.read_bytes())})
    said = "was changed after this run began; nothing was written, run again"
    with pytest.raises(TableError, match=rf"pool\.csv: {said}"):
        read_designs(pool, [feature], {str(pool): NO_FILE})
    with pytest.raises(TableError, match=rf"claims\.csv: {said}"):
        read_claims(claims, {str(claims): NO_FILE})


def test_every_rule_that_reads_a_file_of_the_users_has_its_digest_as_a_param() -> None:
    """Stages that can compare digests are those that read such files; their rules must hand them over."""
    stages = {
        path.stem for path in (ROOT / "src/batterymi/stages").glob("*.py") if "digests:" in path.read_text("utf-8")
    }
    rules = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    assert stages >= {"prepare_table", "run_campaign", "suggest_batch", "compare_fidelities", "list_candidates"}
    for stage in stages:
        body = re.split(rf"^ *rule {stage}:", rules, flags=re.MULTILINE)[1].split("\nrule ")[0].split("\n    rule ")[0]
        assert re.search(r"^ +digests=", body, re.MULTILINE), stage


def test_a_table_that_was_changed_back_is_read_again(done: Workspace) -> None:
    """The run began with one content, read another, and finds the first one again: no record of Snakemake differs."""
    report = done.folder / "results/sodium_ion/table.json"
    before, status = report.read_text(encoding="utf-8"), report.stat()
    marker = done.folder / ".snakemake/battery-mi-changed/sodium_ion"
    assert (marker.stat().st_mtime, marker.stat().st_size) == (0, 0), "older than all that depends on it"
    try:
        report.write_text(before.replace(json.loads(before)["sha256"], "0" * 64), encoding="utf-8")
        os.utime(report, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert {"prepare_table:sodium_ion", "train_surrogate:sodium_ion"} <= done.jobs(*SMALL)
    finally:
        report.write_text(before, encoding="utf-8")
        os.utime(report, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert done.jobs(*SMALL) == set()
    assert marker.stat().st_mtime == 0


def test_a_new_content_is_seen_without_the_records_of_snakemake(done: Workspace) -> None:
    path, records = done.folder / "data/textbook/sodium_ion.csv", done.folder / ".snakemake/metadata"
    before, status = path.read_bytes(), path.stat()
    marker = done.folder / ".snakemake/battery-mi-changed/sodium_ion"
    records.rename(records.with_name("elsewhere"))
    try:
        path.write_bytes(b"\n".join(before.splitlines()[:-1]) + b"\n")
        os.utime(path, (YEAR_2000, YEAR_2000))
        assert "prepare_table:sodium_ion" in done.jobs(*SMALL)
    finally:
        records.with_name("elsewhere").rename(records)
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert done.jobs(*SMALL) == set()
    assert marker.stat().st_mtime == 0


def test_a_pipe_in_the_place_of_a_table_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with pytest.raises(TableError, match=r"pipe\.csv: is not a file, as a folder or a pipe"):
        read_content(path)
    assert take_digests([str(path)], tmp_path / "store.json") == {str(path): NO_FILE}


def test_candidates_that_change_while_they_are_listed_leave_no_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("formula\nLi3PS4\nLiCl\n")
    screen = Screen.model_validate({"source": {"name": "file", "file": "list.csv"}, "best": 5})
    settings = ListingSettings.model_construct(screen=screen, screened_features=())
    read = sources.read_candidate_blocks

    def save_meanwhile(*given: Any) -> Any:
        yield from read(*given)
        path.write_text("formula\nLi3PS4\n")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage_module, "read_candidate_blocks", save_meanwhile)
    shard = tmp_path / "shards" / "1.parquet"
    with pytest.raises(TableError, match=r"list.csv: was changed while it was read; nothing was written, run again"):
        list_candidates(None, [shard], tmp_path / "listing.json", settings)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file != path and ".sums" not in file.parts]


def test_a_file_that_vanishes_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(TableError, match=r"a.parquet: was changed while it was read"), hold_unchanged([path]):
        path.unlink()


def test_a_file_of_a_data_set_that_was_edited_after_it_was_fetched_is_refused(tmp_path: Path) -> None:
    from conftest import SAMPLES

    from batterymi.config.load import load_datasets

    study = load_study(ROOT / "config/studies/fast_charging_measured.yaml", Config.model_validate({}))
    assert study.table.dataset
    name = study.table.dataset.name
    dataset = load_datasets(ROOT / "config/datasets.yaml")[name]
    for file in dataset.files:
        (tmp_path / file).write_bytes((SAMPLES / name / file).read_bytes())
    settings = TableSettings.take_from(study, path=str(tmp_path), dataset=dataset)
    with pytest.raises(TableError, match=r"changed since it was fetched.*remove .*receipt.json and run again"):
        table_module.load_table(settings)


def test_small_files_are_always_hashed_and_large_ones_where_size_or_date_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, store = tmp_path / "small", tmp_path / "large", tmp_path / "store.json"
    monkeypatch.setattr(digests_module, "ALWAYS_HASHED", 10)
    small.write_bytes(b"a" * 9)
    large.write_bytes(b"a" * 10)
    paths = [str(small), str(large)]
    take_digests(paths, store)

    def edit(path: Path, data: bytes, seconds: int) -> str:
        moment = path.stat().st_mtime_ns
        path.write_bytes(data)
        os.utime(path, ns=(moment, moment + seconds * 10**9))
        return take_digests(paths, store)[str(path)]

    assert edit(small, b"b" * 9, 0) == sha256_of(b"b" * 9)
    assert edit(large, b"b" * 10, 0) == sha256_of(b"a" * 10)  # nothing can tell without reading it
    assert edit(large, b"b" * 10, -5) == sha256_of(b"b" * 10)
    assert edit(large, b"c" * 11, 0) == sha256_of(b"c" * 11)


def test_the_process_of_a_job_has_the_digests_that_the_run_began_with(tmp_path: Path) -> None:
    path, store = tmp_path / "a.csv", tmp_path / "store.json"
    path.write_bytes(b"1")
    begun = take_digests([str(path)], store)
    path.write_bytes(b"2")
    assert take_digests([str(path)], store, is_first=False) == begun
    # where the store did not come along, as on a machine without the folder, what is there counts
    assert take_digests([str(path)], tmp_path / "none", is_first=False) == {str(path): sha256_of(b"2")}


@pytest.mark.parametrize("content", ["", "[1]", '{"a.csv": 3}', '{"a.csv": [1, 2]}', '{"a.csv": ["x", 2, "y"]}', "\0"])
def test_a_damaged_store_costs_time_only(content: str, tmp_path: Path) -> None:
    path, store = tmp_path / "a.csv", tmp_path / "store.json"
    path.write_bytes(b"1")
    store.write_text(content.replace("a.csv", str(path)))
    for is_first in (True, False):
        assert take_digests([str(path)], store, is_first=is_first) == {str(path): sha256_of(b"1")}


def test_a_dry_run_writes_no_store(tmp_path: Path) -> None:
    store = tmp_path / "store.json"
    assert take_digests([str(tmp_path / "none")], store, is_kept=False) == {str(tmp_path / "none"): NO_FILE}
    assert not store.exists()


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"2")], ids=["removed", "edited"])
def test_files_edited_during_a_run_are_named_at_its_end(
    change: Callable[[Path], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Path("a.csv"), Path("b.csv")]
    for path in paths:
        path.write_bytes(b"1")
    begun = take_digests(map(str, paths), tmp_path / "store.json")
    report_changes(begun)
    assert capsys.readouterr().err == ""
    change(paths[1])
    assert find_changes(begun) == ["b.csv"]
    report_changes(begun)
    assert "run snakemake again to bring the results up to date:\n  b.csv\n" in capsys.readouterr().err


def test_files_that_a_run_fetches_are_no_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    begun = take_digests(["data/raw/cells/a.csv"], tmp_path / "store.json")
    (tmp_path / "data/raw/cells").mkdir(parents=True)
    (tmp_path / "data/raw/cells/a.csv").write_text("1")
    report_changes(begun)
    assert capsys.readouterr().err == ""
