"""A server on loopback that fails in every usual way, and a data set that it has."""

import gzip
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from batterymi.config.slices.data import FetchSettings
from batterymi.data import fetch
from batterymi.stages.fetch_dataset import fetch_dataset

CONTENT = bytes(range(256)) * 4
OTHER = b"something else altogether"


class Site(ThreadingHTTPServer):
    """A server on loopback that notes requests and misbehaves as told."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.content: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[int] = []  # of the next answers, before those that succeed
        self.cuts: list[int] = []  # bytes after which the next answers break off
        self.ranges = True
        self.endless = False  # whether answers repeat their content until nobody listens
        self.packed = False  # whether they are compressed, though nobody asked for that
        self.delay_s = 0.0
        super().__init__(("127.0.0.1", 0), Answer)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def asked(self, header: str) -> list[str | None]:
        """A header of every request."""
        return [headers.get(header) for _, headers in self.requests]


class Answer(BaseHTTPRequestHandler):
    """One answer of the site."""

    server: Site

    def do_GET(self) -> None:
        site, name = self.server, self.path.lstrip("/")
        site.requests.append((name, dict(self.headers)))
        time.sleep(site.delay_s)
        if site.statuses:
            self.send_error(site.statuses.pop(0))
        elif name not in site.content:
            self.send_error(404)
        else:
            self.send(site.content[name])

    def send(self, content: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if self.server.ranges else None
        start = int(asked[1]) if asked else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start:]
        if self.server.packed:
            rest = gzip.compress(rest)
            self.send_header("Content-Encoding", "gzip")
        if not self.server.endless:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.cuts.pop(0)] if self.server.cuts else rest)
        while self.server.endless:
            try:
                self.wfile.write(content)
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "CHUNK", 64)
    monkeypatch.setattr(fetch, "RETRIES", fetch.RETRIES.new(total=3, backoff_factor=0))
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "cells"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    path = tmp_path / "mirror"
    (path / "cells").mkdir(parents=True)
    return path


def entry(site: Site, *names: str) -> dict[str, Any]:
    """A data set whose files the site should have with CONTENT."""
    one = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "bytes": len(CONTENT)}
    return {
        "title": "Cells",
        "homepage": "https://example.org",
        "licence": "MIT",
        "citation": ["Somebody, Something (2020)"],
        "files": {name: {"url": site.url(name), **one} for name in names or ("a.csv",)},
    }


def fetch_cells(folder: Path, dataset: dict[str, Any], mirror: Path | None = None, retries: int | None = None) -> None:
    """Do what the rule does; `retries` sets how often, instead of the three times of the fixture `site`."""
    settings = FetchSettings.model_validate({"files": dataset["files"]})
    with pytest.MonkeyPatch.context() as patch:
        if retries is not None:
            patch.setattr(fetch, "RETRIES", fetch.RETRIES.new(total=retries, backoff_factor=0))
        fetch_dataset(folder / "receipt.json", "cells", settings, str(mirror or ""))


def visible(folder: Path) -> set[str]:
    """Files that a user sees."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
