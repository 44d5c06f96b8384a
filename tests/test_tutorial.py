"""The tutorial: its commands, run as they stand."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import Workspace

from batterymi import Study

SMOKE = ("--configfile", "tests/smoke.yaml")
TUTORIAL = Path(__file__).parents[1] / "docs/tutorial/second-batch.md"


def commands() -> list[str]:
    """Lines of the tutorial that a reader would type."""
    return re.findall(r"^\$ (.+)$", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_tutorial_shows_what_is_printed_and_uses_posix_commands(workspace: Workspace) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    shown = re.search(r"^\$ batterymi suggest my_hosts\n(My hosts: .*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert shown is not None
    for command in commands()[:2]:
        workspace.run_command(["bash", "-c", command])
    done = workspace.run_command(["batterymi", "suggest", "my_hosts"])
    assert done.returncode == 0, done.stdout
    assert shown[1].strip() == done.stdout.strip()
    # an option that GNU and BSD take differently
    assert not [command for command in commands() if re.search(r"\bsed -i|\bsed --|\becho -", command)]


@pytest.mark.slow
def test_the_tutorial_leads_to_a_second_batch(workspace: Workspace) -> None:
    assert len(commands()) >= 9
    for command in commands():
        line = f"{command} --quiet all {' '.join(SMOKE)}" if command.startswith("snakemake") else command
        done = workspace.run_command(["bash", "-c", line])
        assert done.returncode == 0, f"{command}\n{done.stdout}"
    campaign = workspace.folder / "results/my_hosts/campaign"
    earlier = pd.read_csv(campaign / "earlier_suggestions.csv", dtype=str)
    assert earlier["status"].tolist() == ["measured", "failed", "not tried", "not tried", "not tried"]
    assert earlier["measured"].iloc[0] == "88.4"
    second = pd.read_csv(campaign / "suggestions.csv", dtype=str)
    assert second["suggestion"].str.startswith("b2-").all()
    assert "no failure with probability" in second["why"].iloc[0]
    assert {"pore_size_nm [nm]", "retention_percent_lower_95 [percent]", "distance_to_known"} <= set(second.columns)
    assert {"retention_percent_engine_mean [percent]", "retention_percent_engine_sd [percent]"} <= set(second.columns)
    assert second["why"].str.contains(r"^(?:about as good|expected to be).* \d+.*, best known ").all()
    summary = json.loads((workspace.folder / "results/my_hosts/summary.json").read_text(encoding="utf-8"))
    assert "1 failed, 1 measured, 3 not tried" in summary["earlier_suggestions"]["value"]
    ledger = (workspace.folder / "campaigns/my_hosts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["batch"] for line in ledger] == [1, 2]
    assert (
        json.loads(ledger[0])["units"] | {"pore_size_nm": "nm", "retention_percent": "percent"}
        == json.loads(ledger[0])["units"]
    )
    rows = pd.read_csv(workspace.folder / "data/my_hosts.csv", dtype=str).tail(2)
    assert rows[["host", "suggestion"]].to_numpy().tolist() == [["host 9", "b1-01"], ["host 10", "b1-02"]]
    # from Python, the same stages with the same settings find the same
    study = Study.open("my_hosts", workspace.folder, configfile=SMOKE[1])
    study.fit()
    assert study.suggest().index.tolist() == second["suggestion"].tolist()
    own = workspace.folder / ".batterymi/studies/my_hosts"
    for name in ("table.json", "surrogate/metrics.csv", "surrogate/validation.json", "campaign/suggestions.csv"):
        assert (own / name).read_bytes() == (workspace.folder / "results/my_hosts" / name).read_bytes(), name
    after = (workspace.folder / "campaigns/my_hosts.jsonl").read_text(encoding="utf-8").splitlines()
    assert after == ledger


@pytest.mark.slow
@pytest.mark.nightly  # a faster test has the same in another form
def test_a_study_with_another_feature_says_which_suggestions_it_cannot_compare(workspace: Workspace) -> None:
    design = {"pore_size_nm": 2.5, "surface_area_m2_g": 900.0}
    predicted = {"retention_percent": [0.6, 0.5, 0.7]}
    line = {
        **{"batch": 1, "key": "k", "rows": 8, "known": [], "before": "", "units": {"retention_percent": "1"}},
        "suggestions": [{"name": f"b1-0{place}", "design": design, "predicted": predicted} for place in (1, 2)],
    }
    for command in commands()[:2]:
        workspace.run_command(["bash", "-c", command])
    (workspace.folder / "campaigns").mkdir(exist_ok=True)
    (workspace.folder / "campaigns/my_hosts.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    done = workspace.run_command(["bash", "-c", f"snakemake my_hosts --cores 2 --quiet all {' '.join(SMOKE)}"])
    assert done.returncode == 0, done.stdout
    results = workspace.folder / "results/my_hosts"
    earlier = pd.read_csv(results / "campaign/earlier_suggestions.csv", dtype=str)
    assert earlier["status"].tolist() == ["not comparable"] * 2
    assert earlier["unit"].tolist() == ["percent"] * 2
    assert earlier["predicted"].astype(float).tolist() == [60, 60]
    assert earlier["why"].str.contains("the study now has the feature 'oh_groups_mmol_g'").all()
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    assert summary["earlier_suggestions"]["value"] == "2 not comparable"
    said = (workspace.folder / "logs/suggest_batch/my_hosts.log").read_text(encoding="utf-8")
    assert "my_hosts.jsonl: batch 1: suggestions with other designs than the study has now" in said
