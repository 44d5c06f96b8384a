"""What the protocols of a charging study must be, so that every charge ends; checked before anything runs."""

from collections.abc import Iterable, Iterator

from batterymi.config.campaign import ChargingChoice, FixedRun
from batterymi.config.designs import ReferenceDesign
from batterymi.config.parts import Feature

CUTOFF_C_RATE = 0.05  # at which a constant-voltage charge ends


def find_protocol_problems(
    features: Iterable[Feature], references: Iterable[ReferenceDesign], evaluators: Iterable[ChargingChoice]
) -> Iterator[str]:
    """Yield what is wrong with designs and reference charges that are to be simulated.

    Args:
        features: of designs; each is the C-rate of a step.
        references: known designs.
        evaluators: with charges to show beside designs.
    """
    features = tuple(features)
    if any(feature.unit != "C-rate" for feature in features):
        yield "features: the charging evaluator takes only features in C-rate"
    names = {feature.name for feature in features}
    for feature in features:
        if feature.range is not None and feature.range[0] <= 0:
            yield (
                f"features: '{feature.name}' may be {feature.range[0]:g}; a charge never ends without current, so that "
                "each step needs a C-rate above 0"
            )
    for design in references:
        for name, value in design.values.items():
            if name in names and not isinstance(value, str) and value <= 0:
                yield (
                    f"reference_designs: '{design.name}': {name} is {value:g}; a charge never ends without current, so "
                    "that each step needs a C-rate above 0"
                )
    for run in dict.fromkeys(run for evaluator in evaluators for run in evaluator.references):
        yield from _find_run_problems(run)


def _find_run_problems(run: FixedRun) -> Iterator[str]:
    """Yield what is wrong with a reference charge."""
    place = f"campaign.evaluator.references: '{run.label}'"
    if run.timed is not None and not run.timed:
        yield f"{place} has no step"
    if any(rate <= 0 or minutes <= 0 for rate, minutes in run.timed or ()):
        yield f"{place}: each step needs a C-rate and minutes above 0"
    if run.phases is not None:
        ends = [0.0, *(end for end, _ in run.phases)]
        if len(ends) == 1 or ends != sorted(set(ends)) or ends[-1] > 1:
            yield f"{place}: phases need states of charge that rise from above 0 to at most 1, found {ends[1:]}"
        if any(rate <= 0 for _, rate in run.phases):
            yield f"{place}: each phase needs a C-rate above 0"
    if run.cc_cv is not None and run.cc_cv <= CUTOFF_C_RATE:
        yield f"{place}: cc_cv is {run.cc_cv:g}; it must be above {CUTOFF_C_RATE:g}, where the charge ends"
