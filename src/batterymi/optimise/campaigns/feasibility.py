"""Can the limits be met at all, and does the problem have an answer? Asked before a campaign spends anything."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.space.hypervolume import infer_reference
from batterymi.optimise.space.pareto import costs, pareto_optimal
from batterymi.optimise.space.score import declared_limits, score, violation
from batterymi.optimise.space.space import Space

logger = logging.getLogger(__name__)

N_SCAN = 4096
N_ROUNDS = 30
N_AROUND = 128
ALL_OPTIMAL = 0.999  # share of Pareto-optimal designs from which a front selects nothing


@dataclass(frozen=True)
class LimitReport:
    """One limit, and how near designs come to it.

    Attributes:
        objective: column.
        side: "at_least" or "at_most".
        declared: the limit in the settings.
        attainable: the best value that was found, meeting no other limit.
        reachable: whether it meets the declared limit.
        in_force: the limit that the campaign runs with.
        reason: why that differs from the declared one, or "".
    """

    objective: str
    side: str
    declared: float
    attainable: float
    reachable: bool
    in_force: float
    reason: str = ""


@dataclass(frozen=True)
class Feasibility:
    """What was found before the campaign.

    Attributes:
        verdict: "feasible", "relaxed", "infeasible", "degenerate" or "not shown feasible".
        message: the same in a sentence.
        limits: one entry per limit.
        pareto_share: share of scanned designs that are Pareto-optimal; None with one objective or without a scan.
        checked_on: "scan of the space" or "rows of the table".
        reference: the worst value of each sought objective that counts, inferred; None with one objective.
    """

    verdict: str
    message: str
    limits: list[LimitReport] = field(default_factory=list)
    pareto_share: float | None = None
    checked_on: str = ""
    reference: dict[str, float] | None = None

    @property
    def limits_in_force(self) -> dict[str, float]:
        """Limits to run with, by "objective:side"."""
        return {f"{limit.objective}:{limit.side}": limit.in_force for limit in self.limits}

    @property
    def worth_running(self) -> bool:
        """Whether a campaign can find anything."""
        return self.verdict not in ("infeasible", "degenerate")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def check_feasibility(
    space: Space,
    evaluator: Evaluator,
    objectives: Sequence[Objective],
    rows: pd.DataFrame,
    seed: int,
) -> Feasibility:
    """Find out whether designs can meet the limits, and whether the objectives tell designs apart.

    A cheap evaluator is scanned over the whole space, each limit pursued further from the best points found. An
    expensive one is judged by the rows of the table, which can show that a problem is feasible but not that it isn't.

    Args:
        space: where designs come from.
        evaluator: what answers them.
        objectives: the study's objectives, limits included.
        rows: the table's rows to learn from.
        seed: of the scan.

    Returns:
        The finding, with the limits to run with.
    """
    if not evaluator.is_cheap:
        return _from_rows(objectives, rows)
    rng = np.random.default_rng(seed)
    designs = space.fill(rng, N_SCAN)
    outcomes = evaluator.evaluate(designs)
    limits = [
        _limit(space, evaluator, objective, side, designs, outcomes, rng)
        for objective in objectives
        for side in ("at_least", "at_most")
        if getattr(objective, side) is not None
    ]
    share = _pareto_share(outcomes, objectives)
    spread = np.ptp(score(outcomes, objectives))
    in_force = {f"{limit.objective}:{limit.side}": limit.in_force for limit in limits}
    reference = infer_worst(outcomes, objectives, in_force)
    found = Feasibility("feasible", "", limits, share, "scan of the space", reference)
    if spread <= 1e-9:
        return _with(found, "degenerate", "every design has the same score; nothing can be chosen")
    lost = [limit for limit in limits if not limit.reachable and not limit.reason]
    if lost:
        return _with(found, "infeasible", "; ".join(map(_unreachable, lost)))
    gap = _joint_gap(space, evaluator, objectives, found.limits_in_force, designs, outcomes, rng)
    if gap > 1e-9:
        text = f"each limit can be met alone, but not all at once; designs miss them by at least {gap:.3g} scales"
        return _with(found, "infeasible", text)
    eased = [limit for limit in limits if limit.reason]
    if eased:
        text = "; ".join(f"{_unreachable(limit)}; run with {limit.in_force:g}: {limit.reason}" for limit in eased)
        return _with(found, "relaxed", text)
    return _with(found, "feasible", "designs that meet all limits exist" if limits else "no limits")


def _with(found: Feasibility, verdict: str, message: str) -> Feasibility:
    """The same finding under a verdict."""
    logger.info("feasibility: %s: %s", verdict, message)
    return replace(found, verdict=verdict, message=message)


def _unreachable(limit: LimitReport) -> str:
    """Name a limit that no design meets, and the nearest value that one does."""
    side = limit.side.replace("_", " ")
    return (
        f"no design has {limit.objective} {side} {limit.declared:g}; "
        f"the nearest attainable value is {limit.attainable:.4g}"
    )


def _limit(
    space: Space,
    evaluator: Evaluator,
    objective: Objective,
    side: str,
    designs: pd.DataFrame,
    outcomes: pd.DataFrame,
    rng: np.random.Generator,
) -> LimitReport:
    """How near designs come to one limit."""
    sign = -1.0 if side == "at_least" else 1.0

    def shortfall(answers: pd.DataFrame) -> NDArray[np.float64]:
        return sign * answers[objective.name].to_numpy(float)

    best = sign * _pursue(space, evaluator, shortfall, designs, outcomes, rng)
    declared = float(getattr(objective, side))
    reachable = sign * best <= sign * declared
    if reachable or objective.relaxation is None:
        return LimitReport(objective.name, side, declared, best, reachable, declared)
    eased = objective.relaxation
    return LimitReport(objective.name, side, declared, best, reachable, eased.to, eased.reason)


def _joint_gap(
    space: Space,
    evaluator: Evaluator,
    objectives: Sequence[Objective],
    limits: dict[str, float],
    designs: pd.DataFrame,
    outcomes: pd.DataFrame,
    rng: np.random.Generator,
) -> float:
    """Smallest sum of violations that any design has."""

    def total(answers: pd.DataFrame) -> NDArray[np.float64]:
        return violation(answers, objectives, limits)

    return _pursue(space, evaluator, total, designs, outcomes, rng)


def _pursue(
    space: Space,
    evaluator: Evaluator,
    cost: Any,
    designs: pd.DataFrame,
    outcomes: pd.DataFrame,
    rng: np.random.Generator,
) -> float:
    """Smallest cost over the space: the best scanned design, then ever smaller steps around the best so far."""
    values = cost(outcomes)
    best, lowest = designs.iloc[[int(np.nanargmin(values))]], float(np.nanmin(values))
    reach = 0.25
    for _ in range(N_ROUNDS):
        around = space.vary(np.repeat(space.codes(best), N_AROUND, axis=0), rng, reach)
        allowed = space.frame(around[space.allowed(around)])
        if len(allowed):
            found = cost(evaluator.evaluate(allowed))
            if np.nanmin(found) < lowest:
                best, lowest = allowed.iloc[[int(np.nanargmin(found))]], float(np.nanmin(found))
                continue
        reach *= 0.7
    return lowest


def _pareto_share(outcomes: pd.DataFrame, objectives: Sequence[Objective]) -> float | None:
    """Share of scanned designs that no other dominates; None with fewer than two objectives."""
    cost = costs(outcomes.iloc[:2000], objectives)
    return float(pareto_optimal(cost).mean()) if cost.shape[1] >= 2 else None


def infer_worst(
    outcomes: pd.DataFrame, objectives: Sequence[Objective], limits: Mapping[str, float]
) -> dict[str, float] | None:
    """The worst value of each sought objective that counts in a hypervolume, from designs that meet the limits.

    Args:
        outcomes: one column per objective.
        objectives: the study's objectives.
        limits: limits in force.

    Returns:
        A value per sought objective; None with one, or without a design to infer it from.
    """
    sought = [one for one in objectives if one.goal in ("maximise", "minimise")]
    known = outcomes[[one.name for one in objectives]].dropna()
    if len(sought) < 2 or known.empty:
        return None
    good = known[violation(known, objectives, limits) <= 0]
    worst = infer_reference(costs(good.iloc[:2000] if len(good) else known.iloc[:2000], sought))
    return {o.name: float(-value if o.goal == "maximise" else value) for o, value in zip(sought, worst, strict=True)}


def _from_rows(objectives: Sequence[Objective], rows: pd.DataFrame) -> Feasibility:
    """Judge an expensive problem by the rows of its table."""
    declared = declared_limits(objectives)
    limits = []
    for key, value in declared.items():
        name, _, side = key.partition(":")
        best = float(rows[name].max() if side == "at_least" else rows[name].min())
        reachable = best >= value if side == "at_least" else best <= value
        limits.append(LimitReport(name, side, value, best, bool(reachable), value))
    n_meeting = int((violation(rows, objectives, declared) <= 0).sum())
    reference = infer_worst(rows, objectives, declared)
    found = Feasibility("", "", limits, None, "rows of the table", reference)
    if n_meeting:
        return _with(found, "feasible", f"{n_meeting} of {len(rows)} rows meet all limits")
    text = f"none of {len(rows)} rows meets all limits; the campaign may still find a design that does"
    return _with(found, "not shown feasible", text)
