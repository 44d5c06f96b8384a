"""Reference pages that are generated: the command line from its parsers, the targets of make from the Makefile."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from site_pages import ROOT, SiteError

from batterymi.cli.main import make_parser
from batterymi.config.document import insert_tables, make_schema

WIDTH = 100  # characters of a line of usage


def check_generated() -> None:
    """Check that the committed pages which `make docs` generates are current.

    Raises:
        SiteError: if one is not.
    """
    readme = ROOT / "config/README.md"
    text = readme.read_text(encoding="utf-8")
    stale = [readme] if insert_tables(text) != text else []
    schema = readme.with_name("schema.json")
    stale += [schema] if schema.read_text(encoding="utf-8") != make_schema() else []
    if stale:
        names = " and ".join(str(path.relative_to(ROOT)) for path in stale)
        raise SiteError(f"{names}: not what the settings and the registry give now; run 'make docs'")


def write_commands() -> str:
    """Return the page of the command line: each command with its usage, its arguments and its options."""
    parser = make_parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    helps = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    lines = [
        "# Command line",
        "",
        f"{parser.description} Generated from the parsers of `batterymi`; `batterymi COMMAND --help` prints the same.",
        "",
        "| Command | What it does |",
        "|---|---|",
        *(f"| [`batterymi {name}`](#batterymi-{name}) | {escape_cell(about)} |" for name, about in helps.items()),
        "",
    ]
    for name, command in commands.choices.items():
        lines += [f"## batterymi {name}", "", f"{_make_sentence(helps[name])}", "", *_describe(command), ""]
    lines += [
        "## make",
        "",
        "In a clone. `make help` prints the same.",
        "",
        "| Target | What it does |",
        "|---|---|",
        *(f"| `make {name}` | {escape_cell(about)} |" for name, about in read_targets(ROOT / "Makefile").items()),
    ]
    return "\n".join(lines) + "\n"


def _describe(command: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the usage of a command, and a table of its arguments and options."""
    usage = re.sub(r"\s+", " ", command.format_usage().removeprefix("usage: ")).strip()
    yield from ("```text", *_fold(usage), "```", "", "| Argument | Meaning |", "|---|---|")
    for action in command._actions:
        if not isinstance(action, argparse._HelpAction):
            yield f"| {_name(action)} | {escape_cell(_make_sentence(action.help or ''))} |"


def _name(action: argparse.Action) -> str:
    """Return the spellings of an argument, with the name of its value."""
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return f"`{escape_cell(action.metavar or action.dest)}`"
    ends = "" if action.nargs == 0 else f" {escape_cell(value)}"
    return ", ".join(f"`{option}{ends}`" for option in action.option_strings)


def _fold(usage: str) -> Iterator[str]:
    """Yield the lines of a usage; options stay whole."""
    line = ""
    for word in re.findall(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]|\S+", usage):
        if line and len(line) + len(word) + 1 > WIDTH:
            yield line
            line = "   "
        line = f"{line} {word}" if line else word
    yield line


def read_targets(makefile: Path) -> Mapping[str, str]:
    """Return what each target of the Makefile does."""
    return dict(re.findall(r"^([a-z]+):.*?## (.+)$", makefile.read_text(encoding="utf-8"), flags=re.MULTILINE))


def escape_cell(text: object) -> str:
    """Return a text for a cell of a table in Markdown."""
    return str(text).replace("|", "\\|")


def _make_sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""
