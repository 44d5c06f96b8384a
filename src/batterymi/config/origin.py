"""Which file a setting of the run comes from, where several are laid over each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batterymi.errors import ConfigError

ON_COMMAND_LINE = "the settings given by --config"
MISSING = object()


def name_origin(key: str, settings: Mapping[str, Any], files: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Return the file that a setting comes from; of a block that several give a part of, all of them.

    Args:
        key: dotted keys, as in messages.
        settings: of all files, and of the command line.
        files: name and content of each, later ones laid over earlier ones.
    """
    parts = key.split(".")
    value = _follow(settings, parts)
    having = [(name, found) for name, content in files if (found := _follow(content, parts)) is not MISSING]
    if same := [name for name, found in having if found == value]:
        return same[-1]
    if isinstance(value, Mapping) and having:
        return " and ".join(name for name, _ in having)
    # a key that is missing, or one that stands in no file
    return files[0][0] if value is MISSING else ON_COMMAND_LINE


def read_origins(paths: Sequence[Path], read: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return name and content of files of settings; what cannot be read is nothing here, and reported elsewhere.

    Args:
        paths: later ones are laid over earlier ones.
        read: returns the content of one.
    """
    found: list[tuple[str, Mapping[str, Any]]] = []
    for path in paths:
        try:
            found.append((str(path), read(path)))
        except ConfigError:
            found.append((str(path), {}))
    return found


def _follow(content: Any, parts: Sequence[str]) -> Any:
    """Return the value at a path of keys and numbers of entries; `MISSING` if there is none."""
    for part in parts:
        if isinstance(content, Mapping):
            content = content.get(part, MISSING)
        elif isinstance(content, list | tuple) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        else:
            return MISSING
    return content
