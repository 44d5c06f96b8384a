"""The site: every page is in its navigation, what is generated is current, and numbers are those of the results."""

import argparse
import importlib.util
import os
import re
import tomllib
from pathlib import Path

import build_site
import pytest
import site_reference
from build_site import stage_site
from conftest import ROOT, TEXTBOOK, Workspace
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from site_check import check_site, find_stale, read_page
from site_numbers import quote, read_run
from site_pages import INDEX, SiteError, find_unlisted, list_pages, read_sections, stage_links, stage_pages
from site_reference import check_generated, read_targets, write_commands
from site_studies import OBJECTS, list_navigation

from batterymi.cli.main import make_parser

WEBSITE = ROOT / "website"
PACKAGES = ROOT / "build/site_packages"  # where `make site` installs its libraries
NO_SPHINX = "no Sphinx; 'make site' installs it"


@pytest.fixture
def shown(done: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The folder of a run of two studies, as the working directory."""
    monkeypatch.chdir(done.folder)
    return done


def test_the_navigation_leads_to_every_page(tmp_path: Path) -> None:
    sections = stage_pages(tmp_path)
    assert find_unlisted(sections) == []
    assert all((tmp_path / path.with_suffix(".md")).is_file() for path in list_pages())
    listed = {path for _, path in list_navigation(sections)}
    assert {f"docs/{section.folder}/index" for section in sections} <= listed


def test_a_page_that_the_index_does_not_list_is_found() -> None:
    index = (ROOT / INDEX).read_text(encoding="utf-8")
    lines = [line for line in index.splitlines() if "how-to/your-table.md" not in line]
    assert find_unlisted(read_sections("\n".join(lines))) == [Path("docs/how-to/your-table.md")]
    with pytest.raises(SiteError, match="'Empty' lists no page"):
        read_sections(f"{index}\n## Empty\n\nNothing.\n")


@pytest.mark.parametrize(
    ("link", "wrong"),
    [("missing.md", "no file"), ("../../../etc/passwd", "out of the repository"), ("../none/", "no file")],
)
def test_a_link_that_leads_nowhere_ends_the_build(link: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=wrong):
        stage_links(f"See [it]({link}).", Path("docs/explanation/x.md"), {Path("docs/README.md")}, tmp_path)


def test_links_to_files_copy_them_and_code_is_left_alone(tmp_path: Path) -> None:
    code = "`[b](missing.md)`\n\n```text\n[c](missing.md)\n```\n\n"
    text = f"[a](../LICENSE), {code}[d](tutorial/n.ipynb#x) [e](../README.md)\n"
    staged = stage_links(text, Path("docs/x.md"), {Path("docs/tutorial/n.ipynb")}, tmp_path)
    expected = text.replace("n.ipynb#x", "n.md#x").replace("../README.md", "../index.md")
    assert staged == expected
    assert (tmp_path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_generated_pages_are_current_and_stale_ones_end_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    check_generated()
    (tmp_path / "config").mkdir()
    for name in ("README.md", "schema.json"):
        text = (ROOT / "config" / name).read_text(encoding="utf-8")
        (tmp_path / "config" / name).write_text(text.replace("Rounds of a loop", "Turns of a loop"), encoding="utf-8")
    monkeypatch.setattr(site_reference, "ROOT", tmp_path)
    with pytest.raises(SiteError, match=r"config/README\.md: .*run 'make docs'"):
        check_generated()


def test_the_page_of_the_command_line_has_every_option() -> None:
    page = write_commands()
    (commands,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        part = page.split(f"## batterymi {name}\n")[1].split("\n## ")[0]
        for action in parser._actions:
            for option in action.option_strings if not isinstance(action, argparse._HelpAction) else ():
                assert f"`{option}" in part, (name, option)
    assert all(f"`make {target}`" in page for target in read_targets(ROOT / "Makefile"))


def test_every_class_that_documents_import_has_a_page() -> None:
    found = set()
    for path in (ROOT / "docs").rglob("*.md"):
        for module, names in re.findall(
            r"^ *from (batterymi[\w.]*) import (.+)$", path.read_text("utf-8"), re.MULTILINE
        ):
            found |= {f"{module}.{name.strip()}" for name in names.split(",")}
    described = {name for _, _, names in OBJECTS for _, name in names}
    assert found - described <= {"batterymi.workflow.run.run_stage"}, found - described


@pytest.mark.parametrize("study", TEXTBOOK)
def test_the_story_of_a_study_has_no_number_typed_by_hand(study: str) -> None:
    text = (WEBSITE / "stories" / f"{study}.md.j2").read_text(encoding="utf-8")
    prose = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|`[^`]*`|\]\([^)]*\)", "", text)
    assert not re.findall(r"\d", prose)
    assert "block question" in text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).map(str.strip).filter(bool))
def test_texts_of_results_are_no_markup(text: str) -> None:
    page = read_page(MarkdownIt().enable("table").render(f'| a |\n|---|\n| <span data-of="x">{quote(text)}</span> |\n'))
    assert page.numbers == [("x", text)]
    assert not page.links


def test_a_number_that_differs_from_its_results_is_named() -> None:
    texts = {"a.q2": "0.88 [0.78, 0.94]", "b.why": "a < b & c"}
    page = read_page(
        '<p><span class="n" data-of="a.q2">0.88\n[0.78, 0.94]</span>, <span data-of="b.why">a &lt; b &amp; c</span></p>'
    )
    assert find_stale(page.numbers, texts) == []
    assert find_stale(page.numbers, texts | {"a.q2": "0.89 [0.78, 0.94]"}) == [
        "'a.q2' shows '0.88\n[0.78, 0.94]', and the results have '0.89 [0.78, 0.94]'"
    ]
    assert find_stale([("a.gone", "1")], texts) == ["'a.gone' shows '1', and the results have no such number"]


def test_the_check_of_the_site_finds_lost_links_and_other_servers(tmp_path: Path) -> None:
    page = (
        '<p id="here"><a href="#here">a</a><a href="#gone">b</a><a href="lost.html">c</a><a href="https://x.org">d</a>'
        '<img src="lost.png"><script src="https://cdn.org/x.js"></script><a href="../../x.html">e</a></p>'
    )
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.org/f.woff) }")
    assert check_site(tmp_path, {}) == [
        "index.html: loads 'https://cdn.org/x.js' from another server",
        "index.html: the link '#gone' leads to no such place",
        "index.html: the link 'lost.html' leads to no file",
        "index.html: the link '../../x.html' leads out of the site",
        "index.html: the link 'lost.png' leads to no file",
        "a.css: has 'url(http', so that it loads from another server",
    ]
    assert check_site(tmp_path / "none", {}) == [f"{tmp_path / 'none'}: there is no page"]


def test_no_results_are_none_and_pages_say_how_to_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert read_run(tmp_path) is None
    stage_site(tmp_path / "results", tmp_path / "source")
    for page in ("index.md", "docs/gallery.md", *(f"docs/studies/{name}.md" for name in TEXTBOOK)):
        text = (tmp_path / "source" / page).read_text(encoding="utf-8")
        assert "There were no results when this site was built" in text, page
        assert "data-of" not in text


@pytest.mark.slow
def test_stale_results_end_the_build(shown: Workspace) -> None:
    run = read_run(Path("results"))
    assert run is not None
    assert run.texts["sodium_ion.rows"] == "5"
    path = shown.folder / "results/sodium_ion/summary.json"
    whole = path.read_text(encoding="utf-8")
    try:
        path.write_text(whole.replace('"value": 5', '"value": 6'), encoding="utf-8")
        with pytest.raises(SiteError, match=r"stale; 'make run' renews them:\n.*sodium_ion/summary\.json"):
            read_run(Path("results"))
    finally:
        path.write_text(whole, encoding="utf-8")
    study = shown.folder / "config/studies/sodium_ion.yaml"
    whole = study.read_text(encoding="utf-8")
    try:
        study.write_text(f"{whole}# changed\n", encoding="utf-8")
        with pytest.raises(SiteError, match=r"sodium_ion\.yaml: was changed since"):
            read_run(Path("results"))
    finally:
        study.write_text(whole, encoding="utf-8")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_from_the_results_of_a_run(
    shown: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_sphinx = all(importlib.util.find_spec(name) for name in ("sphinx", "furo", "myst_parser"))
    if not has_sphinx and not (PACKAGES / ".ready").is_file():
        pytest.skip(NO_SPHINX)
    paths = [str(ROOT / "src"), *([] if has_sphinx else [str(PACKAGES)]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    site = tmp_path / "site"
    build_site.build_site(Path("results"), site, tmp_path / "source")
    pages = {name: read_page((site / f"docs/studies/{name}.html").read_text("utf-8")) for name in TEXTBOOK}
    run = read_run(Path("results"))
    assert run is not None
    assert {name for name, page in pages.items() if len(page.numbers) > 40} == {"sodium_ion", "ncm_cathodes"}
    assert dict(pages["sodium_ion"].numbers)["sodium_ion.score_text"] == run.texts["sodium_ion.score_text"]
    assert (site / "searchindex.js").is_file()


def test_the_lock_of_the_site_has_its_libraries_and_agrees_with_that_of_runs() -> None:
    own, runs = (read_pins(ROOT / name) for name in ("website/requirements.lock", "requirements.lock"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=]", text)[0] for text in project["optional-dependencies"]["site"]}
    assert needed <= own.keys()
    assert {name: versions for name, versions in own.items() if versions != runs.get(name, versions)} == {}


def read_pins(lock: Path) -> dict[str, set[str]]:
    """Return the versions that a lock has of each package."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found
