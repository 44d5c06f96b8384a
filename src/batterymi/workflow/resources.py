"""What jobs used, and what to request from a cluster: `python -m batterymi.workflow.resources logs/benchmarks`.

Every job writes its time and memory to a file of its own under `logs/benchmarks`. This reads those of one or more runs
and shows for each rule what its most expensive job used, and the request that profiles/slurm makes from it.
"""

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from batterymi.errors import BatteryMIError, TableError
from batterymi.text_safety import write_error, write_out
from batterymi.user_files import create_file

COLUMNS = ["rule", "jobs", "max_rss_mb", "longest_s", "most_cpu_s"]
MEASURED = ["max_rss", "s", "cpu_time"]  # of Snakemake's columns
MEMORY_FACTOR = 1.5  # other data, other versions of libraries
LAUNCHERS_MB = 500  # the two Snakemake processes that a job on a cluster starts beside the script, 200 MB each
TIME_FACTOR = 3.0  # slower processors, busy file systems
START_MIN = 2.0  # starting Python and Snakemake from a file system over the network
# no rule requests less than one that was never measured: Snakemake looks at a job every 0.5 s for 15 s, then every
# 30 s and not at its end, so that of a short job half may be missing
LEAST_MB, LEAST_MIN = 1000, 10


def read_benchmarks(folders: Iterable[str | Path]) -> pd.DataFrame:
    """Return the most that a job of each rule used.

    Args:
        folders: `logs/benchmarks` of runs, with files `<rule>.tsv` and `<rule>/**/<wildcards>.tsv`.

    Returns:
        One row per rule: number of jobs, most memory in MB, longest time and most processor time in seconds. Jobs too
        short for Snakemake to measure their memory count with what was measured of others.

    Raises:
        FileNotFoundError: if a folder holds no benchmark.
        TableError: if a file is not the benchmark of a job that has ended.
    """
    rows = []
    for folder in folders:
        files = sorted(Path(folder).rglob("*.tsv"))
        if not files:
            raise FileNotFoundError(f"{folder}: found no benchmark; give the folder logs/benchmarks of a finished run")
        for file in files:
            # a rule without wildcards has a file of its own, any other a folder
            rule = Path(file.relative_to(folder).parts[0]).stem
            rows += [(rule, *values) for values in _read_jobs(file).itertuples(index=False)]
    jobs = pd.DataFrame(rows, columns=["rule", "max_rss_mb", "longest_s", "most_cpu_s"])
    # max skips jobs whose memory was not measured; 0 is left if it was measured for none
    table = jobs.groupby("rule").max().fillna(0.0)
    table.insert(0, "jobs", jobs.groupby("rule").size())
    return table.round({"max_rss_mb": 0, "longest_s": 1, "most_cpu_s": 1}).reset_index()[COLUMNS]


def _read_jobs(file: Path) -> pd.DataFrame:
    """Return memory, time and processor time of the jobs of a benchmark, NaN where Snakemake could not see it."""
    try:
        return pd.read_csv(file, sep="\t")[MEASURED].apply(pd.to_numeric, errors="coerce")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, KeyError, UnicodeDecodeError):
        columns = ", ".join(MEASURED)
        raise TableError(f"{file}: not a benchmark that Snakemake wrote, with columns {columns}; remove it") from None


def request_memory(max_rss_mb: float) -> int:
    """Return the memory to request, in MB: half as much again, and the launchers; in steps of 100."""
    return max(math.ceil((MEMORY_FACTOR * max_rss_mb + LAUNCHERS_MB) / 100) * 100, LEAST_MB)


def request_runtime(most_cpu_s: float, longest_s: float) -> int:
    """Return the time to request, in minutes: three times the processor time, and the start; in steps of five.

    Jobs compute from start to end, and on a node they have their cores to themselves, so that processor time is how
    long they take there. Time on the clock includes what else the machine did; but it is measured to the end, whereas
    processor time lacks what came after the last measurement, and so it is the least that is requested.
    """
    seconds = max(TIME_FACTOR * most_cpu_s, longest_s)
    return max(math.ceil((seconds / 60 + START_MIN) / 5) * 5, LEAST_MIN)


def format_requests(table: pd.DataFrame) -> str:
    """Return the table with its requests as Markdown."""
    lines = ["| rule | jobs | memory, MB | time, s | CPU, s | mem_mb | runtime, min |", "|---|---|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        memory, runtime = request_memory(row["max_rss_mb"]), request_runtime(row["most_cpu_s"], row["longest_s"])
        measured = f"{row['max_rss_mb']:.0f} | {row['longest_s']:.0f} | {row['most_cpu_s']:.0f}"
        lines.append(f"| {row['rule']} | {row['jobs']} | {measured} | {memory} | {runtime} |")
    return "\n".join(lines) + "\n"


def print_requests() -> None:
    """Print the table of some runs, and write it as CSV if a path is given."""
    arguments = make_parser().parse_args()
    try:
        table = read_benchmarks(arguments.folders)
        if arguments.csv:
            create_file(arguments.csv, table.to_csv(index=False).encode())
    except FileExistsError:
        write_error(f"--csv {arguments.csv}: exists already; nothing was written; give the name of a new file\n")
        sys.exit(1)
    except (FileNotFoundError, BatteryMIError) as error:
        write_error(f"{error}\n")
        sys.exit(1)
    write_out(format_requests(table))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m batterymi.workflow.resources", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="logs/benchmarks of one or more runs")
    parser.add_argument("--csv", type=Path, help="also write what was measured to this new file")
    return parser


if __name__ == "__main__":
    print_requests()
