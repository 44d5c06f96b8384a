"""What a folder's runs have done: read from logs, outputs and Snakemake's records, without starting one.

A stage's log says how its last job ended. Snakemake's record of each output says which log is its, and from which files
it was made; what is missing, or older than these, is not current. Whether params have changed only Snakemake
can say (`snakemake -n`); settings that were edited later are named.
"""

import binascii
import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.reporting.study_results import list_entries
from batterymi.workflow.failures import DONE, ENDS, STAMP, describe_end
from batterymi.workflow.project import PYTHON_WORK, folder_of
from batterymi.workflow.run_progress import STATE, read_last

DONE_STATE, RUNNING, FAILED, STOPPED, OUTDATED, NOT_RUN = "done", "running", "failed", "stopped", "outdated", "not run"
ORDER = (FAILED, RUNNING, STOPPED, OUTDATED, NOT_RUN, DONE_STATE)
SNAKEMAKE = Path(".snakemake")
LOCK = SNAKEMAKE / "battery-mi.lock"
PYTHON_STEPS = {"surrogate.key.json": "models", "campaign.key.json": "a batch of suggestions"}
SLACK_S = 1.0  # file systems round dates
MOST_BYTES = 5_000_000  # of a record


@dataclass(frozen=True)
class Stage:
    """What one stage has done for one study, or for all.

    Attributes:
        study: its name; empty for stages of all studies.
        stage: name of the rule.
        part: of the study that the job was for, as a partition; empty for all of it.
        state: done, running, failed, stopped, outdated or not run.
        log: its log; empty if there is none.
        why: the reason, where it is not done.
    """

    study: str
    stage: str
    part: str
    state: str
    log: str = ""
    why: str = ""


@dataclass(frozen=True)
class Run:
    """A run that goes on.

    Attributes:
        process: its number.
        jobs: of the run.
        done: of them.
        seconds_left: by an estimate; None where there is none.
        running: logs of jobs that run now.
    """

    process: str = "unknown"
    jobs: int = 0
    done: int = 0
    seconds_left: float | None = None
    running: tuple[str, ...] = ()


