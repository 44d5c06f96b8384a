"""Formulas as padded arrays, and as blocks of equally many elements, from which networks over elements compute."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batterymi.arrays import Indices
from batterymi.features.formulas import FormulaError, parse_formulas, shorten_formula
from batterymi.vocabulary.elements import INDEX, SYMBOLS

Block = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class FormulaTable:
    """Formulas, each with its elements in order of atomic number.

    Attributes:
        elements: places in the vocabulary, 0 beyond a formula's own, shape (n_formulas, most_elements).
        fractions: atomic fractions, 0 beyond a formula's own, same shape.
        counts: elements of each formula, shape (n_formulas,).
    """

    elements: NDArray[np.int64]
    fractions: NDArray[np.float64]
    counts: Indices

    def __len__(self) -> int:
        """Return the number of formulas."""
        return len(self.counts)

    def split(self, rows: Indices) -> tuple[Indices, list[Block]]:
        """Split some formulas into blocks of equally many elements, so that nothing is computed for padding.

        Args:
            rows: of the table.

        Returns:
            The rows in the order of the blocks, and elements and fractions of each block, shape (n_rows, n_elements).
        """
        order = rows[np.argsort(self.counts[rows], kind="stable")]
        sizes, starts = np.unique(self.counts[order], return_index=True)
        pieces = np.split(order, starts[1:])
        blocks = [
            (self.elements[piece, :size], self.fractions[piece, :size])
            for size, piece in zip(sizes, pieces, strict=True)
        ]
        return order, blocks


def find_foreign_elements(formulas: Sequence[str], vocabulary: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the places of formulas that hold an element which a vocabulary lacks, each with the reason.

    Args:
        formulas: n_formulas texts.
        vocabulary: symbols of the elements that a network knows.

    Raises:
        FormulaError: if one is not a formula.
    """
    parsed = parse_formulas(formulas)
    is_known = np.zeros(len(SYMBOLS), dtype=bool)
    is_known[[INDEX[symbol] for symbol in vocabulary]] = True
    foreign = np.flatnonzero(~is_known[parsed.elements])
    rows, first = np.unique(parsed.rows[foreign], return_index=True)
    for row, entry in zip(rows.tolist(), foreign[first].tolist(), strict=True):
        symbol = SYMBOLS[parsed.elements[entry]]
        known = f"it knows {len(vocabulary)} elements"
        yield row, f"holds {symbol}, which the network over formulas was not trained with; {known}"


def tabulate_formulas(formulas: Iterable[str], vocabulary: Sequence[str]) -> FormulaTable:
    """Parse formulas into arrays.

    Args:
        formulas: n_formulas texts.
        vocabulary: symbols of the elements that a network knows, in its order.

    Raises:
        FormulaError: if one is not a formula, or holds an element that the vocabulary lacks.
    """
    texts = list(formulas)
    parsed = parse_formulas(texts)
    places = np.full(len(SYMBOLS), -1, dtype=np.int64)
    places[[INDEX[symbol] for symbol in vocabulary]] = np.arange(len(vocabulary))
    for place, reason in find_foreign_elements(texts, vocabulary):
        raise FormulaError(f"'{shorten_formula(texts[place])}' {reason}")
    # one order of a formula's elements, so that Li2S and SLi2 give the same numbers to the last digit
    order = np.lexsort((parsed.elements, parsed.rows))
    counts = parsed.counts
    shape = (len(texts), int(counts.max(initial=1)))
    columns = np.arange(len(parsed.elements)) - np.repeat(parsed.starts, counts)
    elements, fractions = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    elements[parsed.rows, columns] = places[parsed.elements[order]]
    fractions[parsed.rows, columns] = parsed.fractions[order]
    return FormulaTable(elements, fractions, counts)
