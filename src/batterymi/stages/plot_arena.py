"""All figures of the arena in one job."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from batterymi.config.slices.arena import FigureSettings
from batterymi.figures.arena import plot_minutes_and_margin, plot_traces, plot_violations
from batterymi.figures.arena_agents import plot_learning, plot_policies
from batterymi.figures.arena_map import plot_feasibility
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame
from batterymi.vocabulary.controllers import CONTROLLERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

PREFERRED = "look_ahead"


@dataclass(frozen=True)
class DrawnFiles:
    """What the figures are drawn from.

    Attributes:
        traces: nominal charges over time, of all jobs.
        steps: steps of all charges, of all jobs.
        curves: learning curves of the drawn cell, as `{cell}/{agent}/{seed}/curve.csv`.
        maps: the feasibility map, one file per cell.
        table: the arena's table.
    """

    traces: list[Path]
    steps: list[Path]
    curves: list[Path] | None
    maps: list[Path]
    table: Path


def plot_arena(drawn: DrawnFiles, svg: list[Path], png: list[Path], settings: FigureSettings) -> None:
    """Draw the arena.

    Args:
        drawn: what the figures are drawn from.
        svg: figures to write, each named after what it shows.
        png: the same in pixels.
        settings: what is shown.
    """
    drawings = _choose_drawings(drawn, settings)
    # a figure takes its style when it is made, so the drawings above are deferred
    with apply_style():
        for vector, raster in zip(svg, png, strict=True):
            save_figure(drawings[vector.stem](), vector, raster)
            logger.info("drew %s", vector.stem)


def _choose_drawings(drawn: DrawnFiles, settings: FigureSettings) -> "dict[str, Callable[[], Figure]]":
    """Return functions that draw, by the name of the figure."""
    cell, condition = settings.cell, settings.condition
    table = read_frame(drawn.table)
    rows = table[table["cell"] == cell]
    traces, steps = _select_cell(drawn.traces, cell), _select_cell(drawn.steps, cell)
    nominal = traces[traces["condition"] == condition]

    def draw_with_heading(figure: "Figure", heading: str) -> "Figure":
        figure.suptitle(heading, fontsize=9)
        return figure

    return {
        "traces": lambda: draw_with_heading(
            plot_traces(nominal, settings.margin_mv, settings.temperature_c),
            f"{cell}, {condition}: nominal charge on the DFN",
        ),
        "minutes_and_margin": lambda: draw_with_heading(
            plot_minutes_and_margin(rows), f"{cell}: open markers leave a limit in some scenarios"
        ),
        "violations": lambda: draw_with_heading(plot_violations(rows), f"{cell}: held-out scenarios on the DFN"),
        "feasibility": lambda: plot_feasibility(
            pd.concat([read_frame(path) for path in drawn.maps]), settings.wanted_min
        ),
        "policies": lambda: plot_policies(steps, _list_with_policies(steps)),
        "learning": lambda: plot_learning(_read_curves(drawn.curves or [])),
    }


def _select_cell(paths: Sequence[Path], cell: str) -> pd.DataFrame:
    """Return the rows of one cell from the files of all jobs."""
    # empty frames would change the types of the joined columns
    frames = [frame for path in paths if len(frame := read_frame(path))]
    rows = pd.concat(frames, ignore_index=True)
    return rows[rows["cell"] == cell]


def _list_with_policies(steps: pd.DataFrame) -> list[str]:
    """Return agents, and look-ahead beside them."""
    names = list(steps["controller"].unique())
    return [*sorted(set(names) - set(CONTROLLERS), reverse=True), *(name for name in (PREFERRED,) if name in names)]


def _read_curves(paths: Sequence[Path]) -> pd.DataFrame:
    """Return learning curves with agent and seed, which are parts of the path."""
    parts = []
    for path in paths:
        agent, seed = path.parts[-3:-1]
        parts.append(read_frame(path).assign(agent=agent, seed=int(seed)))
    return pd.concat(parts, ignore_index=True)
