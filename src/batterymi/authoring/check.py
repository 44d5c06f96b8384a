"""What is checked of a study before anything runs: settings, table, candidates, ledger."""

import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.authoring.questions import describe_width
from batterymi.config.parts import Feature
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.data.schema import NOTHING_WRITTEN, list_faults
from batterymi.errors import BatteryMIError, ConfigError, DesignError, TableError
from batterymi.vocabulary.splits import SPLIT
from batterymi.workflow.settings import read_ledger

MAX_LISTED = 10  # rows of a list of candidates that are no candidates
NOTE = "please note: "
PLACE = re.compile(r"(?P<file>[^:\n]+\.[a-z]{1,7}): (?:line (?P<line>\d+): )?")


@dataclass(frozen=True)
class Problem:
    """What must be corrected, or why a row was left out.

    Attributes:
        text: the whole sentence, as the command prints it.
        file: which file; empty where several are concerned.
        line: of the file; None where the problem is not one of a row.
        column: of the table; empty likewise.
        found: what stands there; empty likewise.
        wanted: what would be right; empty likewise.
    """

    text: str
    file: str = ""
    line: int | None = None
    column: str = ""
    found: str = ""
    wanted: str = ""


@dataclass
class Check:
    """What is known of a study before anything runs.

    Attributes:
        said: lines on settings, rows, formulas, candidates and suggestions, in order; those that begin with `NOTE` are
            notes.
        errors: what keeps the study from running, each as a whole message; empty where nothing does.
        problems: the same, an entry for each row and column at fault.
        left_out: rows of the table that are not used, and why.
        counts: rows by what they are: train, pending, failed, withdrawn and so on.
    """

    said: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add_notes(self, notes: Iterable[str]) -> None:
        """Add lines that a user should read."""
        self.said += [f"{NOTE}{note}" for note in notes]

    def add_error(self, error: BatteryMIError) -> None:
        """Add what keeps the study from running."""
        # a check writes nothing anyway
        self.errors.append(str(error).replace(f"\n{NOTHING_WRITTEN}", "\n"))
        if isinstance(error, TableError) and error.faults:
            self.problems += _list_problems(error.file, error.faults)
        else:
            self.problems += [_parse_problem(line) for line in self.errors[-1].splitlines() if line.strip()]


