"""Constraints of a study as functions of columns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from batterymi import registry
from batterymi.arrays import Array
from batterymi.config.designs import Derived
from batterymi.config.expressions import parse_condition, substitute_quantities
from batterymi.config.parts import Constraint

Condition = Callable[[Mapping[str, Array]], Array]


def make_conditions(constraints: Sequence[Constraint]) -> tuple[Condition, ...]:
    """Make a function per constraint that computes its margin from columns of designs; negative if violated."""
    return tuple(
        parse_condition(constraint.expression, equality=True)
        if constraint.expression is not None
        else partial(_evaluate_registered, constraint)
        for constraint in constraints
    )


def _evaluate_registered(constraint: Constraint, columns: Mapping[str, Array]) -> Array:
    """Compute the margin of a constraint by its registered function."""
    function = registry.look_up("constraint", constraint.function or "")
    arguments = {argument: columns[column] for argument, column in constraint.columns.items()}
    return np.asarray(function(**arguments, **constraint.values), dtype=float)


def expand_derived(constraint: Constraint, derived: Sequence[Derived]) -> Constraint:
    """Replace derived quantities in a constraint by what they are computed from."""
    if constraint.expression is None or not derived:
        return constraint
    text = substitute_quantities(constraint.expression, {quantity.name: quantity.formula for quantity in derived})
    return constraint.model_copy(update={"expression": text})
