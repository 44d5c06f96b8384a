"""Candidate electrodes: compositions of the Materials Project with a working ion, and neutral ones beside them."""

from collections.abc import Iterator
from itertools import combinations, islice, product
from pathlib import Path

import numpy as np
import pandas as pd

from batterymi.config.screen import COMPOSITION_COLUMNS, ElectrodesSource
from batterymi.errors import TableError
from batterymi.features.electrode import FIXED
from batterymi.features.extraction import find_extraction
from batterymi.features.formulas import identify_compositions, parse_formulas
from batterymi.features.oxidation_states import find_element_data
from batterymi.screening.enumeration import find_neutral_ratios
from batterymi.vocabulary.electrodes import ELECTRODE_COLUMNS, POLYANIONS, REDOX_RANGES

FORMULA = "formula"
STATES = "icsd24"  # SMACT's list, for metals without a range of their own
TEXTS = ("charged", "ion")


def list_electrodes(source: ElectrodesSource, folder: Path, size: int) -> Iterator[pd.DataFrame]:
    """Yield candidates in blocks: those of the Materials Project first, then enumerated ones that it lacks.

    Args:
        source: what is listed.
        folder: files of the data set mp_compositions.
        size: of a block.

    Yields:
        Columns formula (discharged), charged, ion, the numbers of mp_compositions, and those of `ELECTRODE_COLUMNS`;
        `listed` is 1 of those of the Materials Project, others have no distance from the hull.
    """
    from batterymi.data.loaders.mp_compositions import load_compositions

    known = load_compositions(folder, source.ion)[[FORMULA, *COMPOSITION_COLUMNS]]
    for start in range(0, len(known), size):
        yield _describe(known.iloc[start : start + size], source, listed=True)
    met = set(identify_compositions(known[FORMULA]))
    formulas = enumerate_electrodes(source)
    waiting: list[str] = []
    while chunk := list(islice(formulas, size)):
        for formula, key in zip(chunk, identify_compositions(chunk), strict=True):
            # groups such as P2O7 and PO4 beside O write one composition in several ways
            if key not in met:
                met.add(key)
                waiting.append(formula)
        while len(waiting) >= size:
            yield _describe(pd.DataFrame({FORMULA: waiting[:size]}), source, listed=False)
            waiting = waiting[size:]
    if waiting:
        yield _describe(pd.DataFrame({FORMULA: waiting}), source, listed=False)


def enumerate_electrodes(source: ElectrodesSource) -> Iterator[str]:
    """Yield the formulas of all choices of metals and anions that can be charge-neutral.

    SMACT's rules (Davies et al. 2019, doi:10.21105/joss.01361), with polyanions as if they were elements, and metals in
    the states in which they work in electrodes.

    Args:
        source: metals, anions and amounts.

    Raises:
        TableError: if an element has no oxidation state or no electronegativity.
    """
    states, negativity = _load_states(source)
    metals = [list(chosen) for n in range(1, source.most_metals + 1) for chosen in combinations(source.metals, n)]
    anions = [list(chosen) for n in range(1, source.most_anions + 1) for chosen in combinations(source.anions, n)]
    for cations, rest in product(metals, anions):
        if not set(cations) & set(REDOX_RANGES):
            continue
        symbols = [source.ion, *cations, *rest]
        for amounts in find_neutral_ratios(symbols, states, negativity, source.largest_amount).tolist():
            yield "".join(_format_part(symbol, amount) for symbol, amount in zip(symbols, amounts, strict=True))


def _format_part(symbol: str, amount: int) -> str:
    """Return an element or a polyanion with its amount."""
    if amount == 1:
        return symbol
    return f"({symbol}){amount}" if symbol in POLYANIONS else f"{symbol}{amount}"


def _load_states(source: ElectrodesSource) -> tuple[dict[str, list[int]], dict[str, float]]:
    """Return the oxidation states and electronegativities of all elements and polyanions."""
    states: dict[str, list[int]] = {}
    negativity: dict[str, float] = {}
    for symbol in (source.ion, *source.metals, *source.anions):
        found = find_element_data("O" if symbol in POLYANIONS else symbol, STATES)
        if found is None:
            raise TableError(f"screen.source: SMACT has no oxidation state or no electronegativity of {symbol}")
        if symbol in POLYANIONS:
            states[symbol] = [POLYANIONS[symbol]]
        elif symbol in REDOX_RANGES:
            low, high = REDOX_RANGES[symbol]
            states[symbol] = list(range(low, high + 1))
        else:
            states[symbol] = [FIXED[symbol]] if symbol in FIXED else list(found[0])
        negativity[symbol] = found[1]
    return states, negativity


def _describe(frame: pd.DataFrame, source: ElectrodesSource, *, listed: bool) -> pd.DataFrame:
    """Return candidates with what is left when they are charged."""
    compositions = parse_formulas(frame[FORMULA])
    extraction = find_extraction(compositions, source.ion, source.electrons_per_metal)
    found = extraction.as_frame().assign(ion=source.ion, listed=float(listed))
    found.insert(0, FORMULA, frame[FORMULA].to_numpy())
    for column in COMPOSITION_COLUMNS:
        found[column] = frame[column].to_numpy(float) if column in frame else np.nan
    return found[[FORMULA, *TEXTS, *COMPOSITION_COLUMNS, *ELECTRODE_COLUMNS]]
