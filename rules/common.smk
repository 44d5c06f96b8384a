"""What all rules share: the checked settings, `slice_of` and `code`.

An input or a param that one rule uses stands beside that rule.
"""

from pathlib import Path

from batterymi.config.slices.base import Slice
from batterymi.errors import ConfigError
from batterymi.process_guard import own_jobs
from batterymi.registry import modules_of
from batterymi.workflow.launch import (
    find_encoding_problems,
    find_machine_problems,
    find_slurm_problems,
    find_target_problems,
    makes_nothing,
    read_options,
    stop,
    take_folders,
)
from batterymi.workflow.project import RAW, open_project
from batterymi.workflow.provenance import code_closure, package_folder

IS_FIRST = workflow.exec_mode == workflow.exec_mode.DEFAULT  # not the process of a single job
if problems := [
    *find_slurm_problems(read_options(with_profiles=True)),
    *find_encoding_problems(Path.cwd()),
]:
    stop(problems)
try:
    PROJECT = open_project(config)
except ConfigError as error:
    stop(error.problems)
# with --keep-going, and in the processes of single jobs, studies with a wrong YAML fail as jobs
if PROJECT.rejected and IS_FIRST and not read_options().keep_going:
    stop(PROJECT.rejected_problems)

CONFIG, STUDIES, ARENA = PROJECT.config, PROJECT.studies, PROJECT.arena


wildcard_constraints:
    study="|".join(STUDIES) or "no_study_is_right",
    dataset="|".join(PROJECT.datasets) or "no_data_set",


def setting(*keys):
    """A param: the value at a path of keys in the study's YAML, as plain data."""

    def read(wildcards):
        value = STUDIES[wildcards.study].model_dump(mode="json")
        for key in keys:
            value = value[key]
        return value

    return read


def code(script, *kinds):
    """An input: a script, every module it imports, and those that the study looks up by name."""

    def files(wildcards):
        return list_code(script, *(STUDIES[wildcards.study].lookups(*kinds) if kinds else ()))

    return files


def list_code(script, *names):
    """An input: a script, every module it imports, and those of registered names, as (kind, name)."""
    closure = code_closure(Path(workflow.basedir) / "scripts" / script, tuple(modules_of(names)))
    here = Path.cwd()
    return [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in closure]


def slice_of(model, **given):
    """A param: the settings of a study that a stage depends on, as plain data."""

    def read(wildcards):
        return model.dump_from(STUDIES[wildcards.study], **given)

    return read


def table_source(wildcards):
    """The rows a study starts from: its file, or the table that its evaluator makes.

    A file that is missing is left to the job, so that the other studies still run.
    """
    table = STUDIES[wildcards.study].table
    if table.sample:
        return f"<results>/{wildcards.study}/sampled.parquet"
    if table.dataset:
        return receipt(table.dataset.name)
    return table.file if Path(table.file).exists() else []


def source_name(wildcards, input):
    """The path that `prepare_table` reads, also if nothing is there."""
    table = STUDIES[wildcards.study].table
    if table.dataset:
        return f"{RAW}/{table.dataset.name}"
    return str(input.source) if input.source else table.file


def receipt(name):
    """What tells that a data set is there, with the digests of its files."""
    return f"{RAW}/{name}/receipt.json"


def dataset_of_study(wildcards):
    """A study's data set as the catalogue describes it, or None."""
    table = STUDIES[wildcards.study].table
    return PROJECT.datasets[table.dataset.name].model_dump(mode="json") if table.dataset else None


def candidates_receipt(wildcards):
    """What tells that the data set of a study's candidates is there."""
    return receipt(STUDIES[wildcards.study].candidates.dataset)


def candidates_folder(wildcards):
    """Where the files of a study's candidates are."""
    return str(Path(candidates_receipt(wildcards)).parent)


def validation_path(wildcards, input):
    """What validation found."""
    return str(input.validation)


def extra(part, name):
    """An input: a file of a stage that only studies with that part in their YAML have."""

    def file(wildcards):
        has = getattr(STUDIES[wildcards.study], part)
        return f"<results>/{wildcards.study}/{name}" if has else []

    return file


def screen_source(wildcards):
    """What a screen reads: its file, the receipt of its data set, or nothing.

    A file that is missing is left to the job, so that the other studies still run.
    """
    source = STUDIES[wildcards.study].screen.source
    if source.dataset:
        return receipt(source.dataset)
    file = getattr(source, "file", None)
    return file if file and Path(file).exists() else []


def screen_folder(wildcards):
    """A param: where the files of a screen's data set are, or None."""
    dataset = STUDIES[wildcards.study].screen.source.dataset
    return f"{RAW}/{dataset}" if dataset else None


def screened_features(wildcards):
    """A param: numbers that a screen's model takes beside formulas."""
    return list(STUDIES[wildcards.study].screened_features)


def formula_columns(wildcards):
    """A param: columns of the table whose formulas a screen's model takes."""
    return list(STUDIES[wildcards.study].formula_columns)


def formula_column(wildcards):
    """A param: the first of them, for what is known already; None if there is none."""
    return next(iter(STUDIES[wildcards.study].formula_columns), None)


def sought(wildcards):
    """A param: settings of the first objective that is optimised."""
    return STUDIES[wildcards.study].optimised[0].model_dump(mode="json")


def sought_name(wildcards):
    """A param: the column of that objective."""
    return STUDIES[wildcards.study].optimised[0].name


def campaign_model(wildcards):
    """The model file, for studies whose own surrogate answers the campaign."""
    evaluator = STUDIES[wildcards.study].evaluator
    uses_model = evaluator is not None and evaluator.name == "surrogate"
    return f"<results>/{wildcards.study}/surrogate/model.skops" if uses_model else []


def headline(wildcards):
    """The variant that the study's decisions rest on."""
    return STUDIES[wildcards.study].headline


def worker_threads(wildcards):
    """Two for studies that simulate, one for the others, whose work is short."""
    return 2 if is_charging(wildcards.study) else 1


def pool_file(wildcards):
    """The list of designs that a study's campaign chooses from, if it has one."""
    return STUDIES[wildcards.study].pool or []


def earlier(wildcards):
    """An input: what became of earlier suggestions, for campaigns of experiments."""
    name = f"<results>/{wildcards.study}/campaign/earlier_suggestions.csv"
    return name if STUDIES[wildcards.study].is_experiment else []


def one_of(studies):
    """A constraint of the wildcard: only these studies."""
    return "|".join(studies) or "no_study_at_all"


def is_charging(study):
    """Whether a study's designs are charging protocols."""
    return STUDIES[study].is_charging


def has_transfer(study):
    """Whether a study learns from related tasks too."""
    return STUDIES[study].transfer is not None


def replayed(name):
    """An input: a file of the charging stage, for studies that have one."""

    def file(wildcards):
        return (
            f"<results>/{wildcards.study}/charging/{name}" if is_charging(wildcards.study) else []
        )

    return file


if IS_FIRST and (
    problems := find_machine_problems(
        [PROJECT.folder(name) for name in ("results", "logs", "benchmarks")],
        [*PROJECT.tables(STUDIES), str(Path(workflow.basedir) / "scripts"), package_folder(), RAW],
    )
):
    stop(problems)
own_jobs()
