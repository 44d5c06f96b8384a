"""Scores of a block of candidates: predictions of those that pass the gates before the model, and who passes all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from batterymi.config.screen import CHANCE, Gate, Screen
from batterymi.config.slices.screening import ScoringSettings
from batterymi.features.formulas import Compositions, parse_formulas
from batterymi.screening.gates import Funnel, find_undecided, pass_gates, split_gates
from batterymi.screening.refine import Refinement
from batterymi.screening.scorer import Predictions, Scorer
from batterymi.screening.sources import FORMULA, POSITION, add_formula_columns
from batterymi.surrogates.exceedance import compute_exceedance

SCORED = {
    **dict.fromkeys(("predicted", "lower_95", "upper_95", CHANCE, "distance"), pa.float64()),
    **dict.fromkeys(("novel", "inside", "passed", "undecided"), pa.bool_()),
    "out_of_range": pa.string(),
}  # columns of scored candidates, beside those that they came with
NUMBERS_KNOWN = "the model's numbers known"  # what the funnel calls candidates that a model can predict


def label_steps(screen: Screen, features: tuple[str, ...]) -> list[str]:
    """Return labels of the funnel's steps: the gates and, after those before the model, that its numbers are known.

    Args:
        screen: settings of the screen.
        features: numbers that the model takes beside formulas; without any, there is no such step.
    """
    before, after = split_gates(screen.gates)
    needed = [NUMBERS_KNOWN] if features else []
    return [*(gate.label for gate in before), *needed, *(gate.label for gate in after)]


def score_block(
    frame: pd.DataFrame, scorer: Scorer, settings: ScoringSettings, refinement: Refinement | None = None
) -> tuple[pd.DataFrame, Funnel]:
    """Score a block of candidates.

    Trees predict something for a missing number too, as if they knew it; so only candidates whose numbers are all known
    are predicted.

    Args:
        frame: candidates with their formula and numbers.
        scorer: the model.
        settings: gates, and what the model takes.
        refinement: computes numbers that take long, for candidates that come to the first gate that uses one; None if
            no gate does.

    Returns:
        The scored candidates, and the account of the gates.
    """
    before, after = split_gates(settings.screen.gates)
    features = list(settings.screened_features)
    compositions = parse_formulas(frame[FORMULA])
    known_numbers = frame.drop(columns=POSITION).select_dtypes("number")
    numbers = {str(name): known_numbers[name].to_numpy(float) for name in known_numbers}
    steps = _Steps(numbers, compositions, frame[FORMULA], refinement)
    alive, funnel = steps.pass_gates(before, np.ones(len(frame), dtype=bool))
    if features:
        known = alive & np.isfinite(frame[features].to_numpy(float)).all(axis=1)
        n, n_known = int(alive.sum()), int(known.sum())
        alive, funnel = known, funnel.concat_steps(Funnel([n], [n_known], [n - n_known]))
    candidates = frame[alive]
    predictions = scorer.predict(add_formula_columns(candidates, settings.formula_columns))
    found = {
        "predicted": predictions.mean,
        "lower_95": predictions.mean - predictions.half_width,
        "upper_95": predictions.mean + predictions.half_width,
        CHANCE: _find_chances(scorer, predictions, settings),
        "distance": predictions.distance,
        "novel": predictions.novel,
        "inside": predictions.inside,
    }
    for name, values in found.items():
        # candidates without a prediction count as unknown
        numbers[name] = np.full(len(frame), np.nan)
        numbers[name][alive] = values
    passed, rest = steps.pass_gates(after, alive)
    if refinement is not None:
        found |= {name: numbers[name][alive] for name in refinement.columns}
    undecided = find_undecided(settings.screen.gates, numbers, compositions)[alive]
    scored = candidates.assign(
        **found, passed=passed[alive], undecided=undecided, out_of_range=predictions.out_of_range
    )
    return scored, funnel.concat_steps(rest)


@dataclass
class _Steps:
    """Passes candidates through gates, and computes numbers that take long when the first gate needs one.

    Attributes:
        numbers: what expressions may use, each of shape (n,); numbers are added to it.
        compositions: of all n candidates.
        formulas: theirs.
        refinement: computes the numbers; None if no gate needs one.
    """

    numbers: dict[str, NDArray[np.float64]]
    compositions: Compositions
    formulas: pd.Series
    refinement: Refinement | None
    is_refined: bool = False

    def pass_gates(self, gates: Sequence[Gate], alive: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Funnel]:
        """Pass candidates through gates in order; see `gates.pass_gates`."""
        slow = () if self.refinement is None or self.is_refined else self.refinement.columns
        first = next((place for place, gate in enumerate(gates) if set(gate.columns) & set(slow)), len(gates))
        alive, funnel = pass_gates(gates[:first], alive, self.numbers, self.compositions)
        if first < len(gates) and self.refinement is not None:
            self.numbers |= self.refinement.compute(self.formulas, alive)
            self.is_refined = True
            alive, rest = pass_gates(gates[first:], alive, self.numbers, self.compositions)
            funnel = funnel.concat_steps(rest)
        return alive, funnel


def _find_chances(scorer: Scorer, predictions: Predictions, settings: ScoringSettings) -> NDArray[np.float64]:
    """Return the probability that each candidate lies beyond the objective's threshold, shape (n,)."""
    target = settings.target
    if target is None or target.threshold is None:
        return np.full(len(predictions.mean), np.nan)
    return compute_exceedance(predictions.mean, predictions.spread, scorer.errors, target.threshold, target.sign)
