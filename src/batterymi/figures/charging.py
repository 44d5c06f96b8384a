"""Fast charging: every charge over time."""

from typing import TYPE_CHECKING

from batterymi.figures.axes import draw_limit
from batterymi.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW
from batterymi.reporting.study_results import StudyResults

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = (
    ("soc", "State of charge"),
    ("c_rate", "Current (C-rate)"),
    ("temperature_c", "Temperature (°C)"),
    ("plating_margin_mv", "Plating margin (mV)"),
)
DASHED = (BLUE, SKY, GREEN, PURPLE, RED, ORANGE, YELLOW)


def plot_charging(results: StudyResults) -> "Figure":
    """Draw SOC, current, temperature and plating margin of all protocols over time, the best one on top."""
    import matplotlib.pyplot as plt

    traces = results.traces
    assert traces is not None, "the charging figure needs traces"
    figure, axes = plt.subplots(2, 2, figsize=(7.0, 5.4), sharex=True)
    limits = {
        "temperature_c": results.find_limit("temperature_max_c", "at_most"),
        "plating_margin_mv": results.find_limit("plating_margin_mv", "at_least"),
    }
    for axis, (column, label) in zip(axes.ravel(), PANELS, strict=True):
        for (_kind, _name), part in traces[traces["kind"] == "train"].groupby(["kind", "label"]):
            axis.plot(part["time_min"], part[column], color=GREY, lw=0.4, alpha=0.5)
        references = traces[traces["kind"] == "reference"]
        for colour, name in zip(DASHED, references["label"].unique(), strict=False):
            part = references[references["label"] == name]
            axis.plot(part["time_min"], part[column], color=colour, lw=1.1, ls="--", label=name)
        winner = traces[traces["kind"] == "winner"]
        for style, (model, part) in zip(("-", ":"), winner.groupby("model", sort=False), strict=False):
            axis.plot(part["time_min"], part[column], color=BLACK, lw=1.8, ls=style, label=f"campaign's best, {model}")
        draw_limit(axis, limits.get(column), 0.8, color=RED, fontsize=6.5)
        axis.set(ylabel=label, xlim=(0, 60))
    for axis in axes[1]:
        axis.set_xlabel("Time (min)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    # one entry for all the grey lines, which have no labels of their own
    handles.insert(0, plt.Line2D([], [], color=GREY, lw=0.6))
    n_train = traces.loc[traces["kind"] == "train", "label"].nunique()
    labels.insert(0, f"{n_train} four-step protocols")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return figure
