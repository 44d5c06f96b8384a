"""The stage `suggest_batch`: what to measure next, from a table of experiments."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from batterymi.config.campaign import SurrogateChoice
from batterymi.config.descriptors import list_described_columns
from batterymi.config.parts import Objective
from batterymi.config.slices.campaign import SuggestionSettings
from batterymi.data.designs import read_pool
from batterymi.data.headers import add_units
from batterymi.evaluators.base import EvaluatorFiles
from batterymi.evaluators.experiment import Experiment
from batterymi.files import compute_digest, read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.best_known import BEST_ROWS, find_best_known
from batterymi.optimise.campaigns.changes import State, describe_changes
from batterymi.optimise.campaigns.converted_batches import describe_differences
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.optimise.campaigns.ledger_lines import name_suggestion
from batterymi.optimise.campaigns.made_designs import exclude_made_designs
from batterymi.optimise.campaigns.matched_results import (
    compare_suggestions,
    digest_known,
    find_highest_batch,
    find_unknown_names,
)
from batterymi.optimise.campaigns.next_batch import (
    count_failed,
    describe_batch,
    describe_shortage,
    list_for_ledger,
    list_units,
    make_search,
    propose_batch,
    replay_rows,
)
from batterymi.optimise.campaigns.partly_measured import assess_partly_measured, describe_partly_measured
from batterymi.optimise.campaigns.reference_designs import check_reference_designs
from batterymi.optimise.space.problem import Problem
from batterymi.vocabulary.measured import name_bound_column, name_error_column, name_missing_column
from batterymi.vocabulary.splits import SPLIT, TRAIN

BESIDE = (name_error_column, name_missing_column, name_bound_column)  # what columns say of each outcome
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SuggestionFiles:
    """What the stage writes.

    Attributes:
        history: Parquet; campaigns replayed over the measured rows.
        suggestions: CSV; the next batch.
        benchmark: JSON; what limits the rows meet, and what the replay says the engine is worth.
        reference_designs: CSV; known designs, checked against constraints and predicted by the model.
        earlier: CSV; earlier suggestions, predicted against measured.
    """

    history: Path
    suggestions: Path
    benchmark: Path
    reference_designs: Path
    earlier: Path


def suggest_batch(
    table: Path,
    model: Path,
    pool: Path | None,
    ledger: str,
    files: SuggestionFiles,
    settings: SuggestionSettings,
    digests: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Suggest the next batch of experiments, and compare earlier suggestions with what was measured.

    Args:
        table: the study's table: measured rows, pending ones and failed ones.
        model: its models, which predict the suggestions.
        pool: designs to choose from, if the study lists them.
        ledger: the campaign's ledger; the batch is appended to it.
        files: what to write.
        settings: of designs and campaign.
        digests: of the list of designs when the run began.

    Raises:
        DesignError: if no design meets the constraints.
        TableError: if the ledger or the list of candidates cannot be read, or lines of the ledger are missing.
        OutputError: if the ledger cannot be written.
    """
    campaign, targets = settings.campaign, settings.objectives
    described = list_described_columns(settings.primary_descriptors)
    rows = read_frame(table, needs=[*(column.name for column in (*settings.designable, *targets)), *described, SPLIT])
    measured = rows[rows[SPLIT] == TRAIN]
    search = make_search(settings, rows, read_pool(pool, settings, digests, settings.id_column) if pool else None)
    space = search.space
    evaluator = Experiment(SurrogateChoice(name="surrogate", variant=campaign.variant), targets, EvaluatorFiles(model))
    found = check_feasibility(space, evaluator, targets, measured, settings.seed)
    problem = Problem(space, targets, found.limits_in_force, evaluator, is_noisy=True, reference=search.reference)
    suggestion_ledger = Ledger(Path(ledger))
    problem = exclude_made_designs(problem, rows, suggestion_ledger.batches)
    proposed = propose_batch(problem, rows, campaign.engine, campaign.suggestions, settings.seed)
    logger.info("%d designs suggested", len(proposed))
    if shortage := describe_shortage(len(proposed), campaign.suggestions, space, campaign.pool):
        logger.warning("%s", shortage)
    suggestions = describe_batch(proposed, problem, measured, settings.derived, settings.id_column)
    partly = assess_partly_measured(problem, rows, settings.seed, settings.id_column)
    for note in partly.notes:
        logger.info("%s", note)
    # of the rows alone: designs depend on all else, and a key must not change with the way settings are written
    key = compute_digest(rows[_list_learned(rows, space.names, targets)].to_dict("list"))
    listed = list_for_ledger(suggestions, problem)
    known = set(digest_known(rows, space.features))
    state = State(rows, space.features, targets, settings.constraints, settings.id_column)
    differences = describe_differences(suggestion_ledger.batches, space.features, targets)
    for said in (
        *suggestion_ledger.warnings,
        *find_unknown_names(rows, suggestion_ledger.batches),
        *(f"{ledger}: {line}" for line in differences),
        # reported once, since the batch that is added keeps what is so now
        *(describe_changes(suggestion_ledger.batches[-1], state) if suggestion_ledger.batches else ()),
    ):
        logger.warning("%s", said)
    taken = find_highest_batch(rows)
    number = suggestion_ledger.add(key, len(rows), listed, known, taken, list_units(problem), state.as_dict())
    names = [name_suggestion(number, place) for place in range(1, len(suggestions) + 1)]
    suggestions.insert(0, "suggestion", names)
    if len(partly.designs):
        partly_measured = describe_partly_measured(partly, problem, measured, settings.derived)
        suggestions = pd.concat([suggestions, partly_measured], ignore_index=True)
    history, comparison = replay_rows(search, measured, campaign, settings.seed)
    n_failed = count_failed(rows, [target.name for target in targets])
    write_parquet(files.history, history)
    write_csv(files.suggestions, add_units(suggestions, (*space.features, *targets, *settings.derived)))
    write_csv(files.earlier, compare_suggestions(suggestion_ledger.batches, rows, space, targets, number))
    references = check_reference_designs(settings.reference_designs, problem, measured, settings.derived)
    write_csv(files.reference_designs, references)
    benchmark = {
        "feasibility": found.as_dict(),
        "outcome_kind": "predicted",
        "comparison": comparison,
        "failures": {"failed": n_failed} if n_failed else {},
        BEST_ROWS: find_best_known(problem, measured, settings.id_column).as_records(),
    }
    write_json(files.benchmark, benchmark)


def _list_learned(rows: pd.DataFrame, designs: Sequence[str], targets: Sequence[Objective]) -> list[str]:
    """Return the columns on which suggestions depend: designs, outcomes, their errors and sides, and why some lack."""
    outcomes = [target.name for target in targets]
    beside = [column(name) for name in outcomes for column in BESIDE]
    return [*designs, *outcomes, SPLIT, *(column for column in beside if column in rows)]
