"""The ledger of suggestions: nothing in it is lost, changed or ignored without a word."""

import datetime
import json
import multiprocessing
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dateutil import parser as dates
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import START, seconds_of

from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.errors import OutputError, TableError
from batterymi.optimise.campaigns.converted_batches import describe_differences
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.ledger_lines import name_suggestion, read_batch
from batterymi.optimise.campaigns.matched_results import (
    compare_suggestions,
    digest_designs,
    find_highest_batch,
    find_unknown_names,
    parse_name,
)
from batterymi.optimise.space.space import Space


def listed(*values: float) -> list[dict[str, Any]]:
    """Suggestions of one feature."""
    return [{"design": {"a": value}, "predicted": {"y": [value, value - 1, value + 1]}} for value in values]


def fill(path: Path, n: int = 4) -> list[bytes]:
    """Write batches, and return the lines of the file."""
    for number in range(1, n + 1):
        assert Ledger(path).add(f"k{number}", 10 + number, listed(number, number + 0.5), {"ab"}) == number
    return path.read_bytes().splitlines(keepends=True)


def head_of(path: Path) -> Path:
    """The head of a ledger."""
    return path.with_name(f"{path.name}.head")


def fill_first_format(path: Path, n: int = 3) -> list[bytes]:
    """Write batches as they were written before lines had digests."""
    batches = [
        {"batch": number, "key": f"{number:032x}", "rows": 10 + number, "suggestions": listed(number, number + 0.5)}
        for number in range(1, n + 1)
    ]
    path.write_text("\n".join(json.dumps(batch, sort_keys=True) for batch in batches) + "\n", encoding="utf-8")
    return path.read_bytes().splitlines(keepends=True)


def add_one(path: str, number: int, ready: Any) -> None:
    """Append one batch, at the same moment as others."""
    ledger = Ledger(Path(path))
    ready.wait(seconds_of(START))
    ledger.add(f"key of {number}", number, listed(number))


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


@settings(deadline=None, max_examples=60)
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


@settings(deadline=None, max_examples=200)
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


def make_space(step: float | None = None) -> Space:
    """Two numbers and a category."""
    return Space(
        (
            Feature(name="t", label="T", unit="1", bounds=(600, 900), step=step),
            Feature(name="x", label="x", unit="1", bounds=(0, 1)),
            Feature(name="gas", label="gas", unit="1", choices=("air", "O2")),
        )
    )


OBJECTIVE = Objective(name="y", label="y", unit="1", goal="maximise")
OLD = [(600, 0.1, "air", 1.0), (700, 0.5, "O2", 2.0), (900, 0.9, "air", 3.0)]
SUGGESTED = [(650, 0.2, "air"), (652, 0.2, "air"), (800, 0.7, "O2"), (850, 0.7, "O2")]


def make_rows(rows: list[tuple[Any, ...]], names: list[str] | None = None) -> pd.DataFrame:
    """A table with these rows; an outcome of None is pending, one of -1 failed."""
    frame = pd.DataFrame([row[:3] for row in rows], columns=["t", "x", "gas"])
    frame["split"] = ["pending" if row[3] is None else "failed" if row[3] == -1 else "train" for row in rows]
    frame["y"] = [np.nan if row[3] in (None, -1) else row[3] for row in rows]
    frame["line"] = range(2, len(rows) + 2)
    frame[["t", "x"]] = frame[["t", "x"]].astype(float)
    if names is not None:
        frame["Suggestion"] = names
    return frame


def compare(path: Path, rows: pd.DataFrame, space: Space) -> list[tuple[str, str, str]]:
    """Status and line of each suggestion."""
    found = compare_suggestions(Ledger(path).batches, rows, space, [OBJECTIVE], 0)
    return list(zip(found["suggestion"], found["status"], found["line"], strict=True))


def suggest(path: Path, rows: pd.DataFrame, space: Space) -> None:
    """Append the suggestions to a ledger."""
    items = [
        {"design": dict(zip(("t", "x", "gas"), row, strict=True)), "predicted": {"y": [2.0, 1.0, 3.0]}}
        for row in SUGGESTED
    ]
    Ledger(path).add("k", len(rows), items, set(digest_designs(rows, space.features)))


ANSWERS = [(650.4, 0.2, "air", 4.0), (800, 0.7, "O2", -1), (850, 0.7, "O2", None)]


def test_results_are_found_wherever_they_are_in_the_table(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    wanted = {"b1-01": "measured", "b1-02": "not tried", "b1-03": "failed", "b1-04": "pending"}
    shuffled = [*OLD, *ANSWERS]
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(shuffled))
        kept = [shuffled[place] for place in order if shuffled[place] not in OLD[: seed % 3]]
        found = {name: status for name, status, _ in compare(path, make_rows(kept), space)}
        assert found == wanted


