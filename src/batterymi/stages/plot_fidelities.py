"""The stage `plot_fidelities`: the best result so far over the cost."""

from pathlib import Path

from batterymi.config.slices.campaign import FidelityFigureSettings
from batterymi.figures.fidelity import draw_fidelities
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame, read_json


def plot_fidelities(ledger: Path, comparison: Path, svg: Path, png: Path, settings: FidelityFigureSettings) -> None:
    """Draw what cheaper levels are worth.

    Args:
        ledger: every evaluation.
        comparison: what the levels save.
        svg: figure to write.
        png: the same in pixels.
        settings: objectives of the study.
    """
    with apply_style():
        save_figure(draw_fidelities(read_frame(ledger), read_json(comparison), settings.objectives), svg, png)
