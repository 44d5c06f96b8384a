"""No command overwrites what it did not make, whatever path it is given and whatever is there."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from own_study import DESIGN, NO_PATHS

from batterymi.cli.main import main, make_parser
from batterymi.config.run import Config
from batterymi.files import write_text
from batterymi.user_files import create_file
from batterymi.workflow import resources
from batterymi.workflow.settings import read_ledger


@pytest.fixture
def folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, to work in."""
    monkeypatch.chdir(made)
    return made


TARGETS = {
    "data/my.csv": "the table of the study '",
    "data/other.csv": "a table of 1 row",
    "data/copied.csv": "a copy of the table of the study",
    "data/textbook/claims.csv": "the table of claims",
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
    """Content of all files; one is read again only if the system says that it was touched."""
    found = {}
    for parent, _, names in os.walk(folder):
        for path in (os.path.join(parent, name) for name in names):  # noqa: PTH118 - a hundred thousand of them
            about = Path(path).stat()
            if stat.S_ISREG(about.st_mode):
                found[path] = _read_once(path, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    return found


@cache
def _read_once(path: str, *_: int) -> bytes:
    return Path(path).read_bytes()


def run_resources(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command that reads benchmarks."""
    monkeypatch.setattr(sys, "argv", ["resources", *arguments])
    resources.print_requests()


@cache
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
    usual = {"study": "my", "result": "my.x", "csv": "data/my.csv", "folders": "logs/benchmarks", "formula": "Li2S"}
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
