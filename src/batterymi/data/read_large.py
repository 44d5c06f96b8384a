"""Large CSV files without quotation marks and comments, parsed column by column instead of cell by cell."""

from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from batterymi.config.sources import Reading
from batterymi.csv_safety import GUARDED, unescape_cell
from batterymi.data.grids import Grid, find_delimiter
from batterymi.data.layout import guess_layout, join_names

LEAST_BYTES = 5_000_000  # of a file that is worth it
HEAD_LINES, TAIL_BYTES = 200, 20_000
TEXT = pd.StringDtype("pyarrow")


def parse_large(data: bytes, path: str | Path, reading: Reading) -> pd.DataFrame | None:
    """Parse a large file of plain cells.

    Args:
        data: what the file holds.
        path: the file.
        reading: settings of the reading.

    Returns:
        Cells as text under the names of the first line, indexed by line; None where the file is small or holds anything
        that needs a closer look: quotation marks, comments, blank lines, decimal commas, several lines of names,
        statistics below, rows of other widths.
    """
    settings = [getattr(reading, name) for name in Reading.model_fields if name != "leave_out"]
    if len(data) < LEAST_BYTES or any(value is not None for value in settings):
        return None
    body = data.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    is_plain = not any(sign in body for sign in (b'"', b"#", b"\x00", b"\n\n", b"\n\r\n", b"sep="))
    if not is_plain or (b"\r" in body and b"\r\n" not in body):
        return None
    try:
        head = [line.decode("utf-8") for line in islice(body[:1_000_000].splitlines(), HEAD_LINES)]
        tail = body[-TAIL_BYTES:].split(b"\n", 1)[-1].decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None
    delimiter = find_delimiter(head)
    names = [cell.strip() for cell in head[0].split(delimiter)]
    if delimiter != "," and b"," in body:
        return None
    first, last = (
        Grid([(place, [cell.strip() for cell in line.split(delimiter)]) for place, line in enumerate(lines, start=1)])
        for lines in (head, [head[0], *tail])
    )
    is_usual = guess_layout(first).header_lines == (1,) and not guess_layout(last).leave_out
    if not is_usual or reading.leave_out or not all(names) or len(set(names)) < len(names):
        return None
    if join_names([names]) != names or any(GUARDED.match(name) for name in names):
        return None
    return _read_columns(body, names, delimiter)


def _read_columns(body: bytes, names: list[str], delimiter: str) -> pd.DataFrame | None:
    """Read all columns as text; None if a row has another number of cells, or a cell is no UTF-8."""
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(body),
            read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False, newlines_in_values=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = {}
    for name in names:
        cells = pc.utf8_trim_whitespace(table[name])
        if pc.any(pc.starts_with(cells, "'")).as_py():
            cells = pa.chunked_array([pa.array([unescape_cell(cell) for cell in cells.to_pylist()], pa.large_string())])
        columns[name] = pd.Series(cells, dtype=TEXT)
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(np.arange(2, len(frame) + 2), name="line")
    return frame
