"""Hold the measured edition's results against its goals, and time the descriptors of composition.

    python benchmarks/measured.py [results]

Reads results that are there (make measured); prints Markdown for docs/results.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.features.composition import compute_element_fractions, compute_magpie_features
from batterymi.features.formulas import parse_formulas

STUDIES = ("solid_electrolytes", "lithium_sulfur", "fast_charging", "ncm_cathodes", "sodium_ion")


def validation(results: Path, study: str) -> dict[str, Any]:
    """What validation found on a study's first objective."""
    found = json.loads((results / f"{study}_measured/surrogate/validation.json").read_text())
    return next(iter(found["objectives"].values()))


def selected(results: Path, study: str, variant: str) -> pd.Series:
    """Scores of the selected model of a variant."""
    metrics = pd.read_csv(results / f"{study}_measured/surrogate/metrics.csv")
    return metrics[(metrics["variant"] == variant) & metrics["selected"]].iloc[0]


def goals(results: Path) -> list[tuple[str, str, float, float, float, bool]]:
    """(quantity, goal, measured, lower, upper, whether the goal is met)."""
    electrolytes = validation(results, "solid_electrolytes")
    test = electrolytes["test"]["scores"][electrolytes["test"]["selected"]]
    by_doi = selected(results, "solid_electrolytes", "all_features")
    sodium = selected(results, "sodium_ion", "all_features")
    sulfur = selected(results, "lithium_sulfur", "all_features")
    transfer = json.loads((results / "sodium_ion_measured/transfer/transfer.json").read_text())
    lithium = transfer["source_task"]
    rows = [
        _at_most("OBELiX official test, MAE (log10 S/cm)", 1.20, test["mae"], test["mae_lower"], test["mae_upper"]),
        _at_most("OBELiX by DOI, MAE", 1.04, by_doi["mae"], by_doi["mae_lower"], by_doi["mae_upper"]),
        _at_most("Na voltage by host system, MAE (V)", 0.50, sodium["mae"], sodium["mae_lower"], sodium["mae_upper"]),
        _at_most(
            "Li voltage by host system, MAE (V)", 0.45, lithium["mae"], lithium["mae_lower"], lithium["mae_upper"]
        ),
        _at_least(
            "Li-S adsorption by catalyst and paper, R²", 0.48, sulfur["q2"], sulfur["q2_lower"], sulfur["q2_upper"]
        ),
    ]
    for study in STUDIES:
        entry = next(level for level in validation(results, study)["calibration"] if level["level"] == 0.8)
        middle, low, high = entry["coverage"], entry["coverage_lower"], entry["coverage_upper"]
        rows.append((f"{study}: 80 % intervals cover", "75 to 85 %", middle, low, high, 0.75 <= middle <= 0.85))
    return rows


def _at_most(
    name: str, limit: float, middle: float, low: float, high: float
) -> tuple[str, str, float, float, float, bool]:
    """A goal from above."""
    return name, f"≤ {limit:.2f}", middle, low, high, middle <= limit


def _at_least(
    name: str, limit: float, middle: float, low: float, high: float
) -> tuple[str, str, float, float, float, bool]:
    """A goal from below."""
    return name, f"≥ {limit:.2f}", middle, low, high, middle >= limit


def formulas_per_second(formulas: list[str], repeats: int = 5) -> float:
    """Formulas parsed and described per second."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        compositions = parse_formulas(formulas)
        compute_magpie_features(compositions)
        compute_element_fractions(compositions)
        best = min(best, time.perf_counter() - started)
    return len(formulas) / best


def main() -> None:
    """Read and print."""
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
    lines = ["| quantity | goal | measured | 95 % | met |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {goal} | {middle:.3f} | {low:.3f} to {high:.3f} | {'yes' if met else 'no'} |"
        for name, goal, middle, low, high, met in goals(results)
    ]
    table = pd.read_parquet(results / "sodium_ion_measured/table.parquet")
    formulas = list(dict.fromkeys([*table["charged"], *table["discharged"]])) * 10
    lines += ["", f"Descriptors of composition: {formulas_per_second(formulas):,.0f} formulas/s on one core."]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