def test_a_named_row_answers_its_suggestion_whatever_its_amounts(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([(612, 0.4, "O2", 9.0), (650, 0.2, "air", 4.0), *OLD], ["B1-3", "b1–02", "", "own idea", ""])
    assert compare(path, rows, space) == [
        ("b1-01", "not tried", ""),
        ("b1-02", "measured", "3"),
        ("b1-03", "measured", "2"),
        ("b1-04", "not tried", ""),
    ]


def test_a_measured_row_counts_before_a_failed_one_and_all_lines_are_named(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (650, 0.2, "air", -1), (650, 0.2, "air", 4.0)], ["", "", "", "b1-01", "b1-01"])
    assert compare(path, rows, space)[0] == ("b1-01", "measured", "6, 5")


@pytest.mark.parametrize(
    ("step", "t", "status"), [(10, 655, "measured"), (10, 656, "not tried"), (None, 651.5, "measured")]
)
def test_a_design_is_found_within_the_declared_steps(tmp_path: Path, step: float | None, t: float, status: str) -> None:
    path, space = tmp_path / "my.jsonl", make_space(step)
    Ledger(path).add(
        "k", 3, [{"design": {"t": 650, "x": 0.2, "gas": "air"}, "predicted": {"y": [1.0, None, None]}}], {"-"}
    )
    assert [found[1] for found in compare(path, make_rows([(t, 0.2, "air", 5.0), *OLD]), space)] == [status]
    assert [found[1] for found in compare(path, make_rows([(t, 0.2, "O2", 5.0), *OLD]), space)] == ["not tried"]


def test_fractions_are_found_within_the_step_of_the_composition(tmp_path: Path) -> None:
    parts = tuple(Feature(name=name, label=name, unit="1", bounds=(0, 1)) for name in ("ni", "mn"))
    space = Space(parts, Simplex(features=("ni", "mn"), step=0.1))
    item = {"design": {"ni": 0.6, "mn": 0.4}, "predicted": {"y": [1.0, None, None]}}
    Ledger(tmp_path / "my.jsonl").add("k", 3, [item], {"-"})
    for ni, status in ((0.64, "measured"), (0.66, "not tried")):
        rows = pd.DataFrame({"ni": [ni], "mn": [1 - ni], "y": [1.0], "split": ["train"], "line": [2]})
        assert compare(tmp_path / "my.jsonl", rows, space)[0][1] == status


