"""The ledger of a campaign in the laboratory: every batch that was ever suggested, with its predictions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Objective
from batterymi.errors import TableError
from batterymi.files import write_text
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import FAILED, PENDING, SPLIT

NEAR = 0.005  # of the search range: a weighed amount is never quite the suggested one
COLUMN = "suggestion"
EARLIER = [
    *("suggestion", "batch", "status", "line", "objective", "unit"),
    *("predicted", "lower_95", "upper_95", "measured", "inside_95"),
]


class Ledger:
    """Batches of suggestions, oldest first, one line of JSON each.

    Existing batches never change: a batch is appended by writing the whole file beside the old one and replacing it, so
    that a crash leaves the old or the new one. It belongs to the user's data, not to the results, which can be
    reproduced.
    """

    def __init__(self, path: Path) -> None:
        """Read the existing ledger.

        Raises:
            TableError: if a line is not a batch; nothing is lost or changed.
        """
        self.path = path
        self.batches: list[dict[str, Any]] = []
        if not self.path.is_file():
            return
        for number, line in enumerate(self.path.read_bytes().splitlines(), start=1):
            try:
                batch = json.loads(line.decode("utf-8"))
                self.batches.append({key: batch[key] for key in ("batch", "key", "rows", "suggestions")})
            except (ValueError, KeyError, TypeError):
                raise TableError(
                    f"{path}: line {number} is not a batch of suggestions; restore the file, or move it away to start "
                    "a new ledger"
                ) from None

    def add(self, key: str, n_rows: int, suggestions: list[dict[str, Any]]) -> int:
        """Append a batch, unless the same one is there already.

        Args:
            key: digest of rows and settings that led to it.
            n_rows: rows of the table then, pending and failed ones included.
            suggestions: designs and predictions.

        Returns:
            Number of the batch, counted from 1.
        """
        for batch in self.batches:
            # a rerun on unchanged rows and settings must not append its batch twice
            if batch["key"] == key and [s["design"] for s in batch["suggestions"]] == [
                s["design"] for s in suggestions
            ]:
                return int(batch["batch"])
        number = len(self.batches) + 1
        self.batches.append({"batch": number, "key": key, "rows": n_rows, "suggestions": suggestions})
        lines = [json.dumps(batch, sort_keys=True, ensure_ascii=False) for batch in self.batches]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, "\n".join(lines) + "\n", recorded=False)
        return number


def compare_suggestions(
    ledger: Ledger, rows: pd.DataFrame, space: Space, objectives: Sequence[Objective], current: int
) -> pd.DataFrame:
    """Compare suggestions with what was measured of them.

    A row belongs to a suggestion if it was appended later and names it in a column `suggestion`, or is within half a
    percent of it in every number and has the same categories.

    Args:
        ledger: all batches.
        rows: the table, pending and failed rows included, in the order of the file.
        space: where designs come from.
        objectives: the study's objectives.
        current: number of the latest batch, which cannot have been measured yet.

    Returns:
        One row per suggestion and objective.
    """
    found = []
    for batch in ledger.batches:
        if batch["batch"] == current:
            continue
        # only rows appended after the batch can be results of it
        later = rows.iloc[batch["rows"] :]
        for number, suggestion in enumerate(batch["suggestions"], start=1):
            name = f"{batch['batch']}.{number}"
            row = _find_answer(name, suggestion["design"], later, space)
            for objective in objectives:
                if objective.name in suggestion["predicted"]:
                    answer = _compare_answer(suggestion["predicted"][objective.name], row, objective)
                    found.append({"suggestion": name, "batch": batch["batch"], **answer})
    return pd.DataFrame(found, columns=EARLIER)


def _compare_answer(predicted: Sequence[float | None], row: pd.Series | None, objective: Objective) -> dict[str, Any]:
    """Compare one predicted outcome, and its 95 % interval, with the row that answers it, if there is one."""
    status = "not tried" if row is None else {PENDING: "pending", FAILED: "failed"}.get(row[SPLIT], "measured")
    measured = float(row[objective.name]) if row is not None and status == "measured" else np.nan
    middle, low, high = predicted
    has_interval = low is not None and high is not None and not np.isnan(measured)
    return {
        "status": status,
        "line": "" if row is None else str(row["line"]),
        "objective": objective.name,
        "unit": objective.unit,
        "predicted": middle,
        "lower_95": low,
        "upper_95": high,
        "measured": measured,
        "inside_95": ("yes" if low <= measured <= high else "no") if has_interval else "",  # type: ignore[operator]
    }


def _find_answer(name: str, design: dict[str, Any], later: pd.DataFrame, space: Space) -> pd.Series | None:
    """Return the row that answers a suggestion, or None."""
    # a row that names the suggestion belongs to it, whatever its amounts
    if COLUMN in later:
        named = later[later[COLUMN].astype(str).str.strip() == name]
        if len(named):
            return named.iloc[0]
    if later.empty or set(space.names) - set(design):
        return None
    wanted = space.codes(pd.DataFrame([design]))
    gap = np.abs(space.codes(later) - wanted) / space.width
    limits = np.array([1e-9 if feature.is_category else NEAR for feature in space.features])
    near = np.flatnonzero((gap <= limits).all(axis=1))
    return later.iloc[int(near[np.argmin(gap[near].sum(axis=1))])] if len(near) else None
