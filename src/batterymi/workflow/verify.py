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
from batterymi.files import SUMS, write_bytes, write_json
from batterymi.workflow.manifest import (
    NAME,
    Comparison,
    check_inputs,
    check_outputs,
    compare_results,
    read_manifest,
)

LEFT_OUT = (".git", ".venv", ".snakemake", "logs", "raw", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache")
LAST_LINES = 25
TEXTS = (".csv", ".json", ".md", ".txt", ".html")
# of the rebuild, whatever the run had; an absolute one would lead back to the user's own
FOLDERS = {"results": "results", "logs": "logs", "benchmarks": "logs/benchmarks"}
LEDGERS = "campaigns"
# of tables with what a run concludes: the column that names the row, and those of verdicts
VERDICTS = {
    "summary.csv": ("study", ("best_model", "verdict", "feasibility", "gain_over_random")),
    "claims.csv": ("id", ("verdict",)),
}


class RebuildError(BatteryMIError):
    """The rebuild did not come to its end."""


def verify(results: Path, cores: int, *, rebuild: bool = True) -> tuple[bool, list[str]]:
    """Hold results against their manifest, then rebuild them elsewhere and compare.

    Args:
        results: the folder of the results; MANIFEST.json lies in it.
        cores: cores of the rebuild.
        rebuild: whether to rebuild; else only what is there is held against the manifest.

    Returns:
        Whether all is as it should be, and what to tell.

    Raises:
        TableError: if there is no manifest.
        RebuildError: if the rebuild fails.
    """
    manifest = read_manifest(results / NAME)
    changed = check_inputs(manifest)
    if changed:
        return False, ["the results are of other settings, tables or another lock:", *changed, "run snakemake again"]
    wrong = check_outputs(manifest, results)
    if wrong:
        return False, [*wrong, "remove these files and run snakemake again"]
    told = [f"{len(manifest['inputs'])} inputs and {len(manifest['outputs'])} outputs are as the manifest says"]
    if others := not_listed(results, manifest):
        told.append(f"not part of the manifest, and held against nothing: {', '.join(others)}")
    if not rebuild:
        return True, told
    with tempfile.TemporaryDirectory(prefix="battery-mi-verify-") as name:
        clean = Path(name) / "workflow"
        copy_workflow(Path(), clean, results)
        copy_ledgers(Path(manifest["settings"].get("ledgers", LEDGERS)), clean)
        rebuild_in(clean, manifest["settings"], cores, Path("data/raw").resolve())
        usual = with_usual_paths(results, manifest["outputs"], Path(name))
        found = compare(usual, manifest, clean / "results")
        told += ["rebuilt in a clean folder:", *found.lines()]
        if not found.agrees:
            told += compare_verdicts(usual, clean / "results")
    return found.agrees, told


def compare(results: Path, manifest: dict[str, Any], rebuilt: Path) -> Comparison:
    """Results beside a rebuild of them."""
    return compare_results(results, rebuilt, manifest["outputs"], read_manifest(rebuilt / NAME)["outputs"])


def compare_verdicts(results: Path, rebuilt: Path) -> list[str]:
    """What results and a rebuild conclude that is not the same, or that all of it is.

    Searches magnify the last digits in which processors differ, so that they may end at other designs. What is
    concluded should not depend on that.
    """
    lines = []
    for name, (key, columns) in VERDICTS.items():
        ours, theirs = (
            pd.read_csv(folder / name, dtype=str, keep_default_na=False, index_col=key)[list(columns)]
            if (folder / name).is_file()
            else pd.DataFrame(columns=list(columns), dtype=str)
            for folder in (results, rebuilt)
        )
        every = ours.index.union(theirs.index)
        ours, theirs = (one.reindex(every, fill_value="") for one in (ours, theirs))
        for row in every:
            pairs = [(column, ours.at[row, column], theirs.at[row, column]) for column in columns]
            lines += [f"{name}: {row}: {column}: '{a}' and '{b}'" for column, a, b in pairs if a != b]
    if lines:
        return ["verdicts differ too:", *lines]
    return ["all verdicts are the same; another processor may lead to other designs (see docs, reproducibility)"]


def with_usual_paths(results: Path, names: Iterable[str], folder: Path) -> Path:
    """Results as if they had been written to the folder `results`, since texts name the files that numbers stand in.

    Args:
        results: the folder of the results.
        names: their files.
        folder: where to copy them, if they are elsewhere.

    Returns:
        The folder of the copy, or that of the results if it is the usual one.
    """
    if str(results) == FOLDERS["results"]:
        return results
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

    _copy(source, target, unwanted)


def copy_ledgers(ledgers: Path, target: Path) -> None:
    """Copy the memories of campaigns of experiments to where the rebuild goes on with them.

    Args:
        ledgers: their folder, as the run had it.
        target: the copy of the workflow.

    Raises:
        RebuildError: if a file cannot be read or written.
    """
    if ledgers.is_dir():
        shutil.rmtree(target / LEDGERS, ignore_errors=True)
        _copy(ledgers, target / LEDGERS, None)


def _copy(source: Path, target: Path, unwanted: Callable[[str, list[str]], list[str]] | None) -> None:
    """Copy a folder, or say which file cannot be."""
    try:
        shutil.copytree(source, target, ignore=unwanted)
    except shutil.Error as error:
        name, _, reason = error.args[0][0]
        raise RebuildError(f"{name}: cannot be copied for the rebuild: {reason}") from None
    except OSError as error:
        raise RebuildError(f"{error.filename or target}: cannot be copied for the rebuild: {error.strerror}") from None


def not_listed(results: Path, manifest: dict[str, Any]) -> list[str]:
    """Folders of results whose files the manifest does not list: of targets of their own, or of other studies.

    Args:
        results: the folder of the results.
        manifest: as `write_manifest` wrote it.
    """
    listed = {Path(name).parent for name in manifest["outputs"]}
    listed |= {parent for folder in listed for parent in folder.parents}
    folders = sorted(path.relative_to(results) for path in results.rglob("*") if path.is_dir() and path.name != SUMS)
    return [str(path) for path in folders if path not in listed and (path.parent in listed or path.parent == Path())]


def rebuild_in(folder: Path, settings: dict[str, Any], cores: int, raw: Path) -> None:
    """Run the workflow in a folder.

    Args:
        folder: a copy of the workflow.
        settings: configuration of the run.
        cores: cores to use.
        raw: where data sets were fetched to, which serves as the mirror.

    Raises:
        RebuildError: if Snakemake fails; the message has its last lines.
    """
    own = {"pathvars": FOLDERS, "ledgers": LEDGERS, "mirror": str(raw) if raw.is_dir() else None}
    write_json(folder / "verify.json", settings | own, recorded=False)
    call = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--configfile", "verify.json", "--quiet", "rules"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RebuildError("the rebuild failed:\n" + "\n".join(done.stderr.splitlines()[-LAST_LINES:]))
