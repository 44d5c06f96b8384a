"""The stage `plot_arena`: all figures of the arena in one job."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from batterymi.figures.arena import plot_minutes_and_margin, plot_traces, plot_violations
from batterymi.figures.arena_agents import plot_learning, plot_policies
from batterymi.figures.arena_map import plot_feasibility
from batterymi.figures.style import house_style, save
from batterymi.files import read_frame
from batterymi.vocabulary.controllers import CONTROLLERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

PREFERRED = "look_ahead"


def plot_arena(
    traces_paths: Sequence[str],
    steps_paths: Sequence[str],
    curve_paths: Sequence[str],
    map_paths: Sequence[str],
    table_path: str,
    folder: str,
    *,
    cell: str,
    condition: str,
    margin_mv: float,
    temperature_c: float,
    wanted_min: float,
) -> None:
    """Draw the arena.

    Args:
        traces_paths: nominal charges over time, of all jobs.
        steps_paths: steps of all charges, of all jobs.
        curve_paths: learning curves of the drawn cell, as `{cell}/{agent}/{seed}/curve.csv`.
        map_paths: the feasibility map, one file per cell.
        table_path: the arena's table.
        folder: where figures go, as SVG and PNG.
        cell: the cell that is drawn.
        condition: the temperature whose nominal charge is drawn over time.
        margin_mv: limit of the plating margin.
        temperature_c: limit of the temperature at that temperature.
        wanted_min: the charging time whose feasibility was asked.
    """
    table = read_frame(table_path)
    mine = table[table["cell"] == cell]
    traces, steps = _of_cell(traces_paths, cell), _of_cell(steps_paths, cell)
    drawn = traces[traces["condition"] == condition]
    drawings: dict[str, Callable[[], Figure]] = {
        "traces": lambda: plot_traces(drawn, margin_mv, temperature_c),
        "minutes_and_margin": lambda: plot_minutes_and_margin(mine),
        "violations": lambda: plot_violations(mine),
        "feasibility": lambda: plot_feasibility(pd.concat([read_frame(path) for path in map_paths]), wanted_min),
    }
    if chosen := _with_policies(steps):
        drawings["policies"] = lambda: plot_policies(steps, chosen)
    if curve_paths:
        drawings["learning"] = lambda: plot_learning(_read_curves(curve_paths))
    headings = {
        "traces": f"{cell}, {condition}: nominal charge on the DFN",
        "minutes_and_margin": f"{cell}: open markers leave a limit in some scenarios",
        "violations": f"{cell}: held-out scenarios on the DFN",
    }
    with house_style():
        for name, draw in drawings.items():
            figure = draw()
            if name in headings:
                figure.suptitle(headings[name], fontsize=9)
            save(figure, Path(folder), name)
            logger.info("drew %s", name)


def _of_cell(paths: Sequence[str], cell: str) -> pd.DataFrame:
    """Rows of one cell from the files of all jobs."""
    frames = [frame for path in paths if len(frame := read_frame(path))]
    rows = pd.concat(frames, ignore_index=True)
    return rows[rows["cell"] == cell]


def _with_policies(steps: pd.DataFrame) -> list[str]:
    """Agents, and look-ahead beside them."""
    names = list(steps["controller"].unique())
    return [*sorted(set(names) - set(CONTROLLERS), reverse=True), *(name for name in (PREFERRED,) if name in names)]


def _read_curves(paths: Sequence[str]) -> pd.DataFrame:
    """Learning curves with agent and seed, which stand in the path."""
    parts: list[Any] = []
    for path in paths:
        agent, seed = Path(path).parts[-3:-1]
        parts.append(read_frame(path).assign(agent=agent, seed=int(seed)))
    return pd.concat(parts, ignore_index=True)
