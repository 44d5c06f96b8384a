"""Files of a data set from a mirror or the network, never one with the wrong content.

urllib3 asks again where there is no connection or the server is busy. pooch is of no use here: it hashes a file only
once all of it is on the disk, starts over where a download broke off, and takes as many bytes as a server sends.
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
from typing import TYPE_CHECKING, Any, BinaryIO

from urllib3.exceptions import ProtocolError
from urllib3.util import Retry

from batterymi.config.datasets import DataFile
from batterymi.errors import BatteryMIError
from batterymi.files import sha256

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
    """One or more files of a data set could not be had; the message says which and why."""


class _UnavailableError(Exception):
    """A server that cannot be reached, or says that it is busy."""


class _BrokenOffError(_UnavailableError):
    """A download that may go on when it is asked for again."""


def fetch_files(folder: Path, name: str, files: Mapping[str, DataFile], mirror: str | None = None) -> None:
    """Bring every file of a data set into a folder.

    A file that is there with the right digest stays. Else it is taken from the mirror, if one is named and has it (as
    it is, or compressed under its name with .gz), or downloaded. It is hashed while it arrives under another name, and
    renamed only once its digest is right. A download that was cut short goes on where it stopped, if the server allows
    it.

    Args:
        folder: where the files belong.
        name: the data set's name, its folder in the mirror.
        files: the files by name.
        mirror: folder laid out as `<data set>/<file>`, or None.

    Raises:
        FetchError: for every file that cannot be had: which, why, and what to do.
    """
    mirror = str(Path(mirror).expanduser()) if mirror else None
    problems = _check_mirror(mirror)
    for file, wanted in files.items() if not problems else ():
        try:
            _fetch(folder / file, wanted, Path(mirror) / name / file if mirror else None)
        except FetchError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(_system_message(folder / file, error))
    if problems:
        raise FetchError("\n".join(dict.fromkeys(problems)))
    logger.info("%s: %d files are there, digests right", name, len(files))


def _check_mirror(mirror: str | None) -> list[str]:
    """What is wrong with the mirror's folder."""
    if mirror is None or Path(mirror).is_dir():
        return []
    return [f"mirror: '{mirror}' is not a folder; name one that is laid out as <data set>/<file>"]


