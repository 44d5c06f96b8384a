"""A learning curve of transfer: models of tables and networks over formulas, by one partition and draw of own rows.

Errors of several draws are averaged, never predictions: a mean over models of different rows would rest on more rows
than it says.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.arrays import Array, Indices
from batterymi.config.formula_net import FineTuning
from batterymi.config.parts import Descriptor
from batterymi.config.slices.formula_net import ChainSettings
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.features.descriptors import compute_descriptors
from batterymi.features.formula_net import SHIPPED, FormulaNet
from batterymi.files import compute_digest, compute_sha256
from batterymi.surrogates.nets.formula_chain import Chain, draw_rows
from batterymi.surrogates.nets.formula_voltage import describe_electrodes
from batterymi.surrogates.nets.train import Weights
from batterymi.surrogates.partitions import make_validation
from batterymi.surrogates.problem import Inputs, Problem, make_problem
from batterymi.surrogates.transfer import (
    ALL,
    ALL_ROWS,
    FEATURES,
    NETWORK_FUNCTION,
    OWN,
    SCRATCH,
    Strategies,
    Strategy,
    find_network_features,
    select_sizes,
)
from batterymi.surrogates.validation import CrossValidation
from batterymi.vocabulary.splits import CHECKED, SPLIT

logger = logging.getLogger(__name__)

COLUMNS = {name: name for name in ("charged", "discharged", "ion")}
TO_OWN = "network: compounds > own"
MEAN = f"mean of {ALL}{FEATURES} and network"
OTHERS = "all"


def name_chain(source: str) -> str:
    """Return the strategy of a network that learns from compounds, then other ions, then own rows."""
    return f"network: compounds > {source} > own"


def name_zero_shot(source: str) -> str:
    """Return the strategy of a network that learns from compounds, then other ions, and from no own row."""
    return f"network: compounds > {source} (zero-shot)"


@dataclass(frozen=True)
class Task:
    """What is predicted in one partition.

    Attributes:
        validation: its folds, of the problem without the features of the network.
        described: the same problem with these.
        ions: working ion of each row.
        source: working ions of the related task, as in `transfer.source`.
        model: the model of tables.
    """

    validation: CrossValidation
    described: Problem
    ions: NDArray[np.object_]
    source: tuple[str, ...]
    model: str

    @property
    def sources(self) -> dict[str, NDArray[np.bool_]]:
        """Return which rows networks are taught on, by name: those of the related task, and those of all other ions."""
        is_other = np.arange(len(self.ions)) >= self.validation.problem.n_scored
        return {" and ".join(self.source): np.isin(self.ions, self.source) & is_other, OTHERS: is_other}


def make_chain(task: Task, rows: pd.DataFrame, net: FormulaNet, settings: FineTuning) -> Chain:
    """Return the trainings of one partition.

    Args:
        task: what is predicted.
        rows: the table, in the order of the problem, with charged, discharged and ion.
        net: pre-trained encoders.
        settings: of the trainings.

    Raises:
        ConfigError: if more rounds of messages are to be trained than the encoders have.
    """
    if settings.tuned_layers > net.layers:
        found, most = settings.tuned_layers, net.layers
        raise ConfigError([f"fine_tuning.tuned_layers: found {found}; the encoders have {most} rounds of messages"])
    charged, discharged, ion = (rows[name].tolist() for name in ("charged", "discharged", "ion"))
    problem = task.validation.problem
    # scaled by rows that are not predicted
    others = np.arange(problem.n_scored, len(rows))
    features = problem.frame.to_numpy(float)
    electrodes = describe_electrodes((charged, discharged, ion), net.vocabulary, features, others)
    return Chain(net, electrodes, problem.observed, task.validation.splits, settings, task.validation.seed)


def predict_curve(
    task: Task, chain: Chain, taught: Mapping[str, Weights], sizes: Sequence[int], draw: int
) -> pd.DataFrame:
    """Predict own rows by every strategy from several numbers of own rows.

    Args:
        task: what is predicted.
        chain: trainings of networks.
        taught: by the name of a source, weights of networks that were taught on it.
        sizes: numbers of own rows, `ALL_ROWS` for all.
        draw: its number, from 1.

    Returns:
        Columns strategy, rows, line, predicted; no rows if no fold has that many own rows.
    """
    n_own, splits = task.validation.problem.n_scored, task.validation.splits
    frames = [label_predictions(task, OWN, ALL_ROWS, np.zeros(n_own)).iloc[:0]]
    for size in select_sizes(sizes, [int((train < n_own).sum()) for train, _ in splits]):
        learned = draw_rows(splits, n_own, n_own if size == ALL_ROWS else size, [chain.seed, draw])
        found = dict(_predict_tables(task, learned)) | dict(_predict_networks(task, chain, taught, learned))
        found[MEAN] = (found[ALL + FEATURES] + found[name_chain(OTHERS)]) / 2
        frames += [label_predictions(task, name, size, values) for name, values in found.items()]
        logger.info("draw %d: %s own rows done", draw, size or "all")
    return pd.concat(frames, ignore_index=True)


def identify_task(rows: pd.DataFrame, settings: ChainSettings, partition: int) -> dict[str, Any]:
    """Return what networks that were taught in one partition depend on, for comparison with what is there later.

    Weights of another partition have seen the rows that are tested in this one.

    Args:
        rows: the table, in the order of the problem.
        settings: what models learn from.
        partition: its number.
    """
    return {
        "partition": partition,
        "rows": compute_digest(rows.to_csv(index=False)),
        "settings": compute_digest(settings.model_dump(mode="json")),
        "encoders": compute_sha256(SHIPPED)[:32],
    }


def label_predictions(task: Task, strategy: str, size: int, predicted: Array) -> pd.DataFrame:
    """Return predictions as rows of a table.

    Raises:
        BatteryMIError: if one is not finite.
    """
    if wrong := int((~np.isfinite(predicted)).sum()):
        raise BatteryMIError(
            f"{strategy}, {size or 'all'} own rows: {wrong} of {len(predicted)} predictions are not finite, so the "
            "training has diverged; lower fine_tuning.rate"
        )
    problem = task.validation.problem
    return pd.DataFrame(
        {"strategy": strategy, "rows": size, "line": problem.lines[: problem.n_scored], "predicted": predicted}
    )


def predict_zero_shot(task: Task) -> Iterator[tuple[str, Array]]:
    """Yield predictions of models of tables that saw no own row."""
    for name, way in _list_ways(task).items():
        if "zero-shot" in name:
            none = [train[:0] for train, _ in task.validation.splits]
            yield name, _run(task, way, none)


def _predict_tables(task: Task, learned: Sequence[Indices]) -> Iterator[tuple[str, Array]]:
    """Yield held-out predictions of models of tables from some own rows."""
    for name, way in _list_ways(task).items():
        if "zero-shot" not in name:
            yield name, _run(task, way, learned)


def _list_ways(task: Task) -> dict[str, Strategy]:
    """Return the strategies of models of tables, with and without features of the network."""
    problem, source = task.validation.problem, " and ".join(task.source)
    is_source, seed = task.sources[source], task.validation.seed
    plain = Strategies(problem, is_source, task.model, seed).make_predictors(source)
    described = Strategies(task.described, is_source, task.model, seed).make_predictors(source)
    # residuals are compared in `compare_transfer`
    kept = {name: way for name, way in plain.items() if "residual" not in name}
    # own rows with the features as well: what they gain by compounds alone, without any voltage of another ion
    return kept | {name + FEATURES: described[name] for name in (OWN, ALL)}


def _run(task: Task, way: Strategy, learned: Sequence[Indices]) -> Array:
    """Return held-out predictions of one strategy."""
    n_own = task.validation.problem.n_scored
    predicted = np.empty(n_own)
    for own, (train, test) in zip(learned, task.validation.splits, strict=True):
        predicted[test] = way(own, train[train >= n_own], test)
    return predicted


def _predict_networks(
    task: Task, chain: Chain, taught: Mapping[str, Weights], learned: Sequence[Indices]
) -> Iterator[tuple[str, Array]]:
    """Yield held-out predictions of networks from some own rows."""
    n_own = task.validation.problem.n_scored
    yield SCRATCH, chain.train_from_scratch(learned, n_own)
    yield TO_OWN, chain.tune(None, learned, n_own)
    for source, weights in taught.items():
        yield name_chain(source), chain.tune(weights, learned, n_own, with_features=source == OTHERS)


def make_task(rows: pd.DataFrame, settings: ChainSettings, partition: int) -> tuple[Task, pd.DataFrame]:
    """Return what is predicted in one partition, and the rows in the order of its problem.

    Args:
        rows: the study's table.
        settings: what models learn from.
        partition: its number, from 1.
    """
    rows = rows[rows[SPLIT].isin(CHECKED)].reset_index(drop=True)
    own = find_network_features(settings.descriptors)
    added = Descriptor(name=NETWORK_FUNCTION, label="Network over formulas", function=NETWORK_FUNCTION, columns=COLUMNS)
    descriptors = settings.descriptors if own else (*settings.descriptors, added)
    computed = compute_descriptors(rows, descriptors)
    whole = Inputs(settings.features, descriptors)
    plain, described = (
        make_problem(rows, computed, "transfer_curve", inputs, settings.objectives[0], settings.table)
        for inputs in (whole.drop(own or (NETWORK_FUNCTION,)), whole)
    )
    chosen = settings.surrogate
    untuned = chosen.model_copy(update={"inner_folds": None, "censoring": "bound"})
    validation = make_validation(plain, untuned, chosen.bootstraps, settings.seed, partition)
    ordered = rows.set_index("line").loc[plain.lines].reset_index()
    transfer = settings.transfer
    return Task(validation, described, ordered["ion"].to_numpy(), transfer.source, transfer.model), ordered
