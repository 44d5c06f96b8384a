"""The next batch of experiments, and what the engine would have saved on those that were made."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.config.campaign import ExperimentCampaign
from batterymi.config.designs import Derived
from batterymi.config.parts import Feature
from batterymi.config.slices.campaign import DesignSettings
from batterymi.evaluators.lookup import LookUp
from batterymi.optimise.campaigns.attainable import measure_attainable
from batterymi.optimise.campaigns.benchmark import compare_with_random
from batterymi.optimise.campaigns.best_known import find_best_known
from batterymi.optimise.campaigns.campaign import run_engine
from batterymi.optimise.campaigns.expectations import assess_suggestions, note_disagreements
from batterymi.optimise.campaigns.feasibility import infer_worst
from batterymi.optimise.campaigns.seeds import empty_history
from batterymi.optimise.campaigns.suggestions import add_derived, add_intervals, note_clipped_predictions
from batterymi.optimise.campaigns.targets import make_range_targets
from batterymi.optimise.engines.early_results import Costs
from batterymi.optimise.engines.models import Replicates, group_replicates
from batterymi.optimise.engines.shared import propose_designs
from batterymi.optimise.space.make_space import make_study_space
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.score import get_declared_limits
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.expected import LIMITS_MET, MEASURE, NO_FAILURE, name_deviation_column, name_mean_column
from batterymi.vocabulary.measured import name_error_column, name_missing_column
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, TRAIN
from batterymi.vocabulary.targets import RANDOM

logger = logging.getLogger(__name__)

MIN_REPLAYED = 12  # distinct designs below which a replay is not meaningful
N_REPLAYED = 20  # evaluations of a replay beyond its start
PROBABILITIES = {LIMITS_MET: "probability_limits_met", NO_FAILURE: "probability_no_failure"}
START_SHARE = 5  # one design in so many is known at the start of a replay


def make_search(settings: DesignSettings, table: pd.DataFrame, candidates: pd.DataFrame | None = None) -> Search:
    """Make the search of a campaign over experiments.

    Args:
        settings: of designs, objectives and campaign.
        table: the study's table.
        candidates: a list of designs to choose from.

    Returns:
        The search; its limits are the declared ones.

    Raises:
        DesignError: if no design meets the constraints.
    """
    measured = table[table[SPLIT] == TRAIN]
    limits = get_declared_limits(settings.objectives)
    reference = settings.campaign.reference or infer_worst(measured, settings.objectives, limits)
    space = make_study_space(settings, table, candidates)
    return Search(space, settings.objectives, limits, is_noisy=True, reference=reference)


def propose_batch(search: Search, table: pd.DataFrame, engine: str, n: int, seed: int) -> pd.DataFrame:
    """Propose the next designs, from all that are known, under way or failed.

    Args:
        search: objectives and limits, and the space.
        table: the study's table.
        engine: what proposes.
        n: how many designs.
        seed: of every random choice.

    Returns:
        Up to n designs with a column `why`, and one `candidate` with what a list calls them.

    Raises:
        DesignError: if no design at all keeps the rules.
    """
    history, pending = split_history(search, table)
    proposed = propose_designs(engine, search, history, n, seed, pending)
    if proposed.empty:
        # of rules that exclude each other nothing is left either, but for another reason
        search.space.sample_codes(np.random.default_rng(seed), 1)
    called = search.space.name_candidates(proposed)
    return proposed.assign(candidate=called) if any(called) else proposed


def split_history(search: Search, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the measured and failed rows of a table as engines take them, and those under way, if there are any."""
    known = table[table[SPLIT].isin((TRAIN, FAILED))].reset_index(drop=True)
    failure = np.where(has_failed(known, search.modelled), "failed", "")
    pending = table[table[SPLIT] == PENDING]
    return search.add_scores(known.assign(failure=failure)), pending if len(pending) else None


