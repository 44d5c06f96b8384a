"""Files of a data set from a mirror or the network, never one with the wrong content.

urllib3 sends the request again where there is no connection or the server is busy. pooch is of no use here: it hashes
a file only once all of it is on the disk, starts over where a download broke off, and takes as many bytes as a server
sends.
"""

import errno
import fcntl
import gzip
import hashlib
import logging
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from urllib3.exceptions import ProtocolError
from urllib3.util import Retry

from batterymi.config.datasets import DataFile, Derivation
from batterymi.data.derive import DerivationError, derive_file, has_content
from batterymi.errors import BatteryMIError
from batterymi.files import compute_sha256

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

CHUNK = 1 << 14  # what is lost when a download breaks off
RETRIES = Retry(
    total=4,  # after 0, 3, 6 and 12 s
    backoff_factor=1.5,
    status_forcelist=(429, *range(500, 600)),
    raise_on_status=False,
    respect_retry_after_header=False,  # some servers say hours
)
TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
OFFLINE = (
    "the textbook edition needs no data sets: run `snakemake` without config/measured.yaml; "
    "or name a folder with the files: --config mirror=FOLDER, laid out as <data set>/<file>"
)


class FetchError(BatteryMIError):
    """One or more files of a data set could not be fetched; the message says which and why."""


class _UnavailableError(Exception):
    """A server that cannot be reached, or says that it is busy."""


class _BrokenOffError(_UnavailableError):
    """A download that may go on when it is requested again."""


