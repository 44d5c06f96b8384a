"""What designs can attain: the range from a median random design to the best one known.

Neither the budget of a campaign nor its engine has a part in it, so that shares of it are the same targets for every
engine and every budget.
"""

import logging
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.campaign import BestKnown
from batterymi.optimise.campaigns.scan import N_SCAN, Scan
from batterymi.optimise.space.hypervolume import compute_hypervolume, select_front
from batterymi.optimise.space.pareto import is_pareto_optimal
from batterymi.optimise.space.problem import Problem, Search
from batterymi.optimise.space.score import compute_score
from batterymi.vocabulary.targets import RANDOM

logger = logging.getLogger(__name__)

SCAN_STREAM = 7  # of random numbers, apart from those of starts and of the check of feasibility
N_SINGLE = 500  # designs whose own hypervolume tells that of a median one
N_FRONT = 10  # designs of the front that is attainable: a campaign hands over a few, and no continuous front
FEWEST = 5  # designs that a median needs


@dataclass(frozen=True)
class Attainable:
    """A range of scores, or of negative hypervolumes with several objectives; smaller is better.

    Attributes:
        typical: of the median random design that meets the limits.
        best: of the best design known; with several objectives of the best ten together.
        source: where both come from.
    """

    typical: float
    best: float
    source: str

    def find_value(self, share: float) -> float:
        """Return the value at a share of the way from the median design to the best."""
        return self.typical + share * (self.best - self.typical)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def scan_attainable(problem: Problem, seed: int) -> Attainable | None:
    """Find the range over a space by its cheap evaluator: space-filling designs, and a descent from the best of them.

    Args:
        problem: what is optimised, with the limits in force.
        seed: of the scan.

    Returns:
        The range; None if no scanned design meets the limits.
    """
    rng = np.random.default_rng([seed, SCAN_STREAM])
    designs = problem.space.fill(rng, N_SCAN)
    outcomes = problem.evaluator.evaluate(designs)
    found = measure_attainable(problem, problem.add_scores(outcomes), f"{len(designs)} space-filling designs")
    if found is None or len(problem.optimised) > 1:
        return found

    def cost(outcomes: pd.DataFrame) -> Array:
        score = compute_score(outcomes, problem.objectives)
        # a failed design has a violation of NaN
        return np.where(problem.compute_violation(outcomes) <= 0, score, np.inf)

    lowest = Scan(problem.space, problem.evaluator, designs, outcomes, rng).descend(cost)
    return Attainable(found.typical, min(found.best, lowest), f"{found.source}, and a descent from the best of them")


def measure_attainable(search: Search, evaluated: pd.DataFrame, source: str) -> Attainable | None:
    """Return the range of evaluated designs; None if none of them meets the limits.

    With several objectives the values are negative hypervolumes: of each design alone, and of ten that dominate much
    together. More designs would dominate more, up to a continuous front, which no budget attains.

    Args:
        search: objectives and limits.
        evaluated: outcomes, with score and feasible.
        source: what the designs are.
    """
    good = evaluated[evaluated["feasible"].astype(bool)]
    if good.empty:
        return None
    if len(search.optimised) < 2:
        return Attainable(float(good["score"].median()), float(good["score"].min()), source)
    costs, reference = search.compute_costs(good), search.reference_costs
    single = [compute_hypervolume(costs[[row]], reference) for row in range(min(len(costs), N_SINGLE))]
    front = select_front(costs[is_pareto_optimal(costs)], reference, N_FRONT)
    name = f"the best {len(front)} of {source}"
    return Attainable(-float(np.median(single)), -compute_hypervolume(front, reference), name)


def complete_attainable(
    search: Search, history: pd.DataFrame, initial: int, best: BestKnown | None, setting: str = "campaign.best_known"
) -> Attainable | None:
    """Return the range of a costly evaluator: the median of random designs, and a best value that is declared.

    Without a declared value the best one of these very campaigns stands in, and `source` says so, since it moves with
    their budget.

    Args:
        search: what is optimised.
        history: campaigns of an engine and of random search.
        initial: designs of a start.
        best: the declared value, in the unit of the objective.
        setting: what declares it, for messages.

    Returns:
        The range; None if no random design meets the limits.
    """
    drawn = history[history["engine"] == RANDOM]
    starts = drawn[drawn["evaluation"] <= initial]
    # a median of fewer designs says nothing; what random search drew later is as random
    drawn, name = (starts, "random starts") if starts["feasible"].sum() >= FEWEST else (drawn, "random designs")
    n_good = int(drawn["feasible"].sum())
    found = measure_attainable(search, drawn, f"median of {n_good} of {len(drawn)} {name}, which meet the limits")
    if found is None:
        return None
    everything = measure_attainable(search, history, "")
    assert everything is not None
    if best is None:
        said = f"best value of these campaigns, since {setting} is not set; it moves with their budget"
        return Attainable(found.typical, everything.best, f"{found.source}; {said}")
    (objective,) = search.optimised
    value = float(objective.weight * objective.compute_cost(np.array([best.value]))[0] / objective.scale)
    if everything.best < value:
        logger.warning("a campaign found a better value than %s, %g; set that one", setting, best.value)
    return Attainable(found.typical, value, f"{found.source}; best value declared: {best.reason}")
