"""The figure of the closed loop."""

from pathlib import Path

from batterymi.figures.closed_loop import draw_closed_loop
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame, read_json


def plot_closed_loop(runs: Path, comparison: Path, svg: Path, png: Path) -> None:
    """Draw the life of what is recommended round by round, and the gains over random batches.

    Args:
        runs: what loops recommended.
        comparison: lives and gains with intervals.
        svg: figure to write.
        png: the same in pixels.
    """
    with apply_style():
        save_figure(draw_closed_loop(read_frame(runs), read_json(comparison)), svg, png)
