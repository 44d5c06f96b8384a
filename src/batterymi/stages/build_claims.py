"""The stage `build_claims`: each number that the chapter states, beside what was measured."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from batterymi.files import write_csv, write_text
from batterymi.reporting.claims import check_claims, count_verdicts, read_claims
from batterymi.reporting.pages import render_claims

logger = logging.getLogger(__name__)


def build_claims(
    claims: Path,
    summaries: list[Path],
    calculated: list[Path],
    csv: Path,
    html: Path,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Compare every claim with the results.

    Args:
        claims: the chapter's claims, each with a pointer to what measures it, or none.
        summaries: `summary.json` of each study that ran, in the folder of its results.
        calculated: files that belong to no study, which claims point to as `@results/file#key`.
        csv: CSV to write: each claim with the measured value, its source and the verdict.
        html: the same as a page.
        digests: of the claims when the run began.

    Raises:
        TableError: if the claims are malformed, or a pointer leads nowhere.
    """
    folders = {path.parent.name: path.parent for path in summaries}
    frame = check_claims(read_claims(claims, digests), folders, claims, {path.name: path for path in calculated})
    write_csv(csv, frame)
    write_text(html, render_claims(frame))
    logger.info("%d claims: %s", len(frame), count_verdicts(frame))
