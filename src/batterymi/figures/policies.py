"""Fast-charging policies and the cycle lives they gave."""

from typing import TYPE_CHECKING

import numpy as np

from batterymi.figures.style import BLUE, COLUMN_IN, GREEN, GREY, ORANGE
from batterymi.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_policies(results: StudyResults) -> "Figure":
    """Draw cycle life over nominal charging time, cells coloured by batch, repeats of a policy joined."""
    import matplotlib.pyplot as plt

    rows = results.table
    figure, axis = plt.subplots(figsize=(COLUMN_IN, 2.9))
    for _, part in rows.groupby("policy", sort=True):
        if len(part) > 1:
            middle = part["minutes_to_80"].to_numpy(float)
            axis.plot(middle, part["cycle_life"], color=GREY, lw=0.6, zorder=1)
    styles = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
    for (colour, marker), (batch, part) in zip(styles, rows.groupby("batch", sort=True), strict=False):
        label = f"{batch}: {len(part)} cells"
        axis.plot(part["minutes_to_80"], part["cycle_life"], marker, color=colour, ms=3.5, label=label)
    found = results.validation["objectives"][results.study.objectives[0].name]
    noise = found["noise"]
    # a difference of log10 lives is a factor between lives
    factor = 10 ** noise["deviation"] if noise["sets"] else float("nan")
    best = results.selected.iloc[0]
    axis.set_yscale("log")
    axis.set_yticks([200, 500, 1000, 2000], ["200", "500", "1000", "2000"])
    # labels of minor ticks on a short log axis would overlap
    axis.set_yticks([], minor=True)
    axis.set(xlabel="Nominal time to 80 % SOC (min)", ylabel="Cycle life (cycles to 80 % capacity)")
    verdict = best["verdict"].split(";")[0]
    axis.set_title(
        f"Grey: cells of one policy, which differ by a factor of {factor:.2f} (1 s.d.)\n"
        f"Policy → life across policies: Q² {best['q2']:.2f}, {verdict}",
        fontsize=7,
    )
    axis.set_xlim(np.floor(rows["minutes_to_80"].min()) - 0.2, rows["minutes_to_80"].max() + 0.4)
    axis.legend(title="Batch", title_fontsize=6, fontsize=6)
    return figure
