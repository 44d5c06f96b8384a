"""Files derived from a folder of a repository: fetched from a local one, and refused where they are not as expected."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from batterymi import registry
from batterymi.config.datasets import DataFile, Derivation
from batterymi.data.derivations.li_electrode_graphs import decode_id, derive_graphs
from batterymi.data.derive import DerivationError, compute_content_digest, derive_file
from batterymi.data.fetch import FetchError, fetch_files
from batterymi.data.loaders.mp_li_electrode_graphs import load_electrode_structures, read_bonded_atoms
from batterymi.data.repositories import RepositoryError, fetch_folder
from batterymi.errors import DamagedFileError, TableError
from batterymi.files import compute_sha256

FOLDER = "data/graphs"
COMMIT = "a" * 40


def make_graph(numbers: list[int], distance: float = 2.0) -> dict[str, Any]:
    """A graph in the form of the source: a ring of atoms, both directions listed."""
    n = len(numbers)
    edges = [pair for i in range(n) for pair in ([i, (i + 1) % n], [(i + 1) % n, i])]
    return {
        "num_nodes": n,
        "node_features": [[float(number), 1.0, 2.0] for number in numbers],
        "edge_index": edges,
        "edge_features": [[distance + 0.01 * (k // 2)] for k in range(len(edges))],
        "pos": [[float(i), 0.0, 0.5] for i in range(n)],
    }


# LiFeO2 by id, LiCrS2 with an element that the source does not know, another that is no electrode, one without a length
GRAPHS = {
    "mp-mp-aaaaaaff": make_graph([3, 26, 8, 8]),
    "mp-mp-aaaaabga": make_graph([3, 0, 16, 16]),
    "mp-mp-aaaaabgb": make_graph([3, 9]),
    "mp-mp-aaaaabgc": make_graph([3, 26, 8, 8], distance=-0.03),
    "mp-mp-aaaaabgd": make_graph([3, 3, 0, 16, 16, 16]),
}
ELECTRODES = f"""high_formula,high_mpid,low_formula,low_mpid,avg_voltage,battery_id
FeO2,mp-1,LiFeO2,mp-135,3.5,mp-135_Li
CrS2,mp-2,LiCrS2,mp-{decode_id("aaaaabga")},2.5,mp-9_Li
Fe2O4,mp-3,Li2Fe2O4,mp-77,3.1,mp-77_Li
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git as an author would."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


Make = Callable[..., tuple[str, str]]


@pytest.fixture
def repository(tmp_path: Path) -> Make:
    """Makes a bare repository of some files and links; returns its address and commit."""

    def make(links: dict[str, str] | None = None, **more: str) -> tuple[str, str]:
        work, bare = tmp_path / "work", tmp_path / "bare.git"
        (work / FOLDER).mkdir(parents=True)
        git(work, "init", "--quiet")
        for name, graph in GRAPHS.items():
            (work / FOLDER / f"{name}.json").write_text(json.dumps(graph))
        (work / "large.bin").write_bytes(b"0" * 100_000)
        for name, text in more.items():
            (work / name.replace("__", "/")).write_text(text)
        for name, target in (links or {}).items():
            (work / name).symlink_to(target)
        git(work, "add", "-A")
        git(work, "commit", "--quiet", "-m", "data")
        git(tmp_path, "clone", "--quiet", "--bare", "work", "bare.git")
        for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            git(bare, "config", setting, "true")
        return f"file://{bare}", git(work, "rev-parse", "HEAD")

    return make


