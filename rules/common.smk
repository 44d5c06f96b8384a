"""Settings, and what the rules share: `setting`, `code`, and the choice of inputs."""

import re
import shutil
import sys
from pathlib import Path

from snakemake.cli import get_argument_parser

from batterymi.config.arena import load_arena
from batterymi.config.datasets import load_datasets
from batterymi.config.load import load_config, load_studies, selected_studies, used_datasets
from batterymi.errors import ConfigError
from batterymi.process_guard import own_jobs
from batterymi.workflow.manifest import digests_of
from batterymi.workflow.preflight import date_problems, folder_problems
from batterymi.workflow.provenance import code_closure, package_folder
from batterymi.registry import modules_of
from batterymi.workflow.locks import hold_lock
from batterymi.spelling import did_you_mean

RAW = "data/raw"
FOLDERS = {"results": "results", "logs": "logs", "benchmarks": "logs/benchmarks"}
# options with which Snakemake makes nothing
LOOKING = (
    "dryrun",
    "dag",
    "rulegraph",
    "filegraph",
    "summary",
    "detailed_summary",
    "list_rules",
    "lint",
)


def stop(problems):
    """End with the user's mistakes, one a line, before anything runs."""
    sys.exit("\n".join(["", "battery-mi cannot start:", *(f"  {line}" for line in problems)]))


def check_encoding(folder):
    """Stop where Snakemake could not pass the folder's name on to its jobs."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not str(folder).isascii():
        stop(
            [
                f"the folder's name has letters that the system's encoding '{encoding}' lacks; "
                "set PYTHONUTF8=1, or move the folder"
            ]
        )


def asked():
    """The options on the command line; Snakemake's defaults where something else started it."""
    program = Path(sys.argv[0])
    ours = program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")
    arguments = sys.argv[1:] if ours else []
    return get_argument_parser().parse_known_args(arguments)[0]


def asked_with_profiles():
    """The options on the command line and in the profiles that it names."""
    plain = asked()
    profiles = [
        *(plain.profile or []),
        *([plain.workflow_profile] if plain.workflow_profile else []),
    ]
    return get_argument_parser(profiles).parse_known_args(sys.argv[1:])[0] if profiles else plain


def check_slurm():
    """Stop where jobs are to go to Slurm and its executor would wait for ever."""
    options = asked_with_profiles()
    if options.executor != "slurm" or options.dryrun:
        return
    problems = []
    if not shutil.which("sbatch"):
        problems.append(
            "there is no Slurm here (no 'sbatch'); run this on a login node, or leave out --profile"
        )
    if isinstance(options.slurm_array_jobs, str) and options.jobs != sys.maxsize:
        problems.append(
            f"slurm-array-jobs: with jobs: {options.jobs}, the executor loses jobs of an array while others "
            "are held back, and waits for ever; set jobs: unlimited, or leave slurm-array-jobs out"
        )
    if problems:
        stop(problems)


def tolerates_bad_studies():
    """Whether studies with a wrong YAML may fail as jobs: with --keep-going, and in the processes of single jobs."""
    return asked().keep_going or workflow.exec_mode != workflow.exec_mode.DEFAULT


check_slurm()
check_encoding(Path.cwd())
try:
    CONFIG = load_config(config)
    DATASETS = load_datasets(CONFIG.datasets)
    STUDIES, REJECTED = load_studies(CONFIG)
    SELECTED = selected_studies(CONFIG, STUDIES, REJECTED)
    SELECTED_STUDIES = [name for name in SELECTED if name in STUDIES]
    USED = used_datasets([STUDIES[name] for name in SELECTED_STUDIES], DATASETS)
    ARENA = load_arena(CONFIG.arena, CONFIG.arena_overrides)
    AGENTS = ARENA.training
except ConfigError as error:
    stop(error.problems)

if REJECTED and not tolerates_bad_studies():
    stop([line for error in REJECTED.values() for line in error.problems])


wildcard_constraints:
    study="|".join(STUDIES) or "no_study_is_right",
    dataset="|".join(DATASETS) or "no_data_set",


def setting(*keys):
    """A param: the value at a path of keys in the study's YAML, as plain data."""

    def read(wildcards):
        value = STUDIES[wildcards.study].model_dump(mode="json")
        for key in keys:
            value = value[key]
        return value

    return read


def slice_of(model, **given):
    """A param: the settings of a study that a stage depends on, as plain data."""

    def read(wildcards):
        return model.dump_from(STUDIES[wildcards.study], **given)

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


def code_of(script, *pairs):
    """An input: a script, every module it imports, and those of registered names, for rules of no study."""
    closure = code_closure(f"scripts/{script}", tuple(modules_of(pairs)))
    return [str(relative(path)) for path in closure]


def levels_code(wildcards):
    """Code of the evaluators of all levels."""
    levels = STUDIES[wildcards.study].campaign.fidelities.levels
    pairs = {("evaluator", level.evaluator.name) for level in levels}
    pairs |= {("engine", "gaussian_process"), ("engine", "random")}
    closure = code_closure("scripts/compare_fidelities.py", tuple(modules_of(sorted(pairs))))
    return [str(relative(path)) for path in closure]


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


def dataset_entry(wildcards):
    """A data set as the catalogue describes it."""
    return DATASETS[wildcards.dataset].model_dump(mode="json")


def dataset_of_study(wildcards):
    """A study's data set as the catalogue describes it, or None."""
    table = STUDIES[wildcards.study].table
    return DATASETS[table.dataset.name].model_dump(mode="json") if table.dataset else None


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


def screened_here():
    """The studies of this run that have a screen."""
    return [name for name in SELECTED if name in STUDIES and STUDIES[name].screen]


