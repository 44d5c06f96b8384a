"""How fast candidates are screened: enumeration, and list + score + gather over 10^4 to 10^6 of them.

    python benchmarks/screening.py TABLE [--sizes 10000 100000 1000000] [--figure docs/images/screening.svg]

TABLE is results/solid_electrolytes_measured/table.parquet: all its 599 rows train the models. Every size and model runs
in a process of its own; processor time is what counts, since it depends little on what else the machine does. The
largest size then runs as a pipeline does: listing, shards in two processes at once, gathering, each with its imports,
in wall time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

MODELS = ("extra_trees", "gaussian_process", "blend")
# fmt: off
ELEMENTS = (
    "Li", "Na", "K", "Mg", "Ca", "Sr", "B", "Al", "Ga", "In", "Si", "Ge", "Sn", "P", "As", "Sb", "Y", "La", "Zr", "Hf",
    "Ta", "Nb", "N", "O", "S", "Se", "F", "Cl", "Br", "I",
)
# fmt: on
DESCRIPTORS: list[dict[str, Any]] = [
    {"name": "magpie", "function": "magpie", "label": "Magpie", "columns": {"formula": "composition"}},
    {"name": "elements", "function": "element_fractions", "label": "Elements", "columns": {"formula": "composition"}},
]
SHARDS = 4
REPEATS = {10_000: 9, 100_000: 3}  # short screens are repeated, and the median counts


def screen_of(path: str) -> dict[str, Any]:
    """Settings of a screen of a file."""
    gates = [{"label": "new", "expression": "novel >= 1"}, {"label": "inside", "expression": "inside >= 1"}]
    return {"source": {"name": "file", "file": path}, "variant": "all_features", "gates": gates, "best": 50}


def prepare(table: str, folder: Path, sizes: list[int]) -> dict[str, float]:
    """Candidates and models; what the enumeration took."""
    import numpy as np
    import pandas as pd

    from batterymi.config.parts import Descriptor
    from batterymi.config.screen import EnumerationSource
    from batterymi.features.descriptors import compute_descriptors
    from batterymi.screening.enumeration import enumerate_compositions
    from batterymi.surrogates.model import Options, make_model
    from batterymi.surrogates.store import StoredModel, save_models

    started = time.process_time()
    source = EnumerationSource(name="enumeration", elements=ELEMENTS, sizes=(2, 3, 4), largest_amount=8)
    formulas: list[str] = []
    for part in enumerate_compositions(source):
        formulas += part
    took = time.process_time() - started
    chosen = np.random.default_rng(0).choice(len(formulas), max(sizes), replace=False)
    candidates = pd.DataFrame({"formula": np.array(formulas, dtype=object)[chosen]})
    for n in sizes:
        candidates.head(n).to_parquet(folder / f"{n}.parquet")
    rows = pd.read_parquet(table)
    rows.assign(split="train").to_parquet(folder / "table.parquet")
    frame = pd.concat(compute_descriptors(rows, [Descriptor(**settings) for settings in DESCRIPTORS]).values(), axis=1)
    observed = rows["log10_conductivity"].to_numpy(float)
    for name in MODELS:
        fitted = make_model(name, Options(0, 200, local_spread=True), {}).fit([], frame, observed)
        stored = StoredModel("all_features", "log10_conductivity", [], [], DESCRIPTORS, fitted, 2.0)
        save_models(folder / f"{name}.skops", [stored])
        metrics = {"variant": "all_features", "objective": "log10_conductivity", "selected": True, "model": name}
        pd.DataFrame([metrics | {"verdict": "", "q2": 0.0, "mae": 0.0}]).to_csv(folder / f"{name}.csv", index=False)
    held = {
        "variant": "all_features",
        "objective": "log10_conductivity",
        "best": True,
        "partition": 1,
        "distance": [1.0],
    }
    pd.DataFrame(held).to_parquet(folder / "predictions.parquet")
    return {"enumerated": len(formulas), "enumeration_s": took}


def names_of(model: str, n: int) -> list[str]:
    """Shards of a screen."""
    return [f"{model}_{n}_{number}" for number in range(SHARDS)]


def list_all(model: str, n: int) -> None:
    """Deal the candidates to the shards."""
    from batterymi.config.slices.screening import ListingSettings
    from batterymi.stages.list_candidates import list_candidates

    settings = ListingSettings.model_validate({"screen": screen_of(f"{n}.parquet"), "screened_features": []})
    shards = [Path(f"{name}.parquet") for name in names_of(model, n)]
    list_candidates(None, shards, Path(f"{model}_{n}_listed.json"), settings)


def score(model: str, name: str) -> None:
    """Score one shard."""
    from batterymi.config.slices.screening import ScoringSettings
    from batterymi.stages.score_candidates import score_candidates

    taken = {"target_name": "log10_conductivity", "formula_columns": ["composition"], "screened_features": []}
    settings = ScoringSettings.model_validate({"screen": screen_of(f"{name}.parquet")} | taken)
    files = (f"{name}.parquet", "table.parquet", f"{model}.skops", "predictions.parquet", f"{name}_scored.parquet")
    score_candidates(*map(Path, files), Path(f"{name}.json"), settings)


def gather(model: str, n: int) -> None:
    """The best of all shards."""
    from batterymi.config.slices.screening import GatheringSettings
    from batterymi.stages.gather_screen import gather_screen

    target = {"name": "log10_conductivity", "label": "y", "unit": "1", "goal": "maximise"}
    taken = {"target": target, "formula_columns": ["composition"], "screened_features": []}
    settings = GatheringSettings.model_validate({"screen": screen_of(f"{n}.parquet")} | taken)
    scored, reports = ([Path(f"{name}{end}") for name in names_of(model, n)] for end in ("_scored.parquet", ".json"))
    files = (f"{model}_{n}_listed.json", "table.parquet", f"{model}.csv", f"{model}_top.csv", f"{model}_report.json")
    gather_screen(scored, reports, *map(Path, files), settings)


def whole(model: str, n: int) -> dict[str, Any]:
    """List, score and gather in this process; seconds of the processor without imports and loading."""
    from statistics import median

    import pandas as pd

    pd.DataFrame({"formula": ["Li2S"] * SHARDS * 4096}).to_parquet("1.parquet")
    list_all(model, 1)
    pd.read_parquet(f"{model}_1_0.parquet").head(0).to_parquet(f"{model}_nothing.parquet")
    for _ in range(2):  # the first time imports too
        setup = seconds(lambda: score(model, f"{model}_nothing"))
    found = []
    for _ in range(REPEATS.get(n, 1)):
        listed = seconds(lambda: list_all(model, n))
        scored = seconds(lambda: [score(model, name) for name in names_of(model, n)]) - SHARDS * setup
        found.append((listed, scored, seconds(lambda: gather(model, n))))
    work = median(map(sum, found))
    names = ("list_s", "score_s", "gather_s")
    parts = {name: median(values) for name, values in zip(names, zip(*found, strict=True), strict=True)}
    status = Path("/proc/self/status").read_text()  # ru_maxrss would hold the parent's
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return {"model": model, "n": n, "work_s": work, "per_second": n / work, "peak_mb": peak, **parts, "load_s": setup}


def seconds(call: Callable[[], Any]) -> float:
    """Processor time of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def on_two_cores(folder: Path, model: str, n: int) -> tuple[float, float]:
    """Wall seconds of the jobs of a screen, shards two at a time, imports included; and those of scoring alone."""
    started = time.perf_counter()
    subprocess.run(call_of(folder, "--list", model, str(n)), check=True)
    listed = time.perf_counter()
    waiting, running = names_of(model, n), []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        while waiting and len(running) < 2:
            running.append(subprocess.Popen(call_of(folder, "--shard", model, waiting.pop(0))))
        time.sleep(0.05)
    scored = time.perf_counter()
    subprocess.run(call_of(folder, "--gather", model, str(n)), check=True)
    return time.perf_counter() - started, scored - listed


