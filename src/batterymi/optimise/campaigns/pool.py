"""The pool of a replayed campaign: rows, what they are worth, and the order of them that needs no measurement."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Indices, Mask
from batterymi.config.campaign import ReplayCampaign
from batterymi.config.expressions import parse_condition, parse_quantity
from batterymi.config.parts import Objective
from batterymi.config.slices.campaign import ReplaySettings
from batterymi.config.worth import RankRule, WorthFinding
from batterymi.errors import TableError
from batterymi.optimise.engines.gaussian import pairwise_distances
from batterymi.optimise.engines.pool import propose_rows
from batterymi.optimise.space.embedding import embed_inputs
from batterymi.spelling import did_you_mean
from batterymi.statistics.scores import compute_spearman
from batterymi.surrogates.problem import Inputs

SAME_ORDER = 0.999  # rank correlation of a rule and the objective above which one is computed from the other
FEWEST = 5  # rows of which a rank correlation is checked
RULE_WEIGHT = 0.7  # of a standard deviation of the rule, in typical distances between rows


@dataclass(frozen=True)
class Pool:
    """Rows to choose from.

    Attributes:
        rows: of the table, without those that are known beforehand to be worth nothing.
        target: the objective.
        value: what ranks the rows, shape (n_rows,): the objective, or its product with a known column.
        matrix: scaled inputs, shape (n_rows, n_columns).
        is_worth: whether a row turns out to be worth finding once it is measured, shape (n_rows,).
        margins: of each condition that is known then, negative where it is broken, shape (n_rows,) each.
        rule: what rows are sorted by without a measurement, largest first, shape (n_rows,); None: nothing is known.
        report: how many rows each condition leaves.
    """

    rows: pd.DataFrame
    target: Objective
    value: Array
    matrix: Array
    is_worth: Mask
    margins: tuple[Array, ...]
    rule: Array | None
    report: list[dict[str, Any]]

    @property
    def score(self) -> Array:
        """The value as a cost, whatever the conditions, shape (n_rows,)."""
        return self.target.compute_cost(self.value)

    @property
    def cost(self) -> Array:
        """The same, infinite for rows that are worth nothing."""
        return np.where(self.is_worth, self.score, np.inf)

    def propose_rows(self, correlations: list[Array], known: Indices, n: int) -> Indices:
        """Propose the next rows by what is known of some; see `engines.pool`."""
        window = self.target.window
        # a process learns the outcome itself, since its distance to a target has a kink there
        values = self.score if window is None else self.value
        margins = [margin[known] for margin in self.margins]
        return propose_rows(correlations, known, values[known], n, window, margins, self.is_worth[known])

    def order_by_rule(self, rng: np.random.Generator) -> Indices:
        """Return all rows in the order of the rule, those of equal value in random order."""
        assert self.rule is not None
        return np.lexsort((rng.random(len(self.rule)), -self.rule))

    def add_rule_input(self) -> Array:
        """Return the inputs with the rule beside them, so that the model can follow it as far as the values do."""
        assert self.rule is not None
        distance = pairwise_distances(self.matrix, self.matrix)[np.triu_indices(len(self.matrix), 1)]
        typical = float(np.median(distance)) if len(distance) else 1.0
        scaled = (self.rule - self.rule.mean()) / (float(self.rule.std()) or 1.0)
        return np.column_stack([self.matrix, RULE_WEIGHT * (typical or 1.0) * scaled])


def make_pool(rows: pd.DataFrame, settings: ReplaySettings) -> Pool:
    """Make the pool of a study: its rows that have a result of the first objective that is optimised.

    Args:
        rows: of the table, with the column that `hull_of` adds.
        settings: of rows and campaign.

    Raises:
        TableError: if a condition or the rule uses a column that the table lacks, or one that knows the outcome.
    """
    campaign = settings.campaign
    target = next(objective for objective in settings.objectives if objective.is_optimised)
    rows, report = _leave_out_known(rows[rows[target.name].notna()].reset_index(drop=True), campaign)
    value = rows[target.name].to_numpy(float) * (rows[campaign.times].to_numpy(float) if campaign.times else 1.0)
    is_worth, margins = np.ones(len(rows), dtype=bool), []
    for place, condition in enumerate(campaign.where):
        if not condition.known_before:
            meets, margin = _check_condition(rows, condition, f"campaign.where.{place}")
            is_worth &= meets
            margins.append(margin)
            report.append(_describe_condition(condition, int(meets.sum()), len(rows)))
    if not is_worth.any():
        raise TableError(f"campaign.where: none of {len(rows)} rows meets all conditions; widen them")
    rule = (
        _compute_rule(rows, campaign.rank_by, [rows[target.name].to_numpy(float), value]) if campaign.rank_by else None
    )
    matrix = embed_inputs(rows, _select_inputs(settings))
    return Pool(rows, target, value, matrix, is_worth, tuple(margins), rule, report)


def _select_inputs(settings: ReplaySettings) -> Inputs:
    """Return the inputs of the campaign's variant."""
    inputs = Inputs(settings.features, settings.descriptors)
    for ablation in settings.ablations:
        if ablation.name == settings.campaign.variant:
            inputs = inputs.drop(ablation.drop)
    return inputs


