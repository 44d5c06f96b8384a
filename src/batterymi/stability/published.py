"""Published windows of known electrolytes, and how far computed ones lie from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.features.formulas import parse_formula
from batterymi.stability.assess import FIRST, Assessor, Depth
from batterymi.stability.neutrality import neutralise

WINDOWS = Path(__file__).with_name("published_windows.csv")
WORKS = Path(__file__).with_name("sources.csv")
QUANTITIES = {"v_reduction": "V", "v_oxidation": "V", "e_lithium": "eV/atom"}
PUBLISHED = "published_"  # before the names of published numbers


def load_windows() -> pd.DataFrame:
    """Load published windows: name, formula, class, numbers (V and eV/atom, NaN where none), source, checked."""
    return pd.read_csv(WINDOWS)


def load_works() -> pd.DataFrame:
    """Load the works that published windows come from: id, citation, address, and what was read there."""
    return pd.read_csv(WORKS, keep_default_na=False)


def compare_windows(assessor: Assessor, depth: Depth = FIRST) -> pd.DataFrame:
    """Compute the stability of every electrolyte with a published window.

    Returns:
        One row for each: name, formula, class, source, checked, the published numbers under names that begin with
        `published_`, and the columns of `Assessment.as_row`.
    """
    windows = load_windows()
    rows = []
    for formula in windows["formula"]:
        amounts = parse_formula(formula)
        taken = amounts if assessor.table.is_listed(amounts) else neutralise(formula).amounts
        rows.append(assessor.assess(taken, depth).as_row())
    published = windows.rename(columns={name: f"{PUBLISHED}{name}" for name in QUANTITIES})
    return pd.concat([published, pd.DataFrame(rows)], axis=1)


def summarise_errors(compared: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return number, mean absolute error, mean error and largest error of each quantity, in V or eV/atom.

    A reduction edge of 0 V says only that a binary compound of lithium is stable against it, and is not counted.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, unit in QUANTITIES.items():
        published = compared[f"{PUBLISHED}{name}"].to_numpy(float)
        counted = np.isfinite(published) & ((published > 0) | (name != "v_reduction"))
        errors = compared[name].to_numpy(float)[counted] - published[counted]
        worst = int(np.argmax(np.abs(errors))) if len(errors) else -1
        found[name] = {
            "unit": unit,
            "n": len(errors),
            "mae": float(np.mean(np.abs(errors))) if len(errors) else float("nan"),
            "bias": float(np.mean(errors)) if len(errors) else float("nan"),
            "largest": float(errors[worst]) if len(errors) else float("nan"),
            "largest_of": str(compared["formula"][counted].iloc[worst]) if len(errors) else "",
        }
    return found
