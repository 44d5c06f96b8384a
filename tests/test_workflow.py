"""The workflow as users run it: whole runs, targeted reruns, mistakes, and interruptions.

All in one worker, one after the other, since Snakemake uses every core itself.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from conftest import MIRROR, ROOT, SMALL, SMOKE, Workspace, copy_workflow, sample_data_sets
from timing import LONG, START, wait_until

from batterymi.config.load import read_yaml
from batterymi.files import CHECKSUM_FOLDER
from batterymi.workflow.comparison import compare_results
from batterymi.workflow.manifest import read_manifest

pytestmark = pytest.mark.slow
MEASURED = ("--configfile", "tests/measured_smoke.yaml", "--set-scatter", "screen=2")


def test_the_smoke_run_makes_all_five_studies(small_run: Workspace, tmp_path: Path) -> None:
    """Two of them were made before, with the same settings, and are not made again."""
    workspace = Workspace(Path(shutil.copytree(small_run.folder, tmp_path / "copy", symlinks=True)))
    finished = workspace.run(*SMOKE, "--cores", "2", units=LONG)
    assert finished.returncode == 0, finished.stdout
    results = workspace.folder / "results"
    assert len((results / "summary.csv").read_text().splitlines()) == 6
    assert len((results / "claims.csv").read_text().splitlines()) > 40
    for study in ("fast_charging", "lithium_sulfur", "ncm_cathodes", "sodium_ion", "solid_electrolytes"):
        figures = {path.name for path in (results / study / "figures").iterdir()}
        assert {f"{n}.{e}" for n in ("data", "parity", "convergence", "study") for e in ("svg", "png")} <= figures
    feasibility = json.loads((results / "ncm_cathodes/campaign/benchmark.json").read_text())["feasibility"]
    assert feasibility["verdict"] == "relaxed"
    assert "236.5" in (results / "summary.md").read_text()
    for text in ("summary.html", "claims.html", "report.html"):
        assert str(workspace.folder) not in (results / text).read_text()
    assert not list(results.rglob("*.tmp"))
    rounds = "results/closed_loop/thermal/rounds.svg"
    more = workspace.run("fidelities", rounds, *SMOKE, "--cores", "2")
    assert more.returncode == 0, more.stdout
    ledger = pd.read_csv(results / "fast_charging/fidelities/ledger.csv")
    assert set(ledger["label"]) == {"SPMe", "DFN"}
    assert ledger.groupby(["campaign", "seed"])["cost"].sum().max() <= 14
    assert (workspace.folder / rounds).is_file()
    report = workspace.run(*SMOKE, "--report", "results/report.zip")
    assert report.returncode == 0, report.stdout
    assert (results / "report.zip").stat().st_size > 100_000


@pytest.mark.nightly
def test_a_rebuild_in_a_clean_folder_agrees(done: Workspace) -> None:
    found = done.batterymi("verify", "--cores", "2")
    assert found.returncode == 0, found.stdout
    assert "the results are reproduced" in found.stdout
    assert "differs" not in found.stdout


def test_results_are_as_the_run_left_them_until_one_is_changed(done: Workspace) -> None:
    found = done.batterymi("verify", "--no-rebuild")
    assert found.returncode == 0, found.stdout
    file = done.folder / "results/sodium_ion/summary.json"
    before = file.read_bytes()
    try:
        file.write_bytes(before.replace(b"a", b"b", 1))
        spoilt = done.batterymi("verify", "--no-rebuild")
    finally:
        file.write_bytes(before)
    assert spoilt.returncode == 1
    assert "results/sodium_ion/summary.json: is not what the run wrote" in spoilt.stdout


def test_the_manifest_lists_what_a_plain_run_makes_and_all_that_it_reads(done: Workspace) -> None:
    path = done.folder / "results/MANIFEST.json"
    before, manifest = path.read_bytes(), read_manifest(path)
    assert {"config/config.yaml", "config/studies/sodium_ion.yaml", "data/textbook/sodium_ion.csv"} <= set(
        manifest["inputs"]
    )
    made = {
        file.relative_to(path.parent).as_posix()
        for file in path.parent.rglob("*")
        if file.is_file() and file.parent.name != CHECKSUM_FOLDER
    }
    assert set(manifest["outputs"]) == made - {"MANIFEST.json", ".battery-mi.lock", ".battery-mi.owner"}
    strange = ("sodium_ion/fidelities/cost.csv", "sodium_ion/notes.txt", "notes.csv")
    for name in strange:
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text("")
    again = done.run(*SMALL, "--cores", "1", "--force", "results/MANIFEST.json")
    for name in strange:
        (path.parent / name).unlink()
    assert again.returncode == 0, again.stdout
    assert path.read_bytes() == before


@pytest.mark.nightly
def test_a_rebuild_of_results_elsewhere_agrees_and_leaves_them_and_the_ledger_alone(workspace: Workspace) -> None:
    own = workspace.folder.with_name("elsewhere")
    settings = read_yaml(workspace.folder / SMOKE[1])
    search = "mode: search\n  evaluator: {name: surrogate}\n  engine: gaussian_process\n  initial: 5\n  budget: 15\n"
    workspace.edit("config/studies/sodium_ion.yaml", search, "mode: experiment\n")
    settings["overrides"] = {"all": settings["overrides"]["all"] | {"campaign": {"seeds": 2}}}
    settings |= {"studies": ["sodium_ion"], "ledgers": f"{own}/ledgers", "pathvars": {"results": f"{own}/results"}}
    (workspace.folder / "own.yaml").write_text(json.dumps(settings))
    finished = workspace.run("--configfile", "own.yaml", "--cores", "2")
    assert finished.returncode == 0, finished.stdout
    assert workspace.jobs("--configfile", "own.yaml") == set()
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in own.rglob("*") if path.is_file()}
    assert any(path.suffix == ".jsonl" for path in before)
    found = workspace.batterymi("verify", "--configfile", "own.yaml", "--cores", "2")
    assert "the results are reproduced" in found.stdout
    assert found.returncode == 0, found.stdout
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in own.rglob("*") if path.is_file()}


@pytest.mark.nightly
def test_the_kernels_of_an_old_processor_give_the_same_results_within_the_tolerance(
    done: Workspace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "PRESCOTT")
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "AVX2 FMA3 AVX512F AVX512_SKX X86_V3 X86_V4")
    finished = workspace.run(*SMALL, "--cores", "2")
    assert finished.returncode == 0, finished.stdout
    ours, theirs = done.folder / "results", workspace.folder / "results"
    names, others = (read_manifest(folder / "MANIFEST.json")["outputs"] for folder in (ours, theirs))
    found = compare_results(ours, theirs, names, others)
    assert found.agrees, "\n".join(found.describe())


def test_a_second_run_does_nothing(done: Workspace) -> None:
    assert done.jobs(*SMALL) == set()


def test_touching_files_reruns_nothing(done: Workspace) -> None:
    for path in (
        "scripts/train_surrogate.py",
        "src/batterymi/stages/train_surrogate.py",
        "data/textbook/sodium_ion.csv",
    ):
        os.utime(done.folder / path)
    assert done.jobs(*SMALL) == set()


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("src/batterymi/evaluators/ncm_formulas.py", {"sample_table:ncm_cathodes", "run_campaign:ncm_cathodes"}),
        ("src/batterymi/surrogates/card.py", {"train_surrogate:ncm_cathodes", "train_surrogate:sodium_ion"}),
        ("src/batterymi/figures/capacity_voltage.py", {"plot_study:sodium_ion"}),
        ("src/batterymi/charging/simulator.py", set()),
        ("src/batterymi/charging/cells.py", set()),
        ("src/batterymi/registry.py", set()),
        ("src/batterymi/vocabulary/unit_table.py", set()),
        ("src/batterymi/stages/build_claims.py", {"build_claims"}),
        ("src/batterymi/reporting/templates/claims.html.j2", {"build_claims", "build_summary", "build_report"}),
    ],
)
def test_editing_a_module_reruns_exactly_its_users(path: str, wanted: set[str], done: Workspace) -> None:
    file = done.folder / path
    before, stamp = file.read_text(encoding="utf-8"), file.stat()
    try:
        file.write_text(before + "\n# edited\n", encoding="utf-8")
        jobs = done.jobs(*SMALL)
    finally:
        file.write_text(before, encoding="utf-8")
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    first = {job for job in jobs if job.split(":")[0] in {w.split(":")[0] for w in wanted}}
    assert wanted <= jobs
    assert first == wanted
    if not wanted:
        assert jobs == set()


def test_changing_a_setting_reruns_its_study_and_the_summary_only(done: Workspace) -> None:
    done.edit("config/studies/sodium_ion.yaml", "seed: 42", "seed: 43")
    jobs = done.jobs(*SMALL)
    assert {job.partition(":")[2] for job in jobs} == {"sodium_ion", ""}
    assert {"train_surrogate:sodium_ion", "run_campaign:sodium_ion", "build_summary", "build_claims"} <= jobs
    assert "prepare_table:sodium_ion" not in jobs
    done.edit("config/studies/sodium_ion.yaml", "seed: 43", "seed: 42")
    assert done.jobs(*SMALL) == set()


def test_a_second_run_at_once_is_told_so(workspace: Workspace) -> None:
    process = subprocess.Popen(
        workspace.command(*SMALL, "--cores", "1"),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        lock = workspace.folder / ".snakemake/battery-mi.owner"
        assert wait_until(lambda: lock.exists() and lock.read_text(), START, process)
        second = workspace.run(*SMALL)
        assert second.returncode == 1
        assert f"another run (process {process.pid}) is working in this folder" in second.stdout
        assert workspace.run(*SMALL, "-n").returncode == 0, "who only looks is in nobody's way"
        shared = f"pathvars={{results: {workspace.folder / 'results'}}}"
        elsewhere = copy_workflow(workspace.folder.with_name("another copy"))
        third = elsewhere.run(*SMALL, shared)
        assert third.returncode == 1
        said = f"another run (process {process.pid}) is working in the folder of results '{workspace.folder}/results'"
        assert said in third.stdout
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_run_that_only_looks_holds_no_lock(workspace: Workspace) -> None:
    for option in ("-n", "--dag", "--summary", "--list-rules"):
        assert workspace.run(*SMALL, option).returncode == 0
        assert not (workspace.folder / ".snakemake/battery-mi.lock").exists(), option
        assert not (workspace.folder / "results").exists(), option


def test_no_run_spends_a_second_on_grammars_that_snakemake_would_import_for_the_language_of_scripts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_spec("rfc3987_syntax") is not None
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    imported = workspace.run("-n", "results/sodium_ion/table.parquet").stdout
    assert " nbformat\n" in imported
    assert "rfc3987_syntax.syntax_helpers" not in imported


def test_a_misspelt_target_and_a_misspelt_key_are_named_without_a_traceback(workspace: Workspace) -> None:
    finished = workspace.run("sodium_iom")
    assert finished.returncode == 1
    assert "'sodium_iom' is neither a study nor a rule; did you mean 'sodium_ion'?" in finished.stdout
    workspace.edit("config/studies/sodium_ion.yaml", "engine: gaussian_process", "engin: gaussian_process")
    finished = workspace.run("-n")
    assert finished.returncode == 1
    assert (
        "config/studies/sodium_ion.yaml: campaign.engin: unknown key 'engin'; did you mean 'engine'?" in finished.stdout
    )
    assert "Traceback" not in finished.stdout
    assert not (workspace.folder / "results").exists()


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        ("key", "unknown key 'titel'; did you mean 'title'?"),
        ("missing", "data/textbook/sodium_ion.csv: there is no such file"),
        ("text", "line 3: capacity_mah_g: found 'lots': not a number"),
    ],
)
def test_a_good_study_beside_a_bad_one_still_completes(spoil: str, wanted: str, workspace: Workspace) -> None:
    if spoil == "key":
        workspace.edit("config/studies/sodium_ion.yaml", "title:", "titel:")
    elif spoil == "missing":
        (workspace.folder / "data/textbook/sodium_ion.csv").unlink()
    else:
        workspace.edit("data/textbook/sodium_ion.csv", "P2,3.2,180", "P2,3.2,lots")
    goals = ("results/ncm_cathodes/surrogate/card.md", "results/sodium_ion/summary.json")
    finished = workspace.run(*goals, "--keep-going", *SMOKE)
    assert finished.returncode == 1
    assert wanted in finished.stdout
    assert "Traceback" not in finished.stdout
    assert (workspace.folder / goals[0]).exists()
    assert not list((workspace.folder / "results").glob("sodium_ion/**/*.*"))


def test_a_new_study_needs_a_csv_and_a_short_yaml(workspace: Workspace) -> None:
    rows = "temperature,time,capacity\n" + "\n".join(
        f"{600 + 30 * i},{i % 5 + 1},{100 + 5 * i - i * i}" for i in range(10)
    )
    (workspace.folder / "data/my_study.csv").write_text(rows)
    (workspace.folder / "config/studies/my_study.yaml").write_text(
        """
