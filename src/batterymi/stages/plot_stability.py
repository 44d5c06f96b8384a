"""The stage `plot_stability`: the windows of known electrolytes as a bar chart."""

from pathlib import Path

from batterymi.figures.stability import NEEDED, draw_windows
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame


def plot_stability(known: Path, svg: Path, png: Path) -> None:
    """Draw computed windows with the spread of their edges, beside published ones.

    Args:
        known: computed and published windows of known electrolytes.
        svg: figure to write.
        png: the same in pixels.
    """
    with apply_style():
        save_figure(draw_windows(read_frame(known, NEEDED)), svg, png)
