"""Rows of a table that are made by an evaluator."""

import logging

import numpy as np
import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import REFERENCE, SPLIT, TRAIN

logger = logging.getLogger(__name__)
MOST_DRAWS = 20  # of as many designs as are wanted
SAME_DIGITS = 9  # after which designs are rounded to be compared


def evaluate_sample(space: Space, evaluator: Evaluator, n: int, seed: int) -> pd.DataFrame:
    """Evaluate designs that fill a space evenly.

    Args:
        space: where designs come from.
        evaluator: computes their outcomes.
        n: how many different designs; fewer where no more are found.
        seed: of the designs.

    Returns:
        Designs with outcomes, `failure` and a `label`.
    """
    designs = _fill_distinct(space, np.random.default_rng(seed), n)
    logger.info("evaluating %d designs", len(designs))
    rows = pd.concat([designs, evaluator.evaluate(designs)], axis=1)
    return rows.assign(label=[f"design {number}" for number in range(1, len(rows) + 1)])


def _fill_distinct(space: Space, rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return designs that fill a space evenly; where steps make some of them equal, others take their place."""
    designs = _drop_equal(space.fill(rng, n))
    for _ in range(MOST_DRAWS):
        if len(designs) >= n:
            break
        designs = _drop_equal(pd.concat([designs, space.sample(rng, n)]))
    return designs.head(n).reset_index(drop=True)


def _drop_equal(designs: pd.DataFrame) -> pd.DataFrame:
    """Return designs that differ by more than rounding."""
    return designs[~designs.round(SAME_DIGITS).duplicated().to_numpy()]


def make_sampled_rows(sample: pd.DataFrame, evaluator: Evaluator) -> pd.DataFrame:
    """Return the rows of a table: designs that did not fail, and the evaluator's own references."""
    kept = sample[sample["failure"] == ""].assign(**{SPLIT: TRAIN})
    references = evaluator.references()
    if references is not None:
        kept = pd.concat([kept, references.assign(**{SPLIT: REFERENCE})], ignore_index=True)
    return kept.drop(columns="failure")
