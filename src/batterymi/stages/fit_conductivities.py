"""The stage `fit_conductivities`: Arrhenius fits of series of conductivities, and what they say of cold and heat."""

import logging
from pathlib import Path

from batterymi.costing.conductivities import fit_series, list_series, summarise_series
from batterymi.data.loaders.liion_database import load_conductivities
from batterymi.figures.arrhenius import draw_arrhenius
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import write_csv, write_json

logger = logging.getLogger(__name__)


def fit_conductivities(conductivities: Path, fits: Path, summary: Path, svg: Path, png: Path) -> None:
    """Fit every material of one paper that was measured at several temperatures.

    Args:
        conductivities: receipt of the data set `liion_database`.
        fits: CSV to write: one row for each series.
        summary: JSON to write: counts, medians, and the share that conducts fast enough.
        svg: figure to write.
        png: the same in pixels.
    """
    rows = load_conductivities(conductivities.parent)
    found = fit_series(rows.frame)
    write_csv(fits, found)
    write_json(summary, summarise_series(found) | {"rows": rows.n_in, "dropped": rows.dropped})
    with apply_style():
        save_figure(draw_arrhenius(list(list_series(rows.frame))), svg, png)
    logger.info("%d series, %d with three temperatures or more", len(found), found["has_interval"].sum())
