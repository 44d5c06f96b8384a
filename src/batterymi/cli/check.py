"""`batterymi check`: settings and tables, in seconds, without running anything."""

import argparse
from collections.abc import Sequence, Sized
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.arrays import Mask
from batterymi.cli.questions import describe_width
from batterymi.cli.settings import read_config, read_ledger
from batterymi.config.load import FIRST_STUDY, load_studies
from batterymi.config.parts import Feature
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.data.schema import NOTHING_WRITTEN
from batterymi.errors import BatteryMIError, ConfigError, DesignError, TableError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import write_out

MAX_LISTED = 10  # rows of a list of candidates that are no candidates


def check_studies(options: argparse.Namespace) -> None:
    """Print a line for each study whose settings and table are right.

    Raises:
        ConfigError: with every mistake found in the others.
    """
    config = read_config(options.configfile)
    studies, rejected = load_studies(config)
    known = {*studies, *rejected}
    if options.study is not None and options.study not in known:
        raise ConfigError([f"'{options.study}' is not a study; {did_you_mean(options.study, known)}"])
    if not known:
        write_out(f"{config.studies_folder}: there is no study yet; {FIRST_STUDY}\n")
    problems: list[str] = []
    for name in [options.study] if options.study else sorted(known):
        if name in rejected:
            # one wrong study does not hide the mistakes of the others
            problems += rejected[name].problems
            continue
        try:
            summary, understood, notes = describe_study(studies[name])
            notes = [*notes, *_note_references(studies[name])]
            write_out(f"{name}: {summary}\n" + "".join(f"{name}: {line}\n" for line in understood))
            write_out("".join(f"{name}: please note: {note}\n" for note in notes))
            _check_pool(name, studies[name])
            _check_screen(studies[name])
            if studies[name].is_experiment:
                _check_ledger(name, studies[name], config)
        except BatteryMIError as error:
            # a check writes nothing anyway
            problems.append(str(error).replace(f"\n{NOTHING_WRITTEN}", "\n"))
    if problems:
        raise ConfigError(problems)


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


def _check_ledger(name: str, study: Study, config: Config) -> None:
    """Print what a study's ledger holds, and what it and the table say differently.

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
        write_out(f"{name}: {designs} in {n_batches} batch{'' if n_batches == 1 else 'es'} in {ledger.path}\n")
    write_out("".join(f"{name}: please note: {line}\n" for line in said))


def _list_design_features(study: Study, rows: pd.DataFrame) -> tuple[Feature, ...]:
    """Return what designs consist of, with the formulas that a list of candidates and the table hold."""
    if not study.is_described_pool:
        return study.designable
    from batterymi.config.slices.campaign import DesignSettings
    from batterymi.data.designs import read_pool
    from batterymi.optimise.space.make_space import make_study_space

    settings = DesignSettings.take_from(study)
    return make_study_space(settings, rows, read_pool(Path(study.pool or ""), settings)).features


def _check_pool(name: str, study: Study) -> None:
    """Print how many candidates a campaign chooses from, and how their formulas are read.

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
    lines = [counted, *(f"please note: {study.pool}: {note}" for note in notes)]
    if study.is_described_pool:
        lines += list_understood(study.pool, list_pool_formulas(Path(study.pool), settings))
    write_out("".join(f"{name}: {line}\n" for line in lines))


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


def describe_study(study: Study) -> tuple[str, list[str], list[str]]:
    """Return what is known of a study before anything runs, how formulas of its table are read, and notes on rows.

    Raises:
        TableError: if its table cannot be used.
        ConfigError: if no design keeps its rules.
    """
    _check_rules(study)
    features, objectives = _count_things(study.features, "feature"), _count_things(study.objectives, "objective")
    described = f", {_count_things(study.descriptors, 'descriptor')}" if study.descriptors else ""
    shape = f"settings are right, {features}{described}, {objectives}"
    if study.table.dataset:
        return f"{shape}; rows come from the data set {study.table.dataset.name}", [], []
    if study.table.sample and study.evaluator:
        return f"{shape}; {study.table.sample.designs} rows will be made by {study.evaluator.name}", [], []
    rows, understood, notes, n_rows = _count_rows(study)
    width = describe_width(len(study.features), n_rows)
    return f"{shape}; {rows}", understood, [*notes, *([width] if width else [])]


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


def _count_rows(study: Study) -> tuple[str, list[str], list[str], int]:
    """Return what a study's file holds in words, how formulas are read, notes, and how many rows can be used."""
    from batterymi.config.slices.data import TableSettings
    from batterymi.data.formula_columns import list_understood
    from batterymi.data.plausible import list_implausible
    from batterymi.data.table import load_table

    loaded = load_table(TableSettings.take_from(study, path=study.table.file, dataset=None))
    left_out = f", {loaded.n_dropped} to be left out" if loaded.dropped else ""
    converted = "".join(
        f"; {conversion.column} converted from {conversion.found} to {conversion.wanted}"
        for conversion in loaded.conversions
    )
    understood = list_understood(study.table.file or "", loaded.formulas.understood, "the run's table.json")
    said = f"{len(loaded.rows)} good rows in {study.table.file}{left_out}{converted}"
    columns = [feature for feature in study.features if not feature.is_category]
    impossible = [
        f"{study.table.file}: {line}" for line in list_implausible(loaded.rows, [*columns, *study.objectives])
    ]
    return said, understood, [*loaded.list_notes(), *impossible], len(loaded.rows)
