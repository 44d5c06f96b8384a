"""Measure what a user waits for: set-up, the default run, a rerun with nothing to do, and memory.

    python benchmarks/measure.py [--setup] [--mirror FOLDER]

Works on a clone in a temporary folder, so that nothing here is touched. Prints Markdown for docs/results.
"""

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(command: list[str], folder: Path, repeats: int = 1, **environment: str) -> float:
    """Shortest wall time of a command, which must succeed."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        found.append(time.perf_counter() - started)
    return min(found)


def peak_memory(folder: Path) -> list[tuple[float, float, str]]:
    """(MiB, seconds, job) of every job, largest first, from Snakemake's own benchmarks."""
    rows = []
    for path in (folder / "logs/benchmarks").rglob("*.tsv"):
        with path.open() as stream:
            row = next(csv.DictReader(stream, delimiter="\t"))
        job = str(path.relative_to(folder / "logs/benchmarks").with_suffix(""))
        rows.append((float(row["max_rss"]), float(row["s"]), job))
    return sorted(rows, reverse=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setup", action="store_true", help="measure set-up too, with packages cached")
    parser.add_argument("--mirror", type=Path, help="measure the measured edition too, with data sets from this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        lines = []
        if options.setup:
            lines.append(("`make setup`, packages cached", seconds(["make", "setup"], folder)))
        else:
            (folder / ".venv").symlink_to(ROOT / ".venv")
        source = {"PYTHONPATH": str(folder / "src")}
        lines.append(("default run, all studies", seconds(["make", "run"], folder, **source)))
        lines.append(("`make report`", seconds(["make", "report"], folder, **source)))
        lines.append(("`make` with nothing to do", seconds(["make"], folder, 3, **source)))
        if options.mirror:
            more = ["make", "measured", f"MIRROR={options.mirror.resolve()}"]
            lines.append(("`make measured`, textbook edition done", seconds(more, folder, **source)))
        empty = Path(name) / "empty"
        empty.mkdir()
        (empty / "Snakefile").write_text("rule all:\n    input: []\n")
        snakemake = str((folder if options.setup else ROOT) / ".venv/bin/snakemake")
        lines.append(("`snakemake -n` on an empty workflow", seconds([snakemake, "-n", "-c1"], empty, 3)))
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
        print("| what | s |\n|---|---|")
        for what, value in lines:
            print(f"| {what} | {value:.1f} |")
        print("\n| job | peak MiB | s |\n|---|---|---|")
        for memory, taken, job in peak_memory(folder)[:12]:
            print(f"| {job} | {memory:.0f} | {taken:.1f} |")
        if options.mirror:
            python = str((folder if options.setup else ROOT) / ".venv/bin/python")
            goals = subprocess.run([python, "benchmarks/measured.py"], cwd=folder, check=True, capture_output=True)
            print("\n" + goals.stdout.decode())


if __name__ == "__main__":
    main()
