"""Rows of a table that are made by an evaluator."""

import logging

import numpy as np
import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import REFERENCE, SPLIT, TRAIN

logger = logging.getLogger(__name__)


def evaluate_sample(space: Space, evaluator: Evaluator, n: int, seed: int) -> pd.DataFrame:
    """Evaluate designs that fill a space evenly.

    Args:
        space: where designs come from.
        evaluator: computes their outcomes.
        n: how many designs.
        seed: of the designs.

    Returns:
        Designs with outcomes, `failure` and a `label`.
    """
    designs = space.fill(np.random.default_rng(seed), n).reset_index(drop=True)
    logger.info("evaluating %d designs", len(designs))
    rows = pd.concat([designs, evaluator.evaluate(designs)], axis=1)
    return rows.assign(label=[f"design {number}" for number in range(1, len(rows) + 1)])


def make_sampled_rows(sample: pd.DataFrame, evaluator: Evaluator) -> pd.DataFrame:
    """Return the rows of a table: designs that did not fail, and the evaluator's own references."""
    kept = sample[sample["failure"] == ""].assign(**{SPLIT: TRAIN})
    references = evaluator.references()
    if references is not None:
        kept = pd.concat([kept, references.assign(**{SPLIT: REFERENCE})], ignore_index=True)
    return kept.drop(columns="failure")
