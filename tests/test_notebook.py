"""Studies from Python: the same guesses, numbers and files as the command's, and results that go into the table."""

import multiprocessing
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from notebook_cells import EXAMPLE, make_project, run_cells
from own_study import STUDY, TABLE

from batterymi import Study
from batterymi.cli.main import main
from batterymi.data.read_table import read_table
from batterymi.errors import BatteryMIError, ConfigError, DesignError, TableError
from batterymi.notebook import compute
from batterymi.notebook.arguments import name_arguments
from batterymi.notebook.convert import save_as_csv
from batterymi.workflow.provenance import find_code_closure

QUICK = STUDY.replace(", pool: data/not_there.csv", "") + (
    "surrogate: {models: [dummy, ridge], permutations: 19, bootstraps: 100}\n"
)


def open_study(folder: Path, table: str = TABLE, settings: str = QUICK) -> Study:
    """Make a project with one study of eight rows, and open it."""
    make_project(folder)
    (folder / "data/my.csv").write_text(table, encoding="utf-8", newline="")
    (folder / "config/studies/my.yaml").write_text(settings, encoding="utf-8")
    return Study.open("my", folder)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose study has models and a first batch; copied by those that change it."""
    study = open_study(tmp_path_factory.mktemp("fitted"))
    study.suggest()
    return study.folder


@pytest.fixture
def study(fitted: Path, tmp_path: Path) -> Study:
    """The same in a folder of its own."""
    shutil.copytree(fitted, tmp_path / "project")
    return Study.open("my", tmp_path / "project")


def test_the_package_is_imported_without_what_notebooks_need() -> None:
    code = "import batterymi, sys; assert 'pandas' not in sys.modules; batterymi.Study; assert 'pandas' in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(ImportError, match="Studies"):
        from batterymi import Studies  # type: ignore[attr-defined] # noqa: F401


def test_no_job_depends_on_what_notebooks_run() -> None:
    scripts = sorted((ROOT / "scripts").glob("*.py"))
    assert not [path for script in scripts for path in find_code_closure(script) if path.parent.name == "notebook"]


def test_a_study_from_a_table_is_the_one_that_the_command_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project(tmp_path)
    (tmp_path / "data/my.csv").write_text(TABLE, encoding="utf-8")
    study = Study.from_csv(tmp_path / "data/my.csv", "mine", tmp_path, objective="capacity_mah_g:min", ignore=["gas"])
    monkeypatch.chdir(tmp_path)
    options = ["--objective", "capacity_mah_g:min", "--ignore", "gas"]
    assert main(["new-study", "data/my.csv", "--name", "other", *options]) == 0
    assert study.settings == Path("config/studies/other.yaml").read_text(encoding="utf-8")
    assert "goal: minimise" in study.settings
    printed = name_arguments(capsys.readouterr().out)
    for row in study.roles.itertuples():
        assert str(row.why) in printed
        assert str(row.column) in printed
    assert study.roles.set_index("column")["role"].to_dict() == {
        "temperature_c": "factor",
        "gas": "ignored",
        "suggestion": "suggestion",
        "capacity_mah_g": "objective",
    }
    assert all(line in printed for line in study.questions)
    with pytest.raises(ConfigError, match="this study exists already"):
        Study.from_csv("data/my.csv", "other")
    with pytest.raises(ConfigError, match="there is no option 'goal'; there are objective, factor"):
        Study.from_csv("data/my.csv", "third", goal="max")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="'nine' is not a study; did you mean 'mine'"):
        Study.open("nine")


def test_a_check_names_rows_and_columns_as_the_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = open_study(tmp_path, TABLE.replace("700,air,,140", "hot,argon,,140"))
    found = study.check()
    assert not found.ok
    places = found.problems[["file", "line", "column", "found"]].to_numpy().tolist()
    assert ["data/my.csv", 2, "temperature_c", "hot"] in places
    assert {row[1] for row in places} == {2}
    monkeypatch.chdir(tmp_path)
    assert main(["check", "my"]) == 1
    printed = capsys.readouterr()
    assert all(text in printed.err for text in found.problems["text"])
    Path("data/my.csv").write_text(TABLE.replace("700,air,,140", "700,air,,pending"), encoding="utf-8")
    found = study.check()
    assert found.ok
    assert found.counts == {"train": 7, "pending": 1}
    assert main(["check", "my"]) == 0
    assert capsys.readouterr().out == "".join(f"my: {line}\n" for line in found.said) + "".join(
        f"my: please note: {line}\n" for line in found.notes
    )
    Path("config/studies/my.yaml").write_text(QUICK.replace("[650, 900]", "[900, 650]"), encoding="utf-8")
    wrong = study.check()
    assert wrong.problems["file"].tolist() == ["config/studies/my.yaml"]
    assert "bounds" in wrong.problems["text"].iloc[0]
    with pytest.raises(ConfigError, match="bounds"):
        study.fit()


def test_models_are_reused_until_rows_or_settings_change_or_a_file_is_damaged(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    train = compute.train_surrogate
    monkeypatch.setattr(compute, "train_surrogate", lambda *a, **b: (calls.append(1), train(*a, **b)))
    first = study.fit()
    assert not calls
    settings = study.settings
    study.file.write_text(settings.replace("suggestions: 3", "suggestions: 4"), encoding="utf-8")
    study.fit()
    assert not calls
    study.file.write_text(settings + "seed: 9\n", encoding="utf-8")
    study.fit()
    assert len(calls) == 1
    study.table.write_text(TABLE.replace("700,air,,140", "700,air,,150"), encoding="utf-8")
    second = study.fit()
    assert second.metrics["mae"].tolist() != first.metrics["mae"].tolist()
    (study.folder / ".batterymi/studies/my/surrogate/metrics.csv").write_text("damaged", encoding="utf-8")
    pd.testing.assert_frame_equal(study.fit().metrics, second.metrics)
    assert len(calls) == 3


def test_models_that_were_broken_off_are_made_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.table.write_text(TABLE.replace("700,air,,140", "700,air,,150"), encoding="utf-8")
    train = compute.train_surrogate

    def break_off(*arguments: Any, **more: Any) -> None:
        train(*arguments, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(compute, "train_surrogate", break_off)
    with pytest.raises(KeyboardInterrupt):
        study.fit()
    calls = []
    monkeypatch.setattr(compute, "train_surrogate", lambda *a, **b: (calls.append(1), train(*a, **b)))
    # as before, but the files are those of the other table
    study.table.write_text(TABLE, encoding="utf-8")
    study.fit()
    assert calls


def test_predictions_have_intervals_and_designs_are_checked(study: Study) -> None:
    fit = study.fit()
    assert fit.scores.index.tolist() == ["capacity_mah_g"]
    assert set(fit.calibration["level"]) == {0.5, 0.8, 0.95}
    designs = pd.DataFrame({"temperature_c": [700, 900], "gas": ["air", "O2"]}, index=["a", "b"])
    found = fit.predict(designs)
    assert found.index.tolist() == ["a", "b"]
    lower, mean, upper = (found[f"capacity_mah_g{end}"] for end in ("_lower_95", "", "_upper_95"))
    assert (lower < mean).all()
    assert (mean < upper).all()
    batch = study.suggest()
    pd.testing.assert_series_equal(fit.predict(batch)["capacity_mah_g"], batch["capacity_mah_g"], rtol=1e-8)
    assert fit.predict({"temperature_c": 700, "gas": "air"})["capacity_mah_g"].iloc[0] == mean["a"]
    for wrong, said in (
        ({"temperature_c": 700}, "'gas' is missing"),
        ({"temperature_c": 700, "gas": "oxygen"}, "'oxygen' is no choice"),
        ({"temperature_c": "warm", "gas": "air"}, "found 'warm'; give a number in °C"),
    ):
        with pytest.raises(DesignError, match=said):
            fit.predict(wrong)


def test_the_same_rows_give_the_same_batch_and_others_the_next(study: Study) -> None:
    first = study.suggest()
    assert first.index.tolist() == ["b1-01", "b1-02", "b1-03"]
    assert first.attrs["units"] == {"temperature_c": "°C", "gas": "1", "capacity_mah_g": "mAh/g"}
    before = study.ledger.read_bytes()
    pd.testing.assert_frame_equal(study.suggest(), first)
    assert study.ledger.read_bytes() == before
    assert study.suggest(2).index.tolist() == ["b2-01", "b2-02"]
    assert study.suggest().index.tolist() == first.index.tolist()
    study.tell({"b1-02": 141})
    assert study.suggest().index.tolist() == ["b3-01", "b3-02", "b3-03"]
    with pytest.raises(ConfigError, match="n = 0: give a number from 1 to 1000"):
        study.suggest(0)


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "windows": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "no line end": lambda text: text.rstrip().encode(),
    "semicolons and commas": lambda text: text.replace(",", ";").replace("O2;;143", "O2;;143,5").encode(),
    "comments and quotes": lambda text: ("# mine\n" + text.replace("air", '"air"') + "\n# end\n\n").encode(),
    "blanks": lambda text: text.replace(",", " , ").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_results_fill_in_rows_that_wait_and_change_no_other_byte(form: str, study: Study) -> None:
    study.table.write_bytes(FORMS[form](TABLE))
    first = study.tell({"b1-01": "pending", "b1-03": "pending"})
    assert first["written"].tolist() == ["appended", "appended"]
    waiting = study.table.read_bytes()
    assert Path(first.attrs["copy"]).is_file()
    written = study.tell({"B1 - 1": 150.25, "b1-02": "failed", "b1-03": 140})
    assert written["written"].tolist() == ["filled in", "appended", "filled in"]
    rows = read_table(study.table).frame
    comma = form == "semicolons and commas"
    assert rows["capacity_mah_g"].tolist()[8:] == ["150,25" if comma else "150.25", "140", "failed"]
    assert rows["suggestion"].tolist()[8:] == ["b1-01", "b1-03", "b1-02"]
    assert written["line"].tolist() == [rows.index[8], rows.index[10], rows.index[9]]
    # what is not in the two cells is as it was
    encoding = "utf-16" if form == "UTF-16" else "utf-8"
    before, after = waiting.decode(encoding), study.table.read_bytes().decode(encoding)
    parts = before.split("pending")
    number = "150,25" if comma else "150.25"
    assert after.startswith(f"{parts[0]}{number}{parts[1]}140{parts[2]}")


WRONG: dict[str, tuple[Any, str]] = {
    "unknown": ({"b7-01": 1}, "'b7-01' names no suggestion of campaigns/my.jsonl; did you mean 'b1-01'"),
    "word": ({"b1-01": "fine"}, "b1-01: capacity_mah_g: found 'fine'; give a number in mAh/g"),
    "NaN": ({"b1-01": {"capacity_mah_g": float("nan")}}, "b1-01: 'capacity_mah_g' is missing"),
    "infinite": ({"b1-01": float("inf")}, "found inf; give a number"),
    "missing": ({"b1-01": {}}, "b1-01: 'capacity_mah_g' is missing; give a number in mAh/g, or 'pending' or 'failed'"),
    "range": ({"b1-01": 900}, "b1-01: capacity_mah_g: found '900.0': outside the possible range 0 to 500 mAh/g"),
    "unit": ({"b1-01": "3 kg"}, "in 'kg', which is no unit of it"),
    "column": ({"b1-01": {"capacity_mah_g": 1, "oprator": "A"}}, "'oprator' is not a column of data/my.csv"),
    "columns": ({"b1-01": {"capacity": 3, "zzz": 4}}, "b1-01: 'capacity', 'zzz' are not columns of data/my.csv"),
    "design": ({"b1-01": {"capacity_mah_g": 1, "gas": "none"}}, "b1-01: gas: found 'none', the suggestion has"),
    "twice": ({"b1-01": 1, "B1-1": 2}, "B1-1: is given twice"),
    "no list": ([3.5], "row 0: found 3.5; give names of suggestions"),
    "part of a design": ([{"gas": "air", "capacity_mah_g": 1}], "'temperature_c' is missing"),
    "nothing": ({}, "no result was given"),
    "one of two": ({"b1-01": 140, "b7-02": 141}, "'b7-02' names no suggestion"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_a_result_is_one_line_and_writes_nothing(case: str, study: Study) -> None:
    given, said = WRONG[case]
    goal = "goal: maximise"
    study.file.write_text(study.settings.replace(goal, f"{goal}, valid: [0, 500]"), encoding="utf-8")
    before = {path: path.read_bytes() for path in study.folder.joinpath("data").glob("*.*") if path.suffix != ".lock"}
    with pytest.raises(TableError) as error:
        study.tell(given)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("nothing was written")
    now = {path: path.read_bytes() for path in study.folder.joinpath("data").glob("*.*") if path.suffix != ".lock"}
    assert now == before


def test_a_result_that_is_there_already_is_named_with_its_line(study: Study) -> None:
    study.tell({"b1-01": 150})
    with pytest.raises(TableError, match=r"b1-01: line 10 of data/my.csv has its result already; correct it there"):
        study.tell({"b1-01": 151})
    repeat = study.tell([{"temperature_c": 700, "gas": "air", "capacity_mah_g": 152}])
    assert repeat["written"].tolist() == ["appended"]


def test_results_are_converted_to_the_unit_of_the_table(tmp_path: Path) -> None:
    table = TABLE.replace("capacity_mah_g", "capacity_mah_g (Ah/kg)").replace(",suggestion", ",suggestion,operator")
    table = table.replace(",,1", ",,,1")
    study = open_study(tmp_path, table)
    assert study.units == {"capacity_mah_g": "Ah/kg"}
    study.suggest()
    study.tell({"b1-01": {"capacity_mah_g": "0.15 Ah/g", "operator": "=A"}, "b1-02": "140 ± 3"})
    study.tell({"b1-03": 0.16}, units={"capacity_mah_g": "Ah/g"})
    rows = read_table(study.table).frame.iloc[8:]
    assert rows["capacity_mah_g (Ah/kg)"].tolist() == ["150", "140 ± 3", "160"]
    assert rows["operator"].tolist() == ["=A", "", ""]
    with pytest.raises(TableError, match="units: 'capacity' is not an objective; did you mean 'capacity_mah_g'"):
        study.tell({"b1-03": 0.16}, units={"capacity": "Ah/g"})


def _tell(folder: Path, name: str) -> None:
    """Enter one result in a process of its own."""
    Study.open("my", folder).tell({name: 140 + int(name[-1])})


def test_processes_that_enter_results_at_the_same_time_lose_none(study: Study) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_tell, args=(study.folder, f"b1-0{place}")) for place in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = read_table(study.table).frame.iloc[8:]
    assert dict(zip(rows["suggestion"], rows["capacity_mah_g"], strict=True)) == {
        "b1-01": "141",
        "b1-02": "142",
        "b1-03": "143",
    }


def test_studies_that_are_measured_by_the_workflow_are_refused(tmp_path: Path) -> None:
    study = open_study(
        tmp_path, settings=QUICK.replace("mode: experiment, engine: sobol, suggestions: 3", "mode: replay")
    )
    for call in (study.suggest, lambda: study.tell({"b1-01": 1})):
        with pytest.raises(ConfigError, match="mode: replay` chooses among measured rows"):
            call()


def test_a_workbook_is_not_written_to(tmp_path: Path) -> None:
    study = open_study(tmp_path, settings=QUICK.replace("my.csv", "my.xlsx"))
    frame = pd.read_csv(study.folder / "data/my.csv")
    frame.to_excel(study.folder / "data/my.xlsx", index=False)
    study.suggest()
    with pytest.raises(TableError, match=r"data/my.xlsx: results are written to CSV files only; save the table as CSV"):
        study.tell({"b1-01": 1})
    made = save_as_csv(study.table, study.folder / "data/new.csv")
    pd.testing.assert_frame_equal(pd.read_csv(made), frame)
    with pytest.raises(ConfigError, match="exists already"):
        save_as_csv(study.table, made)
    study.file.write_text(study.settings.replace("my.xlsx", "new.csv"), encoding="utf-8")
    study.tell({"b1-01": 141})
    assert read_table(made).frame["capacity_mah_g"].tolist()[-1] == "141"


def test_a_workbook_with_a_title_and_statistics_becomes_a_plain_table(tmp_path: Path) -> None:
    rows = [["My cells", None, None], ["T (°C)", "note", "capacity (mAh/g)"]]
    rows += [[700 + place, "a, b" if place else "-x", 140.5 + place] for place in range(5)]
    pd.DataFrame([*rows, ["Mean", None, 142.5]]).to_excel(tmp_path / "t.xlsx", index=False, header=False)
    made = save_as_csv(tmp_path / "t.xlsx", tmp_path / "t.csv")
    frame = read_table(made).frame
    assert frame.columns.tolist() == ["T (°C)", "note", "capacity (mAh/g)"]
    assert frame["capacity (mAh/g)"].astype(float).tolist() == [140.5, 141.5, 142.5, 143.5, 144.5]
    pd.DataFrame({"a": [1.5, np.nan], "b": [1, 2]}).to_parquet(tmp_path / "p.parquet")
    assert save_as_csv(tmp_path / "p.parquet", tmp_path / "p.csv").read_text() == "a,b\n1.5,1\n,2\n"


def test_no_markup_of_a_study_runs_in_a_notebook(study: Study) -> None:
    payload = "<script>alert(1)</script>\x1b[2J"
    study.file.write_text(study.settings.replace("title: Mine", "title: <b onclick=alert(1)>"), encoding="utf-8")
    study.table.write_text(TABLE.replace("suggestion", f"<img src=x onerror=alert(1)>{payload}"), encoding="utf-8")
    wrong = study.check()
    study.notes.append(payload)
    shown = [study._repr_html_(), study.fit()._repr_html_(), wrong._repr_html_(), study.suggest()._repr_html_()]
    study.table.write_text(TABLE.replace("700,air", f"{payload},air"), encoding="utf-8")
    shown.append(study.check()._repr_html_())
    assert "&lt;b onclick=alert(1)&gt;" in shown[0]
    assert "&lt;script&gt;" in shown[-1]
    for html in shown:
        assert not re.search(r"<(script|img|b )", html)
        assert "\x1b" not in html


def test_work_from_another_folder_leaves_the_process_where_it_was(study: Study) -> None:
    before = Path.cwd()
    with pytest.raises(BatteryMIError):
        study.tell({"b7-01": 1})
    assert before == Path.cwd()
    assert (study.folder / ".batterymi/.gitignore").read_text(encoding="utf-8") == "*\n"
    with pytest.raises(BatteryMIError, match="cannot be entered"):
        Study.open("my", study.folder / "not_there")


@pytest.mark.slow
def test_the_example_shows_what_a_run_shows(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLE, as_version=4)
    make_project(tmp_path)
    shown = run_cells(notebook, tmp_path)
    stored = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert [[_show(output) for output in cell] for cell in shown] == [[_show(one) for one in cell] for cell in stored]
    assert any("b2-01" in _show(output) for output in shown[-1])


def _show(output: Any) -> str:
    """Return the text of an output."""
    return str(output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"])
