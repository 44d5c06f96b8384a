"""Lives that a loop can choose among, and remarks on them."""

import pandas as pd

from batterymi.arrays import Array
from batterymi.errors import TableError

FLAT = 0.1


def select_usable_lives(table: pd.DataFrame, path: str) -> tuple[Array, Array]:
    """Select the protocols with a life: their C-rates and their lives.

    Args:
        table: columns c_rate_1 to c_rate_4 and life_cycles, which may lack lives.
        path: where it comes from, for messages.

    Returns:
        C-rates of the first three steps, shape (n, 3), which fix the fourth; lives in cycles, shape (n,).

    Raises:
        TableError: if fewer than two protocols have a life, or all have the same.
    """
    known = table[table["life_cycles"].notna()]
    lives = known["life_cycles"].to_numpy(float)
    if len(known) < 2:
        raise TableError(f"{path}: life_cycles: {len(known)} of {len(table)} protocols have a life; a loop needs two")
    # the noise is scaled by the spread, and without spread all protocols are alike
    if lives.std() == 0:
        raise TableError(f"{path}: life_cycles: every protocol lasts {lives[0]:g} cycles; there is nothing to choose")
    # the fourth C-rate follows from the other three and would add nothing
    return known[["c_rate_1", "c_rate_2", "c_rate_3"]].to_numpy(float), lives


def remark_lives(lives: Array, n_protocols: int) -> list[str]:
    """List remarks on lives that failed, and on how little there may be to gain."""
    remarks = []
    if len(lives) < n_protocols:
        remarks.append(f"{n_protocols - len(lives)} of {n_protocols} protocols have no life and are left out.")
    stake = float(lives.max() / lives.mean() - 1)
    if stake < FLAT:
        remarks.append(f"Lives are nearly flat: the best protocol lasts {100 * stake:.1f} % longer than the mean.")
    return remarks
