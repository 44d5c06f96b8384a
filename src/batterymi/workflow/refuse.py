"""How a run that cannot start ends."""

import sys
from collections.abc import Iterable
from typing import NoReturn

from batterymi.text_safety import write_error


def stop(problems: Iterable[str]) -> NoReturn:
    """Exit with the user's mistakes, one per line, before anything runs.

    Raises:
        SystemExit: always.
    """
    write_error("\n".join(["", "battery-mi cannot start:", *(f"  {line}" for line in problems), ""]))
    sys.exit(1)
