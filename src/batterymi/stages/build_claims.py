"""The stage `build_claims`: each number that the chapter states, beside what the pipeline measured."""

import html
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from batterymi.data.headers import without_units
from batterymi.errors import TableError
from batterymi.files import read_frame, read_json, write_csv, write_text
from batterymi.reporting.claims import CONTRADICTED, REPRODUCED, UNTESTABLE, compare_with_claim, read_claims
from batterymi.reporting.pages import render_page

logger = logging.getLogger(__name__)

TRANSFORMS = {
    "pow10": lambda value: 10.0**value,
    "percent": lambda value: 100.0 * value,
    "wh_per_g": lambda value: value / 1000.0,
}


def build_claims(claims_path: str, summary_paths: Sequence[str], csv_path: str, html_path: str) -> None:
    """Hold every claim against the results.

    Args:
        claims_path: the chapter's claims, each with a pointer to what measures it, or none.
        summary_paths: `summary.json` of each study that ran; they tell where results lie.
        csv_path: CSV to write: each claim with the measured value, its source and the verdict.
        html_path: the same as a page.

    Raises:
        TableError: if the claims are malformed, or a pointer leads nowhere.
    """
    claims = read_claims(claims_path)
    folders = {Path(path).parent.name: Path(path).parent for path in summary_paths}
    judged = []
    for row in claims.to_dict("records"):
        claim = {str(key): value for key, value in row.items()}
        if claim["study"] not in folders:
            verdict = {"found": None, "source": "", "verdict": UNTESTABLE}
            claim["reason"] = f"the study was not run; {claim['reason']}"
        else:
            verdict = judge_claim(claim, folders, f"{claims_path}: {claim['id']}")
        judged.append(claim | verdict | _on_data(claim, folders, f"{claims_path}: {claim['id']}"))
    frame = pd.DataFrame(judged)[
        [
            "id",
            "study",
            "section",
            "stated_in",
            "quantity",
            "value",
            "unit",
            "found",
            "tolerance",
            "verdict",
            "found_on_data",
            "verdict_on_data",
            "reason",
            "source",
            "source_on_data",
        ]
    ].rename(columns={"value": "claimed", "found": "measured", "found_on_data": "measured_on_data"})
    write_csv(csv_path, frame)
    write_text(html_path, _page(frame))
    counts = frame["verdict"].value_counts()
    logger.info("%d claims: %s", len(frame), ", ".join(f"{n} {name}" for name, n in counts.items()))


def judge_claim(claim: dict[str, Any], folders: dict[str, Path], where: str) -> dict[str, Any]:
    """Compare one claim with its measurement.

    Args:
        claim: a row of the claims.
        folders: folder of results of each study.
        where: what messages call the claim.

    Returns:
        `found` (None if nothing measures it), `source` and `verdict`.
    """
    pointer = claim["measured"]
    if not pointer:
        return {"found": None, "source": "", "verdict": UNTESTABLE}
    place, _, transform = pointer.partition(" |")
    study, place = claim["study"], place.strip()
    if place.startswith("@"):
        study, _, place = place[1:].partition("/")
    if study not in folders:
        return {"found": None, "source": pointer, "verdict": UNTESTABLE}
    value = resolve(folders[study], place, where)
    if value is None:
        return {
            "found": None,
            "source": pointer,
            "verdict": UNTESTABLE,
            "reason": f"not in this run; {claim['reason']}",
        }
    if transform:
        value = TRANSFORMS[transform.strip()](value)
    source = f"{folders[study].as_posix()}/{place}"
    return {"found": value, "source": source, "verdict": compare_with_claim(value, claim["value"], claim["tolerance"])}


def _on_data(claim: dict[str, Any], folders: dict[str, Path], where: str) -> dict[str, Any]:
    """The same comparison with the measured edition, empty where it says nothing on the claim or was not run."""
    verdict: dict[str, Any] = {"found": None, "source": "", "verdict": ""}
    if claim["on_data"]:
        verdict = judge_claim(claim | {"measured": claim["on_data"]}, folders, where)
    if verdict["found"] is None:
        verdict |= {"source": "", "verdict": ""}
    return {f"{key}_on_data": verdict[key] for key in ("found", "source", "verdict")}


def resolve(folder: Path, pointer: str, where: str) -> float | None:
    """Read one number from a study's results.

    Args:
        folder: the study's results.
        pointer: `file.json#key.0.key`, or `file.csv#column=value,column=value:column` (Parquet alike).
        where: what messages call the claim.

    Returns:
        The number; None if the place is empty or no row matches, as when a run compares fewer models.

    Raises:
        TableError: if the pointer leads nowhere.
    """
    file, _, inside = pointer.partition("#")
    path = folder / file
    if not path.is_file():
        raise TableError(f"{where}: measured: there is no {path}")
    try:
        if path.suffix == ".json":
            value = read_json(path)
            for key in inside.split("."):
                if value is None:
                    return None
                value = value[int(key)] if isinstance(value, list) else value[key]
        else:
            conditions, _, column = inside.rpartition(":")
            frame = without_units(read_frame(path))
            for condition in conditions.split(","):
                key, _, wanted = condition.partition("=")
                frame = frame[frame[key].astype(str) == wanted]
            if frame.empty:
                return None
            if len(frame) > 1:
                raise KeyError(f"{len(frame)} rows match")
            value = frame[column].iloc[0]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise TableError(f"{where}: measured: '{pointer}' leads nowhere: {error}") from None
    return None if value is None or pd.isna(value) else float(value)


def _data_cell(row: dict[Any, Any], classes: dict[str, str]) -> str:
    """What the measured edition found on a claim, as a cell of the page."""
    if not row["verdict_on_data"]:
        return "<td>-</td>"
    word = row["verdict_on_data"]
    return f'<td class="{classes[word]}">{row["measured_on_data"]:.4g}: {word}</td>'


def _page(frame: pd.DataFrame) -> str:
    """The claims as a page."""
    classes = {REPRODUCED: "reproduced", CONTRADICTED: "contradicted", UNTESTABLE: "untestable"}
    counts = frame["verdict"].value_counts()
    head = ("Study", "Section", "Quantity", "Claimed", "Measured", "Unit", "Verdict", "On real data", "Reason")
    rows = []
    for row in frame.to_dict("records"):
        measured = "-" if pd.isna(row["measured"]) else f"{row['measured']:.4g}"
        unit = "" if row["unit"] == "1" else row["unit"]
        cells = [row["study"], row["section"], row["quantity"], f"{row['claimed']:g}", measured, unit]
        text = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        verdict = f'<td class="{classes[row["verdict"]]}">{row["verdict"]}</td>'
        rows.append(f"<tr>{text}{verdict}{_data_cell(row, classes)}<td>{html.escape(row['reason'])}</td></tr>")
    heading = "".join(f"<th>{cell}</th>" for cell in head)
    total = ", ".join(f"{counts.get(name, 0)} {name}" for name in classes)
    return render_page(
        "Claims",
        f"<h2>Claims of the chapter</h2>\n<p>{len(frame)} numbers: {total}.</p>\n"
        f"<table><thead><tr>{heading}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>",
    )
