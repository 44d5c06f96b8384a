"""The stage `plot_study`: all figures of one study."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batterymi import registry
from batterymi.config.slices.reporting import ReportedStudy
from batterymi.figures.campaign import plot_convergence
from batterymi.figures.data import plot_data
from batterymi.figures.style import apply_style, save_figure
from batterymi.figures.surrogate import plot_importances, plot_parity
from batterymi.figures.validation import plot_validation
from batterymi.files import write_json
from batterymi.reporting.study_results import StudyResults

logger = logging.getLogger(__name__)

Drawing = Callable[[StudyResults], Any]
DRAWINGS: tuple[Drawing, ...] = (plot_data, plot_parity, plot_importances, plot_validation, plot_convergence)


def plot_study(inputs: dict[str, Path], index: Path, svg: list[Path], png: list[Path], settings: ReportedStudy) -> None:
    """Draw a study's figures, and last the one of its own.

    Args:
        inputs: the files that figures read, by their names in `StudyResults`.
        index: JSON to write: the names of the figures.
        svg: the figures to write, in the order of `DRAWINGS`.
        png: the same.
        settings: what figures need to know of the study.
    """
    results = StudyResults(inputs, settings).read_all()
    drawings = (*DRAWINGS, registry.look_up("figure", settings.figure))
    with apply_style():
        for draw, vector, raster in zip(drawings, svg, png, strict=True):
            save_figure(draw(results), vector, raster)
            logger.info("drew %s", vector.stem)
    write_json(index, {"figures": [path.stem for path in svg]})
