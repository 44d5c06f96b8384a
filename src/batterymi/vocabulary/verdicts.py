"""What may be said of a model, and of a gain."""

from collections.abc import Mapping, Sequence
from typing import Any

NO_SKILL = "no skill shown"
SKILL = "skill shown"
ALPHA = 0.05

# of evaluations to one target, against those of something else
FEWER = "fewer evaluations"
MORE = "more evaluations"
NO_GAIN = "no gain shown"
TOO_SMALL = "no gain that matters"
DEPENDS_ON_BUDGET = "depends on the budget"
DEPENDS_ON_TARGET = "depends on the target"
UNDECIDED = "undecided within the budget"
NOT_REACHED = "target not reached within the budget"
REACHED_BY_START = "every start reaches the target"
TOO_FEW = "too few starts that do not reach the target"
NO_TARGET = "no target can be set, since no random design meets the limits"

# of fewer own rows with transfer, against all own rows without
BETTER = "better"
WORSE = "worse"
NO_WORSE = "no worse than by the margin"

# the same where costs are compared instead of evaluations
LOWER_COST = "lower cost"
HIGHER_COST = "higher cost"
COST_NAMES = {FEWER: LOWER_COST, MORE: HIGHER_COST}

# what kind of number a difference of evaluations is, if campaigns are censored
ESTIMATE = "estimate"
AT_LEAST = "at least"
AT_MOST = "at most"
WITHIN_BUDGET = "within the budget"


# what verdicts with skill mean, by how they end
MEANINGS = {
    "the linear model is best": "yes, and nothing more complex than a linear model is needed",
    "; better than ridge": "yes, and it is better than a linear model",
    "not better than ridge": "yes, but a linear model may do as well",
    f"{TOO_SMALL} over ridge": "yes, but hardly better than a linear model",
    f"{TOO_SMALL} over predicting the mean": "hardly: it gains less over predicting the mean than matters",
}
FEW_ROWS = 15  # up to which a good score is easily luck


def decide_verdict(
    name: str,
    p_value: float,
    over_dummy: tuple[float, float],
    over_ridge: tuple[float, float],
    gains: tuple[float, float] = (float("inf"), float("inf")),
    worthwhile: float = 0.0,
) -> str:
    """State whether a model has skill, and how it compares with ridge.

    Skill needs both: chance seldom does as well (corrected p < 0.05), and the gain over predicting the mean, in mean
    squared or absolute error by the study's criterion, has a 95 % interval above zero. Being better than ridge needs an
    interval above zero too. A gain that is shown and smaller than what matters is said to be so.

    Args:
        name: the selected model.
        p_value: corrected p-value of the permutation test.
        over_dummy: interval of the dummy's mean error by the criterion, minus the model's.
        over_ridge: the same against ridge.
        gains: by how much its mean absolute error is smaller than the dummy's, and than ridge's.
        worthwhile: the smallest gain in mean absolute error that matters.

    Returns:
        "no skill shown", or "skill shown" and how the model compares with ridge.
    """
    # negated comparisons, so that NaN counts as no skill
    if name == "dummy" or not p_value < ALPHA or not over_dummy[0] > 0:
        return NO_SKILL
    if gains[0] < worthwhile:
        return f"{SKILL}; {TOO_SMALL} over predicting the mean"
    if name == "ridge":
        return f"{SKILL}; the linear model is best"
    if over_ridge[0] > 0:
        return f"{SKILL}; {TOO_SMALL} over ridge" if gains[1] < worthwhile else f"{SKILL}; better than ridge"
    return f"{SKILL}; not better than ridge"


def explain_verdict(verdict: str, name: str, p_value: float, n_rows: int) -> str:
    """Say in plain words what a verdict on a model means, and why there is no skill.

    Args:
        verdict: as `decide_verdict` returns it.
        name: the selected model.
        p_value: corrected p-value of the permutation test.
        n_rows: that it was validated on.
    """
    if not verdict.startswith(NO_SKILL):
        return next((text for ending, text in MEANINGS.items() if verdict.endswith(ending)), "")
    if name == "dummy":
        return "no model beats predicting the mean"
    if not p_value < ALPHA:
        found = f"permutation p = {p_value:.2g}, and skill needs p < {ALPHA:g}"
        few = f"{n_rows} rows are too few to tell it from chance"
        return f"{few if n_rows <= FEW_ROWS else 'chance does as well too often'}: {found}"
    return "its gain over predicting the mean may be none: the 95 % interval includes zero"


def state_gain(gain: str, other: str, label: str) -> str:
    """State a verdict on evaluations to a target, or on their cost.

    Args:
        gain: one of the verdicts above.
        other: what evaluations are compared with, as "random search".
        label: of the target.
    """
    if gain in (NOT_REACHED, REACHED_BY_START, TOO_FEW):
        return f"{gain}: {label}"
    joint = "compared with"
    if gain in (FEWER, MORE, LOWER_COST, HIGHER_COST):
        joint = "than"
    elif gain in (NO_GAIN, TOO_SMALL):
        joint = "over"
    return f"{gain} {joint} {other}, to {label}"


def describe_skill(verdict: str, group_columns: Sequence[str]) -> str:
    """Return a verdict as it stands beside predictions of new designs: without skill, for which designs there is none.

    Args:
        verdict: on the model.
        group_columns: columns of which no value was on both sides of a split, and is therefore new where it is tested.
    """
    if verdict != NO_SKILL or not group_columns:
        return verdict
    kinds = [f"{name.removesuffix('_key').replace('_', ' ')}s" for name in group_columns]
    return f"no skill for new {' and '.join(kinds)}"


def describe_looks(looks: int) -> str:
    """Return how often the scores of an official test split were seen."""
    return "seen once" if looks == 1 else f"seen {looks} times"


def describe_worth(found: Mapping[str, Any], unit: str) -> str:
    """Return how an error compares with that of all own rows without transfer.

    Args:
        found: `gain` of the mean absolute error with its interval, `verdict` and `margin`.
        unit: of the error, after a blank if there is one.
    """
    verdict = f"no worse than by {found['margin']:.3f}{unit}" if found["verdict"] == NO_WORSE else found["verdict"]
    interval = f"[{found['gain_lower']:.3f}, {found['gain_upper']:.3f}]"
    return f"MAE smaller by {found['gain']:.3f}{unit} {interval}: {verdict}"