def describe_shortage(n_proposed: int, n: int, space: Space, pool: str | None = None) -> str:
    """Say why fewer designs are proposed than were wanted; an empty text where they are not fewer.

    Args:
        n_proposed: how many there are.
        n: how many were wanted.
        space: where they come from.
        pool: the file that lists what to choose from, if there is one.
    """
    if n_proposed >= n:
        return ""
    if n_proposed and space.shared:
        return f"{n_proposed} of {n}: no more designs that are new fit one {', '.join(space.shared)}"
    known = "are measured, pending or failed"
    if pool:
        n_listed = len(space.candidates) if space.candidates is not None else 0
        inside = space.list_designs() if n_listed else None
        n_left_out = n_listed - len(inside) if inside is not None else 0
        listed = f"{n_listed} of {pool} {known}" + (f", or break the rules ({n_left_out})" if n_left_out else "")
        if n_proposed == 0:
            return f"No design is left: all {listed}; add to the list"
        return f"{n_proposed} of {n}: all others of the {listed}; add to the list"
    more = "smaller steps or wider bounds make more"
    if n_proposed == 0:
        return f"No design is left: all that keep the rules {known}; {more}"
    return f"{n_proposed} of {n}: no more designs keep the rules, but those that {known}; {more}"


def has_failed(rows: pd.DataFrame, outcomes: Sequence[str]) -> Mask:
    """Return which rows failed: as a whole, or in one of the outcomes, whose others are learned from all the same."""
    columns = [name_missing_column(name) for name in outcomes]
    found = [rows[SPLIT] == FAILED, *(rows[column] == FAILED for column in columns if column in rows)]
    return np.any(np.column_stack(found), axis=1)


def count_failed(rows: pd.DataFrame, outcomes: Sequence[str]) -> int:
    """Return how many rows failed."""
    return int(has_failed(rows, outcomes).sum())


def describe_batch(
    proposed: pd.DataFrame,
    problem: Problem,
    rows: pd.DataFrame,
    derived: tuple[Derived, ...],
    id_column: str | None = None,
) -> pd.DataFrame:
    """Add to proposed designs what both models say of them, why they were chosen, and how far they are from rows.

    Args:
        proposed: designs with what the engine's model expects of them.
        problem: objectives, limits in force, and the validated model.
        rows: the measured rows.
        derived: quantities to append.
        id_column: column that names the rows.
    """
    evaluated = problem.evaluate(proposed[problem.space.names])
    predicted = evaluated.drop(columns=["failure", "score", "violation", "feasible"])
    frame = add_derived(add_intervals(predicted, problem), derived)
    if "candidate" in proposed:
        frame.insert(0, "candidate", proposed["candidate"])
    frame["distance_to_known"] = problem.space.distance(proposed, rows) if len(proposed) else []
    for objective in problem.objectives:
        if (mean := name_mean_column(objective.name)) in proposed:
            frame[f"{objective.name}_engine_mean"] = proposed[mean]
            frame[f"{objective.name}_engine_sd"] = proposed[name_deviation_column(objective.name)]
    if MEASURE in proposed:
        costs = Costs.add_up(problem)
        frame.insert(0, "measure", proposed[MEASURE])
        frame.insert(1, "measure_cost", [costs.find(what) for what in proposed[MEASURE]])
    for column, heading in PROBABILITIES.items():
        if column in proposed:
            frame[heading] = proposed[column]
    outlooks = assess_suggestions(proposed, problem, find_best_known(problem, rows, id_column))
    notes = zip(note_disagreements(proposed, frame, problem), note_clipped_predictions(frame, problem), strict=True)
    frame["why"] = [outlook.reason + "".join(pair) for outlook, pair in zip(outlooks, notes, strict=True)]
    return frame


def list_for_ledger(suggestions: pd.DataFrame, problem: Problem) -> list[dict[str, Any]]:
    """Return what the ledger keeps of suggestions: design, and prediction with bounds."""
    kept = []
    for _, row in suggestions.iterrows():
        design = make_design(row, problem.space.features)
        bounds = {
            o.name: [_as_json(row[f"{o.name}{ending}"]) for ending in ("", "_lower_95", "_upper_95")]
            for o in problem.objectives
        }
        kept.append({"design": design, "predicted": bounds})
    return kept


def make_design(row: pd.Series, features: Sequence[Feature]) -> dict[str, float | str | None]:
    """Return a row of a table as a design; None for what does not apply to it."""
    return {
        f.name: None if pd.isna(row[f.name]) else str(row[f.name]) if f.is_category else float(row[f.name])
        for f in features
    }


