"""What is checked and taken before a run's first job: options, targets, folders, dates, locks.

Each check returns problems, one a line; `workflow.refuse.stop` ends the run with all of them.
"""

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from batterymi.spelling import did_you_mean
from batterymi.text_safety import write_error
from batterymi.workflow.digests import find_changes
from batterymi.workflow.locks import hold_lock
from batterymi.workflow.preflight import find_date_problems, find_folder_problems

# options with which Snakemake writes no results
READ_ONLY = ("dryrun", "dag", "rulegraph", "filegraph", "summary", "detailed_summary", "list_rules", "lint")


def read_options(*, with_profiles: bool = False) -> Namespace:
    """Return the options on Snakemake's command line; its defaults where something else started it.

    Args:
        with_profiles: whether to add the options in the profiles that the command line names.
    """
    from snakemake.cli import get_argument_parser

    program = Path(sys.argv[0])
    is_snakemake = program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")
    arguments = sys.argv[1:] if is_snakemake else []
    plain = get_argument_parser().parse_known_args(arguments)[0]
    profiles = [*(plain.profile or []), *([plain.workflow_profile] if plain.workflow_profile else [])]
    if not with_profiles or not profiles:
        return plain
    return get_argument_parser(profiles).parse_known_args(arguments)[0]


def find_slurm_problems(options: Namespace) -> list[str]:
    """Say why jobs that are to go to Slurm would never end.

    Args:
        options: those of the command line and its profiles.
    """
    if options.executor != "slurm" or options.dryrun:
        return []
    problems = []
    if not shutil.which("sbatch"):
        problems.append("there is no Slurm here (no 'sbatch'); run this on a login node, or leave out --profile")
    if isinstance(options.slurm_array_jobs, str) and options.jobs != sys.maxsize:
        problems.append(
            f"slurm-array-jobs: with jobs: {options.jobs}, the executor loses jobs of an array while others "
            "are held back, and waits forever; set jobs: unlimited, or leave slurm-array-jobs out"
        )
    return problems


def find_encoding_problems(folder: Path) -> list[str]:
    """Say why Snakemake could not pass a folder's name on to its jobs."""
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8" or str(folder).isascii():
        return []
    return [
        f"the folder's name has letters that the system's encoding '{encoding}' lacks; "
        "set PYTHONUTF8=1, or move the folder"
    ]


def find_target_problems(targets: Sequence[str], studies: Iterable[str], rules: Iterable[str]) -> list[str]:
    """Name the first misspelt target, before Snakemake looks for a rule that could make it.

    Args:
        targets: as on the command line; files are left to Snakemake.
        studies: names of all studies.
        rules: names of all rules.
    """
    studies = set(studies)
    known = {*studies, *rules}
    for target in targets:
        is_name = len(Path(target).parts) == 1 and not Path(target).suffix
        if is_name and target not in known:
            suggested = did_you_mean(target, {*studies, "all", "summary", "claims"})
            return [f"'{target}' is neither a study nor a rule; {suggested}"]
    return []


def find_machine_problems(written: Sequence[str], read: Sequence[str]) -> list[str]:
    """Say why a run could not end: nowhere to write, no room, or an input dated in the future.

    Args:
        written: folders that the run writes to, that of the results first.
        read: files and folders whose dates decide what is run again.
    """
    return [*find_folder_problems([".", *written]), *find_date_problems([*read, written[0]])]


def report_changes(at_start: Mapping[str, str]) -> None:
    """Name on stderr the files that were edited while the run went on; parts of the results may be older.

    Args:
        at_start: digests from when the run began, by path.
    """
    if changed := find_changes(at_start):
        names = "\n".join(f"  {path}" for path in changed)
        write_error(f"\nchanged while this ran; run snakemake again to bring the results up to date:\n{names}\n")


def makes_nothing(options: Namespace) -> bool:
    """Return whether a run only shows what it would do."""
    return any(getattr(options, name, None) for name in READ_ONLY)


def take_folders(results: str) -> None:
    """Take this folder and that of the results, which another copy may share, until the process ends.

    Raises:
        SystemExit: if another run has one of them.
    """
    hold_lock(Path(".snakemake/battery-mi.lock"), "this folder")
    hold_lock(Path(results) / ".battery-mi.lock", f"the folder of results '{results}'")
