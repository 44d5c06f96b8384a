"""Data sets from a mirror, and folders and disks that refuse."""

import errno
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from download_site import CONTENT, OTHER, Site, entry, fetch_cells, visible

from batterymi.data.fetch import FetchError


def test_the_mirror_comes_first_and_the_network_has_what_it_lacks(site: Site, raw: Path, mirror: Path) -> None:
    (mirror / "cells" / "a.csv").write_bytes(CONTENT)
    site.content["b.csv"] = CONTENT
    fetch_cells(raw, entry(site, "a.csv", "b.csv"), mirror)
    assert [name for name, _ in site.requests] == ["b.csv"]
    assert (raw / "a.csv").read_bytes() == (raw / "b.csv").read_bytes() == CONTENT


def test_a_mirror_with_wrong_content_is_refused_and_not_touched(site: Site, raw: Path, mirror: Path) -> None:
    (mirror / "cells" / "a.csv").write_bytes(OTHER)
    found, expected = hashlib.sha256(OTHER).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(FetchError, match=f"{mirror}.*{found}.*{expected}"):
        fetch_cells(raw, entry(site), mirror)
    assert not site.requests
    assert (mirror / "cells" / "a.csv").read_bytes() == OTHER
    assert visible(raw) == {f"a.csv.wrong-{found[:8]}"}


def test_a_mirror_that_does_not_exist_is_named(site: Site, raw: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"'.*nowhere' is not a folder"):
        fetch_cells(raw, entry(site), tmp_path / "nowhere")
    assert not site.requests


def test_a_file_in_place_of_the_folder_is_named(site: Site, raw: Path) -> None:
    raw.parent.mkdir(parents=True)
    raw.write_text("in the way")
    with pytest.raises(FetchError, match=f"{raw}: a file is in the way"):
        fetch_cells(raw, entry(site))
    assert raw.read_text() == "in the way"


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, refused: Callable[[Path, str], bool]) -> None:
    """Let the system deny some files; permissions bind no root user, who may run the tests."""
    real = Path.open

    def guarded(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if refused(path, mode):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", guarded)


def test_a_folder_without_permission_is_one_sentence(site: Site, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.content["a.csv"] = CONTENT
    refuse_to_open(monkeypatch, lambda path, mode: path.parent == raw and "r" not in mode)
    with pytest.raises(FetchError, match="no permission; make the folder writable") as caught:
        fetch_cells(raw, entry(site))
    assert "\n" not in str(caught.value)
    assert visible(raw) == set()


def test_a_mirror_file_without_permission_is_named(
    site: Site, raw: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = mirror / "cells" / "a.csv"
    source.write_bytes(CONTENT)
    refuse_to_open(monkeypatch, lambda path, _: path == source)
    with pytest.raises(FetchError, match=f"{source}: no permission"):
        fetch_cells(raw, entry(site), mirror)
    assert visible(raw) == set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("from_mirror", [False, True])
def test_a_full_disk_leaves_nothing_under_the_final_name(
    from_mirror: bool, site: Site, raw: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
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
        fetch_cells(raw, entry(site), mirror)
    assert visible(raw) == set()


def test_without_a_network_a_mirror_that_lacks_the_file_is_named(site: Site, raw: Path, mirror: Path) -> None:
    site.statuses = [503]
    with pytest.raises(FetchError, match=str(mirror / "cells" / "a.csv")):
        fetch_cells(raw, entry(site), mirror, retries=0)


def test_a_compressed_file_of_the_mirror_is_unpacked_and_never_beyond_its_size(
    site: Site, raw: Path, mirror: Path
) -> None:
    packed = mirror / "cells" / "a.csv.gz"
    packed.write_bytes(gzip.compress(CONTENT))
    fetch_cells(raw, entry(site), mirror)
    assert (raw / "a.csv").read_bytes() == CONTENT
    assert not site.requests
    packed.write_bytes(gzip.compress(b"\0" * 50_000_000))
    with pytest.raises(FetchError, match="wrong content"):
        fetch_cells(raw / "bomb", entry(site), mirror)
    assert sum(file.stat().st_size for file in (raw / "bomb").iterdir()) < 10_000
    packed.write_bytes(b"not gzip")
    with pytest.raises(FetchError, match="damaged"):
        fetch_cells(raw / "torn", entry(site), mirror)
    assert visible(raw / "torn") == set()
