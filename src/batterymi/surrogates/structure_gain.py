"""Whether models gain by crystal structures: descriptors, their controls, and a graph network, by the same folds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices
from batterymi.config.models import CrossValidated
from batterymi.features.occupancy import DESCRIPTIONS
from batterymi.features.site_graphs import SiteGraph
from batterymi.statistics.grouped import draw_groups, estimate
from batterymi.statistics.scores import MAE, MEAN, R2, compute_mean
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Problem
from batterymi.surrogates.validation import predict_out_of_fold
from batterymi.vocabulary.arguments import GRAPH_COLUMN
from batterymi.vocabulary.verdicts import NO_GAIN

BLEND, OCCUPANCY, FLAGS, SHUFFLED, NETWORK = "blend", "blend_occupancy", "blend_flags", "blend_shuffled", "graph_net"
AVERAGE = "average"  # of the two blends and the network
CANDIDATES = {
    BLEND: "the blend of models without structures",
    OCCUPANCY: "the blend with occupancy descriptors",
    FLAGS: "control: the blend with flags of where a row's structure comes from",
    SHUFFLED: "control: the blend with the occupancy descriptors of other rows",
    NETWORK: "the graph network, with all other features beside it",
    AVERAGE: "mean of blend, blend with occupancy descriptors, and graph network",
}
AVERAGED = (BLEND, OCCUPANCY, NETWORK)
GAIN, LOSS = "gain shown", "loss shown"
SOURCES = ("file", "analogue")


@dataclass(frozen=True)
class KnownStructures:
    """What is known of the structures of rows.

    Attributes:
        rows: a row for each line of a table: `source` and occupancy descriptors, NaN where there is no structure; the
            index holds lines.
        graphs: by line.
    """

    rows: pd.DataFrame
    graphs: Mapping[int, SiteGraph]


def extend_problem(problem: Problem, known: KnownStructures, candidate: str, seed: int) -> Problem:
    """Return a problem with what a candidate learns from beside its own columns.

    Rows without a structure have the mean of each descriptor, and no graph.

    Args:
        problem: without structures.
        known: of its rows.
        candidate: one of `CANDIDATES`.
        seed: by which the control shuffles descriptors.
    """
    rows = known.rows.reindex(problem.lines)
    added: dict[str, Any] = {}
    if candidate in (OCCUPANCY, SHUFFLED):
        values = rows[list(DESCRIPTIONS)].to_numpy(float)
        there = np.flatnonzero(np.isfinite(values).all(axis=1))
        filled = np.tile(values[there].mean(axis=0), (len(values), 1))
        # among rows with a structure, so that the control knows which these are
        source = np.random.default_rng(seed).permutation(there) if candidate == SHUFFLED else there
        filled[there] = values[source]
        added = {f"occupancy: {name}": filled[:, number] for number, name in enumerate(DESCRIPTIONS)}
    elif candidate == FLAGS:
        added = {f"structure: {source}": (rows["source"] == source).to_numpy(float) for source in SOURCES}
    elif candidate == NETWORK:
        graphs = [known.graphs.get(int(line)) for line in problem.lines]
        added = {f"structure: {GRAPH_COLUMN}": pd.Series(graphs, problem.frame.index, dtype=object)}
    if not added:
        return problem
    frame = pd.concat([problem.frame, pd.DataFrame(added, index=problem.frame.index)], axis=1)
    return replace(problem, variant=candidate, frame=frame)


def predict_candidates(
    problem: Problem, known: KnownStructures, settings: CrossValidated, seed: int, partition: int
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return held-out predictions of every candidate by one partition, and the processor time of each in seconds.

    Nothing is tuned, so that candidates differ in what they learn from alone.

    Args:
        problem: without structures.
        known: of its rows.
        settings: of blends, folds and bounds.
        seed: of the study.
        partition: from 1.
    """
    plain = settings.model_copy(update={"inner_folds": None})
    columns: dict[str, Any] = {
        "line": problem.lines[: problem.n_scored],
        "group": [str(group) for group in problem.scored_groups],
        "observed": problem.scored,
    }
    seconds = {}
    for candidate in (BLEND, OCCUPANCY, FLAGS, SHUFFLED, NETWORK):
        start = time.process_time()
        extended = extend_problem(problem, known, candidate, seed + partition)
        validation = make_validation(extended, plain, 1, seed, partition, is_primary=False)
        model = NETWORK if candidate == NETWORK else BLEND
        columns[candidate] = predict_out_of_fold(model, validation).mean
        seconds[candidate] = time.process_time() - start
    columns[AVERAGE] = np.mean([columns[name] for name in AVERAGED], axis=0)
    return pd.DataFrame(columns), seconds


def score_candidates(
    predictions: list[pd.DataFrame],
    folds: int,
    bootstraps: int,
    seed: int,
    candidates: Mapping[str, str] = CANDIDATES,
    baseline: str = BLEND,
) -> pd.DataFrame:
    """Score every candidate over partitions, and its gain over one of them.

    Args:
        predictions: of each partition, rows in the same order, a column for each candidate.
        folds: of each.
        bootstraps: resamples of groups behind intervals.
        seed: of these.
        candidates: what each is, in words.
        baseline: the candidate that gains are over.

    Returns:
        One row for each candidate: MAE and R² (means over the partitions, with 95 % intervals over groups and
        partitions), gain in MAE over the baseline, its smallest over the partitions, and a verdict that follows the
        interval.
    """
    first = predictions[0]
    observed = first["observed"].to_numpy(float)
    draws = draw_groups(first["group"].tolist(), bootstraps, seed)
    errors = {name: _stack(predictions, name) - observed for name in candidates}
    found = []
    for name in candidates:
        said = errors[name] + observed
        gains = np.abs(errors[baseline]) - np.abs(errors[name])
        scores = {"mae": MAE, "r2": R2}
        row: dict[str, Any] = {"candidate": name, "what": candidates[name]}
        for label, statistic in scores.items():
            score = estimate(statistic, draws, observed, said, folds=folds)
            row |= {label: score.value, f"{label}_lower": score.lower, f"{label}_upper": score.upper}
        gain = estimate(MEAN, draws, gains, folds=folds)
        row |= {"gain": gain.value, "gain_lower": gain.lower, "gain_upper": gain.upper}
        row |= {"worst_mae": float(np.abs(errors[name]).mean(axis=1).max())}
        row |= {"worst_gain": float(compute_mean(gains).min()), "partitions": len(predictions), "rows": len(observed)}
        found.append(row | {"verdict": "" if name == baseline else decide_gain(gain.lower, gain.upper)})
    return pd.DataFrame(found)


def _stack(predictions: list[pd.DataFrame], name: str) -> Array:
    """Return the predictions of a candidate, shape (n_partitions, n_rows)."""
    return np.stack([frame[name].to_numpy(float) for frame in predictions])


def decide_gain(lower: float, upper: float) -> str:
    """Return what may be said of a gain with an interval; one that holds zero shows nothing."""
    return GAIN if lower > 0 else LOSS if upper < 0 else NO_GAIN


def find_misaligned(predictions: list[pd.DataFrame]) -> Indices:
    """Return the numbers of the partitions whose rows are not those of the first."""
    lines = predictions[0]["line"].tolist()
    return np.array([n for n, frame in enumerate(predictions) if frame["line"].tolist() != lines], dtype=np.intp)
