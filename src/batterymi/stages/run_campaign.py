"""The stage `run_campaign`: check feasibility, run campaigns beside random search, make suggestions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from batterymi.config.slices.campaign import CampaignSettings
from batterymi.data.designs import read_pool
from batterymi.data.headers import add_units
from batterymi.evaluators.base import Evaluator, EvaluatorFiles
from batterymi.evaluators.make import make_evaluator
from batterymi.files import read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.attainable import Attainable, complete_attainable, scan_attainable
from batterymi.optimise.campaigns.benchmark import compare_with_random
from batterymi.optimise.campaigns.best_known import BEST_ROWS, find_best_known
from batterymi.optimise.campaigns.campaign import select_best_designs
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.campaigns.journal import Journal, place_journal, remove_journals
from batterymi.optimise.campaigns.reference_designs import check_reference_designs
from batterymi.optimise.campaigns.seeds import count_failures, empty_history, run_seeds
from batterymi.optimise.campaigns.suggestions import describe_designs
from batterymi.optimise.campaigns.targets import make_range_targets
from batterymi.optimise.space.make_space import make_study_space
from batterymi.optimise.space.problem import Problem
from batterymi.vocabulary.splits import SPLIT, TRAIN


@dataclass(frozen=True)
class CampaignFiles:
    """What the stage writes.

    Attributes:
        history: Parquet; every evaluation of every campaign.
        suggestions: CSV; the best designs, each with why it was chosen.
        benchmark: JSON; feasibility, comparison with random search, limits in force.
        reference_designs: CSV; known designs, checked by constraints and evaluator.
    """

    history: Path
    suggestions: Path
    benchmark: Path
    reference_designs: Path


def run_campaign(
    table: Path,
    evaluator_files: EvaluatorFiles,
    pool: Path | None,
    code: list[Path],
    files: CampaignFiles,
    settings: CampaignSettings,
    processes: int,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Search for better designs, and compare the search with random search.

    A problem that no design can solve costs nothing: its outputs then hold the finding and no rows. Results of an
    expensive evaluator are kept as they come, so that a run that was killed evaluates no design twice.

    Args:
        table: the study's table.
        evaluator_files: what the evaluator reads.
        pool: designs to choose from, if the study lists them.
        code: files on which results of the evaluator depend, beside those above.
        files: what to write.
        settings: of designs and campaign.
        processes: worker processes; the result does not depend on it.
        digests: of the list of designs when the run began.
    """
    campaign, targets = settings.campaign, settings.objectives
    rows = read_frame(table, needs=[*(column.name for column in (*settings.designable, *targets)), SPLIT])
    # distances and ranges are those of the rows that the model learned from
    rows = rows[rows[SPLIT] == TRAIN]
    space = make_study_space(settings, rows, read_pool(pool, settings, digests) if pool else None)
    evaluator = make_evaluator(campaign.evaluator, targets, evaluator_files)
    if not evaluator.is_cheap:
        read = evaluator_files.model, evaluator_files.phases
        evaluator = _make_journal(evaluator, files.history, [*filter(None, (table, *read, pool)), *code], settings)
    found = check_feasibility(space, evaluator, targets, rows, settings.seed)
    reference = campaign.reference or found.reference
    problem = Problem(space, targets, found.planned_limits, evaluator, reference=reference)
    history = run_seeds(problem, campaign, settings.seed, processes) if found.worth_running else empty_history(problem)
    comparison = _compare(history, problem, settings) if len(history) else None
    own = history[history["engine"] == campaign.engine]
    best = select_best_designs(problem, [own], campaign.suggestions) if len(history) else history
    suggestions = describe_designs(best, problem, rows, settings.derived, campaign)
    # known designs are held to the limits themselves, since nobody planned them with a reserve
    bare = replace(problem, limits=found.limits_in_force)
    references = check_reference_designs(settings.reference_designs, bare, rows, settings.derived)
    write_parquet(files.history, history)
    write_csv(files.suggestions, add_units(suggestions, (*space.features, *targets, *settings.derived)))
    write_csv(files.reference_designs, references)
    content = {
        "feasibility": found.as_dict(),
        "outcome_kind": evaluator.kind,
        "comparison": comparison,
        "failures": count_failures(history),
        # rows of the table may meet limits that no design of the campaign does
        BEST_ROWS: find_best_known(bare, rows).as_records() if suggestions.empty else [],
    }
    write_json(files.benchmark, content)
    remove_journals(files.history)


def _compare(history: pd.DataFrame, problem: Problem, settings: CampaignSettings) -> dict[str, Any]:
    """Compare the engine with random search at shares of the attainable range."""
    campaign, attainable = settings.campaign, _find_attainable(history, problem, settings)
    least = campaign.worthwhile.least if campaign.worthwhile else 0.0
    targets = make_range_targets(attainable) if attainable else []
    found = compare_with_random(history, campaign.engine, targets, campaign.initial, settings.seed, least)
    return {**found, "attainable": attainable.as_dict() if attainable else None}


def _find_attainable(history: pd.DataFrame, problem: Problem, settings: CampaignSettings) -> Attainable | None:
    """Return the range that designs can attain: by a scan where evaluations are cheap, else from random designs."""
    if problem.evaluator.is_cheap:
        return scan_attainable(problem, settings.seed)
    return complete_attainable(problem, history, settings.campaign.initial, settings.campaign.best_known)


def _make_journal(evaluator: Evaluator, history: Path, depends_on: list[Path], settings: CampaignSettings) -> Journal:
    """Return an evaluator that keeps its results beside the history, under a digest of what they depend on."""
    plain = settings.model_dump(mode="json")
    path = place_journal(history, depends_on, plain["campaign"], plain["objectives"])
    names = [feature.name for feature in settings.designable]
    return Journal(evaluator, path, names, [target.name for target in settings.objectives])
