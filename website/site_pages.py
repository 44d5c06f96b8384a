"""Pages of the site: which there are, how they are sorted, and where their links lead.

The navigation follows docs/README.md, so that a page has its place in one list. Pages keep their place relative to each
other, and so do the links between them.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
INDEX = Path("docs/README.md")
# pages outside docs/, relative to the repository
OTHERS = tuple(map(Path, ("config/README.md", "data/textbook/README.md", "CONTRIBUTING.md", "CHANGELOG.md")))
FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", flags=re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)[^`].*?\1", flags=re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
ITEM = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<path>[^)#\s]+)\)(?:: (?P<about>.+))?$", flags=re.MULTILINE)


class SiteError(Exception):
    """The site cannot be built; the message says which page or number is wrong, and how."""


@dataclass(frozen=True)
class Page:
    """A page that the index lists.

    Attributes:
        path: of its file, relative to the repository.
        title: as the index has it.
        about: what the index says of it; may be empty.
    """

    path: Path
    title: str
    about: str


@dataclass(frozen=True)
class Section:
    """A section of the index: pages of one kind.

    Attributes:
        title: its heading.
        text: what is under the heading before the list.
        pages: in the order of the list, each once.
    """

    title: str
    text: str
    pages: tuple[Page, ...]

    @property
    def folder(self) -> str:
        """Return the folder of the section's own page, under docs/."""
        return self.title.lower().replace(" ", "-")


def read_sections(index: str) -> list[Section]:
    """Return the sections of the index of all documents.

    Args:
        index: the text of docs/README.md.

    Raises:
        SiteError: if a section lists no page.
    """
    sections = []
    for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        pages = {
            path: Page(path, item["title"], item["about"] or "")
            for item in ITEM.finditer(body)
            for path in [_locate(INDEX, item["path"])]
        }
        if not pages:
            raise SiteError(f"{INDEX}: the section '{title}' lists no page; write '- [title](path): what it says'")
        sections.append(Section(title.strip(), body.partition("\n- ")[0].strip(), tuple(pages.values())))
    return sections


def list_pages() -> list[Path]:
    """Return every page of the repository that belongs on the site, relative to it."""
    found = [path for ending in ("md", "ipynb") for path in (ROOT / "docs").rglob(f"*.{ending}")]
    return [*sorted(path.relative_to(ROOT) for path in found), *OTHERS]


def find_unlisted(sections: list[Section]) -> list[Path]:
    """Return the pages that no section lists, and so cannot be found on the site."""
    listed = {page.path for section in sections for page in section.pages} | {INDEX, *OTHERS}
    return [path for path in list_pages() if path not in listed]


def stage_pages(folder: Path) -> list[Section]:
    """Copy all pages into a folder, and the files that they link; add a page for each section.

    Args:
        folder: that Sphinx reads.

    Returns:
        The sections.

    Raises:
        SiteError: if a page is not listed, or a link leads nowhere.
    """
    sections = read_sections((ROOT / INDEX).read_text(encoding="utf-8"))
    if unlisted := find_unlisted(sections):
        raise SiteError(f"{INDEX} does not list {', '.join(map(str, unlisted))}")
    pages = set(list_pages())
    for path in sorted(pages):
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = convert_notebook(text, path.name)
        write_page(folder / path.with_suffix(".md"), stage_links(text, path, pages, folder))
        if path.suffix == ".ipynb":
            (folder / "_extra" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / "_extra" / path)
    return sections


def write_section(folder: Path, section: Section, more: list[Page]) -> None:
    """Write the page of a section: what it lists, with a line on each.

    Args:
        folder: that Sphinx reads.
        section: of the index.
        more: pages that only the site has.
    """
    own = folder / "docs" / section.folder / "index.md"
    lines, entries = [], []
    for page in (*section.pages, *more):
        target = _relate(page.path.with_suffix(".md"), own.parent.relative_to(folder))
        lines.append(f"- [{page.title}]({target})" + (f": {page.about}" if page.about else ""))
        entries.append(f"{page.title} <{target}>")
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *entries, "```"])
    write_page(own, "\n\n".join(filter(None, [f"# {section.title}", section.text, "\n".join(lines), toctree])) + "\n")


