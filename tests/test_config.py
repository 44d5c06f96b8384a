"""Settings: every mistake gets one clear line, before anything runs."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ON_REQUEST, ROOT, SHIPPED, TEXTBOOK
from pydantic import BaseModel

from batterymi.cli.suggest import propose_now
from batterymi.config.arena import Arena
from batterymi.config.load import (
    list_selected_studies,
    list_study_files,
    load_config,
    load_studies,
    load_study,
    merge_settings,
    read_yaml,
)
from batterymi.config.messages import RENAMED, keys_at
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.workflow.project import open_project
from batterymi.workflow.settings import read_config

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def study() -> dict[str, Any]:
    return copy.deepcopy(read_yaml(ROOT / "config/studies/lithium_sulfur.yaml"))


def problems(study: dict[str, Any], folder: Path) -> list[str]:
    path = folder / "my_study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_study(path)
    return caught.value.problems


CASES: list[tuple[Change, list[str]]] = [
    (lambda s: s.update(titel="x"), ["titel: unknown key 'titel'", "did you mean 'title'?"]),
    (lambda s: s["campaign"].update(budgte=3), ["campaign.budgte: unknown key", "did you mean 'budget'?"]),
    (lambda s: s["campaign"]["evaluator"].update(varient="x"), ["campaign.evaluator.varient", "'variant'"]),
    (lambda s: s["campaign"].update(budget="many"), ["campaign.budget", "whole number", "'many'"]),
    (lambda s: s["campaign"].update(budget=0), ["campaign.budget", "greater than or equal to 1", "found 0"]),
    (lambda s: s["campaign"].update(budget=8), ["campaign: budget 8 leaves nothing after 8 initial designs"]),
    (lambda s: s["features"][0].update(bounds=[10, 2]), ["features.0.bounds", "10 is not below", "[lower, upper]"]),
    (lambda s: s["features"][0].update(bounds=[float("nan"), 2]), ["features.0.bounds.0", "finite number"]),
    (lambda s: s["objectives"][0].update(unit="percnt"), ["objectives.0.unit", "'percnt'", "did you mean 'percent'?"]),
    (lambda s: s["surrogate"].update(models=["dummy", "ridge", "rigde"]), ["surrogate.models", "'rigde'", "'ridge'"]),
    (lambda s: s["surrogate"].update(models=["ridge"]), ["surrogate.models", "the baselines are required: add dummy"]),
    (lambda s: s["surrogate"].update(folds=1), ["surrogate.folds", "greater than or equal to 2"]),
    (lambda s: s["campaign"].update(engine="scikit-optimise"), ["campaign.engine", "did you mean 'scikit-optimize'?"]),
    (lambda s: s["constraints"][0].update(function="pores"), ["constraints.0.function", "not a known constraint"]),
    (lambda s: s["constraints"][0]["columns"].update(area_m2_g="area"), ["constraints: 'area' is not a column"]),
    (lambda s: s["table"].pop("file"), ["table: give exactly one of file, sample and dataset"]),
    (lambda s: s["table"].update(file="../../etc/passwd"), ["table", "leaves the workflow's folder"]),
    (lambda s: s.pop("objectives"), ["objectives: this key is missing"]),
    (lambda s: s["features"][0].pop("bounds"), ["'pore_size_nm' needs bounds"]),
    (
        lambda s: (
            s["features"].append({"name": "kind", "label": "Kind", "unit": "1", "choices": ["a", "b"]}),
            s.update(derived=[{"name": "x", "label": "x", "unit": "1", "expression": "2 * kind"}]),
        ),
        ["derived: 'kind' is not a number that the campaign chooses; use oh_groups_mmol_g, pore_size_nm"],
    ),
    (lambda s: s.update(figure="pie"), ["figure: 'pie' is not a known figure"]),
    (lambda s: s["reference_designs"][0]["values"].pop("pore_size_nm"), ["lacks pore_size_nm"]),
    (lambda s: s["features"].append(s["features"][0]), ["'pore_size_nm' is declared twice"]),
    (lambda s: s["campaign"]["evaluator"].update(name="oracle"), ["campaign.evaluator", "'oracle'"]),
    (
        lambda s: s["campaign"].update(evaluator={"name": "charging", "cell": "power_cel"}),
        ["campaign.evaluator.cell: 'power_cel' is not a declared cell", "did you mean 'power_cell'?"],
    ),
    (lambda s: s["features"][0].update(unit="ma/g"), ["features.0.unit", "'ma/g' is not a unit", "'mA/g'?"]),
    (lambda s: s["campaign"].pop("mode"), ["campaign: the mode is missing", "`mode: replay` if the rows"]),
    (lambda s: s["campaign"].update(mode="serch"), ["campaign", "'serch'", "'search', 'experiment', 'replay'"]),
    (lambda s: s["campaign"].update(evaluator={"name": "pool"}), ["campaign: the evaluator 'pool'", "`mode: replay`"]),
    (lambda s: s["campaign"].update(engine="pool"), ["campaign: ", "the engine 'pool'", "`mode: replay`"]),
    (lambda s: s["campaign"].update(evaluator={"name": "experiment"}), ["campaign: ", "now `mode: experiment`"]),
    (
        lambda s: s["campaign"].update(mode="experiment"),
        ["campaign.evaluator: unknown", "campaign.budget: unknown"],
    ),
    (
        lambda s: s["campaign"].update(reach=1),
        ["campaign.reach: unknown key 'reach'; it is now 'campaign.max_distance'"],
    ),
    (lambda s: s.update(designs=[]), ["designs: unknown key 'designs'; it is now 'reference_designs'"]),
    (lambda s: s.update(picture="ternary"), ["picture: unknown key 'picture'; it is now 'figure'"]),
    (lambda s: s.update(candidates={}), ["candidates: unknown key 'candidates'; it is now 'screen.source'"]),
]


@pytest.mark.parametrize(("change", "wanted"), CASES)
def test_a_mistake_is_named_with_file_key_finding_and_remedy(
    change: Change, wanted: list[str], study: dict[str, Any], tmp_path: Path
) -> None:
    change(study)
    found = "\n".join(problems(study, tmp_path))
    assert found.startswith(str(tmp_path / "my_study.yaml"))
    for part in wanted:
        assert part in found


def test_an_old_key_is_refused_with_its_new_name(study: dict[str, Any], tmp_path: Path) -> None:
    study["picture"] = study.pop("figure")
    assert problems(study, tmp_path) == [
        f"{tmp_path}/my_study.yaml: picture: unknown key 'picture'; it is now 'figure'"
    ]


@pytest.mark.parametrize("model", [Study, Arena, Config])
def test_renamed_keys_lead_to_keys_that_there_are(model: type[BaseModel]) -> None:
    for old, new in RENAMED[model.__name__].items():
        *place, last = new.split(".")
        assert last in keys_at(model, tuple(place)), new
        *place, last = old.split(".")
        assert last not in keys_at(model, tuple(place)), old


def test_all_mistakes_are_told_at_once(study: dict[str, Any], tmp_path: Path) -> None:
    study["titel"] = "x"
    study["objectives"][0]["unit"] = "percnt"
    study["campaign"]["seeds"] = 1
    assert len(problems(study, tmp_path)) == 3


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("title: [", "not valid YAML"),
        ("a: 1\na: 2\n", "the key 'a' is listed twice"),
        ("- 1\n", "found a list"),
        ("", "found nothing"),
        ("x: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=wanted):
        read_yaml(path)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: \xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "latin.yaml")


def test_an_unknown_study_in_the_config_is_suggested() -> None:
    config = load_config({"studies": ["sodium_iom"]})
    with pytest.raises(ConfigError, match=r"did you mean 'sodium_ion'\?"):
        load_studies(config)


def test_overrides_reach_the_study_they_name() -> None:
    config = load_config({"overrides": {"all": {"campaign": {"seeds": 3}}, "sodium_ion": {"campaign": {"budget": 9}}}})
    studies, rejected = load_studies(config)
    assert not rejected
    assert {study.campaign.seeds for study in studies.values()} == {3}
    assert studies["sodium_ion"].campaign.budget == 9
    assert studies["lithium_sulfur"].campaign.budget == 25


def test_the_shipped_studies_are_right() -> None:
    studies, rejected = load_studies(Config())
    assert not set(SHIPPED) & set(rejected)
    assert len(SHIPPED) == 13
    editions = {name: studies[name].edition for name in SHIPPED}
    assert {name for name, edition in editions.items() if edition == "on_request"} == set(ON_REQUEST)
    assert {name for name, edition in editions.items() if edition == "textbook"} == set(TEXTBOOK)
    assert len(set(SHIPPED) & set(list_selected_studies(Config(), studies, rejected))) == 5
    both = set(list_selected_studies(Config(editions=("textbook", "measured")), studies, rejected))
    assert both & set(SHIPPED) == set(SHIPPED) - set(ON_REQUEST)
    assert studies["solid_electrolytes"].primary_variant == "without_activation_energy"


def test_each_mode_of_a_campaign_looks_up_what_it_uses(study: dict[str, Any]) -> None:
    def look_up(**campaign: Any) -> list[tuple[str, str]]:
        names = Study.model_validate(study | {"campaign": campaign, "constraints": []}).list_lookups(
            "engine", "evaluator"
        )
        return [pair for pair in names if pair[0] != "model"]

    engines = [("engine", "gaussian_process"), ("engine", "random")]
    assert look_up(mode="search", evaluator={"name": "surrogate"}) == [*engines, ("evaluator", "surrogate")]
    assert look_up(mode="experiment") == engines
    assert set(look_up(mode="experiment", engine="enumerate")) == {*engines, ("engine", "enumerate")}
    assert look_up(mode="replay") == []


def test_a_replayed_campaign_suggests_nothing_at_the_command_line(study: dict[str, Any]) -> None:
    replayed = Study.model_validate(study | {"campaign": {"mode": "replay"}})
    with pytest.raises(ConfigError, match="chooses among measured rows"):
        propose_now("mine", replayed, None)


@pytest.mark.parametrize("mode", ["search", "experiment", "replay"])
def test_overrides_of_all_studies_leave_out_what_a_mode_lacks_and_refuse_what_no_mode_has(
    mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    campaign = {"mode": mode} | ({"evaluator": {"name": "surrogate"}} if mode == "search" else {})
    number = {"label": "x", "unit": "1"}
    content = {
        "title": "A study",
        "edition": "own",
        "table": {"file": "x.csv"},
        "features": [{"name": "a", "bounds": [0, 1]} | number],
        "objectives": [{"name": "b", "goal": "maximise"} | number],
        "campaign": campaign,
    }
    path.write_text(yaml.safe_dump(content))
    config = load_config({"overrides": {"all": {"campaign": {"seeds": 3, "budget": 9, "initial": 4}}}})
    assert load_study(path, config).campaign.seeds == 3
    with pytest.raises(ConfigError, match="unknown key 'budgt'"):
        load_study(path, load_config({"overrides": {"all": {"campaign": {"budgt": 9}}}}))


def test_no_study_is_named_like_a_rule_or_a_folder_of_results(tmp_path: Path) -> None:
    """The names of all rules, as the rule files have them, so that a new rule is covered by itself."""
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    rules = {name for file in files for name in re.findall(r"^ *rule (\w+):", file.read_text("utf-8"), re.MULTILINE)}
    assert len(rules) > 30
    (tmp_path / "studies").mkdir()
    config = Config.model_validate({"studies_folder": str(tmp_path / "studies")})
    for name in [*rules, "arena", "class"]:
        path = tmp_path / f"studies/{name}.yaml"
        path.write_text("{}")
        (error,) = load_studies(config)[1].values()
        assert re.search(rf"{name}\.yaml: '{name}' cannot name a study, since .*; choose another", str(error))
        path.unlink()


def test_copies_that_editors_and_file_managers_keep_are_passed_over(tmp_path: Path) -> None:
    for name in ("my.yaml", "._my.yaml", "my.yaml~", ".#my.yaml", "#my.yaml#", ".my.yaml.swp", "my.yaml.bak"):
        (tmp_path / name).write_text("{}")
    (tmp_path / ".#my.yaml").unlink()
    (tmp_path / ".#my.yaml").symlink_to("nobody@nowhere")  # as Emacs does
    assert list(list_study_files(Config.model_validate({"studies_folder": str(tmp_path)}))) == ["my"]
    for name in ("my.yml", "my.YAML", "my.yaml.txt"):  # as Windows hides it
        (tmp_path / name).write_text("{}")
        rejected = load_studies(Config.model_validate({"studies_folder": str(tmp_path)}))[1]
        assert any(str(error).endswith(f"{name}: studies end with .yaml; rename it") for error in rejected.values())
        (tmp_path / name).unlink()


@pytest.mark.parametrize("folder", ["results/l", "logs", "data/raw", ".snakemake/l", "config/studies", "out/x/l"])
def test_ledgers_have_a_folder_of_their_own(folder: str) -> None:
    with pytest.raises(ConfigError, match=r"ledgers: '.*' lies in '.*', which can be removed and made again"):
        load_config({"ledgers": folder, "pathvars": {"results": "out/x"}})
    assert load_config({"ledgers": "campaigns"}).ledgers == "campaigns"


@pytest.mark.parametrize("mirror", ["https://me:secret@host/x", "https:/host/x"])
def test_a_mirror_is_a_folder_and_no_url(mirror: str) -> None:
    with pytest.raises(ConfigError, match="it is a folder on this machine, not a URL"):
        load_config({"mirror": mirror})


def test_a_bad_setting_is_reported_with_the_file_that_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    files = {
        "config/config.yaml": "formula_net: {width: 16}\nledgers: campaigns\n",
        "small.yaml": "formula_net: {encoders: 99}\nclosed_loop: {batches: [8, 0]}\n",
        "more.yaml": "formula_net: {epochs: 7, components: 64}\n",
    }
    for name, content in files.items():
        Path(name).write_text(content, encoding="utf-8")
    settings: dict[str, Any] = {}
    for name in files:
        settings = merge_settings(settings, read_yaml(Path(name)))
    settings = merge_settings(settings, {"formula_net": {"layers": 0}, "more": 1})
    with pytest.raises(ConfigError) as caught:
        open_project(settings, ["small.yaml", "more.yaml", "config/config.yaml"])
    lines = str(caught.value).splitlines()
    assert [line.partition(" give ")[0] for line in lines[:3]] == [
        "small.yaml: closed_loop.batches.1:",
        "small.yaml: formula_net.encoders:",
        "the settings given by --config: formula_net.layers:",
    ]
    assert lines[3].startswith("the settings given by --config: more: unknown key 'more'")
    Path("one.yaml").write_text("formula_net: {encoders: 0}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^one.yaml: formula_net.encoders: "):
        read_config(Path("one.yaml"))
    with pytest.raises(ConfigError, match=r"^config/config.yaml and more.yaml: formula_net: components: 64 are more"):
        open_project({"formula_net": {"width": 16, "components": 64, "encoders": 3}}, ["more.yaml"])
