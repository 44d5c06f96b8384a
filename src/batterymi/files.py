"""Reading and writing files: whole or not at all, and the same bytes for the same content."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.errors import OutputError

if TYPE_CHECKING:
    import pandas as pd

PathLike = str | os.PathLike[str]


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Hand out a temporary path beside `path`, and rename it onto `path` at the end.

    The rename is atomic, so a reader sees the old file or the new one, never a part. After an error
    the temporary file is removed and `path` is as it was.

    Args:
        path: the file to make or replace; its folder is made if missing.

    Yields:
        A path in the same folder to write to.

    Raises:
        OutputError: if the folder or the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix + ".tmp")
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: PathLike, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: PathLike, data: bytes) -> None:
    """Write bytes."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: PathLike, content: Any) -> None:
    """Write JSON that a person can read; not-a-number becomes null."""
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: PathLike) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: PathLike, frame: "pd.DataFrame") -> None:
    """Write a frame as CSV without its index, with 10 significant digits.

    Ten digits hold every quantity here and hide the last bits, in which processors may differ.
    """
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")


def write_parquet(path: PathLike, frame: "pd.DataFrame") -> None:
    """Write a frame as Parquet without its index."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


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
