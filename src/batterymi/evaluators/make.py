"""The factory of evaluators."""

from collections.abc import Sequence

from batterymi import registry
from batterymi.config.campaign import EvaluatorChoice
from batterymi.config.parts import Objective
from batterymi.evaluators.base import NO_FILES, Evaluator, EvaluatorFiles


def make_evaluator(
    choice: EvaluatorChoice, objectives: Sequence[Objective], files: EvaluatorFiles = NO_FILES, processes: int = 1
) -> Evaluator:
    """Build an evaluator from its settings.

    Args:
        choice: the settings under `campaign.evaluator`.
        objectives: the study's objectives.
        files: what it reads.
        processes: worker processes that it may use for a batch of designs.

    Returns:
        The evaluator.
    """
    kind = registry.look_up("evaluator", choice.name)
    evaluator: Evaluator = kind(choice, tuple(objectives), files, processes)
    return evaluator
