"""Single stages of a finished run, called through their adapters as Snakemake does, but without it."""

import runpy
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from conftest import ROOT, Workspace

from batterymi.config.load import load_study, read_yaml
from batterymi.config.run import Config
from batterymi.config.study import Study
from batterymi.reporting.study_results import list_results

SURROGATE = ("metrics.csv", "predictions.parquet", "importances.csv", "validation.json", "model.skops", "card.md")
CAMPAIGN = ("history.parquet", "suggestions.csv", "benchmark.json", "reference_designs.csv")
FIGURES = ("data", "parity", "importances", "validation", "convergence", "study")


@cache
def smoke_study(name: str) -> Study:
    """A study as the smoke configuration runs it."""
    config = Config.model_validate(read_yaml(ROOT / "tests/smoke.yaml"))
    return load_study(ROOT / f"config/studies/{name}.yaml", config)


# inputs and outputs of each stage under results/<study>/, named as in its rule
STAGES: dict[str, tuple[dict[str, str], dict[str, str | tuple[str, ...]]]] = {
    "prepare_table": ({}, {"table": "table.parquet", "report": "table.json"}),
    "train_surrogate": (
        {"table": "table.parquet", "report": "table.json"},
        {Path(name).stem: f"surrogate/{name}" for name in SURROGATE},
    ),
    "run_campaign": (
        {"table": "table.parquet", "model": "surrogate/model.skops"},
        {Path(name).stem: f"campaign/{name}" for name in CAMPAIGN},
    ),
    "plot_study": (
        list_results(smoke_study("sodium_ion"), "figures"),
        {"index": "figures/index.json"}
        | {ending: tuple(f"figures/{name}.{ending}" for name in FIGURES) for ending in ("svg", "png")},
    ),
    "summarise_study": (list_results(smoke_study("sodium_ion"), "summary"), {"summary": "summary.json"}),
}
OPTIONAL = ("pool", "source", "external", "predicted", "choices")


def params_of(rule: str, study: Study) -> dict[str, Any]:
    """What the rule hands over beside files, as `rules/` says."""
    stage = getattr(import_module(f"batterymi.stages.{rule}"), rule)
    given = {"path": study.table.file, "dataset": None} if rule == "prepare_table" else {}
    return {"settings": get_type_hints(stage)["settings"].dump_from(study, **given)}


def run_stage(
    workspace: Workspace, rule: str, study: str = "sodium_ion", outputs: Path | None = None, log: Path | None = None
) -> tuple[int, str]:
    """Run one stage of a study.

    Args:
        workspace: a copy in which the stages before have run.
        rule: the stage.
        study: the study.
        outputs: folder for what it makes, instead of the study's own.
        log: its log, instead of one in the copy.

    Returns:
        Exit status, and what stands in the log.
    """
    inside, outside = STAGES[rule]
    folder = workspace.folder / "results" / study
    settings = smoke_study(study)
    params = params_of(rule, settings)
    if rule == "prepare_table":
        params["settings"]["path"] = str(workspace.folder / params["settings"]["path"])
    inputs = (
        {key: str(folder / name) for key, name in inside.items()}
        | dict.fromkeys(OPTIONAL, ())
        | {"code": [str(ROOT / f"scripts/{rule}.py")]}
    )
    target = outputs or folder
    made = {
        key: str(target / name) if isinstance(name, str) else [str(target / one) for one in name]
        for key, name in outside.items()
    }
    return run_adapter(
        rule,
        inputs,
        made,
        params,
        log or workspace.folder / f"logs/{rule}.fault.log",
        study,
    )


def run_adapter(
    rule: str, inputs: dict[str, Any], outputs: dict[str, Any], params: dict[str, Any], log: Path, study: str = ""
) -> tuple[int, str]:
    """Run the adapter of a rule.

    Args:
        rule: its name.
        inputs: by their names in the rule.
        outputs: likewise.
        params: likewise.
        log: the log.
        study: the wildcard.

    Returns:
        Exit status, and what stands in the log.
    """
    job = SimpleNamespace(
        input=_Named(inputs),
        output=_Named(outputs),
        params={"digests": {}} | params,
        log=[str(log)],
        threads=1,
        wildcards=_Named({"study": study}),
        resources=_Named({}),
    )
    try:
        runpy.run_path(str(ROOT / f"scripts/{rule}.py"), {"snakemake": job}, "__main__")
    except SystemExit as ended:
        return int(str(ended.code)), log.read_text(encoding="utf-8")
    return 0, log.read_text(encoding="utf-8")


class _Named(SimpleNamespace):
    """Files by name, or one after the other."""

    def __init__(self, files: dict[str, Any]) -> None:
        """Keep them as attributes."""
        super().__init__(**files)

    def __iter__(self) -> Any:
        return iter(path for path in vars(self).values() if path)

    def items(self) -> Any:
        """Names with their files."""
        return vars(self).items()
