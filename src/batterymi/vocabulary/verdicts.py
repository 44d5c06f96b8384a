"""What may be said of a model."""

NO_SKILL = "no skill shown"
SKILL = "skill shown"
ALPHA = 0.05


def decide_verdict(name: str, p_value: float, over_dummy: tuple[float, float], over_ridge: tuple[float, float]) -> str:
    """State whether a model has skill, and how it compares with ridge.

    Skill needs both: chance seldom does as well (corrected p < 0.05), and the gain in mean squared error over
    predicting the mean has a 95 % interval above zero. Being better than ridge needs an interval above zero too.

    Args:
        name: the selected model.
        p_value: corrected p-value of the permutation test.
        over_dummy: interval of the dummy's mean squared error minus the model's.
        over_ridge: the same against ridge.

    Returns:
        "no skill shown", or "skill shown" and how the model compares with ridge.
    """
    # negated comparisons, so that NaN counts as no skill
    if name == "dummy" or not p_value < ALPHA or not over_dummy[0] > 0:
        return NO_SKILL
    if name == "ridge":
        return f"{SKILL}; the linear model is best"
    if over_ridge[0] > 0:
        return f"{SKILL}; better than ridge"
    return f"{SKILL}; not better than ridge"
