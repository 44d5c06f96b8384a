"""The stage `plot_barriers`: predicted over computed migration barriers."""

from pathlib import Path

from batterymi.figures.barriers import NEEDED, draw_barriers
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame


def plot_barriers(predictions: Path, scores: Path, official: Path, svg: Path, png: Path) -> None:
    """Draw held-out predictions, by host and of the official test part.

    Args:
        predictions: as `predict_barriers` wrote them.
        scores: of models by host.
        official: of models on the official test part.
        svg: figure to write.
        png: the same in pixels.
    """
    tables = [read_frame(path, ["model", "mae", "mae_lower", "mae_upper", "r2"]) for path in (scores, official)]
    with apply_style():
        save_figure(draw_barriers(read_frame(predictions, NEEDED), *tables), svg, png)
