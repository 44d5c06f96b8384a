"""A study before it is written: what was guessed of a table, with what the user has changed in the guesses.

The changes are in the address of the page alone, so it may be reloaded, kept, and opened twice.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from batterymi.app.entries import read_entry
from batterymi.app.tables import read_dropped
from batterymi.app.words import use_page_words
from batterymi.authoring import role as r
from batterymi.authoring.new_study import Draft, draft_study, list_roles
from batterymi.config.load import find_name_problem, list_study_files
from batterymi.config.run import Config
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.notebook.guidance import Guidance, read_guidance

# what a user may say of a column, as `new-study` takes it; one column each for the last two
ROLES = {r.OBJECTIVE: "objective", r.FACTOR: "factor", r.GROUP: "group", r.FORMULA: "formula", r.IGNORED: "ignored"}
ROLES |= {r.IDENTITY: "names the rows", r.REPEATS: "marks repeats"}
SEVERAL = {r.FACTOR: "factor", r.GROUP: "group", r.FORMULA: "formula", r.IGNORED: "ignore"}
GOALS = {"max": "as much as possible", "min": "as little as possible", "target": "hit a value or a range"}
SHORT_GOALS = {"maximise": "max", "minimise": "min", "target": "target"}
MOST_NAMES = 1000


@dataclass
class Column:
    """A column of the table, as the page shows it.

    Attributes:
        header: of the table.
        kind: what it is taken for.
        unit: that was read from its header.
        why: it is taken for that.
        goal: of an objective, as guessed.
        chosen: the role that the user has chosen; empty if none.
        chosen_goal: of an objective; empty if none.
        target: of an objective, as the user wrote it.
        aim: the same, with decimal points and a colon between two ends.
    """

    header: str
    kind: str = ""
    unit: str = ""
    why: str = ""
    goal: str = ""
    chosen: str = ""
    chosen_goal: str = ""
    target: str = ""
    aim: str = ""

    @property
    def lacks_target(self) -> bool:
        """Return whether a value is to be hit that the user has not typed yet."""
        return self.is_objective and self.chosen_goal == "target" and not self.target

    @property
    def is_objective(self) -> bool:
        """Return whether it is an objective, as chosen or else as guessed."""
        return (self.chosen or self.kind) == r.OBJECTIVE

    @property
    def wish(self) -> str:
        """Return the objective as options of `new-study` have it."""
        if self.chosen_goal == "target":
            return f"{self.header}:target:{self.aim}" if self.aim else self.header
        return f"{self.header}:{self.chosen_goal}" if self.chosen_goal else self.header


@dataclass
class Proposal:
    """What was guessed of a table.

    Attributes:
        table: its file.
        name: of the study.
        columns: of the table.
        questions: what to look at, a line each.
        settings: the YAML, empty where there is a problem.
        problem: why there can be no study yet; empty if there can.
        missing: what is to be typed before there can be one; empty if nothing is.
        guidance: what the user has chosen, as `Study.from_csv` takes it.
    """

    table: Path
    name: str
    columns: list[Column] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    settings: str = ""
    problem: str = ""
    missing: str = ""
    guidance: Guidance = field(default_factory=lambda: Guidance())


def propose_study(table: Path, config: Config, chosen: Mapping[str, str]) -> Proposal:
    """Guess a study from a table, and take over what the user has chosen; nothing is written.

    Args:
        table: the file, relative to the project's folder.
        config: of the project.
        chosen: fields of the page: `role-0`, `goal-0` and `target-0` of the first column, `name` of the study.
    """
    found = Proposal(table, chosen.get("name", "").strip() or _find_free_name(table, config))
    try:
        raw = read_dropped(table.read_bytes(), table)
        found.columns = [_read_column(str(header), place, chosen) for place, header in enumerate(raw.frame.columns)]
        _read_targets(found.columns, raw.decimal.sign or ".")
        guidance = _take_roles(found.columns)
    except (BatteryMIError, OSError) as error:
        found.problem = use_page_words(str(error))
        return found
    if any(c.chosen == r.OBJECTIVE or c.chosen_goal or c.target for c in found.columns):
        # one objective that is chosen leaves out the others, so those that were guessed are named too
        with suppress(BatteryMIError):
            _describe(found.columns, _draft(found, config, guidance))
        guidance["objective"] = [column.wish for column in found.columns if column.is_objective]
    found.guidance = guidance
    lacking = [column.header for column in found.columns if column.lacks_target]
    found.missing = f"{', '.join(lacking)}: type the value to hit, as 7.4, or the range, as 1:2.5" if lacking else ""
    try:
        draft = _draft(found, config, guidance)
    except BatteryMIError as error:
        found.problem = use_page_words(str(error))
        return found
    _describe(found.columns, draft)
    found.questions = [use_page_words(line) for line in draft.questions]
    # without its value, the settings would be others than those that are shown
    found.settings = "" if found.missing else draft.text
    return found


def _read_targets(columns: Sequence[Column], decimal: str) -> None:
    """Read the values that objectives are to hit, as numbers of the table are read.

    Raises:
        ConfigError: naming the column.
    """
    for column in (column for column in columns if column.chosen_goal == "target" and column.target):
        parts = re.split(r"\s*:\s*|\s+to\s+", column.target.strip())
        where = f"{column.header}: Target"
        if len(parts) > 2:
            raise ConfigError([f"{where}: found '{column.target}'; give one value, as 7.4, or two ends, as 1:2.5"])
        ends = [read_entry(part, decimal, where) for part in parts]
        if ends[0] > ends[-1]:
            raise ConfigError([f"{where}: {parts[0]} is not below {parts[-1]}; give the lower end first"])
        column.aim = ":".join(f"{end:.15g}" for end in ends)


def _draft(found: Proposal, config: Config, guidance: Guidance) -> Draft:
    """Return the draft of a study.

    Raises:
        BatteryMIError: if there can be none.
    """
    return draft_study(found.table, config, found.name, *read_guidance(guidance))


def _find_free_name(table: Path, config: Config) -> str:
    """Return a name for the study that no other one has, made of the table's."""
    taken, stem = list_study_files(config), table.stem
    for number in range(1, MOST_NAMES):
        name = f"{stem}_{number}" if number > 1 else stem
        if name not in taken and not find_name_problem(name):
            return name
    return stem