@dataclass
class Status:
    """What is known of a folder.

    Attributes:
        run: the one that goes on; None if none does.
        stages: of each study, and of all.
        python_work: what the app and Python have made of each study, by its name.
        report: the page of the last run; empty if there is none.
        notes: what could not be read.
    """

    run: Run | None
    stages: list[Stage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    python_work: dict[str, str] = field(default_factory=dict)
    report: str = ""


@dataclass(frozen=True)
class Output:
    """Snakemake's record of one output.

    Attributes:
        path: the file.
        rule: that made it.
        logs: of the job.
        inputs: that it was made from.
    """

    path: str
    rule: str
    logs: tuple[str, ...]
    inputs: tuple[str, ...]


def read_status(config: Config, studies: Mapping[str, Study], selected: Iterable[str]) -> Status:
    """Read what the runs of this folder have done.

    Args:
        config: of the run.
        studies: those whose settings are right, by name.
        selected: studies of a plain run, of which stages that never ran are listed too.
    """
    notes: list[str] = []
    run = find_run()
    outputs = list(_read_outputs(notes))
    incomplete = {path for path, _ in _list_records(SNAKEMAKE / "incomplete", notes)}
    by_log: dict[str, list[Output]] = {}
    for output in outputs:
        for log in output.logs:
            by_log.setdefault(str(Path(log)), []).append(output)
    folder = folder_of(config, "logs")
    stages = [
        _assess_log(path, folder, by_log.get(str(path), []), incomplete, (studies, config, run))
        for path in _list_logs(folder, folder_of(config, "benchmarks"), notes)
    ]
    logged = {stage.log for stage in stages}
    started = [log for log in run.running if log not in logged] if run else []
    # jobs that have not opened their log yet
    stages += [_assess_log(Path(log), folder, [], set(), (studies, config, run)) for log in started]
    stages += _list_others(stages, folder_of(config, "results"), {n: studies[n] for n in selected if n in studies})
    stages.sort(key=lambda stage: (stage.study, ORDER.index(stage.state), stage.stage, stage.part))
    page = folder_of(config, "results") / "report.html"
    return Status(run, stages, notes, _find_python_work(studies), str(page) if page.is_file() else "")


def _find_python_work(studies: Iterable[str]) -> dict[str, str]:
    """Return what the app and Python have made of each study; nothing of those that they have not worked on."""
    found = {}
    for name in studies:
        folder = PYTHON_WORK / "studies" / name
        # the record of a step is written when its files are there
        made = [what for record, what in PYTHON_STEPS.items() if (folder / record).is_file()]
        if made:
            found[name] = f"{' and '.join(made)} from the app or Python, in {folder}"
    return found


def find_run() -> Run | None:
    """Return the run that holds the lock of this folder, if one does."""
    if not LOCK.is_file():
        return None
    try:
        lock = FileLock(LOCK)
        with lock.acquire(blocking=False):
            return None
    except Timeout:
        pass
    except (NotImplementedError, OSError):
        return None
    owner = _read_text(LOCK.with_suffix(".owner")).strip()
    try:
        content = json.loads(_read_text(STATE))
        if str(content["process"]) != owner:
            return Run(owner or "unknown")
        running = tuple(str(Path(job["log"])) for job in content["running"] if job["log"])
        left = float(content["seconds_left"])
        return Run(owner, int(content["jobs"]), int(content["done"]), left, running)
    except (ValueError, LookupError, TypeError):
        return Run(owner or "unknown")


def _read_text(path: Path) -> str:
    """Return the text of a file; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def _list_records(folder: Path, notes: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield the outputs that Snakemake has records of in a folder, with the file of each record."""
    if not folder.is_dir():
        return
    for base, _, names in os.walk(folder, onerror=lambda error: notes.append(_describe_error(error))):
        # long names are split among folders that begin with @
        before = "".join(part.removeprefix("@") for part in Path(base).relative_to(folder).parts)
        for name in names:
            try:
                yield urlsafe_b64decode(before + name).decode("utf-8"), Path(base, name)
            except (binascii.Error, ValueError):
                continue


def _read_outputs(notes: list[str]) -> Iterator[Output]:
    """Yield Snakemake's records of outputs; damaged ones are counted in a note."""
    n_damaged = 0
    for path, file in _list_records(SNAKEMAKE / "metadata", notes):
        try:
            if file.stat().st_size > MOST_BYTES:
                raise ValueError
            content: Any = json.loads(file.read_bytes())
            logs, inputs = (tuple(map(str, content[name] or ())) for name in ("log", "input"))
            yield Output(path, str(content["rule"]), logs, inputs)
        except (OSError, ValueError, LookupError, TypeError):
            n_damaged += 1
    if n_damaged:
        notes.append(f"{SNAKEMAKE / 'metadata'}: {n_damaged} records cannot be read; the next run makes them again")


def _list_logs(folder: Path, benchmarks: Path, notes: list[str]) -> Iterator[Path]:
    """Yield the logs of stages."""
    if not folder.exists():
        return
    for base, folders, names in os.walk(folder, onerror=lambda error: notes.append(_describe_error(error))):
        folders[:] = sorted(name for name in folders if Path(base, name) != benchmarks)
        yield from (Path(base, name) for name in sorted(names) if name.endswith(".log"))


def _describe_error(error: OSError) -> str:
    """Return why a folder cannot be listed."""
    return f"{error.filename}: cannot be read: {error.strerror}"


def _assess_log(
    path: Path,
    folder: Path,
    outputs: list[Output],
    incomplete: set[str],
    known: tuple[Mapping[str, Study], Config, Run | None],
) -> Stage:
    """Return what a log and the outputs of its job say.

    Args:
        path: the log.
        folder: of logs.
        outputs: that Snakemake has records of.
        incomplete: outputs whose job has not ended.
        known: studies, configuration, and the run that goes on.
    """
    studies, config, run = known
    inside = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    stage, *rest = inside.with_suffix("").parts
    study = next((part for part in rest if part in studies), "")
    part = "/".join(name for name in rest if name != study)
    state, why = _assess_end(path, run)
    if state == DONE_STATE:
        state, why = _assess_outputs(outputs, incomplete)
    settings = Path(config.studies_folder) / f"{study}.yaml"
    if state == DONE_STATE and study and _get_date(settings) > _get_date(path) + SLACK_S:
        why = f"{settings} was edited since; snakemake -n {study} says whether it matters"
    return Stage(study, stage, part, state, str(path), why)


def _assess_end(path: Path, run: Run | None) -> tuple[str, str]:
    """Return what the end of a log says, and why."""
    if run and str(path) in run.running:
        return RUNNING, read_last(str(path))
    last = read_last(str(path))
    if DONE.match(last):
        return DONE_STATE, ""
    # an error may have several lines, so that the last entry counts
    said = describe_end([str(path)])
    text = _read_text(path)
    entries = [STAMP.sub("", line, count=1) for line in text.splitlines() if STAMP.match(line)]
    if entries and entries[-1].startswith("stopped before"):
        return STOPPED, said[0]
    if entries and entries[-1].startswith(ENDS):
        return FAILED, said[0]
    if run and not run.jobs:
        return RUNNING, last
    return STOPPED, "its job was broken off; the next run starts it again"


def _assess_outputs(outputs: list[Output], incomplete: set[str]) -> tuple[str, str]:
    """Return whether the outputs of a job that was done are current, and why not."""
    if not outputs:
        return OUTDATED, "Snakemake has no record of its outputs"
    for output in outputs:
        if not Path(output.path).exists():
            return OUTDATED, f"{output.path} is missing"
        if output.path in incomplete:
            return OUTDATED, f"{output.path} is marked as incomplete"
    oldest = min(_get_date(Path(output.path)) for output in outputs)
    for path in dict.fromkeys(path for output in outputs for path in output.inputs):
        date = _get_date(Path(path))
        if date < 0:
            return OUTDATED, f"{path}, from which it was made, is missing"
        if date > oldest + SLACK_S:
            return OUTDATED, f"{path} is newer"
    return DONE_STATE, ""


def _get_date(path: Path) -> float:
    """Return when a file was changed, in seconds since 1970; -1 if it is missing."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return -1.0


def _list_others(stages: list[Stage], results: Path, studies: Mapping[str, Study]) -> Iterator[Stage]:
    """Yield the stages of studies that have no log."""
    known = {(stage.study, stage.stage) for stage in stages}
    for name, study in studies.items():
        files: dict[str, list[Path]] = {}
        for entry in list_entries():
            if entry.exists_for is None or entry.exists_for(study):
                rule = entry.rule(study) if callable(entry.rule) else entry.rule  # type: ignore[arg-type]
                files.setdefault(rule, []).append(results / name / entry.path)
        files["plot_study"] = [results / name / "figures/index.json"]
        for rule, paths in files.items():
            if (name, rule) not in known:
                made = all(path.exists() for path in paths)
                why = "its files are there, without a log" if made else ""
                yield Stage(name, rule, "", DONE_STATE if made else NOT_RUN, "", why)
