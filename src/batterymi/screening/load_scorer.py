"""A stored model with the rows that it knows, from what `train_surrogate` wrote."""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.files import read_frame
from batterymi.screening.scorer import Scorer
from batterymi.surrogates.store import find_stored
from batterymi.surrogates.widening import OUTSIDE_SHARE
from batterymi.vocabulary.splits import PARTITION, SPLIT, TEST, TRAIN


def load_scorer(
    model: Path, table: Path, predictions: Path, variant: str, objective: str
) -> tuple[Scorer, pd.DataFrame]:
    """Return the model of a variant, and the rows that it learned from.

    Args:
        model: models of the study.
        table: the study's table.
        predictions: held-out predictions, for the distance beyond which a design lies outside.
        variant: whose model predicts.
        objective: what is predicted.

    Raises:
        DamagedFileError: if a file is not what was written there, or has no such model.
    """
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
    return Scorer(stored, rows[learned], rows[~learned], threshold), rows[learned]
