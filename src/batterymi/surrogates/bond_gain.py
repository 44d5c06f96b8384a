"""What voltages gain by bonds of the discharged structure, by the same folds: statistics, and a graph network."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.bonds import METHOD, NETWORK, SEED
from batterymi.config.parts import Descriptor, Objective
from batterymi.config.sources import Table
from batterymi.data.loaders.mp_li_electrode_graphs import ION, ElectrodeStructures
from batterymi.features.bonds import describe_bonds, fill_unknown, make_bond_graph
from batterymi.features.descriptors import compute_descriptors
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.validation import predict_out_of_fold
from batterymi.vocabulary.arguments import GRAPH_COLUMN
from batterymi.vocabulary.splits import SPLIT, TRAIN

TREES = "extra_trees"
MEAN, LINE, COMPOSITION, BONDS, BOTH, SHUFFLED = "dummy", "ridge", "composition", "bonds", "both", "shuffled"
AVERAGE, OTHER_GRAPHS, OTHER_AVERAGE = "average", "graph_net_shuffled", "average_shuffled"
CANDIDATES: Mapping[str, str] = {
    COMPOSITION: "extra trees on both formulas and the ion",
    MEAN: "the mean voltage",
    LINE: "ridge regression on both formulas and the ion",
    BONDS: "extra trees on bond statistics alone",
    BOTH: "extra trees on formulas and bond statistics",
    SHUFFLED: "control: extra trees on formulas and the bond statistics of other rows",
    NETWORK: "the graph network, with the formulas beside it",
    OTHER_GRAPHS: "control: the graph network with graphs of other rows, and the formulas",
    AVERAGE: "mean of extra trees on both and the graph network",
    OTHER_AVERAGE: "control: mean of extra trees on both and the graph network with graphs of other rows",
}
TARGET = Objective(name="voltage_v", label="Average voltage vs Li/Li+", unit="V", goal="maximise")
FORMULAS: Mapping[str, dict[str, str]] = {
    "electrode": {"charged": "charged", "discharged": "discharged", "ion": "ion"},
    "host_magpie": {"formula": "charged", "ion": "ion"},
    "magpie": {"formula": "discharged"},
}  # descriptors with their columns
DESCRIPTORS = tuple(
    Descriptor.model_validate({"name": name, "function": name, "label": name, "columns": columns})
    for name, columns in FORMULAS.items()
)


def make_bond_problem(known: ElectrodeStructures) -> Problem:
    """Return the problem of learning voltages from formulas; hosts of one chemical system are one group."""
    rows = known.rows.assign(**{SPLIT: TRAIN})
    table = Table.model_validate({"dataset": {"name": "mp_electrodes", "ions": [ION]}, "group": "host_system"})
    computed = compute_descriptors(rows, DESCRIPTORS)
    return make_problem(rows, computed, COMPOSITION, Inputs((), DESCRIPTORS), TARGET, table)


def make_candidates(
    problem: Problem, known: ElectrodeStructures, kind: str, seed: int
) -> dict[str, tuple[str, Problem]]:
    """Return the model and the problem of each candidate of a kind.

    Args:
        problem: from formulas.
        known: the structures of its rows.
        kind: one of `KINDS`.
        seed: by which controls shuffle the structures of rows.
    """

    def extend(name: str, *parts: pd.DataFrame) -> Problem:
        return replace(problem, variant=name, frame=pd.concat(parts, axis=1))

    order = np.random.default_rng(seed).permutation(len(problem.frame))
    if kind != "trees":
        name = OTHER_GRAPHS if kind == "control" else NETWORK
        structures = [known.structures[row] for row in order] if kind == "control" else known.structures
        graphs = pd.Series([make_bond_graph(one) for one in structures], problem.frame.index, dtype=object)
        nodes = pd.DataFrame({f"bonds: {GRAPH_COLUMN}": graphs})
        return {name: (NETWORK, extend(name, problem.frame, nodes))}
    statistics = fill_unknown(describe_bonds(known.structures, ION)).add_prefix("bonds: ")
    statistics.index = problem.frame.index
    others = pd.DataFrame(statistics.to_numpy()[order], statistics.index, statistics.columns)
    return {
        MEAN: (MEAN, problem),
        LINE: (LINE, problem),
        COMPOSITION: (TREES, problem),
        BONDS: (TREES, extend(BONDS, statistics)),
        BOTH: (TREES, extend(BOTH, problem.frame, statistics)),
        SHUFFLED: (TREES, extend(SHUFFLED, problem.frame, others)),
    }


def predict_voltages(known: ElectrodeStructures, kind: str, partition: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return held-out voltages of the candidates of a kind, and the processor time of each in seconds.

    Args:
        known: electrodes with structures.
        kind: one of `KINDS`.
        partition: its number, from 1.
    """
    problem = make_bond_problem(known)
    columns: dict[str, Any] = {
        "line": problem.lines,
        "group": [str(group) for group in problem.scored_groups],
        "observed": problem.scored,
    }
    seconds = {}
    for name, (model, extended) in make_candidates(problem, known, kind, SEED + partition).items():
        start = time.process_time()
        validation = make_validation(extended, METHOD, 1, SEED, partition, is_primary=False)
        columns[name] = predict_out_of_fold(model, validation).mean
        seconds[name] = time.process_time() - start
    return pd.DataFrame(columns), seconds


def join_kinds(trees: pd.DataFrame, network: pd.DataFrame, control: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of all kinds by one partition, with means of two; rows must be the same.

    Raises:
        ValueError: if they are not.
    """
    if any(trees["line"].tolist() != other["line"].tolist() for other in (network, control)):
        raise ValueError("the rows of the kinds differ")
    joined = trees.assign(**{NETWORK: network[NETWORK], OTHER_GRAPHS: control[OTHER_GRAPHS]})
    means = {AVERAGE: NETWORK, OTHER_AVERAGE: OTHER_GRAPHS}
    return joined.assign(**{name: (joined[BOTH] + joined[net]) / 2 for name, net in means.items()})
