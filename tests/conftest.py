"""What the tests share: a copy of the workflow to run Snakemake in, and small problems with known answers."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports NumPy; workers share the cores already
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from download_site import mirror, raw, site  # noqa: F401 - fixtures
from filelock import FileLock

from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.optimise.space.space import Space

ROOT = Path(__file__).resolve().parents[1]
MIRROR = ROOT.parent / "shared" / "data"  # of the data sets, where there is one
PARTS = ("Snakefile", "rules", "scripts", "src", "config", "data/textbook", "report", "profiles", "requirements.lock")
SMOKES = ("tests/smoke.yaml", "tests/measured_smoke.yaml", "tests/arena_smoke.yaml")
SMOKE = ("--configfile", "tests/smoke.yaml")
SMALL = (*SMOKE, "--config", 'studies=["sodium_ion", "ncm_cathodes"]')
NO_TORCH = "no PyTorch: set-up found no build of the pinned version for this Python"
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason=NO_TORCH)


@dataclass(frozen=True)
class Workspace:
    """A copy of the workflow, with its own results."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """Snakemake with some arguments."""
        return [str(Path(sys.executable).parent / "snakemake"), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the copy's package is found before the installed one."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": ""}

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy; both streams come back as stdout."""
        return self._run(self.command(*arguments), timeout)

    def batterymi(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the command `batterymi` in the copy; both streams come back as stdout."""
        return self._run([sys.executable, "-m", "batterymi.cli", *arguments], timeout)

    def _run(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def jobs(self, *arguments: str) -> set[str]:
        """Rules, with their study, that a dry run would execute."""
        done = self.run("-n", "--quiet", "host", *arguments)
        assert done.returncode == 0, done.stdout
        found, rule = set(), ""
        for line in done.stdout.splitlines():
            if line.startswith(("rule ", "localrule ")):
                rule = line.split()[1].rstrip(":")
                if rule.startswith(("build", "all")):
                    found.add(rule)
            elif line.strip().startswith("wildcards: study="):
                found.add(f"{rule}:{line.split('=')[1].strip()}")
        return found - {"all"}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace some text in a file of the copy."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} lacks {old!r}"
        file.write_text(text.replace(old, new), encoding="utf-8")


def copy_workflow(folder: Path) -> Workspace:
    """Copy what a run needs."""
    for part in (*PARTS, *SMOKES):
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return Workspace(folder)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh copy of the workflow."""
    return copy_workflow(tmp_path / "copy")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which two studies were run, once for all workers of the tests; who wants to edit it copies it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, finished = base / "small_run", base / "small_run.finished"
    with FileLock(base / "small_run.lock"):
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = copy_workflow(folder / "a copy, with blanks and ü").run(*SMALL, "--cores", "2")
            assert done.returncode == 0, done.stdout
            finished.touch()
    return Workspace(folder / "a copy, with blanks and ü")


@pytest.fixture(scope="session")
def done(small_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which two studies were run; who edits it puts it right again."""
    folder = tmp_path_factory.mktemp("done") / small_run.folder.name
    shutil.copytree(small_run.folder, folder)
    return Workspace(folder)


@pytest.fixture
def ncm_space() -> Space:
    """The compositions of the NCM study."""
    bounds = {"ni": (0.6, 0.95), "co": (0.02, 0.3), "mn": (0.0, 1.0)}
    features = tuple(Feature(name=n, label=n, unit="1", bounds=b) for n, b in bounds.items())
    return Space(features, Simplex(features=tuple(bounds)))


@pytest.fixture
def make_objective() -> Callable[..., Objective]:
    """Short-hand for objectives."""

    def make(name: str = "y", goal: str = "minimise", **more: object) -> Objective:
        return Objective.model_validate({"name": name, "label": name, "unit": "1", "goal": goal, **more})

    return make
