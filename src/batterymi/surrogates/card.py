"""Model cards: what a model was made from, how it was judged, and what it cannot do."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from batterymi.config.parts import Ablation, Feature, Surrogate

LIBRARIES = ("scikit-learn", "numpy", "skops")


def model_card(
    title: str,
    metrics: pd.DataFrame,
    variants: Mapping[str, Sequence[Feature]],
    ablations: Mapping[str, Ablation],
    settings: Surrogate,
    table: Mapping[str, Any],
) -> str:
    """Write the card of a study's models.

    Args:
        title: the study's title.
        metrics: one row per variant, objective and model.
        variants: features of each variant.
        ablations: settings of the variants with fewer features.
        settings: how the models were compared.
        table: settings of the table.

    Returns:
        Markdown.
    """
    source = table["file"] or "designs answered by the study's evaluator, not experiments"
    folds = "leave-one-out" if settings.folds == "leave_one_out" else f"{settings.folds}-fold"
    lines = [
        f"# {title}: surrogate models",
        "",
        f"Rows from {source}. Scores are from {folds} cross-validation; intervals are 95 %, from "
        f"{settings.bootstraps} resamples of {'groups' if table['group'] else 'rows'}.",
        "",
    ]
    for variant, features in variants.items():
        lines += [f"## {variant}", ""]
        if variant in ablations:
            lines += [ablations[variant].reason, ""]
        listed = ", ".join(f"{f.label} ({f.unit})" for f in features)
        lines += [f"Features: {listed}.", ""]
        for name, part in metrics[metrics["variant"] == variant].groupby("objective", sort=False):
            lines += [*_objective_section(str(name), part), ""]
    lines += [
        "## Limits",
        "",
        f"- {int(metrics['rows'].max())} rows. A score from so few can change with one more row; see its interval.",
        "- The selected model is the best of several by the same score, which flatters it a little; its p-value is "
        "corrected for that, its score is not.",
        "- Intervals assume that new designs resemble the rows. Outside the range of the rows they are too narrow.",
        "",
        "Versions: " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES) + ".",
    ]
    return "\n".join(lines) + "\n"


def _objective_section(name: str, part: pd.DataFrame) -> list[str]:
    """Scores of every model on one objective, and the verdict."""
    unit = part["unit"].iloc[0]
    best = part[part["selected"]].iloc[0]
    rows = [
        f"### {name} ({unit})",
        "",
        "| model | Q² | 95 % | MAE | R² on its own training rows |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {'**' + r['model'] + '**' if r['selected'] else r['model']} | {r['q2']:.2f} "
        f"| {r['q2_lower']:.2f} to {r['q2_upper']:.2f} | {r['mae']:.3g} | {r['training_r2']:.2f} |"
        for _, r in part.iterrows()
    ]
    return [
        *rows,
        "",
        f"Verdict: **{best['verdict']}** ({best['model']}; permutation p = {best['p_value']:.3f} after "
        f"{best['shuffles']:.0f} shuffles, {best['p_method']}; "
        f"95 % intervals covered {best['coverage_95']:.0%} of held-out rows).",
    ]
