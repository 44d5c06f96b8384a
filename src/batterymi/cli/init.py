"""`batterymi init`: a project in a folder of its own, which takes the workflow from the installed package."""

import argparse
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from batterymi.config.campaign import ElectrolyteChoice
from batterymi.config.load import load_study
from batterymi.errors import ConfigError, OutputError
from batterymi.spelling import did_you_mean
from batterymi.text_safety import UNSAFE, escape_markdown, make_visible, write_out
from batterymi.user_files import sync_folder
from batterymi.workflow.installed import find_workflow_folder

TEMPLATES = Path(__file__).with_name("project_files")
OWN = {  # files of a project that the workflow's folder does not have
    "Snakefile": "Snakefile",
    "config/config.yaml": "config.yaml",
    ".gitignore": "gitignore",
}
SHARED = (  # files and folders that are as in the workflow's folder
    *(f"config/{name}" for name in ("README.md", "arena.yaml", "datasets.yaml", "measured.yaml", "schema.json")),
    "profiles",
    *(f"docs/{name}" for name in ("tutorial", "how-to", "explanation", "reference", "images")),
)
EMPTY = ("data", "config/studies")
STUDIES = "config/studies"
ALIASES = {"li_s": "lithium_sulfur"}  # the tutorial's
SOURCES = "data/textbook/README.md"  # the licence of the textbook's tables
SHIPPED = re.compile(r"^edition: (textbook|measured|on_request)\b", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def start_project(options: argparse.Namespace) -> None:
    """Write a project into a new or empty folder, and say how to go on.

    Raises:
        ConfigError: if the folder has something in it, or there is no such example.
        OutputError: if it cannot be written; nothing is left then.
    """
    folder: Path = options.folder
    refuse_folder(folder)
    source = find_workflow_folder()
    examples = [find_example(name, source) for name in options.example]
    write_folder(folder, collect_files(source, folder.absolute().name, examples), EMPTY)
    write_out(describe_project(folder, examples))


def refuse_folder(folder: Path) -> None:
    """Refuse a folder that a project cannot be written to.

    Raises:
        ConfigError: which says why, and what to do.
    """
    if UNSAFE.search(str(folder)) or "\n" in str(folder):
        raise ConfigError([f"{make_visible(str(folder))!r}: holds a control character; give another name"])
    if folder.is_symlink() and not folder.exists():
        raise ConfigError([f"{folder}: is a symbolic link that leads nowhere; give the name of a new folder"])
    for place in (folder, *folder.absolute().parents):
        if place.exists() and not place.is_dir():
            raise ConfigError([f"{place}: is a file, not a folder; give the name of a new folder"])
    try:
        found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise ConfigError([f"{folder}: cannot be read: {error.strerror}; give the name of a new folder"]) from None
    if found:
        there = f"'{make_visible(found[0])}'" + (f" and {len(found) - 1} more" if len(found) > 1 else "")
        raise ConfigError(
            [f"{folder}: is not empty, it has {there}; nothing was written. Give the name of a new or empty folder"]
        )


def find_example(name: str, source: Path) -> str:
    """Return the study that an example brings.

    Args:
        name: of a shipped study, or short for one.
        source: the workflow's folder.

    Raises:
        ConfigError: if there is no such study.
    """
    paths = (source / STUDIES).glob("*.yaml")
    # of a clone, only what it ships: the tables of its user's own studies are no examples
    known = sorted(path.stem for path in paths if SHIPPED.search(path.read_text(encoding="utf-8")))
    if ALIASES.get(name, name) not in known:
        raise ConfigError([f"--example {name}: there is no such example; {did_you_mean(name, [*known, *ALIASES])}"])
    return ALIASES.get(name, name)


def collect_files(source: Path, title: str, examples: Iterable[str] = ()) -> dict[str, bytes]:
    """Return the files of a project by their path in it.

    Args:
        source: the workflow's folder.
        title: what the project is called.
        examples: names of shipped studies, whose settings and tables are brought.
    """
    files = {path: (TEMPLATES / name).read_bytes() for path, name in OWN.items()}
    for path in SHARED:
        below = [source / path] if (source / path).is_file() else sorted((source / path).rglob("*"))
        files |= {file.relative_to(source).as_posix(): file.read_bytes() for file in below if file.is_file()}
    for name in examples:
        study = load_study(source / STUDIES / f"{name}.yaml")
        tables, evaluator = study.files, study.evaluator
        # designs may be evaluated by the model of another study, which then comes too
        others = [f"{STUDIES}/{evaluator.model_of}.yaml"] if isinstance(evaluator, ElectrolyteChoice) else []
        wanted = (f"{STUDIES}/{name}.yaml", *others, *tables, *([SOURCES] if tables else []))
        files |= {path: (source / path).read_bytes() for path in wanted}
    readme = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    said = _describe_examples(examples)
    readme = readme.replace("{title}", escape_markdown(title)).replace("{example}", said)
    files["README.md"] = readme.encode()
    return {path: _drop_dead_links(path, data, files) for path, data in files.items()}


def _describe_examples(examples: Iterable[str]) -> str:
    """Return the README's section on the studies that came with the project; nothing without one."""
    names = list(dict.fromkeys(examples))
    if not names:
        return ""
    lines = [f"snakemake {name} --cores 2" for name in names]
    first = "The [tutorial](docs/tutorial/second-batch.md) goes on from here.\n"
    tutorial = first if ALIASES["li_s"] in names else ""
    measured = "Data sets are downloaded, or taken from a folder: `--config mirror=/folder`.\n"
    data_sets = measured if any(name.startswith("electrolyte_") or name.endswith("_measured") for name in names) else ""
    block = "\n".join(lines)
    return f"\n## The example\n\n```sh\n{block}\n```\n\n{tutorial}{data_sets}"


def _drop_dead_links(page: str, data: bytes, files: Iterable[str]) -> bytes:
    """Return a file in which links to pages that a project does not have are plain text."""
    if not page.endswith(".md"):
        return data
    known = {str(part) for path in files for part in (PurePosixPath(path), *PurePosixPath(path).parents)}

    def keep_or_drop(link: re.Match[str]) -> str:
        target = link[2].partition("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        return link[0] if os.path.normpath(str(PurePosixPath(page).parent / target)) in known else link[1]

    return LINK.sub(keep_or_drop, data.decode("utf-8")).encode()


def write_folder(folder: Path, files: Mapping[str, bytes], empty: Iterable[str]) -> None:
    """Write a folder, whole or not at all; nothing that is there is replaced.

    Args:
        folder: new, or empty.
        files: contents by path in the folder.
        empty: folders to make, also if no file is in them.

    Raises:
        ConfigError: if another process has put something there meanwhile.
        OutputError: if it cannot be written.
    """
    try:
        is_new = not folder.exists()
        # beside its place, or inside a folder that exists already, whose owner and mode stay
        beside = folder.absolute().parent if is_new else folder
        made = [place for place in (beside, *beside.parents) if not place.exists()]
        beside.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".battery-mi-", dir=beside))
        try:
            _fill_folder(draft / "project", files, empty)
            _move_into_place(draft / "project", folder, is_new=is_new)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            for place in made:
                with suppress(OSError):  # the project is in it
                    place.rmdir()
        sync_folder(beside)
    except FileExistsError:
        raise ConfigError([f"{folder}: another process has written there meanwhile; nothing was written"]) from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}; nothing was written") from error


