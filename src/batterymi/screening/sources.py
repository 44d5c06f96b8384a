"""Where candidates come from, as a stream of blocks: a file, the Materials Project, an enumeration."""

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from batterymi import registry
from batterymi.config.screen import (
    COMPOSITION_COLUMNS,
    PREDICTED,
    CandidatesSource,
    ElectrodesSource,
    EnumerationSource,
    FileSource,
    Source,
)
from batterymi.config.slices.screening import ListingSettings
from batterymi.data.formula_columns import find_variable_columns, parse_value
from batterymi.errors import UNREADABLE, TableError
from batterymi.features.formula_cells import read_formula
from batterymi.features.formulas import FormulaError, find_special
from batterymi.vocabulary.stability import STABILITY_COLUMNS

BLOCK = 4096  # candidates that are scored at once; a shard holds whole blocks, so that results don't depend on shards
MOST_PROBLEMS = 10
FORMULA, POSITION, ID = "formula", "position", "id"
MISSING = frozenset(pa.csv.ConvertOptions().null_values)


@dataclass
class Tally:
    """What was left out while candidates were listed.

    Attributes:
        dropped: rows whose formula cannot be read.
    """

    dropped: int = 0


@dataclass(frozen=True)
class CandidateColumns:
    """The columns that are read of candidates.

    Attributes:
        numbers: that a model or a gate needs.
        formula: the column of a file with the formula that is listed.
        formulas: further columns of formulas.
        texts: columns of other text.
    """

    numbers: tuple[str, ...]
    formula: str = FORMULA
    formulas: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def of_settings(cls, settings: ListingSettings) -> "CandidateColumns":
        """Return what the model and the gates of a screen need."""
        needed = [name for gate in settings.screen.gates for name in gate.columns if name not in PREDICTED]
        numbers = tuple(dict.fromkeys([*settings.screened_features, *needed]))
        words = settings.screened_columns
        return cls(numbers, words.listed, words.formulas, words.texts)

    @property
    def words(self) -> tuple[str, ...]:
        """Return all columns that are no numbers."""
        return (self.formula, *self.formulas, *self.texts)


def read_candidate_blocks(
    source: Source,
    folder: Path | None,
    columns: CandidateColumns,
    tally: Tally,
    stability: pd.DataFrame | None = None,
) -> Iterator[pa.Table]:
    """Read candidates in blocks of `BLOCK`, the last one shorter.

    Args:
        source: where they come from.
        folder: files of the source's data set, if it has one.
        columns: what a model or a gate needs.
        tally: counts what is left out, as blocks are taken.
        stability: numbers of formulas of the Materials Project by the column formula, where gates use them; what it
            lacks is unknown.

    Yields:
        Tables with the column formula and the numbers that the source has.

    Raises:
        TableError: if a file cannot be read, lacks a column or holds a text that is not a formula or not a number.
    """
    if isinstance(source, FileSource):
        return _regroup_rows(_read_file_blocks(source, columns, tally))
    if isinstance(source, EnumerationSource):
        return _enumerate_blocks(source)
    if isinstance(source, ElectrodesSource):
        return _list_electrode_blocks(source, folder or Path())
    if isinstance(source, CandidatesSource):
        frame = _load_candidates(source, folder or Path(), columns.numbers, tally)
    else:
        from batterymi.data.loaders.mp_compositions import load_compositions

        frame = load_compositions(folder or Path(), source.element)[[FORMULA, *COMPOSITION_COLUMNS]]
        if stability is not None:
            frame = frame.merge(stability[[FORMULA, *STABILITY_COLUMNS]], on=FORMULA, how="left", validate="1:1")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return (table.slice(start, BLOCK) for start in range(0, len(table), BLOCK))


def _load_candidates(source: CandidatesSource, folder: Path, columns: Iterable[str], tally: Tally) -> pd.DataFrame:
    """Return the candidates of a data set in order of their ids.

    Raises:
        TableError: if they lack a column that the model or a gate needs.
    """
    listed = registry.look_up("candidates", source.name)(folder)
    tally.dropped += len(listed.dropped)
    _check_header(folder, list(columns), list(listed.frame.columns))
    frame: pd.DataFrame = listed.frame.sort_values(ID)
    return frame


