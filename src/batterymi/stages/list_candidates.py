"""The stage `list_candidates`: all candidates of a screen, dealt to shards."""

import logging
import resource
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from batterymi.config.screen import FileSource
from batterymi.config.slices.screening import ListingSettings
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.errors import TableError
from batterymi.files import read_frame, write_atomically, write_json
from batterymi.screening.sources import BLOCK, FORMULA, POSITION, CandidateColumns, Tally, read_candidate_blocks
from batterymi.vocabulary.stability import STABILITY_COLUMNS

logger = logging.getLogger(__name__)

BLOCKS_PER_LOG_LINE = 500  # blocks
FILES_PER_SHARD, RESERVED_FILES = 2, 64  # that are open while candidates are listed


def list_candidates(
    source: Path | None,
    shards: list[Path],
    listing: Path,
    settings: ListingSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
    stability: list[Path] | None = None,
) -> None:
    """Write all candidates, in blocks dealt to the shards in turn.

    A block always holds the same candidates, whatever the number of shards, so that scores do not depend on it.

    Args:
        source: receipt of the source's data set, or its file; None if there is neither.
        shards: Parquet files to write; one row group per block, with the column position.
        listing: JSON to write: how many were listed, and how many rows dropped.
        settings: the source, and what must be known of candidates.
        digests: of the source's files when the run began.
        stability: what `snakemake stability` computed of the candidates, in parts, if a gate uses it.

    Raises:
        TableError: if there are no candidates, or more shards than the system allows to be open.
    """
    _check_open_files(len(shards))
    screen, tally = settings.screen, Tally()
    folder = source.parent if source and screen.source.dataset else None
    columns = CandidateColumns.of_settings(settings)
    found = pd.concat([read_frame(part, [FORMULA, *STABILITY_COLUMNS]) for part in stability]) if stability else None
    position = 0
    with ExitStack() as stack:
        temporary = [stack.enter_context(write_atomically(path)) for path in shards]
        # entered after the shards, so that none is written if the source changed meanwhile
        own = [screen.source.file] if isinstance(screen.source, FileSource) else []
        refuse_changes(stack.enter_context(hold_unchanged({*digests, *own})), digests)
        writers: dict[int, pa.parquet.ParquetWriter] = {}
        schema = None
        for number, block in enumerate(read_candidate_blocks(screen.source, folder, columns, tally, found)):
            table = block.append_column(POSITION, pa.array(np.arange(position, position + len(block))))
            position += len(block)
            schema = schema or table.schema
            shard = number % len(shards)
            if shard not in writers:
                writers[shard] = stack.enter_context(pa.parquet.ParquetWriter(temporary[shard], table.schema))
            writers[shard].write_table(table, row_group_size=BLOCK)
            if (number + 1) % BLOCKS_PER_LOG_LINE == 0:
                logger.info("%d candidates listed", position)
        if schema is None:
            raise TableError(f"screen.source: '{screen.source.name}' has no candidates")
        for shard in set(range(len(shards))) - set(writers):
            stack.enter_context(pa.parquet.ParquetWriter(temporary[shard], schema))
    write_json(listing, {"listed": position, "dropped": tally.dropped})
    logger.info("%d candidates listed in %d shards, %d rows dropped", position, len(shards), tally.dropped)


def _check_open_files(n_shards: int) -> None:
    """Refuse more shards than the system allows to be open at once."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and FILES_PER_SHARD * n_shards + RESERVED_FILES > allowed:
        most = max((allowed - RESERVED_FILES) // FILES_PER_SHARD, 1)
        raise TableError(
            f"screen: {n_shards} shards are too many, since at most {allowed} files may be open (ulimit -n); "
            f"take {most} or fewer: --set-scatter screen={most}"
        )
