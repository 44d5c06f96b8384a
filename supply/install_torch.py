"""Install PyTorch at the version of requirements.lock, and hold the build against the digests of torch.sha256.

    .venv/bin/python supply/install_torch.py            # what `make setup` does
    .venv/bin/python supply/install_torch.py --record   # part of `make lock`: note the builds that can be seen

PyTorch has dozens of builds for one version, for processors and for graphics cards, in several places. A file whose
name is known must have the digest that is known; a build that has not been seen is installed with a warning.
"""

import argparse
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from urllib.parse import unquote

from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
KNOWN = Path(__file__).with_name("torch.sha256")
UV = str(Path(sys.executable).with_name("uv"))


class BuildError(Exception):
    """A build cannot be installed; the message says why, and what would help."""


class NoBuildError(BuildError):
    """There is no build for this Python and this system in the places that were searched."""


@dataclass(frozen=True)
class Build:
    """A wheel of PyTorch.

    Attributes:
        name: of its file.
        digest: SHA-256, empty where its source names none.
        place: options that lead uv to its source.
    """

    name: str
    digest: str
    place: tuple[str, ...]


def read_version(lock: Path = LOCK) -> str:
    """Return the version that the lock pins."""
    found = re.search(r"^torch==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise BuildError(f"{lock.name} has no line 'torch==…'; 'make lock' writes one")
    return found[1]


def read_known() -> dict[str, str]:
    """Return the digests that have been seen, by file name; the format is that of sha256sum."""
    pairs = [line.split() for line in KNOWN.read_text(encoding="utf-8").splitlines()]
    return {name: digest for digest, name in pairs}


def run_uv(*arguments: str, text: str) -> str:
    """Run `uv pip` with some standard input for this Python, and return its output.

    Where uv looks for packages is said by options, not by variables, so that one place can be searched at a time.

    Raises:
        BuildError: with uv's message.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in {"UV_FIND_LINKS", "UV_TORCH_BACKEND"}}
    done = subprocess.run(
        [UV, "pip", *arguments, "--python", sys.executable],
        input=text,
        env={"UV_HTTP_RETRIES": "1", **inherited},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(shorten(done.stderr.removeprefix("error: "), 300, placeholder=" …"))
    return done.stdout


def list_builds(version: str, *options: str) -> dict[str, str]:
    """Return the digests of the builds of a version by file name, as uv finds them with some options."""
    text = run_uv("compile", "-", "--no-deps", "--format", "pylock.toml", *options, text=f"torch=={version}")
    wheels = [wheel for package in tomllib.loads(text)["packages"] for wheel in package.get("wheels", [])]
    files = [unquote((wheel.get("name") or wheel.get("url") or wheel["path"]).rpartition("/")[2]) for wheel in wheels]
    return {name: wheel.get("hashes", {}).get("sha256", "") for name, wheel in zip(files, wheels, strict=True)}


def choose_build(builds: Mapping[str, str]) -> str | None:
    """Return the file name that suits this Python and this system best, if any does."""
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    fitting = {
        name: min(ranks[tag] for tag in tags)
        for name in builds
        if (tags := parse_wheel_filename(name)[3] & ranks.keys())
    }
    return min(fitting, key=lambda name: (fitting[name], name), default=None)


def name_places() -> dict[str, tuple[str, ...]]:
    """Return where builds are looked for, in this order: a folder that is named, then the index for the CPU."""
    backend = os.environ.get("UV_TORCH_BACKEND") or "cpu"
    places: dict[str, tuple[str, ...]] = {f"the index of builds for '{backend}'": ("--torch-backend", backend)}
    text = os.environ.get("UV_FIND_LINKS", "").strip()
    folders = [text] if Path(text).is_dir() else re.split(r"[\s,]+", text)  # pip's separator, and uv's
    if text:
        links = (option for folder in folders for option in ("--find-links", folder))
        return {f"the folder {text}": ("--no-index", *links), **places}
    return places


def find_build(version: str) -> Build:
    """Return the build to install.

    Raises:
        NoBuildError: no build suits this Python and this system, or the index could not be read.
    """
    reasons = []
    for place, options in name_places().items():
        try:
            builds = list_builds(version, *options)
        except BuildError as error:
            reasons.append(f"  {place}: {error}")
            continue
        if name := choose_build(builds):
            return Build(name, builds[name], options)
        reasons.append(f"  {place}: only {', '.join(sorted(builds))}")
    raise NoBuildError(
        f"no build of PyTorch {version} for Python {platform.python_version()} on {platform.system()} "
        f"{platform.machine()} was found:\n" + "\n".join(reasons) + "\n"
        "Any of these helps: rm -r .venv and make PYTHON=python3.11; UV_FIND_LINKS=folder-with-a-wheel make;\n"
        "UV_TORCH_BACKEND=auto make (builds for graphics cards); or make TORCH=optional, which goes on without it:\n"
        "charging agents and the engine 'botorch' cannot run then, and their tests are skipped"
    )


def check_digest(name: str, digest: str, known: Mapping[str, str]) -> str | None:
    """Return a warning if the build is unknown.

    Raises:
        BuildError: the file's name is known, and its digest differs from the known one.
    """
    if name not in known:
        return (
            f"warning: {name} is no build that this project has seen: its digest {digest or '(none is given)'} is\n"
            f"held against its source alone. To hold it from now on, add 'digest  name' to supply/{KNOWN.name}"
        )
    if digest and digest != known[name]:
        raise BuildError(
            f"{name} has the SHA-256 digest\n  {digest}, and supply/{KNOWN.name} has\n  {known[name]}: it was changed "
            "or damaged, and is not installed. Delete the file and its copy in uv's cache ('.venv/bin/uv cache clean "
            "torch'), and get it anew"
        )
    return None


def install_build(build: Build, digest: str) -> None:
    """Install a wheel by its version and digest, so that uv takes no other; what it needs besides may come with it."""
    pin = f"torch=={parse_wheel_filename(build.name)[1]}" + (f" --hash=sha256:{digest}" if digest else "")
    place = (option for option in build.place if option != "--no-index")
    run_uv("install", "--quiet", *place, "--requirement", "-", text=pin)


def is_installed(version: str) -> bool:
    """Return whether some build of a version is there."""
    try:
        return importlib.metadata.version("torch").partition("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return False


def ensure_torch() -> None:
    """Install the pinned version, unless it is there."""
    version = read_version()
    if is_installed(version):
        return
    build, known = find_build(version), read_known()
    if warning := check_digest(build.name, build.digest, known):
        print(warning, file=sys.stderr)
    install_build(build, build.digest or known.get(build.name, ""))


def record_builds() -> None:
    """Add the builds that can be seen from here, and drop those of other versions.

    Raises:
        BuildError: a known file name has another digest now.
    """
    version = read_version()
    known = {name: digest for name, digest in read_known().items() if name.startswith(f"torch-{version}")}
    for place, options in {"the default index": (), **name_places()}.items():
        try:
            builds = list_builds(version, *options, "--universal", "--python-version", "3.11")
        except BuildError as error:
            print(f"no builds of PyTorch recorded from {place}: {error}", file=sys.stderr)
            continue
        for name, digest in builds.items():
            check_digest(name, digest, known)
        known |= {name: digest for name, digest in builds.items() if digest}
    KNOWN.write_text("".join(f"{known[name]}  {name}\n" for name in sorted(known)), encoding="utf-8")


def main() -> None:
    """Install, or record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", action="store_true", help="note the builds that can be seen from here")
    parser.add_argument("--optional", action="store_true", help="go on where there is no build for this Python")
    options = parser.parse_args()
    try:
        record_builds() if options.record else ensure_torch()
    except BuildError as error:
        if not (options.optional and isinstance(error, NoBuildError)):
            sys.exit(f"error: {error}")
        print(f"warning: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
