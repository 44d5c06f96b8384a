"""`batterymi status`: what is done, runs, or has failed, for each study and stage, and where its log is."""

import argparse
import json
from collections import Counter
from dataclasses import asdict

from batterymi.config.load import list_selected_studies, load_studies
from batterymi.errors import ConfigError
from batterymi.progress import format_duration
from batterymi.spelling import did_you_mean
from batterymi.text_safety import show_in_line, write_out
from batterymi.workflow.settings import read_config
from batterymi.workflow.status import DONE_STATE, NOT_RUN, ORDER, Run, Stage, Status, read_status

OF_ALL = "all studies"
MOST_LISTED = 12  # stages of one study that are not done


def show_status(options: argparse.Namespace) -> None:
    """Print what the runs of this folder have done, without starting one.

    Raises:
        ConfigError: if the folder is no project, its configuration is wrong, or a study that is named is none.
    """
    config = read_config(options.configfile)
    studies, rejected = load_studies(config)
    selected = list_selected_studies(config, studies, rejected)
    for name in options.study:
        if name not in studies and name not in rejected:
            raise ConfigError([f"'{name}' is not a study; {did_you_mean(name, [*studies, *rejected])}"])
    selected = options.study or selected
    status = read_status(config, studies, selected)
    if options.study:
        status.stages = [stage for stage in status.stages if stage.study in options.study]
        status.python_work = {name: work for name, work in status.python_work.items() if name in options.study}
    wrong = {name: error.problems for name, error in rejected.items() if name in selected}
    if options.json:
        content = {**asdict(status), "wrong_settings": wrong}
        write_out(json.dumps(content, indent=1, ensure_ascii=True) + "\n")
        return
    lines = [_describe_run(status.run), "", *_describe_stages(status)]
    lines += [f"{name}: settings are wrong: {show_in_line(problems[0])}" for name, problems in wrong.items()]
    lines += [f"report: {show_in_line(status.report)}"] if status.report else []
    lines += [f"please note: {show_in_line(note)}" for note in status.notes]
    write_out("\n".join([*lines, ""]))


def _describe_run(run: Run | None) -> str:
    """Return a line on the run that goes on."""
    if run is None:
        return "no run goes on in this folder"
    text = f"a run goes on (process {show_in_line(run.process)})"
    if not run.jobs:
        return text
    left = f", about {format_duration(run.seconds_left)} left" if run.seconds_left is not None else ""
    return f"{text}: {run.done} of {run.jobs} jobs ({run.done / run.jobs:.0%}){left}"


def _describe_stages(status: Status) -> list[str]:
    """Return a line for each study, and below it one for each stage that is not done, or of which there is a word."""
    lines = []
    by_study: dict[str, list[Stage]] = {}
    for stage in status.stages:
        by_study.setdefault(stage.study, []).append(stage)
    width = max([len(name or OF_ALL) for name in by_study], default=0)
    for name, stages in by_study.items():
        counts = Counter(stage.state for stage in stages)
        said = ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state])
        beside = f"; {show_in_line(status.python_work[name])}" if name in status.python_work else ""
        lines.append(f"{(name or OF_ALL).ljust(width)}  {said}{beside}")
        if set(counts) == {NOT_RUN}:
            continue
        worth = [stage for stage in stages if stage.state not in (DONE_STATE, NOT_RUN) or stage.why]
        lines += [_describe_stage(stage) for stage in worth[:MOST_LISTED]]
        lines += [f"  ... and {len(worth) - MOST_LISTED} more; --json lists all"] if len(worth) > MOST_LISTED else []
    lines += [f"{name}  {show_in_line(work)}" for name, work in status.python_work.items() if name not in by_study]
    return lines or ["nothing was run yet; start with: snakemake"]


def _describe_stage(stage: Stage) -> str:
    """Return a line on a stage that is not done: its state, why, and its log."""
    title = show_in_line(" ".join(filter(None, (stage.stage, stage.part))))
    why = f": {show_in_line(stage.why)}" if stage.why else ""
    log = f" ({show_in_line(stage.log)})" if stage.log else ""
    return f"  {stage.state}: {title}{log}{why}"
