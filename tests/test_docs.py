"""The documents: links lead somewhere, and every command shown exists."""

import contextlib
import importlib
import io
import re
import shlex
import textwrap
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, SHIPPED

from batterymi.config.campaign import CAMPAIGNS

PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(path for path in (ROOT / "data").rglob("README.md") if "raw" not in path.relative_to(ROOT).parts),
    ]
)
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NEW_STUDY = re.compile(r"batterymi new-study data/(\w+)\.csv|config/studies/(\w+)\.yaml")
COMMAND = re.compile(r"^(?:\$ )?(snakemake|batterymi|make)((?: .*)?)$")
FLAGS = {"-n", "--dry-run", "--keep-going"}  # Snakemake's options without a value, as far as documents show them

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(text: str) -> str:
    """Return a page without its blocks and spans of code."""
    return re.sub(r"`[^`\n]+`", "", BLOCK.sub("", text))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+?) *$", BLOCK.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(next(one for n in range(100) if (one := f"{slug}-{n}" if n else slug) not in found))
    return frozenset(found)


def commands(text: str) -> list[list[str]]:
    """Return the words of each command of ours that a page shows, in blocks and in spans of code."""
    lines = [line.strip() for _, body in BLOCK.findall(text) for line in body.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))
    return [shlex.split(line, comments=True) for line in lines if COMMAND.match(line)]


def targets(words: list[str]) -> list[str]:
    """Return the arguments of Snakemake that are no option, no value of one and no placeholder."""
    found, expects_value = [], False
    for word in words:
        if word.startswith("-"):
            expects_value = word not in FLAGS
        elif expects_value or "=" in word:
            expects_value = False
        elif not word.startswith("<"):
            found.append(word)
    return found


def shown(program: str, text: str) -> list[list[str]]:
    """Return the arguments of each command of a program that a page shows."""
    found = [[word for word in words if word != "$"] for words in commands(text)]
    return [words[1:] for words in found if words[0] == program]


@cache
def rules() -> frozenset[str]:
    """Return the names of all rules, of the studies, which are rules too, and of single files."""
    files = [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    found = {name for text in texts for name in re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE)}
    # files without a wildcard, which are targets too
    made = {f"results/{path}" for text in texts for path in re.findall(r'"<results>/([^"{}]+)"', text)}
    return frozenset(found | made | set(SHIPPED))


@cache
def subcommands() -> frozenset[str]:
    """Return the commands that `batterymi --help` lists."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]["batterymi"]
    module, _, function = entry.partition(":")
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        getattr(importlib.import_module(module), function)(["--help"])
    listed = re.search(r"\{([\w,-]+)\}", text.getvalue())
    assert listed is not None
    return frozenset(listed[1].split(","))


@each_page
def test_every_relative_link_leads_to_a_file_and_an_anchor(page: Path) -> None:
    for link in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@each_page
def test_every_snakemake_command_names_an_existing_rule(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    made_here = {name for pair in NEW_STUDY.findall(text) for name in pair if name}
    for words in shown("snakemake", text):
        assert set(targets(words)) <= rules() | made_here, " ".join(["snakemake", *words])


@each_page
def test_every_batterymi_command_exists(page: Path) -> None:
    for words in shown("batterymi", page.read_text(encoding="utf-8")):
        assert not words or words[0] in subcommands() or words[0].startswith("-"), " ".join(["batterymi", *words])


@each_page
def test_every_make_command_is_a_target(page: Path) -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for words in shown("make", page.read_text(encoding="utf-8")):
        assert {word for word in words if "=" not in word} <= known, " ".join(["make", *words])


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert {page for page in (ROOT / "docs").rglob("*.md") if page != index} <= linked


def test_pages_of_results_are_dated() -> None:
    for page in (ROOT / "docs/results").glob("*.md"):
        date = re.match(r"\d{4}-\d{2}-\d{2}-", page.name)
        assert date, page.name
        assert page.read_text(encoding="utf-8").splitlines()[0].endswith(date[0].rstrip("-")), page.name


def test_the_readme_fits_on_a_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 70


def test_a_link_to_nowhere_and_a_command_that_does_not_exist_are_found() -> None:
    text = "See [x](y.md), `snakemake nothing -n`.\n```sh\n$ snakemake \\\n  all --cores 2 other\nbatterymi fly\n```\n"
    assert LINK.findall(prose(text)) == ["y.md"]
    assert [targets(words) for words in shown("snakemake", text)] == [["all", "other"], ["nothing"]]
    assert shown("batterymi", text) == [["fly"]]


def test_the_cell_calculators_print_what_their_page_shows() -> None:
    blocks = BLOCK.findall((ROOT / "docs/reference/cell-calculators.md").read_text(encoding="utf-8"))
    shown_blocks = [body for language, body in blocks if language in ("python", "text")]
    assert len(shown_blocks) == 8
    for code, expected in zip(shown_blocks[::2], shown_blocks[1::2], strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, {})  # noqa: S102 - our own page
        assert printed.getvalue() == expected


def test_the_campaigns_that_documents_show_are_right() -> None:
    """A reader copies them: each block of YAML that begins a campaign has a mode, and nothing that the mode lacks."""
    found = 0
    for path in PAGES:
        for language, block in BLOCK.findall(path.read_text(encoding="utf-8")):
            content = yaml.safe_load(textwrap.dedent(block)) if language == "yaml" else None
            campaign = content.get("campaign") if isinstance(content, dict) else None
            if isinstance(campaign, dict):
                assert campaign.get("mode") in CAMPAIGNS, f"{path}: {campaign}"
                keys = set(CAMPAIGNS[campaign["mode"]].model_fields)
                assert set(campaign) <= keys, f"{path}: {set(campaign) - keys}"
                found += 1
    assert found >= 3
