"""The ledger of suggestions: nothing in it is lost, changed or ignored without a word."""

import datetime
import json
import multiprocessing
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dateutil import parser as dates
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import add_one, fill, fill_first_format, head_of, listed

from batterymi.errors import OutputError, TableError
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.ledger_lines import name_suggestion, read_batch
from batterymi.optimise.campaigns.matched_results import (
    find_highest_batch,
    parse_name,
)


@pytest.mark.parametrize("first_format", [False, True])
def test_eight_writers_at_once_leave_eight_batches(tmp_path: Path, first_format: bool) -> None:
    path, before = tmp_path / "my.jsonl", 0
    if first_format:
        before = len(fill_first_format(path))
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(8)
    writers = [context.Process(target=add_one, args=(str(path), number, ready)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 8
    ledger = Ledger(path)
    assert [batch.number for batch in ledger.batches] == list(range(1, before + 9))
    assert {batch.key for batch in ledger.batches[before:]} == {f"key of {number}" for number in range(8)}
    assert ledger.warnings == []


def test_two_clones_that_share_a_folder_by_a_link_share_the_ledger_and_its_lock(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for clone in ("one", "two"):
        (tmp_path / clone).mkdir()
    (tmp_path / "one/campaigns").symlink_to(shared)
    (tmp_path / "two/my.jsonl").symlink_to("../shared/my.jsonl")
    assert Ledger(tmp_path / "one/campaigns/my.jsonl").add("k1", 3, listed(1)) == 1
    assert Ledger(tmp_path / "two/my.jsonl").add("k2", 4, listed(2)) == 2
    assert (tmp_path / "two/my.jsonl").is_symlink()
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["my.jsonl"]
    assert {"my.jsonl", "my.jsonl.head"} <= {path.name for path in shared.iterdir()}
    assert [batch.number for batch in Ledger(shared / "my.jsonl").batches] == [1, 2]


def test_a_batch_is_on_disk_with_its_folder_before_the_stage_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    real = os.fsync

    def note(handle: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", note)
    Ledger(tmp_path / "my.jsonl").add("k", 1, listed(1))
    assert {str(tmp_path / "my.jsonl"), str(tmp_path)} <= synced


@pytest.mark.parametrize("lost", range(4))
def test_a_line_that_is_lost_is_noticed_and_nothing_is_written(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    path.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    left = path.read_bytes()
    with pytest.raises(TableError, match=rf"batch {lost + 1} is missing"):
        Ledger(path)
    assert path.read_bytes() == left
    path.write_bytes(b"".join(lines))
    assert len(Ledger(path).batches) == 4


def test_a_ledger_that_is_gone_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    fill(path)
    path.unlink()
    with pytest.raises(TableError, match=r"batches 1 to 4 are missing at the end"):
        Ledger(path)


@pytest.mark.parametrize("place", range(4))
def test_a_digit_that_was_changed_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    changed = lines[place].replace(b'"a": ', b'"a": 7')
    assert changed != lines[place]
    path.write_bytes(b"".join([*lines[:place], changed, *lines[place + 1 :]]))
    with pytest.raises(TableError, match=rf"line {place + 1} was changed|the last of the 4 lines"):
        Ledger(path)


@pytest.mark.parametrize("order", [[0, 1, 1, 2, 3], [1, 0, 2, 3], [0, 1, 2, 3, 3], [0, 1, 2, 3, 0]])
def test_lines_that_are_there_twice_or_were_moved_are_noticed(tmp_path: Path, order: list[int]) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    path.write_bytes(b"".join(lines[place] for place in order))
    with pytest.raises(TableError, match=r"is there twice, or lines were moved"):
        Ledger(path)


@settings(max_examples=60)
@given(kept=st.lists(st.integers(0, 4), max_size=6))
def test_no_choice_of_lines_but_all_in_order_passes_without_a_word(
    kept: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "my.jsonl"
    lines = fill(path, 5)
    path.write_bytes(b"".join(lines[place] for place in kept))
    if kept == list(range(5)):
        assert Ledger(path).warnings == []
    else:
        with pytest.raises(TableError, match=r"missing|twice|changed"):
            Ledger(path)


def test_without_its_head_a_ledger_is_read_and_goes_on_and_says_what_it_cannot_notice(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    head_of(path).unlink()
    ledger = Ledger(path)
    assert len(ledger.batches) == 4
    assert "my.jsonl.head is missing" in ledger.warnings[0]
    assert ledger.add("k5", 20, listed(5)) == 5
    assert path.read_bytes().startswith(b"".join(lines))
    assert Ledger(path).warnings == []


def test_who_cannot_restore_a_lost_line_goes_on_without_it_and_is_told_each_time(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(TableError, match=r"to go on without what is lost, move .*my\.jsonl\.head away"):
        Ledger(path)
    head_of(path).unlink()
    assert Ledger(path).add("k5", 20, listed(5)) == 5
    assert ["batch 2 is missing" in said for said in Ledger(path).warnings] == [True]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(TableError, match="batch 5 is missing"):
        Ledger(path)


def test_numbers_of_lost_batches_are_not_given_again(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path)
    path.write_bytes(lines[0])
    head_of(path).unlink()
    rows = pd.DataFrame({"line": [2, 3], "suggestion": ["b4-02", ""]})
    assert Ledger(path).add("k", 20, listed(5), taken=find_highest_batch(rows)) == 5
    assert Ledger(path).add("k", 21, listed(6), taken=99) == 6, "a wrong name in the table makes no gap"


def test_a_line_that_a_power_cut_left_half_written_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path, 2)
    part = b'{"batch": 3, "before": "12'
    path.write_bytes(b"".join(lines) + part)
    ledger = Ledger(path)
    assert len(ledger.batches) == 2
    assert "line 3 is cut off" in ledger.warnings[0]
    assert ledger.add("k3", 20, listed(3)) == 3
    assert len(Ledger(path).batches) == 3
    assert Ledger(path).warnings == []
    assert (tmp_path / "my.jsonl.cut-off").read_bytes() == part + b"\n"


def test_a_ledger_that_was_cut_within_its_last_batch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill(path, 2)
    path.write_bytes(b"".join(lines)[:-30])
    with pytest.raises(TableError, match=r"line 2 is not a batch of suggestions: not JSON from character \d+ on"):
        Ledger(path)


def test_a_disk_that_is_full_leaves_the_ledger_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "my.jsonl"
    before = b"".join(fill(path, 2))
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:7]))
    with pytest.raises(OutputError, match=r"my\.jsonl: cannot be written: No space left on device"):
        Ledger(path).add("k3", 20, listed(3))
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert Ledger(path).add("k3", 20, listed(3)) == 3


@pytest.mark.parametrize("place", ["a folder", "beneath a file"])
def test_a_place_where_no_ledger_can_be_is_named(tmp_path: Path, place: str) -> None:
    path = tmp_path / "my.jsonl"
    if place == "a folder":
        path.mkdir()
    else:
        path.write_text("x")
        path = path / "below.jsonl"
    with pytest.raises((TableError, OutputError), match=r"not a file but a folder|cannot be (written|read)"):
        Ledger(path).add("k", 1, listed(1))


@pytest.mark.parametrize("change", ["crlf", "bom", "blank lines", "no line end", "carriage returns"])
def test_what_editors_do_to_a_file_is_no_loss(tmp_path: Path, change: str) -> None:
    path = tmp_path / "my.jsonl"
    data = b"".join(fill(path))
    changed = {
        "crlf": data.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + data,
        "blank lines": b"\n" + data.replace(b"\n", b"\n\n  \n"),
        "no line end": data.rstrip(),
        "carriage returns": data.replace(b"\n", b"\r"),
    }[change]
    path.write_bytes(changed)
    ledger = Ledger(path)
    assert (len(ledger.batches), ledger.warnings) == (4, [])
    assert ledger.add("k5", 20, listed(5)) == 5
    assert path.read_bytes().startswith(changed)
    assert [batch.number for batch in Ledger(path).batches] == [1, 2, 3, 4, 5]


def test_keys_that_are_not_known_stay(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    fill_first_format(path, 2)
    data = path.read_bytes().replace(
        b'"batch": 1,', b'"batch": 1, "remark": "furnace 2, \xc2\xb5m", "x": [1, {"y": null}],'
    )
    path.write_bytes(data)
    Ledger(path).add("k3", 20, listed(3))
    assert path.read_bytes().startswith(data)


GOOD: dict[str, Any] = {"batch": 1, "key": "k", "rows": 3, "suggestions": listed(1.5)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 0}, "batch: found 0; expected a whole number from 1 on"),
        ({"batch": "1"}, 'batch: found "1"; expected a whole number'),
        ({"batch": True}, "batch: found true"),
        ({"batch": 1.5}, "batch: found 1.5"),
        ({"rows": -1}, "rows: found -1; expected the number of rows"),
        ({"rows": None}, "rows: found null"),
        ({"key": 5}, "key: found 5; expected text"),
        ({"suggestions": {}}, "suggestions: found {}; expected a list"),
        ({"suggestions": [5]}, "suggestions.0: found 5; expected an object"),
        ({"suggestions": [{"design": {"a": 1}}]}, "suggestions.0.predicted: found null"),
        ({"suggestions": [{"design": {"a": [1]}, "predicted": {}}]}, "suggestions.0.design.a: found [1]; expected a n"),
        ({"suggestions": [{"design": {"a": float("nan")}, "predicted": {}}]}, "suggestions.0.design.a: found NaN"),
        ({"suggestions": [{"design": {}, "predicted": {"y": [1, 2]}}]}, "suggestions.0.predicted.y: found [1, 2]"),
        (
            {"suggestions": [{"design": {}, "predicted": {"y": [1, "2", 3]}}]},
            'suggestions.0.predicted.y: found [1, "2", 3]',
        ),
        ({"suggestions": [{"design": {}, "predicted": {}, "name": 5}]}, "suggestions.0.name: found 5; expected as"),
        ({"known": "all"}, 'known: found "all"; expected a list of digests'),
        ({"units": ["nm"]}, 'units: found ["nm"]; expected an object, one unit per feature and objective'),
        ({"units": {"a": 1}}, 'units: found {"a": 1}; expected an object'),
        ({"before": "abc"}, 'before: found "abc"; expected the SHA-256 of the line before'),
    ],
)
def test_every_field_is_checked_with_line_key_and_what_would_be_right(change: dict[str, Any], said: str) -> None:
    line = json.dumps(GOOD | change).encode()
    with pytest.raises(TableError) as caught:
        read_batch(Path("my.jsonl"), 7, line)
    assert str(caught.value).startswith(f"my.jsonl: line 7 is not a batch of suggestions: {said}")


def test_a_missing_or_repeated_key_and_a_huge_number_are_named() -> None:
    def refuse(line: str) -> str:
        with pytest.raises(TableError) as caught:
            read_batch(Path("my.jsonl"), 2, line.encode())
        return str(caught.value)

    assert "the key 'rows' is missing; did you mean 'row'?" in refuse(
        '{"batch": 1, "key": "k", "row": 3, "suggestions": []}'
    )
    assert "the key 'rows' is there twice" in refuse(
        '{"batch": 1, "key": "k", "rows": 3, "rows": 4, "suggestions": []}'
    )
    assert "rows: found 1000" in refuse(f'{{"batch": 1, "key": "k", "rows": {10**50}, "suggestions": []}}')
    assert "is not a batch" in refuse("[" * 100_000)


@settings(max_examples=200)
@given(line=st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "design", "before"]), part),
    max_leaves=12,
).map(lambda content: json.dumps(content).encode()))  # fmt: skip
def test_no_line_ends_in_another_error_than_ours(line: bytes) -> None:
    with suppress(TableError):
        assert read_batch(Path("my.jsonl"), 1, line).number >= 1