def call_of(folder: Path, *arguments: str) -> list[str]:
    """The command that does one part in a process of its own."""
    return [sys.executable, str(Path(__file__).resolve()), "-", "--folder", str(folder), *arguments]


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Processor time over the number of candidates."""
    import matplotlib.pyplot as plt

    from batterymi.figures.style import COLUMN_IN, GREY, SEQUENCE, apply_style, save_figure

    with apply_style():
        figure, axes = plt.subplots(figsize=(COLUMN_IN, 2.6))
        for model, colour in zip(MODELS, SEQUENCE, strict=False):
            own = [row for row in found if row["model"] == model]
            axes.plot([row["n"] for row in own], [row["work_s"] for row in own], "o-", color=colour, label=model)
        sizes = sorted({row["n"] for row in found})
        axes.plot(sizes, [n / 20_000 for n in sizes], "--", color=GREY, label="20,000 per second")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("Candidates")
        axes.set_ylabel("Processor time, one core (s)")
        axes.legend()
        save_figure(figure, path.with_suffix(".svg"), path.with_suffix(".png"))


def main() -> None:
    """Measure, print a table, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    for part in ("--single", "--list", "--shard", "--gather"):
        parser.add_argument(part, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        os.chdir(options.folder)
        if options.single:
            print(json.dumps(whole(options.single[0], int(options.single[1]))))
        elif options.shard:
            score(*options.shard)
        elif options.list:
            list_all(options.list[0], int(options.list[1]))
        else:
            gather(options.gather[0], int(options.gather[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), []
        print(json.dumps(prepare(str(Path(options.table).resolve()), folder, options.sizes)), flush=True)
        for model in options.models:
            for n in options.sizes:
                call = call_of(folder, "--single", model, str(n))
                found.append(json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
                print(json.dumps(found[-1]), flush=True)
            both, scoring = on_two_cores(folder, model, max(options.sizes))
            print(f"{model}: two cores, wall: {both:.1f} s, {scoring:.1f} of them scoring", flush=True)
        if options.figure:
            draw(found, options.figure)


if __name__ == "__main__":
    main()
