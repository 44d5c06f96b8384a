"""What an encoder of formulas is pre-trained on: compounds of the Materials Project without the hosts of electrodes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.arrays import Indices
from batterymi.config.sources import ElectrodeRows
from batterymi.data.left_out import mark_left_out
from batterymi.data.loaders import mp_compositions, mp_electrodes
from batterymi.features.formulas import parse_formulas
from batterymi.files import compute_digest
from batterymi.vocabulary.elements import SYMBOLS

TARGETS = ("e_form", "gap", "decomposition")
VALIDATED = 30  # one formula in so many is not learned from, for an error of formulas like those learned from
ALL_VOLTAGES = (-1000.0, 1000.0)


@dataclass(frozen=True)
class Compounds:
    """Compounds with their quantities, and what each is used for.

    Attributes:
        frame: formula and `TARGETS`, NaN where unknown.
        vocabulary: symbols of the elements of those that are learned from, in order of atomic number.
        learned: rows that are learned from.
        validated: rows like these that are not.
        left_out: rows of hosts of electrodes.
    """

    frame: pd.DataFrame
    vocabulary: tuple[str, ...]
    learned: Indices
    validated: Indices
    left_out: Indices

    def describe(self) -> dict[str, str | int | list[str]]:
        """Return counts, the vocabulary, and a digest of the sorted list of formulas that were left out."""
        return {
            "compounds": len(self.frame),
            "learned": len(self.learned),
            "validated": len(self.validated),
            "left_out": len(self.left_out),
            "left_out_sha256": compute_digest(sorted(self.frame["formula"].iloc[self.left_out])),
            "vocabulary": list(self.vocabulary),
        }


def load_compounds(compositions: Path, electrodes: Path) -> Compounds:
    """Load compounds without those of any electrode's host, see `mark_left_out`.

    Compounds with an element that no formula that is learned from holds are neither learned from nor validated.

    Args:
        compositions: folder of the data set mp_compositions.
        electrodes: folder of the data set mp_electrodes, whose rows of every ion count.
    """
    frame = mp_compositions.load_targets(compositions)
    hosts = load_electrodes(electrodes)["host_system"].unique()
    left = mark_left_out(frame["formula"], hosts, mp_electrodes.CHARGES)
    kept = np.random.default_rng(0).permutation(np.flatnonzero(~left))
    validated, learned = np.sort(kept[: len(kept) // VALIDATED]), np.sort(kept[len(kept) // VALIDATED :])
    vocabulary = tuple(_list_elements(frame["formula"].iloc[learned]))
    foreign = set(_list_elements(frame["formula"])) - set(vocabulary)
    if foreign:
        holds = frame["formula"].map(lambda text: bool(foreign & set(_list_elements([text]))))
        frame = frame[~holds.to_numpy()].reset_index(drop=True)
        places = np.cumsum(~holds.to_numpy()) - 1
        validated, learned = (places[rows[~holds.to_numpy()[rows]]] for rows in (validated, learned))
        left = left[~holds.to_numpy()]
    return Compounds(frame, vocabulary, learned, validated, np.flatnonzero(left))


def load_electrodes(electrodes: Path) -> pd.DataFrame:
    """Load the electrodes of every working ion, whatever their voltage; see `mp_electrodes.load_rows`."""
    ions = tuple(mp_electrodes.CHARGES)
    return mp_electrodes.load_rows(
        electrodes, ElectrodeRows(name="mp_electrodes", ions=ions, voltage=ALL_VOLTAGES)
    ).frame


def select_known(electrodes: pd.DataFrame, vocabulary: Sequence[str]) -> pd.DataFrame:
    """Return the electrodes whose elements a vocabulary holds."""
    known = {*vocabulary}
    texts = electrodes["charged"] + electrodes["discharged"]
    return electrodes[[known.issuperset(_list_elements([text])) for text in texts]]


def _list_elements(formulas: "pd.Series | list[str]") -> Iterator[str]:
    """Yield the elements of formulas, in order of atomic number."""
    return (SYMBOLS[index] for index in np.unique(parse_formulas(formulas).elements))