def _fill_folder(draft: Path, files: Mapping[str, bytes], empty: Iterable[str]) -> None:
    """Write all files of a folder that nobody else knows yet."""
    for name in (".", *empty):
        (draft / name).mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        target = draft / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _move_into_place(draft: Path, folder: Path, *, is_new: bool) -> None:
    """Give a finished draft its name, or move what is in it into the empty folder of that name.

    Raises:
        FileExistsError: if something has come there meanwhile; nothing is moved then.
    """
    if is_new:
        # a rename replaces an empty folder, and nothing else
        try:
            draft.rename(folder)
        except OSError as error:
            if folder.exists():
                raise FileExistsError from error
            raise
        return
    moved: list[Path] = []
    try:
        for path in sorted(draft.iterdir()):
            target = folder / path.name
            if target.exists() or target.is_symlink():
                raise FileExistsError
            path.rename(target)
            moved.append(target)
    except BaseException:
        for target in moved:
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise


def describe_project(folder: Path, examples: Iterable[str]) -> str:
    """Return what was made, and what to type next."""
    names = list(dict.fromkeys(examples))
    first = (
        f"snakemake {names[0]} --cores 2" if names else "batterymi new-study data/my.csv   # a table that you put there"
    )
    steps = [] if folder.resolve() == Path.cwd().resolve() else [f"cd {shlex.quote(str(folder))}"]
    lines = "".join(f"  {line}\n" for line in (*steps, first))
    return f"{folder}: a project with settings, profiles and documents; its README.md says how to go on\n{lines}"
