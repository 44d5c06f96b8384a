"""The stage `gather_methods`: which model for how many rows, over all studies."""

from pathlib import Path

import pandas as pd

from batterymi.figures.methods import draw_methods
from batterymi.figures.style import apply_style, save_figure
from batterymi.files import read_frame, write_csv, write_json
from batterymi.surrogates.sample_sizes import compare_sizes, describe_methods, rank_models

NEEDED = ("rows", "draw", "model", "mae", "mae_dummy")


def gather_methods(measured: list[Path], compared: Path, ranked: Path, report: Path, svg: Path, png: Path) -> None:
    """Compare models over the number of rows.

    Args:
        measured: what `compare_methods` wrote, in folders with the names of studies.
        compared: CSV to write: models of each study and size.
        ranked: CSV to write: over all studies.
        report: JSON to write: sentences, one for each size.
        svg: figure to write.
        png: the same in pixels.
    """
    parts = [read_frame(path, needs=NEEDED).assign(study=path.parents[1].name) for path in measured]
    found = compare_sizes(pd.concat(parts, ignore_index=True))
    table = rank_models(found)
    write_csv(compared, found)
    write_csv(ranked, table)
    write_json(report, {"by_rows": describe_methods(table), "studies": sorted(found["study"].unique())})
    with apply_style():
        save_figure(draw_methods(found, table), svg, png)
