"""Battery materials-informatics studies: a workflow, a command, and `Study` for notebooks.

`Study` is imported when it is used, so that commands and jobs start quickly, and by a name in a text, so that no job
depends on it (`workflow/provenance.py` reads imports).
"""

from importlib import import_module
from typing import Any

_LAZY = {"Study": "batterymi.notebook.study"}
__all__ = ["Study"]


def __getattr__(name: str) -> Any:
    """Return what is imported at first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'batterymi' has no attribute '{name}'")
    return getattr(import_module(_LAZY[name]), name)
