"""The command `batterymi`: what is not a pipeline.

batterymi new-study data/my.csv    write config/studies/my.yaml, types, units and bounds guessed
batterymi check [STUDY]            settings and tables, in seconds, without running anything
batterymi suggest STUDY            the next designs to try, in seconds, without models or results
batterymi explain STUDY.COLUMN     a number of the summary, and the file it stands in
batterymi verify                   hold results against their manifest, rebuild them in a clean folder, compare
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from batterymi.config.load import RESERVED, load_config, load_studies, read_yaml
from batterymi.errors import BatteryMIError, ConfigError, TableError
from batterymi.spelling import did_you_mean

CONFIG = "config/config.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line, without the program's name; None takes the process's own.

    Returns:
        Exit status: 0, or 1 after a mistake, which is told on standard error.
    """
    parser = argparse.ArgumentParser(prog="batterymi", description="What is no pipeline; that is `snakemake`.")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new-study", help="start a study from a CSV file")
    new.add_argument("csv", type=Path, help="one row per experiment, inside the workflow's folder")
    new.add_argument("--name", help="name of the study; the file's name if not given")
    check = commands.add_parser("check", help="check settings and tables, without running anything")
    check.add_argument("study", nargs="?", help="one study; all if not given")
    suggest = commands.add_parser("suggest", help="the next designs to try, straight from the table")
    suggest.add_argument("study", help="a study whose table is a file")
    suggest.add_argument("-n", type=int, help="how many; campaign.suggestions if not given")
    suggest.add_argument("--csv", type=Path, help="write them there too, under the table's own header, to be appended")
    explain = commands.add_parser("explain", help="where a number of the summary comes from")
    explain.add_argument("result", help="STUDY.COLUMN of results/summary.csv, or the id of a claim")
    verify = commands.add_parser("verify", help="hold results against their manifest, rebuild them, compare")
    verify.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="of the rebuild; all if not given")
    verify.add_argument("--no-rebuild", action="store_true", help="only look whether files are as the run left them")
    for one in (check, suggest, explain, verify):
        one.add_argument("--configfile", type=Path, help="laid over config/config.yaml")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no ² gets the text nevertheless
    run = {"new-study": _new_study, "check": _check, "suggest": _suggest, "explain": _explain, "verify": _verify}[
        options.command
    ]
    try:
        return run(options)
    except BatteryMIError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _new_study(options: argparse.Namespace) -> int:
    """Write a study's YAML beside the others; never over one that is there."""
    from batterymi.cli.new_study import study_yaml
    from batterymi.files import write_text

    csv: Path = options.csv
    try:
        file = csv.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        raise TableError(f"{csv}: lies outside the workflow's folder {Path.cwd()}; copy it to data/") from None
    name = options.name or "_".join("".join(c if c.isalnum() else " " for c in csv.stem.lower()).split())
    if not name.isidentifier() or not name.isascii() or name != name.lower() or name in RESERVED:
        raise ConfigError([f"'{name}' cannot name a study; give one with --name, of lower-case letters, digits and _"])
    target = Path(_config(None).studies_folder) / f"{name}.yaml"
    if target.exists():
        raise ConfigError([f"{target} is there already; remove it, or choose another name with --name"])
    title = csv.stem.replace("_", " ").replace("-", " ").strip()
    text = study_yaml(csv, file, title[:1].upper() + title[1:])
    write_text(target, text, recorded=False)
    sys.stdout.write(f"{text}\nWrote {target}. Look it over, then:\n  batterymi check {name}\n  snakemake {name}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    """Settings and tables of the studies; one line each, or every mistake."""
    config = _config(options.configfile)
    studies, rejected = load_studies(config)
    known = {*studies, *rejected}
    if options.study is not None and options.study not in known:
        raise ConfigError([f"'{options.study}' is not a study; {did_you_mean(options.study, known)}"])
    wanted = [options.study] if options.study else sorted(known)
    problems: list[str] = []
    for name in wanted:
        if name in rejected:
            problems += rejected[name].problems
            continue
        try:
            sys.stdout.write(f"{name}: {_table_line(name, studies[name])}\n")
        except BatteryMIError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    return 0


def _table_line(name: str, study: Any) -> str:
    """What is known of a study's table before anything runs."""
    from batterymi.data.table import check_rows, read_rows

    shape = f"{len(study.features)} features, {len(study.objectives)} objectives"
    if study.table.dataset:
        return f"settings right, {shape}; rows come from the data set {study.table.dataset.name}"
    if study.table.sample:
        made = f"{study.table.sample.designs} rows will be made by {study.evaluator.name}"
        return f"settings right, {shape}; {made}"
    loaded = read_rows(study.table.file, study.table)
    rows, dropped = check_rows(
        loaded.frame, study.table.file, study.table, study.features, study.objectives, study.simplex, study.descriptors
    )
    left_out = f", {len(dropped)} to be left out" if dropped else ""
    return f"settings right, {shape}; {len(rows)} good rows in {study.table.file}{left_out}"


def _suggest(options: argparse.Namespace) -> int:
    """The next designs of one study, from its table alone."""
    from batterymi.cli.suggest import suggest_now

    studies, rejected = load_studies(_config(options.configfile))
    known = {*studies, *rejected}
    if options.study not in known:
        raise ConfigError([f"'{options.study}' is not a study; {did_you_mean(options.study, known)}"])
    if options.study in rejected:
        raise rejected[options.study]
    if options.n is not None and not 1 <= options.n <= 1000:
        raise ConfigError([f"-n {options.n}: ask for 1 to 1000 designs"])
    sys.stdout.write(suggest_now(options.study, studies[options.study], options.n, options.csv))
    return 0


def _explain(options: argparse.Namespace) -> int:
    """A cell of the summary or a claim, with its file."""
    from batterymi.files import read_json

    results = Path(_config(options.configfile).pathvars.get("results", "results"))
    study, _, column = options.result.partition(".")
    path = results / study / "summary.json"
    if not column:
        return _explain_claim(options.result, results)
    if not path.is_file():
        done = sorted(file.parent.name for file in results.glob("*/summary.json"))
        hint = did_you_mean(study, done) if done else "run snakemake first"
        raise TableError(f"{path}: there is no such result; {hint}")
    cells = read_json(path)
    if column not in cells:
        raise TableError(f"{path}: there is no '{column}'; {did_you_mean(column, cells)}")
    cell = cells[column]
    source = cell["source"] or f"the study's settings, config/studies/{study}.yaml"
    sys.stdout.write(f"{options.result} = {cell['value']}\nstands in {source}\n")
    log = _log_of(source, study)
    if log:
        sys.stdout.write(f"made by {log}\n")
    return 0


def _explain_claim(name: str, results: Path) -> int:
    """A claim of the chapter, what was measured, and where that stands."""
    from batterymi.files import read_frame

    path = results / "claims.csv"
    if not path.is_file():
        raise TableError(f"{path}: there is no such result; run `snakemake claims` first")
    claims = read_frame(path, needs=["id", "verdict"], keep_default_na=False).set_index("id")
    if name not in claims.index:
        raise TableError(f"'{name}' is neither STUDY.COLUMN nor a claim; {did_you_mean(name, claims.index)}")
    claim = claims.loc[name]
    sys.stdout.write(
        f"{claim['quantity']}: claimed {claim['claimed']} {claim['unit']} (section {claim['section']}), "
        f"measured {claim['measured'] or 'nothing'}: {claim['verdict']}\n{claim['reason']}\n"
    )
    if claim["source"]:
        sys.stdout.write(f"stands in {claim['source']}\n")
    if claim["source_on_data"]:
        found = f"{claim['measured_on_data']}: {claim['verdict_on_data']}"
        sys.stdout.write(f"on real data {found}\nstands in {claim['source_on_data']}\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Whether the results are what a rebuild makes."""
    from batterymi.workflow.verify import verify

    if options.cores < 1:
        raise ConfigError([f"--cores {options.cores}: give 1 or more"])
    results = Path(_config(options.configfile).pathvars.get("results", "results"))
    agrees, lines = verify(results, options.cores, rebuild=not options.no_rebuild)
    sys.stdout.write(
        "\n".join([*lines, "the results are reproduced" if agrees else "the results are NOT reproduced", ""])
    )
    return 0 if agrees else 1


RULES = {
    "surrogate": "train_surrogate",
    "campaign": "run_campaign",
    "table": "prepare_table",
    "charging": "replay_protocols",
    "figures": "plot_study",
}
RULES |= {"transfer": "compare_transfer", "candidates": "rank_candidates", "screen": "gather_screen"}


def _log_of(source: str, study: str) -> str:
    """The rule that makes a file, and its log if there is one."""
    parts = Path(source).parts
    if study not in parts:
        return ""
    rule = RULES.get(Path(parts[parts.index(study) + 1]).stem, "")
    log = Path("logs") / rule / f"{study}.log"
    return f"the rule {rule}, see {log}" if rule and log.is_file() else f"the rule {rule}" if rule else ""


def _config(more: Path | None) -> Any:
    """The run's configuration, as a plain `snakemake` would take it."""
    from batterymi.config.load import merged

    if not Path(CONFIG).is_file():
        raise ConfigError([f"{CONFIG}: there is no such file; run this in the workflow's folder"])
    raw = read_yaml(Path(CONFIG))
    return load_config(merged(raw, read_yaml(more)) if more else raw)


if __name__ == "__main__":
    sys.exit(main())
