"""Why no verdict on a claim may rest on a number: declared by file, and decided by what the file says of itself."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from batterymi.optimise.campaigns.suggestions import EXTRAPOLATES
from batterymi.vocabulary.verdicts import NO_SKILL

Read = Callable[[str], Any]  # the content of a file of the same study; None if there is none
Check = Callable[[Read, str, Mapping[str, Any]], str]

SUGGESTIONS, DESIGNS, BENCHMARK = (
    "campaign/suggestions.csv",
    "campaign/reference_designs.csv",
    "campaign/benchmark.json",
)
# columns of designs that no model predicts
KNOWN = ("theoretical_capacity_mah_g",)
NO_SKILL_TEXT = "what is found rests on a model that shows no skill on held-out rows"
LOSS = ("capacity_lost_mah", "lost_percent")
LOSS_OF_A_CHARGE = (
    "the loss counts the charge alone, and not the rest and the discharge of a cycle, with which protocols differ far "
    "less"
)


def find_objection(read: Read, file: str, inside: str, row: Mapping[str, Any]) -> str:
    """Return why no verdict may rest on a number, or an empty text.

    Args:
        read: returns the content of another file of the same study.
        file: where the number was found.
        inside: the place in the file.
        row: the row or object that holds it.
    """
    column = inside.rpartition(":")[2] if "=" in inside else inside.rpartition(".")[2]
    if any(column.startswith(name) for name in LOSS):
        return LOSS_OF_A_CHARGE
    if column in KNOWN or column.endswith("_margin"):
        return ""
    return next((text for check in CHECKS.get(file, ()) if (text := check(read, inside, row))), "")


def _check_skill(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to what a model without skill predicts, or a campaign on such a model finds."""
    benchmark, summary = read(BENCHMARK), read("summary.json")
    if not benchmark or not summary or benchmark["outcome_kind"] != "predicted":
        return ""
    return NO_SKILL_TEXT if NO_SKILL in summary["verdict"]["value"] else ""


def _check_model(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to a fact that a model without skill predicts."""
    return NO_SKILL_TEXT if row.get("verdict") == NO_SKILL else ""


def _check_formula(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to outcomes by the source's own formulas, which are what its recipe has."""
    benchmark = read(BENCHMARK)
    is_formula = bool(benchmark) and benchmark["outcome_kind"] == "by formula"
    return (
        "what is found follows from the source's own formulas, which have neither a source nor a fit"
        if is_formula
        else ""
    )


def _check_plateau(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to one of several designs that are all as good."""
    frame: pd.DataFrame = read(SUGGESTIONS)
    outcomes = [str(name) for name in frame if f"{name}_lower_95" in frame]
    if not outcomes:
        return ""
    own = np.array([row[name] for name in outcomes], float)
    others = frame[outcomes].to_numpy(float)
    n_equal = int(np.isclose(others, own, rtol=1e-9, equal_nan=True).all(axis=1).sum())
    if n_equal < 2:
        return ""
    return f"what is found is one point of a plateau: {n_equal} of the {len(frame)} best designs have the same outcome"


def _check_range(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to predictions beyond what is possible, and to designs that are rejected or flagged."""
    if EXTRAPOLATES in str(row.get("why", "")):
        return "the prediction lies beyond what is possible, and is cut to that"
    status, flags = (str(row.get(name) or "") for name in ("status", "flags"))
    if flags and flags != "nan":
        return f"the prediction is flagged: {flags}"
    return f"the design is {status}" if status.startswith("rejected") else ""


def _check_reference_model(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Object to a design that violates the limits on the reference model."""
    replay = read("charging/replay.json")
    if not inside.startswith("reference_model.") or replay["reference_model_meets_limits"]:
        return ""
    return f"the design violates the limits on the {replay['reference']}"


def _check_own(read: Read, inside: str, row: Mapping[str, Any]) -> str:
    """Return the objection that a row states itself."""
    objection = row.get("objection")
    return objection if isinstance(objection, str) else ""


CHECKS: dict[str, tuple[Check, ...]] = {
    SUGGESTIONS: (_check_skill, _check_formula, _check_plateau, _check_range),
    DESIGNS: (_check_skill, _check_formula, _check_range),
    BENCHMARK: (_check_skill,),
    "surrogate/predictions.parquet": (_check_skill,),
    "facts.json": (_check_model,),
    "charging/replay.json": (_check_reference_model,),
    "claims.csv": (_check_own,),  # of the arena, whose rows say it themselves
    "transfer/transfer.json": (_check_own,),  # voltages that were looked up
}
