"""The stage `sample_table`: a table made by asking the evaluator, where no measured one exists."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.errors import TableError
from batterymi.evaluators.make import make_evaluator
from batterymi.files import write_json, write_parquet
from batterymi.optimise.space.space import make_space
from batterymi.vocabulary.splits import REFERENCE, SPLIT, TRAIN

logger = logging.getLogger(__name__)


def sample_table(
    rows_path: str,
    failures_path: str,
    *,
    designs: int,
    features: list[dict[str, Any]],
    objectives: list[dict[str, Any]],
    simplex: dict[str, Any] | None,
    constraints: list[dict[str, Any]],
    evaluator: dict[str, Any],
    seed: int,
    processes: int = 1,
) -> None:
    """Evaluate space-filling designs, and the evaluator's own reference rows beside them.

    Args:
        rows_path: Parquet to write: designs and outcomes, failed designs left out.
        failures_path: JSON to write: how many were asked, how many failed, and each failure with its design.
        designs: how many designs to ask for.
        features: settings of the features.
        objectives: settings of the objectives.
        simplex: settings of the composition, or None.
        constraints: settings of the constraints.
        evaluator: settings of the evaluator.
        seed: the study's seed.
        processes: worker processes.

    Raises:
        TableError: if every design failed.
    """
    targets = tuple(Objective(**objective) for objective in objectives)
    space = make_space(
        [Feature(**feature) for feature in features],
        Simplex(**simplex) if simplex else None,
        [Constraint(**constraint) for constraint in constraints],
    )
    oracle = make_evaluator(evaluator, targets, processes=processes)
    asked = space.fill(np.random.default_rng(seed), designs).reset_index(drop=True)
    logger.info("asking for %d designs", len(asked))
    rows = pd.concat([asked, oracle.evaluate(asked)], axis=1)
    rows["label"] = [f"design {number}" for number in range(1, len(rows) + 1)]
    failed = rows[rows["failure"] != ""]
    kept = rows[rows["failure"] == ""].assign(**{SPLIT: TRAIN})
    if kept.empty:
        kinds = ", ".join(sorted(set(failed["failure"])))
        raise TableError(f"every one of {len(asked)} designs failed: {kinds}")
    others = oracle.references()
    if others is not None:
        kept = pd.concat([kept, others.assign(**{SPLIT: REFERENCE})], ignore_index=True)
    kept = kept.drop(columns="failure")
    write_parquet(rows_path, kept)
    write_json(
        failures_path,
        {
            "asked": len(asked),
            "failed": len(failed),
            "by_kind": {str(k): int(n) for k, n in failed["failure"].value_counts().items()},
            "failures": failed[[*space.names, "failure"]].to_dict("records"),
        },
    )
    logger.info("%d designs answered, %d failed", len(asked) - len(failed), len(failed))
