"""Set-up holds the build of PyTorch against known digests; the audit tells no vulnerability from nothing checked."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import audit_lock
import install_torch
import pytest
from conftest import ROOT
from install_torch import BuildError, NoBuildError

FITS, FITS_NOT = "torch-2.13.0+cpu-py3-none-any.whl", "torch-2.13.0+cpu-cp27-cp27m-win32.whl"
Place = Callable[..., Path]


@pytest.fixture
def place_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Make a folder, the only place of wheels, with a small wheel in it; nothing is installed yet."""
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(install_torch, "is_installed", lambda version: False)
    monkeypatch.setattr(install_torch, "read_version", lambda: "2.13.0")
    monkeypatch.setattr(install_torch, "KNOWN", tmp_path / "torch.sha256")

    def make(name: str) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr("torch.py", "")
            inside = "torch-2.13.0+cpu.dist-info"
            wheel.writestr(f"{inside}/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n")
            wheel.writestr(f"{inside}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {name[17:-4]}\n")
            wheel.writestr(f"{inside}/RECORD", "")
        return tmp_path / name

    return make


def install_as(digest: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run set-up's step where a digest is known for a name; return what uv is told to install."""
    (folder / "torch.sha256").write_text(f"{digest}  {name}\n")
    told: list[str] = []
    run = install_torch.run_uv

    def spy(*arguments: str, text: str) -> str:
        if arguments[0] == "install":
            told.append(text)
            return run(*arguments, "--dry-run", "--target", str(folder / "target"), text=text)
        return run(*arguments, text=text)

    monkeypatch.setattr(install_torch, "run_uv", spy)
    install_torch.ensure_torch()
    return told


def test_a_known_build_is_installed_by_its_digest_without_a_word(
    place_wheel: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = place_wheel(FITS)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert install_as(digest, FITS, wheel.parent, monkeypatch) == [f"torch==2.13.0+cpu --hash=sha256:{digest}"]
    assert capsys.readouterr().err == ""


def test_a_known_name_with_another_digest_is_refused_with_both(
    place_wheel: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = place_wheel(FITS)
    with pytest.raises(BuildError, match=f"{'0' * 64}: it was changed or damaged") as told:
        install_as("0" * 64, FITS, wheel.parent, monkeypatch)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in str(told.value)
    assert not isinstance(told.value, NoBuildError), "TORCH=optional would let it pass"


def test_an_unknown_build_is_installed_with_a_warning_that_names_it(
    place_wheel: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = place_wheel(FITS)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert install_as("0" * 64, "torch-2.13.0-other.whl", wheel.parent, monkeypatch)
    warning = capsys.readouterr().err
    assert FITS in warning
    assert digest in warning
    assert "torch.sha256" in warning


def test_where_no_build_fits_the_message_says_where_it_looked_and_what_helps(
    place_wheel: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place_wheel(FITS_NOT).parent
    with pytest.raises(NoBuildError, match="make TORCH=optional") as told:
        install_as("0" * 64, FITS_NOT, folder, monkeypatch)
    assert str(folder) in str(told.value)
    assert "'cpu'" in str(told.value)


def test_known_builds_are_of_the_pinned_version() -> None:
    version, known = install_torch.read_version(), install_torch.read_known()
    assert known
    assert all(name.startswith((f"torch-{version}-", f"torch-{version}+")) for name in known)
    assert all(len(digest) == 64 for digest in known.values())


def test_both_versions_of_a_package_with_markers_are_audited() -> None:
    lock = "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:0\na==2 ; python_full_version >= '3.12'\nb-c==3\n"
    assert audit_lock.read_pins(lock) == ["a==1\nb-c==3\n", "a==2\n"]
    assert audit_lock.read_pins(f"{lock}a==1\n") == ["a==1\nb-c==3\n", "a==2\n"]


@pytest.mark.parametrize(
    ("found", "status", "last"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 pins audited, 0 known vulnerabilities"),
        (
            [{"name": "a", "skip_reason": "a not found"}],
            0,
            "skipped: no pin could be checked, for instance: a not found",
        ),
        (
            [
                {"name": "a", "version": "1", "vulns": [{"id": "X-1", "aliases": ["C-2"], "fix_versions": ["1.1"]}]},
                {"name": "b", "skip_reason": "b not found"},
            ],
            1,
            "a 1: X-1 C-2; repaired in 1.1\nnot checked: b not found\n"
            "1 pins audited, 1 known vulnerabilities; 'make lock' takes newer versions",
        ),
    ],
)
def test_the_audit_tells_what_was_found_and_what_was_not_checked(found: list[dict], status: int, last: str) -> None:
    assert audit_lock.report_findings(found) == (last.split("\n"), status)


def test_the_audit_is_skipped_with_the_reason_where_there_is_no_network() -> None:
    nowhere = {**os.environ, **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")}
    command = [sys.executable, ROOT / "supply/audit_lock.py"]
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("skipped: the list of vulnerabilities cannot be read from here: ")
    assert "127.0.0.1" in done.stdout
