"""A workbook's table as a CSV file, to which results can be written."""

import csv
import io
from pathlib import Path

from batterymi.config.sources import Reading
from batterymi.csv_safety import escape_cell
from batterymi.data.input_files import read_content
from batterymi.data.layout import guess_layout
from batterymi.data.read_table import parse_grid, parse_table
from batterymi.errors import ConfigError, TableError
from batterymi.user_files import create_file


def save_as_csv(table: Path, target: Path, sheet: str | None = None) -> Path:
    """Write the table of a workbook or a Parquet file to a new CSV file: one line of names, and a line for each row.

    Lines above the names, and statistics and notes below the table, are left out.

    Args:
        table: .xlsx, .xls, .ods or .parquet.
        target: the CSV file to make; one that exists is never written over.
        sheet: of the workbook; None takes the only one that is not empty.

    Returns:
        The CSV file.

    Raises:
        TableError: if the table cannot be read, or would be read otherwise from the new file.
        ConfigError: if the target exists.
        OutputError: if it cannot be written.
    """
    content = read_content(table, "the name of the file").data
    reading = Reading(sheet=sheet)
    if table.suffix.lower() != ".parquet":
        grid, _ = parse_grid(content, table, reading)
        layout = guess_layout(grid)
        reading = Reading(sheet=sheet, header_lines=layout.header_lines, leave_out=layout.leave_out)
    frame = parse_table(content, table, reading).frame
    # numbers of a Parquet file in full, and nothing for what is missing
    texts = frame.map(lambda cell: "" if cell is None or cell != cell else str(cell))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([escape_cell(str(name)) for name in frame.columns])
    writer.writerows([escape_cell(cell) for cell in row] for row in texts.itertuples(index=False, name=None))
    data = stream.getvalue().encode("utf-8")
    again = parse_table(data, target, Reading(leave_out=(), decimal=".")).frame
    same_names = list(again.columns) == [str(name) for name in frame.columns]
    if not same_names or again.to_numpy().tolist() != texts.to_numpy().tolist():
        raise TableError(f"{table}: would be read otherwise as CSV; save it as CSV in a spreadsheet")
    try:
        create_file(target, data)
    except FileExistsError:
        raise ConfigError([f"{target}: exists already; give the name of a new file"]) from None
    return target