def _enumerate_blocks(source: EnumerationSource) -> Iterator[pa.Table]:
    """Yield the blocks of an enumeration."""
    from batterymi.screening.enumeration import enumerate_compositions

    # lazily, since an enumeration may be longer than memory
    formulas = chain.from_iterable(enumerate_compositions(source))
    while block := list(islice(formulas, BLOCK)):
        yield pa.table({FORMULA: block})


def _list_electrode_blocks(source: ElectrodesSource, folder: Path) -> Iterator[pa.Table]:
    """Yield the blocks of candidate electrodes."""
    from batterymi.screening.electrodes import list_electrodes

    for frame in list_electrodes(source, folder, BLOCK):
        yield pa.Table.from_pandas(frame, preserve_index=False)


def _read_file_blocks(source: FileSource, columns: CandidateColumns, tally: Tally) -> Iterator[pa.Table]:
    """Yield batches of a file, with formulas read and numbers checked."""
    path, first = Path(source.file), 1
    problems: dict[int, str] = {}
    named = [FORMULA, *columns.formulas, *columns.texts, *columns.numbers]
    for piece in _read_batches(path, columns):
        wrong, read = _read_formulas(path, piece, columns)
        if wrong and source.bad_rows == "stop":
            problems |= {first + position: reason for position, reason in wrong.items()}
            # the message lists no more, so the rest need not be read
            if len(problems) >= MOST_PROBLEMS:
                break
        first += len(piece)
        tally.dropped += len(wrong)
        table = pa.table([read.get(name, piece.column(name)) for name in (*columns.words, *columns.numbers)], named)
        yield table.filter(pa.array([place not in wrong for place in range(len(piece))])) if wrong else table
    if problems:
        listed = sorted(problems)[:MOST_PROBLEMS]
        lines = _find_line_numbers(path, listed) if path.suffix == ".csv" else dict(zip(listed, listed, strict=True))
        messages = [f"{path}: row {lines.get(row, row)}: {problems[row]}" for row in listed]
        raise TableError("\n".join([*messages, "correct the formulas, or set screen.source.bad_rows to drop"]))


def _read_formulas(
    path: Path, piece: pa.RecordBatch, columns: CandidateColumns
) -> tuple[dict[int, str], dict[str, pa.Array]]:
    """Read the formulas of a batch, also those that are no plain ones.

    Returns:
        Why rows cannot be read, by their place in the batch; and the columns of plain formulas.
    """
    wrong: dict[int, str] = {}
    read: dict[str, pa.Array] = {}
    variables = find_variable_columns(name for name in piece.schema.names if name not in columns.words)
    for column in (columns.formula, *columns.formulas):
        texts = _list_texts(path, piece.column(column))
        for place in find_special(texts):
            cells = {name: parse_value(piece.column(own)[place].as_py()) for name, own in variables.items()}
            try:
                values = {name: value for name, value in cells.items() if value is not None}
                texts[place] = read_formula(texts[place], values).formula
            except FormulaError as error:
                wrong.setdefault(place, str(error) if column == columns.formula else f"{column}: {error}")
        read[column] = pa.array(texts, pa.string())
    return wrong, read


def _list_texts(path: Path, column: pa.Array) -> list[str]:
    """Return the texts of a column, an empty one where there is none."""
    try:
        texts: list[str] = column.fill_null("").to_pylist()
    except UnicodeDecodeError:
        raise TableError(f"{path}: a formula is not UTF-8 text; write the file again as UTF-8") from None
    return texts


