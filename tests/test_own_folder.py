"""A project outside the clone: what `batterymi init` writes, and a study run by an installed wheel."""

import errno
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from conftest import ON_REQUEST, ROOT, SHIPPED, Workspace, build_once, shared_folder
from timing import LONG, run_within

from batterymi.cli import init
from batterymi.cli.init import write_folder
from batterymi.cli.main import main
from batterymi.config.load import load_study
from batterymi.files import read_json
from batterymi.workflow.installed import find_snakefile, find_workflow_folder
from batterymi.workflow.launch import find_python_problems, find_target_problems, list_own_rules, reject_settings
from batterymi.workflow.project import open_project

LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)[^)]*\)")
TABLE = "temperature_c,time_h,capacity_mah_g\n" + "".join(
    f"{700 + 20 * i},{4 + i % 5},{140 + (i * 7) % 11}\n" for i in range(16)
)


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with blanks in its name, to work in."""
    folder = tmp_path / "a place, with blanks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_project_has_what_its_readme_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "my project"]) == 0
    assert "cd 'my project'\n  batterymi new-study" in capsys.readouterr().out
    project = here / "my project"
    for path in ("Snakefile", "config/config.yaml", "config/schema.json", "profiles/slurm/config.yaml", ".gitignore"):
        assert (project / path).is_file(), path
    assert not [path for path in project.rglob("*") if path.parent.name in ("studies", "data")]
    assert all((project / name).is_dir() for name in ("config/studies", "data"))
    named = re.findall(r"^\| `([^`]+)`", (project / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [name for name in named if not (project / name).exists()] == ["campaigns/"]
    code = [line for line in (project / "Snakefile").read_text("utf-8").splitlines()[1:] if line.strip()]
    assert len(code) <= 9
    assert list(here.iterdir()) == [project]


def test_every_link_of_a_projects_documents_leads_somewhere(here: Path) -> None:
    main(["init", "p", "--example", "li_s"])
    pages = list(Path("p").rglob("*.md"))
    assert len(pages) > 15
    for page in pages:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            assert re.match(r"[a-z]+:", link) or (page.parent / link).exists(), f"{page}: {link}"


@pytest.mark.parametrize("name", ["li_s", *SHIPPED])
def test_an_example_brings_the_settings_and_the_tables_of_a_study(name: str, here: Path) -> None:
    assert main(["init", "p", "--example", name]) == 0
    os.chdir("p")
    paths = {path.stem: path for path in Path("config").rglob("*.yaml") if path.parent.name == "studies"}
    path = paths.pop({"li_s": "lithium_sulfur"}.get(name, name))
    # the study whose model evaluates the designs
    assert set(paths) == ({"solid_electrolytes_measured"} if name in ON_REQUEST else set())
    assert all(Path(file).is_file() for file in load_study(path).files)
    assert main(["check", path.stem]) == 0


def test_a_misspelt_example_is_suggested_and_nothing_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "p", "--example", "sodium_iom"]) == 1
    assert "--example sodium_iom: there is no such example; did you mean 'sodium_ion'?" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "hidden", "folder", "is a file", "below a file", "dangling", "control"])
def test_what_is_there_is_never_touched(kind: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = here / "p"
    wanted = {
        "is a file": "is a file, not a folder",
        "below a file": "p: is a file",
        "dangling": "leads nowhere",
        "control": "control character",
    }.get(kind, "is not empty, it has '")
    if kind in ("file", "hidden", "folder"):
        target.mkdir()
        (target / {"file": "a.txt", "hidden": ".a", "folder": "data/b/c"}[kind]).mkdir(parents=True)
    elif kind in ("is a file", "below a file"):
        target.write_text("mine", encoding="utf-8")
    elif kind == "dangling":
        target.symlink_to("nowhere")
    before = sorted(here.rglob("*"))
    argument = {"below a file": "p/q", "control": "p\x1b[2J"}.get(kind, "p")
    assert main(["init", argument]) == 1
    assert wanted in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("place", ["p", "p/q/r", "there", "."])
@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_a_project_is_written_whole_or_not_at_all(
    place: str, step: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "there").mkdir()
    work = here / "there" if place == "." else here
    monkeypatch.chdir(work)
    original, calls = getattr(Path, step), []

    def fail_later(self: Path, *arguments: object) -> object:
        calls.append(self)
        if len(calls) == (1 if place.startswith("p") and step == "rename" else 3):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(self, *arguments)

    monkeypatch.setattr(Path, step, fail_later)
    assert main(["init", place]) == 1
    assert "cannot be written: No space left on device; nothing was written" in capsys.readouterr().err
    assert list(here.rglob("*")) == [here / "there"]
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert main(["init", place]) == 0
    assert (work / place / "Snakefile").is_file()


def test_a_folder_that_comes_into_being_meanwhile_stays_as_it_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = init._fill_folder

    def interfere(*arguments: object) -> None:
        fill(*arguments)  # type: ignore[arg-type]
        (here / "p").mkdir()
        (here / "p/mine.txt").write_text("mine", encoding="utf-8")

    monkeypatch.setattr(init, "_fill_folder", interfere)
    with pytest.raises(Exception, match="another process has written there meanwhile"):
        write_folder(Path("p"), {"a.txt": b"x"}, ())
    assert tree(here) == {"p/mine.txt": b"mine"}


def test_a_project_without_a_study_says_how_to_start_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "p"])
    os.chdir("p")
    capsys.readouterr()
    wanted = "start one from a table: batterymi new-study data/my.csv"
    assert main(["check"]) == 0
    assert wanted in capsys.readouterr().out
    with pytest.raises(SystemExit):
        reject_settings(open_project({}), Namespace(targets=[], keep_going=False, dryrun=False))
    assert wanted in capsys.readouterr().err


def test_commands_outside_a_project_say_how_to_make_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    assert "or make one: batterymi init my_project" in capsys.readouterr().err


def test_the_workflow_of_an_editable_package_is_its_clone() -> None:
    assert find_workflow_folder() == ROOT
    assert find_snakefile() == str(ROOT / "Snakefile")


def test_a_python_that_the_shell_takes_apart_is_refused() -> None:
    assert find_python_problems("/opt/env/bin/python3.11") == []
    assert "has a blank" in find_python_problems("/opt/my env/bin/python")[0]


def test_a_target_may_be_a_rule_of_the_projects_own(tmp_path: Path) -> None:
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text("use rule * from battery_mi\n\nrule my_plot:\n    output: 'x'\n", encoding="utf-8")
    assert list_own_rules(str(snakefile)) == ["my_plot"]
    assert find_target_problems(["my_plot"], [], list_own_rules(str(snakefile))) == []
    assert find_target_problems(["my_plt"], [], list_own_rules(str(snakefile))) != []
    assert "names no table of claims" in find_target_problems(["claims"], [], ["all"])[0]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel of this checkout; its libraries are those of the environment of the tests."""
    folder = shared_folder(tmp_path_factory) / "installed"

    def build() -> None:
        source = folder.with_name("source")
        ignored = shutil.ignore_patterns(
            ".git", ".venv", ".snakemake", "results", "logs", "raw", "__pycache__", "build"
        )
        shutil.copytree(ROOT, source, ignore=ignored, symlinks=True)
        (source / "config/studies/private.yaml").write_text("title: nobody's business\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        alone = ["--no-deps", "--no-index"]
        run_all(
            [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", str(folder / "wheel"), str(source)],
            [sys.executable, "-m", "venv", "--without-pip", str(folder / "env")],
        )
        libraries = next((folder / "env/lib").glob("python*/site-packages"))
        (libraries / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        (wheel,) = (folder / "wheel").glob("*.whl")
        python = str(folder / "env/bin/python")
        run_all([*pip, "--python", python, "install", *alone, "--force-reinstall", str(wheel)])
        program = folder / "env/bin/snakemake"
        program.write_text(f"#!{python}\nfrom snakemake.cli import main\n\nmain()\n", encoding="utf-8")
        program.chmod(0o755)

    build_once(folder, build)
    return folder


def run_all(*commands: list[str]) -> None:
    """Run commands that must not fail."""
    for command in commands:
        done = run_within(LONG, command, cwd=Path.cwd(), env=outside())
        assert done.returncode == 0, done.stdout


def outside(*first: str) -> dict[str, str]:
    """Return an environment in which the package of this checkout is found nowhere, and programs first in a folder."""
    own = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**own, "PATH": os.pathsep.join([*first, os.environ.get("PATH", os.defpath)]), "PIP_CONFIG_FILE": os.devnull}


class Project(Workspace):
    """A project of the installed package."""

    python: Path

    def call(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell, as a user would type it."""
        return run_within(LONG, ["bash", "-c", command], cwd=self.folder, env=outside(str(self.python.parent)))


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Project:
    """A project of the installed package, in a folder whose path has blanks."""
    place = tmp_path / "a folder, with blanks and ü"
    place.mkdir()
    outer = Project(place)
    object.__setattr__(outer, "python", installed / "env/bin/python")
    made = outer.call("batterymi init 'my project'")
    assert made.returncode == 0, made.stdout
    inner = Project(place / "my project")
    object.__setattr__(inner, "python", outer.python)
    return inner


@pytest.mark.slow
def test_the_wheel_holds_what_a_run_needs_and_nothing_of_a_users_own(installed: Path) -> None:
    (wheel,) = (installed / "wheel").glob("*.whl")
    names = {name.partition("workflow_files/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    for pattern in ("rules/*.smk", "scripts/*.py", "report/*.rst", "profiles/*/*.yaml", "data/textbook/*"):
        wanted = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        assert wanted, pattern
        assert wanted <= names, pattern
    studies = {Path(name).stem for name in names if name.startswith("config/studies/")}
    assert studies == set(SHIPPED)
    assert not [name for name in names if "__pycache__" in name or "private" in name]


@pytest.mark.slow
def test_a_table_becomes_a_summary_in_a_project_of_the_installed_package(project: Project) -> None:
    (project.folder / "data/my.csv").write_text(TABLE, encoding="utf-8")
    quick = '--config \'overrides={"my": {"surrogate": {"models": ["dummy", "ridge"], "permutations": 19}}}\''
    for command in (
        "batterymi new-study data/my.csv",
        "batterymi check my",
        "batterymi suggest my -n 2",
        f"snakemake my --cores 1 --quiet rules host {quick}",
        f"snakemake --cores 1 --quiet rules host {quick}",
        f"snakemake --report report.zip --quiet all {quick}",
        "batterymi explain my.q2",
        "batterymi verify --no-rebuild",
    ):
        done = project.call(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
    results = project.folder / "results"
    assert "My" in (results / "summary.txt").read_text(encoding="utf-8")
    manifest = read_json(results / "MANIFEST.json")
    assert manifest["studies"] == ["my"]
    assert not [path for path in manifest["inputs"] if path.startswith("/")]
    again = project.call(f"snakemake -n {quick}")
    assert "Nothing to be done" in again.stdout, again.stdout
    code = project.call("python -c 'import batterymi; print(batterymi.__file__)'")
    assert str(project.python.parents[1]) in code.stdout


@pytest.mark.slow
def test_a_projects_run_tells_of_failures_and_changes_as_in_the_clone(project: Project) -> None:
    (project.folder / "data/my.csv").write_text(TABLE, encoding="utf-8")
    assert project.call("batterymi new-study data/my.csv").returncode == 0
    path = project.folder / "config/studies/my.yaml"
    table = "snakemake results/my/table.parquet --cores 1 --quiet rules host"
    done = project.call(table)
    assert done.returncode == 0, done.stdout
    text = path.read_text(encoding="utf-8")
    study = yaml.safe_load(text)
    study["features"][0]["valid"] = [0, 720]
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    dry = project.call("snakemake -n results/my/table.parquet")
    assert "reason: settings changed: features.temperature_c.valid" in dry.stdout, dry.stdout
    failed = project.call(table)
    assert failed.returncode == 1
    assert "failed:\n  prepare_table: logs/prepare_table/my.log\n    error: data/my.csv" in failed.stdout, failed.stdout
