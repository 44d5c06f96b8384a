"""What suggestions are expected to bring, in words that follow from the numbers beside them.

All of it is of the engine's own model, which chose them, beside the best measured design. Another model is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from batterymi.config.parts import Objective
from batterymi.optimise.campaigns.best_known import BestKnown, find_dominating
from batterymi.optimise.engines.targets import (
    compute_closer_probability,
    compute_expected_distance,
    compute_hit_probability,
)
from batterymi.optimise.space.problem import Search
from batterymi.statistics.digits import format_estimate, format_interval, format_probability, round_estimate
from batterymi.statistics.intervals import NORMAL_95
from batterymi.vocabulary.expected import LIMITS_MET, NO_FAILURE, name_deviation_column, name_mean_column
from batterymi.vocabulary.units import format_unit

BETTER, AS_GOOD, WORSE, LITTLE_KNOWN = "better", "as good", "worse", "little known"
UNLIKELY, UNCOMPARED, UNPREDICTED = "unlikely", "uncompared", "unpredicted"
SIMILAR = 0.5  # deviations of the difference up to which a design is about as good as the best
SIMILAR_SHARE = 0.25  # and deviations of all measured values
UNCERTAIN, IGNORANT = 0.1, 0.5  # deviation, in deviations of all measured values, from which it is; little is known
WORDS = {
    BETTER: "expected to be better",
    UNLIKELY: "expected to be better if all goes well",
    AS_GOOD: "about as good as the best",
    LITTLE_KNOWN: "expected to be worse, chosen since little is known there",
    WORSE: "expected to be worse, chosen for what chance there is",
}
# of an objective with a target
CLOSER = {
    BETTER: "expected to come closer",
    UNLIKELY: "expected to come closer if all goes well",
    AS_GOOD: "about as close as the best",
    LITTLE_KNOWN: "expected farther off, chosen since little is known there",
    WORSE: "expected farther off, chosen for what chance there is",
}
# the same where the best hits the target already
HITTING = {
    AS_GOOD: "expected to hit the target, as the best does",
    UNLIKELY: "expected to hit the target if all goes well",
    LITTLE_KNOWN: "less likely to hit the target, chosen since little is known there",
    WORSE: "less likely to hit the target, chosen for what chance there is",
}
FRONT = {
    BETTER: "chosen for the front: expected to extend it",
    UNLIKELY: "chosen for the front: expected to extend it if all goes well",
    LITTLE_KNOWN: "chosen for the front: expected behind it, where little is known",
    WORSE: "chosen for the front: expected behind it",
}
# what the verdict says of those that are not expected to be better, one and several
REST = {
    AS_GOOD: ("is about as good", "are about as good"),
    UNLIKELY: ("would be better if no limit were broken and nothing failed",) * 2,
    LITTLE_KNOWN: ("is chosen since little is known there", "are chosen where little is known"),
    WORSE: ("is chosen for what chance there is", "are chosen for what chance there is"),
}
REST_OF_TARGETS = {
    **REST,
    AS_GOOD: ("is about as close", "are about as close"),
    UNLIKELY: ("would come closer if no limit were broken and nothing failed",) * 2,
}


@dataclass(frozen=True)
class Outlook:
    """What is expected of one suggestion.

    Attributes:
        kind: how it compares with the best known.
        words: the same in words.
        numbers: what these follow from: the expected outcomes, and the best known.
        chances: probabilities, with what they are of.
        criterion: by what the engine chose it.
        likely: probability that all limits are met and nothing fails.
    """

    kind: str
    words: str
    numbers: str
    chances: tuple[str, ...]
    criterion: str
    likely: float = 1.0

    @property
    def reason(self) -> str:
        """Return all of it."""
        first = f"{self.words}: {self.numbers}" if self.words and self.numbers else self.words or self.numbers
        return "; ".join([*filter(None, [first]), *self.chances, self.criterion])

    @property
    def short_reason(self) -> str:
        """Return the reason without the numbers, to stand below them."""
        return "; ".join([*filter(None, [self.words]), *self.chances, self.criterion])


def assess_suggestions(proposed: pd.DataFrame, search: Search, best: BestKnown) -> list[Outlook]:
    """Compare what the engine expects of each suggestion with the best known.

    Args:
        proposed: designs with `why`, and what the engine's model expects of them.
        search: objectives and limits in force.
        best: the best measured designs.
    """
    return [_assess_design(row, search, best) for row in proposed.to_dict("records")]


def _assess_design(row: Mapping[Any, Any], search: Search, best: BestKnown) -> Outlook:
    """Compare what the engine expects of one design with the best known."""
    if any(name_mean_column(objective.name) not in row for objective in search.optimised):
        return Outlook(UNPREDICTED, "", "", (), str(row["why"]))
    likely = _find_probability(row, search)
    kind, words, numbers, chances = (
        _compare_with_nothing(row, search, best)
        if not len(best)
        else _compare_with_best(row, search.optimised[0], best, likely)
        if len(search.optimised) == 1
        else _compare_with_front(row, search, best, likely)
    )
    if search.limits and LIMITS_MET in row:
        chances = [*chances, f"limits met with probability {format_probability(row[LIMITS_MET])}"]
    if NO_FAILURE in row:
        chances = [*chances, f"no failure with probability {format_probability(row[NO_FAILURE])}"]
    return Outlook(kind, words, numbers, (*chances, *_note_impossible(row, search)), str(row["why"]), likely)


Compared = tuple[str, str, str, list[str]]


def _compare_with_best(row: Mapping[Any, Any], only: Objective, best: BestKnown, likely: float) -> Compared:
    """Compare the expected value of one objective with the best."""
    mean, deviation = _get_expected(row, only.name)
    value, error = _get_best(only, best)
    text = best.format_value(0, only, deviation)
    if best.hits(0, only):
        return _compare_with_hit(row, only, best, likely)
    gain = _cost(only, value, error) - _cost(only, mean, deviation)
    # words must agree with what is read, too, so a gain that rounding turns round is none
    shown = _cost(only, round_estimate(value, error)) - _cost(only, round_estimate(mean, deviation))
    both, spread = max(float(np.hypot(deviation, error)), 1e-300), best.spreads[only.name]
    kind = _classify(gain if gain * shown > 0 else 0.0, both, deviation, spread)
    kind = UNLIKELY if kind == BETTER and likely < 0.5 else kind
    words = (CLOSER if only.window else WORDS)[kind]
    words += ", and uncertain" if kind == AS_GOOD and deviation >= UNCERTAIN * spread else ""
    numbers = f"{_format_expected(row, only)}{only.target_note}, best known {text} ({best.labels[0]})"
    if only.window is None:
        chance = compute_chance(row, only, best)
        return kind, words, numbers, [f"better with probability {format_probability(chance)}"]
    closer = format_probability(compute_chance(row, only, best))
    return kind, words, numbers, [*_list_hit(row, only), f"closer with probability {closer}"]


def _compare_with_hit(row: Mapping[Any, Any], only: Objective, best: BestKnown, likely: float) -> Compared:
    """Compare the expected value of one objective with a best that lies within the window of its target."""
    deviation = _get_expected(row, only.name)[1]
    is_unknown = deviation >= IGNORANT * best.spreads[only.name]
    kind = AS_GOOD if _find_hit_probability(row, only) >= SIMILAR else LITTLE_KNOWN if is_unknown else WORSE
    kind = UNLIKELY if kind == AS_GOOD and likely < SIMILAR else kind
    known = f"best known {best.format_value(0, only, deviation)} ({best.labels[0]})"
    return kind, HITTING[kind], f"{_format_expected(row, only)}{only.target_note}, {known}", _list_hit(row, only)


def _cost(objective: Objective, value: float, deviation: float = 0.0) -> float:
    """Return what an uncertain outcome is expected to cost, in the objective's unit."""
    if objective.window is None:
        return objective.sign * value
    return float(compute_expected_distance(np.array(value), np.array(deviation), objective.window))


