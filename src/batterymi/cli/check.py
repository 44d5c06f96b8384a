"""`batterymi check`: settings and tables, in seconds, without running anything."""

import argparse

from batterymi.authoring.check import check_study
from batterymi.config.load import FIRST_STUDY, load_studies
from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import write_out
from batterymi.workflow.settings import read_config


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
        check = check_study(name, studies[name], config)
        write_out("".join(f"{name}: {line}\n" for line in check.said))
        problems += check.errors
    if problems:
        raise ConfigError(problems)
