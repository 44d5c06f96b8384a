"""Settings that would fill the memory, and names that would lead out of the folder."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from timing import seconds_of

from batterymi.cli.main import main
from batterymi.config.designs import Derived
from batterymi.config.load import list_study_files, load_config, load_datasets, load_study, read_yaml
from batterymi.config.parts import Constraint
from batterymi.config.run import Config
from batterymi.errors import ConfigError, ExpressionError
from batterymi.optimise.space.constraints import expand_derived

LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "\n".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)
)
MERGES = "a0: &a0 {k0: 1}\n" + "\n".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "line 5, column [0-9]+: not valid YAML: more than 50000 entries, aliases counted"),
        (MERGES, "more than 50000 entries"),
        ("a: " + "[" * 41, "column 43: not valid YAML: more than 40 levels"),
        ("a: " + "{b: " * 900, "more than 40 levels"),
        # PyYAML reads ahead in brackets, and newer versions stop at 1000 themselves
        ("a: " + "[" * 100_000, "more than 40 levels|exceeded maximum nesting depth"),
        ("\n".join("  " * i + "a:" for i in range(900)), "line 41, column 81: not valid YAML: more than 40 levels"),
        ("a: &a [1, *a]", r"the alias '\*a' refers to a node that contains it"),
        ("a: [" + "1, " * 60_000 + "1]", "more than 50000 entries"),
        ("a: " + "x" * 2_000_000, "2000003 characters; settings have at most 1000000"),
        ("a: " + "9" * 5000, "not valid YAML: Exceeds the limit"),
        ("a: 0x" + "f" * 5000, "line 1, column 4: not valid YAML: an integer of more than 1000 bits"),
        ("a: " + ":".join(["1"] * 3000), "an integer of more than 1000 bits"),
        ("? 0x" + "f" * 5000 + "\n: 1", "an integer of more than 1000 bits"),
        ("a: 2026-99-99", "not valid YAML: month must be in 1..12"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
    ],
    ids=[
        "laughs",
        "merges",
        "lists",
        "maps",
        "deep",
        "block",
        "itself",
        "long",
        "text",
        "digits",
        "hex",
        "sixties",
        "key",
        "date",
        "object",
    ],
)
def test_yaml_that_would_fill_the_memory_is_refused_at_once(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(ConfigError, match=f"bomb.yaml: .*(?:{said})") as caught:
        read_yaml(path)
    assert len(str(caught.value)) < 500
    assert time.process_time() - started < seconds_of(2)


def test_aliases_of_a_reasonable_size_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: 3}\n")
    assert read_yaml(path) == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": 3}}


def test_a_configuration_that_snakemake_read_is_measured_before_it_is_checked() -> None:
    started = time.process_time()
    with pytest.raises(ConfigError, match="more than 50000 entries"):
        load_config(yaml.safe_load(LAUGHS))
    knot: dict[str, Any] = {}
    knot["overrides"] = knot
    with pytest.raises(ConfigError, match="more than 40 levels"):
        load_config(knot)
    assert time.process_time() - started < seconds_of(2)


def test_a_configuration_with_an_integer_that_nobody_can_print_is_refused() -> None:
    for settings in ({"cores": 1 << 20_000}, {"overrides": {"all": {1 << 20_000: 1}}}):
        with pytest.raises(ConfigError, match="config: an integer of more than 1000 bits"):
            load_config(settings)


def test_of_many_mistakes_the_first_are_told_in_a_time_that_grows_with_their_number(tmp_path: Path) -> None:
    path, text = tmp_path / "study.yaml", (ROOT / "config/studies/sodium_ion.yaml").read_text(encoding="utf-8")
    long = "x" * 100_000
    path.write_text(text + "\n" + "\n".join(f"k{i}: 1" for i in range(20_000)) + "\n" + f"? {long}\n: 1\n")
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_study(path)
    assert time.process_time() - started < seconds_of(4)
    assert len(caught.value.problems) == 21
    assert caught.value.problems[0].startswith(f"{path}: k0: unknown key 'k0'; known: ")
    assert caught.value.problems[-1] == f"{path}: 19981 more keys"
    path.write_text(text.replace("unit: V", f"unit: {long}", 1))
    with pytest.raises(ConfigError) as caught:
        load_study(path)
    config = load_config({"studies": [long, *map(str, range(1000))], "studies_folder": str(ROOT / "config/studies")})
    with pytest.raises(ConfigError) as several:
        list_study_files(config)
    assert max(len(line) for line in [*caught.value.problems, *several.value.problems]) <= 1000


def test_quantities_that_double_each_other_are_refused() -> None:
    first = Derived(name="q0", label="q", unit="1", expression="a + a")
    doubled = [Derived(name=f"q{i}", label="q", unit="1", expression=f"q{i - 1} + q{i - 1}") for i in range(1, 40)]
    started = time.process_time()
    with pytest.raises(ExpressionError, match="becomes longer than 5000 names"):
        expand_derived(Constraint(name="c", expression="q39 <= 1"), [first, *doubled])
    assert time.process_time() - started < seconds_of(2)


def test_quantities_that_nest_without_end_are_refused() -> None:
    first = Derived(name="q0", label="q", unit="1", expression="-" * 95 + "a")
    nested = [Derived(name=f"q{i}", label="q", unit="1", expression="-" * 95 + f"q{i - 1}") for i in range(1, 4)]
    with pytest.raises(ExpressionError, match="'q3 <= 1' is nested too deeply once its quantities are substituted"):
        expand_derived(Constraint(name="c", expression="q3 <= 1"), [first, *nested])


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "/etc/passwd", "a\nb", "A", "1a", "all", "", "a b"])
def test_names_of_studies_and_data_sets_lead_nowhere_else(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*config/studies/"):
        list_study_files(
            load_config({"studies": [name], "studies_folder": str(ROOT / "config/studies")}) if name else _empty()
        )
    assert main(["new-study", str(ROOT / "data/textbook/sodium_ion.csv"), f"--name={name or ' '}"]) == 1
    assert "cannot name a study" in capsys.readouterr().err or name == ""
    entry = read_yaml(ROOT / "config/datasets.yaml")["obelix"]
    catalogue = tmp_path / "datasets.yaml"
    if name not in ("all",):
        catalogue.write_text(yaml.safe_dump({name: entry}))
        with pytest.raises(ConfigError, match=r"datasets\.yaml: .*give a name of lower-case letters"):
            load_datasets(catalogue)
    file = entry | {"files": {f"../{name}": next(iter(entry["files"].values()))}}
    catalogue.write_text(yaml.safe_dump({"good": file}))
    with pytest.raises(ConfigError, match="give the name of a file"):
        load_datasets(catalogue)


@pytest.mark.parametrize("name", ["../evil", "good/../../evil", "ABSOLUTE/evil"])
def test_a_study_that_lies_where_a_name_leads_is_refused(name: str, tmp_path: Path) -> None:
    shipped = (ROOT / "config/studies/sodium_ion.yaml").read_bytes()
    folder = tmp_path / "studies"
    (folder / "good").mkdir(parents=True)
    for path in (folder / "good.yaml", tmp_path / "evil.yaml"):
        path.write_bytes(shipped)
    name = name.replace("ABSOLUTE", str(tmp_path))
    assert (folder / f"{name}.yaml").is_file()
    assert list_study_files(load_config({"studies": ["good"], "studies_folder": str(folder)})) == {
        "good": folder / "good.yaml"
    }
    with pytest.raises(ConfigError, match=f"there is no {folder}/"):
        list_study_files(load_config({"studies": [name], "studies_folder": str(folder)}))


@pytest.mark.parametrize("study", ["sodium_ion", "ncm_cathodes", "solid_electrolytes_measured"])
def test_a_study_that_ends_too_early_is_refused_or_lacks_optional_entries_only(study: str, tmp_path: Path) -> None:
    """Whoever cuts a YAML between two entries gets a study without the others; the manifest tells that it changed."""
    path = tmp_path / "study.yaml"
    lines = (ROOT / f"config/studies/{study}.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines), encoding="utf-8")
    whole, taken = load_study(path).model_dump(), 0
    needed = ("title", "edition", "seed", "table", "features", "objectives")
    for n_lines in range(len(lines)):
        path.write_text("".join(lines[:n_lines]), encoding="utf-8")
        try:
            found = load_study(path).model_dump()
        except ConfigError:
            continue
        taken += 1
        assert {key: found[key] for key in needed} == {key: whole[key] for key in needed}
    assert taken < len(lines) / 2


def _empty() -> Config:
    """A configuration that asks for a study without a name."""
    return load_config({"studies": [""], "studies_folder": str(ROOT / "config/studies")})


@pytest.mark.parametrize("place", ["../outside.csv", "/etc/passwd", "data/../../outside.csv", "C:\\x.csv\0"])
def test_a_table_outside_the_folder_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workflow/data").mkdir(parents=True)
    (tmp_path / "outside.csv").write_bytes((ROOT / "data/textbook/sodium_ion.csv").read_bytes())
    monkeypatch.chdir(tmp_path / "workflow")
    assert Path(place.rstrip("\0")).is_file() == place.startswith((".", "/", "data"))
    study = read_yaml(ROOT / "config/studies/sodium_ion.yaml")
    study["table"]["file"] = place
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    with pytest.raises(ConfigError, match=r"study\.yaml: .*(leaves the workflow's folder|character '\\x00')"):
        load_study(path)


@pytest.mark.parametrize("title", ["a\x1b[2Jb", "a\nb", "a\tb", "\rb", "\x9b31m"])
def test_titles_and_labels_hold_no_control_characters(title: str, tmp_path: Path) -> None:
    study = read_yaml(ROOT / "config/studies/sodium_ion.yaml")
    path = tmp_path / "study.yaml"
    for change in ({"title": title}, {"features": [study["features"][0] | {"label": title}, study["features"][1]]}):
        path.write_text(yaml.safe_dump(study | change))
        with pytest.raises(ConfigError, match="control character"):
            load_study(path)