def test_a_row_that_was_there_before_is_no_result(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    near = [*OLD, (650.5, 0.2, "air", 7.0)]
    suggest(path, make_rows(near), space)
    for rows in (near, near[::-1]):
        assert {found[1] for found in compare(path, make_rows(rows), space)} == {"not tried"}
    assert compare(path, make_rows([(650, 0.2, "air", 8.0), *near]), space)[0] == ("b1-01", "measured", "2")


def test_one_row_answers_one_suggestion_of_a_batch_the_nearest(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    found = compare(path, make_rows([(651.5, 0.2, "air", 4.0), *OLD]), space)
    assert [status for _, status, _ in found] == ["not tried", "measured", "not tried", "not tried"]
    found = compare(path, make_rows([(651.5, 0.2, "air", 4.0), *OLD, (648, 0.2, "air", 4.0)]), space)
    assert [line for _, _, line in found] == ["6", "2", "", ""]


def test_names_of_the_first_format_count_where_a_spreadsheet_left_them_unambiguous(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    items = [
        {"design": {"t": 600.0 + 20 * place, "x": 0.3, "gas": "air"}, "predicted": {"y": [1.0, None, None]}}
        for place in range(12)
    ]
    path.write_text(json.dumps({"batch": 1, "key": "k", "rows": 3, "suggestions": items}) + "\n")
    # 1.10 became 1.1, so its design decides; 1.2 can be nothing else
    rows = make_rows([(780, 0.3, "air", 5.0), (641, 0.9, "O2", 6.0), *OLD], ["1.1", "1,2", "", "", ""])
    found = {name: status for name, status, _ in compare(path, rows, space) if status != "not tried"}
    assert found == {"b1-10": "measured", "b1-02": "measured"}


def test_names_that_are_none_are_told_with_their_line(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, *ANSWERS], ["b1-05", "b2-01", "01.Jan", "own idea", "b1-04", ""])
    said = find_unknown_names(rows, Ledger(path).batches)
    assert [line.partition(",")[0] for line in said] == [
        "line 2: Suggestion: found 'b1-05'",
        "line 3: Suggestion: found 'b2-01'",
        "line 4: Suggestion: found '01.Jan'",
    ]


@pytest.mark.parametrize("outcome", [None, -1])
def test_a_measured_row_counts_before_a_pending_or_failed_one_that_names_the_suggestion(
    tmp_path: Path, outcome: float | None
) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    added = [(800, 0.7, "O2", outcome), (800, 0.7, "O2", 4.0)]
    for names, line in ((["b1-03", ""], "6, 5"), (["", ""], "6")):
        assert compare(path, make_rows([*OLD, *added], ["", "", "", *names]), space)[2] == ("b1-03", "measured", line)


def test_rows_measured_twice_by_name_and_by_design_are_both_listed(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space()
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (800, 0.7, "O2", 5.0), (812, 0.6, "O2", 4.0)], ["", "", "", "", "b1-03"])
    found = compare_suggestions(Ledger(path).batches, rows, space, [OBJECTIVE], 0)
    assert found.loc[2, ["status", "line", "measured"]].tolist() == ["measured", "6, 5", 4.0]


def test_a_row_goes_to_a_suggestion_without_a_measured_row_first(tmp_path: Path) -> None:
    path, space = tmp_path / "my.jsonl", make_space(10)
    suggest(path, make_rows(OLD), space)
    rows = make_rows([*OLD, (650, 0.2, "air", 5.0), (650.1, 0.2, "air", 4.0)], ["", "", "", "b1-01", ""])
    assert compare(path, rows, space)[:2] == [("b1-01", "measured", "5"), ("b1-02", "measured", "6")]


# -- a ledger that is read under other settings

SIZE = Feature(name="size", label="size", unit="nm", bounds=(1, 9))
GAS = Feature(name="gas", label="gas", unit="1", choices=("air", "O2"))
CAPACITY = Objective(name="y", label="y", unit="mAh/g", goal="maximise")
UNITS = {"size": "nm", "gas": "1", "y": "mAh/g"}


def suggest_sizes(path: Path, units: dict[str, str] | None = UNITS) -> pd.DataFrame:
    """Suggest two designs after one row, and return a table in which the first was measured since."""
    rows = pd.DataFrame({"size": [3.0, 2.5], "gas": ["air", "air"], "y": [100.0, 160.0], "split": "train"})
    rows["line"] = [2, 3]
    items = [
        {"design": {"size": size, "gas": gas}, "predicted": {"y": [150.0, 140.0, 170.0]}}
        for size, gas in ((2.5, "air"), (3.0, "air"))
    ]
    known = set(digest_designs(rows.iloc[:1], (SIZE, GAS)))
    if units is None:
        line = {"batch": 1, "key": "k", "rows": 1, "known": sorted(known), "suggestions": items, "before": ""}
        path.write_text(json.dumps(line) + "\n")
    else:
        Ledger(path).add("k", 1, items, known, units=units)
    return rows


def read_changed(
    path: Path, rows: pd.DataFrame, features: tuple[Feature, ...], objective: Objective
) -> tuple[list[list[Any]], list[str]]:
    """Status, objective, unit, prediction and result of each suggestion, and what is said of the batch."""
    batches = Ledger(path).batches
    found = compare_suggestions(batches, rows, Space(features), [objective], 0)
    kept = found[["suggestion", "status", "objective", "unit", "predicted", "measured"]].round(9)
    assert (found["why"] != "").tolist() == (found["status"] == "not comparable").tolist()
    said = describe_differences(batches, features, [objective])
    return kept.astype(object).where(kept.notna(), None).to_numpy().tolist(), said


def test_a_ledger_holds_units_and_says_nothing_where_nothing_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    assert json.loads((tmp_path / "my.jsonl").read_text())["units"] == UNITS
    assert read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY) == (
        [["b1-01", "measured", "y", "mAh/g", 150, 160], ["b1-02", "not tried", "y", "mAh/g", 150, None]],
        [],
    )


def test_designs_are_found_after_the_unit_of_a_feature_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    size = Feature(name="size", label="size", unit="Å", bounds=(10, 90))
    found, said = read_changed(tmp_path / "my.jsonl", rows.assign(size=rows["size"] * 10), (size, GAS), CAPACITY)
    # the row of 30 Å was there before, so that it is no result of the second suggestion
    assert [item[:2] for item in found] == [["b1-01", "measured"], ["b1-02", "not tried"]]
    assert said == ["batch 1: 'size' is converted from nm to Å"]


