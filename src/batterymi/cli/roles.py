"""What each column of a table is for: objective, factor, id, group and so on, each with the reason."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from batterymi.data.column_facts import ColumnFacts, find_simplex
from batterymi.data.formula_columns import find_variable_columns
from batterymi.errors import ConfigError
from batterymi.optimise.campaigns.matched_results import find_name_column
from batterymi.spelling import did_you_mean

OBJECTIVE, FACTOR, IDENTITY, GROUP, FORMULA = "objective", "factor", "id", "group", "formula"
ERROR, REPEATS, DATE, STATUS, STRUCTURE, IGNORED = "error", "repeats", "date", "status", "structure", "ignored"
VARIABLE = "variable"
SUGGESTION = "suggestion"
GOALS = {"max": "maximise", "min": "minimise", "maximise": "maximise", "minimise": "minimise"}
# of outcomes; currents and areal loadings are chosen
OUTCOME_UNITS = (
    *("mAh/g", "Ah/g", "Ah/kg", "Wh/kg", "mWh/g", "Wh/L", "S/cm", "mS/cm", "S/m", "log10(S/cm)", "cycles", "F/g"),
    *("Ω cm2", "Ω cm", "eV", "meV", "meV/atom", "eV/atom", "cm2/s", "m2/s"),
)
ENERGIES = ("ea", "activation", "barrier")  # outcomes if they are in units of energy
# of which n_... is a number of measurements
COUNTED = ("cells", "samples", "repeats", "replicates", "rep", "reps", "measurements", "meas", "obs", "runs", "pellets")
MOST_CHOICES = 12
MOST_MISSING = 0.2  # share of a factor's cells; rows without it are left out
MOST_OBJECTIVES = 3
LOG_DECADES = 3.0  # beyond which a factor goes in a logarithmic scale
OBJECTIVE_DECADES = 2.0


@dataclass
class Role:
    """What one column is for.

    Attributes:
        column: the column.
        role: one of the names above.
        why: the reason, in words.
        goal: of an objective.
        of: name of the objective whose error or number of repeats the column holds.
    """

    column: ColumnFacts
    role: str
    why: str
    goal: str = ""
    of: str = ""

    def ignore(self, why: str) -> None:
        """Leave the column out."""
        self.role, self.why, self.goal = IGNORED, why, ""


@dataclass(frozen=True)
class Wishes:
    """What the user says of columns, by their headers or names.

    Attributes:
        objectives: names, each with its goal or none.
        factors: columns that are factors whatever they look like.
        identity: column that names rows.
        groups: columns whose equal values never straddle train and test.
        formulas: columns of chemical formulas.
        ignored: columns that are not used.
        repeats: column whose equal values are repeats of one measurement.
    """

    objectives: tuple[tuple[str, str], ...] = ()
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
        ConfigError: if a named column is missing, or what is asked of it cannot be.
    """
    wanted = _apply_wishes(columns, wishes or Wishes())
    n_rows = len(columns[0].cells) if columns else 0
    parts, total = find_simplex([c for c in columns if c.is_number and c.name not in wanted]) or ([], 1.0)
    for part in parts:
        # before names are looked at, since EA may be ethyl acetate and an activation energy
        why = f"adds up to {total:g} with {len(parts) - 1} other columns in every row"
        wanted[part.name] = Role(part, FACTOR if part.n_different > 1 else IGNORED, why)
        if part.n_different == 1:
            wanted[
                part.name
            ].why = f"{part.known[0]:g} in every row, so that the other parts of the mixture share the rest"
    roles = [wanted.get(column.name) or _guess_role(column, n_rows) for column in columns]
    asked = bool(wishes and wishes.objectives)
    if not any(role.role == FACTOR for role in roles):
        _take_whole_numbers(roles)
    _take_formulas_as_choices(roles, n_rows)
    _take_variables(roles)
    _limit_objectives(roles, asked)
    _pair_errors(roles)
    _keep_one(roles, IDENTITY, "another column names the rows already")
    _keep_one(roles, STATUS, "another column holds the status")
    return roles


def parse_objective(text: str) -> tuple[str, str]:
    """Split the text of `--objective` into a column and a goal, which may be missing.

    Raises:
        ConfigError: for a goal that there is not.
    """
    name, colon, goal = text.rpartition(":")
    if not colon or (goal.strip().lower() not in GOALS and goal.strip().lower() != "target"):
        return text, ""
    if goal.strip().lower() == "target":
        raise ConfigError(
            [
                f"--objective {text}: give the window that it must hit, as `goal: limit` with at_least and at_most in "
                "the study's YAML, beside an objective to maximise or minimise (--objective NAME:max)"
            ]
        )
    return name, GOALS[goal.strip().lower()]


