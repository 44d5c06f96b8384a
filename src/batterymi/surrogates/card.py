"""Model cards: what a model was made from, how it was validated, and what it cannot do."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.config.slices.training import TrainingSettings
from batterymi.surrogates.problem import Inputs
from batterymi.text_safety import escape_links
from batterymi.vocabulary.verdicts import NO_SKILL, describe_looks, describe_skill

LIBRARIES = ("scikit-learn", "numpy", "skops")
TREATMENTS = {"bound": "taken as values", "expected": "replaced by the value expected {}", "drop": "left out"}


def write_card(
    settings: TrainingSettings,
    metrics: pd.DataFrame,
    variants: Mapping[str, Inputs],
    checks: Mapping[str, Mapping[str, Any]],
    computed: Mapping[str, pd.DataFrame],
    report: Mapping[str, Any],
) -> str:
    """Write the card of a study's models.

    Args:
        settings: what models learned from, and how they were compared.
        metrics: one row per variant, objective and model.
        variants: inputs of each variant.
        checks: what `validate` found, by objective.
        computed: descriptors of the rows, for their sizes.
        report: on the table: source, digests, rows left out.

    Returns:
        Markdown without HTML, whatever the labels, units and reasons contain.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 - Markdown, escaped as a whole below
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["number"] = format
    template = environment.from_string(Path(__file__).with_name("card.md.j2").read_text(encoding="utf-8"))
    table, folds, digests = settings.table, settings.surrogate.folds, report["sha256"]
    reasons = {ablation.name: ablation.reason for ablation in settings.ablations}
    text = template.render(
        settings=settings,
        comparison=settings.surrogate,
        table=table,
        source=f"the data set {table.dataset.name}"
        if table.dataset
        else table.file or "designs computed by the study's evaluator, not experiments",
        folds="leave-one-out" if folds == "leave_one_out" else f"{folds}-fold",
        report={"dataset": None, **report},
        digests=digests if isinstance(digests, dict) else {report["source"]: digests},
        variants=[
            {
                "name": name,
                "reason": reasons.get(name),
                "features": _list_features(inputs, computed),
                "scores": _group_scores(metrics[metrics["variant"] == name]),
            }
            for name, inputs in variants.items()
        ],
        checks=checks,
        describe_treatments=_describe_treatments,
        rows=int(metrics["rows"].max()),
        partitions=int(metrics["partitions"].max()),
        describe_looks=describe_looks,
        describe_skill=describe_skill,
        no_skill=NO_SKILL,
        versions={name: version(name) for name in LIBRARIES},
    )
    # labels, units and reasons are free text, which must not become HTML or a link
    return escape_links(text)


def _describe_treatments(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the treatments of bounds in words, for bounds below, above or on both sides of which values lie."""
    n_lower = found.get("n_lower", 0)
    where = "below" if not n_lower else "above" if n_lower == found["n_censored"] else "beyond"
    return {name: text.format(where) for name, text in TREATMENTS.items()}


def _list_features(inputs: Inputs, computed: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return features with their units, and descriptors with their sizes."""
    features = [f"{feature.label} ({feature.unit})" for feature in inputs.features]
    return features + [f"{d.label} ({computed[d.name].shape[1]} numbers)" for d in inputs.descriptors]


def _group_scores(metrics: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the scores of all models by objective."""
    return {str(name): part.to_dict("records") for name, part in metrics.groupby("objective", sort=False)}
