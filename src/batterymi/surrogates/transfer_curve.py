"""Scores of a learning curve of transfer over partitions and draws, and how many own rows transfer is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from batterymi.arrays import Array
from batterymi.statistics.grouped import OfSums, draw_groups, estimate
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import combine_r2, compute_paired_difference
from batterymi.surrogates.curve import ABSOLUTE
from batterymi.surrogates.transfer import ALL, ALL_ROWS, OWN, SCRATCH

COLUMNS = ("strategy", "rows", "line", "predicted", "partition", "draw")
COMPARED = {"own": OWN, "pooled": ALL, "scratch": SCRATCH}
R2_OF_SQUARES = OfSums(lambda square, seen: (square, seen - seen.mean(), (seen - seen.mean()) ** 2), combine_r2, "r2")


class Curve:
    """Held-out predictions of one task by several strategies and numbers of own rows."""

    def __init__(self, predictions: pd.DataFrame, observed: pd.Series, groups: pd.Series, folds: int) -> None:
        """Take predictions of all partitions and draws.

        Args:
            predictions: the columns `COLUMNS`.
            observed: by line.
            groups: by line; whole groups are resampled.
            folds: of each partition.
        """
        self.observed, self.groups, self.folds = observed, groups, folds
        self.errors: dict[tuple[str, int], Array] = {}
        self.squares: dict[tuple[str, int], Array] = {}
        self.draws: dict[tuple[str, int], int] = {}
        misses = predictions["predicted"] - predictions["line"].map(observed)
        frame = predictions.assign(error=misses.abs(), square=misses**2)
        for key, part in frame.groupby(["strategy", "rows"], sort=False):
            # errors of the draws are averaged, never their predictions
            means = part.groupby(["partition", "line"])[["error", "square"]].mean().unstack("line")
            label = (str(key[0]), int(str(key[1])))
            self.errors[label] = means["error"][observed.index].to_numpy(float)
            self.squares[label] = means["square"][observed.index].to_numpy(float)
            self.draws[label] = int(part["draw"].nunique())

    def score(self, bootstraps: int, seed: int) -> pd.DataFrame:
        """Return MAE, R² and gains of every strategy and number of own rows, with 95 % intervals over groups.

        Args:
            bootstraps: resamples behind the intervals.
            seed: of the resamples.
        """
        draws = draw_groups(list(self.groups), bootstraps, seed)
        seen = self.observed.to_numpy(float)
        rows = []
        for (strategy, size), errors in self.errors.items():
            mae = estimate(ABSOLUTE, draws, errors, folds=self.folds)
            r2 = estimate(R2_OF_SQUARES, draws, self.squares[strategy, size], seen, folds=self.folds)
            row: dict[str, Any] = {"strategy": strategy, "rows": size, "all": size == ALL_ROWS}
            row |= {"partitions": len(errors), "draws": self.draws[strategy, size]}
            row |= label_interval("mae", mae.value, mae.interval) | label_interval("r2", r2.value, r2.interval)
            for name, other in COMPARED.items():
                row |= self._compare((other, size), (strategy, size), name, bootstraps, seed)
            rows.append(row)
        return pd.DataFrame(rows)

    def _compare(
        self, other: tuple[str, int], own: tuple[str, int], name: str, bootstraps: int, seed: int
    ) -> dict[str, float]:
        """Return by how much the MAE of one is smaller than that of another from as many own rows; NaN of itself."""
        labels = [f"gain_over_{name}{end}" for end in ("", "_lower", "_upper")]
        if other == own or other not in self.errors:
            return dict.fromkeys(labels, float("nan"))
        # partitions that both have, in order
        n = min(len(self.errors[other]), len(self.errors[own]))
        pair = self.errors[other][:n], self.errors[own][:n]
        gain = compute_paired_difference(*pair, list(self.groups), bootstraps, seed, self.folds)
        return dict(zip(labels, (gain["difference"], gain["lower"], gain["upper"]), strict=True))


def count_saved_rows(scores: pd.DataFrame, n_learned: int) -> list[dict[str, Any]]:
    """Return, by strategy, with how many own rows it is as good as a model of all own rows alone.

    Args:
        scores: from `Curve.score`.
        n_learned: own rows that a fold learns from, if all do.
    """
    wanted = scores[(scores["strategy"] == OWN) & (scores["rows"] == ALL_ROWS)]
    if wanted.empty:
        return []
    goal = float(wanted["mae"].iloc[0])
    found = []
    for strategy, part in scores.groupby("strategy", sort=False):
        sizes = part["rows"].where(part["rows"] != ALL_ROWS, 0 if "zero-shot" in str(strategy) else n_learned)
        enough = sizes[part["mae"] <= goal]
        least = int(enough.min()) if len(enough) else None
        saved = None if least is None else 100 * (1 - least / n_learned)
        found.append({"strategy": strategy, "own_rows": least, "saved_percent": saved})
    return found


def describe_scores(scores: pd.DataFrame, unit: str) -> list[str]:
    """Return a sentence for each strategy and number of own rows."""
    return [
        f"{row['strategy']}, {'all' if row['all'] else int(row['rows'])} own rows: MAE {row['mae']:.3f} {unit} "
        f"[{row['mae_lower']:.3f}, {row['mae_upper']:.3f}], R² {row['r2']:.3f}"
        for _, row in scores.iterrows()
    ]


def select_score(scores: pd.DataFrame, strategy: str, rows: int = ALL_ROWS) -> Mapping[str, Any]:
    """Return the scores of one strategy and number of own rows; empty if it was not run."""
    found = scores[(scores["strategy"] == strategy) & (scores["rows"] == rows)]
    return {} if found.empty else {str(key): value for key, value in found.iloc[0].items()}


def join_predictions(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the predictions of all partitions and draws; what saw no own row is of the first draw."""
    return pd.concat([frame if "draw" in frame else frame.assign(draw=1) for frame in frames], ignore_index=True)
