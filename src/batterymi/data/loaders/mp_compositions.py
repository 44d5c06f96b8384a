"""Compositions of the Materials Project: formation energy, distance from the convex hull, band gap, by formula.

Bartel et al. 2020, doi:10.1038/s41524-020-00362-y; Dunn et al. 2020 (Matbench), doi:10.1038/s41524-020-00406-3;
repackaged by Wang et al. 2021 (CrabNet), doi:10.1038/s41524-021-00545-1.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from batterymi.arrays import Array
from batterymi.data.loaders.base import read_records
from batterymi.features.formulas import identify_compositions
from batterymi.vocabulary.elements import SYMBOLS

PARTS = ("train", "val", "test")
DECOMPOSITION = tuple(f"CritExam__Ed_{part}.csv" for part in PARTS)
FORMATION = (*(f"CritExam__Ef_{part}.csv" for part in PARTS), "matbench_mp_e_form.csv")
HULL = tuple(f"mp_e_hull_{part}.csv" for part in PARTS)
GAP = ("matbench_mp_gap.csv",)
SYMBOL = re.compile("[A-Z][a-z]?")


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
    # the lookahead keeps C from matching Ca
    holds_element = re.compile(rf"{re.escape(element)}(?![a-z])").search
    formation, gap = (_read_values(folder, names, lambda text: bool(holds_element(text))) for names in (FORMATION, GAP))
    lowest, further = _read_hulls(folder, lambda text: bool(holds_element(text)))
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


def load_formation_energies(folder: Path, elements: frozenset[str] = frozenset(SYMBOLS)) -> pd.DataFrame:
    """Load the lowest formation energy of every compound, from each of the two tables by itself.

    The tables are not merged: that of Bartel et al. (CritExam) holds hypothetical phases, which move oxidation edges.

    Args:
        folder: holds the data set's files.
        elements: only compounds of these are loaded.

    Returns:
        Columns formula (as pymatgen reduces it), system (its elements in alphabetical order, as Cl-Li), e_form and
        e_form_critexam (eV/atom, of Matbench and of CritExam); NaN where a table lacks the formula. Sorted by formula;
        elements by themselves are left out, since their energy of formation is zero.
    """
    everything = {"e_form": FORMATION[-1:], "e_form_critexam": FORMATION[:-1]}
    lowest = {
        name: _read_values(folder, files, lambda text: elements.issuperset(SYMBOL.findall(text)))
        .groupby("formula")["value"]
        .min()
        for name, files in everything.items()
    }
    frame = pd.DataFrame(lowest).rename_axis("formula").sort_index().reset_index()
    frame.insert(1, "system", ["-".join(sorted(set(SYMBOL.findall(text)))) for text in frame["formula"]])
    return frame[frame["system"].str.contains("-")].reset_index(drop=True)


def look_up_hulls(folder: Path, formulas: Sequence[str]) -> Array:
    """Look up the distance of formulas from the convex hull.

    Args:
        folder: holds the data set's files.
        formulas: as pymatgen reads them, reduced or not.

    Returns:
        eV/atom as in `load_compositions`, of the phase of lowest energy of each formula, shape (n_formulas,); NaN
        where it is unknown.
    """
    from pymatgen.core import Composition

    reduced = [Composition(text).reduced_formula for text in formulas]
    systems = {frozenset(SYMBOL.findall(text)) for text in reduced}
    lowest, further = _read_hulls(folder, lambda text: frozenset(SYMBOL.findall(text)) in systems)
    return lowest.combine_first(further).reindex(reduced).to_numpy(float)


def _read_hulls(folder: Path, is_wanted: Callable[[str], bool]) -> tuple[pd.Series, pd.Series]:
    """Return hull distances by reduced formula: from decomposition energies, and those of CrabNet."""
    decomposition, hull = (_read_values(folder, names, is_wanted) for names in (DECOMPOSITION, HULL))
    return decomposition.groupby("formula")["value"].min().clip(lower=0), hull.groupby("formula")["value"].min()


def _read_values(folder: Path, names: tuple[str, ...], is_wanted: Callable[[str], bool]) -> pd.DataFrame:
    """Read the reduced formula and value of every record whose formula is wanted from some files."""
    from pymatgen.core import Composition

    columns = {"formula": "formula", "target": "value"}
    frame = pd.concat([read_records(folder / name, columns) for name in names], ignore_index=True)
    # before the slow reduction of formulas
    frame = frame[[is_wanted(text) for text in frame["formula"]]]
    reduced = {text: Composition(text).reduced_formula for text in frame["formula"].unique()}
    return pd.DataFrame({"formula": frame["formula"].map(reduced), "value": frame["value"].astype(float)})


def load_targets(folder: Path) -> pd.DataFrame:
    """Load what is known of every composition, for the training of a model on all of them.

    Args:
        folder: holds the data set's files.

    Returns:
        One row per composition (Li2S and Li4S2 are one): formula (as first written), e_form (the lowest, eV/atom, of
        Matbench), gap (the median, eV, PBE) and decomposition (the lowest energy of decomposition, eV/atom, of Bartel
        et al.; below 0 for what is stable); NaN where unknown.
    """
    columns = {"formula": "formula", "target": "value"}
    frames = [
        read_records(folder / name, columns).assign(target=target)
        for target, names in (("e_form", FORMATION[-1:]), ("gap", GAP), ("decomposition", DECOMPOSITION))
        for name in names
    ]
    frame = pd.concat(frames, ignore_index=True)
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    frame = frame.dropna(subset="value")
    # keys of the distinct texts only, since most occur in several files
    texts = frame["formula"].unique()
    frame["key"] = frame["formula"].map(dict(zip(texts, identify_compositions(texts), strict=True)))
    grouped = frame.groupby(["key", "target"], sort=False)["value"]
    lowest, median = grouped.min().unstack(), grouped.median().unstack()
    found = frame.groupby("key", sort=False)["formula"].first().to_frame()
    found = found.assign(e_form=lowest["e_form"], gap=median["gap"], decomposition=lowest["decomposition"])
    return found.reset_index(drop=True)
