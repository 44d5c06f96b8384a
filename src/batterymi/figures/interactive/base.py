"""What interactive figures share: colours, axes, and texts that the drawing library takes for what they are."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batterymi.figures.style import GREY
from batterymi.text_safety import make_visible

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LINE_PX, PANEL_PX = 22, 360  # heights: of a line of an axis of names, and of a panel


@dataclass(frozen=True)
class Chart:
    """An interactive figure.

    Attributes:
        name: short, as `parity`.
        title: what it shows.
        note: how to read it, in a sentence.
        y_label: of the vertical axis; the page has it above the drawing, where it needs no width.
        entries: the files that it is drawn from, by their names in `StudyResults`.
        figure: the drawing.
        description: what it shows, for those who do not see it.
    """

    name: str
    title: str
    note: str
    y_label: str
    entries: tuple[str, ...]
    figure: "Figure"
    description: str

    @property
    def json(self) -> str:
        """Return the drawing as JSON of the drawing library."""
        return str(self.figure.to_json())


def quote_text(text: object) -> str:
    """Return a text that the drawing library shows letter by letter, since it takes some HTML for markup."""
    return html.escape(make_visible(str(text)).replace("\n", " "), quote=False)


def quote_texts(texts: Iterable[object]) -> list[str]:
    """Return texts as `quote_text` does."""
    return [quote_text(text) for text in texts]


def make_figure(x: str, height: int = PANEL_PX) -> "Figure":
    """Return an empty figure; its colours of text and grid are the page's.

    Args:
        x: label of the horizontal axis.
        height: pixels.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        template="none",
        height=height,
        xaxis={"title": {"text": quote_text(x), "font": {"size": 13}}, "automargin": True, "zeroline": False},
        yaxis={"automargin": True, "zeroline": False},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        hoverlabel={"align": "left"},
    )
    return figure


def make_error_bars(middle: Any, low: Any, high: Any, **style: Any) -> dict[str, Any]:
    """Return error bars from the ends of intervals; a missing end draws none."""
    middle, low, high = (np.asarray(values, float) for values in (middle, low, high))
    # an interval need not contain its estimate, and error bars must not be negative
    up, down = (np.nan_to_num(np.maximum(size, 0)) for size in (high - middle, middle - low))
    return {"array": up, "arrayminus": down, "color": GREY, "thickness": 1, "width": 0, **style}
