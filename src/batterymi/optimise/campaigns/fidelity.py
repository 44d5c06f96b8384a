"""Campaigns that may ask cheaper, rougher evaluators first, and pay for every answer.

Only answers of the last level count as results. The others are worth what they tell of it: an evaluation at a level is
worth the expected improvement at the last one, times its correlation with it, per cost (augmented expected improvement,
Huang et al. 2006, doi:10.1007/s00158-005-0587-0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.evaluators.base import Evaluator
from batterymi.optimise.engines.gaussian_process import MIN_ROWS, N_ANCHORS
from batterymi.optimise.engines.models import Outcome, Scaled, Works, fit_outcome, gather, measured, predict_all
from batterymi.optimise.engines.optimize_acquisition import best_design
from batterymi.optimise.engines.posterior import Belief
from batterymi.optimise.engines.warp import Warp
from batterymi.optimise.space.problem import Search
from batterymi.optimise.space.space import Space

Array = NDArray[np.float64]
APART = 0.2  # of two neighbouring levels, in units of the search range: levels are alike until rows say otherwise
LEAST_CORRELATION = 1e-6


@dataclass(frozen=True)
class Level:
    """A level of fidelity.

    Attributes:
        label: what tables call it.
        cost: of one evaluation, in units that all levels share.
        evaluator: what answers.
    """

    label: str
    cost: float
    evaluator: Evaluator


@dataclass(frozen=True)
class AtLevel:
    """What is believed of an outcome at one level, from answers of all levels.

    Attributes:
        process: one whose last input is the level.
        level: its place among the levels.
    """

    process: Scaled
    level: int

    @property
    def warp(self) -> Warp:
        """The scale that it is modelled on."""
        return self.process.warp

    def scaled(self, inputs: Array) -> tuple[Array, Array]:
        """Mean and variance on that scale, each of shape (n,)."""
        return self.process.scaled(with_level(inputs, self.level))

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Mean and variance in the outcome's unit, each of shape (n,)."""
        return self.process.predict(with_level(inputs, self.level))

    def given(self, inputs: Array) -> "AtLevel":
        """The same as if inputs had their predicted means at this level."""
        return AtLevel(self.process.given(with_level(inputs, self.level)), self.level)

    def roughly(self) -> Self:
        """The same; campaigns with levels have no long lists."""
        return self

    def correlation(self, inputs: Array, level: int) -> Array:
        """What an answer at another level would tell of this one, shape (n,)."""
        both = [with_level(inputs, one) for one in (level, self.level)]
        return self.process.process.correlation(*both)


def with_level(inputs: Array, level: int | Array) -> Array:
    """Inputs with a level beside them, shape (n, n_inputs + 1)."""
    return np.column_stack([inputs, np.broadcast_to(APART * np.asarray(level, float), len(inputs))])


def run_levels(
    search: Search, levels: Sequence[Level], start: pd.DataFrame, budget: float, seed: int, paired: int = MIN_ROWS
) -> pd.DataFrame:
    """Run a campaign over levels of fidelity until its cost budget is spent.

    The start is asked for at the first level, and its first designs at the last level too, so that there is something
    to learn the levels' likeness from. What remains for one evaluation is always spent at the last level.

    Args:
        search: what is sought, where.
        levels: cheapest first; the answers of the last count.
        start: designs to start from.
        budget: cost of all evaluations together.
        seed: of the engine.
        paired: designs of the start that the last level answers too.

    Returns:
        The ledger: one row per evaluation, in order; see `Ledgered`.
    """
    ledger = Ledgered(search, levels)
    last = len(levels) - 1
    for position in range(len(start)):
        ledger.ask(start.iloc[[position]], 0, "start")
        if position < paired and ledger.spent + levels[last].cost <= budget:
            ledger.ask(start.iloc[[position]], last, "start, to learn the likeness of the levels")
    while ledger.spent + levels[last].cost <= budget + 1e-9:
        left = budget - ledger.spent
        affordable = [level for level in range(last) if left - levels[level].cost >= levels[last].cost - 1e-9]
        proposed = propose_at_level(search, levels, ledger.frame(), [*affordable, last], seed)
        if proposed is None:
            break
        design, level, why = proposed
        ledger.ask(design, level, why)
    return ledger.frame()


