"""How building the graph of jobs grows with the number of studies: seconds and memory of a dry run.

    python benchmarks/many_studies.py [5 50 500] [--repeats 3]

Each study is a copy of a study of the textbook edition with its own YAML, in a copy of the workflow in a temporary
folder. Processor time and peak memory are those of `snakemake -n`, from start to end.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "scripts", "src", "config", "data/textbook", "report", "profiles", "requirements.lock")
MODELS = ("sodium_ion", "lithium_sulfur", "ncm_cathodes", "solid_electrolytes", "fast_charging")


def make_workflow(folder: Path, n: int) -> None:
    """A copy of the workflow with n studies."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    studies = folder / "config" / "studies"
    texts = [(studies / f"{name}.yaml").read_text(encoding="utf-8") for name in MODELS]
    for file in studies.glob("*.yaml"):
        file.unlink()
    for number in range(n):
        (studies / f"study_{number:05d}.yaml").write_text(texts[number % len(texts)], encoding="utf-8")
    claims = folder / "data" / "textbook" / "claims.csv"
    claims.write_text(claims.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")


def dry_run(folder: Path) -> tuple[float, float, int]:
    """Processor seconds, peak memory in MB, and jobs, of a dry run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call = ["/usr/bin/env", sys.executable, "-c", DRY_RUN]
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = next(line for line in done.stdout.splitlines() if line.startswith("total"))
    peak = next(line for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(peak.split()[1]) / 1024, int(total.split()[-1])


DRY_RUN = """
import sys
from snakemake.cli import main
sys.argv = ["snakemake", "-n", "--quiet", "rules", "host"]
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def main() -> None:
    """Measure each number of studies, the least of several repeats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", type=int, nargs="*", default=[5, 50, 500])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print("| studies | jobs | processor time (s) | peak memory (MB) |\n|---|---|---|---|")
    for n in options.numbers:
        with tempfile.TemporaryDirectory() as name:
            make_workflow(Path(name) / "copy", n)
            found = [dry_run(Path(name) / "copy") for _ in range(options.repeats)]
        print(f"| {n} | {found[0][2]} | {min(f[0] for f in found):.1f} | {min(f[1] for f in found):.0f} |", flush=True)


if __name__ == "__main__":
    main()
