"""The stage `sample_table`: a table made by the evaluator, where no measured one exists."""

import logging
from pathlib import Path

from batterymi.config.slices.sampling import SamplingSettings
from batterymi.errors import TableError
from batterymi.evaluators.base import NO_FILES, EvaluatorFiles
from batterymi.evaluators.make import make_evaluator
from batterymi.files import write_json, write_parquet
from batterymi.optimise.campaigns.sampling import evaluate_sample, make_sampled_rows
from batterymi.optimise.space.space import make_space

logger = logging.getLogger(__name__)


def sample_table(
    rows: Path, failures: Path, settings: SamplingSettings, processes: int, evaluator_files: EvaluatorFiles = NO_FILES
) -> None:
    """Evaluate space-filling designs, and the evaluator's own reference rows beside them.

    Args:
        rows: Parquet to write: designs and outcomes, failed designs left out.
        failures: JSON to write: how many designs were evaluated, how many failed, and each failure with its design.
        settings: of designs and evaluator.
        processes: worker processes.
        evaluator_files: what the evaluator reads.

    Raises:
        TableError: if every design failed.
    """
    space = make_space(settings.features, settings.simplex, settings.constraints)
    evaluator = make_evaluator(settings.evaluator, settings.objectives, evaluator_files, processes)
    sample = evaluate_sample(space, evaluator, settings.n_sampled, settings.seed)
    failed = sample[sample["failure"] != ""]
    if len(failed) == len(sample):
        kinds = ", ".join(sorted(set(failed["failure"])))
        raise TableError(f"all {len(sample)} designs failed: {kinds}")
    write_parquet(rows, make_sampled_rows(sample, evaluator))
    content = {
        "evaluated": len(sample),
        "failed": len(failed),
        "by_kind": {str(kind): int(n) for kind, n in failed["failure"].value_counts().items()},
        "failures": failed[[*space.names, "failure"]].to_dict("records"),
    }
    write_json(failures, content)
    logger.info("%d designs succeeded, %d failed", len(sample) - len(failed), len(failed))
