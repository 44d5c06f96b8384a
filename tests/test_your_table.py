"""The page "Your table": its files are written, its commands run, and what they print is what the page shows."""

import contextlib
import csv
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, copy_workflow

from batterymi.cli.main import main

PAGE = ROOT / "docs/how-to/your-table.md"
BLOCK = re.compile(r"([^\n]*)\n\n```(csv|yaml|console)\n(.*?)```", flags=re.DOTALL)
NAMED = re.compile(r"`([\w/.]+\.(?:csv|xlsx|yaml))`(?:, (\w+))?:$")
CIF = """data_{metal}
_cell_length_a 2.82
_cell_length_b 2.82
_cell_length_c 14.05
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_symmetry_space_group_name_H-M 'R -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0.5 1
M1 {metal} 0 0 0 1
O1 O 0 0 0.24 1
"""


@dataclass
class Command:
    """A command that the page shows.

    Attributes:
        line: what is typed.
        shown: lines that the page shows below it; `...` stands for any.
        printed: lines that it printed.
    """

    line: str
    shown: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)


def list_blocks() -> list[tuple[str, str, str]]:
    """List the blocks of the page: the line before, the language, the content."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def write_table(path: Path, content: str, encoding: str) -> None:
    """Write a table of the page, as a workbook where its name says so."""
    if path.suffix == ".csv":
        path.write_text(content, encoding=encoding or "utf-8")
        return
    from openpyxl import Workbook

    book = Workbook()
    for row in csv.reader(io.StringIO(content)):
        book.active.append([float(cell) if re.fullmatch(r"[\d.]+", cell) else cell or None for cell in row])
    book.save(path)


def merge_settings(path: Path, content: str) -> None:
    """Do what a reader does with a block of YAML: replace those keys of a study, and leave the others."""
    study = yaml.safe_load(path.read_text(encoding="utf-8")) | yaml.safe_load(content)
    path.write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")


def run_command(line: str) -> list[str]:
    """Run a command of the page, ours in this process, and return the lines that it printed."""
    words = shlex.split(line)
    if words[0] != "batterymi":
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        return (done.stdout + done.stderr).splitlines()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        main(words[1:])
    return printed.getvalue().splitlines()


def split_console(content: str) -> Iterator[Command]:
    """Split a block into its commands, with what is shown below each."""
    command = None
    for line in content.splitlines():
        if line.startswith("$ "):
            if command:
                yield command
            command = Command(line[2:])
        elif command:
            command.shown.append(line)
    if command:
        yield command


def mask_designs(lines: list[str]) -> list[str]:
    """Return lines of suggestions without designs and what is expected of them, which another processor may change."""
    kept = [re.sub(r"^(\d+)\. .*", r"\1.", line) for line in lines if not line.startswith("   ")]
    return [line for line in kept if re.match(r"\d+\.$|Best known|With validated|.* engine \w+$", line)]


def match_lines(shown: list[str], printed: list[str]) -> bool:
    """Return whether printed lines are those that are shown; blank ones do not count, `...` stands for any."""
    wanted = "\n".join(line.rstrip() for line in shown if line.strip())
    found = "\n".join(line.rstrip() for line in printed if line.strip())
    pattern = "".join(".*\n?" if part == "..." else re.escape(part) for part in re.split(r"(?m)^(\.\.\.)\n?", wanted))
    return re.fullmatch(pattern, found + "\n" * wanted.endswith("\n"), flags=re.DOTALL) is not None


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> list[Command]:
    """All commands of the page, run in order in one folder."""
    folder = tmp_path_factory.mktemp("workflow")
    copy_workflow(folder)
    (folder / "data/cifs").mkdir(parents=True)
    for metal in ("Co", "Ni", "Mn", "Fe"):
        (folder / f"data/cifs/li{metal.lower()}o2.cif").write_text(CIF.format(metal=metal), encoding="utf-8")
    found: list[Command] = []
    with contextlib.chdir(folder):
        for before, language, content in list_blocks():
            named = NAMED.search(before)
            if language == "console":
                for command in split_console(content):
                    command.printed = run_command(command.line)
                    found.append(command)
                continue
            assert named, f"which file is the block below {before!r}?"
            if language == "csv":
                write_table(folder / named[1], content, named[2])
            else:
                merge_settings(folder / named[1], content)
    return found


def test_what_commands_print_is_what_the_page_shows(commands: list[Command]) -> None:
    assert len(commands) >= 25
    for command in commands:
        shown, printed = command.shown, command.printed
        if command.line.startswith("batterymi suggest"):
            shown, printed = mask_designs(shown), mask_designs(printed)
        assert match_lines(shown, printed), "\n".join(
            [f"$ {command.line}", *command.printed, "--- the page shows", *command.shown]
        )


def test_no_command_of_the_page_crashes(commands: list[Command]) -> None:
    for command in commands:
        assert not any("Traceback" in line or "unexpected error" in line for line in command.printed), command


@pytest.mark.parametrize(
    ("shown", "matches"),
    [(["a", "b"], True), (["a", "..."], True), (["...", "b"], True), (["a"], False), (["b", "..."], False)],
)
def test_lines_are_compared_in_full_but_for_dots(shown: list[str], matches: bool) -> None:
    assert match_lines(shown, ["a", "", "b  "]) is matches
