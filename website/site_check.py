"""What holds of a built site: links lead somewhere, nothing comes from other servers, numbers are those of results."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# attributes by which a page loads something, by element; `a` only leads there
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
NOT_LOADED = {"canonical", "next", "prev", "index", "search", "author", "license"}  # kinds of `link`


@dataclass
class Reading(HTMLParser):
    """What a page of the site has that can be wrong.

    Attributes:
        anchors: names of places in it.
        links: where it leads.
        loaded: what it loads.
        numbers: names of numbers of results, with the texts that are shown.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Set up the parser."""
        super().__init__(convert_charrefs=True)
        self._open: list[str] | None = None
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names, loads and leads to."""
        found = {key: value or "" for key, value in attrs}
        self.anchors |= {found[key] for key in ("id", "name") if key in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found and found.get("rel", "") not in NOT_LOADED:
            self.loaded.append(found[LOADED[tag]])
        if "data-of" in found:
            self._name, self._open = found["data-of"], []

    def handle_data(self, data: str) -> None:
        """Collect the text of a number."""
        if self._open is not None:
            self._open.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Note a number at its end."""
        if tag == "span" and self._open is not None:
            self.numbers.append((self._name, "".join(self._open)))
            self._open = None


def check_site(site: Path, texts: Mapping[str, str]) -> list[str]:
    """Return a line for each fault of a built site.

    Args:
        site: the folder of its HTML.
        texts: each number of the results as pages show it, read after the site was built.
    """
    pages = {path: read_page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    faults = [f"{site}: there is no page"] if not pages else []
    for path, page in pages.items():
        where = path.relative_to(site)
        faults += [f"{where}: {fault}" for fault in _find_lost(path, page, pages, site)]
        faults += [f"{where}: {fault}" for fault in find_stale(page.numbers, texts)]
    return [*faults, *_find_foreign(site)]


def read_page(text: str) -> Reading:
    """Return what a page has that can be wrong."""
    page = Reading()
    page.feed(text)
    page.close()
    return page


def find_stale(numbers: Iterable[tuple[str, str]], texts: Mapping[str, str]) -> list[str]:
    """Return a line for each number that differs from the results that it names."""
    faults = []
    for name, shown in numbers:
        if name not in texts:
            faults.append(f"'{name}' shows '{shown}', and the results have no such number")
        elif " ".join(texts[name].split()) != " ".join(shown.split()):
            faults.append(f"'{name}' shows '{shown}', and the results have '{texts[name]}'")
    return faults


def _find_lost(path: Path, page: Reading, pages: Mapping[Path, Reading], site: Path) -> Iterator[str]:
    """Yield what is wrong with where a page leads and what it loads."""
    for link in page.loaded:
        if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
            yield f"loads '{link}' from another server"
    for link in (*page.links, *page.loaded):
        parts = urlsplit(link)
        if parts.scheme or link.startswith("//"):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_relative_to(site.resolve()) and target != path:
            yield f"the link '{link}' leads out of the site"
        elif not target.is_file():
            yield f"the link '{link}' leads to no file"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"the link '{link}' leads to no such place"


def _find_foreign(site: Path) -> Iterator[str]:
    """Yield style sheets that load something from another server."""
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        for mark in ("url(http", 'url("http', "url('http", "url(//", "@import"):
            if mark in text:
                yield f"{path.relative_to(site)}: has '{mark}', so that it loads from another server"
