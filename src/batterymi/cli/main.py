"""The command `batterymi`: everything that needs no pipeline.

batterymi init FOLDER              write a project into a new folder; it takes the workflow from the installed package
batterymi new-study data/my.csv    write config/studies/my.yaml from a table, .csv, .xlsx, .ods or .parquet
batterymi check [STUDY]            check settings and tables, in seconds, without running anything
batterymi app                      open the studies of this folder in the browser: tables, batches, results
batterymi status                   show what is done, runs, or has failed, by study and stage, and where its log is
batterymi suggest STUDY            suggest the next designs to try, in seconds, without models or results
batterymi explain STUDY.COLUMN     show a number of the summary, the file it was read from, and the rule that made it
batterymi assess FORMULA|FILE      compute hull distance, window against Li and reactions with Li, cathodes and water
batterymi verify                   compare results with their manifest, rebuild them in a clean folder, compare again
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batterymi.errors import BatteryMIError
from batterymi.text_safety import write_error, write_out

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = {  # imported when used, so that each starts quickly
    "init": "batterymi.cli.init:start_project",
    "new-study": "batterymi.cli.new_study:start_study",
    "check": "batterymi.cli.check:check_studies",
    "suggest": "batterymi.cli.suggest:suggest_designs",
    "app": "batterymi.cli.app:open_app",
    "status": "batterymi.cli.status:show_status",
    "explain": "batterymi.cli.explain:explain_result",
    "assess": "batterymi.cli.assess:assess_formulas",
    "verify": "batterymi.cli.verify:verify_results",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line, without the program's name; None takes those of the process.

    Returns:
        Exit status: 0, or 1 after a mistake, which is described on standard error.
    """
    options = make_parser().parse_args(arguments)
    module, _, function = COMMANDS[options.command].partition(":")
    try:
        run: Callable[[argparse.Namespace], int | None] = getattr(import_module(module), function)
        return run(options) or 0
    except BatteryMIError as error:
        write_error(f"{error}\n")
    except KeyboardInterrupt:
        write_error("\ninterrupted; nothing was left half-written\n")
        return 130
    except Exception:
        write_error(f"{traceback.format_exc()}unexpected error; please report it with these lines\n")
    return 1


class _SafeParser(argparse.ArgumentParser):
    """A parser whose messages, which repeat what was typed, hold no control characters."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        """Write a message to standard output or standard error."""
        (write_out if file is sys.stdout else write_error)(message)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, one sub-parser for each command."""
    parser = _SafeParser(
        prog="batterymi", description="Everything that needs no pipeline; to run studies, use `snakemake`."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="write a project into a new or empty folder")
    init.add_argument("folder", type=Path, help="its name")
    init.add_argument(
        "--example",
        action="append",
        default=[],
        help="bring a shipped study, as li_s, that of the tutorial; repeatable",
    )
    _add_new_study(commands.add_parser("new-study", help="start a study from a table"))
    check = commands.add_parser("check", help="check settings and tables, without running anything")
    check.add_argument("study", nargs="?", help="one study; default: all")
    suggest = commands.add_parser("suggest", help="suggest the next designs to try, from the table alone")
    suggest.add_argument("study", help="a study whose table is a file")
    suggest.add_argument("-n", type=int, help="number of designs; default: campaign.suggestions")
    suggest.add_argument(
        "--csv", type=Path, help="also write the designs to this new file, with the header of the table"
    )
    suggest.add_argument("--append", action="store_true", help="also append the designs to the table, marked pending")
    app = commands.add_parser("app", help="open the studies of this folder in the browser, on this machine alone")
    app.add_argument("--port", type=_read_port, default=0, help="where to listen on 127.0.0.1; default: a free one")
    status = commands.add_parser("status", help="show what is done, runs, or has failed, and where its log is")
    status.add_argument("study", nargs="*", help="studies; default: all that a plain run takes")
    status.add_argument("--json", action="store_true", help="all of it, for programs")
    explain = commands.add_parser("explain", help="show where a number of the summary comes from")
    explain.add_argument("result", help="STUDY.COLUMN of summary.csv, or the id of a claim")
    assess = commands.add_parser("assess", help="compute the stability of a formula, or of every row of a file")
    assess.add_argument(
        "formula", metavar="FORMULA|FILE", nargs="?", help='as "Li6PS5Cl", or a table with a column of formulas'
    )
    assess.add_argument("--structure", type=Path, metavar="CIF", help="in place of a formula: its hull distance, too")
    assess.add_argument("--column", help="the column of formulas; default: `formula`, `composition`, or the only one")
    assess.add_argument(
        "--draws", action="store_true", help="add standard deviations of the edges; takes three times as long"
    )
    assess.add_argument("--csv", type=Path, help="write all numbers to this new file")
    verify = commands.add_parser("verify", help="compare results with their manifest, rebuild them, compare again")
    verify.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="cores of the rebuild; default: all")
    verify.add_argument("--no-rebuild", action="store_true", help="only check that files are as the run left them")
    for command in (check, suggest, status, explain, assess, verify):
        command.add_argument("--configfile", type=Path, help="YAML file that is laid over config/config.yaml")
    return parser


def _read_port(text: str) -> int:
    """Return a port.

    Raises:
        argparse.ArgumentTypeError: if it is none that a user may have.
    """
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give a number from 1024 to 65535")
    return int(text)


def _add_new_study(new: argparse.ArgumentParser) -> None:
    """Add the options of `new-study`, which say what its guesses would else decide."""
    new.add_argument(
        "csv", type=Path, help="CSV, .xlsx, .ods or .parquet; one row per experiment; in the workflow's folder"
    )
    new.add_argument("--name", help="name of the study; default: the name of the file")
    several: dict[str, Any] = {"action": "append", "default": [], "metavar": "COLUMN"}
    new.add_argument(
        "--objective",
        action="append",
        default=[],
        metavar="COLUMN[:max|:min|:target:VALUE]",
        help="an outcome to maximise or minimise, or that should hit a value, as ph:target:7.4, or a window, as "
        "energy:target:1:2.5; may be given several times",
    )
    new.add_argument("--factor", help="a column that designs vary, whatever it looks like", **several)
    new.add_argument("--id", metavar="COLUMN", help="the column that names the rows")
    new.add_argument("--group", help="rows with the same value are kept together in validation", **several)
    new.add_argument("--formula", help="a column of chemical formulas", **several)
    new.add_argument("--ignore", help="a column that is not used", **several)
    new.add_argument("--repeats", metavar="COLUMN", help="rows with the same value repeat one measurement")
    new.add_argument("--fill-down", help="a column in which an empty cell means the one above", **several)
    new.add_argument("--sheet", help="sheet of a workbook")
    new.add_argument("--encoding", help="encoding of a CSV file, as cp1252; default: what its bytes look like")
    new.add_argument("--decimal", choices=[".", ","], help="what separates decimals; default: what the cells show")


if __name__ == "__main__":
    sys.exit(main())