def test_a_head_that_is_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    fill(path)
    head_of(path).write_text("[]")
    with pytest.raises(TableError, match=r"my\.jsonl\.head: not the head of a ledger; move it away"):
        Ledger(path)


@pytest.mark.parametrize("accepted", ['[1, "a"]', '["a"]', '"abc"', "[[]]", "{}", "null"])
def test_a_head_with_wrong_items_is_named_before_anything_is_appended(tmp_path: Path, accepted: str) -> None:
    path = tmp_path / "my.jsonl"
    before = b"".join(fill(path))
    head_of(path).write_text(head_of(path).read_text().replace('"accepted": []', f'"accepted": {accepted}'))
    with pytest.raises(TableError, match=r"my\.jsonl\.head: not the head of a ledger; move it away"):
        Ledger(path).add("k5", 20, listed(5))
    assert path.read_bytes() == before


def test_what_lies_beside_a_private_ledger_is_private(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    fill(path, 2)
    head_of(path).unlink()
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b'{"batch": 3, "before": "12')
    Ledger(path).add("k3", 20, listed(3))
    files = [path, head_of(path), tmp_path / "my.jsonl.cut-off"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3


def test_a_kill_between_a_batch_and_the_head_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    fill(path, 2)
    before = head_of(path).read_bytes()
    Ledger(path).add("k3", 20, listed(3))
    head_of(path).write_bytes(before)
    ledger = Ledger(path)
    assert (len(ledger.batches), ledger.warnings) == (3, [])
    assert ledger.add("k3", 20, listed(3)) == 3
    assert json.loads(head_of(path).read_text())["lines"] == 3
    assert ledger.add("k4", 21, listed(4)) == 4
    assert json.loads(head_of(path).read_text())["lines"] == 4


def test_ledgers_of_the_first_format_are_read_and_go_on(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    lines = fill_first_format(path)
    ledger = Ledger(path)
    assert ([batch.number for batch in ledger.batches], ledger.warnings) == ([1, 2, 3], [])
    # keys depended on how settings were written, and so changed with the version
    assert ledger.add("another key", 13, listed(3, 3.5 * (1 + 1e-12))) == 3
    assert path.read_bytes().splitlines(keepends=True) == lines
    assert ledger.add("another key", 13, listed(3, 3.6)) == 4
    assert ledger.add("key", 14, listed(3, 3.6)) == 5
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(TableError, match="batch 1 is missing"):
        Ledger(path)


def test_a_rerun_on_the_same_rows_appends_nothing_and_needs_no_permission_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my.jsonl"
    before = b"".join(fill(path, 3))
    monkeypatch.setattr("batterymi.optimise.campaigns.ledger.lock_path", lambda path: pytest.fail("it wants to write"))
    assert Ledger(path).add("k3", 13, listed(3, 3.5)) == 3
    assert path.read_bytes() == before


@given(batch=st.integers(1, 100_000), place=st.integers(1, 100))
def test_no_spreadsheet_takes_a_name_for_a_number_or_a_date(batch: int, place: int) -> None:
    name = name_suggestion(batch, place)
    assert parse_name(name) == (batch, place)
    with pytest.raises(ValueError, match="could not convert"):
        float(name.replace(",", "."))
    with pytest.raises((dates.ParserError, OverflowError)):
        dates.parse(name, default=datetime.datetime(2000, 1, 1))
    assert not pd.to_numeric(pd.Series([name]), errors="coerce").notna().any()
    months = {pd.Timestamp(2000, month, 1).strftime("%b").lower() for month in range(1, 13)}
    assert name.split("-")[0] not in months
    assert name[0].isalpha(), "spreadsheets take what begins with a digit for a date, as 3-07, and + - = @ for formulas"


@pytest.mark.parametrize("cell", ["b3-07", "B3-7", " b3 - 07 ", "b3–07", "b03‑07", "Ｂ３－０７", "b3−7", "b3_07"])
def test_names_are_read_as_people_and_programs_write_them(cell: str) -> None:
    assert parse_name(cell) == (3, 7)


@pytest.mark.parametrize("cell", ["", "nan", "3-07", "b3", "b3-07a", "ab3-07", "3.7", "2026-03-07", None, 3.7])
def test_other_cells_name_no_suggestion(cell: Any) -> None:
    assert parse_name(cell) is None
