"""Text of strangers on its way out: no control character reaches a terminal, a log or a file, and no credential."""

import ast
import io
import json
import logging
import re
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import RUN, run_within

from batterymi.cli import main as cli
from batterymi.config.datasets import Dataset
from batterymi.config.load import load_datasets, read_yaml
from batterymi.data.citations import format_citations
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.figures.style import save_figure
from batterymi.files import read_json, write_csv, write_json, write_text
from batterymi.reporting.pages import TextTable, render_markdown, render_tables
from batterymi.text_safety import (
    clean_message,
    escape_links,
    escape_markdown,
    hide_credentials,
    make_visible,
    write_error,
    write_out,
)
from batterymi.workflow.launch import find_target_problems
from batterymi.workflow.refuse import stop
from batterymi.workflow.run import log_to_file

HOSTILE = (
    "a\x1b[2Jb",  # clears the screen
    "a\x1b]0;title\x07",
    "a\x9b31m",  # the same in C1
    "safe\rforged",
    "back\x08\x08\x08",
    "nul\x00",
    "\u202egnp.exe",  # reverses the direction
    "\u2066\u2067\u2069",
    "line\u2028separator",
    "\ufeffmark",
    "\U000e0041tag",
    "\ud800half",
)
ALLOWED = "\n\t"


def unsafe_in(text: str) -> list[str]:
    """Characters that a terminal would obey, or that hide."""
    # soft hyphens and joiners belong to words of some languages
    joiners = "\u00ad\u200c\u200d"
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in ALLOWED + joiners]


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_become_visible_and_the_rest_stays(text: str) -> None:
    shown = make_visible(text)
    assert not unsafe_in(shown)
    assert re.search(r"\\(x|u|U|r)", shown)
    assert make_visible(shown) == shown
    assert make_visible("a\tb\nµΩ²é漢 👩\u200d🔬") == "a\tb\nµΩ²é漢 👩\u200d🔬"


@given(st.text(st.characters(codec=None), max_size=40))
def test_nothing_unsafe_is_left_of_any_text(text: str) -> None:
    found = [c for c in unsafe_in(make_visible(text)) if c in ALL_OF_UNICODE]
    assert not found


# format characters within scripts, as of Arabic and Egyptian numbers, are letters there
ALL_OF_UNICODE = {
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
    or unicodedata.bidirectional(chr(code)) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
} - set(ALLOWED)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_kind_of_file_shows_them(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", text)
    write_json(tmp_path / "a.json", {text: [text]})
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1.5], text: [text]}))
    table = TextTable(text, text, [text], [[text]])
    write_text(tmp_path / "a.md", render_markdown([table]))
    write_text(tmp_path / "a.html", render_tables(text, [table]))
    for path in tmp_path.glob("a.*"):
        assert not unsafe_in(path.read_text(encoding="utf-8")), path
    assert read_json(tmp_path / "a.json") == {text: [text]}, "JSON is read back as what was written"


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\ud800half"])
def test_a_figure_with_them_can_be_opened(text: str, tmp_path: Path) -> None:
    import xml.etree.ElementTree as ElementTree

    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.set_title(text)
    axes.plot([1, 2], label=text)
    axes.legend()
    save_figure(figure, tmp_path / "a.svg", tmp_path / "a.png")
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(svg)  # noqa: S314 - our own file
    assert not unsafe_in(svg)


