"""Commands and stages of studies with early measurements: what they print, write and book."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import Workspace

from batterymi.cli.main import main
from batterymi.config.slices.campaign import SuggestionSettings
from batterymi.config.slices.data import TableSettings
from batterymi.config.slices.training import TrainingSettings
from batterymi.data.headers import strip_units
from batterymi.stages.prepare_table import prepare_table
from batterymi.stages.suggest_batch import SuggestionFiles, suggest_batch
from batterymi.stages.train_surrogate import SurrogateFiles, train_surrogate
from batterymi.vocabulary.expected import EARLY_ONLY, GO_ON, STOP
from batterymi.workflow.settings import find_study, read_config


def make_table() -> str:
    """Cells of which all have an early result, and ten the late one."""
    lines = ["cell,temp_c,hold_h,fade_pct,life"]
    for i in range(16):
        temp, hold = 650 + 10 * (i * 7 % 25), 2 + i * 5 % 21
        life = round(900 - 0.02 * (temp - 780) ** 2 - 1.2 * (hold - 14) ** 2)
        lines.append(f"C{i + 1},{temp},{hold},{2 - life / 1000:.3f},{life if i < 10 else ('', 'pending')[i % 2]}")
    return "\n".join(lines) + "\n"


OWN = """title: Lives
edition: own
table: {file: data/lives.csv, id_column: cell, empty: pending}
features:
  - {name: temp_c, label: Temperature, unit: °C, bounds: [650, 900], step: 10}
  - {name: hold_h, label: Hold, unit: h, bounds: [2, 24], step: 1}
objectives:
  - {name: life, label: Life, unit: "1", goal: maximise, cost: 20, early: {column: fade_pct, cost: 1}}
  - {name: fade_pct, label: Fade, unit: percent, goal: report}
surrogate: {models: [dummy, ridge], folds: 2, bootstraps: 100, permutations: 19}
campaign: {mode: experiment, suggestions: 2}
"""


def test_suggest_says_what_to_measure_and_appends_only_that(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    table = Path("data/lives.csv")
    table.write_text(make_table(), encoding="utf-8")
    Path("config/studies/lives.yaml").write_text(OWN, encoding="utf-8")
    assert main(["suggest", "lives", "--append"]) == 0
    said, noted = capsys.readouterr()
    # an empty cell of a late outcome is not under way, whatever table.empty says
    assert (
        "life: 10 of 16 measured rows have it, from which its model learns; others: 3 not measured, 3 pending" in noted
    )
    assert said.count("   measure Fade only, cost 1\n") == 2
    assert "life learns from 16 results of fade_pct too; 10 designs have both results" in said
    assert "going on to Life costs 20 each" in said
    ranked = re.findall(r"^   (go on|stop) (C\d+): expected Life (\d+) ±", said, flags=re.MULTILINE)
    assert {name for _, name, _ in ranked} == {f"C{i}" for i in range(11, 17)}
    added = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))[-2:]
    assert [(row["fade_pct"], row["life"]) for row in added] == [("pending", "")] * 2
    # designs under way are not suggested again
    assert main(["suggest", "lives"]) == 0
    again = capsys.readouterr().out
    for row in added:
        assert f"Temperature (°C) {row['temp_c']}; Hold (h) {row['hold_h']}\n" not in again


def run_stages(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the rules that suggest a batch, and return suggestions, and what became of earlier ones."""
    study, made = find_study("lives", read_config()), Path("results/lives")
    table, report = made / "table.parquet", made / "table.json"
    prepare_table(table, report, TableSettings.take_from(study, path="data/lives.csv", dataset=None))
    names = {"metrics": "metrics.csv", "predictions": "predictions.parquet", "importances": "importances.csv"}
    names |= {"validation": "validation.json", "model": "model.skops", "card": "card.md"}
    models = SurrogateFiles(**{key: made / name for key, name in names.items()})
    train_surrogate(table, report, models, TrainingSettings.take_from(study))
    names = {"history": "history.parquet", "suggestions": "suggestions.csv", "benchmark": "benchmark.json"}
    names |= {"reference_designs": "reference_designs.csv", "earlier": "earlier_suggestions.csv"}
    files = SuggestionFiles(**{key: made / name for key, name in names.items()})
    suggest_batch(table, models.model, None, str(folder / "ledger.jsonl"), files, SuggestionSettings.take_from(study))
    return strip_units(pd.read_csv(files.suggestions)), pd.read_csv(files.earlier)


def test_a_partly_measured_suggestion_is_booked_and_may_be_gone_on_with(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    table = Path("data/lives.csv")
    table.write_text(make_table(), encoding="utf-8")
    Path("config/studies/lives.yaml").write_text(OWN, encoding="utf-8")
    first, earlier = run_stages(workspace.folder)
    assert earlier.empty
    new = first[first["measure"] == EARLY_ONLY]
    assert list(new["suggestion"]) == ["b1-01", "b1-02"]
    assert (new["measure_cost"] == 1).all()
    ranked = first[first["measure"].isin([GO_ON, STOP])]
    assert set(ranked["suggestion"]) == {f"C{i}" for i in range(11, 17)}
    assert (ranked["measure_cost"] == 20).all()
    assert ranked["probability_better"].between(0, 1).all()
    temp, hold = new.iloc[0][["temp_c", "hold_h"]].astype(int)
    with table.open("a", encoding="utf-8") as file:
        file.write(f"N1,{temp},{hold},1.05,\n")
    second, earlier = run_stages(workspace.folder)
    booked = earlier[earlier["suggestion"] == "b1-01"].set_index("objective")["status"]
    assert booked.to_dict() == {"life": "not measured", "fade_pct": "measured"}
    assert set(earlier["status"][earlier["suggestion"] == "b1-02"]) == {"not tried"}
    # it is not new any more
    is_there = (second["temp_c"] == temp) & (second["hold_h"] == hold)
    assert list(second["suggestion"][is_there]) == ["N1"]
    assert second["measure"][is_there].isin([GO_ON, STOP]).all()