def _find_hit_probability(row: Mapping[Any, Any], objective: Objective) -> float:
    """Return the probability that an outcome lies within the window of a target."""
    assert objective.window is not None
    mean, deviation = map(np.array, _get_expected(row, objective.name))
    return float(compute_hit_probability(mean, deviation, objective.window, np.array(0.0)))


def _list_hit(row: Mapping[Any, Any], objective: Objective) -> list[str]:
    """Return the probability that a target is hit, in words; nothing of a single value, which no outcome hits."""
    if objective.window is None or objective.window.is_single:
        return []
    chance = format_probability(_find_hit_probability(row, objective))
    return [f"within {objective.target_text} with probability {chance}"]


def compute_chance(row: Mapping[Any, Any], only: Objective, best: BestKnown) -> float:
    """Return the probability that a design is better than the best, in one objective."""
    (mean, deviation), (value, error) = _get_expected(row, only.name), _get_best(only, best)
    if only.window is not None:
        return float(compute_closer_probability(mean, deviation, value, error, only.window))
    return float(ndtr(only.sign * (value - mean) / max(float(np.hypot(deviation, error)), 1e-300)))


def _get_best(only: Objective, best: BestKnown) -> tuple[float, float]:
    """Return the best value of one objective, and its standard deviation, 0 where it is unknown."""
    value, error = (float(part[only.name].iloc[0]) for part in (best.values, best.errors))
    return value, error if error > 0 else 0.0


