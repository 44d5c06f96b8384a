"""No command overwrites what it did not make, whatever path it is given and whatever is there."""

import argparse
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import copy_workflow

from batterymi import user_files
from batterymi.cli import suggest
from batterymi.cli.append_rows import append_rows
from batterymi.cli.main import main, make_parser
from batterymi.cli.settings import read_ledger
from batterymi.config.run import Config
from batterymi.data.read_csv import read_csv
from batterymi.errors import OutputError, TableError
from batterymi.files import write_json, write_text
from batterymi.user_files import create_file
from batterymi.workflow import resources

TABLE = "temperature_c,gas,suggestion,capacity_mah_g\n" + "".join(
    f"{700 + 20 * i},{('air', 'O2')[i % 2]},,{140 + i * 3 % 7}\n" for i in range(8)
)
STUDY = """title: Mine
edition: own
table: {file: data/my.csv}
features:
  - {name: temperature_c, label: Temperature, unit: °C, bounds: [650, 900], step: 10}
  - {name: gas, label: Gas, unit: '1', choices: [air, O2]}
objectives:
  - {name: capacity_mah_g, label: Capacity, unit: mAh/g, goal: maximise}
campaign: {mode: experiment, engine: sobol, suggestions: 3, pool: data/not_there.csv}
"""
# arguments that are no paths; an option that is neither here nor of the type Path fails a test
NO_PATHS = {"study", "n", "name", "result", "cores"}
DESIGN = {"design": {"temperature_c": 700.0, "gas": "air"}, "predicted": {"capacity_mah_g": [1.0, 0.0, 2.0]}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workflow's folder with a table, a study, a ledger, results, and files that are nobody's."""
    folder = tmp_path_factory.mktemp("workflow")
    copy_workflow(folder)
    (folder / "data/my.csv").write_text(TABLE, encoding="utf-8")
    (folder / "config/studies/my.yaml").write_text(STUDY.replace(", pool: data/not_there.csv", ""), encoding="utf-8")
    (folder / "config/studies/listed.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "config/studies/broken.yaml").write_text("title: [", encoding="utf-8")
    (folder / "data/other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "data/copied.csv").write_text(TABLE, encoding="utf-8")
    (folder / "old.yaml").write_text(STUDY + "seed: 5\n", encoding="utf-8")
    (folder / "empty.csv").touch()
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    before = Path.cwd()
    os.chdir(folder)
    read_ledger("my", Config()).add("k", 8, [DESIGN])
    write_json("results/my/summary.json", {"x": {"value": 1, "source": ""}})
    write_text("logs/benchmarks/train.tsv", "s\tmax_rss\tcpu_time\n1\t2\t3\n", recorded=False)
    (folder / "moved.jsonl").write_bytes(Path("campaigns/my.jsonl").read_bytes())
    os.chdir(before)
    return folder


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, to work in."""
    monkeypatch.chdir(made)
    return made


TARGETS = {
    "data/my.csv": "the table of the study '",
    "data/other.csv": "a table of 1 row",
    "data/copied.csv": "a copy of the table of the study",
    "data/textbook/claims.csv": "the table of the chapter's claims",
    "data/textbook/lithium_sulfur.csv": "the table of the study 'lithium_sulfur'",
    "config/config.yaml": "the configuration",
    "config/studies/my.yaml": "the settings of the study 'my'",
    "config/studies/broken.yaml": "the settings of the study 'broken'",
    "config/README.md": "a file in config, the folder of settings",
    "campaigns/my.jsonl": "the ledger of the study 'my'",
    "campaigns/my.jsonl.head": "a file in campaigns, the folder of ledgers",
    "results/my/summary.json": "a file in results, the folder of results",
    "logs/benchmarks/train.tsv": "a file in logs, the folder of logs",
    "rules/common.smk": "a file in rules, the folder of the workflow itself",
    "old.yaml": "the settings of a study.",
    "moved.jsonl": "a copy of the ledger of the study 'my'",
    "empty.csv": "an empty file",
    "image.png": "a file of 10 bytes",
    "data": "a folder",
    "/dev/null": "not a file but a device or a pipe",
}


def spell(target: str, folder: Path, links: Path) -> Iterator[Path]:
    """Paths that lead to a file: as it is, with dots, in full, through links, in other letters."""
    yield Path(target)
    yield Path("rules/.." if not target.startswith("/") else "/dev/..") / target.lstrip("/")
    yield folder / target
    links.mkdir(exist_ok=True)
    name = target.replace("/", "_")
    for link in (links / f"soft_{name}", links / f"hard_{name}"):
        if link.is_symlink() or link.exists():
            link.unlink()
    (links / f"soft_{name}").symlink_to(folder / target)
    yield links / f"soft_{name}"
    if (folder / target).is_file():
        (links / f"hard_{name}").hardlink_to(folder / target)
        yield links / f"hard_{name}"
    if Path(target.upper()).exists():  # a file system on which case does not matter
        yield Path(target.upper())


def snapshot(folder: Path) -> dict[str, bytes]:
    """Content of all files."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run_resources(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command that reads benchmarks."""
    monkeypatch.setattr(sys, "argv", ["resources", *arguments])
    resources.print_requests()


def list_parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command of the package."""
    commands = next(action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return {**commands.choices, "resources": resources.make_parser()}


def list_options() -> list[tuple[str, str]]:
    """Every argument of every command, but for flags and help."""
    return [
        (name, action.dest)
        for name, parser in list_parsers().items()
        for action in parser._actions
        if action.nargs != 0
    ]


PATHS = [
    (name, dest)
    for name, dest in list_options()
    if next(action for action in list_parsers()[name]._actions if action.dest == dest).type is Path
]


def test_every_argument_is_a_path_or_known_to_be_none() -> None:
    assert {dest for _, dest in set(list_options()) - set(PATHS)} == NO_PATHS
    assert {("suggest", "csv"), ("new-study", "csv"), ("resources", "csv"), ("check", "configfile")} <= set(PATHS)


def call_with(name: str, dest: str, path: Path) -> list[str]:
    """Arguments of a command whose option is a path, all that it requires filled in."""
    usual = {"study": "my", "result": "my.x", "csv": "data/my.csv", "folders": "logs/benchmarks"}
    arguments = []
    for action in list_parsers()[name]._actions:
        if action.dest == dest:
            arguments += [*action.option_strings[:1], str(path)]
        elif action.required:
            arguments += [*action.option_strings[:1], usual[action.dest]]
    return arguments


@pytest.mark.parametrize(("name", "dest"), PATHS)
def test_no_path_makes_a_command_change_a_file_that_is_there(
    name: str,
    dest: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, ended = snapshot(folder), [""]
    for target in TARGETS:
        for path in spell(target, folder, tmp_path / "links"):
            arguments = call_with(name, dest, path)
            try:
                if name == "resources":
                    run_resources(arguments, monkeypatch)
                else:
                    main([name, *arguments])
            except SystemExit as error:
                ended.append(str(error))
            assert "Traceback" not in capsys.readouterr().err + ended[-1]
            after = snapshot(folder)
            assert {file: after.get(file) for file in before} == before, arguments
            for new in set(after) - set(before):
                Path(new).unlink()


@pytest.mark.parametrize("target", TARGETS)
def test_a_command_says_what_the_file_is_and_what_to_do(
    target: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in spell(target, folder, tmp_path / "links"):
        assert main(["suggest", "my", "--csv", str(path)]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"--csv {path}: exists already; it is "), said
        # another name of a file that only its folder makes what it is
        by_content = path.name.startswith("hard_") and "the folder of" in TARGETS[target]
        assert TARGETS[target] in said or by_content, said
        assert "Nothing was written; give the name of a new file; or `--append`" in said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("campaigns/my.csv", "lies in campaigns, the folder of ledgers of suggestions"),
        ("campaigns/sodium_ion.jsonl", "its place is that of the ledger of the study 'sodium_ion'"),
        ("Campaigns/My.jsonl", "of the ledger of the study 'my'"),
        ("config/studies/new.yaml", "lies in config, the folder of settings"),
        ("data/not_there.csv", "its place is that of a list of candidates of the study 'listed'"),
        ("data/../data/NOT_there.csv", "a list of candidates of the study 'listed'"),
        ("data/my.csv.bak", "its place is that of a copy or a lock of the table of the study '"),
        ("data/MY.csv.bak3", "its place is that of a copy or a lock of the table of the study '"),
        ("data/.my.csv.lock", "its place is that of a copy or a lock of the table of the study '"),
        ("results/next.csv", "lies in results, the folder of results"),
        ("logs/next.csv", "lies in logs, the folder of logs"),
        (".snakemake/next.csv", "lies in .snakemake, the folder of the workflow itself"),
    ],
)
def test_no_file_is_made_where_another_belongs(
    target: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if Path(target).exists():
        pytest.skip("case does not matter here")
    before = snapshot(folder)
    assert main(["suggest", "my", "--csv", target]) == 1
    assert said in capsys.readouterr().err
    assert snapshot(folder) == before


def test_a_link_that_leads_nowhere_is_not_followed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere.csv")
    assert main(["suggest", "my", "--csv", str(tmp_path / "link.csv")]) == 1
    assert "a symbolic link that leads nowhere" in capsys.readouterr().err
    assert not (tmp_path / "nowhere.csv").exists()


def test_a_new_file_is_written_once(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "new/next.csv"
    assert main(["suggest", "my", "--csv", str(target)]) == 0
    written = target.read_bytes()
    assert main(["suggest", "my", "--csv", str(target)]) == 1
    assert target.read_bytes() == written
    assert [path.name for path in target.parent.iterdir()] == ["next.csv"]


def test_of_two_that_create_a_file_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "next.csv"
    real = os.link

    def be_late(source: Path, target: Path) -> None:
        path.write_text("of another process")
        real(source, target)

    monkeypatch.setattr(os, "link", be_late)
    with pytest.raises(FileExistsError):
        create_file(path, b"ours")
    assert path.read_text() == "of another process"
    assert [file.name for file in tmp_path.iterdir()] == ["next.csv"]


def test_files_are_created_without_hard_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    create_file(tmp_path / "next.csv", b"ours")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "next.csv", b"again")
    assert (tmp_path / "next.csv").read_bytes() == b"ours"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_modes_follow_the_umask(tmp_path: Path, mask: int, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.umask(mask)
    try:
        create_file(Path("new.csv"), b"x")
        write_text("result.txt", "x")
        read_ledger("my", Config()).add("k", 8, [DESIGN])
    finally:
        os.umask(before)
    files = ["new.csv", "result.txt", "campaigns/my.jsonl", "campaigns/my.jsonl.head", "campaigns/.my.jsonl.lock"]
    assert {file: stat.S_IMODE(Path(file).stat().st_mode) for file in files} == dict.fromkeys(files, mode)


# -- rows that are appended to the table


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
    added = read_csv(study).iloc[8:]
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
    assert read_csv(study)["suggestion"].tolist()[8:] == ["b1-02", "b1-03", "b1-04"]


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
    before = read_csv(study)
    assert main(["suggest", "my", "-n", "2", "--append"]) == 0
    assert study.read_bytes().startswith(data)
    after = read_csv(study)
    assert after.iloc[:8].to_numpy().tolist() == before.to_numpy().tolist()
    assert after["capacity_mah_g"].tolist()[8:] == ["pending", "pending"]
    assert (pd.to_numeric(after["temperature_c"][8:]) % 10 == 0).all()


def test_no_copy_of_the_user_is_replaced(study: Path) -> None:
    study.with_name("my.csv.bak").write_text("my own copy")
    for n in range(3):
        assert main(["suggest", "my", "-n", "1", "--append"]) == 0
        assert len(read_csv(study)) == 9 + n
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
    assert len(read_csv(own)) == 9
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

    monkeypatch.setattr("batterymi.cli.append_rows.keep_copy", be_slow)
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

    monkeypatch.setattr("batterymi.cli.append_rows.replace_bytes", fail)
    assert main(["suggest", "my", "-n", "1", "--append", "--csv", "data/next.csv"]) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "data/next.csv was written, with the designs; data/my.csv is as it was" in said
    assert "run again without --csv" in said
    assert len(read_csv("data/next.csv")) == 1
    assert study.read_text(encoding="utf-8") == TABLE


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true", "2>&- >&-"])
def test_who_cannot_see_what_was_printed_is_not_told_that_nothing_happened(output: str, study: Path) -> None:
    command = f'"{sys.executable}" -m batterymi.cli suggest my -n 1 --append --csv data/next.csv {output}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert len(read_csv(study)) == 9
    assert len(read_csv("data/next.csv")) == 1
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
    assert read_csv(study)["suggestion"].tolist()[8:] == ["", "b1-02"]


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
    assert read_csv(study)["suggestion"].tolist()[8:] == [""]


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
