"""The stage `reject_study`: fail for a study whose YAML is wrong, in its own log."""

from collections.abc import Sequence
from pathlib import Path

from batterymi.errors import ConfigError


def reject_study(problems: Sequence[str], summary: Path, figures: Path) -> None:
    """Stop with what is wrong with a study's YAML.

    Args:
        problems: one for each line of the message.
        summary: what the study's last jobs would write; it is not written.
        figures: the same.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(list(problems))