def _read_column(header: str, place: int, chosen: Mapping[str, str]) -> Column:
    """Return a column with what the user has chosen for it; words that are no choice count as none."""
    role, goal = chosen.get(f"role-{place}", ""), chosen.get(f"goal-{place}", "")
    return Column(
        header,
        chosen=role if role in ROLES else "",
        chosen_goal=goal if goal in GOALS else "",
        target=chosen.get(f"target-{place}", "").strip(),
    )


def _take_roles(columns: list[Column]) -> Guidance:
    """Return the roles that the user has chosen, without objectives.

    Raises:
        ConfigError: if two columns have a role of which there is one.
    """
    guidance = Guidance()
    for role, option in SEVERAL.items():
        if names := [column.header for column in columns if column.chosen == role]:
            guidance[option] = names  # type: ignore[literal-required]
    for role, single in ((r.IDENTITY, "id"), (r.REPEATS, "repeats")):
        names = [column.header for column in columns if column.chosen == role]
        if len(names) > 1:
            raise ConfigError(
                [f"{' and '.join(names)}: only one column {ROLES[role]}; choose another use for the others"]
            )
        if names:
            guidance[single] = names[0]  # type: ignore[literal-required]
    return guidance


def _describe(columns: list[Column], draft: Draft) -> None:
    """Add to each column what it is taken for."""
    roles = draft.guess.plan.roles
    for column, role, (_, _, unit, why) in zip(columns, roles, list_roles(roles), strict=True):
        column.kind, column.unit, column.why = role.role, unit, use_page_words(why)
        column.goal = SHORT_GOALS.get(role.goal, "")
