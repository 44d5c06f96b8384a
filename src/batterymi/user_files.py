"""Files that belong to the user: created, appended to or replaced under a lock, never overwritten.

Results can be made again, so `files` replaces them. What is here cannot.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from filelock import FileLock, Timeout

from batterymi.errors import OutputError, TableError

logger = logging.getLogger(__name__)

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
PATIENCE_S = 60.0  # a writer holds a lock for milliseconds


def resolve_path(path: Path) -> Path:
    """Return the file that a path leads to, so that writing keeps symbolic links.

    Raises:
        TableError: if links lead around in a circle.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        raise TableError(f"{path}: its symbolic links lead around in a circle; correct the link") from None


@contextmanager
def lock_path(path: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock of a file, which lies beside it, so that all who share the folder share the lock.

    The system releases it when the process ends, however it ends. Where the file system has no locks, a warning says
    so.

    Args:
        path: the file; it need not exist.
        patience_s: how long to wait for another process.

    Raises:
        OutputError: if the lock cannot be written, or another process keeps it.
    """
    target = resolve_path(path)
    lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=patience_s, thread_local=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OutputError(f"{path}: another process has kept it locked for {patience_s:g} s; try again later") from None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise OutputError(f"{path}: cannot be written: {os.strerror(error.errno or 0)}") from error
        logger.warning("%s: this file system has no locks; make sure that nothing else writes it", path)
    try:
        yield
    finally:
        lock.release()


def create_file(path: Path, data: bytes, like: Path | None = None) -> None:
    """Create a file, whole or not at all; one that is there already stays as it is.

    Args:
        path: the file.
        data: its content.
        like: a file whose mode and, where that is permitted, owner and group it gets.

    Raises:
        FileExistsError: if there is something of that name, also a symbolic link that leads nowhere.
        OutputError: if it cannot be written.
    """
    beside = path.with_name(f".{path.name[:100]}-{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(beside, data, like)
        try:
            # unlike a rename, a link never replaces a file that another process made meanwhile
            os.link(beside, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            _write_new(path, data, like)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise FileExistsError(error.errno, f"{path} exists already") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {os.strerror(error.errno or 0)}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes, like: Path | None = None) -> None:
    """Write a file that does not exist yet, with the mode that the umask leaves, or that of another file."""
    # private until it has its owner, since a content must not be readable for others in between
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if like else 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if like:
                _copy_permissions(like, stream.fileno())
            os.fsync(stream.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _copy_permissions(source: Path, handle: int) -> None:
    """Give an open file the owner and group of another, where that is permitted, and its mode."""
    wanted = source.stat()
    mode = wanted.st_mode & 0o7777
    with suppress(OSError):  # a group of which the user is no member
        os.fchown(handle, -1, wanted.st_gid)
    if os.fstat(handle).st_gid != wanted.st_gid:
        # what one group may do is no permission for another: it gets what all others may do
        mode = mode & ~0o070 | (mode & 0o007) << 3
    os.fchmod(handle, mode)
    with suppress(OSError):  # only root may give files away
        os.fchown(handle, wanted.st_uid, -1)


def append_bytes(path: Path, data: bytes, like: Path | None = None) -> None:
    """Append to a file so that all of it is on disk afterwards, or nothing; hard and symbolic links stay.

    Call it under the file's lock.

    Args:
        path: the file.
        data: what to append.
        like: a file whose mode and owner it gets if it is new.

    Raises:
        OutputError: if it cannot be written; the file is then as long as before.
    """
    target = resolve_path(path)
    try:
        if like and not target.exists():
            _write_new(target, b"", like)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            before = os.fstat(handle).st_size
            try:
                # on a full disk the system may write a part without an error
                if os.write(handle, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            except OSError:
                with suppress(OSError):  # a device has no length
                    os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {os.strerror(error.errno or 0)}") from error


def replace_bytes(path: Path, data: bytes, like: Path | None = None) -> None:
    """Replace a file by a new content in one step; its mode, and where permitted its owner and group, stay.

    Symbolic links stay too. Call it under the file's lock.

    Args:
        path: the file.
        data: its content.
        like: a file whose mode and owner it gets if it is new.

    Raises:
        OutputError: if it cannot be written; the file is then as it was.
    """
    target = resolve_path(path)
    beside = target.with_name(f".{target.name[:100]}-{token_hex(4)}.tmp")
    try:
        _write_new(beside, data, target if target.exists() else like)
        beside.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {os.strerror(error.errno or 0)}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def keep_copy(path: Path, data: bytes) -> Path:
    """Keep the content of a file in a copy beside it that ends with .bak, or .bak2 and so on where that name is taken.

    Args:
        path: the file.
        data: its content.

    Returns:
        The copy, with the mode and owner of the file; an older one with the same content serves, and none is ever
        replaced.

    Raises:
        OutputError: if it cannot be written.
    """
    target, number = resolve_path(path), 1
    while True:
        copy = target.with_name(f"{target.name}.bak{number if number > 1 else ''}")
        with suppress(OSError):
            if copy.is_file() and copy.stat().st_size == len(data) and copy.read_bytes() == data:
                return copy
        try:
            create_file(copy, data, like=target)
        except FileExistsError:
            number += 1
        else:
            return copy


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
