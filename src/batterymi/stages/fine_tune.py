"""The stage `fine_tune`: voltages of own rows by every strategy of transfer, in one partition and draw of own rows."""

import time
from collections import defaultdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load

from batterymi.config.slices.formula_net import ChainSettings
from batterymi.errors import DamagedFileError
from batterymi.features.formula_net import SHIPPED, load_formula_net
from batterymi.files import read_frame, write_json, write_parquet
from batterymi.surrogates.formula_transfer import make_chain, make_task, predict_curve
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
    task, rows = make_task(read_frame(table, needs=["line", "ion", SPLIT]), settings, int(partition))
    chain = make_chain(task, rows, load_formula_net(SHIPPED), settings.fine_tuning)
    # all own rows are the same in each draw
    sizes = [*((ALL_ROWS,) if int(draw) == 1 else ()), *settings.transfer.sizes]
    found = predict_curve(task, chain, _read_weights(taught), sizes, int(draw))
    write_parquet(predictions, found.assign(partition=int(partition), draw=int(draw)))
    write_json(times, {"cpu_seconds": time.process_time() - began})


def _read_weights(path: Path) -> dict[str, Weights]:
    """Return the weights of networks by the source that they were taught on."""
    by_source: dict[str, Weights] = defaultdict(dict)
    try:
        for name, value in load(path.read_bytes()).items():
            source, _, weight = name.partition("/")
            by_source[source][weight] = value
    except SafetensorError as error:
        raise DamagedFileError(path, error) from None
    return dict(by_source)
