"""Cycle life of 124 LFP/graphite cells under fast-charging policies.

Severson et al. 2019, doi:10.1038/s41560-019-0356-8; tables of Attia et al. 2021, doi:10.1149/1945-7111/ac2704.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.sources import CycleLifeRows
from batterymi.data.loaders.base import Rows, read_records
from batterymi.errors import TableError
from batterymi.vocabulary.splits import SPLIT, TRAIN

COLUMNS = {
    "Cell barcode": "id",
    "Dataset": "part",
    "Batch date": "batch",
    "Cycle life": "cycle_life",
    "Charging policy": "policy",
}
LIVES = {
    "Train": "train_cycle_lives.csv",
    "Prim. Test": "test1_cycle_lives.csv",
    "Sec. test": "test2_cycle_lives.csv",
}
POLICY = re.compile(r"^([\d.]+)C\(([\d.]+)%\)-([\d.]+)C$")  # C1(Q1)-C2: C1 up to Q1 % SOC, then C2 up to 80 %


def load_rows(folder: Path, settings: CycleLifeRows) -> Rows:
    """Load the rows of the papers' table, checked against the published lists of cycle lives.

    Args:
        folder: holds the table and the three lists.
        settings: none so far.

    Returns:
        Columns id, part, batch, policy, cycle_life (cycles to 80 % of nominal capacity), log10_cycle_life, and the
        policy in numbers: c_rate_1 and c_rate_2 (C), switch_soc (%), minutes_to_80 (min, without rests).
    """
    frame = read_records(folder / "severson_et_al_SI_table9.csv", COLUMNS)
    rows = Rows(frame, len(frame))
    # the lists repeat the cycle lives of the table, so a wrong file shows here
    for part, name in LIVES.items():
        _check_lives(frame[frame["part"] == part], folder / name)
    found = frame["policy"].str.extract(POLICY).astype(float)
    rows.drop(found.isna().any(axis=1), "policy", "not a two-step policy written C1(Q1%)-C2")
    kept = found.loc[rows.frame.index]
    first, switch, second = kept[0], kept[1], kept[2]
    life = pd.to_numeric(rows.frame["cycle_life"])
    rows.frame = rows.frame.assign(
        cycle_life=life,
        log10_cycle_life=np.log10(life),
        c_rate_1=first,
        switch_soc=switch,
        c_rate_2=second,
        minutes_to_80=60 * (switch / first + (80 - switch) / second) / 100,
        **{SPLIT: TRAIN},
    )
    return rows


def _check_lives(part: pd.DataFrame, path: Path) -> None:
    """Compare one part of the table with its published list of cycle lives."""
    try:
        listed = [float(line) for line in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: not a list of cycle lives: {error}") from None
    if pd.to_numeric(part["cycle_life"]).tolist() != listed:
        raise TableError(
            f"{path}: the cycle lives differ from those of the table; one of the files is not the one expected"
        )
