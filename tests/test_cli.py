"""The command line: a study from a CSV, checks without a run, and where numbers come from."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import Workspace, copy_workflow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batterymi.authoring.new_study import check_readable, guess_study, make_study_yaml
from batterymi.authoring.role import FACTOR
from batterymi.authoring.roles import Wishes
from batterymi.authoring.study_yaml import format_study
from batterymi.cli.main import main
from batterymi.config.load import load_study
from batterymi.config.slices.data import TableSettings
from batterymi.config.sources import Reading
from batterymi.data.column_facts import split_unit
from batterymi.data.table import load_table
from batterymi.errors import BatteryMIError, ConfigError
from batterymi.files import write_csv, write_json
from batterymi.stages.prepare_table import prepare_table
from batterymi.text_safety import UNSAFE
from batterymi.vocabulary.unit_table import find_own_unit
from batterymi.workflow.settings import read_config

CSV = """Sample ID,T (°C),time_h,Atmosphere,C-rate,Binder [wt%],Batch,operator notes,Capacity (mAh/g),date
A1,700,10,air,0.5,5,b1,fine,151.2,2026
A2,750,12,O2,0.5,5,b1,,158.0,2026
A3,800,10,air,1,7.5,b2,dark,149.9,2026
A4,850,15,O2,1,5,b2,dark,162.5,2026
A5,800,20,air,2,10,b3,,140.1,2026
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workflow's folder with a user's table in it."""
    copy_workflow(tmp_path)
    (tmp_path / "data/My cathodes-2.csv").write_text(CSV, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_study_needs_no_editing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-study", "data/My cathodes-2.csv"]) == 0
    path = folder / "config/studies/my_cathodes_2.yaml"
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    study = load_study(path)
    found = {feature.name: (feature.unit, feature.bounds, feature.choices) for feature in study.features}
    assert found == {
        "t_c": ("°C", (700, 850), None),
        "time_h": ("h", (10, 20), None),
        "atmosphere": ("1", None, ("air", "O2")),
        "c_rate": ("C-rate", (0.5, 2), None),
        "binder_wt_percent": ("wt%", (5, 10), None),
    }
    assert [(o.name, o.unit, o.goal) for o in study.objectives] == [("capacity_mah_g", "mAh/g", "maximise")]
    assert (study.table.id_column, study.table.group) == ("sample_id", "batch")
    assert "left out, constant or without use: operator notes, date" in text
    assert main(["check", "my_cathodes_2"]) == 0
    assert "5 good rows" in capsys.readouterr().out
    settings = TableSettings.take_from(study, path=study.table.file, dataset=None)
    prepare_table(Path("t.parquet"), Path("t.json"), settings)
    assert pd.read_parquet("t.parquet")["capacity_mah_g"].tolist() == [151.2, 158.0, 149.9, 162.5, 140.1]


def test_none_is_a_value_and_not_an_empty_cell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["none,0,83.7", "none,0.1,84.7", "FEC,2,85.5", "FEC,5,n/a", "VC,1,86.7", "VC,2,-"]
    (folder / "data/additives.csv").write_text("\n".join(["additive,additive_wt%,ce_first_pct", *rows]) + "\n")
    assert main(["new-study", "data/additives.csv"]) == 0
    study = load_study(folder / "config/studies/additives.yaml")
    assert [feature.choices for feature in study.features] == [("none", "FEC", "VC"), None]
    assert main(["check", "additives"]) == 0
    assert "6 good rows" in capsys.readouterr().out, "two of them are experiments under way"
    settings = TableSettings.take_from(study, path=study.table.file, dataset=None)
    rows = load_table(settings).rows
    assert rows["additive"].tolist().count("none") == 2
    assert (rows["split"] == "pending").sum() == 2


def test_units_of_the_file_are_converted_and_suggestions_are_written_in_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\n".join(f"{i / 2},{10 + i - i * i / 9:.3f}" for i in range(2, 12))
    (folder / "data/films.csv").write_text(f"thickness [µm],capacity_mAh_g\n{rows}\n", encoding="utf-8")
    assert main(["new-study", "data/films.csv"]) == 0
    path = folder / "config/studies/films.yaml"
    text = path.read_text(encoding="utf-8").replace("unit: µm, bounds: [1, 5.5]", "unit: nm, bounds: [1000, 5500]")
    path.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(["check", "films"]) == 0
    assert "10 good rows in data/films.csv; thickness_um converted from µm to nm" in capsys.readouterr().out
    assert main(["suggest", "films", "-n", "3", "--csv", "next.csv"]) == 0
    suggested = pd.read_csv("next.csv")
    assert list(suggested.columns) == ["thickness [µm]", "capacity_mAh_g"]
    assert suggested["thickness [µm]"].between(1, 5.5).all()


def test_a_study_that_is_there_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "config/studies/mine.yaml"
    path.write_text("precious")
    assert main(["new-study", "data/My cathodes-2.csv", "--name", "mine"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new-study", "data/none.csv"], "there is no such file"),
        (["new-study", "/etc/hostname"], "lies outside the workflow's folder"),
        (["new-study", "data/My cathodes-2.csv", "--name", "All"], "cannot name a study"),
        (["new-study", "data/My cathodes-2.csv", "--name", "summary"], "cannot name a study"),
        (["new-study", "data/words.csv"], "found 1 columns of numbers that vary"),
        (["check", "sodium"], "did you mean 'sodium_ion'"),
        (["check", "sodium_ion", "--configfile", "none.yaml"], "there is no such file"),
        (["explain", "sodium_ion.q2"], "run snakemake first"),
        (["explain", "na_r2"], "run `snakemake claims` first"),
    ],
)
def test_mistakes_get_one_line(
    arguments: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data/words.csv").write_text("a,b,c\nx,1,5\ny,2,5\nz,3,5\n")
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_a_check_names_every_mistake_of_settings_and_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(folder)
    workspace.edit("config/studies/sodium_ion.yaml", "goal: maximise", "goal: maximize")
    workspace.edit("data/textbook/lithium_sulfur.csv", "\n", "\nbroken,a,b,c,d,e\n")
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    assert "sodium_ion.yaml: objectives.0.goal" in printed.err
    assert "lithium_sulfur.csv: line" in printed.err
    assert "correct the file, or set table.bad_rows" in printed.err
    assert "nothing was written" not in printed.err, "a check writes nothing anyway"
    assert "solid_electrolytes: settings are right" in printed.out


def test_a_number_is_explained_with_its_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = {
        "q2": {"value": 0.5, "source": "results/sodium_ion/surrogate/metrics.csv"},
        "title": {"value": "x", "source": ""},
    }
    write_json(folder / "results/sodium_ion/summary.json", cells)
    claim = {
        "id": "na",
        "quantity": "R²",
        "claimed": 0.75,
        "unit": "1",
        "section": "4.5",
        "relation": "",
        "computed_value": 0.8,
        "computed": "not reproduced",
        "found": 0.7,
        "found_lower": 0.6,
        "found_upper": 0.9,
        "also_found": "0.71 (arena)",
        "holds": "depends",
        "reason": "why",
    }
    claim |= {"source_computed": "a.json#x", "source_found": "b.json#y & results/arena/claims.csv#id=na:found"}
    write_csv(folder / "results/claims.csv", pd.DataFrame([claim]))
    assert main(["explain", "sodium_ion.q2"]) == 0
    printed = capsys.readouterr().out
    assert "= 0.5" in printed
    assert "surrogate/metrics.csv" in printed
    assert "train_surrogate" in printed
    assert main(["explain", "sodium_ion.title"]) == 0
    assert "config/studies/sodium_ion.yaml" in capsys.readouterr().out
    assert main(["explain", "na"]) == 0
    printed = capsys.readouterr().out
    for part in ("section 4.5 claims 0.75", "recipe gives 0.8: not reproduced", "from a.json#x", "0.71 (arena)"):
        assert part in printed
    assert "found 0.7 [0.6, 0.9]: depends; why" in printed
    assert "from b.json#y" in printed
    assert "made by the rule check_arena_claims" in printed
    assert main(["explain", "sodium_ion.q3"]) == 1
    assert "known: q2, title" in capsys.readouterr().err


def explain(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what `batterymi explain` prints."""
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("study", "file", "rule"),
    [
        ("sodium_ion", "campaign/benchmark.json", "run_campaign"),
        ("my_cathodes_2", "campaign/benchmark.json", "suggest_batch"),
        ("sodium_ion_measured", "campaign/benchmark.json", "replay_pool"),
        ("solid_electrolytes_measured", "screen/report.json", "gather_screen"),
        ("fast_charging", "charging/replay.json", "replay_protocols"),
        ("sodium_ion", "table.json", "prepare_table"),
    ],
)
def test_the_rule_that_made_a_number_is_named_whatever_kind_of_campaign(
    study: str, file: str, rule: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-study", "data/My cathodes-2.csv"]) == 0
    write_json(folder / f"results/{study}/summary.json", {"x": {"value": 1, "source": f"results/{study}/{file}"}})
    printed = explain(capsys, f"{study}.x")
    assert printed.endswith(f"{study}.x = 1\nread from results/{study}/{file}\nmade by the rule {rule}\n")
    (folder / f"logs/{rule}").mkdir(parents=True)
    (folder / f"logs/{rule}/{study}.log").touch()
    assert f"made by the rule {rule}; its log is logs/{rule}/{study}.log\n" in explain(capsys, f"{study}.x")


def test_results_and_logs_are_found_where_the_configuration_puts_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "elsewhere/sodium_ion"
    (folder / "mine.yaml").write_text(f"pathvars: {{results: {out}/results, logs: {out}/logs}}\n")
    source = f"{out}/results/sodium_ion/surrogate/metrics.csv"
    write_json(out / "results/sodium_ion/summary.json", {"q2": {"value": 0.5, "source": source}})
    (out / "logs/train_surrogate").mkdir(parents=True)
    (out / "logs/train_surrogate/sodium_ion.log").touch()
    printed = explain(capsys, "sodium_ion.q2", "--configfile", "mine.yaml")
    assert f"its log is {out}/logs/train_surrogate/sodium_ion.log" in printed
    assert f"{out}/results" not in explain_error(capsys, "sodium_ion.q2")


def explain_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what `batterymi explain` says where it cannot."""
    assert main(["explain", *arguments]) == 1
    return capsys.readouterr().err


def test_a_number_of_a_study_whose_settings_are_gone_still_has_its_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(folder / "results/old/summary.json", {"x": {"value": 1, "source": "results/old/table.json"}})
    assert explain(capsys, "old.x") == "old.x = 1\nread from results/old/table.json\n"


@pytest.mark.parametrize(
    ("header", "label", "unit"),
    [
        ("T (°C)", "T", "°C"),
        ("voltage_V", "Voltage", "V"),
        ("Capacity [mAh/g]", "Capacity", "mAh/g"),
        ("capacity_mAh_g", "Capacity", "mAh/g"),
        ("Surface area (m²/g)", "Surface area", "m2/g"),
        ("Retention (%)", "Retention", "percent"),
        ("C-rate", "C-rate", "C-rate"),
        ("pH", "pH", "1"),
        ("rate (C)", "Rate", "C-rate"),
        ("T (C)", "T", "°C"),
        ("t [h]", "t", "h"),
        ("Wh/kg", "Wh/kg", "Wh/kg"),
        ("Li/TM [-]", "Li/TM", "1"),
        ("Capacity after 100 cycles", "Capacity after 100 cycles", "1"),
        ("Current density (mA/cm2)", "Current density", "mA/cm2"),
        ("areal_load_mg_cm2", "Areal load", "mg/cm2"),
        ("Thickness [μm]", "Thickness", "µm"),
        ("Range (furlongs)", "Range", "furlongs"),
        ("Yield (as received)", "Yield (as received)", "1"),
        ("Sample m", "Sample m", "1"),
    ],
)
def test_units_are_read_from_headers(header: str, label: str, unit: str) -> None:
    assert split_unit(header) == (label, unit)


# headers that settings can hold; others are refused, which other tests see to
HEADERS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters='",;\t#|±'), min_size=1
).filter(lambda text: not UNSAFE.search(text))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(headers=st.lists(HEADERS.filter(str.strip), min_size=2, max_size=5, unique_by=lambda h: h.strip()))
def test_any_headers_make_a_study_that_loads(headers: list[str], tmp_path: Path) -> None:
    rows = [[f"{(i + 1) * (k + 2) % 7 + i / 3:.3f}" for k in range(len(headers))] for i in range(5)]
    path = tmp_path / "x.csv"
    lines = [",".join(f'"{h}"' for h in headers), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = make_study_yaml(path, "data/x.csv", "X")
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    study = load_study(tmp_path / "x.yaml")
    assert len(study.features) == len(headers) - 1
    assert all(find_own_unit(feature.unit) == feature.unit for feature in study.features)
    assert yaml.safe_load(text)["table"]["file"] == "data/x.csv"


# what YAML reads as something else than text, or not at all
ODD_WORDS = [
    "yes",
    "No",
    "on",
    "~",
    "1:30",
    "0x1F",
    "2026-01-01",
    ".5",
    "1_000",
    "<<",
    "=",
    "<script>",
    "<!--x",
    "!tag",
    "&a",
    "*a",
]
ODD_WORDS += ["-", "'", "%", "@x", "`x`", "[x]", "{x}", "|", ">", "null", "é", "12e3", "+1", "1e400", "0o7", "0b1"]
UNSEEN = ["a: b", "a #b", "? x", "- x", " x", "\x85x", "\u2028x", "\x07x", "\ufeffx", "\u202ex", "e\u0301", "x" * 300]
WORDS = st.sampled_from([*ODD_WORDS, *UNSEEN]) | st.text(max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    words=st.lists(WORDS, min_size=2, max_size=5, unique=True), header=WORDS, stem=st.sampled_from(["x", "a b", "é"])
)
def test_a_study_is_read_back_as_it_was_meant_or_refused(
    words: list[str], header: str, stem: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{stem}.csv"
    rows = pd.DataFrame(
        {"T (°C)": range(10), header or "h": (words * 10)[:10], "capacity": [i * i % 7 for i in range(10)]}
    )
    path.write_bytes(rows.to_csv(index=False).encode("utf-8", errors="replace"))
    problem = ""
    try:
        plan = guess_study(path, f"data/{stem}.csv", "X", Reading(), Wishes(), ()).plan
        text = format_study(plan)
        check_readable(text, plan, path)
    except BatteryMIError as error:
        problem = str(error)
    if problem:
        assert problem.startswith(str(path))
        return
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    study = load_study(tmp_path / "x.yaml")
    assert [f.choices or () for f in study.features] == [tuple(one.words) for one in plan.list_columns(FACTOR)]


@pytest.mark.parametrize("word", ["<script>", "a<!--b"])
def test_no_study_is_written_that_could_not_be_read(
    word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "\n".join(f"{i},{('air', word)[i % 2]},{i * i % 7}" for i in range(8))
    (folder / "data/odd.csv").write_text(f"t,gas,capacity\n{rows}\n", encoding="utf-8")
    assert main(["new-study", "data/odd.csv"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("data/odd.csv: line 3: gas: '")
    assert "scripts are not allowed" in said
    assert said.endswith("no study was written\n")
    assert not (folder / "config/studies/odd.yaml").exists()


def test_of_two_new_studies_of_one_name_the_first_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config/studies/mine.yaml").symlink_to("nowhere.yaml")
    assert main(["new-study", "data/My cathodes-2.csv", "--name", "mine"]) == 1
    assert "exists already (a symbolic link that leads nowhere)" in capsys.readouterr().err
    assert not (folder / "config/studies/nowhere.yaml").exists()


def test_rows_that_are_left_out_are_named_by_check_and_suggest(workspace: Workspace) -> None:
    rows = [f"{x},{(x - 4) ** 2 % 7 + x}" for x in range(1, 12)]
    (workspace.folder / "data/my.csv").write_text("\n".join(["x,capacity", *rows, ",5", "13,pendig", ""]))
    assert workspace.batterymi("new-study", "data/my.csv").returncode == 0
    for command in (["check", "my"], ["suggest", "my", "-n", "1"]):
        done = workspace.batterymi(*command)
        assert done.returncode == 0, done.stdout
        assert "data/my.csv: line 13: x: found '': no value" in done.stdout
        assert "data/my.csv: line 14: capacity: found 'pendig': not a number" in done.stdout


def test_below_the_folder_of_a_project_the_way_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "my pröject/data/raw"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with pytest.raises(ConfigError, match="run this command in the folder of a project"):
        read_config()
    (tmp_path / "my pröject/config").mkdir()
    (tmp_path / "my pröject/config/config.yaml").touch()
    with pytest.raises(ConfigError) as caught:
        read_config()
    assert f"the project is in {tmp_path / 'my pröject'}; run this command there: cd ../.." in str(caught.value)
