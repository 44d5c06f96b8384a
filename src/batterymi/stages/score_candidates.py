"""The stage `score_candidates`: what the model says of the candidates of one shard."""

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from batterymi.config.slices.screening import ScoringSettings
from batterymi.errors import DamagedFileError
from batterymi.files import check_content, read_frame, write_atomically, write_json
from batterymi.progress import Progress
from batterymi.screening.gates import Funnel
from batterymi.screening.load_scorer import load_scorer
from batterymi.screening.refine import Refinement
from batterymi.screening.scores import SCORED, label_steps, score_block
from batterymi.stability.phases import PHASE_COLUMNS

logger = logging.getLogger(__name__)


def score_candidates(
    candidates: Path,
    table: Path,
    model: Path,
    predictions: Path,
    scored: Path,
    report: Path,
    settings: ScoringSettings,
    phases: Path | None = None,
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
        phases: formation energies of all compounds, if a gate uses numbers of stability that take long.
    """
    refinement = None
    if phases is not None and settings.stability is not None:
        energies = read_frame(phases, PHASE_COLUMNS)
        refinement = Refinement.open(energies, settings.screen.slow_columns, settings.stability)
    scorer, _ = load_scorer(model, table, predictions, settings.screen.variant, settings.target_name)
    listed, n, funnel = 0, 0, Funnel.make_empty(len(label_steps(settings.screen, settings.screened_features)))
    with _open_shard(candidates) as file, write_atomically(scored) as temporary:
        schema = pa.schema([*file.schema_arrow.remove_metadata(), *(pa.field(*column) for column in SCORED.items())])
        progress = Progress("candidates", file.metadata.num_rows)
        with pa.parquet.ParquetWriter(temporary, schema) as writer:
            for number in range(file.num_row_groups):
                # formulas hardly repeat, so looking for equal ones would cost time for nothing
                frame = file.read_row_group(number).to_pandas(deduplicate_objects=False)
                block, counts = score_block(frame, scorer, settings, refinement)
                writer.write_table(pa.Table.from_pandas(block, schema=schema, preserve_index=False))
                funnel.add(counts)
                listed, n = listed + len(frame), n + len(block)
                progress.step(len(frame))
    write_json(report, {"listed": listed, "scored": n, "threshold": scorer.threshold, **vars(funnel)})
    logger.info("%d candidates, %d scored", listed, n)


def _open_shard(path: Path) -> pa.parquet.ParquetFile:
    """Open a shard, or refuse a file that is not one."""
    check_content(path)
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DamagedFileError(path, f"not a shard of candidates ({' '.join(str(error).split())})") from None
