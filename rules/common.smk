"""Settings, and what the rules share: `setting`, `code`, and the choice of inputs."""

import sys
from pathlib import Path

from snakemake.cli import get_argument_parser

from batterymi.config.load import load_config, load_studies, selected_studies
from batterymi.errors import ConfigError
from batterymi.provenance import code_closure
from batterymi.registry import modules_of
from batterymi.runlock import hold_lock
from batterymi.suggest import did_you_mean


def stop(problems):
    """End with the user's mistakes, one a line, before anything runs."""
    sys.exit("\n".join(["", "battery-mi cannot start:", *(f"  {line}" for line in problems)]))


def asked():
    """The options on the command line; Snakemake's defaults where something else started it."""
    arguments = sys.argv[1:] if Path(sys.argv[0]).name == "snakemake" else []
    return get_argument_parser().parse_known_args(arguments)[0]


def tolerates_bad_studies():
    """Whether studies with a wrong YAML may fail as jobs: with --keep-going, and in the processes of single jobs."""
    return asked().keep_going or workflow.exec_mode != workflow.exec_mode.DEFAULT


try:
    CONFIG = load_config(config)
    STUDIES, REJECTED = load_studies(CONFIG)
    SELECTED = selected_studies(CONFIG, STUDIES, REJECTED)
except ConfigError as error:
    stop(error.problems)

if REJECTED and not tolerates_bad_studies():
    stop([line for error in REJECTED.values() for line in error.problems])


wildcard_constraints:
    study="|".join(STUDIES) or "no_study_is_right",


def setting(*keys):
    """A param: the value at a path of keys in the study's YAML, as plain data."""

    def read(wildcards):
        value = STUDIES[wildcards.study].model_dump(mode="json")
        for key in keys:
            value = value[key]
        return value

    return read


def rejected_problems(wildcards):
    """What is wrong with the YAML of a study."""
    return REJECTED[wildcards.study].problems


def code(script, *kinds):
    """An input: a script, every module it imports, and those that the study looks up by name."""

    def files(wildcards):
        pairs = STUDIES[wildcards.study].lookups(*kinds) if kinds else []
        closure = code_closure(f"scripts/{script}", tuple(modules_of(pairs)))
        return [str(relative(path)) for path in closure]

    return files


def relative(path):
    """A path as seen from the workflow's folder, if it lies inside."""
    path, folder = Path(path), Path(workflow.basedir)
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def table_source(wildcards):
    """The rows a study starts from: its file, or the table that its evaluator makes.

    A file that is missing is left to the job, so that the other studies still run.
    """
    table = STUDIES[wildcards.study].table
    if table.sample:
        return f"<results>/{wildcards.study}/sampled.parquet"
    return table.file if Path(table.file).exists() else []


def source_name(wildcards, input):
    """The path that `prepare_table` reads, also if nothing is there."""
    return str(input.source) if input.source else STUDIES[wildcards.study].table.file


def campaign_model(wildcards):
    """The model file, for studies whose own surrogate answers the campaign."""
    uses_model = STUDIES[wildcards.study].campaign.evaluator.name == "surrogate"
    return f"<results>/{wildcards.study}/surrogate/model.skops" if uses_model else []


def designable(wildcards):
    """Settings of the features that the study's campaign chooses."""
    return [feature.model_dump(mode="json") for feature in STUDIES[wildcards.study].designable]


def headline(wildcards):
    """The variant that the study's decisions rest on."""
    return STUDIES[wildcards.study].headline


def worker_threads(wildcards):
    """Two for studies that simulate, one for the others, whose work is short."""
    return 2 if is_charging(wildcards.study) else 1


def is_charging(study):
    """Whether a study's designs are charges."""
    return STUDIES[study].campaign.evaluator.name == "charging"


def replayed(name):
    """An input: a file of the charging stage, for studies that have one."""

    def file(wildcards):
        return (
            f"<results>/{wildcards.study}/charging/{name}" if is_charging(wildcards.study) else []
        )

    return file


def check_targets():
    """Name a misspelt target before Snakemake looks for a rule that could make it."""
    known = {*STUDIES, *REJECTED, *(rule.name for rule in workflow.rules)}
    for target in asked().targets or []:
        is_name = len(Path(target).parts) == 1 and not Path(target).suffix
        if is_name and target not in known:
            targets = {*STUDIES, *REJECTED, "all", "summary", "claims"}
            stop([f"'{target}' is neither a study nor a rule; {did_you_mean(target, targets)}"])


hold_lock(workflow)
