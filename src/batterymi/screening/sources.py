"""Where candidates come from, as a stream of blocks: a file, the Materials Project, an enumeration."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from batterymi import registry
from batterymi.config.screen import COMPOSITION_COLUMNS, CandidatesSource, EnumerationSource, FileSource, Source
from batterymi.errors import TableError
from batterymi.features.formulas import unparsable

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


def candidate_blocks(
    source: Source,
    folder: Path | None,
    columns: Iterable[str],
    tally: Tally,
) -> Iterator[pa.Table]:
    """Candidates in blocks of `BLOCK`, the last one shorter.

    Args:
        source: where they come from.
        folder: files of the source's data set, if it has one.
        columns: numbers beside the formula that a model or a gate asks for.
        tally: counts what is left out, as blocks are taken.

    Yields:
        Tables with the column formula and the numbers that the source has.

    Raises:
        TableError: if a file cannot be read, lacks a column or holds a text that is no formula or no number.
    """
    if isinstance(source, FileSource):
        return _regrouped(_from_file(source, list(columns), tally))
    if isinstance(source, EnumerationSource):
        return _enumerated(source)
    if isinstance(source, CandidatesSource):
        frame = _load_candidates(source, folder or Path(), columns, tally)
    else:
        from batterymi.data.loaders.mp_compositions import load_compositions

        frame = load_compositions(folder or Path(), source.element)[[FORMULA, *COMPOSITION_COLUMNS]]
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


def _enumerated(source: EnumerationSource) -> Iterator[pa.Table]:
    """Blocks of an enumeration."""
    from batterymi.screening.enumeration import enumerate_compositions

    formulas = chain.from_iterable(enumerate_compositions(source))
    while block := list(islice(formulas, BLOCK)):
        yield pa.table({FORMULA: block})


def _from_file(source: FileSource, columns: list[str], tally: Tally) -> Iterator[pa.Table]:
    """Pieces of a file, formulas read and numbers checked."""
    path, first = Path(source.file), 1
    problems: dict[int, str] = {}
    for piece in _pieces(path, source.formula_column, columns):
        texts = piece.column(source.formula_column).fill_null("").to_pylist()
        wrong = dict(unparsable(texts))
        if wrong and source.bad_rows == "stop":
            problems |= {first + position: reason for position, reason in wrong.items()}
            if len(problems) >= MOST_PROBLEMS:
                break
        first += len(texts)
        tally.dropped += len(wrong)
        table = pa.Table.from_batches([piece]).rename_columns([FORMULA, *columns])
        yield table.filter(pa.array([position not in wrong for position in range(len(texts))])) if wrong else table
    if problems:
        listed = list(problems)[:MOST_PROBLEMS]
        lines = _line_numbers(path, listed) if path.suffix == ".csv" else dict(zip(listed, listed, strict=True))
        told = [f"{path}: row {lines.get(row, row)}: {problems[row]}" for row in listed]
        raise TableError("\n".join([*told, "correct the formulas, or set screen.source.bad_rows to drop"]))


def _pieces(path: Path, formula: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a file, piece by piece; what stands in the others does not matter."""
    wanted = [formula, *columns]
    try:
        if path.suffix == ".parquet":
            with pa.parquet.ParquetFile(path) as file:
                _check_header(path, wanted, file.schema_arrow.names)
                for batch in file.iter_batches(BLOCK, columns=wanted):
                    yield _typed(path, batch.select(wanted), formula)
            return
        with _opened(path) as stream:
            _check_header(path, wanted, next(filter(None, csv.reader(stream)), []))
        types: dict[str, Any] = {formula: pa.string(), **dict.fromkeys(columns, pa.float64())}
        convert = pa.csv.ConvertOptions(column_types=types, include_columns=wanted, strings_can_be_null=False)
        with pa.csv.open_csv(path, convert_options=convert) as reader:
            yield from reader
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; screen.source.file names it") from None
    except (pa.ArrowInvalid, pa.ArrowKeyError, csv.Error, OSError) as error:
        found = _first_text(path, columns) if isinstance(error, pa.ArrowInvalid) and path.suffix == ".csv" else None
        raise TableError(f"{path}: {found or 'cannot be read: ' + ' '.join(str(error).split())}") from None


def _opened(path: Path) -> TextIO:
    """A CSV file as text; bytes that are no UTF-8 become question marks."""
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _line_numbers(path: Path, rows: list[int]) -> dict[int, int]:
    """Lines of a CSV file on which some rows end; the header is row 0, and empty lines are no rows."""
    wanted = set(rows)
    with _opened(path) as stream:
        reader = csv.reader(stream)
        lines = (reader.line_num for _ in filter(None, reader))
        return {row: line for row, line in zip(range(max(rows) + 1), lines, strict=False) if row in wanted}


def _first_text(path: Path, columns: list[str]) -> str | None:
    """Where in a CSV file the first text stands in a column of numbers; Arrow says what it is, but not where."""
    with _opened(path) as stream:
        reader = csv.reader(stream)
        rows = filter(None, reader)
        header = next(rows)
        for row in rows:
            for name, text in zip(header, row, strict=False):
                if name in columns and not _is_number(text):
                    return f"row {reader.line_num}: '{text}' in the column '{name}' is no number"
    return None


def _is_number(text: str) -> bool:
    """Whether a cell is a number, or one of the words for a missing one."""
    try:
        float(text)
    except ValueError:
        return text.strip() in MISSING
    return True


def _typed(path: Path, batch: pa.RecordBatch, formula: str) -> pa.RecordBatch:
    """A piece of a Parquet file with text and numbers where they belong."""
    fields = [pa.field(name, pa.string() if name == formula else pa.float64()) for name in batch.schema.names]
    try:
        return batch.cast(pa.schema(fields))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TableError(f"{path}: {formula} must be text and the other columns numbers: {error}") from None


def _check_header(path: Path, wanted: list[str], found: list[str]) -> None:
    """Stop where a wanted column is missing, or stands twice."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TableError(
            f"{path}: the columns {', '.join(missing)} are missing; the model or a gate needs them. "
            f"Found: {', '.join(found[:20]) or 'none'}"
        )
    for name in wanted:
        if found.count(name) > 1:
            raise TableError(f"{path}: {found.count(name)} columns are called '{name}'; rename all but one of them")


def _regrouped(pieces: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in blocks of `BLOCK`."""
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


def as_designs(block: pd.DataFrame, formula_columns: Iterable[str]) -> pd.DataFrame:
    """A block with its formula under the names that a model's descriptors ask for."""
    return block.assign(**dict.fromkeys(formula_columns, block[FORMULA]))
