"""The stage `fine_tune`: voltages of own rows by every strategy of transfer, in one partition and draw of own rows."""

import time
from collections import defaultdict
from pathlib import Path

from batterymi.config.slices.formula_net import ChainSettings
from batterymi.features.formula_net import SHIPPED, load_formula_net
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.formula_transfer import identify_task, make_chain, make_task, predict_curve
from batterymi.surrogates.nets.checkpoint import read_weights
from batterymi.surrogates.nets.train import Weights
from batterymi.surrogates.transfer import ALL_ROWS
from batterymi.vocabulary.splits import SPLIT


def fine_tune(
    table: Path,
    taught: Path,
    predictions: Path,
    times: Path,
    partition: str,
    draw: str,
    settings: ChainSettings,
) -> None:
    """Predict own rows from a few of them, and in the first draw from all.

    Args:
        table: the study's table.
        taught: weights that `teach_voltages` wrote.
        predictions: Parquet to write: columns strategy, rows (0: all), line, predicted, partition, draw.
        times: JSON to write: processor time.
        partition: its number, from 1.
        draw: its number, from 1.
        settings: what is learned from, and how.
    """
    began = time.process_time()
    net = load_formula_net(SHIPPED)
    task, rows = make_task(read_frame(table, needs=["line", "ion", SPLIT]), settings, int(partition))
    # before any training: weights of another partition have seen the rows that are tested in this one
    weights = _split_sources(read_weights(taught, identify_task(rows, settings, int(partition))))
    chain = make_chain(task, rows, net, settings.fine_tuning)
    # all own rows are the same in each draw
    sizes = [*((ALL_ROWS,) if int(draw) == 1 else ()), *settings.transfer.sizes]
    found = predict_curve(task, chain, weights, sizes, int(draw))
    write_parquet(predictions, found.assign(partition=int(partition), draw=int(draw)))
    write_json(times, {"cpu_seconds": time.process_time() - began})


def _split_sources(arrays: Weights) -> dict[str, Weights]:
    """Return the weights of networks by the source that they were taught on."""
    by_source: dict[str, Weights] = defaultdict(dict)
    for name, value in arrays.items():
        source, _, weight = name.partition("/")
        by_source[source][weight] = value
    return dict(by_source)