def _read_batches(path: Path, columns: CandidateColumns) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of a file in batches; the content of the others does not matter."""
    wanted = [*columns.words, *columns.numbers]
    try:
        header = read_header(path)
        _check_header(path, wanted, header)
        # values of variables in formulas, as of x
        own = [
            name for name in find_variable_columns(header).values() if name not in wanted and header.count(name) == 1
        ]
        words = {*columns.words, *own}
        if path.suffix == ".parquet":
            with pa.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(BLOCK, columns=[*wanted, *own]):
                    yield _cast_types(path, batch.select([*wanted, *own]), words)
            return
        types: dict[str, Any] = {**dict.fromkeys(words, pa.string()), **dict.fromkeys(columns.numbers, pa.float64())}
        # an empty formula stays text, and is then reported like any other bad one
        convert = pa.csv.ConvertOptions(column_types=types, include_columns=[*wanted, *own], strings_can_be_null=False)
        with pa.csv.open_csv(path, convert_options=convert) as reader:
            yield from reader
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; screen.source.file names it") from None
    except TableError:
        raise
    except (*UNREADABLE, csv.Error) as error:
        is_text = isinstance(error, pa.ArrowInvalid) and path.suffix == ".csv"
        found = _find_first_text(path, list(columns.numbers)) if is_text else None
        raise TableError(f"{path}: {found or 'cannot be read: ' + ' '.join(str(error).split())}") from None


def read_header(path: Path) -> list[str]:
    """Read the names of the columns of a file of candidates."""
    if path.suffix == ".parquet":
        with pa.parquet.ParquetFile(path) as file:
            return list(file.schema_arrow.names)
    with _open_text(path) as stream:
        return next(filter(None, csv.reader(stream)), [])


def check_candidate_file(path: Path, columns: CandidateColumns) -> None:
    """Refuse a file of candidates that lacks a column, before anything runs.

    Raises:
        TableError: naming the file and the columns.
    """
    try:
        header = read_header(path)
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; screen.source.file names it") from None
    except (*UNREADABLE, csv.Error) as error:
        raise TableError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    _check_header(path, [*columns.words, *columns.numbers], header)


def _open_text(path: Path) -> TextIO:
    """Open a CSV file as text; bytes that are not UTF-8 become replacement characters."""
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _find_line_numbers(path: Path, rows: list[int]) -> dict[int, int]:
    """Find the lines of a CSV file on which some rows end; the header is row 0, empty lines do not count."""
    wanted = set(rows)
    with _open_text(path) as stream:
        reader = csv.reader(stream)
        lines = (reader.line_num for _ in filter(None, reader))
        return {row: line for row, line in zip(range(max(rows) + 1), lines, strict=False) if row in wanted}


def _find_first_text(path: Path, columns: list[str]) -> str | None:
    """Find the first text in a CSV file's columns of numbers; Arrow says what it is, but not where."""
    with _open_text(path) as stream:
        reader = csv.reader(stream)
        rows = filter(None, reader)
        header = next(rows)
        for row in rows:
            for name, text in zip(header, row, strict=False):
                if name in columns and not _is_number(text):
                    return f"row {reader.line_num}: '{text}' in the column '{name}' is not a number"
    return None


def _is_number(text: str) -> bool:
    """Return whether a cell is a number, or one of the words for a missing one."""
    try:
        float(text)
    except ValueError:
        # the words that Arrow takes for a missing number
        return text.strip() in MISSING
    return True


def _cast_types(path: Path, batch: pa.RecordBatch, words: Collection[str]) -> pa.RecordBatch:
    """Cast a batch of a Parquet file to text and numbers where they belong."""
    fields = [pa.field(name, pa.string() if name in words else pa.float64()) for name in batch.schema.names]
    try:
        return batch.cast(pa.schema(fields))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TableError(
            f"{path}: {', '.join(sorted(words))} must be text and the other columns numbers: {error}"
        ) from None


def _check_header(path: Path, wanted: list[str], found: list[str]) -> None:
    """Refuse a header in which a wanted column is missing or occurs twice."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TableError(
            f"{path}: the columns {', '.join(missing)} are missing; the model or a gate needs them. "
            f"Found: {', '.join(found[:20]) or 'none'}"
        )
    for name in wanted:
        if found.count(name) > 1:
            raise TableError(f"{path}: {found.count(name)} columns are called '{name}'; rename all but one of them")


def _regroup_rows(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Regroup the rows in blocks of `BLOCK`."""
    waiting: list[pa.Table] = []
    n = 0
    for piece in pieces:
        waiting.append(piece)
        n += len(piece)
        while n >= BLOCK:
            table = pa.concat_tables(waiting)
            yield table.slice(0, BLOCK).combine_chunks()
            rest = table.slice(BLOCK)
            waiting, n = [rest], len(rest)
    if n:
        yield pa.concat_tables(waiting).combine_chunks()


def add_formula_columns(block: pd.DataFrame, formula_columns: Iterable[str]) -> pd.DataFrame:
    """Add the formula under the names that a model's descriptors expect."""
    return block.assign(**dict.fromkeys(formula_columns, block[FORMULA]))
