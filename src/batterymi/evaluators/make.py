"""Making the evaluator that a study names."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from batterymi import registry
from batterymi.config.campaign import EvaluatorChoice
from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator


def make_evaluator(
    choice: dict[str, Any],
    objectives: Sequence[Objective],
    model_path: str | None = None,
    processes: int = 1,
) -> Evaluator:
    """Build an evaluator from its settings.

    Args:
        choice: the settings under `campaign.evaluator`.
        objectives: the study's objectives.
        model_path: model file, for the surrogate.
        processes: worker processes it may use for a batch of designs.

    Returns:
        The evaluator.
    """
    settings: Any = TypeAdapter(EvaluatorChoice).validate_python(choice)
    kind = registry.look_up("evaluator", settings.name)
    evaluator: Evaluator = kind(settings, tuple(objectives), model_path, processes)
    return evaluator
