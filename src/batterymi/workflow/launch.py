"""What is checked and taken before a run's first job: options, targets, folders, dates, locks.

Each check returns problems, one a line; `workflow.refuse.stop` ends the run with all of them.
"""

import json
import os
import re
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from batterymi.config.load import FIRST_STUDY
from batterymi.errors import BatteryMIError
from batterymi.optimise.campaigns.ledger import Ledger
from batterymi.spelling import did_you_mean
from batterymi.text_safety import UNSAFE, write_error
from batterymi.workflow.digests import find_changes
from batterymi.workflow.locks import hold_lock
from batterymi.workflow.preflight import find_date_problems, find_folder_problems
from batterymi.workflow.project import Project
from batterymi.workflow.refuse import stop

# targets and files that are made from all studies
OF_THE_ARENA = {"charging_arena", "compare_controllers", "plot_arena", "check_arena_claims"}
OF_ALL_STUDIES = {"all", "summary", "claims", "build_summary", "build_claims", "write_manifest", "MANIFEST"}
# options with which Snakemake writes no results
READ_ONLY = ("dryrun", "dag", "rulegraph", "filegraph", "summary", "detailed_summary", "list_rules", "lint")
GRAMMARS = "rfc3987_syntax"  # a module


def skip_grammars() -> None:
    """Keep Snakemake from importing grammars of internationalised addresses, which take a second in every process.

    To find a script's language, it imports nbformat, which imports jsonschema, which imports them where they are
    installed, as they are with JupyterLab. jsonschema works without them, and nothing here checks such addresses.
    """
    # Python's import system raises ImportError for a module that is None here, which jsonschema expects
    sys.modules.setdefault(GRAMMARS, None)  # type: ignore[arg-type]


def read_options(*, with_profiles: bool = False) -> Namespace:
    """Return the options on Snakemake's command line; its defaults where something else started it.

    Args:
        with_profiles: whether to add the options in the profiles that the command line names.
    """
    program = Path(sys.argv[0])
    is_snakemake = program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")
    arguments = sys.argv[1:] if is_snakemake else []
    plain = _parse_options(tuple(arguments), ())
    profiles = [*(plain.profile or []), *([plain.workflow_profile] if plain.workflow_profile else [])]
    return _parse_options(tuple(arguments), tuple(profiles)) if with_profiles else plain


@cache
def _parse_options(arguments: tuple[str, ...], profiles: tuple[str, ...]) -> Namespace:
    """Return options; kept, since Snakemake's parser takes a while to make and is needed several times."""
    from snakemake.cli import get_argument_parser

    return get_argument_parser(list(profiles)).parse_known_args(arguments)[0]


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
        if UNSAFE.search(target):
            return [f"'{target}' holds a control character; it is neither a study, a rule nor a file"]
        is_name = len(Path(target).parts) == 1 and not Path(target).suffix
        if is_name and target not in known:
            if target == "claims":
                return ["'claims': config/config.yaml names no table of claims; give `claims: data/claims.csv`"]
            suggested = did_you_mean(target, {*studies, "all", *({"summary", "claims"} & known)})
            return [f"'{target}' is neither a study nor a rule; {suggested}"]
    return []


def reject_settings(project: Project, options: Namespace) -> bool:
    """Say which settings are wrong, and let a run go on that does not need them.

    A run that needs them goes on as with `--keep-going`: their jobs fail, with what is wrong, and the others complete.
    One that only shows what it would do ends here.

    Args:
        project: its studies.
        options: of the command line.

    Returns:
        Whether to go on after jobs that fail.

    Raises:
        SystemExit: if nothing of what is wanted can be made.
    """
    targets, rejected, results = list(options.targets or []), project.rejected, project.folder("results")
    if not project.selected and (not targets or needs_settings(targets, (), OF_ALL_STUDIES, results)):
        stop([f"{project.config.studies_folder}: there is no study of the editions in config.yaml; {FIRST_STUDY}"])
    if project.arena_problems and needs_settings(targets, {"arena"}, OF_THE_ARENA, results):
        stop(project.arena_problems)
    if targets and set(targets) <= set(rejected):
        stop(line for name in targets for line in rejected[name].problems)
    needs_studies = bool(rejected) and (not targets or needs_settings(targets, rejected, OF_ALL_STUDIES, results))
    problems = [*project.rejected_problems, *project.arena_problems]
    if needs_studies and makes_nothing(options) and not options.keep_going:
        stop(problems)
    if problems:
        lines = "".join(f"  {line}\n" for line in problems)
        write_error(f"battery-mi goes on without settings that are wrong:\n{lines}")
    return needs_studies


