"""Rows that `suggest --append` puts into a table: nothing else in it changes, and nothing is lost."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import copy_workflow
from own_study import DESIGN, STUDY, TABLE

from batterymi import user_files
from batterymi.cli import suggest
from batterymi.cli.main import main
from batterymi.config.run import Config
from batterymi.data.append_rows import append_rows
from batterymi.data.read_table import read_table
from batterymi.errors import OutputError, TableError
from batterymi.workflow.settings import read_ledger


@pytest.fixture
def study(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with the study and its table."""
    copy_workflow(tmp_path)
    (tmp_path / "data/my.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "config/studies/my.yaml").write_text(STUDY.replace(", pool: data/not_there.csv", ""), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data/my.csv"


def test_appended_rows_are_pending_and_the_rest_of_the_table_stays(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    assert "Appended 2 rows to data/my.csv, marked pending; as it was: " in capsys.readouterr().out
    assert study.read_text(encoding="utf-8").startswith(TABLE)
    assert study.with_name("my.csv.bak").read_text(encoding="utf-8") == TABLE
    added = read_table(study).frame.iloc[8:]
    assert added["capacity_mah_g"].tolist() == ["pending", "pending"]
    assert main(["check", "my"]) == 0
    assert "10 good rows" in capsys.readouterr().out


def test_appended_rows_have_the_names_of_the_ledger(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suggest", "my", "-n", "3", "--csv", "data/next.csv"]) == 0
    designs = pd.read_csv("data/next.csv")
    items = [
        {"design": {"temperature_c": float(row.temperature_c), "gas": row.gas}, "predicted": {}}
        for row in designs.itertuples()
    ]
    assert read_ledger("my", Config()).add("k", 8, [DESIGN, *items]) == 1
    capsys.readouterr()
    assert main(["suggest", "my", "-n", "3", "--append"]) == 0
    assert "1. b1-02: Temperature" in capsys.readouterr().out
    assert read_table(study).frame["suggestion"].tolist()[8:] == ["b1-02", "b1-03", "b1-04"]


FORMS: dict[str, Callable[[str], bytes]] = {
    "windows": lambda text: text.replace("\n", "\r\n").encode(),
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "no line end": lambda text: text.rstrip().encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "semicolons": lambda text: text.replace(",", ";").replace("0;air", "0,5;air").encode(),
    "comments and quotes": lambda text: ("# mine\n" + text.replace("air", '"air"') + "\n# end\n\n").encode(),
    "blanks": lambda text: text.replace(",", " , ").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_appended_in_the_manner_of_the_table(form: str, study: Path) -> None:
    data = FORMS[form](TABLE)
    study.write_bytes(data)
    before = read_table(study).frame
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    assert study.read_bytes().startswith(data)
    after = read_table(study).frame
    assert after.iloc[:8].to_numpy().tolist() == before.to_numpy().tolist()
    assert after["capacity_mah_g"].tolist()[8:] == ["pending", "pending"]
    assert (pd.to_numeric(after["temperature_c"][8:]) % 10 == 0).all()


def test_no_copy_of_the_user_is_replaced(study: Path) -> None:
    study.with_name("my.csv.bak").write_text("my own copy")
    for n in range(3):
        assert main(["suggest", "my", "-n", "1", "--append"]) == 0
        assert len(read_table(study).frame) == 9 + n
    assert study.with_name("my.csv.bak").read_text() == "my own copy"
    assert study.with_name("my.csv.bak2").read_text(encoding="utf-8") == TABLE
    assert study.with_name("my.csv.bak4").is_file()


def test_a_table_behind_a_link_stays_there_with_its_mode(study: Path, tmp_path: Path) -> None:
    own = tmp_path / "elsewhere.csv"
    study.rename(own)
    own.chmod(0o640)
    study.symlink_to(own)
    assert main(["suggest", "my", "-n", "1", "--append"]) == 0
    assert study.is_symlink()
    assert len(read_table(own).frame) == 9
    assert stat.S_IMODE(own.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("beside", "said"), [(".~lock.my.csv#", "is open in a spreadsheet"), ("~$my.csv", "is open in a spreadsheet")]
)
def test_a_table_that_a_spreadsheet_would_overwrite_is_left_alone(
    beside: str, said: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.with_name(beside).touch()
    assert main(["suggest", "my", "--append"]) == 1
    assert said in capsys.readouterr().err
    assert study.read_text(encoding="utf-8") == TABLE


def test_a_table_with_two_names_is_left_alone(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study.with_name("also.csv").hardlink_to(study)
    assert main(["suggest", "my", "--append"]) == 1
    assert "has 2 names (hard links)" in capsys.readouterr().err
    assert study.read_text(encoding="utf-8") == TABLE


@pytest.mark.parametrize(
    ("header", "content", "said"),
    [
        (["temperature_c", "gas", "suggestion", "x"], TABLE, "the header is another one"),
        (["temperature_c", "gas", "suggestion", "capacity_mah_g"], TABLE + "1,air,,2\n", "changed while the designs"),
    ],
)
def test_another_header_or_a_table_that_changed_is_refused(
    header: list[str], content: str, said: str, study: Path
) -> None:
    rows = pd.DataFrame([[700.0, "air", "", "pending"]], columns=header)
    with pytest.raises(TableError, match=said):
        append_rows(study, rows, content.encode())
    assert study.read_text(encoding="utf-8") == TABLE


def test_a_full_disk_leaves_the_table_as_it_was(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame(
        [[700.0, "air", "", "pending"]], columns=["temperature_c", "gas", "suggestion", "capacity_mah_g"]
    )

    def fill_up(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OutputError, match="No space left on device"):
        append_rows(study, rows, TABLE.encode())
    assert study.read_text(encoding="utf-8") == TABLE
    assert {path.name for path in study.parent.iterdir()} <= {"my.csv", "textbook", ".my.csv.lock"}


HEADER = ["temperature_c", "gas", "suggestion", "capacity_mah_g"]
ROW = pd.DataFrame([[700.0, "air", "", "pending"]], columns=HEADER)


def test_a_table_that_is_written_while_its_copy_is_made_keeps_what_was_written(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = user_files.keep_copy

    def be_slow(path: Path, data: bytes) -> Path:
        copy = real(path, data)
        study.write_text(TABLE + "850,O2,,200\n", encoding="utf-8")
        return copy

    monkeypatch.setattr("batterymi.data.append_rows.keep_copy", be_slow)
    with pytest.raises(TableError, match="another program has just written the table; nothing was appended"):
        append_rows(study, ROW, TABLE.encode())
    assert study.read_text(encoding="utf-8") == TABLE + "850,O2,,200\n"


@pytest.mark.parametrize("step", ["load_table", "propose_batch"])
def test_a_table_that_is_written_while_designs_are_chosen_gets_no_rows(
    step: str, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = getattr(suggest, step)

    def be_slow(*arguments: Any) -> Any:
        made = real(*arguments)
        study.write_text(TABLE + "850,O2,,200\n", encoding="utf-8")
        return made

    monkeypatch.setattr(suggest, step, be_slow)
    assert main(["suggest", "my", "--append", "--csv", "data/next.csv"]) == 1
    assert "the table changed while the designs were chosen; nothing was appended" in capsys.readouterr().err
    assert study.read_text(encoding="utf-8") == TABLE + "850,O2,,200\n"
    assert not Path("data/next.csv").exists()


@pytest.mark.parametrize("target", ["/proc/x.csv", "data/my.csv.bak3", "data/my.csv.bak", "data/other/"])
def test_nothing_is_appended_where_the_new_file_cannot_be_written(
    target: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data/other").mkdir()
    assert main(["suggest", "my", "-n", "1", "--append", "--csv", target]) == 1
    said = capsys.readouterr()
    assert "Appended" not in said.out + said.err
    assert "no design was written or appended" in said.err or "give the name of a new file" in said.err
    assert study.read_text(encoding="utf-8") == TABLE
    assert not study.with_name("my.csv.bak").exists()


def test_no_new_file_is_written_where_nothing_can_be_appended(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study.with_name("~$my.csv").touch()
    assert main(["suggest", "my", "-n", "1", "--append", "--csv", "data/next.csv"]) == 1
    said = capsys.readouterr()
    assert "is open in a spreadsheet" in said.err
    assert "Wrote" not in said.out
    assert not Path("data/next.csv").exists()


def test_a_table_that_fails_after_the_new_file_was_written_is_told_with_what_was(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: Path, data: bytes) -> None:
        raise OutputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr("batterymi.data.append_rows.replace_bytes", fail)
    assert main(["suggest", "my", "-n", "1", "--append", "--csv", "data/next.csv"]) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "data/next.csv was written, with the designs; data/my.csv is as it was" in said
    assert "run again without --csv" in said
    assert len(read_table("data/next.csv").frame) == 1
    assert study.read_text(encoding="utf-8") == TABLE


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true", "2>&- >&-"])
def test_who_cannot_see_what_was_printed_is_not_told_that_nothing_happened(output: str, study: Path) -> None:
    command = f'"{sys.executable}" -m batterymi.cli suggest my -n 1 --append --csv data/next.csv {output}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert len(read_table(study).frame) == 9
    assert len(read_table("data/next.csv").frame) == 1
    for wrong in ("Traceback", "unexpected error", "Exception ignored", "othing was", "run again"):
        assert wrong not in done.stderr, done.stderr


def test_columns_that_are_left_empty_are_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study.write_text(
        TABLE.replace("temperature_c,", "cell,temperature_c,").replace("\n7", "\nx,7").replace("\n8", "\nx,8")
    )
    assert main(["suggest", "my", "-n", "1", "--append"]) == 0
    said = capsys.readouterr().out
    assert "Left empty, for you to fill in: cell\n" in said
    assert "Rows without a name in `suggestion` are not in the ledger; `snakemake my` gives names" in said


def test_designs_get_no_name_of_a_suggestion_in_other_units(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suggest", "my", "-n", "2", "--csv", "data/next.csv"]) == 0
    designs = pd.read_csv("data/next.csv")
    kelvin, celsius = (
        [{"design": {"temperature_c": row.temperature_c + shift, "gas": row.gas}, "predicted": {}}]
        for row, shift in zip(designs.itertuples(), (0, 273.15), strict=True)
    )
    ledger = read_ledger("my", Config())
    ledger.add("k", 8, [*kelvin, *celsius], units={"temperature_c": "K", "gas": "1"})
    capsys.readouterr()
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    assert "batch 1: 'temperature_c' is converted from K to °C" in capsys.readouterr().err
    assert read_table(study).frame["suggestion"].tolist()[8:] == ["", "b1-02"]


def test_designs_get_no_name_of_a_suggestion_that_is_not_comparable(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", "my", "-n", "1", "--csv", "data/next.csv"]) == 0
    row = pd.read_csv("data/next.csv").iloc[0]
    design = {"temperature_c": float(row["temperature_c"]), "gas": row["gas"]}
    item = {"design": design, "predicted": {}}
    read_ledger("my", Config()).add("k", 8, [item], units={"temperature_c": "nm"})
    capsys.readouterr()
    assert main(["suggest", "my", "-n", "1", "--append"]) == 0
    assert "'temperature_c' is in nm there and in °C in the study" in capsys.readouterr().err
    assert read_table(study).frame["suggestion"].tolist()[8:] == [""]


def test_cells_of_settings_that_are_not_used_are_no_gaps(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("config/studies/my.yaml")
    used = "  - {name: flow, label: Flow, unit: ml/min, bounds: [1, 9], used_with: {gas: [O2]}}\nobjectives:"
    rule = "constraints: [{name: only_air, expression: temperature_c <= 2000 and 0 * flow >= flow}]\ncampaign:"
    path.write_text(
        path.read_text(encoding="utf-8").replace("objectives:", used).replace("campaign:", rule), encoding="utf-8"
    )
    lines = TABLE.splitlines()
    rows = [f"x,{'3' if ',O2,' in line else ''},{line}" for line in lines[1:]]
    study.write_text("\n".join([f"grade,flow (ml/min),{lines[0]}", *rows]) + "\n", encoding="utf-8")
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    said = capsys.readouterr().out
    assert "Left empty, for you to fill in: grade\n" in said
    assert read_table(study).frame["flow (ml/min)"].tolist()[8:] == ["", ""]


def test_a_name_that_the_table_has_is_never_appended_again(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suggest", "my", "-n", "1", "--csv", "data/next.csv"]) == 0
    row = pd.read_csv("data/next.csv").iloc[0]
    item = {"design": {"temperature_c": float(row["temperature_c"]), "gas": row["gas"]}, "predicted": {}}
    read_ledger("my", Config()).add("k", 8, [item])
    study.write_text(TABLE + f"{row['temperature_c'] + 0.4},{row['gas']},B1-1,pending\n", encoding="utf-8")
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    assert read_table(study).frame["suggestion"].tolist()[8:] == ["B1-1", "", ""]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_table_and_its_copy_keep_the_mode(study: Path, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    real = os.open

    def note(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        handle = real(path, flags, *arguments, **named)
        if flags & os.O_EXCL and str(path).endswith(".tmp"):
            modes.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return handle

    study.chmod(mode)
    monkeypatch.setattr(os, "open", note)
    append_rows(study, ROW, TABLE.encode())
    assert [stat.S_IMODE(study.with_name(name).stat().st_mode) for name in ("my.csv", "my.csv.bak")] == [mode, mode]
    assert modes == [0o600, 0o600], "also while they are written"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_table_and_its_copy_keep_owner_and_group(study: Path) -> None:
    study.chmod(0o640)
    os.chown(study, 1234, 2345)
    append_rows(study, ROW, TABLE.encode())
    for name in ("my.csv", "my.csv.bak"):
        found = study.with_name(name).stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_group_that_cannot_be_kept_leaves_no_permission_to_another(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, user: int, group: int) -> None:
        raise PermissionError(1, "not yours")

    study.chmod(0o660)
    os.chown(study, -1, 2345)
    monkeypatch.setattr(os, "fchown", refuse)
    append_rows(study, ROW, TABLE.encode())
    assert stat.S_IMODE(study.stat().st_mode) == 0o600
