"""Rebuild the results of a run in a clean folder, and compare."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.errors import BatteryMIError
from batterymi.files import CHECKSUM_FOLDER, write_bytes, write_json
from batterymi.reporting.other_results import OTHER_RESULTS
from batterymi.workflow.comparison import compare_results
from batterymi.workflow.manifest import NAME, find_changed_inputs, find_changed_outputs, read_manifest
from batterymi.workflow.project import FOLDERS

LEFT_OUT = (".git", ".venv", ".snakemake", "logs", "raw", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache")
LAST_LINES = 25
TEXTS = (".csv", ".json", ".md", ".txt", ".html")
LEDGERS = "campaigns"
# of tables with verdicts: the column that names the row, and those of the verdicts
VERDICTS = {
    "summary.csv": ("study", ("best_model", "verdict", "feasibility", "gain_over_random")),
    "claims.csv": ("id", ("computed", "holds")),
}


class RebuildError(BatteryMIError):
    """The rebuild failed or could not start."""


def verify_run(results: Path, cores: int, *, rebuild: bool = True) -> tuple[bool, list[str]]:
    """Compare results with their manifest, then rebuild them elsewhere and compare again.

    Args:
        results: the folder of the results; MANIFEST.json lies in it.
        cores: cores of the rebuild.
        rebuild: whether to rebuild; else the files are only compared with the manifest.

    Returns:
        Whether all agrees, and lines for the user.

    Raises:
        TableError: if there is no manifest.
        RebuildError: if the rebuild fails.
    """
    manifest = read_manifest(results / NAME)
    if changed := find_changed_inputs(manifest):
        first = "the results were made from other settings, tables or another lock:"
        return False, [first, *changed, "run snakemake again"]
    if changed := find_changed_outputs(manifest, results):
        return False, [*changed, "remove these files and run snakemake again"]
    lines = [f"{len(manifest['inputs'])} inputs and {len(manifest['outputs'])} outputs are as the manifest says"]
    if unlisted := find_unlisted(results, manifest):
        lines.append(f"not part of the manifest, and not compared: {', '.join(unlisted)}")
    if not rebuild:
        return True, lines
    agrees, found = _rebuild_and_compare(results, manifest, cores)
    return agrees, [*lines, "rebuilt in a clean folder:", *found]


def _rebuild_and_compare(results: Path, manifest: dict[str, Any], cores: int) -> tuple[bool, list[str]]:
    """Rebuild results in a temporary folder, and compare."""
    with tempfile.TemporaryDirectory(prefix="battery-mi-verify-") as name:
        clean = Path(name) / "workflow"
        copy_workflow(Path(), clean, results)
        copy_ledgers(Path(manifest["settings"].get("ledgers", LEDGERS)), clean)
        copy_other_results(results, clean / FOLDERS["results"])
        rebuild_results(clean, manifest["settings"], cores, Path("data/raw").resolve())
        usual, rebuilt = copy_with_usual_paths(results, manifest["outputs"], Path(name)), clean / "results"
        found = compare_results(usual, rebuilt, manifest["outputs"], read_manifest(rebuilt / NAME)["outputs"])
        verdicts = [] if found.agrees else compare_verdicts(usual, rebuilt)
    return found.agrees, [*found.describe(), *verdicts]


def compare_verdicts(results: Path, rebuilt: Path) -> list[str]:
    """Return a line for each verdict that differs between results and a rebuild of them, or that none does.

    Searches magnify the last digits in which processors differ, so that they may end at other designs. Verdicts should
    not depend on that.
    """
    lines = []
    for name, (key, columns) in VERDICTS.items():
        ours, theirs = (_read_verdicts(folder / name, key, columns) for folder in (results, rebuilt))
        for row in sorted(ours.keys() | theirs.keys()):
            for column in columns:
                a, b = (found.get(row, {}).get(column, "") for found in (ours, theirs))
                lines += [f"{name}: {row}: {column}: '{a}' and '{b}'"] if a != b else []
    if lines:
        return ["verdicts differ too:", *lines]
    return ["all verdicts are the same; another processor may lead to other designs (see docs, reproducibility)"]


def _read_verdicts(path: Path, key: str, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the verdicts in a table by the name of the row; none if there is no table."""
    if not path.is_file():
        return {}
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=key)[list(columns)]
    return {str(name): {column: row[column] for column in columns} for name, row in frame.iterrows()}


