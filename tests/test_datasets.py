"""The catalogue of data sets: right, complete, and clear about its mistakes."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
import yaml
from conftest import MIRROR, ROOT

from batterymi.config.load import load_datasets
from batterymi.data.citations import format_citations
from batterymi.errors import ConfigError

CATALOGUE = ROOT / "config" / "datasets.yaml"

MARKUP = "<img src=x onerror=alert(1)>"


def test_the_catalogue_is_right_and_names_no_local_path() -> None:
    datasets = load_datasets(CATALOGUE)
    assert {"obelix", "lis_adsorption", "severson_cycle_life", "mp_electrodes"} <= set(datasets)
    files = [file for one in datasets.values() for file in one.files.values()]
    assert len({file.url or file.derived for file in files}) == len({file.sha256 for file in files}) == len(files)
    assert all(file.derived or re.search(r"/[0-9a-f]{40}/", file.origin) for file in files), (
        "a URL without a fixed commit can change"
    )


@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror beside the repository")
def test_the_catalogue_agrees_with_the_mirror() -> None:
    files = {
        MIRROR / name / file: one for name, data in load_datasets(CATALOGUE).items() for file, one in data.files.items()
    }
    for path, one in files.items():
        packed = path.with_name(f"{path.name}.gz")
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one.bytes, one.sha256), path


def test_every_mistake_in_the_catalogue_is_listed_with_file_and_key(tmp_path: Path) -> None:
    content = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    content["obelix"]["files"]["train.csv"] |= {"url": "ftp://example.org/train.csv", "sha256": "ABC"}
    content["obelix"]["files"]["sub/test.csv"] = content["obelix"]["files"].pop("test.csv")
    content["obelix"]["license"] = content["obelix"].pop("licence")
    content["mp_electrodes"]["files"]["electrodes.csv"] |= {"bytes": 0, "sha-256": "0"}
    content["severson_cycle_life"]["citation"] = []
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_datasets(path)
    expected = (
        r"obelix: files\.train\.csv\.url: .*found 'ftp://",
        r"obelix: files\.train\.csv\.sha256: .*found 'ABC'",
        r"obelix: files: .*found 'sub/test\.csv'",
        r"obelix: licence: this key is missing",
        r"obelix: license: unknown key 'license'; did you mean 'licence'",
        r"mp_electrodes: files\.electrodes\.csv\.bytes: .*found 0",
        r"mp_electrodes: files\.electrodes\.csv\.sha-256: unknown key 'sha-256'; did you mean 'sha256'",
        r"severson_cycle_life: citation: ",
    )
    for pattern in expected:
        assert re.search(f"^{re.escape(str(path))}: {pattern}", str(caught.value), re.MULTILINE), (
            pattern,
            caught.value,
        )
    assert len(caught.value.problems) == len(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing"),
        ("- obelix", "found a list"),
        ("obelix: 3", "obelix.*found 3"),
        ("OBELiX: {}", "found 'OBELiX'"),
        ("a: {}\na: {}", "is listed twice"),
    ],
)
def test_a_catalogue_that_is_none_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_datasets(path)


def test_citations_name_licence_works_home_and_digests_of_the_data_sets_used() -> None:
    datasets = load_datasets(CATALOGUE)
    text = format_citations({name: datasets[name] for name in ("severson_cycle_life", "obelix")})
    for name in ("severson_cycle_life", "obelix"):
        one = datasets[name]
        owed = [one.title, one.licence, one.homepage, *one.citation, *(file.sha256 for file in one.files.values())]
        assert [part for part in owed if part not in text] == []
    assert "mp_electrodes" not in text
    marked = datasets["obelix"].model_copy(update={"title": MARKUP, "licence": MARKUP, "citation": (MARKUP,)})
    assert "<img" not in format_citations({"obelix": marked})
    assert "None" in format_citations({})
