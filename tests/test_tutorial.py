"""The tutorial: its commands, run as they stand."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import Workspace

SMOKE = ("--configfile", "tests/smoke.yaml")
TUTORIAL = Path(__file__).parents[1] / "docs/tutorial/second-batch.md"


def commands() -> list[str]:
    """Lines of the tutorial that a reader would type."""
    return re.findall(r"^\$ (.+)$", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE)


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
    summary = json.loads((workspace.folder / "results/my_hosts/summary.json").read_text(encoding="utf-8"))
    assert "1 failed, 1 measured, 3 not tried" in summary["earlier_suggestions"]["value"]
    ledger = (workspace.folder / "campaigns/my_hosts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["batch"] for line in ledger] == [1, 2]
