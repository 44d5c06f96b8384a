"""The style of every figure: colour-blind-safe colours, sizes of one journal column, units on axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from batterymi.files import write_atomically
from batterymi.text_safety import make_visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8A8A8A"
SEQUENCE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
COLUMN_IN = 3.5  # one column of a journal page
STYLE = Path(__file__).with_name("batterymi.mplstyle")


@contextmanager
def apply_style() -> Iterator[None]:
    """Draw without a display, in the project's style."""
    import matplotlib as mpl
    import matplotlib.style

    mpl.use("Agg")
    with mpl.style.context(STYLE):
        yield


def save_figure(figure: "Figure", vector: Path, raster: Path) -> None:
    """Write a figure as SVG and PNG, without dates, and close it."""
    import matplotlib.pyplot as plt
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        # names of materials come from tables, and SVG with control characters cannot be opened
        text.set_text(make_visible(text.get_text()))
    for target, metadata in ((vector, {"Date": None, "Creator": None}), (raster, {"Software": None})):
        with write_atomically(target) as path:
            figure.savefig(path, format=target.suffix[1:], metadata=metadata)
    # pyplot keeps every open figure in memory
    plt.close(figure)
