"""Notebooks without Jupyter: their cells run in order, and what each shows.

`python tests/notebook_cells.py` runs the example in a folder of its own, and keeps what it showed in the file.
"""

import ast
import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs/tutorial/notebook.ipynb"


def make_project(folder: Path) -> None:
    """Make what the example needs of a project: its configuration, and the textbook's table."""
    for part in ("config/config.yaml", "data/textbook/lithium_sulfur.csv"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, folder / part)
    (folder / "config/studies").mkdir()


def run_cells(notebook: Any, folder: Path) -> list[list[Any]]:
    """Run the code of a notebook in a folder; return the outputs of each cell of code."""
    names: dict[str, Any] = {}
    before = Path.cwd()
    shown: list[list[Any]] = []
    os.chdir(folder)
    try:
        # one by one, since each uses what those before have made
        shown += [run_cell(cell.source, names) for cell in notebook.cells if cell.cell_type == "code"]
    finally:
        os.chdir(before)
        pd.reset_option("display")
    return shown


def run_cell(source: str, names: dict[str, Any]) -> list[Any]:
    """Run one cell; return what it prints, and the value of its last line, as Jupyter shows them."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), names)  # noqa: S102 - the code is our own
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    outputs = []
    if printed.getvalue():
        outputs.append(nbformat.v4.new_output("stream", name="stdout", text=printed.getvalue()))
    if value is not None:
        data = {"text/plain": repr(value)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_()
        outputs.append(nbformat.v4.new_output("execute_result", data=data, execution_count=None))
    return outputs


def rewrite_example() -> None:
    """Run the example, and keep what it showed in its file."""
    notebook = nbformat.read(EXAMPLE, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder))
        shown = iter(run_cells(notebook, Path(folder)))
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.outputs, cell.execution_count = next(shown), number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    nbformat.write(notebook, EXAMPLE)


if __name__ == "__main__":
    sys.exit(rewrite_example())
