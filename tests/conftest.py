"""What the tests share: a copy of the workflow to run Snakemake in, and small problems with known answers."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports NumPy; workers share the cores already
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
import yaml
from browser import browser  # noqa: F401 - a fixture
from download_site import mirror, raw, site  # noqa: F401 - fixtures
from filelock import FileLock
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from own_study import made  # noqa: F401 - a fixture
from prepared_snakemake import run_prepared
from timing import LONG, RUN, run_within, share_units

from batterymi import registry
from batterymi.config.parts import Feature, Objective, Simplex
from batterymi.optimise.space.space import Space

# how long an example takes says what else the machine does
hypothesis_settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any_machine")

ROOT = Path(__file__).resolve().parents[1]
# of the data sets, where there is one: beside the checkout, or as in `make test MIRROR=folder`
MIRROR = Path(os.environ.get("MIRROR") or ROOT.parent / "shared" / "data").absolute()
SAMPLES = ROOT / "tests" / "samples"  # small files of the same formats, made up
PARTS = ("Snakefile", "rules", "scripts", "src", "config", "data/textbook", "report", "profiles", "requirements.lock")
# those that the project ships: a folder may hold studies of its user, too, with tables that no copy has
TEXTBOOK = ("fast_charging", "lithium_sulfur", "ncm_cathodes", "sodium_ion", "solid_electrolytes")
ON_REQUEST = ("electrolyte_li_la_zr_ta_o", "electrolyte_li_p_s_cl", "electrolyte_li_y_in_cl")
SHIPPED = (*(f"{case}{edition}" for case in TEXTBOOK for edition in ("", "_measured")), *ON_REQUEST)
SMOKES = ("tests/smoke.yaml", "tests/measured_smoke.yaml", "tests/arena_smoke.yaml")
SMOKE = ("--configfile", "tests/smoke.yaml")
SMALL = (*SMOKE, "--config", 'studies=["sodium_ion", "ncm_cathodes"]')
NO_TORCH = "no PyTorch: set-up found no build of the pinned version for this Python"
# all but one, where there is no PyTorch
MODELS = [name for name in registry.list_names("model") if name != "graph_net" or importlib.util.find_spec("torch")]
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

    def run(self, *arguments: str, units: float = RUN) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy, for so many units of work at most; both streams come back as stdout."""
        return run_prepared(units, self.command(*arguments), self.folder, self.environment)

    def batterymi(self, *arguments: str, units: float = RUN) -> subprocess.CompletedProcess[str]:
        """Run the command `batterymi` in the copy, likewise."""
        return self.run_command([sys.executable, "-m", "batterymi.cli", *arguments], units)

    def run_command(self, command: list[str], units: float = RUN) -> subprocess.CompletedProcess[str]:
        """Run any command in the copy, likewise."""
        return run_within(units, command, cwd=self.folder, env=self.environment)

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
            shutil.copytree(source, target, ignore=name_foreign_files)
        else:
            shutil.copy(source, target)
    return Workspace(folder)


def sample_data_sets(workspace: Workspace) -> Path:
    """Return where the samples of all data sets are, whose digests the catalogue of a copy then holds."""
    path = workspace.folder / "config/datasets.yaml"
    catalogue = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, dataset in catalogue.items():
        for file, entry in dataset["files"].items():
            content = (SAMPLES / name / file).read_bytes()
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    return SAMPLES


def name_foreign_files(folder: str, names: list[str]) -> set[str]:
    """Return the files of a folder that no copy needs: modules half compiled, and studies that are its user's own."""
    if Path(folder) == ROOT / "config" / "studies":
        return set(names) - {f"{study}.yaml" for study in SHIPPED}
    # compiled modules are copied with their dates, so that no copy has to compile them again
    return {name for name in names if Path(folder).name == "__pycache__" and not name.endswith(".pyc")}


def build_once(folder: Path, build: Callable[[], object]) -> None:
    """Build what several workers share; where that has failed, whoever needs it too is told so and does not try again.

    Args:
        folder: where it is built; its neighbours note how that ended.
        build: fills the folder.
    """
    finished, failed = folder.with_name(f"{folder.name}.finished"), folder.with_name(f"{folder.name}.failed")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if failed.exists():
            pytest.skip(
                f"{folder.name} could not be built, see the test that failed first: {failed.read_text('utf-8')}"
            )
        if not finished.exists():
            try:
                build()
            except Exception as error:
                failed.write_text((str(error).splitlines() or [""])[0], encoding="utf-8")
                raise
            finished.touch()


def pytest_configure(config: pytest.Config) -> None:
    """Let the workers share what is measured, before they start."""
    share_units()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


FAILED_FIXTURES: dict[int, tuple[BaseException, str]] = {}  # what they raised, and the test that needed one first


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report what a shared fixture raised once; the other tests that need it are skipped, with the reason."""
    report = yield
    if call.when == "setup" and call.excinfo is not None and report.failed:
        error = call.excinfo.value
        # pytest keeps what the fixture of a module or session raised, and raises the same object for every test
        first = FAILED_FIXTURES.setdefault(id(error), (error, item.nodeid))[1]
        if first != item.nodeid:
            reason = f"a fixture failed, see {first}: {(str(error).splitlines() or [type(error).__name__])[0]}"
            report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, f"Skipped: {reason}")
    return report


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh copy of the workflow."""
    return copy_workflow(tmp_path / "copy")


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the workers of one run of the tests share what they build."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy in which two studies were run, once for all workers of the tests; who wants to edit it copies it."""
    folder = shared_folder(tmp_path_factory) / "small_run"
    copy = folder / "a copy, with blanks and ü"

    def build() -> None:
        done = copy_workflow(copy).run(*SMALL, "--cores", "2", units=LONG)
        assert done.returncode == 0, done.stdout

    build_once(folder, build)
    return Workspace(copy)


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
