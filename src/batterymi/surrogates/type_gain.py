"""Whether transfer gains within structure types that both ions have, and across types."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.statistics.grouped import draw_groups, estimate
from batterymi.statistics.scores import MAE, MEAN
from batterymi.surrogates.feature_gain import decide_gain
from batterymi.surrogates.transfer import OWN

WITHIN, ACROSS, UNTYPED = "within", "across", "untyped"
MEANINGS = {
    WITHIN: "rows of a structure type that a row of the source ion has, too",
    ACROSS: "rows of a type that no row of the source ion has",
    UNTYPED: "rows without a structure",
}
LEAST_GROUPS = 20  # host systems, below which an interval over them says little
TOO_FEW = "too few"


def score_by_type(
    predictions: pd.DataFrame, kind_of: dict[int, str], pooled: str, settings: tuple[int, int, int]
) -> pd.DataFrame:
    """Score own rows only and pooled rows by whether the source ion has the row's structure type.

    Args:
        predictions: held-out ones: partition, line, group, observed, and a column for each strategy.
        kind_of: `WITHIN` or `ACROSS` of each line with a structure.
        pooled: the column of pooled rows.
        settings: folds, bootstraps and seed of the intervals.

    Returns:
        One row for each kind: rows, groups, both errors, gain with its 95 % interval over groups and partitions, and a
        verdict, `too few` below `LEAST_GROUPS` groups.
    """
    folds, bootstraps, seed = settings
    parts = [part.reset_index(drop=True) for _, part in predictions.groupby("partition")]
    kinds = parts[0]["line"].map(kind_of).fillna(UNTYPED)
    return pd.DataFrame(
        [_score_kind(parts, (kinds == kind).to_numpy(), kind, pooled, folds, bootstraps, seed) for kind in MEANINGS]
    )


def _score_kind(
    parts: list[pd.DataFrame], chosen: Mask, kind: str, pooled: str, folds: int, bootstraps: int, seed: int
) -> dict[str, Any]:
    """Return the row of one kind."""
    groups = parts[0].loc[chosen, "group"].tolist()
    row: dict[str, Any] = {"kind": kind, "what": MEANINGS[kind], "rows": int(chosen.sum()), "groups": len(set(groups))}
    if not groups:
        return row | {"verdict": TOO_FEW}
    observed = parts[0].loc[chosen, "observed"].to_numpy(float)
    draws = draw_groups(groups, bootstraps, seed)
    said = {name: np.stack([part.loc[chosen, name].to_numpy(float) for part in parts]) for name in (OWN, pooled)}
    for label, name in (("mae_own", OWN), ("mae_pooled", pooled)):
        row[label] = estimate(MAE, draws, observed, said[name], folds=folds).value
    gain = estimate(MEAN, draws, np.abs(said[OWN] - observed) - np.abs(said[pooled] - observed), folds=folds)
    row |= {"gain": gain.value, "gain_lower": gain.lower, "gain_upper": gain.upper}
    enough = row["groups"] >= LEAST_GROUPS
    return row | {"verdict": decide_gain(gain.lower, gain.upper) if enough else TOO_FEW}


def find_kinds(types: pd.DataFrame, target: str, source: str) -> dict[int, str]:
    """Return of each row of the target ion with a structure whether the source ion has its type, by line.

    Types of the same side are compared; a row with two structures counts as `WITHIN` if either is shared.

    Args:
        types: line, ion, side and type of each structure.
        target: the ion whose rows are scored.
        source: the ion that rows are transferred from.
    """
    of_source = types.loc[types["ion"] == source]
    known = set(zip(of_source["side"], of_source["type"], strict=True))
    found: dict[int, str] = {}
    for line, side, label in types.loc[types["ion"] == target, ["line", "side", "type"]].itertuples(index=False):
        shared = (side, label) in known or found.get(int(line)) == WITHIN
        found[int(line)] = WITHIN if shared else ACROSS
    return found
