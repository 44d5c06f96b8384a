"""What rules of a study on designs must agree on: compositions, features that apply to some designs, shared values.

Also the worst values of objectives that count.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from batterymi.config.designs import ReferenceDesign
from batterymi.config.parts import Constraint, Feature, Objective, Simplex
from batterymi.spelling import did_you_mean

SLACK = 1e-9


def find_category_problems(constraint: Constraint, features: Sequence[Feature]) -> Iterator[str]:
    """Yield which columns of a written condition are no numbers, even where their choices have an order."""
    categories = {feature.name for feature in features if feature.is_category}
    for name in constraint.names if constraint.expression else ():
        if name in categories:
            yield (
                f"constraints: '{constraint.name}': {name} is a category; constraints take numbers; for what a number "
                "may be with each choice, see used_with"
            )


def find_simplex_problems(simplex: Simplex, features: Sequence[Feature]) -> Iterator[str]:
    """Yield what makes a composition impossible."""
    parts = [feature for feature in features if feature.name in simplex.features]
    for feature in parts:
        if feature.is_category:
            yield f"simplex: '{feature.name}' is a category, not a fraction"
        if feature.step or feature.levels:
            yield f"simplex: '{feature.name}' has steps of its own; give simplex.step for all fractions instead"
        if feature.is_logarithmic:
            yield f"simplex: '{feature.name}' has scale: log, but fractions are added"
        if feature.is_conditional:
            yield f"simplex: '{feature.name}' has used_with or optional_step; a fraction that is not used is 0"
    # missing bounds are reported with the other features of the campaign
    bounds = [feature.bounds for feature in parts if feature.bounds]
    if len(bounds) < len(simplex.features):
        return
    low, high, total = sum(b[0] for b in bounds), sum(b[1] for b in bounds), simplex.total
    if any(b[0] < 0 for b in bounds):
        yield "simplex: a fraction has a bound below 0"
    # at equality a single composition would be left
    elif not simplex.has_zeros and not low < total < high:
        yield f"simplex: with these bounds the fractions add up to {low:g} to {high:g}, never {total:g}"
    elif simplex.has_zeros:
        yield from _find_part_problems(simplex, {f.name: f.bounds for f in parts if f.bounds})


def _find_part_problems(simplex: Simplex, bounds: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """Yield why no choice of a few parts can add up to the total."""
    total, required = simplex.total, [name for name, (low, _) in bounds.items() if low > 0]
    most, fewest = simplex.max_parts or len(bounds), max(simplex.min_parts or 1, len(required))
    least = {name: max(low, simplex.get_least(name), simplex.step or 0.0) for name, (low, _) in bounds.items()}
    for name, (_, high) in bounds.items():
        if least[name] > high:
            yield f"simplex.min_when_used: {least[name]:g} is above the upper bound of '{name}', {high:g}"
    if len(required) > most:
        yield (
            f"simplex.max_parts: {most}, but {len(required)} fractions have a lower bound above 0, so that they are "
            "always used; write bounds from 0, and simplex.min_when_used for the smallest amount of a fraction"
        )
        return
    others = [name for name in bounds if name not in required]
    high = sum(bounds[name][1] for name in required)
    high += sum(sorted((bounds[name][1] for name in others), reverse=True)[: most - len(required)])
    if high < total * (1 - SLACK):
        yield f"simplex.max_parts: {most} fractions add up to {high:g} at most within their bounds, never {total:g}"
    low = sum(least[name] for name in required)
    low += sum(sorted(least[name] for name in others)[: fewest - len(required)])
    if low > total * (1 + SLACK):
        yield f"simplex: {fewest} fractions add up to {low:g} at least, above {total:g}"


def find_condition_problems(variants: Mapping[str, Sequence[Feature]]) -> Iterator[str]:
    """Yield what is wrong with features that apply to some designs only, in any variant of the study."""
    for variant, features in variants.items():
        known = {feature.name: feature for feature in features}
        for feature in features:
            for name in feature.used_with or ():
                problem = _find_controller_problem(feature, known.get(name))
                if problem is None:
                    continue
                if name not in known and variant != next(iter(variants)):
                    yield f"ablations: '{variant}' drops '{name}', with which '{feature.name}' is used; drop both"
                elif variant == next(iter(variants)):
                    hint = f"; {did_you_mean(name, known)}" if name not in known else ""
                    yield f"features: '{feature.name}': used_with: '{name}' {problem}{hint}"


def _find_controller_problem(feature: Feature, controller: Feature | None) -> str | None:
    """Say why a feature cannot be used with the choices of another one; None if it can."""
    if controller is None:
        return "is not a feature"
    if not controller.choices:
        return "has no choices; it must be a category"
    if controller.is_conditional:
        return "does not always apply itself; use a category that does"
    unknown = [choice for choice in feature.used_choices if choice not in controller.choices]
    if unknown:
        return f"has no choice '{unknown[0]}'; {did_you_mean(unknown[0], controller.choices)}"
    if len(set(feature.used_choices)) == len(set(controller.choices)) and not feature.own_ranges:
        return "has no other choice, so that the feature always applies; leave used_with out"
    return None


def find_shared_problems(
    shared: Collection[str], features: Sequence[Feature], simplex: Simplex | None
) -> Iterator[str]:
    """Yield what is wrong with the features of which a batch has one value."""
    known = {feature.name: feature for feature in features}
    for name in shared:
        feature = known.get(name)
        if feature is None:
            yield f"campaign.shared_in_batch: '{name}' is not a feature of designs; {did_you_mean(name, known)}"
            continue
        if simplex and name in simplex.features:
            yield f"campaign.shared_in_batch: '{name}' is a fraction of the simplex; share other features"
        partners = [*(feature.used_with or ())]
        partners += [f.name for f in features if feature.optional_step and f.optional_step == feature.optional_step]
        for partner in partners:
            if partner not in shared:
                yield f"campaign.shared_in_batch: '{name}' depends on '{partner}'; share both"
    if shared and set(known) <= set(shared):
        yield "campaign.shared_in_batch: all features are shared, so that all designs of a batch would be equal"


def find_missing_values(features: Sequence[Feature], values: Mapping[str, float | str]) -> Iterator[str]:
    """Yield what a design lacks, and what it gives that does not apply to it."""
    for feature in features:
        given, applies = feature.name in values, True
        for controller in feature.used_with or ():
            applies = values.get(controller) in feature.used_choices
            if given and not applies:
                yield f"{feature.name} does not apply with {controller} '{values.get(controller)}'; leave it out"
        if feature.optional_step:
            step = [f.name for f in features if f.optional_step == feature.optional_step]
            applies = any(name in values for name in step)
        if applies and not given:
            yield f"lacks {feature.name}"


def find_reference_problems(reference: Mapping[str, float], optimised: Sequence[Objective]) -> Iterator[str]:
    """Yield what is wrong with the worst values of objectives that count in a hypervolume."""
    names = {objective.name for objective in optimised}
    if len(names) < 2:
        yield "campaign.reference: a reference point needs several objectives to maximise or minimise, or with a target"
    for name in reference.keys() ^ names:
        problem = "is not optimised" if name in reference else "lacks its worst value"
        yield f"campaign.reference: '{name}' {problem}; {did_you_mean(name, names)}"
    for objective in optimised:
        window, worst = objective.window, reference.get(objective.name)
        if window and worst is not None and window.low <= worst <= window.high:
            yield (
                f"campaign.reference: {worst:g} of '{objective.name}' hits the target {window.text}, so that no design "
                "is better; give a value on either side of it that is still of interest"
            )


def find_reserves(objectives: Sequence[Objective]) -> Iterator[str]:
    """Yield problems with reserves, in a campaign whose evaluator is not coarser than what checks it."""
    for objective in objectives:
        if objective.reserve is not None:
            yield (
                f"objectives: '{objective.name}' has a reserve, which is for `campaign.mode: search`; move the limit "
                "itself"
            )


def find_design_problems(designs: Sequence[ReferenceDesign], designable: Sequence[Feature]) -> Iterator[str]:
    """Yield problems with reference designs: of features that are not searched, and of values that they cannot have."""
    wanted = {feature.name: feature for feature in designable}
    for design in designs:
        for name, value in design.values.items():
            feature = wanted.get(name)
            if feature is None:
                yield f"reference_designs: '{design.name}': {name} is not searched; {did_you_mean(name, wanted)}"
            elif feature.choices and value not in feature.choices:
                hint = did_you_mean(str(value), feature.choices)
                yield f"reference_designs: '{design.name}': '{value}' is not a choice of {name}; {hint}"
            elif not feature.choices and isinstance(value, str):
                yield f"reference_designs: '{design.name}': {name} is '{value}', not a number"
        for problem in find_missing_values(designable, design.values):
            yield f"reference_designs: '{design.name}' {problem}"
