"""How fast candidates are screened: enumeration, and list + score + gather over 10^4 to 10^6 of them.

    python benchmarks/screening.py TABLE [--sizes 10000 100000 1000000] [--figure docs/images/screening.svg]

TABLE is results/solid_electrolytes_measured/table.parquet: all its 599 rows train the models. Every size and model runs
in a process of its own; processor time is what counts, since it does not depend on what else the machine does. The
largest size then runs as a pipeline does: shards in two processes at once, each with its imports, in wall time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
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
SMALL, REPEATS = 20_000, 5  # a small screen takes so short that it is repeated, and the quickest counts


def screen_of(path: str) -> dict[str, Any]:
    """Settings of a screen of a file."""
    gates = [{"label": "new", "expression": "novel >= 1"}, {"label": "inside", "expression": "inside >= 1"}]
    return {"source": {"name": "file", "file": path}, "variant": "all_features", "gates": gates, "best": 50}


def prepare(table: str, folder: Path, largest: int) -> dict[str, float]:
    """Candidates and models; what the enumeration took."""
    import numpy as np
    import pandas as pd

    from batterymi.config.parts import Descriptor
    from batterymi.config.screen import EnumerationSource
    from batterymi.features.descriptors import compute_descriptors
    from batterymi.screen.enumeration import enumerate_compositions
    from batterymi.surrogates.models import fit_model
    from batterymi.surrogates.store import save_models

    started = time.process_time()
    source = EnumerationSource(name="enumeration", elements=ELEMENTS, sizes=(2, 3, 4), largest_amount=8)
    formulas: list[str] = []
    for part in enumerate_compositions(source):
        formulas += part
    took = time.process_time() - started
    chosen = np.random.default_rng(0).choice(len(formulas), largest, replace=False)
    pd.DataFrame({"formula": np.array(formulas, dtype=object)[chosen]}).to_parquet(folder / "candidates.parquet")
    rows = pd.read_parquet(table)
    rows.assign(split="train").to_parquet(folder / "table.parquet")
    frame = pd.concat(compute_descriptors(rows, [Descriptor(**one) for one in DESCRIPTORS]).values(), axis=1)
    observed = rows["log10_conductivity"].to_numpy(float)
    for name in MODELS:
        fields = {"variant": "all_features", "objective": "log10_conductivity", "model": name, "features": []}
        fields |= {"categories": [], "descriptors": DESCRIPTORS, "half_width_per_spread": 2.0, "forests_vary": True}
        pipeline = fit_model(name, [], frame, observed, 0, 200)
        save_models(str(folder / f"{name}.skops"), [fields | {"pipeline": pipeline}])
        metrics = {"variant": "all_features", "objective": "log10_conductivity", "selected": True, "model": name}
        pd.DataFrame([metrics | {"verdict": "", "q2": 0.0, "mae": 0.0}]).to_csv(folder / f"{name}.csv", index=False)
    held = {"variant": "all_features", "objective": "log10_conductivity", "best": True, "distance": [1.0]}
    pd.DataFrame(held).to_parquet(folder / "predictions.parquet")
    return {"enumerated": len(formulas), "enumeration_s": took}


def whole(folder: Path, model: str, n: int) -> dict[str, float]:
    """List, score and gather in this process; seconds of the processor without imports and loading."""
    import pandas as pd

    from batterymi.screen.gather import gather_screen
    from batterymi.screen.stage import list_candidates, score_candidates

    os.chdir(folder)
    path = f"{model}_{n}.parquet"
    pd.read_parquet("candidates.parquet").head(n).to_parquet(path)
    score = {"screen": screen_of(path), "objective": "log10_conductivity", "formula_columns": ["composition"]}
    score["features"] = []
    common = ("table.parquet", f"{model}.skops", "predictions.parquet")
    names = [f"{model}_{n}_{shard}" for shard in range(SHARDS)]
    pd.DataFrame({"formula": ["Li2S"]}).to_parquet("one.parquet")
    list_candidates(
        ["nothing.parquet"], "nothing_listed.json", screen=screen_of("one.parquet"), folder=None, features=[]
    )
    for _ in range(2):  # the first time imports too
        started = time.process_time()
        score_candidates("nothing.parquet", *common, "nothing_scored.parquet", "nothing.json", **score)
        setup = time.process_time() - started
    found = []
    for _ in range(REPEATS if n <= SMALL else 1):
        started = time.process_time()
        shards = [f"{name}.parquet" for name in names]
        list_candidates(shards, f"{model}_{n}_listed.json", screen=screen_of(path), folder=None, features=[])
        listed = time.process_time() - started
        for name in names:
            score_candidates(f"{name}.parquet", *common, f"{name}_scored.parquet", f"{name}.json", **score)
        scored = time.process_time() - started - listed
        gather_screen(
            [f"{name}_scored.parquet" for name in names], [f"{name}.json" for name in names],
            f"{model}_{n}_listed.json", "table.parquet", f"{model}.csv", f"{model}_top.csv", f"{model}_report.json",
            screen=screen_of(path),
            objective={"name": "log10_conductivity", "label": "y", "unit": "1", "goal": "maximise"},
            formula_column="composition", features=[],
        )  # fmt: skip
        gathered = time.process_time() - started - listed - scored
        found.append((listed, scored, gathered))
    listed, scored, gathered = min(found, key=sum)
    work = listed + scored - SHARDS * setup + gathered
    status = Path("/proc/self/status").read_text()  # ru_maxrss would hold the parent's
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    parts = {"list_s": listed, "score_s": scored - SHARDS * setup, "gather_s": gathered, "load_s": setup}
    return {"model": model, "n": n, "work_s": work, "per_second": n / work, "peak_mb": peak, **parts}


def shard(folder: Path, model: str, name: str) -> None:
    """Score one shard, as a job does."""
    from batterymi.screen.stage import score_candidates

    os.chdir(folder)
    score_candidates(
        f"{name}.parquet", "table.parquet", f"{model}.skops", "predictions.parquet", f"{name}_scored.parquet",
        f"{name}.json", screen=screen_of(f"{model}.parquet"), objective="log10_conductivity",
        formula_columns=["composition"], features=[],
    )  # fmt: skip


def on_two_cores(folder: Path, model: str, n: int) -> float:
    """Wall seconds of the scoring jobs of the largest size, two at a time, imports included."""
    waiting = [f"{model}_{n}_{number}" for number in range(SHARDS)]
    started, running = time.perf_counter(), []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        while waiting and len(running) < 2:
            call = [sys.executable, __file__, "-", "--folder", str(folder), "--shard", model, waiting.pop(0)]
            running.append(subprocess.Popen(call))
        time.sleep(0.05)
    return time.perf_counter() - started


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Processor time over the number of candidates."""
    import matplotlib.pyplot as plt

    from batterymi.figures.style import COLUMN_IN, GREY, SEQUENCE, house_style, save

    with house_style():
        figure, axes = plt.subplots(figsize=(COLUMN_IN, 2.6))
        for model, colour in zip(MODELS, SEQUENCE, strict=False):
            own = [one for one in found if one["model"] == model]
            axes.plot([one["n"] for one in own], [one["work_s"] for one in own], "o-", color=colour, label=model)
        sizes = sorted({one["n"] for one in found})
        axes.plot(sizes, [n / 20_000 for n in sizes], "--", color=GREY, label="20,000 per second")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("Candidates")
        axes.set_ylabel("Processor time, one core (s)")
        axes.legend()
        save(figure, path.parent, path.stem)


def main() -> None:
    """Measure, print a table, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--shard", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(whole(asked.folder, asked.one[0], int(asked.one[1]))))
        return
    if asked.shard:
        shard(asked.folder, *asked.shard)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), []
        print(json.dumps(prepare(str(Path(asked.table).resolve()), folder, max(asked.sizes))), flush=True)
        for model in asked.models:
            for n in asked.sizes:
                call = [sys.executable, __file__, "-", "--folder", str(folder), "--one", model, str(n)]
                found.append(json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
                print(json.dumps(found[-1]), flush=True)
            print(model, "two processes, wall s:", round(on_two_cores(folder, model, max(asked.sizes)), 1), flush=True)
        if asked.figure:
            draw(found, asked.figure)


if __name__ == "__main__":
    main()