def plain_settings():
    """A param: the configuration as plain data, without where data sets are copied from and results are written."""
    return CONFIG.model_dump(mode="json", exclude={"mirror", "pathvars"})


def folder_of(name):
    """Where results, logs or benchmarks go."""
    return CONFIG.pathvars.get(name, FOLDERS[name])


def tables_of(names):
    """Files of data that studies read beside data sets, and the claims."""
    files = [CONFIG.claims]
    for study in (STUDIES[name] for name in names):
        screened = getattr(study.screen.source, "file", None) if study.screen else None
        files += [study.table.file, study.campaign.pool, screened]
    return [file for file in files if file]


def settings_files():
    """Files of settings that a run reads."""
    found = [path for path in Path("config").rglob("*") if path.suffix in (".yaml", ".json")]
    studies = [Path(CONFIG.studies_folder) / f"{name}.yaml" for name in SELECTED]
    return sorted(
        {str(path) for path in (*found, *studies, Path(CONFIG.datasets), Path(CONFIG.arena))}
    )


def made_from():
    """A param: what the manifest names as what the run was made from, with the digests of when the run began.

    Jobs that run elsewhere read the Snakefile again, and have no use for it.
    """
    first = workflow.exec_mode == workflow.exec_mode.DEFAULT
    read = [*settings_files(), *tables_of(SELECTED_STUDIES), "requirements.lock"]
    return digests_of(read) if first else {}


def ledgers():
    """A param: memories of the campaigns of experiments of this run."""
    return [f"{CONFIG.ledgers}/{name}.jsonl" for name in SELECTED_STUDIES if is_experiment(name)]


def made_by_run():
    """A param: regular expressions of what a plain run makes, as seen from the folder of the results.

    Left out are targets of their own, and the shards of a screen, of which there are as many as one likes.
    """
    others = ("compare_fidelities", "plot_fidelities", "list_candidates", "score_candidates")
    ours = [made for rule in workflow.rules if rule.name not in others for made in rule.output]
    folder = re.escape(folder_of("results")) + "/"
    patterns = [made.regex().pattern for made in ours]
    return sorted({one.removeprefix(folder) for one in patterns if one.startswith(folder)})


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
    """A param: settings of the first objective to maximise or minimise."""
    return STUDIES[wildcards.study].sought.model_dump(mode="json")


def sought_name(wildcards):
    """A param: the column of that objective."""
    return STUDIES[wildcards.study].sought.name


def campaign_model(wildcards):
    """The model file, for studies whose own surrogate answers the campaign."""
    uses_model = STUDIES[wildcards.study].campaign.evaluator.name == "surrogate"
    return f"<results>/{wildcards.study}/surrogate/model.skops" if uses_model else []


def designable(wildcards):
    """Settings of the features that the study's campaign chooses."""
    return [feature.model_dump(mode="json") for feature in STUDIES[wildcards.study].designable]


def primary_variant(wildcards):
    """The variant that the study's decisions rest on."""
    return STUDIES[wildcards.study].primary_variant


def worker_threads(wildcards):
    """Two for studies that simulate, one for the others, whose work is short."""
    return 2 if is_charging(wildcards.study) else 1


def is_pool(study):
    """Whether a study's campaign is replayed over the rows of its table."""
    return STUDIES[study].campaign.evaluator.name == "pool"


def is_experiment(study):
    """Whether a study's designs are answered by experiments."""
    return STUDIES[study].campaign.evaluator.name == "experiment"


def pool_file(wildcards):
    """The list of designs that a study's campaign chooses from, if it has one."""
    return STUDIES[wildcards.study].campaign.pool or []


def ledger(wildcards):
    """The memory of a campaign of experiments; no result, since it cannot be made again."""
    return f"{CONFIG.ledgers}/{wildcards.study}.jsonl"


def earlier(wildcards):
    """An input: what became of earlier suggestions, for campaigns of experiments."""
    name = f"<results>/{wildcards.study}/campaign/earlier_suggestions.csv"
    return name if is_experiment(wildcards.study) else []


def one_of(studies):
    """A constraint of the wildcard: only these studies."""
    return "|".join(studies) or "no_study_at_all"


def is_charging(study):
    """Whether a study's designs are charges."""
    return STUDIES[study].campaign.evaluator.name == "charging"


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


def check_targets():
    """Name a misspelt target before Snakemake looks for a rule that could make it."""
    known = {*STUDIES, *REJECTED, *(rule.name for rule in workflow.rules)}
    for target in asked().targets or []:
        is_name = len(Path(target).parts) == 1 and not Path(target).suffix
        if is_name and target not in known:
            targets = {*STUDIES, *REJECTED, "all", "summary", "claims"}
            stop([f"'{target}' is neither a study nor a rule; {did_you_mean(target, targets)}"])


def check_machine():
    """Stop before a run that could not end: nowhere to write, no room, or an input dated in the future."""
    if workflow.exec_mode == workflow.exec_mode.DEFAULT:
        written = [folder_of(name) for name in FOLDERS]
        dated = [*tables_of(STUDIES), "scripts", package_folder(), written[0], RAW]
        if problems := [*folder_problems([".", *written]), *date_problems(dated)]:
            stop(problems)


def take_folders():
    """Take this folder and that of the results, which another copy may share, for a run that makes anything."""
    options = asked()
    if workflow.exec_mode == workflow.exec_mode.DEFAULT and not any(
        getattr(options, name, None) for name in LOOKING
    ):
        hold_lock(Path(".snakemake/battery-mi.lock"), "this folder")
        results = folder_of("results")
        hold_lock(Path(results) / ".battery-mi.lock", f"the folder of results '{results}'")


check_machine()
own_jobs()
