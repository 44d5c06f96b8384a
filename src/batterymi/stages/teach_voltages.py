"""The stage `teach_voltages`: networks over formulas learn the voltages of other ions, in one partition into folds."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.config.slices.formula_net import ChainSettings
from batterymi.features.formula_net import SHIPPED, load_formula_net
from batterymi.files import read_frame, write_parquet
from batterymi.surrogates.formula_transfer import (
    OTHERS,
    identify_task,
    label_predictions,
    make_chain,
    make_task,
    name_zero_shot,
    predict_zero_shot,
)
from batterymi.surrogates.nets.checkpoint import write_weights
from batterymi.surrogates.nets.train import Weights
from batterymi.surrogates.transfer import ALL_ROWS
from batterymi.vocabulary.splits import SPLIT

logger = logging.getLogger(__name__)


def teach_voltages(table: Path, weights: Path, predictions: Path, partition: str, settings: ChainSettings) -> None:
    """Train networks on the rows of the related task, and on those of all other ions; no own row is seen.

    Args:
        table: the study's table.
        weights: safetensors to write: what was trained, by source, with what it depends on.
        predictions: Parquet to write: voltages of own rows by what saw none of them.
        partition: its number, from 1.
        settings: what is learned from, and how.
    """
    net = load_formula_net(SHIPPED)
    task, rows = make_task(read_frame(table, needs=["line", "ion", SPLIT]), settings, int(partition))
    chain = make_chain(task, rows, net, settings.fine_tuning)
    n_own = task.validation.problem.n_scored
    arrays: Weights = {}
    frames = [label_predictions(task, name, ALL_ROWS, found) for name, found in predict_zero_shot(task)]
    for source, is_source in task.sources.items():
        taught, predicted = chain.teach(is_source, n_own, with_features=source == OTHERS)
        arrays |= {f"{source}/{name}": value for name, value in taught.items()}
        frames.append(label_predictions(task, name_zero_shot(source), ALL_ROWS, predicted))
        logger.info("taught on %d rows of %s", is_source.sum(), source)
    write_weights(weights, arrays, identify_task(rows, settings, int(partition)))
    write_parquet(predictions, pd.concat(frames, ignore_index=True).assign(partition=int(partition)))
