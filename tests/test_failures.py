"""What a run says of failed jobs, of wrong settings, and of settings that changed; none of it depends on `--quiet`."""

import logging
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import ROOT, SMOKE, Workspace
from hypothesis import given
from hypothesis import strategies as st

from batterymi.cli.main import main
from batterymi.config.campaign import ChargingChoice
from batterymi.config.load import find_name_problem, load_studies, load_study, read_yaml, validate_settings
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.errors import ConfigError
from batterymi.evaluators.charging import ChargingEvaluator
from batterymi.workflow.failures import FailureLog, describe_end, show_failures
from batterymi.workflow.launch import OF_ALL_STUDIES, OF_THE_ARENA, needs_settings
from batterymi.workflow.project import open_project
from batterymi.workflow.reasons import describe_reason

QUIET = ("--cores", "1", "--quiet", "rules", "host")


def snakemakes_reason(before: list[Any], now: list[Any]) -> str:
    """Return what Snakemake itself prints of params that changed, with other reasons around it."""
    from snakemake.persistence import ParamsChange

    change = ParamsChange(only_old=set(map(repr, before)), only_new=set(map(repr, now)), files={"x"})
    return f"Updated input files: a.py; Params have changed since last execution: {change}"


FEATURE = {"name": "temp_c", "bounds": [1.0, 2.0], "unit": "°C; now: [x]"}
WIDER = FEATURE | {"bounds": [1.0, 3.0]}
SETTINGS: dict[str, Any] = {
    "features": [FEATURE, {"name": "time_h", "bounds": None}],
    "seed": 3,
    "campaign": {"mode": "search"},
}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ([SETTINGS], [SETTINGS | {"seed": 4}], "settings changed: seed"),
        (
            [SETTINGS, {"data/a.csv": "a" * 64}],
            [SETTINGS | {"features": [WIDER, SETTINGS["features"][1]]}, {"data/a.csv": "b" * 64}],
            "settings changed: features.temp_c.bounds; files changed: data/a.csv",
        ),
        ([SETTINGS], [SETTINGS | {"features": SETTINGS["features"][::-1]}], "settings changed: features (their order)"),
        ([SETTINGS], [SETTINGS | {"features": [FEATURE]}], "settings changed: features.time_h"),
        ([SETTINGS], [SETTINGS | {"campaign": {"mode": "search", "budget": 3}}], "settings changed: campaign.budget"),
        ([SETTINGS | {"x": float("inf")}], [SETTINGS | {"x": 1}], "settings changed: x"),
        ([], [{"data/a.csv": "b" * 64}], "settings changed: a value"),
        ([Path("x")], [SETTINGS], "settings changed"),
    ],
)  # fmt: skip
def test_a_reason_names_the_settings_that_changed(before: list[Any], now: list[Any], said: str) -> None:
    assert describe_reason(snakemakes_reason(before, now)) == f"Updated input files: a.py; {said}"


def test_other_reasons_stay_as_they_are() -> None:
    reason = "Missing output files: a.csv; Set of input files has changed since last execution"
    assert describe_reason(reason) == reason


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alpha", "beta", "gamma"]), PLAIN, min_size=1), st.integers(10, 99))
def test_whatever_settings_hold_the_one_that_changed_is_named_and_no_value_is_shown(
    settings: dict[str, Any], value: int
) -> None:
    key = sorted(settings)[0]
    said = describe_reason(snakemakes_reason([settings], [settings | {key: value}]))
    assert re.fullmatch(rf"Updated input files: a\.py; settings changed: {key}\b.*", said, flags=re.DOTALL)
    assert "before:" not in said


def record_of(event: str, **more: object) -> logging.LogRecord:
    """Return a record as Snakemake makes one."""
    record = logging.LogRecord("snakemake.logging", logging.ERROR, "", 0, "", None, None)
    vars(record).update(event=event, **more)
    return record


