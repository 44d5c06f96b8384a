"""The account of all assessed formulas: how many are stable, against what, and how sure their edges are."""

from typing import Any

import numpy as np
import pandas as pd

from batterymi.vocabulary.stability import PARTNERS

STABLE = -1e-6  # eV/atom: a reaction energy above is none
WIDE_V = 0.01  # a narrower window is no stable range
FIRM_V = 0.1


def summarise_assessed(assessed: pd.DataFrame) -> dict[str, Any]:
    """Count formulas by what was found of them.

    Args:
        assessed: rows of `assess_formulas`.

    Returns:
        Counts, and quantiles of the spread of edges and of what one phase less moves them by.
    """
    known = assessed[assessed["problem"] == ""]
    width = known["v_oxidation"] - known["v_reduction"]
    full = known[known["in_full"]]
    return {
        "formulas": len(assessed),
        "not_computed": len(assessed) - len(known),
        "with_entry": int(known["e_form"].notna().sum()),
        "on_the_hull": int((known["e_decomposition"] <= 0).sum()),
        "within_0.1_ev_atom": int((known["e_decomposition"] < 0.1).sum()),
        "with_a_stable_range": int((width > WIDE_V).sum()),
        "stable_against_lithium": int((known["e_lithium"] > STABLE).sum()),
        "in_full": len(full),
        "no_reaction_with": {name: int((full[f"e_{name}"] > STABLE).sum()) for name in PARTNERS},
        "edges": {side: _summarise_edges(full, side) for side in ("reduction", "oxidation")},
    }


def _summarise_edges(full: pd.DataFrame, side: str) -> dict[str, Any]:
    """Return how sure the edges of one side are."""
    spread = full[f"sd_{side}"].dropna().to_numpy(float)
    moved = (full[f"v_{side}_without"] - full[f"v_{side}"]).abs().dropna().to_numpy(float)
    if not len(spread) or not len(moved):
        return {"n": len(spread)}
    return {
        "n": len(spread),
        "sd_median_v": float(np.median(spread)),
        "sd_90_v": float(np.quantile(spread, 0.9)),
        "moved_by_one_phase_median_v": float(np.median(moved)),
        "share_moved_by_more_than_0.1_v": float(np.mean(moved > FIRM_V)),
    }
