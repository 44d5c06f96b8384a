"""The role of one column of a table, guessed from its cells, its name and its unit."""

from batterymi.authoring.role import (
    COUNTED,
    DATE,
    ENERGIES,
    ERROR,
    FACTOR,
    FORMULA,
    GROUP,
    IDENTITY,
    IGNORED,
    MOST_CHOICES,
    MOST_MISSING,
    OBJECTIVE,
    OUTCOME_UNITS,
    REPEATS,
    STATUS,
    STRUCTURE,
    SUGGESTION,
    WITHDRAWN,
    Role,
)
from batterymi.data.column_facts import ColumnFacts, split_unit
from batterymi.data.durations import is_short_clock, is_time_of_day
from batterymi.data.header_words import find_meaning, load_words
from batterymi.optimise.campaigns.matched_results import find_name_column

LAST_WORDS = ("id", "ids", "no", "nr", "number", "#", "code", "cid")  # of a number that is an id
LIKE_IDS = "whole numbers, all different, as ids are"
UNREADABLE = "no number stands in"
UNREADABLE_HERE = "no number stands"
LIMITED = "holds limits such as"
GAPS = "cells hold no number; --factor leaves those rows out"
ALONE = (["mean"], ["average"], ["avg"], ["mittelwert"])  # of sizes and temperatures, they are chosen


