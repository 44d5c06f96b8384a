"""The stage `write_manifest`: digests of what a run was made from, and of what it made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batterymi.files import write_json
from batterymi.workflow.manifest import digest_files, make_manifest


def write_manifest(
    manifest: Path,
    studies: Sequence[str],
    settings: dict[str, Any],
    digests: Mapping[str, str],
    ledgers: Sequence[str],
    made: Sequence[str],
) -> None:
    """Write the digests of every output of a run and of its inputs.

    Args:
        manifest: JSON to write, in the folder of the results.
        studies: the studies of the run.
        settings: the configuration of the run, as plain data.
        digests: what it was made from, with the digests from when the run began: settings, tables, the lock.
        ledgers: ledgers of experiments, which the run reads and appends to; they count as it left them.
        made: regular expressions of what the run makes, relative to that folder.
    """
    write_json(manifest, make_manifest(manifest.parent, studies, settings, dict(digests) | digest_files(ledgers), made))
