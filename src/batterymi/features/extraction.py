"""How many working ions an electrode can give up, by the oxidation states of its metals."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from batterymi.arrays import Array, Mask
from batterymi.features.capacity import FARADAY_MAH_MOL
from batterymi.features.composition import get_element_property
from batterymi.features.electrode import FIXED, compute_oxidation_state
from batterymi.features.formulas import Compositions
from batterymi.vocabulary.electrodes import REDOX_RANGES
from batterymi.vocabulary.elements import INDEX, SYMBOLS

LEAST = 1e-5  # ions per formula, below which there are none
TOLERANCE = 1e-6  # of an oxidation state
DIGITS = 6  # of amounts in a formula
ANIONS = ("O", "F", "Cl", "Br", "I", "S", "Se", "N")
CENTRES = ("P", "Si", "B", "C", "As", "Ge")  # which have the charge of a polyanion's centre beside oxygen alone


@dataclass(frozen=True)
class Extraction:
    """What discharged electrodes can give up; each array has shape (n_formulas,).

    Attributes:
        ions: working ions per formula as written, 0 where there are none to give; NaN where the oxidation states of
            its elements do not follow from the formula.
        electrons: per redox metal.
        state: mean oxidation state of the redox metals before; NaN likewise.
        capacity_mah_g: charge per mass of the discharged electrode.
        charged: formulas without these ions; the formula itself where there are none.
    """

    ions: Array
    electrons: Array
    state: Array
    capacity_mah_g: Array
    charged: list[str]

    def as_frame(self) -> pd.DataFrame:
        """Return one row for each formula, with the columns of `ELECTRODE_COLUMNS` that follow from it."""
        return pd.DataFrame(
            {
                "charged": self.charged,
                "capacity_mah_g": self.capacity_mah_g,
                "ions_released": self.ions,
                "electrons_per_metal": self.electrons,
                "oxidation_state": self.state,
            }
        )


def find_extraction(compositions: Compositions, ion: str, electrons_per_metal: float) -> Extraction:
    """Find how far discharged electrodes can be charged.

    Ions leave until none is left, the redox metals have given their electrons, or are at the highest state in which
    they work (`REDOX_RANGES`); whichever comes first. All else keeps its charge (`FIXED`), so that oxygen gives none.

    Args:
        compositions: discharged formulas.
        ion: a monovalent working ion.
        electrons_per_metal: most that one redox metal gives; 1 is the usual convention of theoretical capacities.
    """
    metals = compositions.count_atoms(*REDOX_RANGES)
    ions = compositions.count_atoms(ion)
    state = compute_oxidation_state(compositions, pd.Series([ion] * compositions.n_formulas), _ones(compositions))
    lowest, highest = (_sum_states(compositions, end) for end in (0, 1))
    known = _follows_from_formula(compositions, ion)
    total = state * metals
    works = known & (metals > 0) & (total >= lowest - TOLERANCE) & (total <= highest + TOLERANCE)
    given = np.minimum(np.minimum(ions, electrons_per_metal * metals), np.maximum(highest - total, 0.0))
    given = np.where(works & (given > LEAST), given, 0.0)
    given = np.where(known | (metals == 0), given, np.nan)
    weights = np.asarray(get_element_property("AtomicWeight"), dtype=float)
    mass = compositions.total(compositions.amounts * weights[compositions.elements])
    return Extraction(
        given,
        given / np.maximum(metals, LEAST),
        np.where(known & (metals > 0), state, np.nan),
        given * FARADAY_MAH_MOL / mass,
        _format_charged(compositions, ion, np.nan_to_num(given)),
    )


def _ones(compositions: Compositions) -> Array:
    """Return the charge of the working ion of each formula."""
    return np.ones(compositions.n_formulas)


def _sum_states(compositions: Compositions, end: int) -> Array:
    """Return the sum of the redox metals' lowest (0) or highest (1) states per formula, shape (n_formulas,)."""
    states = np.zeros(len(SYMBOLS))
    for symbol, ends in REDOX_RANGES.items():
        states[INDEX[symbol]] = ends[end]
    return compositions.total(compositions.amounts * states[compositions.elements])


def _follows_from_formula(compositions: Compositions, ion: str) -> Mask:
    """Return whether the charges of all elements but redox metals follow from the formula, shape (n_formulas,).

    They do not where an element has no usual state, where there is no anion, or a centre of polyanions has no oxygen
    around it, as in phosphides.
    """
    has_state = np.zeros(len(SYMBOLS), dtype=bool)
    has_state[[INDEX[symbol] for symbol in (*FIXED, *REDOX_RANGES, ion)]] = True
    unknown = compositions.total((~has_state[compositions.elements]).astype(float)) > 0
    oxygen, centres = compositions.count_atoms("O"), compositions.count_atoms(*CENTRES)
    bare = (centres > 0) & (oxygen < 2 * centres)
    return np.asarray(~unknown & ~bare & (compositions.count_atoms(*ANIONS) > 0))


def _format_charged(compositions: Compositions, ion: str, given: Array) -> list[str]:
    """Return the formulas without the ions that leave."""
    names, is_ion = np.array(SYMBOLS)[compositions.elements], compositions.elements == INDEX[ion]
    amounts = compositions.amounts - np.where(is_ion, np.repeat(given, compositions.counts), 0.0)
    texts = [
        f"{name}{amount:.{DIGITS}f}".rstrip("0").rstrip(".") if amount > LEAST else ""
        for name, amount in zip(names.tolist(), amounts.tolist(), strict=True)
    ]
    ends = [*compositions.starts[1:].tolist(), len(texts)]
    return ["".join(texts[start:end]) for start, end in zip(compositions.starts.tolist(), ends, strict=True)]
