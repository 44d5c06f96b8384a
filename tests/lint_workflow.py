"""Run Snakemake's linter, and fail on anything but the two findings that the project has decided against.

One environment serves all rules (docs/decisions/0003), so no rule names a conda environment or container of its own.
An input that one rule uses stands beside that rule (docs/decisions/0015), so files of rules hold functions too.
"""

import re
import subprocess
import sys

ACCEPTED = {
    "Specify a conda environment or container for each rule.",
    "Mixed rules and functions in same snakefile.",
}


def main() -> int:
    """Print every finding that was not decided upon; their number is the exit code."""
    done = subprocess.run([sys.executable, "-m", "snakemake", "--lint"], capture_output=True, text=True, check=False)
    findings = re.findall(r"^    \* (.+?):?$", done.stderr, flags=re.MULTILINE)
    left = [finding for finding in findings if finding.rstrip(":") not in ACCEPTED]
    if left or not findings:
        sys.stderr.write(done.stderr)
    return min(len(left), 100) if findings else 1


if __name__ == "__main__":
    sys.exit(main())
