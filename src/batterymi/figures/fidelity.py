"""What cheaper levels are worth: the best result so far over the cost."""

from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.study import Study
from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, ORANGE, house_style, save
from batterymi.files import read_frame, read_json
from batterymi.optimise.campaigns.benchmark import RANDOM
from batterymi.stages.compare_fidelities import DEAREST, LEVELS


def plot_fidelities(ledger_path: str, comparison_path: str, figure_path: str, *, study: dict[str, object]) -> None:
    """Draw median and quartiles over the seeds of each campaign's best result of the last level.

    Args:
        ledger_path: every evaluation.
        comparison_path: what the levels save.
        figure_path: SVG to write; a PNG is written beside it.
        study: the study's settings.
    """
    settings = Study.model_validate(study)
    ledger, comparison = read_frame(ledger_path), read_json(comparison_path)
    sought = [one for one in settings.objectives if one.goal in ("maximise", "minimise")]
    with house_style():
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(COLUMN_IN, 2.8))
        grid = np.linspace(0, comparison["budget"], 200)
        for name, colour in ((LEVELS, BLUE), (DEAREST, GREEN), (RANDOM, ORANGE)):
            low, middle, high = _over_cost(ledger[ledger["campaign"] == name], grid)
            sign, scale = (-1, sought[0].scale) if sought[0].goal == "maximise" else (1, sought[0].scale)
            factor = sign * scale if len(sought) == 1 else 1
            label = RANDOM + ", last level" if name == RANDOM else name
            axis.plot(grid, factor * middle, color=colour, label=label)
            axis.fill_between(grid, factor * low, factor * high, color=colour, alpha=0.2, lw=0)
        costs = ", ".join(f"{one['label']} {one['cost']:g}" for one in comparison["levels"])
        axis.set_xlabel(f"Cost (of one evaluation: {costs})")
        named = f"{sought[0].label} ({sought[0].unit})" if len(sought) == 1 else "Score"
        axis.set_ylabel(f"Best that meets all limits:\n{named}")
        first = comparison["comparisons"][0]
        axis.set_title(
            f"Beside the last level only, {comparison['seeds']} seeds: {first['verdict']},\n"
            f"cost saved {100 * first['cost_saved']:.0f} % "
            f"[{100 * first['cost_saved_lower']:.0f}, {100 * first['cost_saved_upper']:.0f}]",
            fontsize=7,
        )
        axis.legend()
        target = Path(figure_path)
        save(figure, target.parent, target.stem)


def _over_cost(rows: pd.DataFrame, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quartiles over seeds of the best so far at each cost; a seed without any counts as the worst."""
    curves = []
    for _, part in rows.groupby("seed"):
        place = np.searchsorted(part["spent"].to_numpy(), grid + 1e-9, side="right") - 1
        best = part["best_so_far"].fillna(np.inf).to_numpy()
        curves.append(np.where(place >= 0, best[np.maximum(place, 0)], np.inf))
    found = [np.quantile(curves, q, axis=0, method="higher") for q in (0.25, 0.5, 0.75)]
    low, middle, high = (np.where(np.isfinite(one), one, np.nan) for one in found)
    return low, middle, high
