"""`batterymi explain`: a number of the summary or a claim, the file it was read from, and the rule that made it."""

import argparse
from pathlib import Path
from typing import Any

from batterymi.cli.settings import find_study, read_config
from batterymi.config.run import Config
from batterymi.errors import ConfigError, TableError
from batterymi.files import read_frame, read_json
from batterymi.reporting.study_results import StudyResults
from batterymi.spelling import did_you_mean
from batterymi.text_safety import write_out
from batterymi.workflow.project import folder_of

TEXTS = (
    "id",
    "section",
    "unit",
    "claimed",
    "measured",
    "measured_on_data",
    "verdict_on_data",
    "source",
    "source_on_data",
    "reason",
)


def explain_result(options: argparse.Namespace) -> None:
    """Print a number with its file, its rule and its log.

    Raises:
        TableError: if there is no such number.
    """
    config = read_config(options.configfile)
    study, _, column = options.result.partition(".")
    lines = _explain_cell(study, column, config) if column else _explain_claim(options.result, config)
    write_out("\n".join([*lines, ""]))


def _explain_cell(study: str, column: str, config: Config) -> list[str]:
    """Return a cell of the summary with its file."""
    results = folder_of(config, "results")
    path = results / study / "summary.json"
    if not path.is_file():
        done = sorted(file.parent.name for file in results.glob("*/summary.json"))
        raise TableError(
            f"{path}: there is no such file; {did_you_mean(study, done) if done else 'run snakemake first'}"
        )
    cells = read_json(path)
    if column not in cells:
        raise TableError(f"{path}: it has no column '{column}'; {did_you_mean(column, cells)}")
    value, source = cells[column]["value"], cells[column]["source"]
    if not source:
        return [f"{study}.{column} = {value}", f"read from the study's settings, {config.studies_folder}/{study}.yaml"]
    return [f"{study}.{column} = {value}", *_explain_source(source, config)]


def _explain_claim(name: str, config: Config) -> list[str]:
    """Return a claim of the chapter with what was measured, and from which files that was read."""
    path = folder_of(config, "results") / "claims.csv"
    if not path.is_file():
        raise TableError(f"{path}: there is no such file; run `snakemake claims` first")
    claims = read_frame(path, needs=["id", "verdict"], texts=TEXTS)
    found: dict[str, dict[Any, Any]] = {row["id"]: row for row in claims.to_dict("records")}
    if name not in found:
        raise TableError(f"'{name}' is neither STUDY.COLUMN nor a claim; {did_you_mean(name, found)}")
    claim = found[name]
    measured = _join_unit(claim, "measured") if claim["measured"] else "nothing"
    lines = [
        f"{claim['quantity']}: section {claim['section']} claims {_join_unit(claim, 'claimed')}",
        f"measured {measured}: {claim['verdict']}; {claim['reason']}",
        *_explain_source(claim["source"], config),
    ]
    if claim["measured_on_data"]:
        lines.append(f"on real data measured {_join_unit(claim, 'measured_on_data')}: {claim['verdict_on_data']}")
    return [*lines, *_explain_source(claim["source_on_data"], config)]


def _join_unit(claim: dict[Any, str], column: str) -> str:
    """Return a number of a claim with its unit."""
    return claim[column] if claim["unit"] == "1" else f"{claim[column]} {claim['unit']}"


def _explain_source(source: str, config: Config) -> list[str]:
    """Return the file of a number, if it has one, and the rule that made the file, if it is the result of a study."""
    if not source:
        return []
    lines, path, results = [f"read from {source}"], Path(source.partition("#")[0]), folder_of(config, "results")
    try:
        study = path.relative_to(results).parts[0]
        rule = StudyResults.of_folder(results / study, find_study(study, config)).find_rule(path)
    except (ValueError, ConfigError):  # elsewhere, or the study's YAML is gone or wrong by now
        return lines
    log = folder_of(config, "logs") / f"{rule}/{study}.log"
    log_note = f"; its log is {log}" if log.is_file() else ""
    return [*lines, f"made by the rule {rule}{log_note}"] if rule else lines
