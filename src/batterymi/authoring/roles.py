"""What each column of a table is for: objective, factor, id, group and so on, each with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from batterymi.authoring.conditions import find_condition, find_optional_steps
from batterymi.authoring.guess_role import GAPS, LIKE_IDS, LIMITED, UNREADABLE, find_word, guess_goal, guess_role
from batterymi.authoring.mixture_columns import find_simplex
from batterymi.authoring.role import (
    ENERGIES,
    ERROR,
    FACTOR,
    FORMULA,
    GROUP,
    IDENTITY,
    IGNORED,
    MOST_CHOICES,
    MOST_OBJECTIVES,
    OBJECTIVE,
    REPEATS,
    STATUS,
    STRUCTURE,
    VARIABLE,
    WITHDRAWN,
    Role,
)
from batterymi.config.goals import Window
from batterymi.data.column_facts import ColumnFacts
from batterymi.data.formula_columns import find_variable_columns
from batterymi.data.header_words import load_words
from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean

SAMPLES = "each has settings of its own, as a sample that is measured repeatedly"
ADDS_UP = "adds up to"
CHOSEN_UNITS = ("°C", "K", "h", "min", "s", "d", "rpm", "bar", "MPa", "mol/L", "mmol/L", "C-rate")  # of no outcome
LOGARITHMS = {"log", "log10", "lg", "ln", "10"}  # words of headers, as split


@dataclass(frozen=True)
class Wishes:
    """What the user says of columns, by their headers or names.

    Attributes:
        objectives: names, each with its goal or none.
        targets: what objectives with that goal should hit, by the same names, in the unit of the table.
        factors: columns that are factors whatever they look like.
        identity: column that names rows.
        groups: columns whose equal values never straddle train and test.
        formulas: columns of chemical formulas.
        ignored: columns that are not used.
        repeats: column whose equal values are repeats of one measurement.
    """

    objectives: tuple[tuple[str, str], ...] = ()
    targets: Mapping[str, Window] = field(default_factory=dict)
    factors: tuple[str, ...] = ()
    identity: str | None = None
    groups: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    repeats: str | None = None


def assign_roles(columns: Sequence[ColumnFacts], wishes: Wishes | None = None) -> list[Role]:
    """Assign a role to every column of a table.

    What the user says decides; then what cells are, then what headers say, by whole words and units.

    Args:
        columns: all columns.
        wishes: what the user says.

    Returns:
        One role per column, in order.

    Raises:
        ConfigError: if a named column is missing, or cannot have the role that an option gives it.
    """
    wanted = _apply_wishes(columns, wishes or Wishes())
    n_rows = len(columns[0].cells) if columns else 0
    # energies may be abbreviations of solvents, other outcomes are no parts
    possible = [c for c in columns if c.is_number and c.name not in wanted and guess_goal(c)[1] in ("", *ENERGIES)]
    parts, total = find_simplex(possible) or ([], 1.0)
    for part in parts:
        # before names are looked at, since EA may be ethyl acetate and an activation energy
        why = f"{ADDS_UP} {total:g} with {len(parts) - 1} other column{'s' * (len(parts) > 2)} in every row"
        wanted[part.name] = Role(part, FACTOR if part.n_different > 1 else IGNORED, why)
        if part.n_different == 1:
            wanted[
                part.name
            ].why = f"{part.known[0]:g} in every row, so that the other parts of the mixture share the rest"
    roles = [wanted.get(column.name) or guess_role(column, n_rows) for column in columns]
    is_chosen = bool(wishes and wishes.objectives)
    _take_conditional_numbers(roles)
    if not any(role.role == FACTOR for role in roles):
        _take_whole_numbers(roles)
    _take_variables(roles)
    _take_formulas_as_choices(roles, n_rows)
    _limit_objectives(roles, is_chosen)
    _pair_errors(roles)
    _take_samples_as_groups(roles)
    _keep_one_group(roles)
    _drop_equal_formulas(roles)
    _keep_one(roles, IDENTITY, "another column names the rows already")
    _keep_one(roles, STATUS, "another column holds the status")
    _keep_one(roles, WITHDRAWN, "another column marks rows that do not count")
    return roles


def _find_column(columns: Sequence[ColumnFacts], text: str, option: str) -> ColumnFacts:
    """Return the column that an option names by its header, its label or its name."""
    for same in (
        lambda column: text in (column.header, column.name),
        lambda column: text.strip().casefold() in (column.header.casefold(), column.label.casefold()),
    ):
        found = [column for column in columns if same(column)]
        if len(found) == 1:
            return found[0]
    raise ConfigError([f"{option} {text}: is not a column; {did_you_mean(text, [c.header for c in columns])}"])


def _apply_wishes(columns: Sequence[ColumnFacts], wishes: Wishes) -> dict[str, Role]:
    """Return the roles that the user gives, by name of the column.

    Raises:
        ConfigError: if a column is missing, has two roles, or cannot have that role.
    """
    options: list[tuple[str, str, str, str]] = [
        *(("--objective", name, OBJECTIVE, goal) for name, goal in wishes.objectives),
        *(("--factor", name, FACTOR, "") for name in wishes.factors),
        *(("--id", name, IDENTITY, "") for name in (wishes.identity,) if name),
        *(("--group", name, GROUP, "") for name in wishes.groups),
        *(("--formula", name, FORMULA, "") for name in wishes.formulas),
        *(("--ignore", name, IGNORED, "") for name in wishes.ignored),
        *(("--repeats", name, REPEATS, "") for name in (wishes.repeats,) if name),
    ]
    found: dict[str, Role] = {}
    for option, text, role, goal in options:
        column = _find_column(columns, text, option)
        # rows of one formula or one batch may be kept together
        if column.name in found and {role, found[column.name].role} != {FORMULA, GROUP}:
            raise ConfigError([f"{option} {text}: the column has another role already, {found[column.name].role}"])
        said = f"{option} says so"
        if role in (FACTOR, OBJECTIVE) and column.has_times and not column.is_number:
            column = column.read_as("hh:mm")
            said += "; hours and minutes (`table.units` says `hh:mm`; change it to `mm:ss` for minutes and seconds)"
        if role == OBJECTIVE:
            if not column.is_number or column.n_different < 2:
                words = f"holds words, as {column.first_fault}" if column.first_fault else "holds words"
                what = words if not column.is_number else "has the same number in every row"
                raise ConfigError([f"{option} {text}: {what}; an objective is a number that varies"])
            goal = goal or guess_goal(column)[0]
        if role == FACTOR and column.n_different < 2:
            raise ConfigError([f"{option} {text}: does not vary"])
        kept = FORMULA if column.name in found else role
        target = wishes.targets.get(text) if role == OBJECTIVE else None
        why = said + (f"; target {target.text}" if target else "")
        found[column.name] = Role(column, kept, why, goal, target=target)
    return found


def _take_conditional_numbers(roles: list[Role]) -> None:
    """Take numbers that are empty where they do not apply, as the amount of an additive, or a step that was skipped."""
    factors = [role.column for role in roles if role.role == FACTOR]
    # the columns of a mixture are in every row
    having_gaps = [role for role in roles if role.why.endswith(GAPS) or (role.role == FACTOR and role.column.is_number)]
    steps = find_optional_steps([role.column for role in having_gaps])
    for role in having_gaps:
        if condition := find_condition(role.column, factors):
            role.role, role.why = FACTOR, f"applies with {condition[0].header} {', '.join(condition[1])}"
        elif role.column.name in steps:
            name = steps[role.column.name]
            role.role, role.why = FACTOR, f"part of a step, {name}, that not all rows have"


def _take_whole_numbers(roles: list[Role]) -> None:
    """Make whole numbers that may be ids or outcomes a factor, where there is no other."""
    if any(role.role in (FORMULA, STRUCTURE) for role in roles):
        return
    for role in roles:
        if role.role == IGNORED and role.column.is_number and "--factor" in role.why and "cells" not in role.why:
            role.role, role.why = (
                FACTOR,
                "whole numbers, all different, may be ids; taken, since there is no other factor",
            )


def _take_formulas_as_choices(roles: list[Role], n_rows: int) -> None:
    """Take formulas of which there are few, each in several rows, as choices, where other factors are searched."""
    # a formula with variables is another compound in every row
    if not any(role.role == FACTOR for role in roles) or any(role.role == VARIABLE for role in roles):
        return
    for role in roles:
        n = role.column.n_different
        if role.role == FORMULA and not role.why.startswith("--") and 1 < n <= min(MOST_CHOICES, 0.6 * n_rows):
            role.role, role.why = FACTOR, f"{n} formulas, taken as choices beside the other factors; --formula if not"


def _take_variables(roles: list[Role]) -> None:
    """Take columns that hold values of variables in formulas, as x, for what they are."""
    if not any(role.role == FORMULA for role in roles):
        return
    found = find_variable_columns(role.column.header for role in roles if role.role in (FACTOR, IGNORED))
    wanted = set().union(*(role.column.variables for role in roles if role.role == FORMULA))
    for variable, header in found.items():
        for role in (role for role in roles if role.column.header == header and variable in wanted):
            role.role, role.why = VARIABLE, f"values of {variable} in formulas"


def _limit_objectives(roles: list[Role], is_chosen: bool) -> None:
    """Keep the objectives that options name, or the first of each quantity; find one where none is."""
    objectives = [role for role in roles if role.role == OBJECTIVE]
    if is_chosen:
        for role in objectives:
            if not role.why.startswith("--objective says so"):
                role.ignore(f"{role.why}, but options name others; --objective adds it")
        return
    if not objectives:
        # outcomes are last, also where they are whole numbers, all different
        numbers = [
            role for role in roles if role.column.is_number and (role.role == FACTOR or role.why.startswith(LIKE_IDS))
        ]
        numbers = [role for role in numbers if role.role == FACTOR or role is numbers[-1]]
        # an outcome that cannot be read is not replaced by another column; times and parts of mixtures are no outcomes
        if any(UNREADABLE in role.why and "outcome" in role.why for role in roles):
            return
        numbers = [role for role in numbers if not (ADDS_UP in role.why or _is_chosen(role.column))]
        # limits show that even a time was measured
        limited = [role for role in roles if role.why.startswith(LIMITED)]
        numbers = limited or numbers
        others = [role for role in roles if role.role in (FACTOR, FORMULA, STRUCTURE) and role is not numbers[-1:]]
        if numbers and len(others) > (numbers[-1].role == FACTOR):
            last = numbers[-1]
            last.role, last.goal = OBJECTIVE, "maximise"
            what = "holds limits, as results do" if last.column.first_limit else "the last number"
            last.why = f"{what}, since no name says what the outcome is; --objective NAME:min or :max changes it"
        return
    kept: list[Role] = []
    for role in _find_logarithms(objectives):
        role.ignore("a logarithm stands in another column, or is taken in the study; --objective chooses")
    for role in (role for role in objectives if role.role == OBJECTIVE):
        same = next((k for k in kept if _is_same_quantity(k.column, role.column)), None)
        if same is not None:
            role.ignore(f"the same quantity as {same.column.header}; --objective chooses")
        elif len(kept) == MOST_OBJECTIVES:
            role.ignore(f"{role.why}, the {MOST_OBJECTIVES} before are taken; --objective chooses")
        else:
            kept.append(role)
    for role in kept:
        role.why = f"{role.why}; {role.goal}d"
    if len(kept) > 1:
        kept[0].why += ", the first of several (--objective NAME:max for one alone)"


def _is_chosen(column: ColumnFacts) -> bool:
    """Return whether a number is set rather than measured, by its name or its unit."""
    return find_word(column, "factor") != "" or column.unit in CHOSEN_UNITS


def _find_logarithms(objectives: list[Role]) -> list[Role]:
    """Return which of two outcomes, of which one is the logarithm of the other, is left out: the plain one."""
    logarithms = [role for role in objectives if LOGARITHMS & set(role.column.name_words)]
    plain = {tuple(word for word in role.column.name_words if word not in LOGARITHMS) for role in logarithms}
    return [role for role in objectives if role not in logarithms and tuple(role.column.name_words) in plain]


def _is_same_quantity(first: ColumnFacts, second: ColumnFacts) -> bool:
    """Return whether two outcomes are one quantity under two conditions: the same first word and unit."""
    return first.unit == second.unit and first.unit != "1" and guess_goal(first)[1] == guess_goal(second)[1] != ""


def _pair_errors(roles: list[Role]) -> None:
    """Give errors and numbers of repeats to the objective that they belong to, or ignore them."""
    objectives = [role for role in roles if role.role == OBJECTIVE]
    taken: set[tuple[str, str]] = set()
    for place, role in enumerate(roles):
        if role.role not in (ERROR, REPEATS) or role.why.startswith("--"):
            continue
        own = [word for word in role.column.name_words if word not in (*load_words()["error"], "n", "of", "in")]
        by_name = [o for o in objectives if own and set(own) <= set(o.column.name_words)]
        before = [o for o in objectives if roles.index(o) < place]
        found = by_name[0] if by_name else before[-1] if before and not own else objectives[0] if (
            len(objectives) == 1 and (role.role == REPEATS or not own)) else None  # fmt: skip
        if found is None or (role.role, found.column.name) in taken:
            what = "an uncertainty" if role.role == ERROR else "a number of repeats"
            role.ignore(f"{what} of no objective here")
            continue
        taken.add((role.role, found.column.name))
        role.of = found.column.name
        what = "error" if role.role == ERROR else "number of repeats"
        role.why = f"{what} of {found.column.header}"


def _take_samples_as_groups(roles: list[Role]) -> None:
    """Take words that fix all numbers of the other factors for what they are: names of samples, measured repeatedly."""
    numbers = [role.column for role in roles if role.role == FACTOR and role.column.is_number]
    if len(numbers) < 2:
        return
    values = np.column_stack([column.numbers.values for column in numbers])
    for role in roles:
        column = role.column
        if role.role != FACTOR or column.is_number or role.why.startswith("--") or column.n_different < 3:
            continue
        cells = column.cells.astype(str).to_numpy()
        parts = [np.nan_to_num(values[cells == word]) for word in column.words]
        is_fixed = all(len(part) > 1 and bool(np.all(part == part[0])) for part in parts)
        if is_fixed and len(np.unique(values, axis=0)) >= column.n_different:
            role.role, role.why = GROUP, f"{SAMPLES}; --factor if it is one"


def _keep_one_group(roles: list[Role]) -> None:
    """Keep the group that is the most usual one, since rows that agree in any of many hang all together."""
    found = [role for role in roles if role.role == GROUP and not role.why.startswith("--")]
    words = list(load_words()["group"])
    found.sort(
        key=lambda role: (
            not role.why.startswith(SAMPLES),
            min((words.index(word) for word in role.column.name_words if word in words), default=99),
        )
    )
    for role in found[1:]:
        role.ignore(f"may be a group too; {found[0].column.header} is taken, --group adds it")


def _drop_equal_formulas(roles: list[Role]) -> None:
    """Ignore formulas that have the compositions of another column, as reduced formulas beside those of the cell."""
    kept: list[Role] = []
    for role in (role for role in roles if role.role == FORMULA):
        same = next((k for k in kept if k.column.compositions == role.column.compositions), None)
        if same is not None and not role.why.startswith("--"):
            role.ignore(f"the same compositions as {same.column.header}")
        else:
            kept.append(role)


def _keep_one(roles: list[Role], kind: str, said: str) -> None:
    """Keep the first column of a role of which there is one only, those that the user names before others."""
    found = sorted((role for role in roles if role.role == kind), key=lambda role: not role.why.startswith("--"))
    for role in found[1:]:
        role.ignore(said)
