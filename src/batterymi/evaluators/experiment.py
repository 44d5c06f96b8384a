"""Designs evaluated by experiments: the study's model only predicts their outcomes."""

from batterymi.evaluators.surrogate import SurrogateEvaluator


class Experiment(SurrogateEvaluator):
    """Predictions to compare measurements with.

    It is called expensive, since an evaluation is a day in the laboratory; which limits can be met is estimated
    from the rows.
    """

    is_cheap = False
