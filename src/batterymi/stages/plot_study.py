"""The stage `plot_study`: all figures of one study."""

import logging
from pathlib import Path
from typing import Any

from batterymi import registry
from batterymi.config.study import Study
from batterymi.data.headers import without_units
from batterymi.figures.campaign import plot_convergence
from batterymi.figures.data import plot_data
from batterymi.figures.style import house_style, save
from batterymi.figures.surrogate import plot_importances, plot_parity
from batterymi.figures.validation import plot_validation
from batterymi.files import read_frame, read_json, write_json
from batterymi.reporting.study_results import StudyResults
from batterymi.vocabulary.splits import SPLIT

logger = logging.getLogger(__name__)


def plot_study(
    table_path: str,
    metrics_path: str,
    predictions_path: str,
    importances_path: str,
    history_path: str,
    suggestions_path: str,
    benchmark_path: str,
    named_path: str,
    validation_path: str,
    traces_path: str | None,
    transfer_path: str | None,
    ranking_path: str | None,
    earlier_path: str | None,
    index_path: str,
    *,
    study: dict[str, Any],
    headline: str,
) -> None:
    """Draw a study's figures beside an index of them.

    Args:
        table_path: the study's table.
        metrics_path: scores.
        predictions_path: out-of-fold predictions.
        importances_path: permutation importances.
        history_path: campaigns.
        suggestions_path: best designs.
        benchmark_path: feasibility and comparison with random search.
        named_path: designs of others, judged.
        validation_path: how far the models can be trusted.
        traces_path: charges over time, or None.
        transfer_path: comparison of ways to transfer, or None.
        ranking_path: candidates, best first, or None.
        earlier_path: earlier suggestions against measurements, or None.
        index_path: JSON to write, in the folder of the figures: their names.
        study: the study's settings.
        headline: the variant that its decisions rest on.
    """
    settings = Study.model_validate(study)
    sought = {"objective": [objective.name for objective in settings.objectives]}
    results = StudyResults(
        study=settings,
        headline=headline,
        table=read_frame(table_path, needs=[*(one.name for one in (*settings.features, *settings.objectives)), SPLIT]),
        metrics=read_frame(metrics_path, holds=sought),
        predictions=read_frame(predictions_path, holds=sought),
        importances=read_frame(
            importances_path, holds=sought | {"feature": [feature.name for feature in settings.features]}
        ),
        history=read_frame(history_path),
        suggestions=without_units(read_frame(suggestions_path, needs=["why", *settings.design_columns])),
        benchmark=read_json(benchmark_path, needs=["feasibility", "comparison"]),
        named=read_frame(named_path, needs=["name", "status", *settings.design_columns]),
        validation=read_json(validation_path, needs=["objectives"])["objectives"],
        traces=read_frame(traces_path) if traces_path else None,
        transfer=read_json(transfer_path) if transfer_path else None,
        ranking=read_frame(ranking_path, keep_default_na=False) if ranking_path else None,
        earlier=read_frame(earlier_path) if earlier_path else None,
    )
    drawings = {
        "data": plot_data,
        "parity": plot_parity,
        "importances": plot_importances,
        "validation": plot_validation,
        "convergence": plot_convergence,
        "picture": registry.look_up("picture", results.study.picture),
    }
    folder = Path(index_path).parent
    with house_style():
        for name, draw in drawings.items():
            save(draw(results), folder, name)
            logger.info("drew %s", name)
    write_json(index_path, {"figures": list(drawings)})
