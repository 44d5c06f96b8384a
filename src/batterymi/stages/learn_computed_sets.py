"""The stage `learn_computed_sets`: what computed sets say of a study's compositions."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.config.slices.computed import ComputedSettings
from batterymi.data.input_files import hold_unchanged, refuse_changes
from batterymi.data.loaders.base import make_composition_key
from batterymi.data.loaders.ionnet import load_scores
from batterymi.data.loaders.mp_compositions import load_compositions
from batterymi.files import read_frame, write_csv, write_json
from batterymi.stability.shards import name_systems
from batterymi.surrogates.barriers import take_logarithm
from batterymi.surrogates.computed_sets import BARRIER, ENERGIES, LITHIUM, SCORE, ComputedSet, learn_set
from batterymi.vocabulary.splits import SPLIT, TRAIN

logger = logging.getLogger(__name__)


def learn_computed_sets(
    table: Path,
    sources: list[Path],
    barriers: Path,
    known: Path,
    report: Path,
    settings: ComputedSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Learn properties from computed sets alone, and predict them for the rows that a study learns from.

    Compositions of the study's rows, of any split, are left out of the set of scores, whose source may know what was
    measured of them.

    Args:
        table: the study's table.
        sources: receipts of the data sets `mp_compositions` and `ionnet`.
        barriers: as `describe_barriers` wrote them.
        known: CSV to write: the properties of each row.
        report: JSON to write: how well each property is predicted for chemical systems that were not learned from.
        settings: which column holds formulas.
        digests: of the sources' files when the run began.
    """
    column = settings.computed_sets.formula
    rows = read_frame(table, needs=["line", column, SPLIT])
    measured = {make_composition_key(str(text)) for text in rows[column]}
    rows = rows[rows[SPLIT] == TRAIN].reset_index(drop=True)
    with hold_unchanged([*digests]) as held:
        refuse_changes(held, digests)
        compositions = load_compositions(sources[0].parent, LITHIUM)
        scores = load_scores(sources[1].parent).frame
    sets = [_take(compositions, name) for name in ENERGIES]
    paths = read_frame(barriers, needs=["formula", "barrier_ev", "host_system", "ion"])
    formulas, systems, ions = (paths[name].tolist() for name in ("formula", "host_system", "ion"))
    sets.append(ComputedSet(BARRIER, formulas, take_logarithm(paths["barrier_ev"].to_numpy(float)), systems, ions))
    is_new = ~scores["composition_key"].isin(measured)
    sets.append(_take(scores[is_new], SCORE))
    found, skills = pd.DataFrame({"line": rows["line"]}), []
    for one in sets:
        found[one.name], skill = learn_set(one, rows[column].tolist(), settings.seed)
        skills.append(skill)
        logger.info(
            "%s: %d rows, held-out MAE %.3f %s, R² %.2f",
            *(skill[name] for name in ("what", "rows", "mae", "unit", "r2")),
        )
    write_csv(known, found)
    write_json(report, {"rows": len(rows), "properties": skills, "scores_left_out": int((~is_new).sum())})


def _take(frame: pd.DataFrame, name: str) -> ComputedSet:
    """Return one property of the formulas that have it, by chemical system."""
    rows = frame[frame[name].notna()]
    formulas = rows["formula"].tolist()
    return ComputedSet(name, formulas, rows[name].to_numpy(float), name_systems(formulas))
