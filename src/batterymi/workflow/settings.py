"""What several commands read: the configuration of the folder, and one of its studies."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from batterymi.config.load import load_config, load_studies, merge_settings, read_yaml
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.spelling import did_you_mean

if TYPE_CHECKING:
    from batterymi.optimise.campaigns.ledger import Ledger

CONFIG = Path("config/config.yaml")


def read_config(overrides: Path | None = None) -> Config:
    """Return the configuration of a run, as a plain `snakemake` would use it.

    Args:
        overrides: a file that is laid over config/config.yaml, as `--configfile` of Snakemake.

    Raises:
        ConfigError: if a file is missing or wrong.
    """
    if not CONFIG.is_file():
        found = next((folder for folder in Path.cwd().parents if folder.joinpath(CONFIG).is_file()), None)
        remedy = (
            f"the project is in {found}; run this command there: cd {shlex.quote(os.path.relpath(found))}"
            if found
            else "run this command in the folder of a project, or make one: batterymi init my_project"
        )
        raise ConfigError([f"{CONFIG}: there is no such file; {remedy}"])
    settings = read_yaml(CONFIG)
    if overrides is None:
        return load_config(settings)
    return load_config(merge_settings(settings, read_yaml(overrides)), [CONFIG, overrides])


def find_study(name: str, config: Config) -> Study:
    """Return the settings of a study.

    Raises:
        ConfigError: if there is no study of that name, or its YAML is wrong.
    """
    studies, rejected = load_studies(config)
    if name in rejected:
        raise rejected[name]
    if name not in studies:
        raise ConfigError([f"'{name}' is not a study; {did_you_mean(name, [*studies, *rejected])}"])
    return studies[name]


def read_ledger(study: str, config: Config) -> "Ledger":
    """Read the ledger of a study of experiments; an empty one if there is none yet.

    Raises:
        TableError: if it is damaged, or lines are missing.
    """
    from batterymi.optimise.campaigns.ledger import Ledger

    return Ledger(Path(config.ledgers) / f"{study}.jsonl")
