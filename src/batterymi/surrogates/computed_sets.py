"""What computed sets say of a composition, learned from them alone, and whether a study's models gain by it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.computed import DESCRIPTORS, LEARNER, METHOD
from batterymi.config.parts import Descriptor, Objective
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.migration_paths import IONS
from batterymi.statistics.scores import compute_scores
from batterymi.surrogates.feature_gain import BLEND, Extension
from batterymi.surrogates.model import find_model
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Problem, make_plain_problem
from batterymi.surrogates.validation import fit_on_rows, make_method, predict_out_of_fold

ENERGIES = ("e_form", "e_above_hull", "gap_median")
BARRIER, SCORE = "log_barrier", "superionic_score"
PROPERTIES = {
    "e_form": ("formation energy", "eV/atom"),
    "e_above_hull": ("distance from the convex hull", "eV/atom"),
    "gap_median": ("band gap (PBE)", "eV"),
    BARRIER: ("logarithm of the migration barrier in eV", "1"),
    SCORE: ("IonNet's superionic score", "1"),
}
WITH_ENERGIES, WITH_BARRIER, COMPUTED = "blend_energies", "blend_barrier", "blend_computed"
WITH_SCORE, SHUFFLED = "blend_superionic_score", "blend_shuffled"
CANDIDATES = {
    BLEND: "the blend without computed sets",
    WITH_ENERGIES: "with formation energy, hull distance and gap, as models of the Materials Project predict them",
    WITH_BARRIER: "with the migration barrier, as a model of compositions predicts it",
    COMPUTED: "with energies and barrier",
    SHUFFLED: "control: with energies and barriers of other rows",
    WITH_SCORE: "by itself: with IonNet's score, which may have been fitted with measured conductivities",
}
ADDED = {
    BLEND: (),
    WITH_ENERGIES: ENERGIES,
    WITH_BARRIER: (BARRIER,),
    COMPUTED: (*ENERGIES, BARRIER),
    SHUFFLED: (*ENERGIES, BARRIER),
    WITH_SCORE: (SCORE,),
}
BOOTSTRAPS = 1000
LITHIUM = "Li"


@dataclass(frozen=True)
class ComputedSet:
    """Values of one property by composition.

    Attributes:
        name: one of `PROPERTIES`.
        formulas: shape (n,).
        values: finite, shape (n,).
        groups: chemical systems, shape (n,), whose rows are held out together.
        ions: which ion moves, where that is part of the question; None of other properties.
    """

    name: str
    formulas: Sequence[str]
    values: Array
    groups: Sequence[str]
    ions: Sequence[str] | None = None


def learn_set(known: ComputedSet, formulas: Sequence[str], seed: int) -> tuple[Array, dict[str, Any]]:
    """Learn one property from a computed set, and predict it for other compositions.

    Args:
        known: the set.
        formulas: to predict for; of a barrier, that of lithium.
        seed: of models and folds.

    Returns:
        Predictions, shape (n_formulas,), and scores of held-out chemical systems with what was learned from.
    """
    label, unit = PROPERTIES[known.name]
    target = Objective(name=known.name, label=label, unit=unit, goal="minimise")
    problem = make_plain_problem(_describe(known.formulas, known.ions), known.values, known.groups, target)
    validation = make_validation(problem, METHOD, 1, seed, 1, is_primary=False)
    held_out = predict_out_of_fold(LEARNER, validation).mean
    scores = compute_scores(known.values, held_out, known.groups, BOOTSTRAPS, seed, len(validation.splits))
    settings = dict(find_model(LEARNER).grid[0])
    model = fit_on_rows(LEARNER, problem, np.arange(len(known.values)), make_method(METHOD), seed, settings)
    ions = None if known.ions is None else [LITHIUM] * len(formulas)
    said = model.predict_mean(_describe(formulas, ions))
    return said, {"property": known.name, "what": label, "unit": unit, **scores}


def extend_problems(problem: Problem, known: pd.DataFrame, seed: int) -> Iterator[Extension]:
    """Yield each of `CANDIDATES` with its model and what it learns from.

    Args:
        problem: without computed sets.
        known: a column for each of `PROPERTIES`; the index holds lines.
        seed: by which the control shuffles.
    """
    rows = known.reindex(problem.lines)
    order = np.random.default_rng(seed).permutation(len(rows))
    for name in CANDIDATES:
        values = rows.iloc[order] if name == SHUFFLED else rows
        added = {f"computed: {column}": values[column].to_numpy(float) for column in ADDED[name]}
        frame = pd.concat([problem.frame, pd.DataFrame(added, index=problem.frame.index)], axis=1)
        yield name, BLEND, replace(problem, variant=name, frame=frame) if added else problem


def correlate(known: pd.DataFrame, observed: Mapping[int, float]) -> dict[str, float]:
    """Return the rank correlation of each property with what was measured, by line."""
    values = pd.Series(observed)
    rows = known.reindex(values.index)
    return {name: float(rows[name].corr(values, method="spearman")) for name in PROPERTIES}


def _describe(formulas: Sequence[str], ions: Sequence[str] | None) -> pd.DataFrame:
    """Return descriptors of compositions, and of the ion if there is one."""
    rows = pd.DataFrame({"formula": list(formulas)})
    wanted = [
        Descriptor.model_validate({"name": name, "function": name, "label": name, "columns": {"formula": "formula"}})
        for name in DESCRIPTORS
    ]
    frame = pd.concat(compute_descriptors(rows, wanted).values(), axis=1)
    if ions is None:
        return frame
    charge, radius = (np.array([IONS[ion][place] for ion in ions], float) for place in (0, 1))
    return frame.assign(**{"ion: charge": charge, "ion: radius": radius})
