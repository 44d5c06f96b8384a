"""The check before a campaign: whether limits can be met, and whether objectives distinguish designs."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from batterymi.config.goals import Limit, Side
from batterymi.config.parts import Objective
from batterymi.evaluators.base import Evaluator
from batterymi.optimise.campaigns.scan import N_SCAN, Scan
from batterymi.optimise.space.hypervolume import infer_reference
from batterymi.optimise.space.pareto import compute_costs, is_pareto_optimal
from batterymi.optimise.space.score import (
    compute_score,
    compute_violation,
    find_certain,
    get_declared_limits,
    get_sides,
)
from batterymi.optimise.space.space import Space

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LimitReport:
    """One limit, and how close designs come to it.

    Attributes:
        objective: column.
        side: "at_least" or "at_most".
        declared: the limit in the settings.
        attainable: the best value that was found, whatever the other limits.
        reachable: whether it meets the declared limit.
        in_force: the limit that counts.
        reason: why that differs from the declared one, or "".
        reserve: distance that the campaign's designs keep to it.
    """

    objective: str
    side: Side
    declared: float
    attainable: float
    reachable: bool
    in_force: float
    reason: str = ""
    reserve: float = 0.0

    @property
    def planned(self) -> Limit:
        """The limit with its reserve."""
        bare = Limit(self.objective, self.side, self.in_force)
        return replace(bare, value=bare.value - bare.sign * self.reserve)


@dataclass(frozen=True)
class Feasibility:
    """The result of the check before the campaign.

    Attributes:
        verdict: "feasible", "relaxed", "infeasible", "degenerate" or "not shown feasible".
        message: the same in a sentence.
        limits: one entry per limit.
        pareto_share: share of scanned designs that are Pareto-optimal; None with one objective or without a scan.
        checked_on: "scan of the space" or "rows of the table".
        reference: the worst value of each optimised objective that counts, inferred; None with one objective.
    """

    verdict: str
    message: str
    limits: list[LimitReport] = field(default_factory=list)
    pareto_share: float | None = None
    checked_on: str = ""
    reference: dict[str, float] | None = None

    @property
    def limits_in_force(self) -> tuple[Limit, ...]:
        """Limits that count."""
        return tuple(Limit(limit.objective, limit.side, limit.in_force) for limit in self.limits)

    @property
    def planned_limits(self) -> tuple[Limit, ...]:
        """Limits that designs of the campaign keep, with their reserves."""
        return tuple(limit.planned for limit in self.limits)

    @property
    def worth_running(self) -> bool:
        """Return whether a campaign can find anything."""
        return self.verdict not in ("infeasible", "degenerate")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def check_feasibility(
    space: Space, evaluator: Evaluator, objectives: Sequence[Objective], rows: pd.DataFrame, seed: int
) -> Feasibility:
    """Check whether designs can meet the limits, and whether the objectives distinguish designs.

    A cheap evaluator is scanned over the whole space, and each limit is optimised further from the best points found.
    For an expensive one the rows of the table are checked, which can show that a problem is feasible, but not that it
    is infeasible.

    Args:
        space: where designs come from.
        evaluator: computes their outcomes.
        objectives: the study's objectives, limits included.
        rows: the table's rows to learn from.
        seed: of the scan.

    Returns:
        The finding, with the limits to run with.
    """
    if not evaluator.is_cheap:
        return _check_rows(objectives, rows)
    rng = np.random.default_rng(seed)
    designs = space.fill(rng, N_SCAN)
    outcomes = evaluator.evaluate(designs)
    scan = Scan(space, evaluator, designs, outcomes, rng)
    limits = [
        _report_limit(limit, scan.find_best(limit), objective) for objective in objectives for limit in objective.limits
    ]
    share = _compute_pareto_share(outcomes, objectives)
    scores = compute_score(outcomes, objectives)
    found = Feasibility("feasible", "", limits, share, "scan of the space")
    found = replace(found, reference=infer_worst(outcomes, objectives, found.limits_in_force))
    # scores are in units of the declared scales, so a fixed threshold will do
    if np.ptp(scores) <= 1e-9:
        hit = all(objective.window for objective in objectives if objective.is_optimised) and not scores.any()
        why = "all designs hit the target" if hit else "all designs have the same score"
        return _conclude(found, "degenerate", f"{why}; nothing can be chosen")
    lost = [limit for limit in limits if not limit.reachable and not limit.reason]
    if lost:
        return _conclude(found, "infeasible", "; ".join(map(_describe_unreachable, lost)))
    gap = scan.descend(lambda outcomes: compute_violation(outcomes, objectives, found.planned_limits))
    if gap > 1e-9:
        kept = " with their reserves" if found.planned_limits != found.limits_in_force else ""
        text = (
            f"each limit can be met alone, but not all at once{kept}; designs violate them by at least {gap:.3g} scales"
        )
        return _conclude(found, "infeasible", text)
    eased = [limit for limit in limits if limit.reason]
    if eased:
        text = "; ".join(
            f"{_describe_unreachable(limit)}; run with {limit.in_force:g}: {limit.reason}" for limit in eased
        )
        return _conclude(found, "relaxed", text)
    return _conclude(found, "feasible", "designs that meet all limits exist" if limits else "no limits")


def _conclude(found: Feasibility, verdict: str, message: str) -> Feasibility:
    """Log a verdict, and return the finding with it."""
    logger.info("feasibility: %s: %s", verdict, message)
    return replace(found, verdict=verdict, message=message)


def _describe_unreachable(limit: LimitReport) -> str:
    """Name a limit that no design meets, and the nearest value that one does."""
    declared = Limit(limit.objective, limit.side, limit.declared)
    return f"no design has {declared.text}; the nearest attainable value is {limit.attainable:.4g}"


def _report_limit(limit: Limit, best: float, objective: Objective, *, may_relax: bool = True) -> LimitReport:
    """Report how near the best value comes to one limit of an objective."""
    reachable = limit.sign * best <= limit.sign * limit.value
    eased = objective.relaxation if may_relax and not reachable else None
    in_force, reason = (eased.to, eased.reason) if eased else (limit.value, "")
    reserve = objective.reserve or 0.0
    return LimitReport(limit.objective, limit.side, limit.value, best, reachable, in_force, reason, reserve)


def _compute_pareto_share(outcomes: pd.DataFrame, objectives: Sequence[Objective]) -> float | None:
    """Compute the share of scanned designs that are Pareto-optimal; None with fewer than two objectives."""
    # dominance is quadratic in the designs, and a share needs no more
    cost = compute_costs(outcomes.iloc[:2000], objectives)
    return float(is_pareto_optimal(cost).mean()) if cost.shape[1] >= 2 else None


def infer_worst(
    outcomes: pd.DataFrame, objectives: Sequence[Objective], limits: Sequence[Limit]
) -> dict[str, float] | None:
    """Infer the worst value of each optimised objective that counts in a hypervolume.

    Args:
        outcomes: one column per objective; designs that meet the limits count, if there are any.
        objectives: the study's objectives.
        limits: limits in force.

    Returns:
        A value per optimised objective; None with one, or without a design to infer it from.
    """
    optimised = [objective for objective in objectives if objective.is_optimised]
    known = outcomes[[objective.name for objective in objectives]].dropna()
    if len(optimised) < 2 or known.empty:
        return None
    good = known[compute_violation(known, objectives, limits) <= 0]
    worst = infer_reference(compute_costs(good.iloc[:2000] if len(good) else known.iloc[:2000], optimised))
    return {objective.name: objective.find_value(float(cost)) for objective, cost in zip(optimised, worst, strict=True)}


def _check_rows(objectives: Sequence[Objective], rows: pd.DataFrame) -> Feasibility:
    """Check the feasibility of an expensive problem by the rows of its table."""
    declared = get_declared_limits(objectives)
    limits = [
        _report_limit(limit, limit.sign * float((limit.sign * rows[limit.objective]).min()), objective, may_relax=False)
        for objective in objectives
        for limit in objective.limits
    ]
    # optimised outcomes have no say in it
    certain = find_certain(get_sides(rows, objectives), (), declared, len(rows))
    n_meeting = int(((compute_violation(rows, objectives, declared) <= 0) & certain).sum())
    reference = infer_worst(rows, objectives, declared)
    found = Feasibility("", "", limits, None, "rows of the table", reference)
    if not limits:
        return _conclude(found, "feasible", "no limits")
    if n_meeting:
        return _conclude(found, "feasible", f"{n_meeting} of {len(rows)} rows meet all limits")
    text = f"none of {len(rows)} rows meets all limits; the campaign may still find a design that does"
    return _conclude(found, "not shown feasible", text)
