"""Superionic scores of compositions with lithium, from the repository of IonNet (Wang and You).

The repository does not define the score. It behaves as a classifier of superionic conductors does, and may have been
fitted with measured conductivities.
"""

from pathlib import Path

import pandas as pd

from batterymi.data.loaders.base import Rows, make_composition_key, read_records

FILE = "Li-IonML-Computations.csv"
COLUMNS = {"formula": "formula", "SIC": "superionic_score"}


def load_scores(folder: Path) -> Rows:
    """Load every formula with a score between 0 and 1.

    Args:
        folder: holds the file.

    Returns:
        Columns formula, superionic_score and composition_key.

    Raises:
        TableError: if the file is missing or not the one expected.
    """
    frame = read_records(folder / FILE, COLUMNS)
    rows = Rows(frame, len(frame))
    score = pd.to_numeric(frame["superionic_score"], errors="coerce")
    rows.drop(~score.between(0, 1), "superionic_score", "not a score from 0 to 1")
    rows.drop_unparsable("formula")
    kept = rows.frame
    rows.frame = kept.assign(
        superionic_score=score[kept.index], composition_key=[make_composition_key(text) for text in kept["formula"]]
    )
    return rows
