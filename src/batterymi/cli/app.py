"""`batterymi app`: the studies of a project in the browser, for those who write no YAML."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from batterymi.errors import ConfigError
from batterymi.workflow.settings import read_config

NEEDED = ("starlette", "uvicorn", "python_multipart")  # of the extra


def open_app(options: argparse.Namespace) -> None:
    """Serve the app for this folder, until Ctrl-C.

    Raises:
        ConfigError: if the folder is no project, or the extra is not installed.
        OutputError: if the port cannot be had.
    """
    read_config()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigError([f"{missing[0]} is not installed: pip install 'batterymi[app]'"])
    from batterymi.app.server import run_server

    run_server(Path.cwd(), options.port)
