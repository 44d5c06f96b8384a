"""Campaigns over levels of fidelity: cheaper, rougher evaluators, and a cost for each evaluation.

Only outcomes of the last level count as results. Cheaper levels are worth what they reveal of it: an evaluation there
is worth the expected improvement at the last one, times its correlation with it, per cost (augmented expected
improvement, Huang et al. 2006, doi:10.1007/s00158-005-0587-0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.evaluators.base import Evaluator
from batterymi.optimise.campaigns.campaign import compute_best_so_far
from batterymi.optimise.engines.base import MIN_ROWS, N_ANCHORS
from batterymi.optimise.engines.levels import (
    LevelModel,
    append_level,
    compute_log_correlation,
    optimize_over_levels,
    weigh_by_cost,
)
from batterymi.optimise.engines.models import (
    Clipping,
    SuccessModel,
    fit_outcome,
    group_replicates,
    has_all_outcomes,
)
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search


@dataclass(frozen=True)
class Level:
    """A level of fidelity.

    Attributes:
        label: what tables call it.
        cost: of one evaluation, in units that all levels share.
        evaluator: computes the outcomes.
    """

    label: str
    cost: float
    evaluator: Evaluator


def run_levels(search: Search, levels: Sequence[Level], start: pd.DataFrame, budget: float, seed: int) -> pd.DataFrame:
    """Run a campaign over levels of fidelity until its cost budget is spent.

    The start is evaluated at the first level, and its first designs at the last level too, so that there is something
    to learn the levels' correlation from. What remains for one evaluation is always spent at the last level.

    Args:
        search: objectives and limits, and the space.
        levels: cheapest first; the outcomes of the last count.
        start: designs to start from.
        budget: cost of all evaluations together.
        seed: of the engine.

    Returns:
        The ledger: one row per evaluation, in order; see `CostLedger`.
    """
    ledger = CostLedger(search, levels)
    last = len(levels) - 1
    for position in range(len(start)):
        ledger.evaluate(start.iloc[[position]], 0, "start", is_start=True)
        # only designs evaluated at both levels show how similar the levels are
        if position < MIN_ROWS and ledger.spent + levels[last].cost <= budget:
            why = "start, to learn the correlation of the levels"
            ledger.evaluate(start.iloc[[position]], last, why, is_start=True)
    # tolerance for costs added up in floating point
    while ledger.spent + levels[last].cost <= budget + 1e-9:
        left = budget - ledger.spent
        # a cheap evaluation must leave enough for one at the last level, which alone counts
        affordable = [level for level in range(last) if left - levels[level].cost >= levels[last].cost - 1e-9]
        proposed = propose_at_level(search, levels, ledger.frame(), [*affordable, last], seed)
        if proposed is None:
            break
        design, level, why = proposed
        ledger.evaluate(design, level, why)
    return ledger.frame()


class CostLedger:
    """What was evaluated at which level, for what cost, with what outcome.

    Its columns are the design, the objectives, `failure`, `score`, `violation`, `feasible`, `level`, `label`, `cost`,
    `spent` (all costs up to here), `why`, `is_start` and `best_so_far` (of the last level, see `compute_best_so_far`).
    """

    def __init__(self, search: Search, levels: Sequence[Level]) -> None:
        """Begin an empty ledger."""
        self._search, self._levels = search, levels
        self._rows: list[pd.DataFrame] = []
        self.spent = 0.0

    def evaluate(self, design: pd.DataFrame, level: int, why: str, *, is_start: bool = False) -> None:
        """Evaluate one design at a level, and pay for it."""
        chosen = self._levels[level]
        design = design[self._search.space.names].reset_index(drop=True)
        evaluated = self._search.add_scores(pd.concat([design, chosen.evaluator.evaluate(design)], axis=1))
        self.spent += chosen.cost
        paid = {"cost": chosen.cost, "spent": self.spent}
        self._rows.append(evaluated.assign(level=level, label=chosen.label, **paid, why=why, is_start=is_start))

    def frame(self) -> pd.DataFrame:
        """Return all rows."""
        frame = pd.concat(self._rows, ignore_index=True)
        counts = frame["feasible"].astype(bool) & (frame["level"] == len(self._levels) - 1)
        # cheaper levels inform the model but are not results
        return frame.assign(best_so_far=compute_best_so_far(self._search, frame.assign(feasible=counts)))


def propose_at_level(
    search: Search, levels: Sequence[Level], history: pd.DataFrame, open_levels: Sequence[int], seed: int
) -> tuple[pd.DataFrame, int, str] | None:
    """Return the design and level with the largest acquisition value per cost; None if no design is left.

    Args:
        search: objectives and limits, and the space.
        levels: cheapest first.
        history: rows of a ledger.
        open_levels: levels that can be paid.
        seed: of every random choice.
    """
    rng = np.random.default_rng([seed, len(history)])
    space, last = search.space, len(levels) - 1
    known = history[has_all_outcomes(history, search.modelled)]
    posterior = _fit_posterior(search, history, known, last, rng)
    ordered = known.sort_values(["level", "feasible", "violation", "score"], ascending=[False, False, True, True])
    anchors = space.codes(ordered)[:N_ANCHORS]
    # all designs that are predicted to meet the limits at the last level
    predicted = posterior.extend_front(space.inputs(space.codes(known)))
    if not len(posterior.front) and len(predicted.front):
        open_levels = [last]  # nothing counts yet, and something is predicted to
    # a rough outcome is of use where it may beat what is predicted; the last level also turns that into a result
    gains = {level: posterior if level == last else predicted for level in open_levels}
    acquisitions = {
        level: weigh_by_cost(space, gain.acquire, posterior.models, level, last, levels[level].cost)
        for level, gain in gains.items()
    }
    # an outcome of a costlier level makes the cheaper one needless
    taken = {level: space.codes(history[history["level"] >= level]) for level in open_levels}
    best = optimize_over_levels(space, acquisitions, rng, anchors, taken)
    if best is None:
        return None
    design, level = best
    correlation = float(np.exp(compute_log_correlation(posterior.models, space.inputs(design), level, last)[0]))
    how = "" if level == last else f"; correlation with {levels[last].label} {correlation:.2f}"
    return space.frame(design), level, posterior.explain(design) + how


def _fit_posterior(
    search: Search, history: pd.DataFrame, known: pd.DataFrame, last: int, rng: np.random.Generator
) -> Posterior:
    """Fit the posterior at the last level to the outcomes of all levels."""
    space = search.space
    # outcomes of one design at two levels are not replicates
    replicates = group_replicates(np.column_stack([space.codes(known), known["level"].to_numpy(float)]))
    inputs = append_level(space.inputs(replicates.codes[:, :-1]), replicates.codes[:, -1])
    models = {}
    for name in search.modelled:
        values, clipping = known[name].to_numpy(float), Clipping(search.get_bad_side(name), search.find_window(name))
        fitted = fit_outcome(inputs, replicates, values, is_noisy=search.is_noisy, clipping=clipping, rng=rng)
        models[name] = LevelModel(fitted.process, fitted.warp, last)
    failed = history[(history["failure"] != "").to_numpy()]
    success = SuccessModel(space, space.codes(known), space.codes(failed), rng) if len(failed) else None
    counts = known["feasible"].to_numpy(bool) & (known["level"] == last).to_numpy()
    return Posterior(search, models, success, search.compute_costs(known)[counts]).update_front()