class Ledgered:
    """What was asked at which level, for what cost, with what answer.

    Its columns are the design, the objectives, `failure`, `score`, `violation`, `feasible`, `level`, `label`, `cost`,
    `spent` (all costs up to here), `why` and `best_so_far` (the best feasible score that the last level gave).
    """

    def __init__(self, search: Search, levels: Sequence[Level]) -> None:
        """Begin an empty one."""
        self._search, self._levels = search, levels
        self._rows: list[pd.DataFrame] = []
        self.spent = 0.0

    def ask(self, design: pd.DataFrame, level: int, why: str) -> None:
        """Have one design answered at a level, and pay for it."""
        one = self._levels[level]
        design = design[self._search.space.names].reset_index(drop=True)
        answered = self._search.judged(pd.concat([design, one.evaluator.evaluate(design)], axis=1))
        self.spent += one.cost
        self._rows.append(answered.assign(level=level, label=one.label, cost=one.cost, spent=self.spent, why=why))

    def frame(self) -> pd.DataFrame:
        """All rows."""
        frame = pd.concat(self._rows, ignore_index=True)
        counts = frame["feasible"].astype(bool) & (frame["level"] == len(self._levels) - 1)
        return frame.assign(best_so_far=frame["score"].where(counts).cummin().ffill())


def propose_at_level(
    search: Search, levels: Sequence[Level], history: pd.DataFrame, open_levels: Sequence[int], seed: int
) -> tuple[pd.DataFrame, int, str] | None:
    """The design and level that promise most per cost; None where the space has no other design.

    Args:
        search: what is sought, where.
        levels: cheapest first.
        history: rows of a ledger.
        open_levels: levels that may be asked.
        seed: of every random choice.
    """
    rng = np.random.default_rng([seed, len(history)])
    space, last = search.space, len(levels) - 1
    known = history[measured(history, search.modelled)]
    belief = _belief(search, history, known, last, rng)
    ordered = known.sort_values(["level", "feasible", "violation", "score"], ascending=[False, False, True, True])
    anchors = space.codes(ordered)[:N_ANCHORS]
    believed = _with_believed_front(belief, known)
    if not len(belief.front) and len(believed.front):
        open_levels = [last]  # nothing counts yet, and something is known that promises to
    best: tuple[float, Array, int] | None = None
    for level in open_levels:
        # an answer of a dearer level makes the cheaper one needless
        taken = space.codes(history[history["level"] >= level])

        # a rough answer is of use where it may beat what is believed; the last level also turns belief into a result
        gain = belief if level == last else believed

        def promise(codes: Array, level: int = level, gain: Belief = gain) -> Array:
            return gain.promise(codes) + _log_worth(belief, space, codes, level, last) - np.log(levels[level].cost)

        design = best_design(space, promise, rng, anchors, taken)
        if design is None:
            continue
        value = float(promise(design)[0])
        if best is None or value > best[0]:
            best = (value, design, level)
    if best is None:
        return None
    _, design, level = best
    told = float(np.exp(_log_worth(belief, space, design, level, last)[0]))
    how = "" if level == last else f"; tells of {levels[last].label} with correlation {told:.2f}"
    return space.frame(design), level, belief.why(design) + how


def _with_believed_front(belief: Belief, known: pd.DataFrame) -> Belief:
    """The same, with all designs that are believed to meet the limits at the last level in its front."""
    predicted = predict_all(belief.models, belief.search.space.inputs(belief.search.space.codes(known)))
    means = pd.DataFrame({name: mean for name, (mean, _) in predicted.items()})
    meets = belief.search.violation(means) <= 0
    front = np.vstack([belief.front, belief.search.costs(means)[meets]])
    return replace(belief, front=front).updated()


def _log_worth(belief: Belief, space: Space, codes: Array, level: int, last: int) -> Array:
    """Logarithm of the smallest correlation of any outcome at a level with that at the last, shape (n,)."""
    if level == last:
        return np.zeros(len(codes))
    inputs = space.inputs(codes)
    told = [model.correlation(inputs, level) for model in belief.models.values() if isinstance(model, AtLevel)]
    return np.log(np.maximum(np.min(told, axis=0), LEAST_CORRELATION))


def _belief(search: Search, history: pd.DataFrame, known: pd.DataFrame, last: int, rng: np.random.Generator) -> Belief:
    """What the answers of all levels say of the last one."""
    space = search.space
    replicates = gather(np.column_stack([space.codes(known), known["level"].to_numpy(float)]))
    inputs = with_level(space.inputs(replicates.codes[:, :-1]), replicates.codes[:, -1])
    models: dict[str, Outcome] = {}
    for name in search.modelled:
        values, bad = known[name].to_numpy(float), search.bad_side(name)
        fitted = fit_outcome(inputs, replicates, values, is_noisy=search.is_noisy, bad=bad, rng=rng)
        models[name] = AtLevel(fitted, last)
    failed = history[(history["failure"] != "").to_numpy()]
    works = Works(space, space.codes(known), space.codes(failed), rng) if len(failed) else None
    counts = known["feasible"].to_numpy(bool) & (known["level"] == last).to_numpy()
    return Belief(search, models, works, search.costs(known)[counts], None, None).updated()
