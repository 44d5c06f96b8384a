"""The stage `reject_study`: fail for a study whose YAML is wrong, in its own log."""

from collections.abc import Sequence

from batterymi.errors import ConfigError


def reject_study(problems: Sequence[str]) -> None:
    """Stop with what is wrong with a study's YAML.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(list(problems))
