"""One folder of a public git repository at one commit, without the rest of it and without running anything from it.

The commit is the digest: git refuses objects that do not have the name that they are fetched by.
"""

import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from batterymi.errors import BatteryMIError
from batterymi.text_safety import UNSAFE, make_visible

logger = logging.getLogger(__name__)

PROTOCOLS = "https"
REGULAR = ("100644", "100755")  # modes of files; others are symbolic links and submodules
MOST_FILES = 200_000
NOWHERE = "/nonexistent"
# of every call, so that neither the user's settings nor the repository's can run a program
SETTINGS = {
    "core.hooksPath": NOWHERE,
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.attributesFile": NOWHERE,
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "transfer.fsckObjects": "true",
    "gc.auto": "0",
    "advice.detachedHead": "false",
    "http.lowSpeedLimit": "1000",  # bytes per second
    "http.lowSpeedTime": "60",  # seconds, after which a slower server counts as gone
}


class RepositoryError(BatteryMIError):
    """A folder of a repository that cannot be had, or that holds what no data set needs."""


def fetch_folder(repository: str, commit: str, folder: str, place: Path, protocols: str = PROTOCOLS) -> Path:
    """Fetch one folder of a repository at a commit: of the history this commit, of the files these.

    Args:
        repository: its address.
        commit: 40 hexadecimal digits.
        folder: path inside the repository.
        place: an empty folder.
        protocols: those that git may use, parted by colons; https unless a test has a repository of its own.

    Returns:
        The folder, with regular files only.

    Raises:
        RepositoryError: if git is missing or fails, or the folder holds links, submodules or names that it should not.
    """
    _run_git(place, protocols, "init", "--quiet", "--template=")
    _run_git(place, protocols, "remote", "add", "origin", "--", repository)
    logger.info("%s: fetching commit %s without files", repository, commit)
    options = ("--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "--no-recurse-submodules")
    _run_git(place, protocols, "fetch", *options, "origin", commit)
    listed = _run_git(place, protocols, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{folder}/")
    n_files = _check_tree(listed, repository, folder)
    _run_git(place, protocols, "sparse-checkout", "set", "--no-cone", f"/{folder}/")
    logger.info("%s: fetching %d files of %s", repository, n_files, folder)
    _run_git(place, protocols, "checkout", "--quiet", "--detach", commit)
    if (found := _run_git(place, protocols, "rev-parse", "HEAD").strip()) != commit:
        raise RepositoryError(f"{repository}: git checked out {found} and not {commit}")
    return _check_files(place, folder, n_files, repository)


def _run_git(place: Path, protocols: str, *arguments: str) -> str:
    """Run git in a folder, with no settings but ours; return what it prints.

    Raises:
        RepositoryError: with git's first line.
    """
    settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE")}
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    environment = {
        **kept,
        **proxies,
        "HOME": str(place),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": NOWHERE,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    command = ["git", *settings, *arguments]
    try:
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise RepositoryError(f"git cannot be run ({error.strerror}); install it, or name a mirror") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit {done.returncode}"]
        raise RepositoryError(f"git {arguments[0]}: {make_visible(said[-1])}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _check_tree(listed: str, repository: str, folder: str) -> int:
    """Return how many files a folder has; refuse what is no plain file before any of it is on the disk."""
    entries = [entry for entry in listed.split("\0") if entry]
    if not entries:
        raise RepositoryError(f"{repository}: there is no folder '{folder}' at this commit")
    if len(entries) > MOST_FILES:
        raise RepositoryError(f"{repository}: {folder} has {len(entries):,} files; at most {MOST_FILES:,} are taken")
    for entry in entries:
        facts, _, path = entry.partition("\t")
        shown = make_visible(path)
        if UNSAFE.search(path) or any("\ud800" <= letter <= "\udfff" for letter in path):
            raise RepositoryError(f"{repository}: '{shown}' has control characters in its name")
        if facts.split(" ", 1)[0] not in REGULAR:
            raise RepositoryError(f"{repository}: '{shown}' is a symbolic link or a submodule, and no file")
        if {"..", ".git"} & {part.lower() for part in PurePosixPath(path).parts}:
            raise RepositoryError(f"{repository}: '{shown}' leads out of its folder")
    return len(entries)


def _check_files(place: Path, folder: str, n_files: int, repository: str) -> Path:
    """Return the folder if it holds the files that were listed, and nothing else."""
    root = place / folder
    found: Sequence[Path] = [path for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]
    if wrong := [path for path in found if path.is_symlink() or not path.is_file()]:
        raise RepositoryError(f"{repository}: '{make_visible(wrong[0].name)}' is no file")
    if len(found) != n_files or root.resolve() != (place.resolve() / folder):
        raise RepositoryError(f"{repository}: {len(found)} files arrived of the {n_files} in {folder}")
    return root
