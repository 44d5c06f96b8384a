"""The engine `gaussian_process`: expected improvement of one objective, or of the front of several, in milliseconds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.optimise.engines.base import can_learn, fill_space, list_anchors, list_taken, make_suggestions
from batterymi.optimise.engines.early_results import LATE, list_informative
from batterymi.optimise.engines.measurement_plan import MeasurementPlan
from batterymi.optimise.engines.models import has_all_outcomes, has_any_outcome
from batterymi.optimise.engines.optimize_acquisition import select_shortlist
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search
from batterymi.vocabulary.expected import MEASURE, MEASURES

XI = 0.1  # improvement that does not count for every second design, in deviations of the objective
LONG_LIST = 5000  # candidates that are compared again for every design of a batch


def propose_designs(
    search: Search, history: pd.DataFrame, n: int, seed: int, pending: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Propose the designs with the largest acquisition values.

    With one objective that is log expected improvement, on the scale on which the objective looks most normal; with
    several it is the expected gain of hypervolume, exact for independent outcomes. With one objective every second
    design must improve by xi, which lies elsewhere once a valley is known, since another may be deeper.
    Limits and failed experiments enter as probabilities. A batch is filled one by one, each design taken to have its
    predicted outcome, so that the batch spreads. Each outcome is learned from the rows that have it, and one that is
    under way is taken to be as predicted. Where there are early measurements, a column says whether to measure a design
    early only or in full, by its acquisition value per cost. See `Engine` for arguments.
    """
    # seeded by the history's length, so the engine needs no state between calls
    rng = np.random.default_rng([seed, len(history)])
    known = history[has_any_outcome(history, list_informative(search))]
    space, taken = search.space, list_taken(search, history, pending)
    if not can_learn(search, known):
        return _add_measurements(search, fill_space(space, rng, n, taken), [LATE] * n)
    posterior = fitted = Posterior.fit(search, history, known, rng)
    if pending is not None and len(pending):
        posterior = posterior.condition_on(space.codes(pending))
    anchors = list_anchors(search, known[has_all_outcomes(known, search.modelled)])
    listed = space.list_designs() if space.candidates is not None else None
    if listed is not None and len(listed) > LONG_LIST:
        # conditioning on the designs of a batch only lowers values, so the next of it are among the first of the list
        shortlist = select_shortlist(posterior.as_float32().acquire, listed, LONG_LIST + len(taken))
        space = replace(space, candidates=space.frame(shortlist))
    plan = MeasurementPlan.make(search, history, posterior)
    chosen: list[Array] = []
    reasons: list[str] = []
    levels: list[int] = []
    for place in range(n):
        used = replace(posterior, xi=XI if (len(history) + place) % 2 else 0.0)
        found = plan.choose(used, space, chosen, rng, anchors, taken)
        if found is None:
            break
        design, level = found
        chosen.append(design)
        reasons.append(used.criterion + plan.criterion)
        levels.append(level)
        taken = np.vstack([taken, design])
        posterior = plan.condition_on(posterior, design, level)
    suggestions = make_suggestions(search.space, chosen, reasons, fitted.expect)
    return _add_measurements(search, suggestions, levels)


def _add_measurements(search: Search, suggestions: pd.DataFrame, levels: Sequence[int]) -> pd.DataFrame:
    """Add what to measure of each design, where some outcomes have early measurements."""
    if not search.early:
        return suggestions
    return suggestions.assign(**{MEASURE: [MEASURES[level] for level in levels[: len(suggestions)]]})
