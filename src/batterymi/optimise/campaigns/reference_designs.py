"""Reference designs, checked against constraints, limits, theory and the evaluator."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batterymi.config.designs import Derived, ReferenceDesign
from batterymi.features.capacity import compute_theoretical_capacity
from batterymi.optimise.campaigns.suggestions import add_derived, add_intervals
from batterymi.optimise.space.broken_rules import list_broken_rules
from batterymi.optimise.space.problem import Problem
from batterymi.optimise.space.space import Space

CAPACITY_UNIT = "mAh/g"


def check_reference_designs(
    references: Sequence[ReferenceDesign], problem: Problem, rows: pd.DataFrame, derived: Sequence[Derived]
) -> pd.DataFrame:
    """Return for each design whether it can exist, what is predicted of it, and whether theory allows that.

    Args:
        references: the designs.
        problem: the optimisation problem of the campaign.
        rows: the table's rows to learn from.
        derived: quantities to append.

    Returns:
        One row per design: name, status ("accepted", or "rejected: ..." with the constraint's name), values, margins of
        the constraints, outcomes with bounds, theoretical capacity, flags, distance to the nearest known row.
    """
    space = problem.space
    designs = pd.DataFrame([design.values for design in references], columns=space.names)
    outcomes = [objective.name for objective in problem.objectives]
    evaluated = (
        problem.evaluate(designs)
        if len(references)
        else designs.reindex(columns=[*space.names, *outcomes, "failure", "feasible"])
    )
    frame = add_derived(add_intervals(evaluated[[*space.names, *outcomes]], problem), derived)
    frame.insert(0, "name", [design.name for design in references])
    frame.insert(1, "status", _describe_status(space, designs, evaluated))
    for name, margin in space.margins(designs).items():
        frame[f"{name}_margin"] = margin.to_numpy()
    limits = [
        compute_theoretical_capacity(design.formula, design.working_ions)
        if design.formula and design.working_ions
        else np.nan
        for design in references
    ]
    frame["theoretical_capacity_mah_g"] = limits
    frame["flags"] = _flag_predictions(frame, problem)
    frame["distance_to_known"] = space.distance(designs, rows) if len(references) else []
    return frame


def note_reference_designs(references: Sequence[ReferenceDesign], space: Space) -> list[str]:
    """Say of each design that cannot be one of the campaign's why not; it is evaluated all the same, and marked so.

    Args:
        references: the designs.
        space: of the campaign's designs.
    """
    if not references:
        return []
    designs = pd.DataFrame([design.values for design in references], columns=space.names)
    inside, broken, notes = space.is_feasible(designs), list_broken_rules(space, designs), []
    for i, (design, reasons) in enumerate(zip(references, broken, strict=True)):
        if not inside[i] and not reasons:
            reasons = ["it is not one of the designs that the steps, levels or the list of the campaign allow"]
        if reasons:
            said = "; ".join([*reasons, "it is evaluated there, and marked as rejected"])
            notes.append(f"reference_designs: '{design.name}': {said}")
    return notes


def _describe_status(space: Space, designs: pd.DataFrame, evaluated: pd.DataFrame) -> list[str]:
    """Describe whether each design is possible, and if not, which constraint or bound it violates."""
    if designs.empty:
        return []
    margins = space.margins(designs)
    inside = space.is_feasible(designs)
    rules = list_broken_rules(space, designs)
    status = []
    for i in range(len(designs)):
        # tolerance for designs that lie on a constraint up to rounding
        broken = [name for name in margins if margins[name].iloc[i] < -1e-9]
        if broken:
            text = ", ".join(f"{name} by {-margins[name].iloc[i]:.3g}" for name in broken)
            status.append(f"rejected: violates {text}")
        elif not inside[i]:
            status.append(f"rejected: {'; '.join(rules[i]) or 'not one of the listed designs'}")
        elif evaluated["failure"].iloc[i]:
            status.append(f"failed: {evaluated['failure'].iloc[i]}")
        elif not evaluated["feasible"].iloc[i]:
            status.append("rejected: violates a limit")
        else:
            status.append("accepted")
    return status


def _flag_predictions(frame: pd.DataFrame, problem: Problem) -> list[str]:
    """Flag predictions above what the formula can give."""
    flags = [""] * len(frame)
    for objective in problem.objectives:
        if objective.unit != CAPACITY_UNIT:
            continue
        # designs without a formula have NaN here, which is never exceeded
        above = frame[objective.name].astype(float) > frame["theoretical_capacity_mah_g"]
        for i in np.flatnonzero(above):
            limit = frame["theoretical_capacity_mah_g"].iloc[i]
            flags[i] = f"{objective.name} is above the theoretical {limit:.1f} mAh/g"
    return flags