def _leave_out_known(rows: pd.DataFrame, campaign: ReplayCampaign) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Leave out the rows of which it is known beforehand that they are worth nothing."""
    kept, report = np.ones(len(rows), dtype=bool), []
    for place, condition in enumerate(campaign.where):
        if condition.known_before:
            meets, _ = _check_condition(rows, condition, f"campaign.where.{place}")
            kept &= meets
            report.append(_describe_condition(condition, int(meets.sum()), len(rows)))
    if report and kept.sum() <= campaign.initial:
        raise TableError(
            f"campaign.where: {int(kept.sum())} of {len(rows)} rows meet what is known beforehand, and a start takes "
            f"{campaign.initial}; widen the conditions"
        )
    return rows[kept].reset_index(drop=True), report


def _describe_condition(condition: WorthFinding, n_meeting: int, n_rows: int) -> dict[str, Any]:
    """Return a condition with the number of rows that meet it."""
    return {**condition.model_dump(mode="json"), "rows": n_rows, "meet": n_meeting}


def _check_condition(rows: pd.DataFrame, condition: WorthFinding, place: str) -> tuple[Mask, Array]:
    """Return which rows meet a condition, and by what margin; a row that lacks a value meets it."""
    parsed = parse_condition(condition.expression)
    columns = _take_numbers(rows, parsed.columns, place)
    margin = parsed(columns)
    return parsed.is_satisfied(columns) | np.isnan(margin), margin


def _compute_rule(rows: pd.DataFrame, rule: RankRule, outcomes: list[Array]) -> Array:
    """Return what rows are sorted by, largest first.

    Raises:
        TableError: if a row has no value, all have the same, or the order is that of the outcomes, which a column that
            is known beforehand cannot have.
    """
    place = "campaign.rank_by"
    parsed = parse_quantity(rule.expression)
    values = parsed(_take_numbers(rows, parsed.columns, place))
    if not np.isfinite(values).all():
        line = rows["line"].to_numpy()[~np.isfinite(values)][0]
        raise TableError(f"{place}: '{rule.expression}' has no value in line {line}; use columns that all rows have")
    if np.ptp(values) == 0:
        raise TableError(f"{place}: '{rule.expression}' is {values[0]:g} in all rows, so it orders nothing")
    for outcome in outcomes if len(rows) >= FEWEST else ():
        if abs(compute_spearman(values, outcome)) > SAME_ORDER:
            raise TableError(
                f"{place}: '{rule.expression}' has the order of the outcome itself, so it is computed from it and not "
                "known before a row is measured; use what is known of a row that nobody has measured"
            )
    return values if rule.order == "decreasing" else -values


def _take_numbers(rows: pd.DataFrame, names: tuple[str, ...], place: str) -> dict[str, Array]:
    """Return columns as numbers.

    Raises:
        TableError: if one is missing or holds text.
    """
    found = {}
    for name in names:
        numbers = [str(column) for column in rows.select_dtypes(include=["number", "bool"]).columns]
        if name not in numbers:
            problem = "holds text" if name in rows else "is not a column of the table"
            raise TableError(f"{place}: '{name}' {problem}; {did_you_mean(name, numbers)}")
        found[name] = rows[name].to_numpy(float)
    return found
