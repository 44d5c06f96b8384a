"""What a model learns from: inputs, observations, groups."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices, Sides
from batterymi.config.models import Ablation
from batterymi.config.parts import Descriptor, Feature, Labelled, Objective
from batterymi.config.sources import Table
from batterymi.features.encode import make_feature_frame
from batterymi.surrogates.encodings import Encodings
from batterymi.surrogates.model import list_graphs
from batterymi.vocabulary.measured import find_compound_column, name_bound_column, name_error_column
from batterymi.vocabulary.splits import SOURCE, SPLIT, TRAIN


@dataclass(frozen=True)
class Inputs:
    """The columns of a model.

    Attributes:
        features: columns of the table.
        descriptors: features computed from columns of the table.
    """

    features: tuple[Feature, ...]
    descriptors: tuple[Descriptor, ...] = ()

    def frame(self, rows: pd.DataFrame, computed: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Return the values of the inputs.

        Args:
            rows: a table or designs.
            computed: descriptors of those rows, from `compute_descriptors`.

        Returns:
            One column per feature and per computed number, index as `rows`.
        """
        parts = [computed[descriptor.name] for descriptor in self.descriptors]
        return pd.concat([make_feature_frame(rows, self.features), *parts], axis=1)

    def drop(self, names: Collection[str]) -> "Inputs":
        """Return the inputs without some features or descriptors, as an ablation leaves them."""
        return Inputs(
            tuple(feature for feature in self.features if feature.name not in names),
            tuple(descriptor for descriptor in self.descriptors if descriptor.name not in names),
        )

    def parts(self, frame: pd.DataFrame) -> dict[str, list[str]]:
        """Return the columns of a frame by the feature or descriptor that they belong to."""
        own = {feature.name: [feature.name] for feature in self.features}
        computed = {
            # computed columns carry their descriptor's name as a prefix
            descriptor.name: [column for column in frame.columns if column.startswith(f"{descriptor.name}: ")]
            for descriptor in self.descriptors
        }
        return own | computed

    @property
    def labels(self) -> dict[str, str]:
        """Return the label of each feature and descriptor, as figures show it."""
        inputs: tuple[Labelled, ...] = (*self.features, *self.descriptors)
        return {part.name: part.label for part in inputs}


@dataclass(frozen=True)
class Problem:
    """One objective to learn from one set of inputs.

    Scored rows come first; rows of related tasks, which may only join the training, follow.

    Attributes:
        variant: name of the set of inputs.
        objective: what is learned.
        inputs: what it is learned from.
        frame: their values, shape (n_rows, n_columns).
        observed: shape (n_rows,).
        groups: one label per row; equal labels never straddle train and test.
        lines: number of each row in the table.
        n_scored: how many rows are scored.
        censored: `UPPER` where only an upper bound of the row's value is known, `LOWER` where only a lower one, else 0,
            shape (n_rows,).
        errors: standard deviation of each observation, NaN where unknown, shape (n_rows,); None if none is known.
        expected: kept by `impute_censored`.
        encodings: encoded rows, kept for all models.
    """

    variant: str
    objective: Objective
    inputs: Inputs
    frame: pd.DataFrame
    observed: Array
    groups: Sequence[object]
    lines: NDArray[np.int64]
    n_scored: int
    censored: Sides
    errors: Array | None = None
    # a cache that copies made by `replace` share; its keys hold the observations, so shuffles do not mix
    expected: dict[Any, Array] = field(default_factory=dict, compare=False, repr=False)
    encodings: Encodings = field(default_factory=Encodings, compare=False, repr=False)

    @property
    def scored(self) -> Array:
        """Return the observations of the scored rows."""
        return self.observed[: self.n_scored]

    @property
    def scored_groups(self) -> list[object]:
        """Return the groups of the scored rows."""
        return list(self.groups[: self.n_scored])

    def encode(self, rows: Indices) -> tuple[Any, Array]:
        """Return an encoder that is fitted to some rows, and their matrix, shape (n_rows, n_encoded)."""
        return self.encodings.fit(self.inputs.features, self.frame, rows)

    def encode_others(self, rows: Indices, learned: Indices) -> Array:
        """Return the matrix of some rows by the encoder that is fitted to others, `learned`."""
        return self.encodings.transform(self.encode(learned)[0], self.frame, rows, learned)

    def list_graphs(self, rows: Indices) -> list[Any] | None:
        """Return the graphs of the structures of some rows; None without such a column."""
        return list_graphs(self.frame.iloc[rows])

    def replace_observed(self, observed: Array) -> "Problem":
        """Return the same problem with new observations."""
        return replace(self, observed=observed)

    def shuffle_observed(self, order: Indices) -> "Problem":
        """Return the same problem with the observations of the scored rows in another order, as values or bounds."""
        errors = None if self.errors is None else self.errors[: self.n_scored][order]
        sides = self.censored[: self.n_scored][order]
        return replace(self, observed=self.scored[order], errors=errors, censored=sides)

    def get_errors(self, rows: Indices) -> Array | None:
        """Return the errors of some rows; None if none is known."""
        return None if self.errors is None else self.errors[rows]


