"""The page of the charging arena."""

from typing import Any

import pandas as pd

from batterymi.reporting.pages import render_template
from batterymi.vocabulary.controllers import label_controller


def render_arena(
    table: pd.DataFrame, comparisons: pd.DataFrame, discrepancy: pd.DataFrame, feedback: dict[str, Any]
) -> str:
    """Return the arena's tables as a page.

    Args:
        table: one row per cell, temperature and controller.
        comparisons: controllers in pairs.
        discrepancy: the same charges on the coarse and on the reference model.
        feedback: what feedback is worth.
    """
    return render_template(
        "arena.html.j2",
        title="Charging arena",
        rows=table.to_dict("records"),
        pairs=comparisons.to_dict("records"),
        exploits=discrepancy[discrepancy["verdict"].str.startswith("exploits")].to_dict("records"),
        places=feedback["places"],
        label=label_controller,
    )