def fetch_files(
    folder: Path,
    name: str,
    files: Mapping[str, DataFile],
    mirror: str | None = None,
    inputs: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Bring every file of a data set into a folder.

    A file that is there with the right digest stays. Else it is taken from the mirror, if one is named and has it (as
    it is, or compressed under its name with .gz), or downloaded, or derived from a folder of a repository. It is hashed
    while it arrives under another name, and renamed only once its digest is right. A download that was cut short goes
    on where it stopped, if the server allows it.

    Args:
        folder: where the files belong.
        name: the data set's name, its folder in the mirror.
        files: the files by name.
        mirror: folder laid out as `<data set>/<file>`, or None.
        inputs: folders of other data sets, from which files are derived.

    Raises:
        FetchError: for every file that cannot be had: which, why, and what to do.
    """
    mirror = str(Path(mirror).expanduser()) if mirror else None
    problems = _check_mirror(mirror)
    for file, wanted in files.items() if not problems else ():
        try:
            _fetch_file(folder / file, wanted, Path(mirror) / name / file if mirror else None, inputs)
        except FetchError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(_describe_os_error(folder / file, error))
    if problems:
        # a folder without permission fails for every file alike; its message is shown once
        raise FetchError("\n".join(dict.fromkeys(problems)))
    logger.info("%s: %d files are there, digests verified", name, len(files))


def _check_mirror(mirror: str | None) -> list[str]:
    """List what is wrong with the mirror's folder."""
    if mirror is None or Path(mirror).is_dir():
        return []
    return [f"mirror: '{mirror}' is not a folder; name one that is laid out as <data set>/<file>"]


def _fetch_file(target: Path, wanted: DataFile, source: Path | None, inputs: Mapping[str, Path]) -> None:
    """Fetch one file and verify its digest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock_file(target):
        if target.is_file():
            if compute_sha256(target) == wanted.sha256 or _is_derived(target, wanted):
                return
            logger.info("%s: it exists with other content; it is replaced once the right file has arrived", target.name)
        # in the same folder, so that the final rename is atomic
        part = target.with_name(f".{target.name}.part")
        packed = source.with_name(f"{source.name}.gz") if source else None
        if source is not None and source.is_file():
            _copy_from_mirror(source, part, target, wanted)
        elif packed is not None and packed.is_file():
            _unpack_from_mirror(packed, part, target, wanted)
        elif wanted.derived:
            _derive_file(target, wanted.derived, inputs, f"; the mirror has no {source}" if source else "")
        else:
            _download_file(part, target, wanted, f"; the mirror has no {source}" if source else "")


def _is_derived(target: Path, wanted: DataFile) -> bool:
    """Return whether a file is one that was derived, whose bytes may differ from those of a mirror."""
    return wanted.derived is not None and has_content(target, wanted.derived.content_sha256)


def _derive_file(target: Path, derivation: Derivation, inputs: Mapping[str, Path], lacking: str) -> None:
    """Derive a file from its repository."""
    try:
        derive_file(derivation, inputs, target)
    except DerivationError as error:
        raise FetchError(f"{error}{lacking}; {OFFLINE}") from None


@contextmanager
def _lock_file(target: Path) -> Iterator[None]:
    """Lock a file so that one process at a time works on it; the second finds it done."""
    # a file beside the target, since the target is replaced and a lock on it would go with the old one
    with target.with_name(f".{target.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _copy_from_mirror(source: Path, part: Path, target: Path, wanted: DataFile) -> None:
    """Copy a file from the mirror."""
    with source.open("rb") as stream, part.open("wb") as sink:
        found = _write_and_hash(iter(lambda: stream.read(CHUNK), b""), sink, hashlib.sha256())
    _verify_and_move(part, target, found, wanted, str(source))
    logger.info("%s: copied from the mirror", target.name)


def _unpack_from_mirror(source: Path, part: Path, target: Path, wanted: DataFile) -> None:
    """Unpack a file that the mirror keeps compressed, reading little more than its expected size."""
    try:
        with gzip.open(source, "rb") as stream, part.open("wb") as sink:
            # a bounded number of reads: a small archive may unpack to any size
            pieces = (stream.read(CHUNK) for _ in range(wanted.bytes // CHUNK + 2))
            found = _write_and_hash(iter(pieces), sink, hashlib.sha256())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        part.unlink(missing_ok=True)
        raise FetchError(f"{target}: the mirror's {source} is damaged: {error}; replace it") from None
    _verify_and_move(part, target, found, wanted, str(source))
    logger.info("%s: unpacked from the mirror", target.name)


def _download_file(part: Path, target: Path, wanted: DataFile, lacking: str) -> None:
    """Take a file from its URL, going on where it breaks off; `lacking` says what the mirror does not have."""
    retry = RETRIES
    while True:
        try:
            found = _attempt_download(part, wanted)
            break
        except _UnavailableError as error:
            if not isinstance(error, _BrokenOffError) or not retry.total:
                raise FetchError(f"{target}: not available from {wanted.origin}: {error}{lacking}; {OFFLINE}") from None
            retry = retry.increment("GET", wanted.origin, error=ProtocolError(str(error)))
            logger.info("%s: %s; requesting it again", target.name, error)
            retry.sleep()
    _verify_and_move(part, target, found, wanted, wanted.origin)
    logger.info("%s: downloaded", target.name)


def _attempt_download(part: Path, wanted: DataFile) -> str:
    """Download a file from where the last attempt stopped; return the digest of the whole."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    # after a part of full size there is no rest to request, so the file is fetched again
    have = have if have < wanted.bytes else 0
    headers = {"User-Agent": _get_user_agent(), "Accept-Encoding": "identity"} | (
        {"Range": f"bytes={have}-"} if have else {}
    )
    with _open_session() as session:
        try:
            response = session.get(wanted.origin, headers=headers, stream=True, timeout=TIMEOUT)
        except requests.exceptions.RequestException as error:
            raise _UnavailableError(f"no connection ({_describe_network_error(error)})") from None
        with response:
            if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                raise _BrokenOffError(f"the server's file has at most {have} bytes, not {wanted.bytes}")
            _check_response(response)
            is_resumed = have > 0 and response.status_code == requests.codes.partial_content
            digest = _receive(response, part, have * is_resumed, wanted)
    size = part.stat().st_size
    if size < wanted.bytes:
        raise _BrokenOffError(f"the download ended after {size} of {wanted.bytes} bytes")
    if is_resumed and digest != wanted.sha256:
        part.unlink()  # the first part may be of an older version of the file
        raise _BrokenOffError("the parts that arrived before and now do not make up the right file")
    return digest


def _open_session() -> "requests.Session":
    """Return a session that repeats requests as `RETRIES` says."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
    return session


def _receive(response: "requests.Response", part: Path, done: int, wanted: DataFile) -> str:
    """Write what a server sends behind the bytes that are there; return the digest of all."""
    import requests

    hasher = hashlib.sha256()
    if done:
        _hash_file(part, hasher)
    with part.open("ab" if done else "wb") as sink:
        pieces = _limit_size(response.iter_content(CHUNK), part, done, wanted)
        try:
            return _write_and_hash(_log_progress(pieces, part.name, done, wanted.bytes), sink, hasher)
        except requests.exceptions.RequestException as error:
            raise _BrokenOffError(f"the download broke off ({_describe_network_error(error)})") from None


def _get_user_agent() -> str:
    """Return the user agent of the requests."""
    try:
        return f"battery-mi/{version('batterymi')}"
    except PackageNotFoundError:
        return "battery-mi"


def _check_response(response: "requests.Response") -> None:
    """Raise an error for a failed response: a final one, or one that calls for a retry."""
    # server errors and rate limits may pass
    if response.status_code >= 500 or response.status_code == 429:
        raise _UnavailableError(f"the server answered {response.status_code} {response.reason}")
    if response.status_code >= 400:
        raise FetchError(
            f"{response.url}: the server answered {response.status_code} {response.reason}; "
            f"correct the URL in config/datasets.yaml. {OFFLINE[0].upper()}{OFFLINE[1:]}"
        )


def _verify_and_move(part: Path, target: Path, found: str, wanted: DataFile, source: str) -> None:
    """Rename a file whose digest is right; set one whose digest is wrong aside."""
    if found == wanted.sha256:
        part.replace(target)
        return
    # named by its content, so that a second wrong file does not overwrite the first
    aside = target.with_name(f"{target.name}.wrong-{found[:8]}")
    part.replace(aside)
    raise FetchError(
        f"{target}: wrong content from {source}: sha256 {found}, expected {wanted.sha256}; the file found is kept as "
        f"{aside.name}, nothing was overwritten. If the authors changed the file, look at it before you change the "
        "digest in config/datasets.yaml"
    )


def _write_and_hash(pieces: Iterator[bytes], sink: BinaryIO, hasher: Any) -> str:
    """Write chunks and hash them; return the digest of all."""
    for piece in pieces:
        sink.write(piece)
        hasher.update(piece)
    return str(hasher.hexdigest())


def _limit_size(pieces: Iterator[bytes], part: Path, done: int, wanted: DataFile) -> Iterator[bytes]:
    """Yield chunks up to the size of the file, since a response may be endless or unpack to anything."""
    for piece in pieces:
        done += len(piece)
        if done > wanted.bytes:
            part.unlink()
            raise FetchError(
                f"{wanted.origin}: the server sends more than the {wanted.bytes} bytes of the file; nothing is kept. "
                "If the authors changed the file, look at it before you change config/datasets.yaml"
            )
        yield piece


def _log_progress(pieces: Iterator[bytes], name: str, done: int, total: int) -> Iterator[bytes]:
    """Yield chunks, logging every few seconds how far a long download is."""
    logged = time.monotonic()
    for piece in pieces:
        done += len(piece)
        if time.monotonic() - logged > 5:
            logged = time.monotonic()
            logger.info("%s: %.1f of %.1f MB", name, done / 1e6, total / 1e6)
        yield piece


def _hash_file(path: Path, hasher: Any) -> None:
    """Hash what has arrived already."""
    with path.open("rb") as stream:
        shutil.copyfileobj(stream, _Sink(hasher.update), CHUNK)


class _Sink:
    """A file-like object that hands what is written to a function."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        """Keep the function that takes the bytes."""
        self.write = take


def _describe_network_error(error: Exception) -> str:
    """Return the innermost cause of a network error, in words."""
    cause: BaseException = error
    # requests and urllib3 wrap the error of the socket several times
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    words = cause.strerror if isinstance(cause, OSError) else None  # strerror(errno) is wrong for TLS and name look-up
    return words or str(cause) or type(cause).__name__


def _describe_os_error(target: Path, error: OSError) -> str:
    """Describe what the operating system refused, and what to do."""
    place = error.filename or target
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{target}: the disk is full; free some space and run again, what has arrived is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}: no permission; make the folder writable, or the mirror's file readable"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{place}: a file is in the way of the folder; move it"
    return f"{place}: {error.strerror or error}"