def copy_with_usual_paths(results: Path, names: Iterable[str], folder: Path) -> Path:
    """Return results as if they had been written to the folder `results`, since texts name the files of numbers.

    Args:
        results: the folder of the results.
        names: their files.
        folder: where to copy them, if they are elsewhere.

    Returns:
        The folder of the copy, or that of the results if it is the usual one.
    """
    if str(results) == FOLDERS["results"]:
        return results
    # only at the beginning of a path, not inside a longer one
    own = re.compile(rb"(?<![\w./-])" + re.escape(f"{results}/".encode()))
    for name in names:
        data = (results / name).read_bytes()
        if Path(name).suffix in TEXTS:
            data = own.sub(f"{FOLDERS['results']}/".encode(), data)
        write_bytes(folder / "ours" / name, data)
    return folder / "ours"


def copy_workflow(source: Path, target: Path, results: Path) -> None:
    """Copy the workflow without results, downloads, caches and environments.

    Args:
        source: the workflow's folder.
        target: a folder that does not exist.
        results: the folder of the results, which is left out.

    Raises:
        RebuildError: if a file cannot be read or written.
    """
    out = results.resolve()

    def unwanted(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in LEFT_OUT or (Path(folder) / name).resolve() == out]

    _copy_folder(source, target, unwanted)


def copy_ledgers(ledgers: Path, target: Path) -> None:
    """Copy the ledgers of campaigns of experiments, with which the rebuild continues.

    Args:
        ledgers: their folder, as the run had it.
        target: the copy of the workflow.

    Raises:
        RebuildError: if a file cannot be read or written.
    """
    if ledgers.is_dir():
        # copytree refuses a target that exists, which may have come with the workflow
        shutil.rmtree(target / LEDGERS, ignore_errors=True)
        _copy_folder(ledgers, target / LEDGERS, None)


def copy_other_results(results: Path, target: Path) -> None:
    """Copy the results of targets of their own that the table of claims reads, which a plain run does not make.

    Args:
        results: the folder of the results.
        target: that of the rebuild.

    Raises:
        RebuildError: if a file cannot be read or written.
    """
    for name in (f"{folder}/{file}" for folder, files in OTHER_RESULTS.items() for file in files):
        if (results / name).is_file():
            try:
                write_bytes(target / name, (results / name).read_bytes())
            except OSError as error:
                raise RebuildError(f"{results / name}: cannot be copied for the rebuild: {error.strerror}") from None


def _copy_folder(source: Path, target: Path, unwanted: Callable[[str, list[str]], list[str]] | None) -> None:
    """Copy a folder, or say which file cannot be."""
    try:
        shutil.copytree(source, target, ignore=unwanted)
    except shutil.Error as error:
        # shutil.Error collects all failures, of which the first is reported
        name, _, reason = error.args[0][0]
        raise RebuildError(f"{name}: cannot be copied for the rebuild: {reason}") from None
    except OSError as error:
        raise RebuildError(f"{error.filename or target}: cannot be copied for the rebuild: {error.strerror}") from None


def find_unlisted(results: Path, manifest: dict[str, Any]) -> list[str]:
    """List the folders whose files the manifest does not have: of targets of their own, or of other studies.

    Args:
        results: the folder of the results.
        manifest: as `write_manifest` wrote it.
    """
    listed = {Path(name).parent for name in manifest["outputs"]}
    listed |= {parent for folder in listed for parent in folder.parents}
    folders = (path for path in results.rglob("*") if path.is_dir() and path.name != CHECKSUM_FOLDER)
    paths = sorted(path.relative_to(results) for path in folders)
    return [str(path) for path in paths if path not in listed and (path.parent in listed or path.parent == Path())]


def rebuild_results(folder: Path, settings: dict[str, Any], cores: int, raw: Path) -> None:
    """Run the workflow in a folder.

    Args:
        folder: a copy of the workflow.
        settings: configuration of the run.
        cores: cores to use.
        raw: where data sets were fetched to, which serves as the mirror.

    Raises:
        RebuildError: if Snakemake fails; the message has its last lines.
    """
    # the usual folders, whatever the run had; an absolute one would lead back to the user's own. Data sets are taken
    # from the run's downloads, so that the rebuild needs no network
    own = {"pathvars": FOLDERS, "ledgers": LEDGERS, "mirror": str(raw) if raw.is_dir() else None}
    write_json(folder / "verify.json", settings | own, recorded=False)
    call = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--configfile", "verify.json", "--quiet", "rules"]
    # the package of a clone's copy has precedence over the one that runs now, which a project has none of
    places = [str(folder / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RebuildError("the rebuild failed:\n" + "\n".join(done.stderr.splitlines()[-LAST_LINES:]))
