"""A study of the user's with a table, suggestions and results, for tests of what commands write."""

import os
from pathlib import Path

import pytest

from batterymi.config.run import Config
from batterymi.files import write_json, write_text
from batterymi.workflow.settings import read_ledger

TABLE = "temperature_c,gas,suggestion,capacity_mah_g\n" + "".join(
    f"{700 + 20 * i},{('air', 'O2')[i % 2]},,{140 + i * 3 % 7}\n" for i in range(8)
)
STUDY = """title: Mine
edition: own
table: {file: data/my.csv}
features:
  - {name: temperature_c, label: Temperature, unit: °C, bounds: [650, 900], step: 10}
  - {name: gas, label: Gas, unit: '1', choices: [air, O2]}
objectives:
  - {name: capacity_mah_g, label: Capacity, unit: mAh/g, goal: maximise}
campaign: {mode: experiment, engine: sobol, suggestions: 3, pool: data/not_there.csv}
"""
# arguments that are no paths; an option that is neither here nor of the type Path fails a test
NO_PATHS = {"study", "n", "name", "result", "cores", "example", "sheet", "encoding", "decimal"}
NO_PATHS |= {"objective", "factor", "id", "group", "formula", "ignore", "repeats", "fill_down", "column", "port"}
DESIGN = {"design": {"temperature_c": 700.0, "gas": "air"}, "predicted": {"capacity_mah_g": [1.0, 0.0, 2.0]}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workflow's folder with a table, a study, a ledger, results, and files that are nobody's."""
    from conftest import copy_workflow  # which imports this fixture

    folder = tmp_path_factory.mktemp("workflow")
    copy_workflow(folder)
    (folder / "data/my.csv").write_text(TABLE, encoding="utf-8")
    (folder / "config/studies/my.yaml").write_text(STUDY.replace(", pool: data/not_there.csv", ""), encoding="utf-8")
    (folder / "config/studies/listed.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "config/studies/broken.yaml").write_text("title: [", encoding="utf-8")
    (folder / "data/other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "data/copied.csv").write_text(TABLE, encoding="utf-8")
    (folder / "old.yaml").write_text(STUDY + "seed: 5\n", encoding="utf-8")
    (folder / "empty.csv").touch()
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    before = Path.cwd()
    os.chdir(folder)
    read_ledger("my", Config()).add("k", 8, [DESIGN])
    write_json("results/my/summary.json", {"x": {"value": 1, "source": ""}})
    write_text("logs/benchmarks/train.tsv", "s\tmax_rss\tcpu_time\n1\t2\t3\n", recorded=False)
    (folder / "moved.jsonl").write_bytes(Path("campaigns/my.jsonl").read_bytes())
    os.chdir(before)
    return folder
