"""Print the libraries of the extra `site`, which `make lock` resolves into website/requirements.lock."""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

if __name__ == "__main__":
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    sys.stdout.write("\n".join(extras["site"]) + "\n")
