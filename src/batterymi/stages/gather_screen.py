"""The stage `gather_screen`: the best of all shards, exactly, and the account of the whole screen."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from batterymi.config.parts import Objective
from batterymi.config.screen import Screen
from batterymi.errors import DamagedFileError, TableError
from batterymi.features.composition import element_fractions
from batterymi.features.formulas import parse_formulas
from batterymi.files import check_content, read_frame, read_json, write_csv, write_json
from batterymi.screening.gates import Funnel
from batterymi.screening.sources import FORMULA
from batterymi.stages.score_candidates import ANSWERED, POSITION, steps_of

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]
ROUNDED = 9  # digits of atomic fractions that two formulas of one composition share


def gather_screen(
    scored_paths: Sequence[str],
    report_paths: Sequence[str],
    listing_path: str,
    table_path: str,
    metrics_path: str,
    top_path: str,
    report_path: str,
    *,
    screen: dict[str, Any],
    objective: dict[str, Any],
    formula_column: str | None,
    features: list[str],
) -> None:
    """Merge the shards: the best candidates that passed every gate, each beside the nearest known row.

    Args:
        scored_paths: scored shards.
        report_paths: their accounts, in the same order.
        listing_path: the account of the list that was dealt to them.
        table_path: the study's table.
        metrics_path: scores of its models.
        top_path: CSV to write: the best candidates, best first.
        report_path: JSON to write: the funnel, the spread of the predictions, and the verdict on the model.
        screen: settings of the screen.
        objective: what is predicted.
        formula_column: column of the table's formulas.
        features: numbers that the model takes beside formulas.
    """
    settings, target, listing = Screen(**screen), Objective(**objective), read_json(listing_path, ["listed", "dropped"])
    rows = read_frame(table_path, [target.name])
    metrics = read_frame(metrics_path, ["selected"], {"variant": [settings.variant], "objective": [target.name]})
    steps = steps_of(settings, features)
    funnel, listed, scored = Funnel.nothing(len(steps)), 0, 0
    for path in report_paths:
        account = read_json(path)
        funnel.add(Funnel(**{name: account[name] for name in ("asked", "passed", "unknown")}))
        listed, scored = listed + account["listed"], scored + account["scored"]
    if listed != listing["listed"]:
        raise TableError(f"the shards were dealt {listed} candidates, {listing['listed']} were listed; run them again")
    best, moments, inside = merge_best(scored_paths, settings.best, minimise=target.sign > 0)
    if moments.n != scored:
        raise TableError(f"the shards hold {moments.n} scored candidates, their reports {scored}; run them again")
    known = nearest_known(best[FORMULA], rows, formula_column, target.name)
    answers = [column for column in ANSWERED if column != "passed"]
    given = [column for column in best.columns if column not in (FORMULA, POSITION, *ANSWERED)]
    top = pd.concat([best[[FORMULA, *answers]], known, best[given]], axis=1)
    top.insert(0, "rank", np.arange(1, len(top) + 1))
    write_csv(top_path, top)
    chosen = metrics["selected"] & (metrics["variant"] == settings.variant) & (metrics["objective"] == target.name)
    model = metrics[chosen].iloc[0]
    write_json(
        report_path,
        {
            "candidates": listed,
            "dropped": listing["dropped"],
            "scored": scored,
            "passed": funnel.passed[-1] if steps else scored,
            "inside": inside,
            "funnel": [
                {"gate": step, "asked": asked, "passed": passed, "unknown": unknown}
                for step, asked, passed, unknown in zip(steps, funnel.asked, funnel.passed, funnel.unknown, strict=True)
            ],
            "mean_prediction": moments.mean,
            "spread_of_predictions": moments.deviation,
            "model": model["model"],
            "verdict": model["verdict"],
            "q2": model["q2"],
            "mae": model["mae"],
            "median_half_width_95_of_the_best": float((top["upper_95"] - top["predicted"]).median()),
            "listed": len(top),
            "source": settings.source.name,
        },
    )
    logger.info("%d candidates, %d scored, %d listed", listed, scored, len(top))


class Moments:
    """Number, mean and standard deviation of values that come in pieces."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.n, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, values: Array) -> None:
        """Take values into account."""
        self.n += len(values)
        self._sum += float(values.sum())
        self._squares += float((values**2).sum())

    @property
    def mean(self) -> float:
        """Mean; not-a-number of nothing."""
        return self._sum / self.n if self.n else float("nan")

    @property
    def deviation(self) -> float:
        """Standard deviation; not-a-number of nothing."""
        return float(np.sqrt(max(self._squares / self.n - self.mean**2, 0.0))) if self.n else float("nan")


