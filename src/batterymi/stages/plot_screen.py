"""The stage `plot_screen`: the funnel of a screen, and its best candidates."""

from pathlib import Path

from batterymi.config.slices.screening import FunnelSettings
from batterymi.figures.screen import draw_screen
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame, read_json


def plot_screen(top: Path, report: Path, svg: Path, png: Path, settings: FunnelSettings) -> None:
    """Draw the funnel and the best candidates.

    Args:
        top: the best candidates, best first.
        report: the account of the screen.
        svg: figure to write.
        png: the same in pixels.
        settings: what was predicted.
    """
    with apply_style():
        listed = read_frame(top, ["formula", "predicted"], texts=["formula"])
        save_figure(draw_screen(listed, read_json(report), settings.target), svg, png)
