"""Atomic and reproducible reading and writing of files, with a check that a file is what was written."""

import errno
import fcntl
import glob
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.csv_safety import escape_frame, unescape_frame
from batterymi.errors import UNREADABLE, DamagedFileError, OutputError, get_first_line
from batterymi.text_safety import UNSAFE, make_visible

if TYPE_CHECKING:
    import pandas as pd

PathLike = str | os.PathLike[str]

CSV_FORM: dict[str, Any] = {"index": False, "float_format": "%.10g", "lineterminator": "\n"}
CHECKSUM_FOLDER = ".sums"  # beside results: an empty file `<name>.<SHA-256>` for each of them


@contextmanager
def write_atomically(path: PathLike, *, recorded: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it onto `path` at the end.

    The rename is atomic, so a reader sees the old file or the new one, never a part. After an error
    the temporary file is removed and `path` is as it was. A process that is killed leaves its temporary file
    behind, without the lock that it held; the next one to write the same file removes it.

    The digest of what is written is recorded before the rename, and older ones are removed after it,
    so that a kill in between leaves a file whose digest is on record, be it the old one or the new.

    Args:
        path: the file to make or replace; its folder is made if missing.
        recorded: whether readers check that it is unchanged; False for files that users may edit.

    Yields:
        A path in the same folder to write to.

    Raises:
        OutputError: if the folder or the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # eight random characters, as in what `_open_beside` makes
        for left in target.parent.glob(f".{glob.escape(target.stem)}-{'?' * 8}{glob.escape(target.suffix)}.tmp"):
            _remove_unused(left)
        handle, temporary = _open_beside(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_format_reason(error)}") from error
    try:
        yield temporary
        with temporary.open("rb") as written:
            # on disk before the rename, or a power cut could leave an empty file under the final name
            os.fsync(written.fileno())
        # another machine may replace the copies that Snakemake keeps there (decision 14)
        record = (
            _write_record(target, compute_sha256(temporary)) if recorded and ".snakemake" not in target.parts else None
        )
        temporary.replace(target)
        # after the rename, so that a kill in between leaves a file with a record
        _remove_records(target, record)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_format_reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
        # closed last, since closing releases the lock
        os.close(handle)


def _open_beside(target: Path) -> tuple[int, Path]:
    """Make a temporary file in the folder of another, locked as one in use.

    Its mode follows the umask, as that of any new file. The system releases the lock if the process is killed.
    """
    while True:
        temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}.tmp")
        try:
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        is_ours = True
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            is_ours = False
        except OSError:  # a file system without locks
            pass
        # before it was locked, another process may have taken it for one that was left, and removed it
        if is_ours and os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)


def _remove_unused(left: Path) -> None:
    """Remove a temporary file whose process is gone; a process that still writes holds its lock."""
    with suppress(OSError), left.open("rb") as stream:
        # raises an OSError while a writer holds its shared lock
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left.unlink(missing_ok=True)


def check_content(path: PathLike) -> None:
    """Compare a file that an earlier stage wrote with its record; skip a file without a record.

    The record of this digest is looked up once more by name: the file may have been replaced meanwhile, and a network
    may still list its folder as it was.

    Raises:
        DamagedFileError: if it is not what was written there.
    """
    target = Path(path)
    known = {record.name[-64:] for record in _list_records(target)}
    if not known:
        return
    try:
        found = compute_sha256(target)
    except OSError:  # the reader reports what is wrong
        return
    if found not in known and not _make_record_path(target, found).exists():
        expected = " or ".join(f"{digest[:12]}…" for digest in sorted(known))
        raise DamagedFileError(target, f"not what was written there: its SHA-256 is {found[:12]}…, expected {expected}")


def remove_file(path: PathLike) -> None:
    """Remove a file, if it exists, and its record."""
    target = Path(path)
    target.unlink(missing_ok=True)
    _remove_records(target, None)
    with suppress(OSError):  # there is none, or it has records of other files
        (target.parent / CHECKSUM_FOLDER).rmdir()


def _list_records(target: Path) -> Iterator[Path]:
    """List the records of a file; an older one remains if a process was killed before it could remove it."""
    # escaped, since file names may contain wildcards such as [
    return (target.parent / CHECKSUM_FOLDER).glob(f"{glob.escape(target.name)}.{'[0-9a-f]' * 64}")


def _make_record_path(target: Path, digest: str) -> Path:
    """Return the path of a record: an empty file named by the digest, so it is never half-written."""
    return target.parent / CHECKSUM_FOLDER / f"{target.name}.{digest}"


def _write_record(target: Path, digest: str) -> Path:
    """Write the record of a digest."""
    record = _make_record_path(target, digest)
    record.parent.mkdir(exist_ok=True)
    record.touch()
    return record


def _remove_records(target: Path, kept: Path | None) -> None:
    """Remove all records of a file but one."""
    for record in _list_records(target):
        if record != kept:
            record.unlink(missing_ok=True)


def _format_reason(error: OSError) -> str:
    """Return the system's message of an error, without what a library adds."""
    return os.strerror(error.errno) if error.errno else str(error)


