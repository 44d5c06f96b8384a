"""The stage `train_surrogate`: compare models, state the verdict, refit the best on all rows."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from batterymi.config.slices.training import TrainingSettings
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import read_frame, read_json, write_csv, write_json, write_parquet, write_text
from batterymi.surrogates.card import write_card
from batterymi.surrogates.comparison import apply_ablation, compare_models
from batterymi.surrogates.problem import Inputs, make_problem
from batterymi.surrogates.store import save_models
from batterymi.surrogates.validate import validate_model
from batterymi.vocabulary.splits import CHECKED, SPLIT


@dataclass(frozen=True)
class SurrogateFiles:
    """What the stage writes.

    Attributes:
        metrics: CSV; one row per variant, objective and model.
        predictions: Parquet; out-of-fold predictions with intervals at 50, 80 and 95 %.
        importances: CSV; out-of-fold permutation importances of the selected models.
        validation: JSON; leaks, noise, calibration, applicability, learning curve, official test.
        model: skops; the selected models, refitted on all rows.
        card: Markdown; the model card.
    """

    metrics: Path
    predictions: Path
    importances: Path
    validation: Path
    model: Path
    card: Path


def train_surrogate(table: Path, report: Path, files: SurrogateFiles, settings: TrainingSettings) -> None:
    """Cross-validate every model on every objective and variant, and keep the best.

    Args:
        table: the study's table.
        report: report on the table, for its digests.
        files: what to write.
        settings: what models learn from, and which are compared.
    """
    left_out = {ablation.name: ablation for ablation in settings.ablations}
    whole = Inputs(settings.features, settings.descriptors)
    variants = {"all_features": whole} | {name: whole.drop(ablation.drop) for name, ablation in left_out.items()}
    needed = [*(column.name for column in (*settings.features, *settings.objectives)), SPLIT]
    # both before any model is fitted, so that a damaged file is found at once
    rows, digests = read_frame(table, needs=needed), read_json(report)
    # reference rows and designs without a result are never learned from
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    # once for all variants, whose descriptors are a part of these
    computed = compute_descriptors(rows, whole.descriptors)
    comparisons, checks = [], {}
    for (variant, inputs), objective in product(variants.items(), settings.objectives):
        ablation = left_out.get(variant)
        problem = make_problem(rows, computed, variant, inputs, objective, settings.table, ablation)
        comparison = compare_models(problem, apply_ablation(settings.surrogate, ablation), settings.seed)
        comparisons.append(comparison)
        if variant == settings.primary_variant and objective.goal != "report":
            parts = comparison.best, comparison.validation, comparison.outs
            checks[objective.name] = validate_model(*parts, rows, computed, settings)
    metrics = pd.concat([comparison.metrics for comparison in comparisons], ignore_index=True)
    write_csv(files.metrics, metrics)
    predictions, importances = zip(*((c.predictions, c.importances) for c in comparisons), strict=True)
    joined = pd.concat(predictions, ignore_index=True)
    if "limit" in joined:
        # outcomes of which every value is known
        joined["limit"] = joined["limit"].fillna("")
    write_parquet(files.predictions, joined)
    write_csv(files.importances, pd.concat(importances, ignore_index=True))
    write_json(files.validation, {"variant": settings.primary_variant, "objectives": checks})
    save_models(files.model, [comparison.stored for comparison in comparisons])
    write_text(files.card, write_card(settings, metrics, variants, checks, computed, digests))
