"""The stages of a screen: list candidates in shards, score each shard, gather the best."""

import logging
import resource
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from batterymi.config.screen import ANSWERS, Screen
from batterymi.errors import DamagedFileError, TableError
from batterymi.features.formulas import parse_formulas
from batterymi.files import check_content, read_frame, replacing, write_json
from batterymi.screening.gates import Funnel, pass_gates, split_gates
from batterymi.screening.scorer import Scorer
from batterymi.screening.sources import BLOCK, FORMULA, Tally, as_designs, candidate_blocks
from batterymi.surrogates.applicability import OUTSIDE_SHARE
from batterymi.surrogates.store import load_models
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)

POSITION = "position"
ANSWERED = {
    **dict.fromkeys(("predicted", "lower_95", "upper_95", "distance"), pa.float64()),
    **dict.fromkeys(("novel", "inside", "passed"), pa.bool_()),
}  # columns of scored candidates, beside those that they came with
TELL_EVERY = 50  # blocks
FILES_PER_SHARD, OTHER_FILES = 2, 64  # that are open while candidates are listed
NUMBERS_KNOWN = "the model's numbers known"  # what the funnel calls those of which the model can be asked


def list_candidates(
    shard_paths: Sequence[str], listing_path: str, *, screen: dict[str, Any], folder: str | None, features: list[str]
) -> None:
    """Write all candidates, in blocks dealt to the shards in turn.

    A block always holds the same candidates, whatever the number of shards, so that scores do not depend on it.

    Args:
        shard_paths: Parquet files to write; one row group per block, with the column position.
        listing_path: JSON to write: how many were listed, and how many rows dropped.
        screen: settings of the screen.
        folder: files of the source's data set, if it has one.
        features: numbers that the model takes beside formulas.

    Raises:
        TableError: if there is no candidate, or there are more shards than the system lets be open.
    """
    _check_open_files(len(shard_paths))
    settings, tally = Screen(**screen), Tally()
    asked = [name for gate in settings.gates for name in gate.columns if name not in ANSWERS]
    columns = list(dict.fromkeys([*features, *asked]))
    position = 0
    with ExitStack() as stack:
        temporary = [stack.enter_context(replacing(path)) for path in shard_paths]
        writers: list[pa.parquet.ParquetWriter | None] = [None] * len(shard_paths)
        schema = None
        for number, block in enumerate(candidate_blocks(settings.source, folder, columns, tally)):
            table = block.append_column(POSITION, pa.array(np.arange(position, position + len(block))))
            position += len(block)
            schema = schema or table.schema
            shard = number % len(shard_paths)
            if writers[shard] is None:
                writers[shard] = stack.enter_context(pa.parquet.ParquetWriter(temporary[shard], table.schema))
            writer = writers[shard]
            assert writer is not None
            writer.write_table(table, row_group_size=BLOCK)
            if (number + 1) % (10 * TELL_EVERY) == 0:
                logger.info("%d candidates listed", position)
        if schema is None:
            raise TableError(f"screen.source: '{settings.source.name}' gives no candidate at all")
        for shard, writer in enumerate(writers):
            if writer is None:
                stack.enter_context(pa.parquet.ParquetWriter(temporary[shard], schema))
    write_json(listing_path, {"listed": position, "dropped": tally.dropped})
    logger.info("%d candidates listed in %d shards, %d rows dropped", position, len(shard_paths), tally.dropped)


