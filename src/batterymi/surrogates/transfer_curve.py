"""Scores of a learning curve of transfer over partitions and draws, and how many own rows transfer is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from batterymi.arrays import Array
from batterymi.statistics.grouped import OfSums, draw_groups, estimate
from batterymi.statistics.labels import label_interval
from batterymi.statistics.scores import combine_r2, compute_paired_difference
from batterymi.surrogates.curve import ABSOLUTE
from batterymi.surrogates.transfer import ALL, ALL_ROWS, OWN, SCRATCH, rate_worth
from batterymi.vocabulary.verdicts import BETTER, describe_worth

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

    def compare_with_all(self, n_learned: int, bootstraps: int, seed: int) -> list[dict[str, Any]]:
        """Return how every strategy and number of own rows compares with a model of all own rows alone.

        Args:
            n_learned: own rows that a fold learns from, if all do.
            bootstraps: resamples behind the intervals.
            seed: of the resamples.

        Returns:
            One entry for each, of one strategy by increasing `own_rows`: `gain` of the paired errors with its interval
            over groups and partitions and a verdict, see `rate_worth`; `saved_percent` is None where no interval above
            zero shows that it is better, since the means alone show no saving.
        """
        found: list[dict[str, Any]] = []
        for strategy, size in self.errors if (OWN, ALL_ROWS) in self.errors else ():
            if (strategy, size) == (OWN, ALL_ROWS):
                continue
            rows = size or (0 if "zero-shot" in strategy else n_learned)
            rated = rate_worth(self._subtract((OWN, ALL_ROWS), (strategy, size), bootstraps, seed))
            saved = 100 * (1 - rows / n_learned) if rated["verdict"] == BETTER else None
            found.append({"strategy": strategy, "own_rows": rows, **rated, "saved_percent": saved})
        order = {name: place for place, (name, _) in enumerate(self.errors)}
        return sorted(found, key=lambda entry: (order[entry["strategy"]], entry["own_rows"]))

    def _compare(
        self, other: tuple[str, int], own: tuple[str, int], name: str, bootstraps: int, seed: int
    ) -> dict[str, float]:
        """Return by how much the MAE of one is smaller than that of another from as many own rows; NaN of itself."""
        labels = [f"gain_over_{name}{end}" for end in ("", "_lower", "_upper")]
        if other == own or other not in self.errors:
            return dict.fromkeys(labels, float("nan"))
        gain = self._subtract(other, own, bootstraps, seed)
        return dict(zip(labels, (gain["difference"], gain["lower"], gain["upper"]), strict=True))

    def _subtract(
        self, first: tuple[str, int], second: tuple[str, int], bootstraps: int, seed: int
    ) -> dict[str, float]:
        """Return the paired difference of two errors, with its interval over groups and partitions."""
        # partitions that both have, in order
        n = min(len(self.errors[first]), len(self.errors[second]))
        pair = self.errors[first][:n], self.errors[second][:n]
        return compute_paired_difference(*pair, list(self.groups), bootstraps, seed, self.folds)


def describe_saved(entries: Sequence[Mapping[str, Any]], n_learned: int, unit: str) -> list[str]:
    """Return a sentence for each strategy whose mean error is that of all own rows alone or less, from its fewest rows.

    Args:
        entries: from `Curve.compare_with_all`.
        n_learned: own rows that a fold learns from, if all do.
        unit: of the errors.
    """
    lines = {}
    for entry in entries:
        if entry["gain"] >= 0 and entry["strategy"] not in lines:
            lines[entry["strategy"]] = (
                f"{entry['strategy']}, {entry['own_rows']} own rows against {n_learned} alone: "
                f"{describe_worth(entry, f' {unit}' if unit else '')}"
            )
    return list(lines.values())


def describe_scores(scores: pd.DataFrame, unit: str) -> list[str]:
    """Return a sentence for each strategy and number of own rows."""
    return [
        f"{row['strategy']}, {_name_size(row)} own rows: MAE {row['mae']:.3f} {unit} "
        f"[{row['mae_lower']:.3f}, {row['mae_upper']:.3f}], R² {row['r2']:.3f}"
        for _, row in scores.iterrows()
    ]


def _name_size(row: pd.Series) -> str:
    """Return how many own rows scores rest on, in words."""
    if "zero-shot" in row["strategy"]:
        return "no"
    return "all" if row["all"] else str(int(row["rows"]))


def select_score(scores: pd.DataFrame, strategy: str, rows: int = ALL_ROWS) -> Mapping[str, Any]:
    """Return the scores of one strategy and number of own rows; empty if it was not run."""
    found = scores[(scores["strategy"] == strategy) & (scores["rows"] == rows)]
    return {} if found.empty else {str(key): value for key, value in found.iloc[0].items()}


def join_predictions(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the predictions of all partitions and draws; what saw no own row is of the first draw."""
    return pd.concat([frame if "draw" in frame else frame.assign(draw=1) for frame in frames], ignore_index=True)
