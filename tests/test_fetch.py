"""Data sets from a server that may fail in every usual way: right files or none."""

import errno
import hashlib
import logging
import re
import socket
import ssl
import threading
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import requests
from download_site import CONTENT, OTHER, Site, entry, fetch_cells, visible
from urllib3.exceptions import ProtocolError

from batterymi.data import fetch
from batterymi.data.fetch import FetchError
from batterymi.files import read_json


def test_a_download_arrives_whole_and_tells_who_asks(site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "version", lambda _: "1.2.3")
    site.content["a.csv"] = CONTENT
    fetch_cells(raw, entry(site))
    assert (raw / "a.csv").read_bytes() == CONTENT
    assert read_json(raw / "receipt.json") == {"a.csv": hashlib.sha256(CONTENT).hexdigest()}
    assert visible(raw) == {"a.csv", "receipt.json"}
    assert not list(raw.glob(".*.part"))
    assert site.asked("User-Agent") == ["battery-mi/1.2.3"]


def test_a_file_that_is_there_is_not_asked_for_again(site: Site, raw: Path) -> None:
    raw.mkdir(parents=True)
    (raw / "a.csv").write_bytes(CONTENT)
    fetch_cells(raw, entry(site))
    assert not site.requests
    assert (raw / "receipt.json").exists()


