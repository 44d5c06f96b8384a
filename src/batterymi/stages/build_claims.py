"""The stage `build_claims`: each number that the chapter states, beside what was measured."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from batterymi.files import write_csv, write_text
from batterymi.reporting.claims import read_claims
from batterymi.reporting.claims_table import check_claims, count_verdicts
from batterymi.reporting.other_results import RUN
from batterymi.reporting.pages import render_claims

logger = logging.getLogger(__name__)


def build_claims(
    claims: Path,
    summaries: list[Path],
    calculated: list[Path],
    csv: Path,
    html: Path,
    others: Mapping[str, Any] = MappingProxyType({}),
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Compare every claim with the source's own recipe, and with the results.

    Args:
        claims: the chapter's claims, each with pointers to what it is compared with, or none.
        summaries: `summary.json` of each study that ran, in the folder of its results.
        calculated: files of the run that belong to no study, which claims point to as `@results/file#key`.
        csv: CSV to write: each claim with both verdicts, the numbers that they rest on, and their sources.
        html: the same as a page.
        others: results that belong to no study, by name, as far as they are there; each with its `folder`.
        digests: of the claims when the run began.

    Raises:
        TableError: if the claims are malformed, or a pointer leads nowhere.
    """
    folders = {path.parent.name: path.parent for path in summaries}
    if calculated:
        folders[RUN] = calculated[0].parent
    folders |= {name: Path(found["folder"]) for name, found in others.items()}
    frame = check_claims(read_claims(claims, digests), folders, claims)
    write_csv(csv, frame)
    write_text(html, render_claims(frame))
    logger.info("%d claims: %s", len(frame), count_verdicts(frame))