def test_predictions_are_converted_after_the_unit_of_an_objective_changed(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl")
    objective = CAPACITY.model_copy(update={"unit": "Ah/kg"})
    found, _ = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), objective)
    assert found[0] == ["b1-01", "measured", "y", "Ah/kg", 150, 160]
    objective = CAPACITY.model_copy(update={"unit": "Ah/g"})
    found, said = read_changed(tmp_path / "my.jsonl", rows.assign(y=rows["y"] / 1000), (SIZE, GAS), objective)
    assert found[0] == ["b1-01", "measured", "y", "Ah/g", 0.15, 0.16]
    assert said == ["batch 1: 'y' is converted from mAh/g to Ah/g"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit": "V"}, "'y' is in mAh/g there and in V in the study, and one cannot be converted to the other"),
        ({"name": "capacity"}, "the study no longer has the objective 'y'"),
    ],
)
def test_predictions_of_an_objective_that_is_gone_are_listed_with_their_own_unit(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl").rename(columns={"y": change.get("name", "y")})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY.model_copy(update=change))
    assert found == [[name, "not comparable", "y", "mAh/g", 150, None] for name in ("b1-01", "b1-02")]
    assert said == [f"batch 1: predictions are not comparable: {reason}"]


OTHER_FEATURES = {
    "added": (SIZE, GAS, Feature(name="t", label="T", unit="°C", bounds=(600, 900))),
    "removed": (SIZE,),
    "renamed": (Feature(name="t", label="T", unit="nm", bounds=(1, 900)), GAS),
    "other unit": (SIZE.model_copy(update={"unit": "°C"}), GAS),
    "choice gone": (SIZE, GAS.model_copy(update={"choices": ("N2", "O2")})),
    "other kind": (Feature(name="size", label="size", unit="1", choices=("small", "large")), GAS),
}
REASONS = {
    "added": "the study now has the feature 't', which the batch lacks",
    "removed": "the study no longer has the feature 'gas'",
    "renamed": "the study no longer has the feature 'size'; the study now has the feature 't', which the batch lacks",
    "other unit": "'size' is in nm there and in °C in the study, and one cannot be converted to the other",
    "choice gone": "'air' is no longer a choice of 'gas'",
    "other kind": "'size' is a choice in the study now",
}


@pytest.mark.parametrize("kind", OTHER_FEATURES)
def test_designs_of_another_study_are_compared_by_name_only_and_never_called_not_tried(
    tmp_path: Path, kind: str
) -> None:
    path, features = tmp_path / "my.jsonl", OTHER_FEATURES[kind]
    rows = suggest_sizes(path).assign(t=700.0)
    rows = rows.replace({"gas": {"air": "N2"}}) if kind == "choice gone" else rows
    rows = rows.assign(size="small") if kind == "other kind" else rows
    found, said = read_changed(path, rows, features, CAPACITY)
    assert [item[1] for item in found] == ["not comparable"] * 2
    assert found[0][2:] == ["y", "mAh/g", 150, None]
    assert len(said) == 1
    assert said[0].startswith("batch 1: suggestions with other designs than the study has now")
    assert f"({REASONS[kind]})" in said[0]
    found, _ = read_changed(path, rows.assign(suggestion=["", "b1-01"]), features, CAPACITY)
    assert found[0] == ["b1-01", "measured", "y", "mAh/g", 150, 160]
    assert found[1][1] == "not comparable"


def test_a_unit_that_is_none_makes_a_batch_not_comparable(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl", UNITS | {"size": "__import__('os')"})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (SIZE, GAS), CAPACITY)
    assert [item[1] for item in found] == ["not comparable"] * 2
    assert len(said) == 1


def test_a_line_without_units_is_taken_to_have_those_of_the_study(tmp_path: Path) -> None:
    rows = suggest_sizes(tmp_path / "my.jsonl", None)
    size = SIZE.model_copy(update={"unit": "Å"})
    found, said = read_changed(tmp_path / "my.jsonl", rows, (size, GAS), CAPACITY)
    assert [item[1] for item in found] == ["measured", "not tried"]
    assert said == []


def test_a_suggestion_without_predictions_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    Ledger(path).add("k", 1, [{"design": {"size": 2.5, "gas": "air"}, "predicted": {}}], {"-"}, units=UNITS)
    rows = suggest_sizes(tmp_path / "other.jsonl")
    found = compare_suggestions(Ledger(path).batches, rows, Space((SIZE, GAS)), [CAPACITY], 0)
    assert found[["suggestion", "status", "line"]].to_numpy().tolist() == [["b1-01", "measured", "3"]]


def test_a_unit_that_was_corrected_makes_a_batch_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "V"}) == 1
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "V"}) == 1
    assert Ledger(path).add("k", 1, listed(1), units={"a": "nm", "y": "mV"}) == 2
    fill_first_format(tmp_path / "old.jsonl", 1)
    assert Ledger(tmp_path / "old.jsonl").add("k", 11, listed(1, 1.5), units={"a": "nm"}) == 1
