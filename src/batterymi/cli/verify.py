"""`batterymi verify`: compare results with their manifest, rebuild them in a clean folder, compare again."""

import argparse

from batterymi.errors import ConfigError
from batterymi.text_safety import write_out
from batterymi.workflow.project import folder_of
from batterymi.workflow.settings import read_config
from batterymi.workflow.verify import verify_run


def verify_results(options: argparse.Namespace) -> int:
    """Print whether results are as a rebuild makes them.

    Returns:
        1 if they are not, else 0.

    Raises:
        ConfigError: if the number of cores is not positive.
        RebuildError: if the rebuild fails.
    """
    if options.cores < 1:
        raise ConfigError([f"--cores {options.cores}: give 1 or more"])
    results = folder_of(read_config(options.configfile), "results")
    agrees, lines = verify_run(results, options.cores, rebuild=not options.no_rebuild)
    conclusion = "the results are reproduced" if agrees else "the results are NOT reproduced"
    if agrees and options.no_rebuild:
        conclusion = "the files are as the run left them; without --no-rebuild they are also rebuilt and compared"
    write_out("\n".join([*lines, conclusion, ""]))
    return 0 if agrees else 1