def write_page(path: Path, text: str) -> None:
    """Write a page, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def stage_links(text: str, page: Path, pages: set[Path], folder: Path) -> str:
    """Return a page with its links as the site has them; copy the files that they lead to.

    Args:
        text: Markdown.
        page: its file, relative to the repository.
        pages: all pages of the site.
        folder: that Sphinx reads.

    Raises:
        SiteError: if a link leads nowhere.
    """

    def replace(match: re.Match[str]) -> str:
        link = match[2]
        if re.match(r"[a-z]+:|#|<", link):
            return match[0]
        path, mark, anchor = link.partition("#")
        target = _locate(page, path)
        if target not in pages:
            return f"{match[1]}{_stage_file(target, page, link, pages, folder)}{match[3]}"
        return f"{match[1]}{Path(path).with_suffix('.md').as_posix()}{mark}{anchor}{match[3]}"

    return change_prose(text, lambda prose: LINK.sub(replace, prose))


def _stage_file(target: Path, page: Path, link: str, pages: set[Path], folder: Path) -> str:
    """Copy a file that a page links, and return the link."""
    if target == Path("README.md"):
        return _relate(Path("index.md"), page.parent)
    if (target / "README.md") in pages:
        return _relate(target / "README.md", page.parent)
    if not (ROOT / target).is_file():
        raise SiteError(f"{page}: the link '{link}' leads to no file of the repository")
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / target, folder / target)
    return link


def change_prose(text: str, change: Callable[[str], str]) -> str:
    """Return Markdown with a change to all that is no block and no span of code."""
    return "".join(part if is_code else change(part) for part, is_code in _split_code(text))


def _split_code(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a page, and whether they are code."""
    for piece, is_block in _split_at(FENCE, text):
        if is_block:
            yield piece, True
        else:
            yield from _split_at(SPAN, piece)


def _split_at(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, and whether they match a pattern."""
    last = 0
    for match in pattern.finditer(text):
        yield text[last : match.start()], False
        yield match[0], True
        last = match.end()
    yield text[last:], False


def _locate(page: Path, link: str) -> Path:
    """Return where a link of a page leads, relative to the repository."""
    parts: list[str] = []
    for part in (*page.parent.parts, *Path(unquote(link)).parts):
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise SiteError(f"{page}: the link '{link}' leads out of the repository")
    return Path(*parts)


def _relate(target: Path, folder: Path) -> str:
    """Return a path as it is seen from a folder; both are relative to the repository."""
    shared = next(
        (n for n, (a, b) in enumerate(zip(target.parts, folder.parts, strict=False)) if a != b),
        min(len(target.parts), len(folder.parts)),
    )
    return "/".join([".."] * (len(folder.parts) - shared) + list(target.parts[shared:]))


def convert_notebook(text: str, name: str) -> str:
    """Return a notebook with its outputs as Markdown.

    Args:
        text: JSON.
        name: of its file, which the page links.
    """
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            parts.append(source)
            continue
        parts.append(f"````python\n{source}\n````")
        parts += [_convert_output(output) for output in cell["outputs"]]
    first, *rest = parts
    return "\n\n".join([first, f'The notebook itself: <a href="{name}" download>{name}</a>.', *rest]) + "\n"


def _convert_output(output: dict[str, object]) -> str:
    """Return an output of a cell as Markdown: a table where it has one, else its text."""
    data = output.get("data", {})
    assert isinstance(data, dict)
    if "text/html" in data:
        return f'````{{raw}} html\n<div class="output">{"".join(data["text/html"])}</div>\n````'
    lines = data.get("text/plain", output.get("text", []))
    assert isinstance(lines, list)
    return f"````text\n{''.join(lines).rstrip()}\n````"