@cache
def _load_words() -> dict[str, tuple[str, ...]]:
    """Return what whole words of headers mean: a tuple of words for each meaning."""
    with Path(__file__).with_name("header_words.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {meaning: tuple(row["word"] for row in rows if row["meaning"] == meaning) for meaning in
            dict.fromkeys(row["meaning"] for row in rows)}  # fmt: skip


def _find_word(column: ColumnFacts, *meanings: str) -> str:
    """Return the first word of a header that has one of the meanings; empty if none has."""
    words = {word for meaning in meanings for word in _load_words().get(meaning, ())}
    return next((word for word in column.name_words if word in words), "")


def _consists_of(column: ColumnFacts, *meanings: str) -> bool:
    """Return whether all words of a header have one of the meanings, or are numbers."""
    words = {word for meaning in meanings for word in _load_words()[meaning]}
    found = column.name_words
    return bool(found) and all(word in words or word.isdigit() for word in found) and not all(map(str.isdigit, found))


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
        ConfigError: if a column is missing, has two roles, or cannot be what is asked.
    """
    asked: list[tuple[str, str, str, str]] = [
        *(("--objective", name, OBJECTIVE, goal) for name, goal in wishes.objectives),
        *(("--factor", name, FACTOR, "") for name in wishes.factors),
        *(("--id", name, IDENTITY, "") for name in (wishes.identity,) if name),
        *(("--group", name, GROUP, "") for name in wishes.groups),
        *(("--formula", name, FORMULA, "") for name in wishes.formulas),
        *(("--ignore", name, IGNORED, "") for name in wishes.ignored),
        *(("--repeats", name, REPEATS, "") for name in (wishes.repeats,) if name),
    ]
    found: dict[str, Role] = {}
    for option, text, role, goal in asked:
        column = _find_column(columns, text, option)
        # rows of one formula or one batch may be kept together
        if column.name in found and {role, found[column.name].role} != {FORMULA, GROUP}:
            raise ConfigError([f"{option} {text}: the column has another role already, {found[column.name].role}"])
        if role == OBJECTIVE:
            if not column.is_number or column.n_different < 2:
                what = "holds words" if not column.is_number else "has the same number in every row"
                raise ConfigError([f"{option} {text}: {what}; an objective is a number that varies"])
            goal = goal or _guess_goal(column)[0]
        if role == FACTOR and column.n_different < 2:
            raise ConfigError([f"{option} {text}: does not vary"])
        kept = FORMULA if column.name in found else role
        found[column.name] = Role(column, kept, f"{option} says so", goal)
    return found


def _guess_goal(column: ColumnFacts) -> tuple[str, str]:
    """Return whether an outcome is maximised or minimised, and the word that says so."""
    low, high = _find_word(column, "minimised"), _find_word(column, "maximised")
    return ("minimise", low) if low else ("maximise", high)


def _guess_role(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of one column."""
    for guess in (_guess_by_cells, _guess_by_name, _guess_outcome):
        if found := guess(column, n_rows):
            return found
    return _guess_number(column, n_rows) if column.is_number else _guess_word(column, n_rows)


def _guess_by_cells(column: ColumnFacts, n_rows: int) -> Role | None:
    """Guess the role of a column from what its cells are."""
    if column.header == find_name_column([column.header]):
        return Role(column, SUGGESTION, "names of suggestions")
    if not column.n_known:
        return Role(column, IGNORED, "is empty")
    if column.is_date or (_find_word(column, "date") and column.n_different > 1 and not column.is_number):
        ambiguous = _find_ambiguous_date(column)
        asked = f"; {ambiguous} may be day/month or month/day" if ambiguous else ""
        return Role(column, DATE, f"holds dates, of which no model makes use{asked}")
    if column.is_structure:
        return Role(column, STRUCTURE, "holds paths of structure files")
    if column.is_status and _find_word(column, "status"):
        return Role(column, STATUS, "says how far experiments are")
    if column.n_different < 2 and not column.is_formula:
        return Role(column, IGNORED, "is the same in every row")
    if column.is_formula and not (_find_word(column, "identity") and not _find_word(column, "formula")):
        if column.n_missing > MOST_MISSING * n_rows:
            return Role(column, IGNORED, f"holds formulas, but {column.n_missing} of {n_rows} cells are empty")
        return Role(column, FORMULA, "holds chemical formulas")
    return None