def needs_settings(targets: Iterable[str], folders: Iterable[str], names: Set[str], results: str) -> bool:
    """Return whether targets need some settings.

    Args:
        targets: as on the command line.
        folders: studies, or folders of results, that are made by these settings.
        names: rules, and files in the folder of results without their ending, that are made from them too.
        results: that folder.
    """
    for path in map(Path, targets):
        is_table = path.stem in names and str(path.parent) in (".", results)
        if is_table or set(path.parts) & set(folders):
            return True
    return False


def find_python_problems(executable: str = sys.executable) -> list[str]:
    """Say why Snakemake could not start scripts: it does not quote the path of Python for the shell."""
    if shlex.quote(executable) == executable:
        return []
    return [
        f"the path of Python has a blank or another sign that the shell takes apart: {executable}; Snakemake cannot "
        "start scripts with it. Make the environment in a folder without such signs; your own folder may have them"
    ]


def list_own_rules(snakefile: str) -> list[str]:
    """List the rules that a project's own Snakefile names, also those below the line that brings the workflow's."""
    try:
        text = Path(snakefile).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    return re.findall(r"^[ \t]*(?:rule|checkpoint)[ \t]+(\w+)[ \t]*:", text, flags=re.MULTILINE)


def find_machine_problems(written: Sequence[str], read: Sequence[str]) -> list[str]:
    """Say why a run could not end: nowhere to write, no room, or an input dated in the future.

    Args:
        written: folders that the run writes to, that of the results first.
        read: files and folders whose dates decide what is run again.
    """
    return [*find_folder_problems([".", *written]), *find_date_problems([*read, written[0]])]


def mark_changed_sources(project: Project, digests: Mapping[str, str], *, creates: bool) -> None:
    """Mark each table in the results that was made from other content than a run would read now.

    Markers are inputs of `prepare_table`, empty and of 1970 where nothing is to be done. Snakemake compares params with
    its records, which may be gone or of another copy, and a file may have been changed and changed back while it was
    read.

    Args:
        project: its studies.
        digests: of what the studies would read, by path.
        creates: whether to make markers that are missing; False where nothing runs.
    """
    for name in project.studies:
        marker, now = project.marker(name), project.digest_source(name, digests)
        made_from = _read_source(Path(project.folder("results")) / name / "table.json")
        is_stale = now is not None and made_from not in (None, now)
        # not empty, since Snakemake passes over a newer date of the same content
        content = f"the table was made from {made_from}, its source is now {now}\n" if is_stale else ""
        with suppress(OSError):  # folders that cannot be written are reported elsewhere
            if creates or marker.exists():
                _write_marker(marker, content)


def _write_marker(marker: Path, content: str) -> None:
    """Write a marker, if it holds something else; an empty one is older than everything."""
    if marker.exists() and marker.read_text(encoding="utf-8") == content:
        return
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(content, encoding="utf-8")
    if not content:
        os.utime(marker, (0, 0))


def _read_source(report: Path) -> Any:
    """Return the digest of what a table was made from; None if it is not made yet, or its report damaged."""
    try:
        return json.loads(report.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def report_rows(project: Project) -> None:
    """Say on stderr of which tables rows were left out, or results not used."""
    for name in project.selected_studies:
        report = Path(project.folder("results")) / name / "table.json"
        try:
            content = json.loads(report.read_text(encoding="utf-8"))
            # one row may have several faults
            n_dropped = len({fault["line"] for fault in content["dropped"]})
            counts = {"rows left out": n_dropped, "results or rows not used": len(content["unused"])}
        except (OSError, ValueError, LookupError, TypeError):
            continue
        # loaders of data sets leave rows out by design, and their documents say so
        if project.studies[name].table.file and any(counts.values()):
            said = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
            write_error(f"{name}: {said}; {report} names each, with the reason\n")


def report_changes(at_start: Mapping[str, str]) -> None:
    """Name on stderr the files that were edited while the run went on; parts of the results may be older.

    Args:
        at_start: digests from when the run began, by path.
    """
    if changed := find_changes(at_start):
        names = "\n".join(f"  {path}" for path in changed)
        write_error(f"\nchanged while this ran; run snakemake again to bring the results up to date:\n{names}\n")


def report_ledgers(paths: Iterable[str]) -> None:
    """Say on stderr which ledgers of suggestions lack lines or cannot be read, also where nothing is to be run.

    Args:
        paths: the ledgers; one that does not exist yet is right.
    """
    for path in paths:
        try:
            said = Ledger(Path(path)).warnings
        except BatteryMIError as error:
            said = [str(error)]
        write_error("".join(f"battery-mi: {line}\n" for line in said))


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
