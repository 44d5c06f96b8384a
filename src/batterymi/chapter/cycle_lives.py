"""What 124 cells that were cycled with fast charges say of the chapter's numbers on charging.

Severson et al. 2019 (doi:10.1038/s41560-019-0356-8): LFP/graphite power cells, each under one policy until 80 %
of its capacity was left. Their chemistry is another one than that of the simulated cells, and that of the experiment
which the chapter cites.
"""

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.chapter.facts import Fact, Predictor
from batterymi.chapter.fast_charging import RETENTION_CYCLES
from batterymi.statistics.bootstrap import bootstrap_interval

LOST_AT_END_PERCENT = 20.0  # of the capacity, at the end of a life
WITHIN_MIN = 10.5
SEED = 0


def look_up_facts(table: pd.DataFrame, model: Predictor) -> dict[str, Fact]:
    """Return charging times and capacity losses of the cells.

    Args:
        table: rows with `policy`, `minutes_to_80` (as its C-rates have it) and `cycle_life`.
        model: not used, as these are measurements.

    Returns:
        Medians with 95 % intervals over policies, since cells of one policy are repeats; the loss per 1000 cycles takes
        a life's 20 % in a straight line.
    """
    minutes, lives = (table[name].to_numpy(float) for name in ("minutes_to_80", "cycle_life"))
    losses = 1000 * LOST_AT_END_PERCENT / lives
    policies = table["policy"].tolist()
    # the straight line leaves nothing of cells that died long before
    retained = np.maximum(100 - losses * RETENTION_CYCLES / 1000, 0.0)
    n_within = int((minutes <= WITHIN_MIN).sum())
    return {
        "minutes_to_80": _describe_median(
            minutes, policies, f"to 80 %, by the C-rates of the policies; {n_within} within {WITHIN_MIN} min"
        ),
        "cells_within_10_5_min": Fact(
            float(n_within), "cells whose policy takes at most 10.5 min to 80 %", n=len(table)
        ),
        "loss_percent_per_1000": _describe_median(
            losses, policies, "capacity lost per 1000 cycles, in a straight line"
        ),
        "best_loss_percent_per_1000": Fact(
            float(losses.min()),
            "capacity lost per 1000 cycles, in a straight line, by the cell with the longest life",
            n=len(table),
        ),
        "retention_percent_at_850": Fact(
            float(np.median(retained)),
            "median and range of the capacity left after 850 cycles, in a straight line",
            float(retained.min()),
            float(retained.max()),
            len(table),
        ),
    }


def _describe_median(values: Array, policies: list[str], what: str) -> Fact:
    """Return a median over cells, with an interval from policies drawn with replacement."""
    lower, upper = bootstrap_interval(values, lambda drawn: np.median(drawn, axis=-1), SEED, policies)
    return Fact(float(np.median(values)), f"median over cells: {what}", lower, upper, len(values))
