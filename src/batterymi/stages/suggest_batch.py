"""The stage `suggest_batch`: what to measure next, from a table of experiments."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from batterymi import registry
from batterymi.config.campaign import Campaign
from batterymi.config.designs import Derived, NamedDesign
from batterymi.config.parts import Feature, Objective
from batterymi.data.headers import with_units
from batterymi.evaluators.lookup import LookUp
from batterymi.evaluators.make import make_evaluator
from batterymi.files import digest, read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.benchmark import RANDOM, compare_with_random
from batterymi.optimise.campaigns.campaign import run_campaign
from batterymi.optimise.campaigns.feasibility import check_feasibility, infer_worst
from batterymi.optimise.campaigns.ledger import Ledger, earlier_suggestions
from batterymi.optimise.campaigns.reference_designs import judge_named_designs
from batterymi.optimise.campaigns.suggestions import add_derived, add_intervals, cut_predictions
from batterymi.optimise.engines.models import gather
from batterymi.optimise.space.make_space import study_space
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT, TRAIN

logger = logging.getLogger(__name__)

MIN_REPLAYED = 12  # different designs from which a replay says anything
N_REPLAYED = 20  # evaluations of a replay beyond its start
STARTS = 5  # one design in so many is known at the start of a replay


def suggest_batch(
    table_path: str,
    model_path: str,
    history_path: str,
    suggestions_path: str,
    benchmark_path: str,
    named_path: str,
    earlier_path: str,
    *,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    campaign: dict[str, Any],
    designs: list[dict[str, Any]],
    derived: list[dict[str, Any]],
    ledger_path: str,
    seed: int,
) -> None:
    """Suggest the next batch of experiments, and hold earlier suggestions against what was measured.

    Args:
        table_path: the study's table: measured rows, pending ones and failed ones.
        model_path: its models, which predict the suggestions.
        history_path: Parquet to write: campaigns replayed over the measured rows.
        suggestions_path: CSV to write: the next batch.
        benchmark_path: JSON to write: what limits the rows meet, and what the replay says the engine is worth.
        named_path: CSV to write: designs of others, held against constraints and model.
        earlier_path: CSV to write: earlier suggestions, predicted against measured.
        features: settings of the features that the campaign chooses.
        objectives: settings of the objectives.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        campaign: settings of the campaign.
        designs: settings of designs of others.
        derived: settings of quantities computed from designs.
        ledger_path: the campaign's memory; the batch is appended to it.
        seed: the study's seed.

    Raises:
        DesignError: if no design meets the constraints.
        TableError: if the ledger or the list of candidates cannot be read.
    """
    settings = Campaign(**campaign)
    targets = tuple(Objective(**objective) for objective in objectives)
    quantities = [Derived(**one) for one in derived]
    table = read_frame(table_path, needs=[*(one["name"] for one in [*features, *objectives]), SPLIT])
    measured = table[table[SPLIT] == TRAIN]
    search = make_search(table, campaign, features, targets, simplex, constraints, derived)
    evaluator = make_evaluator(campaign["evaluator"], targets, model_path)
    found = check_feasibility(search.space, evaluator, targets, measured, seed)
    problem = Problem(
        search.space, targets, found.limits_in_force, evaluator, is_noisy=True, reference=search.reference
    )
    ledger = Ledger(ledger_path)
    asked = propose_next(problem, table, settings, seed)
    logger.info("%d designs suggested", len(asked))
    suggestions = _described(asked, problem, measured, quantities)
    key = digest(table[[*search.space.names, *(t.name for t in targets), SPLIT]].to_dict("list"), features, campaign)
    number = ledger.add(key, len(table), _remembered(suggestions, problem))
    suggestions.insert(0, "suggestion", [f"{number}.{place}" for place in range(1, len(suggestions) + 1)])
    history, comparison = replay_rows(search, measured, settings, seed)
    write_parquet(history_path, history)
    write_csv(suggestions_path, with_units(suggestions, (*search.space.features, *targets, *quantities)))
    write_csv(earlier_path, earlier_suggestions(ledger, table, search.space, targets, number))
    write_csv(named_path, judge_named_designs([NamedDesign(**one) for one in designs], problem, measured, quantities))
    write_json(
        benchmark_path,
        {
            "feasibility": found.as_dict(),
            "answers": "predicted",
            "comparison": comparison,
            "failures": {"failed": int((table[SPLIT] == FAILED).sum())} if (table[SPLIT] == FAILED).any() else {},
        },
    )


def make_search(
    table: pd.DataFrame,
    campaign: dict[str, Any],
    features: list[dict[str, Any]],
    objectives: tuple[Objective, ...],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    derived: list[dict[str, Any]],
) -> Search:
    """What a campaign over experiments seeks, and where.

    Args:
        table: the study's table.
        campaign: settings of the campaign.
        features: settings of the features that it chooses.
        objectives: the objectives.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        derived: settings of quantities that constraints may name.

    Returns:
        The search; its limits are the declared ones.
    """
    from batterymi.optimise.space.score import declared_limits

    measured = table[table[SPLIT] == TRAIN]
    space = study_space(table, campaign, features, simplex, constraints, derived)
    limits = declared_limits(objectives)
    reference = campaign["reference"] or infer_worst(measured, objectives, limits)
    return Search(space, objectives, limits, is_noisy=True, reference=reference)


def propose_next(search: Search, table: pd.DataFrame, settings: Campaign, seed: int) -> pd.DataFrame:
    """The next designs, from all that is known, under way or failed.

    Args:
        search: what is sought, where.
        table: the study's table.
        settings: of the campaign.
        seed: of every random choice.

    Returns:
        Up to `settings.suggestions` designs with a column `why`.
    """
    known = table[table[SPLIT].isin((TRAIN, FAILED))].reset_index(drop=True)
    history = search.judged(known.assign(failure=np.where(known[SPLIT] == FAILED, "failed", "")))
    pending = table[table[SPLIT] == PENDING]
    propose = registry.look_up("engine", settings.engine)
    asked: pd.DataFrame = propose(search, history, settings.suggestions, seed, pending if len(pending) else None)
    return asked


def _described(asked: pd.DataFrame, problem: Problem, rows: pd.DataFrame, derived: list[Derived]) -> pd.DataFrame:
    """Suggestions with what the validated model predicts of them."""
    predicted = problem.evaluate(asked[problem.space.names]).drop(columns=["failure", "score", "violation", "feasible"])
    frame = add_derived(add_intervals(predicted, problem), derived)
    frame["distance_to_known"] = problem.space.distance(asked, rows) if len(asked) else []
    notes = cut_predictions(frame, problem)
    frame["why"] = [why + note for why, note in zip(asked["why"], notes, strict=True)]
    return frame


def _remembered(suggestions: pd.DataFrame, problem: Problem) -> list[dict[str, Any]]:
    """What the ledger keeps of suggestions."""
    kept = []
    for _, row in suggestions.iterrows():
        design = {f.name: str(row[f.name]) if f.is_category else float(row[f.name]) for f in problem.space.features}
        bounds = {
            o.name: [_finite(row[o.name]), _finite(row[f"{o.name}_lower_95"]), _finite(row[f"{o.name}_upper_95"])]
            for o in problem.objectives
        }
        kept.append({"design": design, "predicted": bounds})
    return kept


def _finite(value: Any) -> float | None:
    """A number for JSON."""
    return float(value) if np.isfinite(value) else None


def replay_rows(
    search: Search, rows: pd.DataFrame, settings: Campaign, seed: int
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """What the engine would have saved on the measured rows: campaigns that choose among them, beside random order.

    Args:
        search: what is sought, where.
        rows: the measured rows.
        settings: of the campaign.
        seed: of the starts.

    Returns:
        The campaigns and their comparison; none with fewer than 12 different designs.
    """
    space = search.space
    replicates = gather(space.codes(rows))
    names = [objective.name for objective in search.objectives]
    designs = space.frame(replicates.codes)
    n = len(designs)
    if n < MIN_REPLAYED:
        logger.info("%d different designs are too few to replay a campaign on", n)
        columns = [*space.names, *names, "failure", "score", "violation", "feasible", "engine", "seed", "evaluation"]
        return pd.DataFrame(columns=[*columns, "best_so_far"]), None
    outcomes = pd.DataFrame({name: replicates.mean(rows[name].to_numpy(float)) for name in names})
    free = Space(tuple(_widened(f, designs) for f in space.features), candidates=designs)
    problem = Problem(
        free,
        search.objectives,
        search.limits,
        LookUp(designs, outcomes, space.names),
        is_noisy=True,
        reference=search.reference,
    )
    initial = max(3, n // STARTS)
    engine = settings.engine if settings.engine != "enumerate" else "gaussian_process"
    parts = []
    for number in range(settings.seeds):
        order = np.random.default_rng([seed + number, 1]).permutation(n)
        start = problem.evaluate(designs.iloc[order[:initial]].reset_index(drop=True))
        budget = min(n, initial + N_REPLAYED)
        parts += [run_campaign(problem, name, start, budget, seed + number) for name in (engine, RANDOM)]
    history = pd.concat(parts, ignore_index=True)
    history["engine"] = history["engine"].replace(engine, settings.engine)
    return history, compare_with_random(history, settings.engine, seed)


def _widened(feature: Feature, designs: pd.DataFrame) -> Feature:
    """The feature with bounds around all rows, and no step, since rows are where they are."""
    if feature.is_category:
        return feature
    values = designs[feature.name].to_numpy(float)
    low, high = feature.range or (0.0, 1.0)
    bounds = (min(low, float(values.min())), max(high, float(values.max())))
    return feature.model_copy(update={"bounds": bounds, "step": None, "levels": None})
