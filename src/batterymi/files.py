"""Reading and writing files: whole or not at all, the same bytes for the same content, and what was written there."""

import csv
import errno
import fcntl
import glob
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.csv_safety import guard_frame, holds_return, unguard_frame
from batterymi.errors import DamagedFileError, OutputError

if TYPE_CHECKING:
    import pandas as pd

PathLike = str | os.PathLike[str]

SUMS = ".sums"  # beside results: an empty file `<name>.<SHA-256>` for each of them


@contextmanager
def replacing(path: PathLike, *, recorded: bool = True) -> Iterator[Path]:
    """Hand out a temporary path beside `path`, and rename it onto `path` at the end.

    The rename is atomic, so a reader sees the old file or the new one, never a part. After an error
    the temporary file is removed and `path` is as it was. A process that is killed leaves its temporary file
    behind, without the lock that it held; the next one to write the same file removes it.

    The digest of what is written is recorded before the rename, and those of what stood there are forgotten after it,
    so that a kill in between leaves a file whose digest is on record, be it the old one or the new.

    Args:
        path: the file to make or replace; its folder is made if missing.
        recorded: whether stages that read it are to find it as it is written; False for what users may edit.

    Yields:
        A path in the same folder to write to.

    Raises:
        OutputError: if the folder or the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f".{glob.escape(target.stem)}-{'?' * 8}{glob.escape(target.suffix)}.tmp"):
            _remove_unused(left)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix + ".tmp")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_reason(error)}") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        record = _record(target, sha256(temporary)) if recorded and ".snakemake" not in target.parts else None
        temporary.replace(target)
        _forget(target, record)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _remove_unused(left: Path) -> None:
    """Remove a temporary file whose process is gone; the lock of one that writes is still held."""
    with suppress(OSError), left.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left.unlink(missing_ok=True)


def check_content(path: PathLike) -> None:
    """Hold a file that an earlier stage wrote against its record; one without a record came from elsewhere.

    The record of what is found is asked for once more by name: the file may have been replaced meanwhile, and a network
    may still list its folder as it was.

    Raises:
        DamagedFileError: if it is not what was written there.
    """
    target = Path(path)
    known = {record.name[-64:] for record in _records(target)}
    if not known:
        return
    try:
        found = sha256(target)
    except OSError:  # whoever reads it says what is wrong
        return
    if found not in known and not _record_of(target, found).exists():
        expected = " or ".join(f"{one[:12]}…" for one in sorted(known))
        raise DamagedFileError(target, f"not what was written there: its SHA-256 is {found[:12]}…, expected {expected}")


def remove(path: PathLike) -> None:
    """Remove a file, if it is there, and its record."""
    target = Path(path)
    target.unlink(missing_ok=True)
    _forget(target, None)
    with suppress(OSError):  # there is none, or it has records of other files
        (target.parent / SUMS).rmdir()


def _records(target: Path) -> Iterator[Path]:
    """Records of a file; an older one stays where a process was killed between writing and forgetting."""
    return (target.parent / SUMS).glob(f"{glob.escape(target.name)}.{'[0-9a-f]' * 64}")


def _record_of(target: Path, digest: str) -> Path:
    """The record of a file and a digest: an empty file whose name says it all, so that none is ever half-written."""
    return target.parent / SUMS / f"{target.name}.{digest}"


def _record(target: Path, digest: str) -> Path:
    """Put a digest on record."""
    record = _record_of(target, digest)
    record.parent.mkdir(exist_ok=True)
    record.touch()
    return record


def _forget(target: Path, kept: Path | None) -> None:
    """Remove all records of a file but one."""
    for record in _records(target):
        if record != kept:
            record.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    """What the system says, without what a library adds."""
    return os.strerror(error.errno) if error.errno else str(error)


def write_text(path: PathLike, text: str, *, recorded: bool = True) -> None:
    """Write UTF-8 text with Unix line ends."""
    with replacing(path, recorded=recorded) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: PathLike, data: bytes, *, recorded: bool = True) -> None:
    """Write bytes."""
    with replacing(path, recorded=recorded) as temporary:
        temporary.write_bytes(data)


def write_json(path: PathLike, content: Any, *, recorded: bool = True) -> None:
    """Write JSON that a person can read; not-a-number becomes null."""
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
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
        raise DamagedFileError(path, f"not the JSON that an earlier stage wrote ({_brief(error)})") from None
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
        path: the file; its ending tells which it is.
        needs: columns without which it is not the file that belongs there.
        holds: values that must stand in some columns.
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
                stream.seek(-min(1, stream.seek(0, os.SEEK_END)), os.SEEK_END)
                if stream.read(1) != b"\n":
                    raise ValueError("its last line is cut off")
            frame = unguard_frame(pd.read_csv(path, converters=dict.fromkeys(texts, str)))
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except (OSError, ValueError, MemoryError) as error:
        raise DamagedFileError(path, f"not the table that an earlier stage wrote ({_brief(error)})") from None
    names = [re.sub(r" \[[^\[\]]*\]$", "", str(name)) for name in frame.columns]
    if missing := [name for name in (*needs, *(holds or {})) if name not in names]:
        raise DamagedFileError(path, f"not the table that belongs there: it lacks the column '{missing[0]}'")
    for name, values in (holds or {}).items():
        if lacking := sorted(set(values) - set(frame[name].astype(str))):
            raise DamagedFileError(path, f"not the table that belongs there: no {name} is '{lacking[0]}'")
    return frame


def _brief(error: BaseException) -> str:
    """The first line of a library's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def write_csv(path: PathLike, frame: "pd.DataFrame", *, recorded: bool = True) -> None:
    """Write a frame as CSV without its index, with 10 significant digits, and no text that a spreadsheet would run.

    Ten digits hold every quantity here and hide the last bits, in which processors may differ.
    """
    guarded = guard_frame(frame)
    # a carriage return ends a line for many readers, and is quoted only where everything is
    quoting: Any = csv.QUOTE_NONNUMERIC if holds_return(guarded) else csv.QUOTE_MINIMAL
    with replacing(path, recorded=recorded) as temporary:
        guarded.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n", quoting=quoting)


def write_parquet(path: PathLike, frame: "pd.DataFrame") -> None:
    """Write a frame as Parquet without its index."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


def append_line(path: PathLike, line: str) -> None:
    """Append a line in one write, on disk before this returns.

    The line break comes first, to part it from a line that was cut off.

    Raises:
        OutputError: if the folder or the file cannot be written, or the line not as a whole.
    """
    data = ("\n" + line).encode("utf-8")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from error


def sha256(path: PathLike) -> str:
    """Digest of a file, read in blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _plain(content: Any) -> Any:
    """Turn numpy scalars and arrays into Python's own, and NaN or infinity into None."""
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if hasattr(content, "tolist"):
        return _plain(content.tolist())
    if isinstance(content, float) and (content != content or abs(content) == float("inf")):
        return None
    return content


def digest(*parts: Any) -> str:
    """A digest of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode("utf-8")).hexdigest()[:32]