def test_one_folder_of_a_repository_arrives_and_nothing_else(repository: Make, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    found = fetch_folder(*repository(), FOLDER, place, protocols="file")
    assert sorted(path.stem for path in found.iterdir()) == sorted(GRAPHS)
    assert not (place / "large.bin").exists()
    # nor was the content of the other file fetched
    missing = git(place, "rev-list", "--objects", "--missing=print", "HEAD")
    assert len([line for line in missing.splitlines() if line.startswith("?")]) == 1


def test_no_program_of_a_repository_or_of_its_user_runs(
    repository: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = repository(**{"data__graphs__.gitattributes": "* filter=run\n"})
    trace, home, place = tmp_path / "trace", tmp_path / "home", tmp_path / "place"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    place.mkdir()
    hook = hooks / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\n hooksPath = {hooks}\n[filter "run"]\n smudge = touch {trace}\n required = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    fetch_folder(*address, FOLDER, place, protocols="file")
    assert not trace.exists()
    # the same settings do run it where they are not kept out
    git(tmp_path, "clone", "--quiet", "work", "copy")
    assert trace.exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../large.bin", "mp-mp-aaaaaaff.json"])
def test_links_are_refused_before_anything_is_on_the_disk(repository: Make, tmp_path: Path, target: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    address = repository(links={f"{FOLDER}/link.json": target})
    with pytest.raises(RepositoryError, match=r"'data/graphs/link\.json' is a symbolic link or a submodule"):
        fetch_folder(*address, FOLDER, place, protocols="file")
    assert not (place / "data").exists()


def test_names_with_control_characters_are_refused_and_shown(repository: Make, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    address = repository(**{"data__graphs__a\x1b[31m": "x"})
    with pytest.raises(RepositoryError, match="control characters") as caught:
        fetch_folder(*address, FOLDER, place, protocols="file")
    assert "\x1b" not in str(caught.value)


def test_what_git_cannot_have_is_one_line(repository: Make, tmp_path: Path) -> None:
    address, commit = repository()
    for number, (arguments, protocols, message) in enumerate(
        [
            ((address, commit, FOLDER), "https", "'file' not allowed"),
            ((address, "0" * 40, FOLDER), "file", "git fetch: "),
            ((address, commit, "data/other"), "file", "there is no folder 'data/other'"),
            ((f"{address}x", commit, FOLDER), "file", "git fetch: "),
        ]
    ):
        place = tmp_path / str(number)
        place.mkdir()
        with pytest.raises(RepositoryError, match=message) as caught:
            fetch_folder(*arguments, place, protocols=protocols)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repository": "file:///srv/a"}, "repository"),
        ({"repository": "ssh://a/b"}, "repository"),
        ({"repository": "https://user:word@host/a"}, "user name, password or token"),
        ({"commit": "main"}, "commit"),
        ({"folder": "a/../b"}, "leads out"),
        ({"folder": "/a"}, "folder"),
        ({"folder": "-a"}, "folder"),
        ({"folder": "a/.git"}, "leads out"),
        ({"function": "other"}, "'other' is not a known derivation"),
    ],
)
def test_derivations_that_could_do_harm_are_refused_as_settings(change: dict[str, str], message: str) -> None:
    good = {"repository": "https://host/a", "commit": COMMIT, "folder": "a/b", "function": "li_electrode_graphs"}
    Derivation.model_validate({**good, "content_sha256": "0" * 64})
    with pytest.raises(ValidationError, match=message):
        Derivation.model_validate({**good, "content_sha256": "0" * 64, **change})
    with pytest.raises(ValidationError, match="exactly one of url and derived"):
        DataFile.model_validate({"sha256": "0" * 64, "bytes": 1})


@pytest.fixture
def electrodes(tmp_path: Path) -> Path:
    """A folder with three electrodes."""
    folder = tmp_path / "mp_electrodes"
    folder.mkdir()
    (folder / "electrodes.csv").write_text(ELECTRODES)
    return folder


def write_graphs(folder: Path, **more: Any) -> Path:
    """Write the graphs as files."""
    folder.mkdir()
    for name, graph in {**GRAPHS, **more}.items():
        (folder / f"{name}.json").write_text(json.dumps(graph))
    return folder


def test_graphs_of_electrodes_are_kept_and_a_missing_element_is_filled_in(tmp_path: Path, electrodes: Path) -> None:
    target = tmp_path / "found.npz"
    derive_graphs(write_graphs(tmp_path / "graphs"), {"mp_electrodes": electrodes}, target)
    found = read_bonded_atoms(target)
    assert list(found) == ["mp-135", f"mp-{decode_id('aaaaabga')}"]
    iron, chromium = found.values()
    assert (iron.numbers.tolist(), chromium.numbers.tolist()) == ([3, 26, 8, 8], [3, 24, 16, 16])
    assert iron.edges.tolist() == GRAPHS["mp-mp-aaaaaaff"]["edge_index"]
    np.testing.assert_allclose(iron.distance, np.ravel(GRAPHS["mp-mp-aaaaaaff"]["edge_features"]), rtol=1e-6)
    known = load_electrode_structures(tmp_path, electrodes, graphs="found.npz")
    assert known.rows[["discharged", "voltage_v", "line"]].to_numpy().tolist() == [
        ["LiFeO2", 3.5, 1],
        ["LiCrS2", 2.5, 2],
    ]
    assert [len(one.numbers) for one in known.structures] == [4, 4]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"num_nodes": 1}, "KeyError"),
        (make_graph([3, 26]) | {"edge_index": [[0, 5]] * 4}, "a neighbour is none of its 2 atoms"),
        (make_graph([3, 26]) | {"pos": [[0, 0, 0]]}, "2 atoms, and positions"),
        (make_graph([3, 999]), "an atomic number or a distance is none"),
        ([], "TypeError"),
    ],
)
def test_a_file_that_is_no_graph_is_named(tmp_path: Path, electrodes: Path, graph: Any, message: str) -> None:
    folder = write_graphs(tmp_path / "graphs", **{"mp-mp-aaaaaaaa": graph})
    with pytest.raises(TableError, match=rf"mp-mp-aaaaaaaa\.json: not a graph of a compound.*{message}"):
        derive_graphs(folder, {"mp_electrodes": electrodes}, tmp_path / "found.npz")