def _classify(gain: float, both: float, deviation: float, spread: float) -> str:
    """Return how an expected value compares with the best.

    Args:
        gain: by how much it is better.
        both: standard deviation of the difference.
        deviation: standard deviation of what is expected.
        spread: of all measured values.
    """
    if gain == 0 or abs(gain) <= min(SIMILAR * both, SIMILAR_SHARE * spread):
        return AS_GOOD
    if gain > 0:
        return BETTER
    return LITTLE_KNOWN if deviation >= IGNORANT * spread else WORSE


def _compare_with_front(row: Mapping[Any, Any], search: Search, best: BestKnown, likely: float) -> Compared:
    """Compare expected values of several objectives with the front of the best."""
    expected = {o.name: round_estimate(*_get_expected(row, o.name)) for o in search.optimised}
    numbers = ", ".join(f"{o.label} {_format_expected(row, o)}{o.target_note}" for o in search.optimised)
    ahead = find_dominating(best.values, expected, search.optimised)
    if len(ahead):
        unknown = [_get_expected(row, o.name)[1] >= IGNORANT * best.spreads[o.name] for o in search.optimised]
        kind, place = LITTLE_KNOWN if any(unknown) else WORSE, int(ahead[0])
        values = ", ".join(
            f"{o.label} {best.format_value(place, o, _get_expected(row, o.name)[1])}" for o in search.optimised
        )
        return kind, FRONT[kind], f"{numbers}, behind {best.labels[place]} ({values})", []
    kind = BETTER if likely >= 0.5 else UNLIKELY
    return kind, FRONT[kind], numbers, []


def _compare_with_nothing(row: Mapping[Any, Any], search: Search, best: BestKnown) -> Compared:
    """Describe what is expected where no measured design within the bounds meets the limits."""
    shown = [o for o in search.objectives if o.name in search.modelled]
    numbers = ", ".join(f"{o.label} {_format_expected(row, o)}{o.target_note}" for o in shown)
    within = "no measured design lies within the bounds"
    words = "no measured design within the bounds meets all limits" if best.n_within else within
    if best.n_uncertain:
        # as <70 where more is better
        words = "no measured design within the bounds is known to meet all limits"
        if best.n_uncertain == best.n_within:
            words = "of all measured designs within the bounds only a bound is known, beyond which they may be worse"
    return UNCOMPARED, words, f"expected {numbers}", []


def _find_probability(row: Mapping[Any, Any], search: Search) -> float:
    """Return the probability that a design counts: that limits are met, as far as a model says, and nothing fails."""
    if search.limits and LIMITS_MET not in row:
        means = pd.DataFrame([{name: row.get(name_mean_column(name), np.nan) for name in search.modelled}])
        limits = float(search.compute_violation(means)[0] <= 0)
    else:
        limits = float(row.get(LIMITS_MET, 1.0))
    return limits * float(row.get(NO_FAILURE, 1.0))


def _note_impossible(row: Mapping[Any, Any], search: Search) -> list[str]:
    """Note expected values that lie outside of the possible range."""
    notes = []
    for objective in search.objectives:
        if objective.valid is None or name_mean_column(objective.name) not in row:
            continue
        shown, (low, high) = round_estimate(*_get_expected(row, objective.name)), objective.valid
        if not low <= shown <= high:
            notes.append(f"{objective.label} cannot be beyond {low:g} to {high:g}: the engine's model extrapolates")
    return notes


