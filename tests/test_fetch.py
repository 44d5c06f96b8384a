"""Data sets: right files or none, from a mirror or from a server that may fail in every usual way."""

import errno
import hashlib
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import requests

from batterymi.data import fetch
from batterymi.data.fetch import FetchError, fetch_dataset
from batterymi.files import read_json

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
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.cuts.pop(0)] if self.server.cuts else rest)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "CHUNK", 64)
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
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


def fetch_cells(folder: Path, dataset: dict[str, Any], mirror: Path | None = None, retries: int = 3) -> None:
    """What the rule does, without the pauses."""
    source = str(mirror) if mirror else None
    fetch_dataset(folder / "receipt.json", name="cells", dataset=dataset, mirror=source, pauses=(0.0,) * retries)


def visible(folder: Path) -> set[str]:
    """Files that a user sees."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_download_arrives_whole_and_tells_who_asks(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "version", lambda _: "1.2.3")
    site.content["a.csv"] = CONTENT
    fetch_cells(folder, entry(site))
    assert (folder / "a.csv").read_bytes() == CONTENT
    assert read_json(folder / "receipt.json") == {"a.csv": hashlib.sha256(CONTENT).hexdigest()}
    assert visible(folder) == {"a.csv", "receipt.json"}
    assert not list(folder.glob(".*.part"))
    assert site.asked("User-Agent") == ["battery-mi/1.2.3"]


def test_a_file_that_is_there_is_not_asked_for_again(site: Site, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(CONTENT)
    fetch_cells(folder, entry(site))
    assert not site.requests
    assert (folder / "receipt.json").exists()


def test_a_download_that_broke_off_goes_on_where_it_stopped(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.cuts = CONTENT, [640]
    fetch_cells(folder, entry(site))
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (folder / "a.csv").read_bytes() == CONTENT


def test_the_next_run_goes_on_where_the_last_one_stopped(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.cuts = CONTENT, [640]
    with pytest.raises(FetchError, match="broke off"):
        fetch_cells(folder, entry(site), retries=0)
    assert visible(folder) == set()
    fetch_cells(folder, entry(site), retries=0)
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (folder / "a.csv").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_file_again(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.cuts, site.ranges = CONTENT, [640], False
    fetch_cells(folder, entry(site))
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (folder / "a.csv").read_bytes() == CONTENT


def test_a_download_that_always_breaks_off_is_given_up(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.cuts, site.ranges = CONTENT, [640] * 9, False
    with pytest.raises(FetchError, match=r"a\.csv: .*broke off"):
        fetch_cells(folder, entry(site), retries=2)
    assert len(site.requests) == 3
    assert visible(folder) == set()


def test_a_file_shorter_than_the_catalogue_says_is_refused_with_both_sizes(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.ranges = CONTENT[:640], False
    with pytest.raises(FetchError, match=f"640 of {len(CONTENT)} bytes"):
        fetch_cells(folder, entry(site))
    assert visible(folder) == set()


def test_wrong_content_is_kept_aside_and_overwrites_nothing(site: Site, folder: Path) -> None:
    wrong = OTHER.ljust(len(CONTENT))
    site.content["a.csv"] = wrong
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(OTHER)
    found, expected = hashlib.sha256(wrong).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(FetchError, match=f"{found}.*{expected}"):
        fetch_cells(folder, entry(site))
    assert (folder / "a.csv").read_bytes() == OTHER
    assert (folder / f"a.csv.wrong-{found[:8]}").read_bytes() == wrong
    assert not (folder / "receipt.json").exists()


def test_a_missing_file_is_not_asked_for_twice_and_every_file_at_fault_is_named(site: Site, folder: Path) -> None:
    site.content["b.csv"] = CONTENT
    with pytest.raises(FetchError) as caught:
        fetch_cells(folder, entry(site, "a.csv", "b.csv", "c.csv"))
    lines = str(caught.value).splitlines()
    assert [re.findall(r"\w+\.csv|404", line)[:2] for line in lines] == [["a.csv", "404"], ["c.csv", "404"]]
    assert [name for name, _ in site.requests] == ["a.csv", "b.csv", "c.csv"]
    assert visible(folder) == {"b.csv"}


def test_a_busy_server_is_asked_again(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.statuses = CONTENT, [503, 503]
    fetch_cells(folder, entry(site))
    assert len(site.requests) == 3
    assert (folder / "a.csv").read_bytes() == CONTENT


def test_pauses_between_attempts_grow() -> None:
    assert len(fetch.PAUSES) >= 3
    assert list(fetch.PAUSES) == sorted(set(fetch.PAUSES))


def test_without_a_network_the_ways_out_are_named(site: Site, folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dataset = entry(site)
        dataset["files"]["a.csv"]["url"] = f"http://127.0.0.1:{unused.getsockname()[1]}/a.csv"
        with pytest.raises(FetchError) as caught:
            fetch_cells(folder, dataset)
    for part in ("a.csv", "no connection", "Connection refused", "textbook edition", "mirror=FOLDER"):
        assert part in str(caught.value)
    assert visible(folder) == set()


def test_the_mirror_comes_first_and_the_network_has_what_it_lacks(site: Site, folder: Path, mirror: Path) -> None:
    (mirror / "cells" / "a.csv").write_bytes(CONTENT)
    site.content["b.csv"] = CONTENT
    fetch_cells(folder, entry(site, "a.csv", "b.csv"), mirror)
    assert [name for name, _ in site.requests] == ["b.csv"]
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes() == CONTENT


def test_a_mirror_with_wrong_content_is_refused_and_not_touched(site: Site, folder: Path, mirror: Path) -> None:
    (mirror / "cells" / "a.csv").write_bytes(OTHER)
    found, expected = hashlib.sha256(OTHER).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(FetchError, match=f"{mirror}.*{found}.*{expected}"):
        fetch_cells(folder, entry(site), mirror)
    assert not site.requests
    assert (mirror / "cells" / "a.csv").read_bytes() == OTHER
    assert visible(folder) == {f"a.csv.wrong-{found[:8]}"}


def test_a_mirror_that_does_not_exist_is_named(site: Site, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"'.*nowhere' is not a folder"):
        fetch_cells(folder, entry(site), tmp_path / "nowhere")
    assert not site.requests


def test_a_file_in_place_of_the_folder_is_named(site: Site, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with pytest.raises(FetchError, match=f"{folder}: a file is in the way"):
        fetch_cells(folder, entry(site))
    assert folder.read_text() == "in the way"


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, refused: Callable[[Path, str], bool]) -> None:
    """Let the system deny some files; permissions bind no root user, who may run the tests."""
    real = Path.open

    def guarded(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if refused(path, mode):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", guarded)


def test_a_folder_without_permission_is_one_sentence(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.content["a.csv"] = CONTENT
    refuse_to_open(monkeypatch, lambda path, mode: path.parent == folder and "r" not in mode)
    with pytest.raises(FetchError, match="no permission; make the folder writable") as caught:
        fetch_cells(folder, entry(site))
    assert "\n" not in str(caught.value)
    assert visible(folder) == set()


def test_a_mirror_file_without_permission_is_named(
    site: Site, folder: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mirror / "cells" / "a.csv"
    source.write_bytes(CONTENT)
    refuse_to_open(monkeypatch, lambda path, _: path == source)
    with pytest.raises(FetchError, match=f"{source}: no permission"):
        fetch_cells(folder, entry(site), mirror)
    assert visible(folder) == set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("from_mirror", [False, True])
def test_a_full_disk_leaves_nothing_under_the_final_name(
    from_mirror: bool, site: Site, folder: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.content["a.csv"] = CONTENT
    if from_mirror:
        (mirror / "cells" / "a.csv").write_bytes(CONTENT)
    real = Path.open

    def full(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        disk = Path("/dev/full") if path.suffix == ".part" and "r" not in mode else path
        return real(disk, mode, *more, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(FetchError, match=r"a\.csv: the disk is full"):
        fetch_cells(folder, entry(site), mirror)
    assert visible(folder) == set()


def test_jobs_that_want_the_same_file_at_once_download_it_once(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.delay_s = CONTENT, 0.1
    start, failures = threading.Barrier(4), []

    def job() -> None:
        start.wait()
        try:
            fetch_cells(folder, entry(site))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(site.requests) == 1
    assert (folder / "a.csv").read_bytes() == CONTENT
    assert visible(folder) == {"a.csv", "receipt.json"}


def test_long_downloads_tell_how_far_they_are(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.content["a.csv"] = CONTENT
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(fetch.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO, logger="batterymi"):
        fetch_cells(folder, entry(site))
    assert re.search(r"a\.csv.* \d+\.\d of \d+\.\d MB", caplog.text)


def test_a_part_longer_than_what_the_server_has_starts_over(site: Site, folder: Path) -> None:
    site.content["a.csv"] = CONTENT[:640]
    with pytest.raises(FetchError, match=f"ended after 640 of {len(CONTENT)} bytes|less than {len(CONTENT)} bytes"):
        fetch_cells(folder, entry(site))
    site.content["a.csv"] = CONTENT
    fetch_cells(folder, entry(site), retries=0)
    assert (folder / "a.csv").read_bytes() == CONTENT


def test_a_part_of_another_version_is_dropped_without_blaming_the_authors(site: Site, folder: Path) -> None:
    site.content["a.csv"], site.cuts = OTHER * 100, [640]
    with pytest.raises(FetchError, match="broke off"):
        fetch_cells(folder, entry(site), retries=0)
    site.content["a.csv"] = CONTENT
    fetch_cells(folder, entry(site))
    assert site.asked("Range") == [None, "bytes=640-", None]
    assert visible(folder) == {"a.csv", "receipt.json"}


def test_small_files_too_go_on_where_they_stopped(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    content = CONTENT * 200
    dataset = entry(site)
    dataset["files"]["a.csv"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    site.content["a.csv"], site.cuts = content, [100_000]
    fetch_cells(folder, dataset)
    assert site.asked("Range")[1] is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed"), "certificate"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
    ],
)
def test_the_cause_of_a_failed_connection_is_told_in_words(
    error: OSError, words: str, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.exceptions.ConnectionError from error

    monkeypatch.setattr(requests, "get", fail)
    with pytest.raises(FetchError, match=words):
        fetch_cells(folder, entry(site), retries=0)


def test_without_a_network_a_mirror_that_lacks_the_file_is_named(site: Site, folder: Path, mirror: Path) -> None:
    site.statuses = [503]
    with pytest.raises(FetchError, match=str(mirror / "cells" / "a.csv")):
        fetch_cells(folder, entry(site), mirror, retries=0)


def test_a_package_that_is_not_installed_can_download(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(fetch, "version", unknown)
    site.content["a.csv"] = CONTENT
    fetch_cells(folder, entry(site))
    assert (site.asked("User-Agent")[0] or "").startswith("battery-mi")


def test_a_file_that_was_changed_is_replaced_and_the_log_says_so(
    site: Site, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.content["a.csv"] = CONTENT
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(OTHER)
    with caplog.at_level(logging.INFO, logger="batterymi"):
        fetch_cells(folder, entry(site))
    assert (folder / "a.csv").read_bytes() == CONTENT
    assert "a.csv: there with other content" in caplog.text
