"""What all rules share: the checked settings, `slice_of`, `results_for` and `code`.

An input or a param that one rule uses is defined beside that rule.
"""

from pathlib import Path

from batterymi.config.slices.base import Slice
from batterymi.errors import ConfigError
from batterymi.process_guard import set_job_owner
from batterymi.registry import find_modules
from batterymi.reporting.study_results import list_results
from batterymi.workflow.digests import take_digests
from batterymi.workflow.launch import (
    find_encoding_problems,
    find_machine_problems,
    find_python_problems,
    find_slurm_problems,
    find_target_problems,
    makes_nothing,
    read_options,
    reject_settings,
    report_ledgers,
    take_folders,
)
from batterymi.workflow.project import RAW, open_project
from batterymi.workflow.provenance import find_code_closure, find_package_folder
from batterymi.workflow.refuse import stop

SCRIPTS = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parent / "scripts"
IS_FIRST = workflow.exec_mode == workflow.exec_mode.DEFAULT  # not the process of a single job
if problems := [
    *find_slurm_problems(read_options(with_profiles=True)),
    *find_encoding_problems(Path.cwd()),
    *find_python_problems(),
]:
    stop(problems)
try:
    PROJECT = open_project(config, workflow.configfiles)
except ConfigError as error:
    stop(error.problems)
KEEPS_GOING = IS_FIRST and reject_settings(PROJECT, read_options())

CONFIG, STUDIES, ARENA = PROJECT.config, PROJECT.studies, PROJECT.arena
DIGESTS = take_digests(
    PROJECT.list_inputs(), is_first=IS_FIRST, is_kept=not makes_nothing(read_options())
)


wildcard_constraints:
    study="|".join(STUDIES) or "no_study_is_right",
    dataset="|".join(PROJECT.datasets) or "no_data_set",


def code(script, *kinds):
    """Return an input: a script, every module it imports, and those that the study looks up by name."""

    def files(wildcards):
        return list_code(script, *(STUDIES[wildcards.study].list_lookups(*kinds) if kinds else ()))

    return files


def list_code(script, *names):
    """An input: a script, every module it imports, and those of registered names, as (kind, name)."""
    closure = find_code_closure(SCRIPTS / script, tuple(find_modules(names)))
    here = Path.cwd()
    return [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in closure]


def slice_of(model, **given):
    """A param: the settings of a study that a stage depends on, as plain data."""

    def read(wildcards):
        return model.dump_from(STUDIES[wildcards.study], **given)

    return read


def results_for(reader):
    """Inputs: what a study wrote for the figures, the summary or the claims, each file by its name in `StudyResults`."""

    def files(wildcards):
        found = list_results(STUDIES[wildcards.study], reader)
        return {name: f"<results>/{wildcards.study}/{path}" for name, path in found.items()}

    return files


def worker_threads(wildcards):
    """Return two threads for studies that simulate, one for the others, whose work is short."""
    return 2 if STUDIES[wildcards.study].is_charging else 1


def pool_file(wildcards):
    """Return the list of designs that a study's campaign chooses from, if it has one."""
    return STUDIES[wildcards.study].pool or []


def digest_pool(wildcards):
    """A param: the digest of that list, so that content decides what runs again."""
    files = [STUDIES[wildcards.study].pool, *PROJECT.list_structures([wildcards.study])]
    return {file: DIGESTS.get(file, "") for file in files if files[0]}


def one_of(studies):
    """Return a constraint of the wildcard: only these studies."""
    return "|".join(studies) or "no_study_at_all"


if IS_FIRST and (
    problems := find_machine_problems(
        [PROJECT.folder(name) for name in ("results", "logs", "benchmarks")],
        [*PROJECT.tables(STUDIES), str(SCRIPTS), find_package_folder(), RAW],
    )
):
    stop(problems)
if IS_FIRST:
    report_ledgers(PROJECT.ledger(name) for name in STUDIES if STUDIES[name].is_experiment)
set_job_owner()
