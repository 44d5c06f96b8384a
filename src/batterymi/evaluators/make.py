"""The factory of evaluators."""

from collections.abc import Sequence
from pathlib import Path

from batterymi import registry
from batterymi.config.campaign import EvaluatorChoice
from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator


def make_evaluator(
    choice: EvaluatorChoice, objectives: Sequence[Objective], model: Path | None = None, processes: int = 1
) -> Evaluator:
    """Build an evaluator from its settings.

    Args:
        choice: the settings under `campaign.evaluator`.
        objectives: the study's objectives.
        model: model file, for the surrogate.
        processes: worker processes that it may use for a batch of designs.

    Returns:
        The evaluator.
    """
    kind = registry.look_up("evaluator", choice.name)
    evaluator: Evaluator = kind(choice, tuple(objectives), model, processes)
    return evaluator