title: <b>My</b> study
edition: measured
table: {file: data/my_study.csv}
features:
  - {name: temperature, label: Synthesis temperature, unit: °C, bounds: [600, 900]}
  - {name: time, label: Synthesis time, unit: h, bounds: [1, 5]}
objectives:
  - {name: capacity, label: Capacity, unit: mAh/g, goal: maximise, valid: [0, 400]}
derived:
  - {name: rate, label: Capacity per hour, unit: mAh/g, expression: capacity / time}
  - {name: half, label: Half of it, unit: mAh/g, expression: rate / 2}
campaign:
  mode: search
  evaluator: {name: surrogate}
""",
        encoding="utf-8",
    )
    finished = workspace.run("my_study", "--cores", "2", *SMOKE)
    assert finished.returncode == 0, finished.stdout
    suggestions = (workspace.folder / "results/my_study/campaign/suggestions.csv").read_text().splitlines()
    assert len(suggestions) > 1
    assert {"temperature [°C]", "time [h]", "capacity [mAh/g]", "half [mAh/g]", "why"} <= set(suggestions[0].split(","))
    best = json.loads((workspace.folder / "results/my_study/summary.json").read_text())["best_outcome"]["value"]
    assert re.search(r"Capacity per hour \d+(\.\d+)? mAh/g; Half of it \d+", best)


@pytest.mark.nightly
@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of the data sets")
def test_the_measured_edition_runs_from_a_mirror(workspace: Workspace) -> None:
    found, summary = run_measured(workspace, MIRROR)
    assert found == ({"test": 121, "train": 478}, 2388, [9190, 8919, 7789, 7770, 3738, 162], 16)
    assert "Random folds are optimistic".lower() in summary


def test_the_measured_edition_runs_from_samples_and_again_does_nothing(workspace: Workspace) -> None:
    mirror = sample_data_sets(workspace)
    found, _ = run_measured(workspace, mirror)
    # what is left of 52 rows, 8 candidates and 20 formulas with lithium
    assert found == ({"test": 10, "train": 40}, 8, [20, 20, 16, 14, 12, 4], 1)
    options = (*MEASURED, "--config", f"mirror={mirror}")
    assert workspace.jobs(*options) == set()
    elsewhere = (*MEASURED, "--config", "mirror=somewhere_else")
    assert workspace.jobs(*elsewhere) == set(), "where files came from changes no result"


def run_measured(workspace: Workspace, mirror: Path) -> tuple[object, str]:
    """Run the measured edition from some data sets; return what was counted, and the summary in small letters."""
    finished = workspace.run(*MEASURED, "--config", f"mirror={mirror}", "--cores", "2", units=LONG)
    assert finished.returncode == 0, finished.stdout
    results = workspace.folder / "results"
    summary = (results / "summary.md").read_text()
    assert len((results / "summary.csv").read_text().splitlines()) == 6
    for words in ("Official test", "zero-shot", "candidates", "the rule", "Noise floor"):
        assert words.lower() in summary.lower(), words
    citations = (results / "CITATIONS.md").read_text()
    assert citations.count("Licence:") == 6, "one more than the studies read, for the claims"
    facts = json.loads((results / "cell_facts.json").read_text())
    assert facts["hosts"]["same_content"]["n_hosts"] >= 10
    assert json.loads((results / "conductivities.json").read_text())["n_series"] >= 3
    report = json.loads((results / "solid_electrolytes_measured/table.json").read_text())
    ranking = (results / "lithium_sulfur_measured/screen/top.csv").read_text().splitlines()
    screen = json.loads((results / "solid_electrolytes_measured/screen/report.json").read_text())
    passed = [screen["candidates"], *(step["passed"] for step in screen["funnel"][:5])]
    top = (results / "solid_electrolytes_measured/screen/top.csv").read_text().splitlines()
    manifest = (results / "MANIFEST.json").read_text()
    assert str(mirror) not in summary + citations + manifest + json.dumps(report)
    return (report["rows_by_split"], len(ranking), passed, len(top)), summary.lower()


def test_without_data_the_way_out_is_named(workspace: Workspace) -> None:
    workspace.edit("config/datasets.yaml", "https://raw.githubusercontent.com", "http://127.0.0.1:9")
    workspace.edit("src/batterymi/data/fetch.py", "backoff_factor=1.5", "backoff_factor=0")
    done = workspace.run("sodium_ion_measured", "--cores", "1")
    assert done.returncode != 0
    assert "textbook edition" in done.stdout
    assert "mirror=" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (workspace.folder / "data/raw/mp_electrodes/electrodes.csv").exists()


TABLE_SETTINGS = {
    "bad_rows": ("  file: data/textbook/sodium_ion.csv", "  file: data/textbook/sodium_ion.csv\n  bad_rows: drop"),
    "empty": ("  file: data/textbook/sodium_ion.csv", "  file: data/textbook/sodium_ion.csv\n  empty: pending"),
    "unit": ("unit: mAh/g", "unit: Ah/kg"),
    "valid": ("valid: [0, 1500]", "valid: [0, 5000]"),
    "bounds": ("bounds: [2.5, 3.5]", "bounds: [2.5, 3.6]"),
    "choices": ("choices: [O3, P2, NASICON]", "choices: [O3, P2, NASICON, P3]"),
}


@pytest.mark.parametrize("setting", TABLE_SETTINGS)
def test_each_setting_of_a_table_has_its_rows_read_again(setting: str, done: Workspace) -> None:
    path = done.folder / "config/studies/sodium_ion.yaml"
    before = path.read_text(encoding="utf-8")
    try:
        done.edit("config/studies/sodium_ion.yaml", *TABLE_SETTINGS[setting])
        assert "prepare_table:sodium_ion" in done.jobs(*SMALL)
    finally:
        path.write_text(before, encoding="utf-8")


def test_no_param_takes_the_input_since_snakemake_would_not_record_it() -> None:
    """A setting within such a param would change without a rerun."""
    found = []
    for file in (ROOT / "rules").glob("*.smk"):
        text = file.read_text(encoding="utf-8")
        takes_more = re.findall(r"^ *def (\w+)\((?:wildcards, .+|input.*)\):", text, re.MULTILINE)
        params = " ".join(re.findall(r"^    params:\n((?:        .*\n|\n)+)", text, re.MULTILINE))
        found += [f"{file.name}: {name}" for name in takes_more if re.search(rf"\b{name}\b", params)]
    assert not found