def _list_problems(file: str, faults: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Return a problem for each fault of a table."""
    return [
        Problem(list_faults(file, [f])[0], file, int(f["line"]), str(f["column"]), str(f["found"]), str(f["reason"]))
        for f in faults
    ]


def _parse_problem(text: str) -> Problem:
    """Return a problem with the file and the line that its sentence begins with, if it does."""
    found = PLACE.match(text)
    if found is None:
        return Problem(text)
    return Problem(text, found["file"], int(found["line"]) if found["line"] else None)


def check_study(name: str, study: Study, config: Config) -> Check:
    """Check settings, table, candidates and ledger of a study, without running anything.

    Args:
        name: of the study.
        study: its settings.
        config: of the run, for the folder of ledgers.
    """
    check = Check()
    try:
        describe_study(study, check)
        check.add_notes(_note_references(study))
        _check_pool(study, check)
        _check_screen(study)
        if study.is_experiment:
            _check_ledger(name, study, config, check)
    except BatteryMIError as error:
        check.add_error(error)
    return check


def _check_screen(study: Study) -> None:
    """Refuse a file of candidates that lacks a column which the screen's model or a gate needs.

    Raises:
        TableError: naming file and columns.
    """
    from batterymi.config.screen import FileSource

    if study.screen and isinstance(study.screen.source, FileSource):
        from batterymi.config.slices.screening import ListingSettings
        from batterymi.screening.sources import CandidateColumns, check_candidate_file

        columns = CandidateColumns.of_settings(ListingSettings.take_from(study))
        check_candidate_file(Path(study.screen.source.file), columns)


def _check_ledger(name: str, study: Study, config: Config, check: Check) -> None:
    """Add what a study's ledger holds, and what it and the table say differently.

    Raises:
        TableError: if the ledger is damaged, or lines are missing.
    """
    from batterymi.config.slices.data import TableSettings
    from batterymi.data.table import load_table
    from batterymi.optimise.campaigns.changes import State, describe_changes
    from batterymi.optimise.campaigns.converted_batches import describe_differences
    from batterymi.optimise.campaigns.matched_results import find_name_conflicts, find_unknown_names
    from batterymi.optimise.space.space import make_space

    ledger = read_ledger(name, config)
    said = list(ledger.warnings)
    features = study.designable
    if study.table.file:
        rows = load_table(TableSettings.take_from(study, path=study.table.file, dataset=None)).rows
        features = _list_design_features(study, rows)
        state = State(rows, features, study.objectives, study.constraints, study.id_column)
        said += describe_changes(ledger.batches[-1], state) if ledger.batches else []
        faults = find_unknown_names(rows, ledger.batches)
        if not study.is_described_pool:  # designs are formulas there, which are compared by name alone
            space = make_space(study.designable, study.simplex, study.constraints, derived=study.derived)
            faults += find_name_conflicts(rows, ledger.batches, space, study.objectives)
        said += [f"{study.table.file}: {line}" for line in faults]
    differences = describe_differences(ledger.batches, features, study.objectives)
    said += [f"{ledger.path}: {line}" for line in differences]
    if ledger.batches:
        designs = _count_things([item for batch in ledger.batches for item in batch.suggestions], "suggestion")
        n_batches = len(ledger.batches)
        check.said.append(f"{designs} in {n_batches} batch{'' if n_batches == 1 else 'es'} in {ledger.path}")
    check.add_notes(said)


def _list_design_features(study: Study, rows: pd.DataFrame) -> tuple[Feature, ...]:
    """Return what designs consist of, with the formulas that a list of candidates and the table hold."""
    if not study.is_described_pool:
        return study.designable
    from batterymi.config.slices.campaign import DesignSettings
    from batterymi.data.designs import read_pool
    from batterymi.optimise.space.make_space import make_study_space

    settings = DesignSettings.take_from(study)
    return make_study_space(settings, rows, read_pool(Path(study.pool or ""), settings)).features


def _check_pool(study: Study, check: Check) -> None:
    """Add how many candidates a campaign chooses from, and how their formulas are read.

    Raises:
        TableError: if the list cannot be read.
    """
    if study.pool is None:
        return
    from batterymi.config.slices.campaign import DesignSettings
    from batterymi.data.designs import list_pool_formulas, read_listed_rows
    from batterymi.data.formula_columns import list_understood

    settings = DesignSettings.take_from(study)
    listed, is_repeated = read_listed_rows(Path(study.pool), settings)
    counted, notes = _describe_listed(study, listed, is_repeated)
    check.said.append(counted)
    check.add_notes(f"{study.pool}: {note}" for note in notes)
    if study.is_described_pool:
        check.said += list_understood(study.pool, list_pool_formulas(Path(study.pool), settings))


def _describe_listed(study: Study, listed: pd.DataFrame, is_repeated: Mask) -> tuple[str, list[str]]:
    """Return how many candidates there are, and which rows are none, with their lines and the reasons."""
    from batterymi.optimise.space.broken_rules import list_broken_rules
    from batterymi.optimise.space.described import set_bounds
    from batterymi.optimise.space.space import make_space

    # a number without bounds may be anything that the list has
    space = make_space(
        [set_bounds(feature, listed) for feature in study.designable],
        study.simplex,
        study.constraints,
        derived=study.derived,
    )
    inside = space.allowed(space.codes(listed)) if space.features else np.ones(len(listed), dtype=bool)
    repeated = [f"line {line}" for line in listed.index[is_repeated]]
    outside = listed[~inside & ~is_repeated]
    reasons = list_broken_rules(space, outside[list(space.names)]) if len(outside) else []
    broken = [
        f"line {line}: {'; '.join(said) or 'is none of the designs that the rules allow'}"
        for line, said in zip(outside.index, reasons, strict=True)
    ]
    notes = [f"listed twice, the second time in {_join_some(repeated)}"] if repeated else []
    notes += [f"left out, since it breaks the rules of the study: {line}" for line in broken[:MAX_LISTED]]
    notes += [f"... and {len(broken) - MAX_LISTED} more rows outside the rules"] if len(broken) > MAX_LISTED else []
    counted = f"{_count_things(listed[inside & ~is_repeated], 'candidate')} in {study.pool}"
    if notes:
        kinds = [(len(repeated), "twice"), (len(broken), "outside the rules")]
        counted += "; " + ", ".join([f"{len(listed)} rows", *(f"{n} {kind}" for n, kind in kinds if n)])
    return counted, notes


def _join_some(things: Sequence[str]) -> str:
    """Return the first of some things in a sentence, and how many more there are."""
    more = f" and {len(things) - MAX_LISTED} more" if len(things) > MAX_LISTED else ""
    return ", ".join(things[:MAX_LISTED]) + more


def describe_study(study: Study, check: Check) -> None:
    """Add what is known of settings and rows, how formulas of the table are read, and notes on rows.

    Raises:
        TableError: if its table cannot be used.
        ConfigError: if no design keeps its rules.
    """
    _check_rules(study)
    features, objectives = _count_things(study.features, "feature"), _count_things(study.objectives, "objective")
    described = f", {_count_things(study.descriptors, 'descriptor')}" if study.descriptors else ""
    shape = f"settings are right, {features}{described}, {objectives}"
    if study.table.dataset:
        check.said.append(f"{shape}; rows come from the data set {study.table.dataset.name}")
    elif study.table.sample and study.evaluator:
        check.said.append(f"{shape}; {study.table.sample.designs} rows will be made by {study.evaluator.name}")
    else:
        _describe_rows(study, shape, check)


def _check_rules(study: Study) -> None:
    """Refuse rules on designs that exclude each other.

    Raises:
        ConfigError: naming the rule that no design keeps.
    """
    from batterymi.optimise.space.space import make_space

    if study.campaign.mode == "replay":
        return
    space = make_space(study.designable, study.simplex, study.constraints, derived=study.derived)
    if space.is_constrained or space.is_structured:
        try:
            space.sample(np.random.default_rng(0), 1)
        except DesignError as error:
            raise ConfigError([f"{study.title}: {error}"]) from None


def _note_references(study: Study) -> list[str]:
    """Return notes on reference designs that the campaign itself could not choose.

    Raises:
        TableError: if a formula of one cannot be read.
    """
    from batterymi.config.slices.campaign import DesignSettings
    from batterymi.features.capacity import compute_theoretical_capacity
    from batterymi.optimise.campaigns.reference_designs import note_reference_designs
    from batterymi.optimise.space.space import make_space

    if not study.reference_designs or study.campaign.mode == "replay":
        return []
    for design in study.reference_designs:
        if design.formula and design.working_ions:
            try:
                compute_theoretical_capacity(design.formula, design.working_ions)
            except TableError as error:
                raise TableError(f"reference_designs: '{design.name}': formula: {error}") from None
    settings = DesignSettings.take_from(study)
    try:
        space = make_space(settings.designable, settings.simplex, settings.constraints, derived=settings.derived)
    except DesignError as error:
        return [str(error)]
    return note_reference_designs(study.reference_designs, space)


def _count_things(things: Sized, name: str) -> str:
    """Return how many there are, with the name in the right number."""
    return f"{len(things)} {name}" if len(things) == 1 else f"{len(things)} {name}s"


def _describe_rows(study: Study, shape: str, check: Check) -> None:
    """Add what a study's file holds, how its formulas are read, and notes on rows.

    Args:
        study: its settings.
        shape: what is said of them, with which the line begins.
        check: to add to.
    """
    from batterymi.config.slices.data import TableSettings
    from batterymi.data.formula_columns import list_understood
    from batterymi.data.plausible import list_implausible
    from batterymi.data.table import load_table

    file = study.table.file or ""
    loaded = load_table(TableSettings.take_from(study, path=study.table.file, dataset=None))
    left_out = f", {loaded.n_dropped} to be left out" if loaded.dropped else ""
    converted = "".join(
        f"; {conversion.column} converted from {conversion.found} to {conversion.wanted}"
        for conversion in loaded.conversions
    )
    check.said.append(f"{shape}; {len(loaded.rows)} good rows in {file}{left_out}{converted}")
    check.said += list_understood(file, loaded.formulas.understood, "the run's table.json")
    check.left_out += _list_problems(file, loaded.dropped)
    check.counts |= {str(split): int(n) for split, n in loaded.rows[SPLIT].value_counts().items()}
    columns = [feature for feature in study.features if not feature.is_category]
    check.add_notes(loaded.list_notes())
    check.add_notes(f"{file}: {line}" for line in list_implausible(loaded.rows, [*columns, *study.objectives]))
    width = describe_width(len(study.features), len(loaded.rows))
    check.add_notes([width] if width else [])
