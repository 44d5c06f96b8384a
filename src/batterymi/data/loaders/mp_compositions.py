"""Compositions of the Materials Project: formation energy, distance from the convex hull, band gap, by formula.

Bartel et al. 2020, doi:10.1038/s41524-020-00362-y; Dunn et al. 2020 (Matbench), doi:10.1038/s41524-020-00406-3;
repackaged by Wang et al. 2021 (CrabNet), doi:10.1038/s41524-021-00545-1.
"""

import re
from pathlib import Path

import pandas as pd

from batterymi.data.loaders.base import read_records

PARTS = ("train", "val", "test")
DECOMPOSITION = tuple(f"CritExam__Ed_{part}.csv" for part in PARTS)
FORMATION = (*(f"CritExam__Ef_{part}.csv" for part in PARTS), "matbench_mp_e_form.csv")
HULL = tuple(f"mp_e_hull_{part}.csv" for part in PARTS)
GAP = ("matbench_mp_gap.csv",)


def load_compositions(folder: Path, element: str) -> pd.DataFrame:
    """Load one row per reduced formula that holds an element.

    The files have no ids, so a gap cannot be tied to the polymorph of lowest energy: its smallest, median and largest
    value over all entries of a formula are given instead.

    Args:
        folder: holds the data set's files.
        element: symbol.

    Returns:
        Columns formula (as pymatgen reduces it), e_above_hull (eV/atom; the decomposition energy where it is above 0,
        else 0; where Bartel et al. lack the formula, CrabNet's hull distance), hull_from, e_form (the lowest, eV/atom),
        gap_min, gap_median, gap_max (eV, PBE); sorted by formula, NaN where unknown.
    """
    decomposition, hull = _read_values(folder, DECOMPOSITION, element), _read_values(folder, HULL, element)
    formation, gap = _read_values(folder, FORMATION, element), _read_values(folder, GAP, element)
    lowest = decomposition.groupby("formula")["value"].min().clip(lower=0)
    further = hull.groupby("formula")["value"].min()
    gaps = gap.groupby("formula")["value"]
    formulas = sorted({*lowest.index, *further.index, *formation["formula"], *gaps.groups})
    frame = pd.DataFrame(index=pd.Index(formulas, name="formula"))
    frame["e_above_hull"] = lowest.combine_first(further)
    frame["hull_from"] = ""
    frame.loc[further.index, "hull_from"] = "CrabNet"
    # last, since these values take precedence
    frame.loc[lowest.index, "hull_from"] = "Bartel et al."
    frame["e_form"] = formation.groupby("formula")["value"].min()
    for name in ("min", "median", "max"):
        frame[f"gap_{name}"] = gaps.agg(name)
    return frame.reset_index()


def _read_values(folder: Path, names: tuple[str, ...], element: str) -> pd.DataFrame:
    """Read the reduced formula and value of every record with an element from some files."""
    from pymatgen.core import Composition

    columns = {"formula": "formula", "target": "value"}
    frame = pd.concat([read_records(folder / name, columns) for name in names], ignore_index=True)
    # before the slow reduction of formulas; the lookahead keeps C from matching Ca
    frame = frame[frame["formula"].str.contains(rf"{re.escape(element)}(?![a-z])", regex=True)]
    reduced = {text: Composition(text).reduced_formula for text in frame["formula"].unique()}
    return pd.DataFrame({"formula": frame["formula"].map(reduced), "value": frame["value"].astype(float)})
