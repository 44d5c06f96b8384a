"""Files that commands write: always new ones, at places where nothing of the user's or the workflow's is or belongs."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from batterymi.config.load import load_studies, read_yaml
from batterymi.config.run import Config
from batterymi.data.read_table import read_table
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.files import compute_sha256
from batterymi.user_files import create_file, resolve_path
from batterymi.workflow.project import FOLDERS, RAW, folder_of
from batterymi.workflow.settings import CONFIG

MOST_BYTES = 20_000_000  # of a file that is looked into for a message


def write_new_file(path: Path, data: bytes, option: str, config: Config, instead: str = "") -> None:
    """Write a file that does not exist yet, at a place that belongs to nothing else.

    Args:
        path: the file.
        data: its content.
        option: of the command line that names it, for messages.
        config: of the run.
        instead: what else the user may have wanted.

    Raises:
        ConfigError: if there is such a file, or something else belongs there; it says what that is.
        OutputError: if it cannot be written.
    """
    refuse_target(path, option, config, instead)
    try:
        create_file(path, data)
    except FileExistsError:
        raise ConfigError(
            [f"{option} {path}: another process has made this file meanwhile; nothing was written"]
        ) from None


def refuse_target(path: Path, option: str, config: Config, instead: str = "") -> None:
    """Refuse a file that exists, or a place that belongs to something else, whatever path leads there.

    Raises:
        ConfigError: which says what is there, and what to do.
    """
    advice = "; ".join(["give the name of a new file", *([instead] if instead else [])])
    if path.exists() or path.is_symlink():
        raise ConfigError(
            [f"{option} {path}: exists already; it is {describe_file(path, config)}. Nothing was written; {advice}"]
        )
    wanted = _make_comparable(path)
    for owner, what in _list_owned_files(config):
        if _make_comparable(owner) == wanted:
            raise ConfigError([f"{option} {path}: does not exist, but its place is that of {what}; {advice}"])
        if _is_companion(wanted, _make_comparable(owner)):
            raise ConfigError(
                [f"{option} {path}: does not exist, but its place is that of a copy or a lock of {what}; {advice}"]
            )
    for folder, what in _list_owned_folders(config):
        if _make_comparable(folder) in wanted.parents:
            raise ConfigError(
                [f"{option} {path}: lies in {folder}, the folder of {what}; {advice} elsewhere, as in data/"]
            )


def describe_file(path: Path, config: Config) -> str:
    """Say what a file is: which study reads it, or else what it contains."""
    if path.is_symlink() and not path.exists():
        return "a symbolic link that leads nowhere"
    if path.is_dir():
        return "a folder"
    if not path.is_file():
        return "not a file but a device or a pipe"
    try:
        for owner, what in _list_owned_files(config):
            if owner.exists() and owner.samefile(path):
                return what
        for folder, what in _list_owned_folders(config):
            if _make_comparable(folder) in _make_comparable(path).parents:
                return f"a file in {folder}, the folder of {what}"
        return _describe_content(path, config)
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})"


def _describe_content(path: Path, config: Config) -> str:
    """Say what a file contains that no study names."""
    size = path.stat().st_size
    if size == 0:
        return "an empty file"
    if size > MOST_BYTES:
        return f"a file of {size} bytes"
    for owner, what in _list_owned_files(config):
        if owner.is_file() and owner.stat().st_size == size and compute_sha256(owner) == compute_sha256(path):
            return f"a copy of {what}"
    if _begins_as_ledger(path):
        return "a ledger of suggestions"
    try:
        if {"objectives", "table"} & read_yaml(path).keys():
            return "the settings of a study"
    except BatteryMIError:
        pass
    try:
        rows = read_table(path).frame
    except BatteryMIError:
        return f"a file of {size} bytes"
    return f"a table of {len(rows)} row{'' if len(rows) == 1 else 's'}"


def _begins_as_ledger(path: Path) -> bool:
    """Return whether the first line of a file is a batch of suggestions."""
    with path.open("rb") as stream:
        line = stream.readline(1_000_000)
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"batch", "suggestions"} <= content.keys()


def _list_owned_files(config: Config) -> Iterator[tuple[Path, str]]:
    """List files that commands never write: what studies read, settings and ledgers, whether they exist yet or not."""
    yield CONFIG, "the configuration"
    yield Path(config.datasets), "the catalogue of data sets"
    yield Path(config.arena), "the settings of the charging arena"
    if config.claims:
        yield Path(config.claims), "the table of claims"
    studies, rejected = load_studies(config)
    for name in sorted({*studies, *rejected}):
        yield Path(config.studies_folder) / f"{name}.yaml", f"the settings of the study '{name}'"
        yield Path(config.ledgers) / f"{name}.jsonl", f"the ledger of the study '{name}'"
    for name, study in studies.items():
        if study.table.file:
            yield Path(study.table.file), f"the table of the study '{name}'"
        for file in study.files:
            yield Path(file), f"a list of candidates of the study '{name}'"


def _list_owned_folders(config: Config) -> Iterator[tuple[Path, str]]:
    """List folders in which commands never write; the folder itself is none, wherever settings put results."""
    found = [
        (CONFIG.parent, "settings"),
        (Path(config.studies_folder), "the settings of studies"),
        (Path(config.ledgers), "ledgers of suggestions"),
        *((folder_of(config, name), name) for name in FOLDERS),
        (Path(RAW), "downloaded data sets"),
        *((Path(name), "the workflow itself") for name in (".snakemake", ".git", "rules", "scripts", "src")),
    ]
    yield from ((folder, what) for folder, what in found if not _is_here(folder))


def _is_companion(path: Path, owner: Path) -> bool:
    """Return whether a name is one of those that copies, locks and heads of a file get, and that spreadsheets use."""
    name = re.escape(owner.name)
    names = rf"{name}\.(bak\d*|head|cut-off)|\.{name}\.lock|\.~lock\.{name}#|~\${name}"
    return path.parent == owner.parent and re.fullmatch(names, path.name) is not None


def _is_here(folder: Path) -> bool:
    """Return whether a folder is the one to work in."""
    return folder.resolve() == Path.cwd().resolve()


def _make_comparable(path: Path) -> Path:
    """Return a path without links and `..`, in which letters that some file systems take for the same are the same."""
    return Path(unicodedata.normalize("NFC", str(resolve_path(path))).casefold())