# half a surrogate pair could not be sent from one process of the tests to another with what was logged
@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\ud800half"])
def test_logs_and_terminals_show_them(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with log_to_file(str(tmp_path / "a.log")):
        logging.getLogger("batterymi").info("%s", text)
    with pytest.raises(SystemExit), log_to_file(str(tmp_path / "b.log")):
        raise BatteryMIError(text)
    with pytest.raises(SystemExit), log_to_file(str(tmp_path / "c.log")):
        raise ValueError(text)  # with the traceback
    write_out(text)
    write_error(text)
    with pytest.raises(SystemExit):
        stop([text])
    for path in tmp_path.glob("*.log"):
        shown = path.read_text(encoding="utf-8")
        assert not unsafe_in(shown), path
        assert "\\" in shown
    assert not unsafe_in("".join(capsys.readouterr()))


@pytest.mark.parametrize("command", [["check"], ["explain"], ["suggest"], ["new-study"], ["--option"], []])
@pytest.mark.parametrize("text", ["a\x1b[2Jb", "\u202egnp", "a\rb"])
def test_what_is_typed_comes_back_visible(
    command: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("{}\n")
    try:
        status: object = cli.main([*command, text])
    except SystemExit as error:
        status = error.code
    shown = capsys.readouterr()
    assert status in (1, 2)
    assert shown.err
    assert not unsafe_in(shown.err + shown.out)
    assert "Traceback" not in shown.err


def test_a_terminal_without_a_letter_gets_an_escape_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    write_out("R² of µm\n")
    assert terminal.buffer.getvalue() == b"R\\xb2 of \\xb5m\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("stream", [">&-", ">/dev/full", "| true"])
def test_a_command_whose_output_nobody_takes_ends_without_a_traceback(stream: str, tmp_path: Path) -> None:
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("{}\n")
    command = f"'{sys.executable}' -m batterymi.cli --help {stream}"
    program = (
        f"'{sys.executable}' -c 'from batterymi.text_safety import write_out; write_out(\"a\\n\" * 100000)' {stream}"
    )
    for line in (command, program):
        done = run_within(RUN, ["bash", "-c", line], cwd=tmp_path)
        assert "Traceback" not in done.stdout
        assert "Exception ignored" not in done.stdout


@pytest.mark.parametrize("target", ["results/\x1b]0;pwn\a/x.json", "x\u202e.csv"])
def test_a_target_with_control_characters_is_refused_by_us(target: str) -> None:
    (problem,) = find_target_problems([target], ["my"], ["all"])
    assert "holds a control character" in problem


DOORS = {"text_safety.py"}


def test_nothing_in_the_package_writes_to_a_terminal_by_another_way() -> None:
    """A new command cannot forget to clean what it prints."""
    package = ROOT / "src/batterymi"
    found = []
    for path in package.rglob("*.py"):
        if path.name in DOORS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                is_text = name in ("sys.exit", "SystemExit") and any(
                    not isinstance(part, ast.Constant | ast.Call) for part in node.args
                )
                if name in ("print", "sys.stdout.write", "sys.stderr.write", "input", "traceback.print_exc") or is_text:
                    found.append(f"{path.relative_to(package)}:{node.lineno}: {name}")
    assert not found


PARAMETERS = ("api-key", "access_key", "subscription-key", "pwd", "passwd", "auth", "code", "sig", "client_secret")
URLS = [
    ("https://me:secret@host.org/a?x=1", "https://***@host.org/a?x=1"),
    ("ftp://token@host/a", "ftp://***@host/a"),
    ("https://host/a?token=secret&x=1", "https://host/a?token=***&x=1"),
    ("https://host/a?x=1&X-Amz-Signature=secret", "https://host/a?x=1&X-Amz-Signature=***"),
    ("https://host/a?api_key=secret#top", "https://host/a?api_key=***#top"),
    ("a@b.org and https://host/path@v1", "a@b.org and https://host/path@v1"),
    ("https://me:s@cr@t@host/a", "https://***@host/a"),
    ("https://me:se/cr#et@host/a", "https://***@host/a"),
    *((f"https://host/a?{name}=secret&x=1", f"https://host/a?{name}=***&x=1") for name in PARAMETERS),
    ("https://host/a#access_token=secret", "https://host/a#access_token=***"),
    ("https://host/a;token=secret", "https://host/a;token=***"),
    ("https://host/a?keyword=battery", "https://host/a?keyword=battery"),
]


@pytest.mark.parametrize(("text", "shown"), URLS)
def test_credentials_in_urls_are_left_out(text: str, shown: str) -> None:
    assert hide_credentials(text) == shown
    assert clean_message(f"error: {text} failed") == f"error: {shown} failed"


@pytest.mark.parametrize("url", [url for url, shown in URLS if url != shown])
def test_a_catalogue_holds_no_credentials(url: str, tmp_path: Path) -> None:
    catalogue = yaml.safe_load((ROOT / "config/datasets.yaml").read_text(encoding="utf-8"))
    name, dataset = next(iter(catalogue.items()))
    file = next(iter(dataset["files"]))
    dataset["files"][file]["url"] = url.replace("ftp:", "https:")
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump({name: dataset}))
    with pytest.raises(ConfigError, match=r"url: the URL holds a user name, password or token; .*netrc") as caught:
        load_datasets(path)
    assert "secret" not in str(caught.value)


PAYLOADS = (
    "[x](javascript:alert(1))",
    "![x](javascript:alert(1))",
    "[x]: javascript:alert(1)",
    "[x][y]",
    "<img src=x onerror=alert(1)>",
    "<javascript:alert(1)>",
    "a\n\n[x]: javascript:alert(1)\n\n[x]",
    "a | b\n# heading",
    "\\[x](javascript:alert(1))",
    "\\\\[x](javascript:alert(1))",
)


def links_in(markdown: str) -> list[str]:
    """HTML, links and definitions of links in Markdown, as a simple reader of it finds them."""
    plain = re.sub(r"\\[\\\[\]()|:]", "", markdown)
    return re.findall(r"<(?!https://)[a-z/!]|\]\(|\]\[|^[ >*+-]*\[[^\]]*\]:", plain, re.MULTILINE)


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_link_or_html_of_a_stranger_survives_in_markdown(text: str) -> None:
    file = {"url": "https://host/a", "sha256": "0" * 64, "bytes": 1}
    dataset = Dataset.model_validate(
        {"title": text, "homepage": "https://host", "licence": text, "citation": [text], "files": {"a.csv": file}}
    )
    cited = format_citations({"cells": dataset}).replace("[a.csv](https://host/a)", "")
    tables = render_markdown([TextTable(text, text, [text, "b"], [[text, text]])])
    assert not links_in(cited)
    assert not links_in(tables)
    assert not links_in(escape_links(text))
    assert "\n" not in escape_markdown(text)
    assert tables.count("\n") == render_markdown([TextTable("t", "r", ["a", "b"], [["c", "d"]])]).count("\n")


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "\u202egnp", "a\x00"])
def test_settings_hold_no_control_characters_in_any_key_or_value(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for content in ({"deep": [{"er": text}]}, {text: 1}):
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(ConfigError, match=r"a\.yaml: line \d+, column \d+: .*the control character '\\") as caught:
            read_yaml(path)
        assert not unsafe_in(str(caught.value))


@pytest.mark.nightly
@settings(max_examples=20_000)
@given(st.text(st.characters(codec=None), max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_no_bytes_of_any_message_move_a_terminal(text: str) -> None:
    taken = io.StringIO()
    stream = SimpleNamespace(write=taken.write, encoding="utf-8")
    saved, sys.stderr = sys.stderr, stream  # type: ignore[assignment]
    try:
        write_error(text)
    finally:
        sys.stderr = saved
    written = taken.getvalue().encode("utf-8")
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]", written)
    assert json.loads(json.dumps(text)) == text