def write_text(path: PathLike, text: str, *, recorded: bool = True) -> None:
    """Write UTF-8 text with Unix line ends; control characters become visible escapes."""
    write_bytes(path, make_visible(text).encode("utf-8"), recorded=recorded)


def write_bytes(path: PathLike, data: bytes, *, recorded: bool = True) -> None:
    """Write bytes."""
    with write_atomically(path, recorded=recorded) as temporary:
        temporary.write_bytes(data)


def write_json(path: PathLike, content: Any, *, recorded: bool = True) -> None:
    """Write JSON that a person can read; NaN becomes null."""
    text = json.dumps(_convert_to_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    # as escapes of JSON, which are read back as what they were
    text = UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)
    write_text(path, text + "\n", recorded=recorded)


def read_json(path: PathLike, needs: Iterable[str] = ()) -> Any:
    """Read a JSON file that an earlier stage wrote.

    Args:
        path: the file.
        needs: keys without which it is not the file that belongs there.

    Raises:
        DamagedFileError: if it is missing, not what was written there, no JSON, or lacks a key.
    """
    check_content(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFileError(path, f"not the JSON that an earlier stage wrote ({get_first_line(error)})") from None
    for key in needs:
        if not isinstance(content, dict) or key not in content:
            raise DamagedFileError(path, f"not the file that belongs there: it lacks '{key}'")
    return content


def read_frame(
    path: PathLike,
    needs: Iterable[str] = (),
    holds: Mapping[str, Iterable[str]] | None = None,
    texts: Iterable[str] = (),
) -> "pd.DataFrame":
    """Read a Parquet or CSV file that an earlier stage wrote.

    Args:
        path: the file; its suffix tells which it is.
        needs: columns without which it is not the file that belongs there.
        holds: values that some columns must contain.
        texts: columns of a CSV file in which words such as `nan` are text, and nothing is an empty text.

    Raises:
        DamagedFileError: if it is missing, not what was written there, cannot be read, or lacks a column or a value.
    """
    import pandas as pd

    check_content(path)
    try:
        if Path(path).suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            with Path(path).open("rb") as stream:
                # an empty file has no last byte to go back to
                stream.seek(-min(1, stream.seek(0, os.SEEK_END)), os.SEEK_END)
                # pandas would read a truncated last line without an error
                if stream.read(1) != b"\n":
                    raise ValueError("its last line is cut off")
            frame = unescape_frame(pd.read_csv(path, converters=dict.fromkeys(texts, str)))
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except UNREADABLE as error:
        raise DamagedFileError(path, f"not the table that an earlier stage wrote ({get_first_line(error)})") from None
    # headers of some tables end with a unit in brackets
    names = [re.sub(r" \[[^\[\]]*\]$", "", str(name)) for name in frame.columns]
    if missing := [name for name in (*needs, *(holds or {})) if name not in names]:
        raise DamagedFileError(path, f"not the table that belongs there: it lacks the column '{missing[0]}'")
    for name, values in (holds or {}).items():
        if lacking := sorted(set(values) - set(frame[name].astype(str))):
            raise DamagedFileError(path, f"not the table that belongs there: no {name} is '{lacking[0]}'")
    return frame


def write_csv(path: PathLike, frame: "pd.DataFrame", *, recorded: bool = True) -> None:
    """Write a frame as CSV without its index, with 10 significant digits and spreadsheet formulas escaped.

    Ten digits hold every quantity here and hide the last bits, in which processors may differ.
    """
    with write_atomically(path, recorded=recorded) as temporary:
        escape_frame(frame).to_csv(temporary, **CSV_FORM)


def format_csv(frame: "pd.DataFrame") -> bytes:
    """Return what `write_csv` writes."""
    return escape_frame(frame).to_csv(**CSV_FORM).encode("utf-8")


def write_parquet(path: PathLike, frame: "pd.DataFrame") -> None:
    """Write a frame as Parquet without its index."""
    with write_atomically(path) as temporary:
        frame.to_parquet(temporary, index=False)


def append_line(path: PathLike, line: str) -> None:
    """Append a line in one write that is on disk before this returns.

    The line break comes first, to separate the line from one that was cut off.

    Raises:
        OutputError: if the folder or the file cannot be written, or the line not as a whole.
    """
    data = ("\n" + line).encode("utf-8")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            # on a full disk the system may write a part of the line without an error
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_format_reason(error)}") from error


def compute_sha256(path: PathLike) -> str:
    """Compute the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        # in blocks of 1 MiB, since a file may be larger than the memory
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _convert_to_plain(content: Any) -> Any:
    """Turn NumPy scalars and arrays into plain Python values, and NaN or infinity into None."""
    if isinstance(content, dict):
        return {str(key): _convert_to_plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_convert_to_plain(value) for value in content]
    # true of NumPy scalars and arrays, without importing NumPy
    if hasattr(content, "tolist"):
        return _convert_to_plain(content.tolist())
    # JSON has neither NaN nor infinity
    if isinstance(content, float) and (content != content or abs(content) == float("inf")):
        return None
    return content


def compute_digest(*parts: Any) -> str:
    """Compute a short digest of plain values."""
    # sorted keys, so that the order of settings does not matter
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode("utf-8")).hexdigest()[:32]
