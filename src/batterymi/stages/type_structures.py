"""The stage `type_structures`: structure types of electrodes, and whether transfer gains within and across them."""

import logging
from pathlib import Path

import pandas as pd

from batterymi.data.loaders.crystal_texts import read_crystal_texts
from batterymi.features.structure_types import count_types, label_type, parse_cif
from batterymi.features.structures import StructureError
from batterymi.files import read_frame, write_csv, write_json
from batterymi.surrogates.transfer import OWN
from batterymi.surrogates.type_gain import find_kinds, score_by_type

logger = logging.getLogger(__name__)

SIDES = ("discharged", "charged")
TARGET_ION, SOURCE_ION = "Na", "Li"
POOLED = f"pooled with {SOURCE_ION}"
FOLDS, BOOTSTRAPS, SEED = 5, 2000, 42


def type_structures(
    table: Path, large: Path, small: Path, predictions: Path, types: Path, gains: Path, report: Path
) -> None:
    """Label the structures that electrodes have by material id, and score transfer by their types.

    Args:
        table: of the study of Na electrodes, with rows of Li.
        large: receipt of the data set mp_structures.
        small: receipt of mp20_mini.
        predictions: held-out voltages by strategies of transfer.
        types: CSV to write: a row for each electrode and side with a structure.
        gains: CSV to write: errors and gain within types that Li has too, across, and without a structure.
        report: JSON to write: counts.
    """
    rows = read_frame(table, needs=["line", "ion", *SIDES, *(f"{side}_id" for side in SIDES)])
    rows = rows[rows["ion"].isin((TARGET_ION, SOURCE_ION))]
    ids = {name for side in SIDES for name in rows[f"{side}_id"]}
    labels, faults = {}, []
    for name, text in read_crystal_texts(large.parent, small.parent, ids).items():
        try:
            labels[name] = label_type(parse_cif(text, name), name)
        except StructureError as error:
            faults.append(str(error))
            logger.warning("%s", faults[-1])
    parts = [
        rows[["line", "ion", side]].rename(columns={side: "formula"}).assign(side=side, id=rows[f"{side}_id"])
        for side in SIDES
    ]
    listed = pd.concat(parts, ignore_index=True)
    listed = listed.assign(type=listed["id"].map(labels)).dropna(subset="type").reset_index(drop=True)
    write_csv(types, listed)
    held_out = read_frame(predictions, needs=["partition", "line", "group", "observed", OWN, POOLED])
    kinds = find_kinds(listed, TARGET_ION, SOURCE_ION)
    scores = score_by_type(held_out, kinds, POOLED, (FOLDS, BOOTSTRAPS, SEED))
    write_csv(gains, scores)
    counts = {
        ion: {
            "rows": int((rows["ion"] == ion).sum()),
            **{side: int(((listed["ion"] == ion) & (listed["side"] == side)).sum()) for side in SIDES},
            "either": int(listed.loc[listed["ion"] == ion, "line"].nunique()),
            "both": int((listed[listed["ion"] == ion].groupby("line").size() == len(SIDES)).sum()),
            "types": count_types(listed.loc[listed["ion"] == ion, "type"].tolist()),
        }
        for ion in (TARGET_ION, SOURCE_ION)
    }
    write_json(report, {"electrodes": counts, "faults": faults, "gains": scores.to_dict("records")})
    for _, row in scores.iterrows():
        logger.info("%s: %d rows, %d host systems: %s", row["what"], row["rows"], row["groups"], row["verdict"])
