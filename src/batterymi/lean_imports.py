"""Imports of libraries without what they would import for nothing, which takes longer than all else in a short job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def leave_out(*names: str) -> Iterator[None]:
    """Let modules seem not to be installed while the block runs, unless they are imported already.

    Args:
        names: dotted names of modules without which the libraries that the block imports work as well.

    Yields:
        Nothing.
    """
    added = [name for name in names if name not in sys.modules]
    # Python's import system raises ImportError for a module that is None here
    sys.modules.update(dict.fromkeys(added, cast(ModuleType, None)))
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