def test_a_derived_file_is_known_by_its_content_and_any_other_is_not_kept(
    repository: Make, tmp_path: Path, electrodes: Path
) -> None:
    expected = tmp_path / "expected.npz"
    derive_graphs(write_graphs(tmp_path / "graphs"), {"mp_electrodes": electrodes}, expected)
    digest = compute_content_digest(expected)
    address, commit = repository()
    derivation = Derivation.model_construct(
        repository=address, commit=commit, folder=FOLDER, function="li_electrode_graphs", content_sha256=digest
    )
    inputs, target = {"mp_electrodes": electrodes}, tmp_path / "out" / "graphs.npz"
    target.parent.mkdir()
    derive_file(derivation, inputs, target, protocols="file")
    assert compute_content_digest(target) == digest
    assert [path.name for path in target.parent.iterdir()] == ["graphs.npz"]
    other = derivation.model_copy(update={"content_sha256": "0" * 64})
    with pytest.raises(DerivationError, match="nothing is kept"):
        derive_file(other, inputs, tmp_path / "out" / "other.npz", protocols="file")
    assert [path.name for path in target.parent.iterdir()] == ["graphs.npz"]
    # what is there with the right content stays, though its bytes are others, and a mirror needs no repository
    wanted = DataFile.model_construct(
        url=None, derived=derivation.model_copy(update={"repository": "https://localhost:1/none"}),
        sha256=compute_sha256(expected), bytes=expected.stat().st_size,
    )  # fmt: skip
    arrays = dict(np.load(expected))
    np.savez(tmp_path / "out" / "stored.npz", **arrays)
    fetch_files(tmp_path / "out", "set", {"stored.npz": wanted}, None, inputs)
    assert compute_sha256(tmp_path / "out" / "stored.npz") != wanted.sha256
    (tmp_path / "mirror" / "set").mkdir(parents=True)
    (tmp_path / "mirror" / "set" / "new.npz").write_bytes(expected.read_bytes())
    fetch_files(tmp_path / "out", "set", {"new.npz": wanted}, str(tmp_path / "mirror"), inputs)
    assert compute_sha256(tmp_path / "out" / "new.npz") == wanted.sha256
    with pytest.raises(FetchError, match=r"not available from its repository: git fetch.*mirror=FOLDER"):
        fetch_files(tmp_path / "out", "set", {"absent.npz": wanted}, None, inputs)


def test_files_that_are_no_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "graphs.npz"
    path.write_text("no arrays")
    with pytest.raises(DerivationError, match="no file of arrays"):
        compute_content_digest(path)
    with pytest.raises(DamagedFileError, match="no arrays of neighbours"):
        read_bonded_atoms(path)
    # an object would run code when it is read
    np.savez(path, allow_pickle=True, z=np.array([{}], dtype=object))
    with pytest.raises(DerivationError, match="no file of arrays"):
        compute_content_digest(path)


def test_every_derivation_of_the_registry_can_be_imported() -> None:
    assert all(callable(registry.look_up("derivation", name)) for name in registry.list_names("derivation"))
