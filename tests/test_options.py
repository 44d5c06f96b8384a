"""Every option that config/README.md documents is used by a study that runs to the summary."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, Workspace
from option_tables import write_rules_table, write_workbook
from pydantic import BaseModel
from timing import LONG, NIGHT

from batterymi.config.arena import Arena, load_arena
from batterymi.config.load import load_config, load_studies, merge_settings, read_yaml
from batterymi.config.run import Config
from batterymi.config.study import Study

Keys = set[tuple[str, str]]

SETTINGS = {
    "editions": ["own"],
    "datasets": "config/datasets.yaml",
    "ledgers": "data/ledgers",
    "mirror": "data",
    "arena": "config/arena.yaml",
    "arena_overrides": {"soc_nominal": 0.1},
    "closed_loop": {"batches": [8], "rounds": 2, "seeds": 3, "seed": 1, "cell": "power_cell"},
    "formula_net": {
        "encoders": 1,
        "width": 16,
        "layers": 1,
        "epochs": 1,
        "batch": 64,
        "pair_epochs": 1,
        "components": 4,
        "device": "cpu",
        "seed": 1,
    },
    "stability": {
        "first_gates": ["e_decomposition < 0.1"],
        "draws": 2,
        "noise_ev_atom": 0.01,
        "seed": 1,
        "hull_estimates": {
            "gates_ev_atom": [0.05],
            "largest_cell": 40,
            "relaxation_steps": 0,
            "partitions": 2,
        },
        "conductivity_of": "solid_electrolytes_measured",
        "conductivity_variant": "composition_only",
    },
}
SMALL = {"models": ["dummy", "ridge"], "folds": 4, "permutations": 19, "bootstraps": 100, "partitions": 2}
WITH_SPREAD = SMALL | {"models": ["dummy", "ridge", "gaussian_process"]}


def column(name: str, **more: Any) -> dict[str, Any]:
    """A feature or an objective."""
    return {"name": name, "label": name.capitalize(), "unit": "1", **more}


MIXTURE = {
    "title": "A mixture of steps, levels and choices",
    "edition": "own",
    "table": {"file": "data/mixture.csv", "columns": {"T (°C)": "temperature"}, "empty": "pending"},
    "features": [
        column("salt", unit="percent", bounds=[1, 5], step=0.5),
        column("temperature", unit="°C", levels=[25, 40, 60]),
        column("a", bounds=[0, 1]),
        column("b", bounds=[0, 1]),
        column("solvent", choices=["EC", "PC"]),
    ],
    "simplex": {"features": ["a", "b"], "tolerance": 0.001, "step": 0.05},
    "constraints": [{"name": "not_too_salty", "expression": "salt <= 4 + b", "reason": "Viscosity."}],
    "objectives": [column("life", goal="maximise"), column("cost", goal="minimise")],
    "derived": [
        column("heat", expression="salt * temperature"),
        column("rate", expression="heat / 2"),
    ],
    "surrogate": SMALL,
}
OPTIONS = {
    "option_search": MIXTURE
    | {
        "surrogate": WITH_SPREAD,
        "campaign": {
            "mode": "search",
            "seeds": 2,
            "initial": 4,
            "budget": 8,
            "batch": 2,
            "suggestions": 3,
            "reference": {"life": 0, "cost": 20},
            "shared_in_batch": ["temperature"],
            "evaluator": {"name": "surrogate"},
        },
    },
    "option_pool": MIXTURE
    | {
        "simplex": None,
        "features": MIXTURE["features"][:2],  # type: ignore[index]
        "constraints": [],
        "campaign": {
            "mode": "search",
            "seeds": 2,
            "initial": 4,
            "budget": 8,
            "pool": "data/pool.csv",
            "evaluator": {"name": "surrogate"},
        },
    },
    "option_experiment": MIXTURE
    | {
        "table": {
            "file": "data/measured.csv",
            "columns": {"T (°C)": "temperature"},
            "status": "state",
            "withdrawn": "remark",
            "encoding": "cp1252",
            "decimal": ",",
            "units": {"cost": "percent"},
        },
        "objectives": [
            column("life", goal="maximise", error={"column": "life_sd", "kind": "sd", "n": "cells"})
            | {"cost": 20, "early": {"column": "cost", "cost": 1}},
            column("cost", goal="minimise"),
        ],
        "ablations": [{"name": "without_solvent", "drop": ["solvent"], "reason": "To see what it adds."}],
        "campaign": {
            "mode": "experiment",
            "seeds": 2,
            "suggestions": 2,
            "engine": "gaussian_process",
            "max_distance": 10.0,
            "reference": {"life": 0, "cost": 20},
            "variant": "all_features",
            "worthwhile": {"least": 2, "reason": "one batch of experiments"},
        },
    },
    "option_experiment_pool": MIXTURE
    | {
        "simplex": None,
        "features": MIXTURE["features"][:2],  # type: ignore[index]
        "constraints": [],
        "objectives": [column("life", goal="maximise"), column("cost", goal="target", target=[3, 4])],
        "campaign": {"mode": "experiment", "seeds": 2, "suggestions": 2, "pool": "data/pool.csv"},
    },
}
RULES = {
    "title": "A mixture of at most two solvents, an additive or none, a step or none, one oven",
    "edition": "own",
    "table": {"file": "data/rules.csv"},
    "features": [
        *(column(name, unit="percent", bounds=[0, 90]) for name in ("ec", "emc", "dmc")),
        column("additive", choices=["none", "fec", "vc"]),
        column("amount", unit="percent", used_with={"additive": {"fec": [1, 10], "vc": [0.5, 3]}}, step=0.5),
        column("drying_c", unit="°C", bounds=[60, 120], step=10, optional_step="drying"),
        column("drying_h", unit="h", bounds=[2, 12], step=1, optional_step="drying"),
        column("current", bounds=[0.001, 1], scale="log"),
        column("purity", choices=["low", "medium", "high"], ordered=True),
        column("n_li", bounds=[0.8, 1.4]),
        column("n_p", bounds=[0.8, 1.4]),
        column("oven", unit="°C", bounds=[700, 860], step=10),
    ],
    "simplex": {
        "features": ["ec", "emc", "dmc"],
        "total": 100,
        "step": 5,
        "tolerance": 0.5,
        "max_parts": 2,
        "min_parts": 2,
        "min_when_used": 10,
    },
    "constraints": [{"name": "balance", "expression": "n_li / n_p == 1.05", "tolerance": 0.01}],
    "objectives": [column("life", goal="maximise")],
    "surrogate": WITH_SPREAD,
    "campaign": {"mode": "experiment", "seeds": 2, "suggestions": 3, "shared_in_batch": ["oven"]},
}
OPTIONS["option_rules"] = RULES
OPTIONS["option_workbook"] = MIXTURE | {
    "simplex": None,
    "features": MIXTURE["features"][:2],  # type: ignore[index]
    "constraints": [],
    "table": {
        "file": "data/mixture.xlsx",
        "sheet": "Runs",
        "header_lines": [2, 3],
        "leave_out": ["Mean"],
        "fill_down": ["temperature"],
        "columns": {"T [°C]": "temperature"},
        "empty": "pending",
    },
    "campaign": {"mode": "experiment", "seeds": 2, "suggestions": 2},
}
FORMULAS = {
    "edition": "own",
    "table": {"file": "data/formulas.csv", "id_column": "composition"},
    "descriptors": [
        {
            "name": "elements",
            "label": "Elements",
            "function": "element_fractions",
            "columns": {"formula": "composition"},
        }
    ],
    "objectives": [column("conductivity", goal="maximise")],
    "surrogate": {**SMALL, "models": ["dummy", "ridge", "extra_trees"], "trees": 10},
    "ablations": [
        {"name": "again", "drop": [], "models": ["dummy", "ridge", "extra_trees"], "reason": "For the variant."}
    ],
    "campaign": {
        "mode": "replay",
        "seeds": 2,
        "initial": 3,
        "budget": 9,
        "batch": 2,
        "shares": [0.05, 0.2],
        "suggestions": 2,
        "variant": "again",
    },
}
for name, screen in {
    "option_list": {
        "source": {"name": "file", "file": "data/list.csv", "formula_column": "sum", "bad_rows": "drop"},
        "gates": [
            {"label": "has sulfur or chlorine", "with_any": ["S", "Cl"]},
            {"label": "no iron", "without": ["Fe"]},
        ],
        "best": 3,
    },
    "option_enumeration": {
        "source": {
            "name": "enumeration",
            "elements": ["Li", "P", "S", "Cl"],
            "always": ["Li"],
            "sizes": [2, 3],
            "largest_amount": 4,
            "oxidation_states": "smact14",
        },
        "best": 3,
    },
}.items():
    OPTIONS[name] = FORMULAS | {"title": name.replace("_", " "), "screen": screen}


def write_studies(folder: Path) -> None:
    """Write the tables, lists and studies."""
    rng = np.random.default_rng(0)
    n, data = 24, folder / "data"
    salt, temperature = rng.choice(np.arange(1, 5.5, 0.5), n), rng.choice([25, 40, 60], n)
    a = rng.choice(np.arange(0, 1.05, 0.05), n).round(2)
    solvent = rng.choice(["EC", "PC"], n)
    life = 10 + salt - 0.1 * temperature + 5 * a + (solvent == "EC") + 0.1 * rng.normal(size=n)
    table = pd.DataFrame({"salt": salt, "T (°C)": temperature, "a": a, "b": (1 - a).round(2), "solvent": solvent})
    table["life"], table["cost"] = life.round(3), (salt + 2 * a + 0.1 * rng.normal(size=n)).round(3)
    table = table.astype(object)
    table.loc[n - 1, ["life", "cost"]] = ""  # an experiment under way
    data.mkdir(exist_ok=True)
    table.to_csv(data / "mixture.csv", index=False)
    measured = table.assign(life_sd=0.1, cells=rng.integers(1, 5, n), state="done", remark="")
    measured.loc[n - 1, "state"] = "planned"
    measured.loc[0, "remark"] = "leaked"
    measured.loc[1, "cost"] = "pending"
    measured.to_csv(data / "measured.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    write_workbook(data / "mixture.xlsx", table)
    table.drop_duplicates(["salt", "T (°C)"])[["salt", "T (°C)"]].rename(columns={"T (°C)": "temperature"}).to_csv(
        data / "pool.csv", index=False
    )
    write_rules_table(data / "rules.csv", rng)
    formulas = [f"Li{i}P{j}S{k}" for i in (1, 2, 3) for j in (1, 2) for k in (3, 4, 5, 6)]
    pd.DataFrame({"composition": formulas, "conductivity": rng.normal(size=len(formulas)).round(3)}).to_csv(
        data / "formulas.csv", index=False
    )
    (data / "list.csv").write_text("sum\nLi3PS4\nLiCl\nLi2O\nnot a formula\nLi6PS5Cl\n")
    for name, study in OPTIONS.items():
        (folder / f"config/studies/{name}.yaml").write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False))
    (folder / "options.yaml").write_text(yaml.safe_dump(SETTINGS))


def keys_of(models: Iterable[type[BaseModel]]) -> Keys:
    """Every key that the tables of config/README.md list: (model, key)."""
    found: Keys = set()
    for model in models:
        schema = model.model_json_schema()
        parts = {model.__name__: schema, **schema.get("$defs", {})}
        found |= {(name, key) for name, part in parts.items() for key in part.get("properties", {})}
    return found


def keys_used(settings: Any) -> Keys:
    """The keys that settings set, here and within."""
    if isinstance(settings, BaseModel):
        own = {(type(settings).__name__, key) for key in settings.model_fields_set}
        return own | {pair for key in type(settings).model_fields for pair in keys_used(getattr(settings, key))}
    if isinstance(settings, dict):
        return {pair for value in settings.values() for pair in keys_used(value)}
    if isinstance(settings, list | tuple):
        return {pair for value in settings for pair in keys_used(value)}
    return set()


def read_settings(*paths: Path) -> Config:
    """The configuration with further files laid over it."""
    merged: dict[str, Any] = {}
    for path in (ROOT / "config/config.yaml", *paths):
        merged = merge_settings(merged, read_yaml(path))
    return load_config(merged)


def test_every_documented_option_of_a_study_is_set_by_one_that_a_test_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_studies(workspace.folder)
    monkeypatch.chdir(workspace.folder)
    used: Keys = set()
    for file in ("tests/smoke.yaml", "tests/measured_smoke.yaml", "options.yaml"):
        config = read_settings(workspace.folder / file)
        studies, rejected = load_studies(config)
        assert not rejected, rejected
        used |= keys_used(config) | keys_used(list(studies.values()))
    assert sorted(keys_of([Config, Study]) - used) == [], "add them to the studies above"


def test_every_documented_option_of_the_arena_is_set_by_one_that_a_test_runs() -> None:
    config = read_settings(
        *(ROOT / "tests" / name for name in ("smoke.yaml", "arena_smoke.yaml", "options_arena.yaml"))
    )
    used = keys_used(load_arena(ROOT / config.arena, config.arena_overrides))
    assert sorted(keys_of([Arena]) - used) == [], "add them to tests/options_arena.yaml"


@pytest.mark.slow
def test_studies_with_every_option_run_to_the_summary(workspace: Workspace) -> None:
    write_studies(workspace.folder)
    done = workspace.run("all", "--cores", "2", "--configfile", "options.yaml", "--set-scatter", "screen=2", units=LONG)
    assert done.returncode == 0, done.stdout
    results = workspace.folder / "results"
    summary = pd.read_csv(results / "summary.csv", index_col="study")
    assert sorted(summary.index) == sorted(OPTIONS)
    # what the options are for reaches the outputs
    suggested = pd.read_csv(results / "option_experiment/campaign/suggestions.csv")
    assert len(suggested) == 2
    assert {name.split(" [")[0] for name in suggested} >= {"heat", "rate"}
    report = json.loads((results / "option_experiment/table.json").read_text())
    assert report["rows_by_split"] == {"pending": 1, "train": 22, "withdrawn": 1}
    assert [entry["found"] for entry in report["unused"]] == ["leaked"]
    searched = pd.read_csv(results / "option_search/campaign/suggestions.csv")
    assert (searched["a"] * 20 % 1).round(6).isin([0, 1]).all(), "weighed in steps of 0.05"
    assert (searched["salt [percent]"] <= 4 + searched["b"] + 1e-9).all()
    ruled = pd.read_csv(results / "option_rules/campaign/suggestions.csv").rename(
        columns=lambda name: name.split(" ")[0]
    )
    shares = ruled[["ec", "emc", "dmc"]]
    assert np.allclose(shares.sum(axis=1), 100)
    assert ((shares > 0).sum(axis=1) == 2).all()
    assert ruled["oven"].nunique() == 1
    assert (ruled["amount"].isna() == (ruled["additive"] == "none")).all()
    assert (ruled["drying_c"].isna() == ruled["drying_h"].isna()).all()
    report = json.loads((results / "option_list/screen/report.json").read_text())
    assert report["dropped"] == 1
    pending = json.loads((results / "option_search/table.json").read_text())["rows_by_split"]
    assert pending["pending"] == 1
    assert list((workspace.folder / "data/ledgers").glob("*.jsonl"))


@pytest.mark.nightly
def test_an_arena_with_every_option_runs_to_its_table(workspace: Workspace) -> None:
    (workspace.folder / "tests/options_arena.yaml").write_text((ROOT / "tests/options_arena.yaml").read_text())
    files = [f"tests/{name}.yaml" for name in ("smoke", "arena_smoke", "options_arena")]
    done = workspace.run("charging_arena", "--cores", "2", "--configfile", *files, units=NIGHT)
    assert done.returncode == 0, done.stdout
    table = pd.read_csv(workspace.folder / "results/arena/table.csv")
    assert {"sac", "dqn", "plating_limited"} <= set(table["controller"])