def guess_role(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of one column."""
    for guess in (_guess_by_cells, _guess_by_name, _guess_outcome):
        if found := guess(column, n_rows):
            return found
    return _guess_number(column, n_rows) if column.is_number else _guess_word(column, n_rows)


def find_word(column: ColumnFacts, *meanings: str) -> str:
    """Return the first word of a header that has one of the meanings; empty if none has."""
    return find_meaning(column.name_words, *meanings)


def _consists_of(column: ColumnFacts, *meanings: str) -> bool:
    """Return whether all words of a header have one of the meanings, or are numbers."""
    words = {word for meaning in meanings for word in load_words()[meaning]}
    found = column.name_words
    return bool(found) and all(word in words or word.isdigit() for word in found) and not all(map(str.isdigit, found))


def guess_goal(column: ColumnFacts) -> tuple[str, str]:
    """Return whether an outcome is maximised or minimised, and the word that says so."""
    low, high = find_word(column, "minimised"), find_word(column, "maximised")
    return ("minimise", low) if low else ("maximise", high)


def _guess_by_cells(column: ColumnFacts, n_rows: int) -> Role | None:
    """Guess the role of a column from what its cells are."""
    if column.header == find_name_column([column.header]):
        return Role(column, SUGGESTION, "names of suggestions")
    if not column.n_known:
        return Role(column, IGNORED, "is empty")
    if column.has_times and (role := _guess_times(column)):
        return role
    if find_word(column, "withdrawn") and _consists_of(column, "withdrawn", "remark"):
        return Role(column, WITHDRAWN, "marks rows that do not count; they are kept, and nothing is learned from them")
    if column.is_number and find_word(column, "date") and column.counts_days:
        return Role(
            column, DATE, "holds dates as numbers, of which no model makes use; --factor if they are something else"
        )
    if column.is_date or (find_word(column, "date") and column.n_different > 1 and not column.is_number):
        ambiguous = _find_ambiguous_date(column)
        readings = f"; {ambiguous} may be day/month or month/day" if ambiguous else ""
        what = "times of day" if column.words and is_time_of_day(column.words[0]) else "dates"
        return Role(column, DATE, f"holds {what}, of which no model makes use{readings}")
    if column.is_structure:
        return Role(column, STRUCTURE, "holds paths of structure files")
    if column.is_status and find_word(column, "status"):
        return Role(column, STATUS, "says how far experiments are")
    if column.date_like:
        return Role(
            column,
            IGNORED,
            f"holds words, and '{column.date_like}', which looks like a date or a time that a spreadsheet made of "
            "something else; correct that cell",
        )
    if column.n_different < 2 and column.is_number and (fault := column.first_fault):
        n_faults = len(column.numbers.faults)
        return Role(column, IGNORED, f"has one number; in {n_faults} cells {UNREADABLE_HERE}, as {fault}; correct them")
    if column.n_different < 2 and not column.is_formula:
        return Role(column, IGNORED, f"is the same in every row{' that has it' if column.n_missing else ''}")
    if column.is_formula and not (find_word(column, "identity") and not find_word(column, "formula")):
        if column.n_missing > MOST_MISSING * n_rows:
            return Role(column, IGNORED, f"holds formulas, but {column.n_missing} of {n_rows} cells are empty")
        return Role(column, FORMULA, "holds chemical formulas")
    return None


def _guess_times(column: ColumnFacts) -> Role | None:
    """Return the role of a column of times that may be times of day; None for durations, which are numbers."""
    word = find_word(column, "time of day")
    if column.is_number and not word:
        return None
    if column.is_number:
        return Role(
            column, DATE, f"'{word}': times of day, of which no model makes use; --factor if they are durations"
        )
    first = next((text for text in column.words if is_short_clock(text)), "")
    what = f"times such as {first}, " if first else "times, "
    return Role(
        column,
        DATE,
        f"{what}taken as times of day, of which no model makes use; if they are durations, --factor reads them as "
        "hours and minutes, or write (hh:mm) or (mm:ss) behind the column's name",
    )


def _find_ambiguous_date(column: ColumnFacts) -> str:
    """Return the first date of which day and month cannot be distinguished."""
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
    is_error = "±" in column.header or (find_word(column, "error") and not _is_outcome_of_errors(column))
    if column.is_number and is_error:
        return Role(column, ERROR, "an uncertainty, as its name says")
    # a number with a unit, or one that is chosen or measured, is no name, as the temperature of a sample
    is_amount = column.is_number and (column.unit != "1" or find_word(column, "factor", "maximised", "minimised"))
    is_last = bool(words) and words[-1] in LAST_WORDS
    is_named = (find_word(column, "identity") and not column.is_number) or (is_last and column.is_whole)
    is_named = is_named and column.n_different == column.n_known and not is_amount
    can_name = not column.is_number or column.is_whole
    # of samples that were measured again, the id repeats
    if (_consists_of(column, "identity") or is_named) and can_name and _has_identity(column):
        return Role(column, IDENTITY, "names the rows")
    if _consists_of(column, "identity") and can_name and repeats and column.n_different > 1:
        return Role(column, GROUP, "names what several rows belong to; rows of one are kept together in validation")
    group = "" if find_word(column, "remark") else find_word(column, "group")
    # a space group is none
    group = "" if group == "group" and not _consists_of(column, "group", "identity") else group
    # a number is a group by all of its name only, since a batch size is chosen
    is_all = not column.is_number or _consists_of(column, "group", "identity")
    if group and repeats and column.n_different > 1 and can_name and is_all:
        return Role(column, GROUP, f"'{group}': rows of one are kept together in validation")
    if not column.is_number and find_word(column, "remark"):
        return Role(column, IGNORED, "holds remarks")
    return None


def _has_identity(column: ColumnFacts) -> bool:
    """Return whether a column's values name rows: most are different."""
    return column.n_different > 0.5 * column.n_known or find_word(column, "identity") in ("sample", "id", "specimen")


def _is_outcome_of_errors(column: ColumnFacts) -> bool:
    """Return whether the errors of a column are what a study is about, as of a model."""
    return column.name_words[:1] in (["mean"], ["rms"], ["max"])


def _guess_outcome(column: ColumnFacts, n_rows: int) -> Role | None:
    """Return the role of an objective for a column whose name or unit is that of an outcome."""
    if not column.is_number:
        return None
    goal, word = guess_goal(column)
    if word in ENERGIES and not column.unit.startswith(("eV", "meV", "kJ", "kcal", "J")):
        return None
    # the potential of a synthesis, the energy of a mill and the time of a charge may be chosen
    factor = find_word(column, "factor")
    if word and not (factor and word not in ("overpotential", "retention", "capacity", "conductivity", "efficiency")):
        return Role(column, OBJECTIVE, f"'{word}' is an outcome", goal)
    if column.name_words in ALONE:
        return Role(column, OBJECTIVE, f"'{column.header}' and nothing else is an outcome", goal)
    if column.unit in OUTCOME_UNITS and not factor:
        return Role(column, OBJECTIVE, f"{column.unit} is a unit of outcomes", goal)
    return None


def _guess_number(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of a number that no name and no unit decides."""
    if limit := column.first_limit:
        return Role(column, IGNORED, f"{LIMITED} {limit}, as results do and factors do not; --objective takes it")
    if column.unit == "1" and column.is_sequence and not find_word(column, "factor"):
        return Role(column, IGNORED, "counts the rows; --factor if it is one")
    if (
        column.unit == "1"
        and column.is_whole
        and column.n_different == column.n_known > 2
        and not find_word(column, "factor")
    ):
        return Role(column, IGNORED, f"{LIKE_IDS}; --factor or --objective if it is one")
    if column.n_missing > MOST_MISSING * n_rows:
        where = f" ({column.first_fault})" if column.first_fault else ""
        return Role(column, IGNORED, f"{column.n_missing} of {n_rows}{where} {GAPS}")
    return Role(column, FACTOR, "a number that varies")


def _guess_word(column: ColumnFacts, n_rows: int) -> Role:
    """Guess the role of a column of words that no name decides."""
    outcome = find_word(column, "maximised", "minimised")
    if (fault := column.first_ambiguity) and column.n_different > 1:
        n_faults = len(column.numbers.faults)
        return Role(column, IGNORED, f"{UNREADABLE} {n_faults} cells, as {fault}; correct them")
    # a temperature may be low or high in words, a capacity not
    is_outcome = outcome != "" or split_unit(column.header)[1] in OUTCOME_UNITS
    has_meaning = find_word(column, "factor") != "" or split_unit(column.header)[1] != "1"
    is_meant = is_outcome or (has_meaning and column.n_numbers > 0)
    if is_meant and (fault := column.first_fault):
        what = f"'{outcome}' is an outcome, but " if outcome else ""
        n_faults = len(column.numbers.faults)
        return Role(column, IGNORED, f"{what}{UNREADABLE} {n_faults} cells, as {fault}; correct them")
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