def _find_ambiguous_date(column: ColumnFacts) -> str:
    """Return the first date of which day and month cannot be told apart."""
    for word in column.words:
        parts = word.replace("-", "/").replace(".", "/").split()[0].split("/")
        if len(parts) == 3 and all(part.isdigit() for part in parts) and len(parts[0]) < 3 and "." not in word:
            day, month = int(parts[0]), int(parts[1])
            if day <= 12 and month <= 12 and day != month:
                return word
    return ""


def _guess_by_name(column: ColumnFacts, n_rows: int) -> Role | None:
    """Guess the role of a column from the words of its header, before it may be an outcome or a factor."""
    words = column.name_words
    repeats = column.n_known - column.n_different
    if column.is_whole and words[:1] == ["n"]:
        is_count = words == ["n"] or words[1] in COUNTED
        why = "counts repeats, as its name says" if is_count else "begins with n_, as counts do; --factor if it is one"
        return Role(column, REPEATS if is_count else IGNORED, why)
    if column.is_whole and words in (["replicates"], ["repeats"], ["count"]):
        return Role(column, REPEATS, "counts repeats, as its name says")
    is_error = "±" in column.header or (_find_word(column, "error") and not _is_outcome_of_errors(column))
    if column.is_number and is_error:
        return Role(column, ERROR, "an uncertainty, as its name says")
    # a number with a unit, or one that is chosen or measured, is no name, as the temperature of a sample
    is_amount = column.is_number and (column.unit != "1" or _find_word(column, "factor", "maximised", "minimised"))
    is_named = _find_word(column, "identity") and column.n_different == column.n_known and not is_amount
    can_name = not column.is_number or column.is_whole
    # of samples that were measured again, the id repeats
    if (_consists_of(column, "identity") or is_named) and can_name and _has_identity(column):
        return Role(column, IDENTITY, "names the rows")
    group = "" if _find_word(column, "remark") else _find_word(column, "group")
    # a number is a group by all of its name only, since a batch size is chosen
    is_all = not column.is_number or _consists_of(column, "group", "identity")
    if group and repeats and column.n_different > 1 and can_name and is_all:
        return Role(column, GROUP, f"'{group}': rows of one are kept together in validation")
    if not column.is_number and _find_word(column, "remark"):
        return Role(column, IGNORED, "holds remarks")
    return None


def _has_identity(column: ColumnFacts) -> bool:
    """Return whether a column's values name rows: most are different."""
    return column.n_different > 0.5 * column.n_known or _find_word(column, "identity") in ("sample", "id", "specimen")


def _is_outcome_of_errors(column: ColumnFacts) -> bool:
    """Return whether the errors of a column are what a study is about, as of a model."""
    return column.name_words[:1] in (["mean"], ["rms"], ["max"])


def _guess_outcome(column: ColumnFacts, n_rows: int) -> Role | None:
    """Return the role of an objective for a column whose name or unit is that of an outcome."""
    if not column.is_number:
        return None
    goal, word = _guess_goal(column)
    if word in ENERGIES and not column.unit.startswith(("eV", "meV", "kJ", "kcal", "J")):
        return None
    # the potential of a synthesis, the energy of a mill and the time of a charge may be chosen
    factor = _find_word(column, "factor")
    if word and not (factor and word not in ("overpotential", "retention", "capacity", "conductivity", "efficiency")):
        return Role(column, OBJECTIVE, f"'{word}' is an outcome", goal)
    if column.unit in OUTCOME_UNITS and not factor:
        return Role(column, OBJECTIVE, f"{column.unit} is a unit of outcomes", goal)
    return None


