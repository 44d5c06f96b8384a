"""What is asked of a cluster follows from what was measured, and profiles agree with each other and with the rules."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from batterymi.errors import TableError
from batterymi.workflow.resources import format_requests, read_benchmarks, request_memory, request_runtime

ROOT = Path(__file__).resolve().parents[1]
HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))


def rules() -> set[str]:
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    return {name for text in texts for name in re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE)}


def local_rules() -> set[str]:
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    found = [re.findall(r"^ *localrules:\n((?: +\w+,\n)+)", file.read_text(), flags=re.MULTILINE) for file in files]
    assert any(found)
    return set(re.findall(r"\w+", "".join(text for texts in found for text in texts)))


def test_the_dearest_job_of_a_rule_counts_whichever_run_it_was_in(tmp_path: Path) -> None:
    rows = {
        "one/train_surrogate/a.tsv": "10.0\t0:00:10\t200.4\t1\t1\t1\t1\t1\t1\t9.0",
        "two/train_surrogate/deep/b.tsv": "90.0\t0:01:30\t100.0\t1\t1\t1\t1\t1\t1\t80.0",
        "two/build_summary.tsv": "0.1\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\t0.1",
    }
    for name, row in rows.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(HEAD + row + "\n")
    table = read_benchmarks([str(tmp_path / "one"), str(tmp_path / "two")])
    assert table.to_numpy().tolist() == [["build_summary", 1, 0.0, 0.1, 0.1], ["train_surrogate", 2, 200.0, 90.0, 80.0]]
    assert "| train_surrogate | 2 | 200 | 90 | 80 | 1000 | 10 |" in format_requests(table)


def test_a_folder_without_benchmarks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found no benchmark; give the folder logs/benchmarks"):
        read_benchmarks([str(tmp_path)])


@pytest.mark.parametrize("text", ["", "s\tmax_rss\n1\t2\n", "\x80\n"])
def test_a_file_that_is_no_benchmark_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "train_surrogate.tsv").write_bytes(text.encode("latin-1"))
    with pytest.raises(TableError, match=r"train_surrogate\.tsv: not a benchmark .* columns max_rss, s, cpu_time"):
        read_benchmarks([str(tmp_path)])


def test_requests_have_head_room() -> None:
    assert [request_memory(mb) for mb in (0, 333, 334, 400)] == [1000, 1000, 1100, 1100]
    assert [request_runtime(s, s) for s in (0, 160, 161, 600)] == [10, 10, 15, 35]


def test_what_snakemake_did_not_see_of_a_job_is_in_its_time_on_the_clock() -> None:
    assert request_runtime(10, 1200) == 25


def test_no_rule_asks_for_less_than_the_default() -> None:
    default = profile("slurm")["default-resources"]
    assert default == {"mem_mb": f"attempt * {request_memory(0)}", "runtime": f"attempt * {request_runtime(0, 0)}"}


def test_the_slurm_profile_asks_for_what_follows_from_the_measurements() -> None:
    measured = pd.read_csv(ROOT / "benchmarks/resources.csv").set_index("rule")
    wanted = {
        rule: {
            "mem_mb": f"attempt * {request_memory(row['max_rss_mb'])}",
            "runtime": f"attempt * {request_runtime(row['most_cpu_s'], row['longest_s'])}",
        }
        for rule, row in measured.iterrows()
        if rule not in local_rules()
    }
    own = profile("slurm")
    default = own["default-resources"]
    assert own["set-resources"] == {rule: asked for rule, asked in wanted.items() if asked != default}


def test_every_rule_that_runs_on_a_node_was_measured() -> None:
    """A rule without a row gets the default, which nobody has held against what its jobs use."""
    texts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))
    bodies = re.findall(r"^rule (\w+):\n(.*?)(?=^\S)", texts + "\nend", flags=re.MULTILINE | re.DOTALL)
    scripts = {rule for rule, body in bodies if "    script:" in body}
    measured = set(pd.read_csv(ROOT / "benchmarks/resources.csv")["rule"])
    assert not scripts - local_rules() - measured


def test_the_slurm_profile_names_rules_that_there_are() -> None:
    own = profile("slurm")
    assert {*own["set-resources"], *own["groups"]} <= rules() - local_rules()


def test_no_group_waits_for_what_only_some_studies_have() -> None:
    """A group starts when all inputs of all its jobs are there; a screen that fails would take the campaign along."""
    texts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))
    bodies = dict(re.findall(r"^rule (\w+):\n(.*?)(?=^\S)", texts + "\nend", flags=re.MULTILINE | re.DOTALL))
    waiting = {rule for rule, body in bodies.items() if "results_for(" in body}
    assert waiting == {"plot_study", "summarise_study"}
    assert not waiting & set(profile("slurm")["groups"])


def test_who_uses_the_slurm_profile_alone_misses_nothing_of_the_default_one() -> None:
    own, default = profile("slurm"), profile("default")
    assert {key: own[key] for key in default if key != "cores"} == {k: v for k, v in default.items() if k != "cores"}


def test_the_document_shows_what_was_measured() -> None:
    table = format_requests(pd.read_csv(ROOT / "benchmarks/resources.csv"))
    assert table in (ROOT / "docs/reference/cluster.md").read_text(encoding="utf-8")
