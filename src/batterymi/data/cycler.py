"""Recognising what a battery cycler exports: a row per instant, from which a study cannot be made as it stands."""

from collections.abc import Sequence
from pathlib import Path

from batterymi.data.column_facts import split_words

# formats of cyclers' own programs: BioLogic, Neware, Arbin, Maccor, Basytec
OWN_FORMATS = (".mpr", ".mpt", ".nda", ".ndax", ".res", ".mps", ".bts")
SIGNS = {
    "time": {"time", "zeit", "temps", "tiempo", "t", "timestamp", "datetime"},
    "voltage": {"voltage", "spannung", "ewe", "potential", "tension", "u", "ecell", "volt", "volts", "電圧", "电压"},
    "current": {"current", "strom", "courant", "i", "amps", "amp", "電流", "电流"},
    "step": {"cycle", "zyklus", "step", "schritt", "record", "half", "ah", "ahakku", "capacity", "capacité", "state"},
}
LEAST_ROWS = 12
ADVICE = (
    "make a table with one row per cell, its design variables (as binder_pct) and one column for each outcome (as "
    "first_capacity_mAh_g, first_efficiency_pct, retention_after_100_cycles_pct), and start the study from that"
)


def describe_cycler_export(path: str | Path, headers: Sequence[str], n_rows: int) -> str:
    """Say that a file is the export of a cycler, and what to do; nothing where it is not.

    Args:
        path: the file.
        headers: names of its columns.
        n_rows: how many rows it has.
    """
    suffix = Path(path).suffix.lower()
    found = {kind: header for kind, words in SIGNS.items() for header in headers if words & set(split_words(header))}
    if suffix in OWN_FORMATS:
        what = f"a cycler's export, by its ending {suffix}"
    elif len(found) == len(SIGNS) and len(set(found.values())) == len(SIGNS) and n_rows >= LEAST_ROWS:
        what = f"a cycler's export, by its columns {', '.join(found.values())}"
    else:
        return ""
    return f"{path}: this looks like {what}: a row per instant. Such files are not read yet; {ADVICE}"
