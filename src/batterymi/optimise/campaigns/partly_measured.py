"""Designs whose early result is in and whose late one is not: which are worth going on with, and which to stop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from batterymi.arrays import Array
from batterymi.config.designs import Derived
from batterymi.optimise.campaigns.best_known import BestKnown, find_best_known
from batterymi.optimise.campaigns.expectations import assess_suggestions, compute_chance, list_expected
from batterymi.optimise.campaigns.ledger_lines import name_suggestion
from batterymi.optimise.campaigns.matched_results import find_name_column, parse_name
from batterymi.optimise.campaigns.next_batch import describe_batch, split_history
from batterymi.optimise.engines.base import can_learn, list_anchors, list_taken
from batterymi.optimise.engines.early_results import (
    MIN_PAIRS,
    Costs,
    count_pairs,
    find_partly_measured,
    list_informative,
)
from batterymi.optimise.engines.levels import LevelModel
from batterymi.optimise.engines.models import has_all_outcomes, has_any_outcome
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Problem, Search
from batterymi.statistics.digits import format_probability
from batterymi.vocabulary.expected import CHANCE, GO_ON, MEASURE, STOP
from batterymi.vocabulary.splits import SPLIT, TRAIN

NAME = "engine: name"  # what the table calls a design
MOST_ASSUMED = 30  # designs to go on with that are assumed to have their predicted outcomes; bounds the time


@dataclass(frozen=True)
class PartlyMeasured:
    """Designs to go on with or to stop.

    Attributes:
        designs: best first, with what the table calls them, what the engine's model expects of them, whether to go on,
            the probability that each beats the best known, and `why`.
        notes: a sentence for each late outcome, on whether its model learns from early results.
    """

    designs: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


def assess_partly_measured(
    search: Search, table: pd.DataFrame, seed: int, id_column: str | None = None
) -> PartlyMeasured:
    """Rank the designs whose early result is in and whose late one is missing.

    Going on is worth the acquisition value of the design, given its early result, per cost of the late measurement. It
    is compared with the best new design that is measured in full. A design to go on with is taken to have its predicted
    outcome where the next is assessed, so that those to go on with differ.

    Args:
        search: objectives and limits, and the space.
        table: the study's table.
        seed: of the campaign; the models are those of its engine.
        id_column: column that names the rows.
    """
    history, pending = split_history(search, table)
    known = history[has_any_outcome(history, list_informative(search))]
    if not search.early or not can_learn(search, known):
        return PartlyMeasured(notes=tuple(_describe_use(search, known, name, None) for name in search.early))
    rng = np.random.default_rng([seed, len(history)])
    posterior = Posterior.fit_measured(search, history, known, rng)
    notes = tuple(_describe_use(search, known, name, posterior) for name in search.early)
    rows = history.iloc[np.flatnonzero(find_partly_measured(search, history))]
    if rows.empty:
        return PartlyMeasured(notes=notes)
    bar = _value_new_design(search, history, known, pending, posterior, rng)
    codes = search.space.codes(rows)
    order, values, n_go = _rank(posterior, codes, Costs.add_up(search).late, bar)
    names = [_name_row(row, id_column) for row in rows.iloc[order].to_dict("records")]
    ranked = rows.iloc[order][list(search.space.names)].reset_index(drop=True).assign(**{NAME: names})
    expected = posterior.expect(codes[order]).assign(
        **{MEASURE: [GO_ON] * n_go + [STOP] * (len(order) - n_go)}, why=[_compare(value - bar) for value in values]
    )
    designs = pd.concat([ranked, expected], axis=1)
    best = find_best_known(search, table[table[SPLIT] == TRAIN], id_column)
    chances = _compute_chances(designs, codes[order], posterior, best)
    return PartlyMeasured(_explain(designs.assign(**{CHANCE: chances}), search, best), notes)


def _explain(designs: pd.DataFrame, search: Search, best: BestKnown) -> pd.DataFrame:
    """Return designs whose `why` says what is expected, beside the best known, and what going on is worth."""
    reasons, several = [], len(search.optimised) > 1
    known = f"best known {best.describe(search)}" if len(best) and not several else ""
    outlooks = assess_suggestions(designs, search, best)
    for row, outlook in zip(designs.to_dict("records"), outlooks, strict=True):
        extends = f"extends the front with probability {format_probability(row[CHANCE])}" if several else ""
        expected = f"expected {', '.join(list_expected(row, search))}"
        reasons.append("; ".join(filter(None, [expected, known, extends, *outlook.chances, outlook.criterion])))
    return designs.assign(why=reasons)


def describe_partly_measured(
    partly: PartlyMeasured, problem: Problem, rows: pd.DataFrame, derived: tuple[Derived, ...]
) -> pd.DataFrame:
    """Return partly measured designs with what both models say of them, in the columns of `describe_batch`.

    Args:
        partly: the designs.
        problem: objectives, limits in force, and the validated model.
        rows: the measured rows.
        derived: quantities to append.
    """
    if partly.designs.empty:
        return partly.designs
    described = describe_batch(partly.designs, problem, rows, derived)
    described.insert(0, "suggestion", list(partly.designs[NAME]))
    return described.assign(probability_better=partly.designs[CHANCE], why=partly.designs["why"])


def _name_row(row: Mapping[Any, Any], id_column: str | None) -> str:
    """Return what the table calls a row: its suggestion, its name, or its line."""
    column = find_name_column(map(str, row))
    if column and (name := parse_name(row[column])):
        return name_suggestion(*name)
    return str(row[id_column]) if id_column and str(row[id_column]).strip() else f"line {row['line']}"


def _describe_use(search: Search, known: pd.DataFrame, name: str, posterior: Posterior | None) -> str:
    """Say whether the model of a late outcome learns from early results."""
    column, n = search.early[name].column, count_pairs(search, known, name)
    have = f"{n} design{' has' if n == 1 else 's have'} both results"
    if posterior is not None and isinstance(posterior.models[name], LevelModel):
        both = known[[name, column]].dropna().to_numpy(float)
        rank, n_early = float(spearmanr(*both.T).statistic), int(known[column].notna().sum())
        return f"{name} learns from {n_early} results of {column} too; {have}, with a rank correlation of {rank:.2f}"
    why = f"at least {MIN_PAIRS} are needed" if n < MIN_PAIRS else f"{column} tells too little of {name} in them"
    return f"{name} does not learn from {column} yet, and new designs are measured in full: {have}, and {why}"


def _value_new_design(
    search: Search,
    history: pd.DataFrame,
    known: pd.DataFrame,
    pending: pd.DataFrame | None,
    posterior: Posterior,
    rng: np.random.Generator,
) -> float:
    """Return the logarithm of the acquisition value per cost of the best new design that is measured in full."""
    space = search.space
    assumed = posterior.assume_late_outcomes(known)
    if pending is not None and len(pending):
        assumed = assumed.condition_on(space.codes(pending))
    anchors = list_anchors(search, known[has_all_outcomes(known, search.modelled)])
    design = optimize_acquisition(space, assumed.acquire, rng, anchors, list_taken(search, history, pending))
    return -np.inf if design is None else float(assumed.acquire(design)[0] - np.log(Costs.add_up(search).both))


def _rank(posterior: Posterior, codes: Array, cost: float, bar: float) -> tuple[list[int], list[float], int]:
    """Rank designs by the logarithm of their acquisition value per cost.

    Returns:
        Their places, best first; the values of these; and how many of them reach the bar.
    """
    order: list[int] = []
    values: list[float] = []
    left = list(range(len(codes)))
    found = posterior.acquire(codes) - np.log(cost)
    while left:
        place = left[int(np.argmax(found[left]))]
        if found[place] < bar:
            break
        order.append(place)
        values.append(float(found[place]))
        left.remove(place)
        if len(order) <= MOST_ASSUMED and left:
            posterior = posterior.condition_on(codes[[place]])
            found[left] = posterior.acquire(codes[left]) - np.log(cost)
    rest = sorted(left, key=lambda place: -float(found[place]))
    return [*order, *rest], [*values, *(float(found[place]) for place in rest)], len(order)


def _compare(logarithm: float) -> str:
    """Say how the value of going on compares with that of a new design."""
    if not np.isfinite(logarithm):
        return "no new design is left"
    ratio = float(np.exp(np.clip(logarithm, -20, 20)))
    shown = "less than 0.01" if ratio < 0.01 else "more than 100" if ratio > 100 else f"{ratio:.2g}"
    return f"{shown} times the acquisition value per cost of the best new design"


def _compute_chances(designs: pd.DataFrame, codes: Array, posterior: Posterior, best: BestKnown) -> Sequence[float]:
    """Return the probability that each design beats the best known: one objective, or the front of several."""
    search = posterior.search
    if len(search.optimised) > 1:
        return list(posterior.probability_of_improvement(codes))
    if not len(best):
        return [np.nan] * len(designs)
    return [compute_chance(row, search.optimised[0], best) for row in designs.to_dict("records")]