def test_each_job_that_failed_is_listed_once_with_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, made = tmp_path / "a.log", tmp_path / "made.csv"
    log.write_text("10:00:00 reading\n10:00:01 error: data/a.csv: line 3: no number\ndata/a.csv: line 4: none either\n")
    made.touch()
    kept = FailureLog()
    for event, rule, outputs in (
        ("job_info", "fine", ["x"]),
        ("job_error", "prepare_table", ["t.parquet"]),
        ("job_error", "prepare_table", ["t.parquet"]),
        ("job_error", "made_later", [str(made)]),
    ):
        kept.emit(record_of(event, rule_name=rule, output=outputs, log=[str(log)]))
    show_failures(kept.list_failures())
    assert capsys.readouterr().err == (
        f"\nfailed:\n  prepare_table: {log}\n"
        "    error: data/a.csv: line 3: no number\n    data/a.csv: line 4: none either\n"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, "it wrote nothing there; it was killed"),
        ("", "it wrote nothing there; it was killed"),
        ("10:00:00 fold 3 of 5\n", "as if killed (out of memory?); its last line: fold 3 of 5"),
        ("10:00:00 done in 0.3 s\n", "a file that it should have made is missing"),
        (
            "10:00:00 unexpected error; please report it with this log\nTraceback:\n  x\nKeyError: 'a'\n",
            "KeyError: 'a'",
        ),
        ("\x00\xff binary", "its last line"),
        ("10:00:00 error: " + "\n".join(map(str, range(40))), "and 28 more lines"),
    ],
)
def test_how_a_job_ended_is_read_from_its_log(text: str | None, wanted: str, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    if text is not None:
        log.write_text(text, encoding="latin-1")
    assert wanted in "\n".join(describe_end([str(log)]))


@pytest.mark.slow
def test_a_quiet_run_names_the_log_of_a_failed_job_and_how_it_ends(workspace: Workspace) -> None:
    workspace.edit("data/textbook/sodium_ion.csv", "P2,3.2,180", "P2,3.2,lots")
    done = workspace.run("results/sodium_ion/table.parquet", *QUIET)
    assert done.returncode == 1
    assert re.search(
        r"failed:\n  prepare_table: logs/prepare_table/sodium_ion\.log\n"
        r"    error: data/textbook/sodium_ion\.csv: line 3: .*lots",
        done.stdout,
    ), done.stdout
    assert "CalledProcessError" not in done.stdout


@pytest.mark.slow
def test_one_wrong_yaml_stops_only_what_needs_it(workspace: Workspace) -> None:
    studies = workspace.folder / "config/studies"
    (studies / "bad.yaml").write_bytes((studies / "sodium_ion.yaml").read_bytes().replace(b"title:", b"titel:"))
    (studies / "My Study.yaml").write_bytes((studies / "sodium_ion.yaml").read_bytes())
    wrong = (
        "config/studies/bad.yaml: titel: unknown key 'titel'; did you mean 'title'?",
        "config/studies/My Study.yaml: 'My Study' cannot name a study",
    )
    other = workspace.run("results/sodium_ion/table.parquet", *QUIET, *SMOKE)
    assert other.returncode == 0, other.stdout
    assert all(line in other.stdout for line in wrong)
    few = 'studies=["sodium_ion", "bad"]'
    both = workspace.run("summary", *QUIET, *SMOKE, "--config", few)
    assert both.returncode == 1
    assert (
        f"failed:\n  reject_study: logs/reject_study/bad.log\n    error: {wrong[0].partition(': titel')[0]}"
        in both.stdout
    )
    assert (workspace.folder / "results/sodium_ion/summary.json").is_file(), "the good one is complete"
    assert not (workspace.folder / "results/summary.csv").exists(), "a summary without one of its studies would hide it"
    alone = workspace.run("bad", *QUIET)
    assert alone.returncode == 1
    assert "cannot start" in alone.stdout
    assert "My Study" not in alone.stdout
    assert workspace.run("-n", *SMOKE).returncode == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two studies, one of them on a data set, to work in."""
    monkeypatch.chdir(tmp_path)
    main(["init", "p", "--example", "sodium_ion", "--example", "sodium_ion_measured", "--example", "fast_charging"])
    monkeypatch.chdir("p")
    return Path()


def test_a_wrong_catalogue_of_data_sets_stops_studies_on_data_sets_alone(folder: Path) -> None:
    (folder / "config/datasets.yaml").write_text("obelix: [", encoding="utf-8")
    project = open_project({})
    assert set(project.studies) == {"sodium_ion", "fast_charging"}
    assert project.rejected_problems[0].startswith("config/datasets.yaml: line ")
    (folder / "config/datasets.yaml").write_text("{}", encoding="utf-8")
    (line,) = open_project({}).rejected_problems
    assert line.startswith("config/studies/sodium_ion_measured.yaml: there is no data set 'mp_")
    assert "; the catalogue is empty" in line


def test_wrong_settings_of_the_arena_stop_the_arena_alone(folder: Path) -> None:
    (folder / "config/arena.yaml").write_text("cellz: 3\n", encoding="utf-8")
    project = open_project({})
    assert not project.rejected
    assert len(project.studies) == 3
    assert project.arena_problems[0].startswith("config/arena.yaml: ")
    for target in ("charging_arena", "results/arena/table.csv"):
        assert needs_settings([target], {"arena"}, OF_THE_ARENA, "results")
    assert not needs_settings(["sodium_ion", "results/sodium_ion/summary.json"], {"arena"}, OF_THE_ARENA, "results")


@pytest.mark.parametrize(
    ("target", "needs"),
    [("all", True), ("summary", True), ("results/summary.html", True), ("bad", True), ("out/bad/summary.json", True),
     ("good", False), ("results/good/summary.json", False), ("closed_loop", False), ("results/MANIFEST.json", True)],
)  # fmt: skip
def test_which_targets_need_a_study_whose_yaml_is_wrong(target: str, needs: bool) -> None:
    assert needs_settings([target], {"bad"}, OF_ALL_STUDIES, "results") is needs


@pytest.mark.parametrize(
    "name", ["My Study", "x{y}", "1a", "a" * 30, "ab" * 25, "class", "all", "ü-é", "a" * 101, "a.b"]
)
def test_a_name_that_no_study_can_have_is_refused_and_hides_no_other(name: str, folder: Path) -> None:
    assert find_name_problem(name)
    (folder / "config/studies" / f"{name}.yaml").write_text("{}", encoding="utf-8")
    studies, rejected = load_studies(Config())
    assert {"sodium_ion", "fast_charging"} <= set(studies)
    ((rule, error),) = rejected.items()
    assert re.fullmatch(r"misnamed_[a-z0-9_]+", rule)
    assert f"config/studies/{name}.yaml: '" in str(error)


@pytest.mark.parametrize("name", ["abcabcabc", "a" * 19, "run_2024_01", "x1"])
def test_other_names_are_right(name: str) -> None:
    assert find_name_problem(name) is None


def test_names_that_are_refused_are_those_that_snakemake_takes_for_endless() -> None:
    from snakemake.io import PeriodicityDetector

    endless = PeriodicityDetector()
    for name in ("a" * 30, "xy" * 20, "b" + "ac" * 24, "a" * 19, "aab" * 19, "a" * 20 + "b", "ab" * 19 + "a"):
        assert bool(find_name_problem(name)) == bool(endless.is_periodic(name)), name


def charging_study(change: Any) -> list[str]:
    """Return what is wrong with the shipped charging study after a change."""
    content = read_yaml(ROOT / "config/studies/fast_charging.yaml")
    change(content)
    try:
        validate_settings(Study, content, "x.yaml")
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize("rate", [0, -1, -0.0])
@pytest.mark.parametrize("step", ["c_rate_1", "c_rate_2"])
def test_a_reference_design_that_never_ends_is_refused_before_it_runs(step: str, rate: float) -> None:
    (line,) = charging_study(lambda study: study["reference_designs"][0]["values"].update({step: rate}))
    assert f"{step} is {rate:g}; a charge never ends without current" in line


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda s: s["features"][0].update(bounds=[0, 5]), "features: 'c_rate_1' may be 0"),
        (lambda s: s["features"][0].update(bounds=None, levels=[0, 1, 2]), "features: 'c_rate_1' may be 0"),
        (lambda s: s["campaign"]["evaluator"]["references"].append({"label": "r", "cc_cv": 0.05}), "above 0.05"),
        (lambda s: s["campaign"]["evaluator"]["references"].append({"label": "r", "timed": []}), "'r' has no step"),
        (lambda s: s["campaign"]["evaluator"]["references"].append({"label": "r", "timed": [[0, 5]]}), "above 0"),
        (lambda s: s["campaign"]["evaluator"]["references"].append({"label": "r", "phases": [[0.5, 0]]}), "above 0"),
        (
            lambda s: s["campaign"]["evaluator"]["references"].append({"label": "r", "phases": [[0.5, 1], [0.4, 1]]}),
            "rise",
        ),
    ],
)
def test_a_charge_that_never_ends_is_refused_wherever_it_is_asked_for(change: Any, wanted: str) -> None:
    assert any(wanted in line for line in charging_study(change))


def test_a_design_that_no_charger_can_run_is_a_failure_and_no_traceback() -> None:
    study = load_study(ROOT / "config/studies/fast_charging.yaml")
    evaluator = ChargingEvaluator(ChargingChoice(name="charging"), study.objectives)
    names = [feature.name for feature in study.features]
    found = evaluator.evaluate(pd.DataFrame([[1.0, 0.0, 1.0, 1.0], [1.0, float("nan"), 1.0, 1.0]], columns=names))
    assert found["failure"].tolist() == ["ended_early"] * 2
    assert found[study.target_name].isna().all()


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"c_rate_2": 12}, "c_rate_2 is 12, outside 0.5 to 5"),
        ({"c_rate_2": 0}, "c_rate_2 is 0; a charge never ends"),
        ({"c_rate_2": "fast"}, "c_rate_2 is 'fast', not a number"),
        ({"c_rate_2": float("nan")}, "give a finite number"),
    ],
)
def test_check_speaks_of_reference_designs(
    values: dict[str, Any], wanted: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "config/studies/fast_charging.yaml"
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    study["reference_designs"][0]["values"] |= values
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    main(["check", "fast_charging"])
    said = capsys.readouterr()
    assert wanted in said.out + said.err
    assert "Traceback" not in said.err
