"""Model cards: what a model was made from, how it was validated, and what it cannot do."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pandas as pd

from batterymi.config.parts import Surrogate
from batterymi.config.slices.training import TrainingSettings
from batterymi.config.sources import Table
from batterymi.surrogates.problem import Inputs
from batterymi.text_safety import escape_links

LIBRARIES = ("scikit-learn", "numpy", "skops")


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
    how = _describe_scoring(settings.surrogate, settings.table)
    lines = [f"# {settings.title}: surrogate models", "", how, "", *_describe_data(report), ""]
    reasons = {ablation.name: ablation.reason for ablation in settings.ablations}
    for variant, inputs in variants.items():
        lines += [f"## {variant}", ""]
        if variant in reasons:
            lines += [reasons[variant], ""]
        listed = [f"{f.label} ({f.unit})" for f in inputs.features]
        listed += [f"{d.label} ({computed[d.name].shape[1]} numbers)" for d in inputs.descriptors]
        lines += [f"Features: {', '.join(listed)}.", ""]
        for name, part in metrics[metrics["variant"] == variant].groupby("objective", sort=False):
            lines += [*_format_objective_section(str(name), part), ""]
    for name, found in checks.items():
        lines += [f"## How far to trust {name}", "", *_describe_reliability(found), ""]
    lines += [
        "## Limits",
        "",
        *(f"- {remark}" for remark in settings.remarks),
        f"- {int(metrics['rows'].max())} rows. A score from so few can change with one more row; see its interval.",
        "- The selected model is the best of several by the same score, which is a little optimistic for it; its "
        "p-value is corrected for that, the score is not.",
        "- Intervals assume that new designs resemble the rows. Outside the range of the rows they are too narrow.",
        "",
        "Versions: " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES) + ".",
    ]
    # labels, units and reasons are free text, which must not become HTML or a link
    return escape_links("\n".join(lines)) + "\n"


def _describe_data(report: Mapping[str, Any]) -> list[str]:
    """Describe where the rows come from, with the digests of the files."""
    digests = report["sha256"]
    listed = digests if isinstance(digests, dict) else {report["source"]: digests}
    lines = [f"Rows: {report['rows_in']} in, {report['rows_out']} out, {len(report['dropped'])} dropped (table.json)."]
    if report.get("dataset"):
        lines[0] += f" {report['dataset']['title']}; licence {report['dataset']['licence']}."
    return [*lines, "", *(f"- `{name}`: sha256 `{digest}`" for name, digest in listed.items())]


def _describe_scoring(settings: Surrogate, table: Table) -> str:
    """Describe the source of the rows and how the scores were made."""
    if table.dataset:
        source = f"the data set {table.dataset.name}"
    else:
        source = table.file or "designs computed by the study's evaluator, not experiments"
    folds = "leave-one-out" if settings.folds == "leave_one_out" else f"{settings.folds}-fold"
    groups = f", rows of equal {' or '.join(table.group_columns)} kept together" if table.group else ""
    text = (
        f"Rows from {source}. Scores are from {folds} cross-validation{groups}; intervals are 95 %, from "
        f"{settings.bootstraps} resamples of {'groups' if table.group else 'rows'}."
    )
    if settings.inner_folds:
        text += (
            f" Hyperparameters were chosen within each fold's training rows by {settings.inner_folds} inner folds, "
            "whose held-out errors also set the width of prediction intervals (conformal)."
        )
    return text


def _describe_reliability(found: Mapping[str, Any]) -> list[str]:
    """Describe leaks, noise, calibration, applicability, learning curve and official test."""
    lines = []
    if found["procedure"]:
        own = found["procedure"]
        lines.append(
            f"- With the choice of the model inside the folds: R² {own['r2']:.2f} [{own['r2_lower']:.2f}, "
            f"{own['r2_upper']:.2f}], MAE {own['mae']:.3g}."
        )
    for entry in found["groupings"] or ():
        warning = f" **{entry['warning']}.**" if entry["warning"] else ""
        lines.append(
            f"- Split by {entry['split']} ({entry['groups']} groups): R² {entry['r2']:.2f} [{entry['r2_lower']:.2f}, "
            f"{entry['r2_upper']:.2f}], MAE {entry['mae']:.3g}.{warning}"
        )
    lines += [
        f"- **{entry['feature']} alone explains the objective** (R² {entry['r2']:.2f} by {entry['by']}): it may be "
        "the objective in other words."
        for entry in found["single_features"]
    ]
    # a table may name a column of repeats and still hold none
    if found["noise"] and found["noise"]["sets"]:
        noise = found["noise"]
        lines.append(
            f"- Noise floor: {noise['rows']} rows in {noise['sets']} sets of repeats scatter by "
            f"{noise['deviation']:.2g} [{noise['deviation_lower']:.2g}, {noise['deviation_upper']:.2g}]; a "
            f"perfect model would have an MAE of "
            f"{noise['mae_of_a_perfect_model']:.2g} and an R² of {noise['r2_of_a_perfect_model']:.2f}."
        )
    covered = "; ".join(
        f"{hit['level']:.0%} intervals covered {hit['coverage']:.0%} [{hit['coverage_lower']:.0%}, "
        f"{hit['coverage_upper']:.0%}], median half width {hit['half_width']:.3g}"
        for hit in found["calibration"]
    )
    near = found["applicability"]
    lines.append(f"- Held-out rows: {covered}.")
    # if the largest distances are equal, no row lies beyond the threshold
    if near["mae_beyond"] is not None:
        lines.append(
            f"- Farther than {near['threshold']:.2f} from the training rows, its MAE is "
            f"{near['mae_beyond']:.3g} [{near['mae_beyond_lower']:.3g}, {near['mae_beyond_upper']:.3g}], within "
            f"{near['mae_within']:.3g} "
            f"[{near['mae_within_lower']:.3g}, {near['mae_within_upper']:.3g}]; rank correlation of error and distance "
            f"{near['spearman']:.2f}."
        )
    lines += [
        *_describe_bounds(found["censoring"]),
        *_describe_learning_curve(found["learning_curve"]),
        *_describe_official_test(found["test"]),
    ]
    return lines


def _describe_bounds(found: Mapping[str, Any] | None) -> list[str]:
    """Describe how the treatment of censored rows changes the error."""
    if not found:
        return []
    words = {"bound": "taken as values", "expected": "replaced by the value expected below", "drop": "left out"}
    parts = [
        f"{words[name]}: {one['mae_one_sided']:.3g} ({one['mae_of_values']:.3g} on the other rows)"
        for name, one in found["treatments"].items()
    ]
    return [f"- {found['n_censored']} rows are bounds. MAE, one-sided there, with the bounds {'; '.join(parts)}."]


def _describe_learning_curve(found: Mapping[str, Any] | None) -> list[str]:
    """Describe whether more rows would help."""
    # a curve of fewer than three points is not extrapolated
    if not found or "doubled" not in found:
        return []
    double = found["doubled"]
    low, high = double["change_interval"]
    return [
        f"- Twice the rows ({double['rows']}) would bring the MAE to {double['mae']:.3g} [{double['interval'][0]:.3g}, "
        f"{double['interval'][1]:.3g}], a change of {double['change']:.3g} [{low:.3g}, {high:.3g}], if the power "
        f"law of "
        "the learning curve holds."
    ]


def _describe_official_test(found: Mapping[str, Any] | None) -> list[str]:
    """Describe the scores on the official test split."""
    if not found:
        return []
    own = found["scores"][found["selected"]]
    known = found.get("repeats_in_training")
    shared = f" {known} of its rows repeat a measurement of the training rows." if known else ""
    others = ", ".join(f"{name} {one['mae']:.3g}" for name, one in found["scores"].items() if name != found["selected"])
    return [
        f"- Official test split, predicted once after selection ({own['rows']} rows): MAE {own['mae']:.3g} "
        f"[{own['mae_lower']:.3g}, {own['mae_upper']:.3g}], R² {own['r2']:.2f}, rank correlation "
        f"{own['spearman']:.2f}; without its {found['n_censored']} bounds MAE "
        f"{found['mae_without_censored']:.3g}; {others}.{shared}"
    ]


def _format_objective_section(name: str, part: pd.DataFrame) -> list[str]:
    """Format the scores of every model on one objective, and the verdict."""
    unit = part["unit"].iloc[0]
    # verdict and p-value exist for the selected model only
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