def _guess_number(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of a number that no name and no unit decides."""
    if column.unit == "1" and column.is_sequence:
        return Role(column, IGNORED, "counts the rows; --factor if it is one")
    if (
        column.unit == "1"
        and column.is_whole
        and column.n_different == column.n_known > 2
        and not _find_word(column, "factor")
    ):
        return Role(column, IGNORED, "whole numbers, all different, as ids are; --factor if it is one")
    if column.n_missing > MOST_MISSING * n_rows:
        return Role(
            column, IGNORED, f"{column.n_missing} of {n_rows} cells hold no number; --factor leaves those rows out"
        )
    return Role(column, FACTOR, "a number that varies")


def _guess_word(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of a column of words that no name decides."""
    if column.n_different == column.n_known == n_rows:
        return Role(column, IDENTITY, "different in every row")
    if column.n_missing:
        return Role(
            column,
            IGNORED,
            f"{column.n_missing} of {n_rows} cells are empty; write a word for 'nothing', as `none`, or --fill-down "
            "where an empty cell means the one above",
        )
    if column.n_different > MOST_CHOICES:
        return Role(column, IGNORED, f"{column.n_different} different words; --factor, --group or --id use them")
    return Role(column, FACTOR, f"{column.n_different} choices")


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
    if any(role.role == FACTOR for role in roles):
        return
    # of outcomes alone, the last is the objective and the others may have been chosen
    outcomes = [role for role in roles if role.role == OBJECTIVE and role.why != "--objective says so"]
    for role in outcomes[:-1] if not any(r.why == "--objective says so" for r in roles) else outcomes:
        role.role, role.goal = FACTOR, ""
        role.why = f"{role.why}; taken as a factor, since there is no other (--objective {role.column.header} if not)"


def _take_formulas_as_choices(roles: list[Role], n_rows: int) -> None:
    """Take formulas of which there are few, each in several rows, as choices, where other factors are searched."""
    if not any(role.role == FACTOR for role in roles):
        return
    for role in roles:
        n = role.column.n_different
        if role.role == FORMULA and not role.why.startswith("--") and n <= MOST_CHOICES and n <= 0.6 * n_rows:
            role.role, role.why = FACTOR, f"{n} formulas, taken as choices beside the other factors; --formula if not"


def _take_variables(roles: list[Role]) -> None:
    """Take columns that hold values of variables in formulas, as x, for what they are."""
    if not any(role.role == FORMULA for role in roles):
        return
    found = find_variable_columns(role.column.header for role in roles if role.role in (FACTOR, IGNORED))
    texts = " ".join(word for role in roles if role.role == FORMULA for word in role.column.words)
    for variable, header in found.items():
        for role in (role for role in roles if role.column.header == header and variable in texts):
            role.role, role.why = VARIABLE, f"values of {variable} in formulas"


def _limit_objectives(roles: list[Role], asked: bool) -> None:
    """Keep the objectives that were asked for, or the first of each quantity; find one where none is."""
    objectives = [role for role in roles if role.role == OBJECTIVE]
    if asked:
        for role in objectives:
            if role.why != "--objective says so":
                role.ignore(f"{role.why}, but was not asked for; --objective adds it")
        return
    if not objectives:
        numbers = [role for role in roles if role.role == FACTOR and role.column.is_number]
        if len(numbers) > 1 or (numbers and len([role for role in roles if role.role in (FACTOR, FORMULA)]) > 1):
            last = numbers[-1]
            last.role, last.goal = OBJECTIVE, "maximise"
            last.why = (
                "the last number, since no name says what the outcome is; --objective NAME:min or :max changes it"
            )
        return
    kept: list[Role] = []
    for role in objectives:
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


def _is_same_quantity(first: ColumnFacts, second: ColumnFacts) -> bool:
    """Return whether two outcomes are one quantity under two conditions: the same first word and unit."""
    return first.unit == second.unit and first.unit != "1" and _guess_goal(first)[1] == _guess_goal(second)[1] != ""


def _pair_errors(roles: list[Role]) -> None:
    """Give errors and numbers of repeats to the objective that they belong to, or ignore them."""
    objectives = [role for role in roles if role.role == OBJECTIVE]
    taken: set[tuple[str, str]] = set()
    for place, role in enumerate(roles):
        if role.role not in (ERROR, REPEATS) or role.why.startswith("--"):
            continue
        own = [word for word in role.column.name_words if word not in (*_load_words()["error"], "n", "of", "in")]
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


def _keep_one(roles: list[Role], kind: str, said: str) -> None:
    """Keep the first column of a role of which there is one only, those that the user names before others."""
    found = sorted((role for role in roles if role.role == kind), key=lambda role: not role.why.startswith("--"))
    for role in found[1:]:
        role.ignore(said)


def spans_decades(column: ColumnFacts, decades: float) -> bool:
    """Return whether the positive of numbers from 0 on span more than some decades."""
    positive = column.known[column.known > 0]
    if len(positive) < 2 or column.known.min() < 0 or len(positive) < 0.5 * len(column.known):
        return False
    return float(np.log10(positive.max() / positive.min())) > decades
