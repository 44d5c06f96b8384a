"""Files of data sets that are derived from a folder of a repository by a function of ours."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from batterymi import registry
from batterymi.config.datasets import Derivation
from batterymi.data.repositories import PROTOCOLS, RepositoryError, fetch_folder
from batterymi.errors import BatteryMIError

logger = logging.getLogger(__name__)

Derive = Callable[[Path, Mapping[str, Path], Path], None]  # folder, folders of other data sets, file to write


class DerivationError(BatteryMIError):
    """A file that cannot be derived, or has other content than expected."""


def derive_file(derivation: Derivation, inputs: Mapping[str, Path], target: Path, protocols: str = PROTOCOLS) -> None:
    """Fetch a folder of a repository, derive a file from it, and keep it only if its content is as expected.

    Args:
        derivation: repository, commit, folder, function, and digest of the content.
        inputs: folders of the data sets that the function needs.
        target: the file to write, in a folder that exists.
        protocols: that git may use.

    Raises:
        DerivationError: why there is no file.
    """
    function: Derive = registry.look_up("derivation", derivation.function)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
        place, made = Path(temporary) / "repository", Path(temporary) / target.name
        place.mkdir()
        try:
            folder = fetch_folder(derivation.repository, derivation.commit, derivation.folder, place, protocols)
        except RepositoryError as error:
            raise DerivationError(f"{target}: not available from its repository: {error}") from None
        function(folder, inputs, made)
        if (found := compute_content_digest(made)) != derivation.content_sha256:
            raise DerivationError(
                f"{target}: derived from {derivation.repository} it has the content {found[:12]}… and not "
                f"{derivation.content_sha256[:12]}…; nothing is kept"
            )
        made.replace(target)
    logger.info("%s: derived from %s", target.name, derivation.repository)


def has_content(path: Path, digest: str) -> bool:
    """Return whether a file is there with a content, whatever bytes it is stored as."""
    try:
        return path.is_file() and compute_content_digest(path) == digest
    except DerivationError:
        return False


def compute_content_digest(path: Path) -> str:
    """Return the SHA-256 of the arrays in a .npz file: names, types, shapes and numbers.

    Compressed files of equal arrays differ between versions of zlib, so their own digest says too much.

    Raises:
        DerivationError: if it is no file of arrays without code.
    """
    hasher = hashlib.sha256()
    try:
        with np.load(path, allow_pickle=False) as stored:
            for name in sorted(stored.files):
                array = np.ascontiguousarray(stored[name])
                # the order of bytes is part of the type, so that it does not depend on the machine
                array = array.astype(array.dtype.newbyteorder("<"))
                hasher.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
                hasher.update(array.tobytes())
    except Exception as error:  # whatever NumPy raises, the file is no such file
        raise DerivationError(f"{path}: no file of arrays ({type(error).__name__})") from None
    return hasher.hexdigest()
