"""Whether models gain by crystal structures: descriptors, their controls, and a graph network, by the same folds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.models import CrossValidated
from batterymi.features import bottlenecks, occupancy
from batterymi.features.site_graphs import SiteGraph
from batterymi.surrogates.feature_gain import BLEND, predict_extensions
from batterymi.surrogates.problem import Problem
from batterymi.vocabulary.arguments import GRAPH_COLUMN

OCCUPANCY, FLAGS, SHUFFLED, NETWORK = "blend_occupancy", "blend_flags", "blend_shuffled", "graph_net"
NECKS = "blend_bottlenecks"
AVERAGE = "average"  # of the two blends and the network
CANDIDATES = {
    BLEND: "the blend of models without structures",
    OCCUPANCY: "the blend with occupancy descriptors",
    FLAGS: "control: the blend with flags of where a row's structure comes from",
    SHUFFLED: "control: the blend with the occupancy descriptors of other rows",
    NECKS: "ablation: the blend with free radii of bottlenecks between ion sites",
    NETWORK: "the graph network, with all other features beside it",
    AVERAGE: "mean of blend, blend with occupancy descriptors, and graph network",
}
AVERAGED = (BLEND, OCCUPANCY, NETWORK)
SOURCES = ("file", "analogue")


@dataclass(frozen=True)
class KnownStructures:
    """What is known of the structures of rows.

    Attributes:
        rows: a row for each line of a table: `source`, and descriptors of occupancy and bottlenecks, NaN where there is
            no structure; the index holds lines.
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
    if candidate in (OCCUPANCY, SHUFFLED, NECKS):
        part, described = ("bottleneck", bottlenecks) if candidate == NECKS else ("occupancy", occupancy)
        names = list(described.DESCRIPTIONS)
        values = rows[names].to_numpy(float)
        there = np.flatnonzero(np.isfinite(values).all(axis=1))
        filled = np.tile(values[there].mean(axis=0), (len(values), 1))
        # among rows with a structure, so that the control knows which these are
        source = np.random.default_rng(seed).permutation(there) if candidate == SHUFFLED else there
        filled[there] = values[source]
        added = {f"{part}: {name}": filled[:, number] for number, name in enumerate(names)}
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
    extensions = (
        (name, NETWORK if name == NETWORK else BLEND, extend_problem(problem, known, name, seed + partition))
        for name in (BLEND, OCCUPANCY, FLAGS, SHUFFLED, NECKS, NETWORK)
    )
    found, seconds = predict_extensions(problem, extensions, settings, seed, partition)
    return found.assign(**{AVERAGE: found[list(AVERAGED)].mean(axis=1)}), seconds
