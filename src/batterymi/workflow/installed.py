"""Where the workflow's own files are: Snakefile, rules, scripts, captions, profiles, and the shipped studies."""

from pathlib import Path

from batterymi.errors import OutputError
from batterymi.workflow.provenance import find_package_folder

INSIDE = "workflow_files"  # of a wheel; pyproject.toml lists what goes there


def find_workflow_folder() -> Path:
    """Find the folder that holds the Snakefile of the package that is imported.

    Returns:
        A folder of the installed package, or the clone, for a package that runs from there (`pip install --editable`).

    Raises:
        OutputError: if neither is there.
    """
    package = find_package_folder()
    places = (package / INSIDE, package.parents[1])
    for place in places:
        if (place / "Snakefile").is_file() and (place / "rules").is_dir():
            return place
    raise OutputError(
        f"the workflow's files are neither in {places[0]} nor in {places[1]}; install battery-mi again, from a wheel "
        "or with `pip install --editable` from its clone"
    )


def find_snakefile() -> str:
    """Find the workflow's Snakefile, for the module statement of a project's own."""
    return str(find_workflow_folder() / "Snakefile")
