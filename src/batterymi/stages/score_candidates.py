"""The stage `score_candidates`: what the model says of the candidates of one shard."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from batterymi.config.slices.screening import ScoringSettings
from batterymi.errors import DamagedFileError
from batterymi.files import check_content, read_frame, write_atomically, write_json
from batterymi.screening.gates import Funnel
from batterymi.screening.scorer import Scorer
from batterymi.screening.scores import SCORED, label_steps, score_block
from batterymi.surrogates.store import find_stored
from batterymi.surrogates.widening import OUTSIDE_SHARE
from batterymi.vocabulary.splits import PARTITION, SPLIT, TEST, TRAIN

logger = logging.getLogger(__name__)

BLOCKS_PER_LOG_LINE = 50  # blocks


def score_candidates(
    candidates: Path, table: Path, model: Path, predictions: Path, scored: Path, report: Path, settings: ScoringSettings
) -> None:
    """Predict the candidates of a shard that pass the gates before the model, block by block.

    Args:
        candidates: the shard.
        table: the study's table.
        model: its models.
        predictions: their held-out predictions, for the distance beyond which a candidate lies outside.
        scored: Parquet to write: scored candidates, with predictions and whether they pass all gates.
        report: JSON to write: how many came to each step of the funnel and passed, and the distance that marks
            the applicability domain.
        settings: what is predicted, from what, and the gates.
    """
    scorer = _load_scorer(model, table, predictions, settings)
    listed, n, funnel = 0, 0, Funnel.make_empty(len(label_steps(settings.screen, settings.screened_features)))
    with _open_shard(candidates) as file, write_atomically(scored) as temporary:
        schema = pa.schema([*file.schema_arrow.remove_metadata(), *(pa.field(*column) for column in SCORED.items())])
        with pa.parquet.ParquetWriter(temporary, schema) as writer:
            for number in range(file.num_row_groups):
                # formulas hardly repeat, so looking for equal ones would cost time for nothing
                frame = file.read_row_group(number).to_pandas(deduplicate_objects=False)
                block, counts = score_block(frame, scorer, settings)
                writer.write_table(pa.Table.from_pandas(block, schema=schema, preserve_index=False))
                funnel.add(counts)
                listed, n = listed + len(frame), n + len(block)
                if (number + 1) % BLOCKS_PER_LOG_LINE == 0:
                    logger.info("%d of %d candidates", listed, file.metadata.num_rows)
    write_json(report, {"listed": listed, "scored": n, "threshold": scorer.threshold, **vars(funnel)})
    logger.info("%d candidates, %d scored", listed, n)


def _load_scorer(model: Path, table: Path, predictions: Path, settings: ScoringSettings) -> Scorer:
    """Return the model of the screen's variant, with the rows that it knows."""
    variant, objective = settings.screen.variant, settings.target_name
    stored = find_stored(model, variant, objective)
    held_out = read_frame(
        predictions, ["distance", "best", PARTITION], {"variant": [variant], "objective": [objective]}
    )
    held_out = held_out[(held_out["variant"] == variant) & (held_out["objective"] == objective) & held_out["best"]]
    held_out = held_out[held_out[PARTITION] == 1]
    threshold = float(np.quantile(held_out["distance"], 1 - OUTSIDE_SHARE))
    rows = read_frame(table, [SPLIT, objective])
    # other rows are known compositions too, but the model did not learn from them
    learned = rows[SPLIT].isin((TRAIN, TEST)) & rows[objective].notna()
    return Scorer(stored, rows[learned], rows[~learned], threshold)


def _open_shard(path: Path) -> pa.parquet.ParquetFile:
    """Open a shard, or refuse a file that is not one."""
    check_content(path)
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DamagedFileError(path, f"not a shard of candidates ({' '.join(str(error).split())})") from None