def make_plain_problem(frame: pd.DataFrame, observed: Array, groups: Sequence[object], objective: Objective) -> Problem:
    """Build a problem of numbers that stand in no study's table; every row is scored.

    Args:
        frame: what is learned from, shape (n_rows, n_columns).
        observed: shape (n_rows,).
        groups: one label per row.
        objective: what is learned.
    """
    lines, n = np.arange(1, len(frame) + 1, dtype=np.int64), len(frame)
    plain = frame.reset_index(drop=True)
    return Problem("plain", objective, Inputs(()), plain, observed, groups, lines, n, np.zeros(n, dtype=np.int8))


def make_problem(
    rows: pd.DataFrame,
    computed: Mapping[str, pd.DataFrame],
    variant: str,
    inputs: Inputs,
    objective: Objective,
    table: Table,
    ablation: Ablation | None = None,
) -> Problem:
    """Build one learning problem from a table.

    Args:
        rows: the table, any split.
        computed: descriptors of those rows.
        variant: name of the set of inputs.
        inputs: what is learned from.
        objective: what is learned.
        table: settings of the table: groups, censored column.
        ablation: settings of the variant, which may leave rows of related tasks out.

    Returns:
        The problem, scored rows first; rows without a result of the objective are left out.
    """
    joins = "all" if ablation is None else ablation.source
    is_known = rows[objective.name].notna()
    wanted, is_scored = (rows[SPLIT] == SOURCE) & is_known, (rows[SPLIT] == TRAIN) & is_known
    if joins == "none":
        wanted &= False
    elif joins != "all":
        wanted &= rows["ion"].isin(joins)
    picked = pd.concat([rows[is_scored], rows[wanted]])
    errors = picked.get(name_error_column(objective.name))
    return Problem(
        variant=variant,
        objective=objective,
        inputs=inputs,
        frame=inputs.frame(rows, computed).loc[picked.index].reset_index(drop=True),
        observed=picked[objective.name].to_numpy(float),
        groups=label_joint_groups(picked, table.group_columns),
        lines=picked["line"].to_numpy(),
        n_scored=int(is_scored.sum()),
        censored=find_censored(picked, objective.name, table.censored),
        errors=None if errors is None or errors.isna().all() else errors.to_numpy(float),
    )


def find_censored(rows: pd.DataFrame, objective: str, marker: str | None) -> Sides:
    """Return of which rows only a bound of an objective is known, and on which side, shape (n_rows,).

    Args:
        rows: the table.
        objective: its name.
        marker: a column that marks bounds, if there is one; cells such as `<1e-8` count before it.
    """
    bound = name_bound_column(objective)
    marked = np.sign(rows[marker].to_numpy(float)) if marker else np.zeros(len(rows))
    written = rows[bound].to_numpy(float) if bound in rows else np.zeros(len(rows))
    # rows of related tasks may have neither
    return np.nan_to_num(np.where(np.nan_to_num(written) != 0, written, marked)).astype(np.int8)


def label_joint_groups(rows: pd.DataFrame, columns: Sequence[str]) -> list[object]:
    """Label rows such that rows that agree in any of the columns have the same label.

    Args:
        rows: a table.
        columns: none: every row is its own group; one: its values; several: connected through any of them.

    Returns:
        One label per row.
    """
    if not columns:
        return list(range(len(rows)))
    # formulas of one composition are one group, however they are written
    columns = [find_compound_column(rows.columns, column) for column in columns]
    if len(columns) == 1:
        return list(rows[columns[0]])
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n, edges = len(rows), []
    for column in columns:
        codes = pd.factorize(rows[column])[0]
        # an edge from each row to the first of its value connects them all with n edges instead of n²
        first = pd.Series(np.arange(n)).groupby(codes).transform("first").to_numpy()
        edges.append(first)
    source, target = np.tile(np.arange(n), len(edges)), np.concatenate(edges)
    graph = coo_matrix((np.ones(len(source)), (source, target)), shape=(n, n))
    return list(connected_components(graph, directed=False)[1])
