"""The chapter's numbers on fast charging, compared with the arena."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.config.slices.arena import ArenaClaimSettings
from batterymi.files import read_frame, write_csv
from batterymi.reporting.arena_claims import MEASURES, check_claim, find_nominal
from batterymi.reporting.claims import read_claims


def check_arena_claims(
    chapter: Path,
    charges: Path,
    maps: list[Path],
    claims: Path,
    settings: ArenaClaimSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Compare the chapter's numbers with nominal charges and the feasibility map.

    Args:
        chapter: the chapter's claims.
        charges: all charges of the arena.
        maps: the feasibility map, one file per cell.
        claims: CSV to write: rows as in the table of all claims, which reads its numbers from here.
        settings: whose charges are taken.
        digests: of the chapter's claims when the run began.
    """
    cell, condition = settings.cell, settings.condition
    frame = read_frame(charges)
    findings = find_nominal(frame[(frame["cell"] == cell) & (frame["condition"] == condition)])
    fast_map = pd.concat([read_frame(path) for path in maps], ignore_index=True)
    rows = [
        check_claim(claim, findings, fast_map, f"{cell}, {condition}")
        for claim in read_claims(chapter, digests)
        if claim.id in MEASURES
    ]
    write_csv(claims, pd.DataFrame(rows))
