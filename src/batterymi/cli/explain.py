"""`batterymi explain`: a number of the summary or a claim, the file it was read from, and the rule that made it."""

import argparse
from typing import Any

from batterymi.config.run import Config
from batterymi.errors import ConfigError, TableError
from batterymi.files import read_frame, read_json
from batterymi.reporting.claims import RELATIONS
from batterymi.reporting.origins import find_origin
from batterymi.reporting.study_results import StudyResults
from batterymi.spelling import did_you_mean
from batterymi.text_safety import write_out
from batterymi.workflow.project import folder_of
from batterymi.workflow.settings import find_study, read_config

NUMBERS = ("claimed", "computed_value", "found", "found_lower", "found_upper")
TEXTS = (
    "id",
    "section",
    "unit",
    "relation",
    "also_found",
    "computed",
    "source_computed",
    "source_found",
    "reason",
    *NUMBERS,
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
    """Return a claim of the chapter with both verdicts, and the files that they rest on."""
    path = folder_of(config, "results") / "claims.csv"
    if not path.is_file():
        raise TableError(f"{path}: there is no such file; run `snakemake claims` first")
    claims = read_frame(path, needs=["id", "computed", "holds"], texts=TEXTS)
    known: dict[str, dict[Any, Any]] = {row["id"]: row for row in claims.to_dict("records")}
    if name not in known:
        raise TableError(f"'{name}' is neither STUDY.COLUMN nor a claim; {did_you_mean(name, known)}")
    claim = known[name]
    claimed = f"{RELATIONS[claim['relation']]}{_join_unit(claim, 'claimed')}"
    gives = f"gives {_join_unit(claim, 'computed_value')}" if claim["computed_value"] else "gives no number"
    found = f"found {_join_unit(claim, 'found')}{_format_interval(claim)}" if claim["found"] else "found nothing"
    return [
        f"{claim['quantity']}: section {claim['section']} claims {claimed}",
        f"the source's own recipe {gives}: {claim['computed'] or 'not run'}",
        *_explain_source(claim["source_computed"], config),
        f"{found}: {claim['holds']}; {claim['reason']}",
        *([f"found too: {claim['also_found']}"] if claim["also_found"] else []),
        *(line for source in claim["source_found"].split(" & ") for line in _explain_source(source, config)),
    ]


def _join_unit(claim: dict[Any, str], column: str) -> str:
    """Return a number of a claim with its unit."""
    return claim[column] if claim["unit"] == "1" else f"{claim[column]} {claim['unit']}"


def _format_interval(claim: dict[Any, str]) -> str:
    """Return the interval of what was found, if it has one."""
    return f" [{claim['found_lower']}, {claim['found_upper']}]" if claim["found_lower"] else ""


def _explain_source(source: str, config: Config) -> list[str]:
    """Return the file of a number, if it has one, and the rule that made the file, if it is known."""
    if not source:
        return []
    results = folder_of(config, "results")

    def open_study(name: str) -> StudyResults | None:
        try:
            return StudyResults.of_folder(results / name, find_study(name, config))
        except ConfigError:  # the study's YAML is gone or wrong by now
            return None

    origin = find_origin(source, results, folder_of(config, "logs"), open_study)
    log_note = f"; its log is {origin.log}" if origin.log and origin.log.is_file() else ""
    return [f"read from {source}", *([f"made by the rule {origin.rule}{log_note}"] if origin.rule else [])]
