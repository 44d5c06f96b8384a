"""Designs answered by experiments: the study's model only predicts what they will say."""

from batterymi.evaluators.surrogate import SurrogateEvaluator


class Experiment(SurrogateEvaluator):
    """Predictions beside which measurements will stand.

    It is called expensive, since an evaluation is a day in the laboratory; what limits can be met is judged by the
    rows.
    """

    is_cheap = False
