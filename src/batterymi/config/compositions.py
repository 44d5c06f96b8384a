"""Studies whose designs are compositions of electrolytes: their features are elements, their objectives outcomes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batterymi.config.campaign import ElectrolyteChoice
from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.electrolyte import CHANCE, OUTCOMES

PLACE = "campaign.evaluator"


def find_composition_problems(
    evaluator: Any, features: Sequence[Feature], objectives: Sequence[Objective], simplex: Simplex | None
) -> Iterator[str]:
    """Yield what is wrong with a study of compositions; nothing for other studies."""
    if not isinstance(evaluator, ElectrolyteChoice):
        return
    names = [feature.name for feature in features]
    for name in names:
        if name not in evaluator.elements:
            yield f"{PLACE}.elements: '{name}' has no element; every feature is one element's share of the atoms"
    for name in evaluator.elements:
        if name not in names:
            yield f"{PLACE}.elements: '{name}' is not a feature; {did_you_mean(name, names)}"
    if simplex is None or set(simplex.features) != set(names) or simplex.total != 1:
        yield "simplex: shares of the atoms add up to 1; list every element of campaign.evaluator.elements there"
    for objective in objectives:
        if objective.name not in OUTCOMES:
            yield (
                f"objectives: '{objective.name}' is not an outcome of the evaluator 'electrolyte'; "
                f"{did_you_mean(objective.name, list(OUTCOMES))}"
            )
        elif objective.unit != OUTCOMES[objective.name]:
            unit = OUTCOMES[objective.name]
            yield f"objectives: '{objective.name}' is computed in {unit}, not in {objective.unit}; write unit: {unit}"
        elif objective.name == CHANCE and evaluator.threshold is None:
            yield f"{PLACE}.threshold: '{CHANCE}' needs the value beyond which it counts, as threshold: -3"


def find_model_problems(evaluator: Any, studies: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the study whose model predicts, once all studies are known."""
    if not isinstance(evaluator, ElectrolyteChoice):
        return
    owner = studies.get(evaluator.model_of)
    if owner is None:
        yield f"{PLACE}.model_of: there is no study '{evaluator.model_of}'; {did_you_mean(evaluator.model_of, studies)}"
    elif evaluator.variant not in owner.variants:
        yield (
            f"{PLACE}.variant: '{evaluator.variant}' is not a variant of {evaluator.model_of}; "
            f"{did_you_mean(evaluator.variant, list(owner.variants))}"
        )
