"""What the workflow does of its own when it is a module of another Snakefile."""

from collections.abc import Callable, Mapping
from typing import Any

HANDLERS = ("onstart", "onsuccess", "onerror")


def adopt_handlers(workflow: Any, names: Mapping[str, Any]) -> None:
    """Let this file's handlers run also where it is included as a module, of which Snakemake runs none.

    Those that the including file has defined before run first; one that it defines later replaces ours.

    Args:
        workflow: Snakemake's.
        names: the globals of the file, which hold a function for each of its handlers.
    """
    if workflow.modifier.is_main_snakefile():
        return
    for name in HANDLERS:
        setattr(workflow, f"_{name}", _chain_handlers(getattr(workflow, f"_{name}"), names[name]))


def _chain_handlers(first: Callable[..., None], own: Callable[..., None]) -> Callable[[Any], None]:
    """Return a handler that runs two, the second of which has its log file already."""

    def run_both(log: Any) -> None:
        first(log)
        own()

    return run_both