def _check_open_files(n_shards: int) -> None:
    """Stop where the system does not let all shards be open at once."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and FILES_PER_SHARD * n_shards + OTHER_FILES > allowed:
        most = max((allowed - OTHER_FILES) // FILES_PER_SHARD, 1)
        raise TableError(
            f"screen: {n_shards} shards are too many, since at most {allowed} files may be open (ulimit -n); "
            f"take {most} or fewer: --set-scatter screen={most}"
        )


def steps_of(screen: Screen, features: list[str]) -> list[str]:
    """Labels of the funnel's steps: the gates and, after those before the model, that its numbers are known.

    Args:
        screen: settings of the screen.
        features: numbers that the model takes beside formulas; without any, there is no such step.
    """
    before, after = split_gates(screen.gates)
    asked = [NUMBERS_KNOWN] if features else []
    return [*(gate.label for gate in before), *asked, *(gate.label for gate in after)]


def score_candidates(
    candidates_path: str,
    table_path: str,
    model_path: str,
    predictions_path: str,
    scored_path: str,
    report_path: str,
    *,
    screen: dict[str, Any],
    objective: str,
    formula_columns: list[str],
    features: list[str],
) -> None:
    """Ask the model for every candidate of a shard that passes the gates before it.

    Args:
        candidates_path: the shard.
        table_path: the study's table.
        model_path: its models.
        predictions_path: their out-of-fold predictions, for the distance beyond which a candidate lies outside.
        scored_path: Parquet to write: scored candidates, with the answers and whether they pass all gates.
        report_path: JSON to write: how many came to each step of the funnel and passed.
        screen: settings of the screen.
        objective: what is predicted.
        formula_columns: columns of the table that hold formulas, which descriptors ask for.
        features: numbers that the model takes beside formulas.
    """
    settings = Screen(**screen)
    gates = split_gates(settings.gates)
    scorer = make_scorer(model_path, table_path, predictions_path, settings.variant, objective)
    listed, n, funnel = 0, 0, Funnel.nothing(len(steps_of(settings, features)))
    with _open(candidates_path) as file, replacing(scored_path) as temporary:
        schema = pa.schema([*file.schema_arrow.remove_metadata(), *(pa.field(*one) for one in ANSWERED.items())])
        with pa.parquet.ParquetWriter(temporary, schema) as writer:
            for number in range(file.num_row_groups):
                frame = file.read_row_group(number).to_pandas(deduplicate_objects=False)
                scored, counts = _score_block(frame, scorer, *gates, formula_columns, features)
                writer.write_table(pa.Table.from_pandas(scored, schema=schema, preserve_index=False))
                funnel.add(counts)
                listed, n = listed + len(frame), n + len(scored)
                if (number + 1) % TELL_EVERY == 0:
                    logger.info("%d of %d candidates", listed, file.metadata.num_rows)
    write_json(report_path, {"listed": listed, "scored": n, **vars(funnel)})
    logger.info("%d candidates, %d scored", listed, n)


def _score_block(
    frame: pd.DataFrame,
    scorer: Scorer,
    before: list[Any],
    after: list[Any],
    formula_columns: list[str],
    features: list[str],
) -> tuple[pd.DataFrame, Funnel]:
    """The scored candidates of a block, and the account of its gates.

    Trees answer for a missing number too, as if they knew it; so the model is asked only where all are known.
    """
    compositions = parse_formulas(frame[FORMULA])
    numbers = {str(name): frame[name].to_numpy(float) for name in frame.columns if name not in (FORMULA, POSITION)}
    alive, funnel = pass_gates(before, np.ones(len(frame), dtype=bool), numbers, compositions)
    if features:
        known = alive & np.isfinite(frame[features].to_numpy(float)).all(axis=1)
        n, n_known = int(alive.sum()), int(known.sum())
        alive, funnel = known, funnel.then(Funnel([n], [n_known], [n - n_known]))
    asked = frame[alive]
    answers = scorer.predict(as_designs(asked, formula_columns))
    found = {
        "predicted": answers.mean,
        "lower_95": answers.mean - answers.half_width,
        "upper_95": answers.mean + answers.half_width,
        "distance": answers.distance,
        "novel": answers.novel,
    }
    for name, values in found.items():
        numbers[name] = np.full(len(frame), np.nan)
        numbers[name][alive] = values
    numbers["inside"] = np.where(alive, numbers["distance"] <= scorer.threshold, np.nan)
    passed, rest = pass_gates(after, alive, numbers, compositions)
    scored = asked.assign(**found, inside=numbers["inside"][alive] == 1, passed=passed[alive])
    return scored, funnel.then(rest)


def make_scorer(model_path: str, table_path: str, predictions_path: str, variant: str, objective: str) -> Scorer:
    """The model of a variant, with the rows that it knows.

    Args:
        model_path: the study's models.
        table_path: its table.
        predictions_path: out-of-fold predictions with distances: beyond the farthest tenth of them lies outside.
        variant: the variant.
        objective: what is predicted.
    """
    stored = next((m for m in load_models(model_path) if (m.variant, m.objective) == (variant, objective)), None)
    if stored is None:
        raise DamagedFileError(model_path, f"it has no model of {objective} for the variant {variant}")
    held_out = read_frame(predictions_path, ["distance", "best"], {"variant": [variant], "objective": [objective]})
    held_out = held_out[(held_out["variant"] == variant) & (held_out["objective"] == objective) & held_out["best"]]
    threshold = float(np.quantile(held_out["distance"], 1 - OUTSIDE_SHARE))
    rows = read_frame(table_path, [SPLIT])
    learned = rows[SPLIT] == TRAIN
    return Scorer(stored, rows[learned], rows[~learned], threshold)


def _open(path: str) -> pa.parquet.ParquetFile:
    """A shard, or a clear word that it is none."""
    check_content(path)
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DamagedFileError(path, f"not a shard of candidates ({' '.join(str(error).split())})") from None
