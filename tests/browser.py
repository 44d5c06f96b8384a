"""A real browser for pages: Debian's Chromium, driven by playwright; one for all tests of a worker."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from timing import RUN, milliseconds_of

NO_BROWSER = "no Chromium on this machine; .ci/run installs Debian's"


@dataclass
class Visit:
    """A page that is open, and what it did meanwhile.

    Attributes:
        page: the page, as playwright has it.
        messages: messages on the console, errors among them.
        requests: addresses of its requests.
    """

    page: Any
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip(NO_BROWSER)
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright for this Python")
    with playwright.sync_playwright() as driver:
        # root may not use its sandbox
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=milliseconds_of(RUN))
        yield started
        started.close()


def visit(browser: Any, path: Path, **options: Any) -> Visit:
    """Open a page from disk.

    Args:
        browser: the fixture of that name.
        path: of the page.
        options: of the page, as `viewport` and `color_scheme`.
    """
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
    page.set_default_timeout(milliseconds_of(RUN))
    found = Visit(page)
    page.on("console", lambda message: found.messages.append(message.text))
    page.on("pageerror", lambda error: found.messages.append(str(error)))
    page.on("request", lambda request: found.requests.append(request.url))
    page.goto(path.as_uri())
    return found


def draw_all(page: Any) -> int:
    """Open all folded parts and bring every figure into view; return how many were drawn."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    places = page.locator(".chart")
    for number in range(places.count()):
        places.nth(number).scroll_into_view_if_needed()
        page.locator(".chart").nth(number).and_(page.locator("[data-drawn]")).wait_for()
    return int(places.count())