def _get_expected(row: Mapping[Any, Any], name: str) -> tuple[float, float]:
    """Return mean and standard deviation of an outcome."""
    return float(row[name_mean_column(name)]), float(row[name_deviation_column(name)])


def _format_expected(row: Mapping[Any, Any], objective: Objective) -> str:
    """Return what is expected of an outcome, with its unit."""
    return f"{format_estimate(*_get_expected(row, objective.name))}{format_unit(objective.unit)}"


def list_expected(row: Mapping[Any, Any], search: Search) -> list[str]:
    """Return the label of each modelled outcome with what the engine expects; empty for engines without a model."""
    known = [o for o in search.objectives if name_mean_column(o.name) in row]
    return [f"{o.label} {_format_expected(row, o)}{o.target_note}" for o in known]


def state_verdict(outlooks: Sequence[Outlook], search: Search, best: BestKnown) -> str:
    """Say in one sentence what a batch is expected to bring; nothing of an empty one."""
    if not outlooks:
        return ""
    n, counts = len(outlooks), pd.Series([outlook.kind for outlook in outlooks]).value_counts()
    if UNPREDICTED in counts:
        why = "; ".join(dict.fromkeys(outlook.criterion for outlook in outlooks))
        return f"The engine predicts nothing of {'the suggestion' if n == 1 else 'the suggestions'}: {why}."
    if UNCOMPARED in counts:
        first = f"{outlooks[0].words[0].upper()}{outlooks[0].words[1:]}"
        if not search.limits:
            return f"{first}; there is nothing to compare with."
        k = sum(outlook.likely >= SIMILAR for outlook in outlooks)
        return f"{first}; {_count_suggestions(k, n, 'no suggestion is', 'the suggestion is')} expected to meet them."
    only = search.optimised[0]
    aim = f"beat the best known, {best.describe(search)}"
    if len(search.optimised) > 1:
        aim = f"extend the front of {_count_designs(len(best))}"
    elif best.hits(0, only):
        k = int(counts.get(AS_GOOD, 0))
        too = f"{_count_suggestions(k, n, 'no suggestion is', 'the suggestion is')} expected to hit it too"
        return f"The best known, {best.format_value(0, only)} ({best.labels[0]}), hits the target; {too}."
    elif only.window:
        known = f"{best.format_value(0, only)} ({best.labels[0]})"
        aim = f"come closer to {only.target_text} than the best known, {known}"
    first = f"{_count_suggestions(int(counts.get(BETTER, 0)), n)} expected to {aim}"
    said = REST_OF_TARGETS if only.window and len(search.optimised) == 1 else REST
    rest = [f"{counts[kind]} {words[int(counts[kind] > 1)]}" for kind, words in said.items() if kind in counts]
    return f"{first}{': ' if rest else ''}{', '.join(rest)}."


def _count_suggestions(k: int, n: int, none: str = "No suggestion is", only: str = "The suggestion is") -> str:
    """Return how many of the suggestions, with their verb."""
    if k == 0:
        return none
    if n == 1:
        return only
    return f"{k} of {n} suggestions {'is' if k == 1 else 'are'}"


def _count_designs(n: int) -> str:
    """Return how many designs the front has."""
    return "the best known design" if n == 1 else f"the {n} best known designs"


def note_disagreements(proposed: pd.DataFrame, predicted: pd.DataFrame, search: Search) -> list[str]:
    """Say of each design where the validated model and the engine's exclude each other's expectation.

    Args:
        proposed: designs with what the engine's model expects.
        predicted: the validated model's predictions of them, with 95 % bounds.
        search: objectives.
    """
    notes = [""] * len(proposed)
    expected = [o for o in search.objectives if name_mean_column(o.name) in proposed]
    for objective in expected:
        name = objective.name
        for i, (own, row) in enumerate(zip(proposed.to_dict("records"), predicted.to_dict("records"), strict=True)):
            middle, low, high = (float(row[name + ending]) for ending in ("", "_lower_95", "_upper_95"))
            mean, deviation = _get_expected(own, name)
            if low <= mean <= high or abs(middle - mean) <= NORMAL_95 * deviation or np.isnan(low):
                continue
            notes[i] += (
                f"; the models disagree: the validated model expects {objective.label} "
                f"{format_interval(middle, low, high)}, the engine {format_estimate(mean, deviation)}"
            )
    return notes
