"""What a user of Python hands over by mistake: every wrong type is one clear error, in the words of Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from own_study import TABLE
from test_notebook import open_study

from batterymi import Study
from batterymi.errors import BatteryMIError
from batterymi.notebook.arguments import name_arguments, read_words
from batterymi.notebook.fit import Fit


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Fit]:
    """A study with models; no test changes it."""
    study = open_study(tmp_path_factory.mktemp("mine"))
    return study, study.fit()


def start(study: Study, table: Any = "data/my.csv", **more: Any) -> Study:
    """Start a further study."""
    return Study.from_csv(table, **{"name": "other", "folder": study.folder, **more})


WRONG: dict[str, tuple[Callable[[Study, Fit], Any], str]] = {
    "a frame for a file": (lambda s, f: start(s, pd.DataFrame({"x": [1]})), "path: found a DataFrame; give the name"),
    "a number for an objective": (lambda s, f: start(s, objective=[3]), "objective: found 3; give a text, or a list"),
    "a mapping of objectives": (lambda s, f: start(s, objective={"x": "max"}), "objective: found {'x': 'max'}; give"),
    "a number for a column": (lambda s, f: start(s, id=3), "id: found 3; give a text"),
    "a list of sheets": (lambda s, f: start(s, sheet=["a"]), r"sheet: found \['a'\]; give a text"),
    "a number for a name": (lambda s, f: start(s, name=3), "name: found 3; give a text"),
    "a number for a folder": (lambda s, f: start(s, folder=3), "folder: found 3; give the name of a folder"),
    "a study by number": (lambda s, f: Study.open(3, s.folder), "name: found 3; give the name of a study"),  # type: ignore[arg-type]
    "no results": (lambda s, f: s.tell(None), "results: found None; give results by name"),  # type: ignore[arg-type]
    "a number for results": (lambda s, f: s.tell(5), "results: found 5; give results by name"),  # type: ignore[arg-type]
    "a name without a result": (lambda s, f: s.tell("b1-01"), "results: found 'b1-01'; give results by name"),  # type: ignore[arg-type]
    "one unit for all": (lambda s, f: s.tell({"b1-01": 3}, "Ah/g"), "units: found 'Ah/g'; give a unit for each"),  # type: ignore[arg-type]
    "a number for a unit": (lambda s, f: s.tell({"b1-01": 3}, {"capacity_mah_g": 3}), "found 3; give a text"),  # type: ignore[dict-item]
    "a text for a count": (lambda s, f: s.suggest("3"), "n: found '3'; give a whole number from 1 to 1000"),  # type: ignore[arg-type]
    "half a design": (lambda s, f: s.suggest(1.5), "n: found 1.5; give a whole number"),  # type: ignore[arg-type]
    "a truth value": (lambda s, f: s.suggest(True), "n: found True; give a whole number"),
    "no designs": (lambda s, f: f.predict(None), "designs: found None; give a frame"),  # type: ignore[arg-type]
    "an empty list": (lambda s, f: f.predict([]), "designs: none was given; give a frame"),
    "a list of numbers": (lambda s, f: f.predict([3]), "designs: row 0: found 3; give a frame"),  # type: ignore[list-item]
    "lists for values": (lambda s, f: f.predict({"temperature_c": [700, 800]}), r"found \[700, 800\]; give one value"),
    "an unknown column": (
        lambda s, f: f.predict({"temperature_c": 700, "gas": "air", "temprature": 3}),
        "'temprature' is no feature of the study, nor a column of its table; did you mean 'temperature_c'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_a_wrong_type_is_one_clear_error(case: str, mine: tuple[Study, Fit]) -> None:
    call, said = WRONG[case]
    with pytest.raises(BatteryMIError, match=said):
        call(*mine)
    assert not mine[0].ledger.exists()
    assert mine[0].table.read_text(encoding="utf-8") == TABLE


def test_a_series_of_names_is_a_list_of_them_and_none_says_nothing(mine: tuple[Study, Fit]) -> None:
    for names in (["gas"], ("gas",), pd.Series(["gas"]), pd.Index(["gas"]), "gas"):
        assert read_words("ignore", names) == ("gas",)
    study = start(mine[0], name="series", ignore=pd.Series(["gas"]), objective=None)
    assert study.roles.set_index("column")["role"]["gas"] == "ignored"
    assert not study.roles["why"].str.contains("--").any()


def test_rows_and_batches_are_predicted_as_they_are(mine: tuple[Study, Fit]) -> None:
    rows = pd.read_csv(mine[0].table).drop(columns="suggestion")
    assert len(mine[1].predict(rows)) == len(rows)
    assert len(mine[1].predict(rows.iloc[0][["temperature_c", "gas"]])) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("run again with --fill-down 'gas'", "run again with fill_down='gas'"),
        ("--objective NAME:max for one alone", "objective='NAME:max' for one alone"),
        ("set `table.sheet` (new-study: --sheet)", "set `table.sheet` (from_csv: sheet=)"),
        ("choose another --name", "choose another name="),
    ],
)
def test_options_are_called_as_in_python(said: str, expected: str) -> None:
    assert name_arguments(said) == expected


def test_no_message_of_python_names_an_option_of_the_command_line(mine: tuple[Study, Fit], tmp_path: Path) -> None:
    (mine[0].folder / "data/two.csv").write_text("gas,a,b\nx,1,2\n,3,4\n", encoding="utf-8")
    for more in (
        {"objective": "c"},
        {"name": "My Name"},
        {"name": "my"},
        {"fill_down": "z"},
        {"objective": "a:target:x"},
    ):
        with pytest.raises(BatteryMIError) as error:
            start(mine[0], "data/two.csv", **more)
        assert "--" not in str(error.value), more


def test_predictions_do_not_leave_the_possible_range(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    goal = "goal: maximise"
    study.file.write_text(study.settings.replace(goal, f"{goal}, valid: [130, 150]"), encoding="utf-8")
    found = study.fit().predict([{"temperature_c": 5000, "gas": "air"}, {"temperature_c": -5000, "gas": "O2"}])
    assert found.to_numpy().min() >= 130
    assert found.to_numpy().max() <= 150
    assert np.isfinite(found.to_numpy()).all()