def list_units(problem: Problem) -> dict[str, str]:
    """Return the units of features and objectives, which the ledger keeps with designs and predictions."""
    return {column.name: column.unit for column in (*problem.space.features, *problem.objectives)}


def _as_json(value: Any) -> float | None:
    """Return a number for JSON, None where it is not finite."""
    return float(value) if np.isfinite(value) else None


def replay_rows(
    search: Search, rows: pd.DataFrame, settings: ExperimentCampaign, seed: int
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Replay campaigns over the measured rows, beside random order, to see what the engine would have saved.

    Args:
        search: objectives and limits, and the space.
        rows: the measured rows.
        settings: of the campaign.
        seed: of the starts.

    Returns:
        The campaigns and their comparison, at shares of the range of the measured designs; none with fewer than 12
        different designs.
    """
    problem, designs = _make_replay_problem(search, rows)
    n = len(designs)
    if n < MIN_REPLAYED:
        logger.info("%d different designs are too few to replay a campaign on", n)
        return empty_history(problem), None
    initial = max(3, n // START_SHARE)
    # trees of the study's model know all rows, so that they cannot be replayed
    engine = settings.engine if settings.engine != "enumerate" else "gaussian_process"
    parts = []
    for item in range(seed, seed + settings.seeds):
        order = np.random.default_rng([item, 1]).permutation(n)
        start = problem.evaluate(designs.iloc[order[:initial]].reset_index(drop=True))
        budget = min(n, initial + N_REPLAYED)
        parts += [run_engine(problem, name, start, budget, item) for name in (engine, RANDOM)]
    history = pd.concat(parts, ignore_index=True)
    history["engine"] = history["engine"].replace(engine, settings.engine)
    attainable = measure_attainable(problem, problem.evaluate(designs), f"the {n} designs that were measured")
    targets = make_range_targets(attainable) if attainable else []
    least = settings.worthwhile.least if settings.worthwhile else 0.0
    comparison = compare_with_random(history, settings.engine, targets, initial, seed, least)
    return history, {**comparison, "attainable": attainable.as_dict() if attainable else None}


def _make_replay_problem(search: Search, rows: pd.DataFrame) -> tuple[Problem, pd.DataFrame]:
    """Return the problem whose designs are the measured ones, answered by their mean outcomes; and these designs."""
    space = search.space
    # an answer needs all outcomes, those that are only reported excepted
    rows = rows[rows[search.modelled].notna().all(axis=1)]
    replicates = group_replicates(space.codes(rows))
    designs = space.frame(replicates.codes)
    outcomes = pd.DataFrame({o.name: _average_replicates(replicates, rows, o.name) for o in search.objectives})
    free = space.relist(tuple(_widen_bounds(f, designs) for f in space.features), designs)
    lookup = LookUp(designs, outcomes, space.names)
    # every answer has all outcomes, so that none is measured early
    full = tuple(o.model_copy(update={"early": None, "cost": None}) if o.early else o for o in search.objectives)
    return Problem(free, full, search.limits, lookup, is_noisy=True, reference=search.reference), designs


def _average_replicates(replicates: Replicates, rows: pd.DataFrame, name: str) -> Array:
    """Return the mean outcome of each design, measurements weighted by their errors; NaN where a result is missing."""
    column = name_error_column(name)
    errors = rows[column].to_numpy(float) if column in rows else None
    return replicates.combine(rows[name].to_numpy(float), errors)[0]


def _widen_bounds(feature: Feature, designs: pd.DataFrame) -> Feature:
    """Return the feature with bounds around all rows, and no step, since rows need not lie on one."""
    # rows of the table need not keep the own ranges of their choices either
    used = {name: tuple(choices) for name, choices in feature.used_with.items()} if feature.used_with else None
    if feature.is_category:
        return feature
    values = designs[feature.name].to_numpy(float)
    low, high = feature.range or (0.0, 1.0)
    bounds = (min(low, float(np.nanmin(values, initial=low))), max(high, float(np.nanmax(values, initial=high))))
    return feature.model_copy(update={"bounds": bounds, "step": None, "levels": None, "used_with": used})
