"""The stage `suggest_batch`: what to measure next, from a table of experiments."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from batterymi.config.campaign import SurrogateChoice
from batterymi.config.slices.campaign import SuggestionSettings
from batterymi.data.designs import read_designs
from batterymi.data.headers import add_units
from batterymi.evaluators.experiment import Experiment
from batterymi.files import compute_digest, read_frame, write_csv, write_json, write_parquet
from batterymi.optimise.campaigns.feasibility import check_feasibility
from batterymi.optimise.campaigns.ledger import Ledger, compare_suggestions
from batterymi.optimise.campaigns.next_batch import (
    describe_batch,
    list_for_ledger,
    make_search,
    propose_batch,
    replay_rows,
)
from batterymi.optimise.campaigns.reference_designs import judge_reference_designs
from batterymi.optimise.space.problem import Problem
from batterymi.vocabulary.splits import FAILED, SPLIT, TRAIN

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SuggestionFiles:
    """What the stage writes.

    Attributes:
        history: Parquet; campaigns replayed over the measured rows.
        suggestions: CSV; the next batch.
        benchmark: JSON; what limits the rows meet, and what the replay says the engine is worth.
        reference_designs: CSV; known designs, judged by constraints and model.
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
        TableError: if the ledger or the list of candidates cannot be read.
    """
    campaign, targets = settings.campaign, settings.objectives
    rows = read_frame(table, needs=[*(column.name for column in (*settings.designable, *targets)), SPLIT])
    measured = rows[rows[SPLIT] == TRAIN]
    search = make_search(settings, rows, read_designs(pool, settings.designable, digests) if pool else None)
    space = search.space
    evaluator = Experiment(SurrogateChoice(name="surrogate", variant=campaign.variant), targets, model)
    found = check_feasibility(space, evaluator, targets, measured, settings.seed)
    problem = Problem(space, targets, found.limits_in_force, evaluator, is_noisy=True, reference=search.reference)
    book = Ledger(Path(ledger))
    proposed = propose_batch(problem, rows, campaign.engine, campaign.suggestions, settings.seed)
    logger.info("%d designs suggested", len(proposed))
    suggestions = describe_batch(proposed, problem, measured, settings.derived)
    plain = settings.model_dump(mode="json")
    content = rows[[*space.names, *(target.name for target in targets), SPLIT]].to_dict("list")
    key = compute_digest(content, plain["designable"], plain["campaign"])
    number = book.add(key, len(rows), list_for_ledger(suggestions, problem))
    suggestions.insert(0, "suggestion", [f"{number}.{place}" for place in range(1, len(suggestions) + 1)])
    history, comparison = replay_rows(search, measured, campaign, settings.seed)
    n_failed = int((rows[SPLIT] == FAILED).sum())
    write_parquet(files.history, history)
    write_csv(files.suggestions, add_units(suggestions, (*space.features, *targets, *settings.derived)))
    write_csv(files.earlier, compare_suggestions(book, rows, space, targets, number))
    references = judge_reference_designs(settings.reference_designs, problem, measured, settings.derived)
    write_csv(files.reference_designs, references)
    benchmark = {
        "feasibility": found.as_dict(),
        "outcome_kind": "predicted",
        "comparison": comparison,
        "failures": {"failed": n_failed} if n_failed else {},
    }
    write_json(files.benchmark, benchmark)
