"""The engine `gaussian_process`: expected improvement of one objective, or of the front of several, in milliseconds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from batterymi.optimise.engines.base import fill_space, make_suggestions
from batterymi.optimise.engines.models import has_all_outcomes
from batterymi.optimise.engines.optimize_acquisition import optimize_acquisition, select_shortlist
from batterymi.optimise.engines.posterior import Posterior
from batterymi.optimise.space.problem import Search

N_ANCHORS = 4
MIN_ROWS = 3
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
    predicted outcome, so that the batch spreads. See `Engine` for arguments.
    """
    # seeded by the history's length, so the engine needs no state between calls
    rng = np.random.default_rng([seed, len(history)])
    names = search.modelled
    known = history[has_all_outcomes(history, names)]
    waiting = search.space.codes(pending) if pending is not None else np.empty((0, len(search.space.features)))
    taken = np.vstack([search.space.codes(history), waiting])
    if len(known) < MIN_ROWS or not known["score"].nunique() > 1:
        return fill_space(search.space, rng, n, taken)
    posterior = Posterior.fit(search, history, known, rng)
    if len(waiting):
        posterior = posterior.condition_on(waiting)
    # before any design is feasible, the least violation ranks first
    anchors = search.space.codes(known.sort_values(["feasible", "violation", "score"], ascending=[False, True, True]))
    space = search.space
    listed = space.list_designs() if space.candidates is not None else None
    if listed is not None and len(listed) > LONG_LIST:
        # conditioning on the designs of a batch only lowers values, so the next of it are among the first of the list
        space = space.restrict_to(select_shortlist(posterior.as_float32().acquire, listed, LONG_LIST + len(taken)))
    chosen, reasons = [], []
    for place in range(n):
        used = replace(posterior, xi=XI if (len(history) + place) % 2 else 0.0)
        design = optimize_acquisition(space, used.acquire, rng, anchors[:N_ANCHORS], taken)
        if design is None:
            break
        chosen.append(design)
        reasons.append(used.explain(design))
        taken = np.vstack([taken, design])
        posterior = posterior.condition_on(design)
    return make_suggestions(search.space, chosen, reasons)
