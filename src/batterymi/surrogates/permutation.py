"""Permutation tests: how well chance does."""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from batterymi.arrays import Indices
from batterymi.process_pool import run_in_processes
from batterymi.registry import find_modules
from batterymi.statistics.intervals import compute_q_squared
from batterymi.surrogates.validation import CrossValidation, OutOfFold, make_splits, predict_out_of_fold
from batterymi.vocabulary.verdicts import ALPHA

FEWEST = 19  # shuffles before a test may end early
SMALL_TABLE = 30  # rows up to which every shuffle refits the model
WORTH_SHARING_S = 4.0  # of time that shuffles would take here; processes take two seconds to start
MOST_FOLDS = 10  # of a cross-validation that every shuffle does again
MOST_TREES = 25  # of a forest that every shuffle grows again


# a model, how it is held out, and the score of the given order
Tested = tuple[str, CrossValidation, float]


@dataclass(frozen=True)
class PermutationTest:
    """How often chance does as well as a model.

    Attributes:
        p_value: share of shuffles that score at least as well, corrected for the number of models tried.
        n_shuffles: how many were drawn.
        method: "refit" or "pairing".
    """

    p_value: float
    n_shuffles: int
    method: str


def run_permutation_test(
    name: str,
    validation: CrossValidation,
    outs: Sequence[OutOfFold],
    n_shuffles: int,
    n_tried: int,
    processes: int = 1,
) -> PermutationTest:
    """Test whether the features carry information about the objective.

    Up to `SMALL_TABLE` rows the objective is shuffled and the whole cross-validation done again; over every order
    there is if there are few, else over `n_shuffles` of them. That cross-validation has at most `MOST_FOLDS` folds and
    its forests `MOST_TREES` trees, for the given order as for all others, so that the test stays exact; 30 rows would
    else take minutes. It ends early once so many shuffles did as well that all of them together could no longer give
    p < 0.05, which leaves the decision as it would be.

    On longer tables only the pairing of predictions and observations is shuffled; whole groups are moved, since rows
    of one group agree with each other whatever the features say; the score is the mean over all partitions into folds.
    The p-value is multiplied by the number of models tried (Bonferroni), since the best of several was picked.

    Args:
        name: the selected model.
        validation: the cross-validation, of the first partition.
        outs: held-out predictions, by partition; where every shuffle refits, the first alone is looked at.
        n_shuffles: shuffles to draw.
        n_tried: models that were compared.
        processes: that may share shuffles which refit.

    Returns:
        The corrected p-value, at most 1, and how it was found.
    """
    problem, observed = validation.problem, validation.problem.scored
    rng = np.random.default_rng(validation.seed)
    if len(observed) > SMALL_TABLE:
        orders = np.stack([_order_by_group(problem.scored_groups, rng) for _ in range(n_shuffles)])
        # rows are laid out group by group, so that a shift of whole groups keeps what a group shares
        base = _order_by_group(problem.scored_groups, None)
        shuffled = np.mean([compute_q_squared(observed[orders], out.mean[base]) for out in outs], axis=0)
        score = float(np.mean([compute_q_squared(observed, out.mean) for out in outs]))
        as_good = int((shuffled >= score).sum())
        return PermutationTest(_compute_p_value(as_good, n_shuffles, n_tried), n_shuffles, "pairing")
    light = _lighten(validation)
    held_out = outs[0] if light is validation else predict_out_of_fold(name, light)
    score = float(compute_q_squared(observed, held_out.mean))
    as_good = drawn = 0
    for is_as_good in _score_orders((name, light, score), _draw_orders(len(observed), n_shuffles, rng), processes):
        drawn += 1
        as_good += is_as_good
        settled = _compute_p_value(as_good, n_shuffles, n_tried) >= ALPHA
        if settled and drawn >= FEWEST:
            break
    return PermutationTest(_compute_p_value(as_good, drawn, n_tried), drawn, "refit")


def _score_orders(tested: Tested, orders: Sequence[Indices], processes: int) -> Iterator[bool]:
    """Yield whether each order does as well as the given one, in turn.

    The first are tried here, since most tests end with them. The others are shared among processes where that saves
    time; what each order gives does not depend on it.
    """
    began = time.perf_counter()
    for order in orders[:FEWEST]:
        yield _is_as_good(tested, order)
    others = orders[FEWEST:]
    if (time.perf_counter() - began) / FEWEST * len(others) < WORTH_SHARING_S:
        processes = 1
    if processes == 1:
        yield from (_is_as_good(tested, order) for order in others)
    else:
        yield from run_in_processes(
            _is_as_good,
            others,
            processes,
            build=_keep,
            build_args=(tested,),
            preload=find_modules([("model", tested[0])]),
        )


def _keep(tested: Tested) -> Tested:
    """Return what all shuffles of a process share, pickled once."""
    return tested


def _is_as_good(tested: Tested, order: Indices) -> bool:
    """Return whether a model of shuffled observations scores as well as that of the given ones."""
    name, validation, score = tested
    shuffled = validation.problem.shuffle_observed(order)
    again = predict_out_of_fold(name, replace(validation, problem=shuffled))
    return bool(compute_q_squared(shuffled.scored, again.mean) >= score - 1e-12)


def _lighten(validation: CrossValidation) -> CrossValidation:
    """Return a cross-validation of few folds and small forests; the same one if it is."""
    problem, method = validation.problem, validation.method
    if len(validation.splits) > MOST_FOLDS:
        splits = make_splits(MOST_FOLDS, problem.groups, validation.seed, problem.n_scored)
        validation = replace(validation, splits=splits)
    if method.trees > MOST_TREES:
        validation = replace(validation, method=replace(method, trees=MOST_TREES))
    return validation


def _order_by_group(groups: Sequence[object], rng: np.random.Generator | None) -> Indices:
    """Order rows group by group, the groups at random, or by appearance without a generator."""
    labels = pd.factorize(np.asarray(groups, dtype=str))[0]
    places = np.arange(labels.max() + 1)
    return np.argsort((places if rng is None else rng.permutation(places))[labels], kind="stable")


def _draw_orders(n: int, n_shuffles: int, rng: np.random.Generator) -> list[Indices]:
    """Return every order of n rows but the given one if there are few, else random ones."""
    if math.factorial(n) <= n_shuffles + 1:
        # the first permutation is the given order, which the p-value counts already
        orders = [np.array(order) for order in itertools.permutations(range(n))][1:]
        # at random, so that a test that ends early has not drawn neighbouring orders only
        return [orders[i] for i in rng.permutation(len(orders))]
    return [rng.permutation(n) for _ in range(n_shuffles)]


def _compute_p_value(as_good: int, drawn: int, n_tried: int) -> float:
    """Compute the share of orders, the observed included, that score as well, times the number of models."""
    # the observed order is one of the permutations, so p is never zero
    return min(1.0, n_tried * (as_good + 1) / (drawn + 1))