def test_a_download_that_broke_off_goes_on_where_it_stopped(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.cuts = CONTENT, [640]
    fetch_cells(raw, entry(site))
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (raw / "a.csv").read_bytes() == CONTENT


def test_the_next_run_goes_on_where_the_last_one_stopped(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.cuts = CONTENT, [640]
    with pytest.raises(FetchError, match="broke off"):
        fetch_cells(raw, entry(site), retries=0)
    assert visible(raw) == set()
    fetch_cells(raw, entry(site), retries=0)
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (raw / "a.csv").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_file_again(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.cuts, site.ranges = CONTENT, [640], False
    fetch_cells(raw, entry(site))
    assert site.asked("Range") == [None, "bytes=640-"]
    assert (raw / "a.csv").read_bytes() == CONTENT


def test_a_download_that_always_breaks_off_is_given_up(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.cuts, site.ranges = CONTENT, [640] * 9, False
    with pytest.raises(FetchError, match=r"a\.csv: .*broke off"):
        fetch_cells(raw, entry(site), retries=2)
    assert len(site.requests) == 3
    assert visible(raw) == set()


def test_a_file_shorter_than_the_catalogue_says_is_refused_with_both_sizes(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.ranges = CONTENT[:640], False
    with pytest.raises(FetchError, match=f"640 of {len(CONTENT)} bytes"):
        fetch_cells(raw, entry(site))
    assert visible(raw) == set()


@pytest.mark.parametrize("resumed", [False, True])
def test_an_endless_answer_is_cut_off_at_the_size_of_the_file(site: Site, raw: Path, resumed: bool) -> None:
    site.content["a.csv"], site.cuts = CONTENT, [640] * resumed
    if resumed:
        with pytest.raises(FetchError, match="broke off"):
            fetch_cells(raw, entry(site), retries=0)
    site.endless = True
    with pytest.raises(FetchError, match=rf"a\.csv: the server sends more than the {len(CONTENT)} bytes of the file"):
        fetch_cells(raw, entry(site))
    assert len(site.requests) == 1 + resumed, "it isn't asked for again"
    assert sum(path.stat().st_size for path in raw.iterdir()) == 0


def test_an_answer_that_unpacks_to_more_than_the_file_is_cut_off(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.packed = bytes(50_000_000), True
    with pytest.raises(FetchError, match="the server sends more than"):
        fetch_cells(raw, entry(site))
    assert sum(path.stat().st_size for path in raw.iterdir()) == 0


def test_wrong_content_is_kept_aside_and_overwrites_nothing(site: Site, raw: Path) -> None:
    wrong = OTHER.ljust(len(CONTENT))
    site.content["a.csv"] = wrong
    raw.mkdir(parents=True)
    (raw / "a.csv").write_bytes(OTHER)
    found, expected = hashlib.sha256(wrong).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(FetchError, match=f"{found}.*{expected}"):
        fetch_cells(raw, entry(site))
    assert (raw / "a.csv").read_bytes() == OTHER
    assert (raw / f"a.csv.wrong-{found[:8]}").read_bytes() == wrong
    assert not (raw / "receipt.json").exists()


def test_a_missing_file_is_not_asked_for_twice_and_every_file_at_fault_is_named(site: Site, raw: Path) -> None:
    site.content["b.csv"] = CONTENT
    with pytest.raises(FetchError) as caught:
        fetch_cells(raw, entry(site, "a.csv", "b.csv", "c.csv"))
    lines = str(caught.value).splitlines()
    assert [re.findall(r"\w+\.csv|404", line)[:2] for line in lines] == [["a.csv", "404"], ["c.csv", "404"]]
    assert [name for name, _ in site.requests] == ["a.csv", "b.csv", "c.csv"]
    assert visible(raw) == {"b.csv"}


def test_a_busy_server_is_asked_again(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.statuses = CONTENT, [503, 503]
    fetch_cells(raw, entry(site))
    assert len(site.requests) == 3
    assert (raw / "a.csv").read_bytes() == CONTENT


def test_a_server_that_stays_busy_is_given_up_and_says_so(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.statuses = CONTENT, [503] * 9
    with pytest.raises(FetchError, match=r"a\.csv: not available from .*the server answered 503 .*textbook edition"):
        fetch_cells(raw, entry(site), retries=2)
    assert len(site.requests) == 3


def test_pauses_between_attempts_grow() -> None:
    pauses, retry = [], fetch.RETRIES
    while retry.total:
        retry = retry.increment("GET", "https://example.org", error=ProtocolError("broke off"))
        pauses.append(retry.get_backoff_time())
    assert len(pauses) >= 3
    assert pauses == sorted(set(pauses))
    assert 5 < sum(pauses) < 60


def test_without_a_network_the_ways_out_are_named(site: Site, raw: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dataset = entry(site)
        dataset["files"]["a.csv"]["url"] = f"http://127.0.0.1:{unused.getsockname()[1]}/a.csv"
        with pytest.raises(FetchError) as caught:
            fetch_cells(raw, dataset)
    for part in ("a.csv", "no connection", "Connection refused", "textbook edition", "mirror=FOLDER"):
        assert part in str(caught.value)
    assert visible(raw) == set()


def test_jobs_that_want_the_same_file_at_once_download_it_once(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.delay_s = CONTENT, 0.1
    start, failures = threading.Barrier(4), []

    def job() -> None:
        start.wait()
        try:
            fetch_cells(raw, entry(site))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(site.requests) == 1
    assert (raw / "a.csv").read_bytes() == CONTENT
    assert visible(raw) == {"a.csv", "receipt.json"}


def test_long_downloads_tell_how_far_they_are(
    site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.content["a.csv"] = CONTENT
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(fetch.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO, logger="batterymi"):
        fetch_cells(raw, entry(site))
    assert re.search(r"a\.csv.* \d+\.\d of \d+\.\d MB", caplog.text)


def test_a_part_longer_than_what_the_server_has_starts_over(site: Site, raw: Path) -> None:
    site.content["a.csv"] = CONTENT[:640]
    with pytest.raises(FetchError, match=f"the download ended after 640 of {len(CONTENT)} bytes"):
        fetch_cells(raw, entry(site), retries=2)
    # a part as long as the server's file is dropped, and the file requested from its start
    assert site.asked("Range") == [None, "bytes=640-", None]
    site.content["a.csv"] = CONTENT
    fetch_cells(raw, entry(site), retries=0)
    assert (raw / "a.csv").read_bytes() == CONTENT


def test_a_part_of_another_version_is_dropped_without_blaming_the_authors(site: Site, raw: Path) -> None:
    site.content["a.csv"], site.cuts = OTHER * 100, [640]
    with pytest.raises(FetchError, match="broke off"):
        fetch_cells(raw, entry(site), retries=0)
    site.content["a.csv"] = CONTENT
    fetch_cells(raw, entry(site))
    assert site.asked("Range") == [None, "bytes=640-", None]
    assert visible(raw) == {"a.csv", "receipt.json"}


def test_small_files_too_go_on_where_they_stopped(site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    content = CONTENT * 200
    dataset = entry(site)
    dataset["files"]["a.csv"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    site.content["a.csv"], site.cuts = content, [100_000]
    fetch_cells(raw, dataset)
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
    error: OSError, words: str, site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.exceptions.ConnectionError from error

    monkeypatch.setattr(requests.Session, "get", fail)
    with pytest.raises(FetchError, match=words):
        fetch_cells(raw, entry(site), retries=0)


def test_a_package_that_is_not_installed_can_download(site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(fetch, "version", unknown)
    site.content["a.csv"] = CONTENT
    fetch_cells(raw, entry(site))
    assert (site.asked("User-Agent")[0] or "").startswith("battery-mi")


def test_a_file_that_was_changed_is_replaced_and_the_log_says_so(
    site: Site, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site.content["a.csv"] = CONTENT
    raw.mkdir(parents=True)
    (raw / "a.csv").write_bytes(OTHER)
    with caplog.at_level(logging.INFO, logger="batterymi"):
        fetch_cells(raw, entry(site))
    assert (raw / "a.csv").read_bytes() == CONTENT
    assert "a.csv: it exists with other content" in caplog.text