def merge_best(paths: Sequence[str], n_best: int, *, minimise: bool = False) -> tuple[pd.DataFrame, Moments, int]:
    """The best candidates of all shards that passed every gate, and what all scored ones are like.

    Exact, whatever the shards: candidates are ordered by prediction and, where it is equal, by their position in the
    list; of a composition that stands twice, also as another formula, the first in that order counts. Only one row
    group and the best so far are in memory.

    Args:
        paths: scored shards.
        n_best: how many are wanted.
        minimise: whether low predictions are good.

    Returns:
        The best, best first; moments of all predictions; how many lie inside the model's ground.
    """
    moments, inside, best = {}, 0, pd.DataFrame()
    for path in paths:
        check_content(path)
        try:
            with pa.parquet.ParquetFile(path) as file:
                if not len(best.columns):
                    best = file.schema_arrow.empty_table().to_pandas()
                for number in range(file.num_row_groups):
                    frame = file.read_row_group(number).to_pandas()
                    if not len(frame):
                        continue
                    block = Moments()
                    block.add(frame["predicted"].to_numpy(float))
                    moments[int(frame[POSITION].iloc[0])] = block
                    inside += int(frame["inside"].sum())
                    best = _best_of(best, frame[frame["passed"]], n_best, minimise)
        except (pa.ArrowInvalid, KeyError, OSError) as error:
            raise DamagedFileError(path, f"not a scored shard ({' '.join(str(error).split())})") from None
    return best.reset_index(drop=True), _joined(moments), inside


def _best_of(best: pd.DataFrame, more: pd.DataFrame, n_best: int, minimise: bool) -> pd.DataFrame:
    """The best rows of two frames, best first, each composition once; the first frame came out of this before."""
    sign = 1 if minimise else -1
    if len(best) == n_best:
        more = more[sign * more["predicted"] <= sign * best["predicted"].iloc[-1]]
    frame = pd.concat([best, more]) if len(best) else more
    order = np.lexsort((frame[POSITION].to_numpy(), sign * frame["predicted"].to_numpy(float)))
    ordered = frame.iloc[order]
    return ordered[~compositions_of(ordered[FORMULA]).duplicated().to_numpy()].head(n_best)


def compositions_of(formulas: pd.Series) -> pd.Series:
    """What two formulas share if and only if they are of one composition, as Li2S, S1Li2 and Li4S2; index as given."""
    parsed = parse_formulas(formulas)
    order = np.lexsort((parsed.elements, parsed.rows))
    entries = parsed.elements[order] * 10**ROUNDED + np.rint(parsed.fractions[order] * 10**ROUNDED).astype(np.int64)
    parts = np.split(entries, parsed.starts[1:]) if parsed.n_formulas else []
    return pd.Series([part.tobytes() for part in parts], index=formulas.index, dtype=object)


def _joined(blocks: dict[int, Moments]) -> Moments:
    """Moments of all blocks, added up in the order of the list, so that the shards don't change the last digit."""
    every = Moments()
    for position in sorted(blocks):
        block = blocks[position]
        every.n += block.n
        every._sum += block._sum
        every._squares += block._squares
    return every


def nearest_known(formulas: pd.Series, rows: pd.DataFrame, formula_column: str | None, objective: str) -> pd.DataFrame:
    """The row of the table whose composition is most like each candidate's.

    Args:
        formulas: the candidates.
        rows: the table.
        formula_column: its formulas; None if it has none.
        objective: its measured column.

    Returns:
        Columns nearest_known, atoms_exchanged (share of atoms to exchange to get from one to the other, 0 for the same
        composition, 1 for no element in common), nearest_measured; index as `formulas`.
    """
    if formula_column is None:
        return pd.DataFrame(index=formulas.index)
    known = element_fractions(parse_formulas(rows[formula_column]))
    asked = element_fractions(parse_formulas(formulas))
    exchanged = [np.abs(known - one).sum(axis=1) / 2 for one in asked]
    nearest = [int(np.argmin(one)) for one in exchanged]
    return pd.DataFrame(
        {
            "nearest_known": rows[formula_column].to_numpy()[nearest],
            "atoms_exchanged": [float(one[row]) for one, row in zip(exchanged, nearest, strict=True)],
            "nearest_measured": rows[objective].to_numpy(float)[nearest],
        },
        index=formulas.index,
    )