def _fetch(target: Path, wanted: DataFile, source: Path | None) -> None:
    """Bring one file, whole and right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if target.is_file():
            if sha256(target) == wanted.sha256:
                return
            logger.info("%s: there with other content; it is replaced once the right file is here", target.name)
        part = target.with_name(f".{target.name}.part")
        packed = source.with_name(f"{source.name}.gz") if source else None
        if source is not None and source.is_file():
            _copy(source, part, target, wanted)
        elif packed is not None and packed.is_file():
            _unpack(packed, part, target, wanted)
        else:
            _download(part, target, wanted, f"; the mirror has no {source}" if source else "")


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time work on a file; the second finds it done."""
    with target.with_name(f".{target.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _copy(source: Path, part: Path, target: Path, wanted: DataFile) -> None:
    """Take a file from the mirror."""
    with source.open("rb") as stream, part.open("wb") as sink:
        found = _stream(iter(lambda: stream.read(CHUNK), b""), sink, hashlib.sha256())
    _settle(part, target, found, wanted, str(source))
    logger.info("%s: copied from the mirror", target.name)


def _unpack(source: Path, part: Path, target: Path, wanted: DataFile) -> None:
    """Take a file that the mirror keeps compressed; never more of it than the file's size and a piece."""
    try:
        with gzip.open(source, "rb") as stream, part.open("wb") as sink:
            pieces = (stream.read(CHUNK) for _ in range(wanted.bytes // CHUNK + 2))
            found = _stream(iter(pieces), sink, hashlib.sha256())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        part.unlink(missing_ok=True)
        raise FetchError(f"{target}: the mirror's {source} is damaged: {error}; put it there again") from None
    _settle(part, target, found, wanted, str(source))
    logger.info("%s: unpacked from the mirror", target.name)


def _download(part: Path, target: Path, wanted: DataFile, lacking: str) -> None:
    """Take a file from its URL, going on where it breaks off; `lacking` says what the mirror does not have."""
    retry = RETRIES
    while True:
        try:
            found = _attempt(part, wanted)
            break
        except _UnavailableError as error:
            if not isinstance(error, _BrokenOffError) or not retry.total:
                raise FetchError(f"{target}: cannot be had from {wanted.url}: {error}{lacking}; {OFFLINE}") from None
            retry = retry.increment("GET", wanted.url, error=ProtocolError(str(error)))
            logger.info("%s: %s; asking again", target.name, error)
            retry.sleep()
    _settle(part, target, found, wanted, wanted.url)
    logger.info("%s: downloaded", target.name)


def _attempt(part: Path, wanted: DataFile) -> str:
    """Download a file from where the last attempt stopped; return the digest of the whole."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    have = have if have < wanted.bytes else 0
    headers = {"User-Agent": _agent(), "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with _open_session() as session:
        try:
            answer = session.get(wanted.url, headers=headers, stream=True, timeout=TIMEOUT)
        except requests.exceptions.RequestException as error:
            raise _UnavailableError(f"no connection ({_reason(error)})") from None
        with answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                raise _BrokenOffError(f"the server has less than {wanted.bytes} bytes, {have} or fewer")
            _refuse(answer)
            is_resumed = have > 0 and answer.status_code == requests.codes.partial_content
            digest = _receive(answer, part, have * is_resumed, wanted)
    size = part.stat().st_size
    if size < wanted.bytes:
        raise _BrokenOffError(f"the download ended after {size} of {wanted.bytes} bytes")
    if is_resumed and digest != wanted.sha256:
        part.unlink()  # the first part may be of another version, for which the authors are not to blame
        raise _BrokenOffError("what had arrived before and what arrived now do not make the right file")
    return digest


def _open_session() -> "requests.Session":
    """Return a session that asks again as `RETRIES` says."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
    return session


def _receive(answer: "requests.Response", part: Path, done: int, wanted: DataFile) -> str:
    """Write what a server sends behind the bytes that are there; return the digest of all."""
    import requests

    hasher = hashlib.sha256()
    if done:
        _feed(part, hasher)
    with part.open("ab" if done else "wb") as sink:
        pieces = _limited(answer.iter_content(CHUNK), part, done, wanted)
        try:
            return _stream(_reported(pieces, part.name, done, wanted.bytes), sink, hasher)
        except requests.exceptions.RequestException as error:
            raise _BrokenOffError(f"the download broke off ({_reason(error)})") from None


def _agent() -> str:
    """Who asks."""
    try:
        return f"battery-mi/{version('batterymi')}"
    except PackageNotFoundError:
        return "battery-mi"


def _refuse(answer: "requests.Response") -> None:
    """Tell an answer that is final from one that may change."""
    if answer.status_code >= 500 or answer.status_code == 429:
        raise _UnavailableError(f"the server answered {answer.status_code} {answer.reason}")
    if answer.status_code >= 400:
        raise FetchError(
            f"{answer.url}: the server answered {answer.status_code} {answer.reason}; "
            f"correct the URL in config/datasets.yaml. {OFFLINE[0].upper()}{OFFLINE[1:]}"
        )


def _settle(part: Path, target: Path, found: str, wanted: DataFile, source: str) -> None:
    """Rename a file whose digest is right; keep one whose digest is wrong aside."""
    if found == wanted.sha256:
        part.replace(target)
        return
    aside = target.with_name(f"{target.name}.wrong-{found[:8]}")
    part.replace(aside)
    raise FetchError(
        f"{target}: wrong content from {source}: sha256 {found}, expected {wanted.sha256}; the file found is kept as "
        f"{aside.name}, nothing was overwritten. If the authors changed the file, look at it before you change the "
        "digest in config/datasets.yaml"
    )


def _stream(pieces: Iterator[bytes], sink: BinaryIO, hasher: Any) -> str:
    """Write pieces and hash them; the digest of all."""
    for piece in pieces:
        sink.write(piece)
        hasher.update(piece)
    return str(hasher.hexdigest())


def _limited(pieces: Iterator[bytes], part: Path, done: int, wanted: DataFile) -> Iterator[bytes]:
    """The same pieces, as long as they are no more than the file; an answer may be endless, or unpack to anything."""
    for piece in pieces:
        done += len(piece)
        if done > wanted.bytes:
            part.unlink()
            raise FetchError(
                f"{wanted.url}: the server sends more than the {wanted.bytes} bytes of the file; nothing is kept. If "
                "the authors changed the file, look at it before you change config/datasets.yaml"
            )
        yield piece


def _reported(pieces: Iterator[bytes], name: str, done: int, total: int) -> Iterator[bytes]:
    """The same pieces; tells every few seconds how far a long download is."""
    told = time.monotonic()
    for piece in pieces:
        done += len(piece)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            logger.info("%s: %.1f of %.1f MB", name, done / 1e6, total / 1e6)
        yield piece


def _feed(path: Path, hasher: Any) -> None:
    """Hash what is there already."""
    with path.open("rb") as stream:
        shutil.copyfileobj(stream, _Sink(hasher.update), CHUNK)


class _Sink:
    """Something that can be written to."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        """Keep what takes the bytes."""
        self.write = take


def _reason(error: Exception) -> str:
    """The innermost cause of a network error, in words."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    words = cause.strerror if isinstance(cause, OSError) else None  # strerror(errno) is wrong for TLS and name look-up
    return words or str(cause) or type(cause).__name__


def _system_message(target: Path, error: OSError) -> str:
    """What the operating system refused, and what to do."""
    place = error.filename or target
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{target}: the disk is full; free some space and run again, what has arrived is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}: no permission; make the folder writable, or the mirror's file readable"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{place}: a file is in the way of the folder; move it"
    return f"{place}: {error.strerror or error}"
