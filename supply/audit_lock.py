"""Hold requirements.lock and that of the site against published vulnerabilities with pip-audit.

    .venv/bin/python supply/audit_lock.py

Ends with 1 if a pinned version has a known vulnerability, with 0 if none has, and with 0 and a line that begins with
"skipped" where nothing could be checked, as without a network.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (ROOT / "requirements.lock", ROOT / "website/requirements.lock")
CACHE = ROOT / "build/audit"  # of pip-audit, whose own lies at home, where some users cannot write
OFFLINE = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|ServiceError|ProxyError|Could not connect", re.IGNORECASE
)


def read_pins(lock: str) -> list[str]:
    """Return the lock's pins as several files of requirements, since one may have a package only once.

    Markers are dropped, so that versions for other systems and other versions of Python are checked too.
    """
    files: list[dict[str, str]] = []
    for name, version in dict.fromkeys(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock, re.MULTILINE)):
        free = next((pins for pins in files if name not in pins), None)
        if free is None:
            files.append(free := {})
        free[name] = version
    return ["".join(f"{name}=={version}\n" for name, version in pins.items()) for pins in files]


def ask_about(pins: str) -> list[dict[str, Any]]:
    """Return what pip-audit says about each pin.

    Raises:
        ConnectionError: with its reason, where the vulnerabilities could not be read.
        RuntimeError: pip-audit failed otherwise.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(pins)
        file.flush()
        command = ["-m", "pip_audit", "--requirement", file.name, "--no-deps", "--disable-pip", "--format", "json"]
        done = subprocess.run(
            [sys.executable, *command, "--progress-spinner", "off", "--cache-dir", str(CACHE)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.stdout.strip():
        return json.loads(done.stdout)["dependencies"]
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    raise ConnectionError(last) if OFFLINE.search(done.stderr) else RuntimeError(last)


def report_findings(found: Iterable[dict[str, Any]]) -> tuple[list[str], int]:
    """Return the lines to print and the exit status, from what was said about each pin."""
    found = list(found)
    unchecked = [pin for pin in found if "skip_reason" in pin]
    hit = [(pin, flaw) for pin in found for flaw in pin.get("vulns", [])]
    if found and len(unchecked) == len(found):
        return [f"skipped: no pin could be checked, for instance: {unchecked[0]['skip_reason']}"], 0
    lines = [
        f"{pin['name']} {pin['version']}: {' '.join([flaw['id'], *flaw['aliases']])}; "
        f"repaired in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for pin, flaw in hit
    ]
    lines += [f"not checked: {pin['skip_reason']}" for pin in unchecked]
    ending = "; 'make lock' takes newer versions" if hit else ""
    return [*lines, f"{len(found) - len(unchecked)} pins audited, {len(hit)} known vulnerabilities{ending}"], int(
        bool(hit)
    )


def main() -> int:
    """Audit, print, and return the exit status."""
    locks = "\n".join(path.read_text(encoding="utf-8") for path in LOCKS)
    try:
        found = [pin for pins in read_pins(locks) for pin in ask_about(pins)]
    except ConnectionError as error:
        print(f"skipped: the list of vulnerabilities cannot be read from here: {error}")
        return 0
    lines, status = report_findings(found)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
