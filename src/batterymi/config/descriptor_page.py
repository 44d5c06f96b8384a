"""Generate docs/reference/descriptors.md from the registry: what each descriptor computes, and what it needs."""

import inspect
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batterymi import registry
from batterymi.vocabulary.arguments import FORMULAS, STRUCTURES

PAGE = Path("docs/reference/descriptors.md")
INTRODUCTION = """# Descriptors

Numbers that models learn from, computed from columns of the table. A study names them under `descriptors`; each takes
its own columns, in the table, in a list of candidates (`campaign.pool`) and in the file of a screen.

```yaml
descriptors:
  - {name: charged, function: magpie, label: Charged, columns: {formula: formula_charged}}
  - {name: discharged, function: magpie, label: Discharged, columns: {formula: formula_discharged}}
```

A study whose `table.formula_column` is its only input has `magpie` and `element_fractions`: properties of the elements
carry over to elements that few rows have, and the fractions say which elements there are. Arguments with formulas take
them as people write them ([formulas](formulas.md)); rows of one composition are one group in validation unless the
study names another. This page is written by `make docs`.
"""
# a cell for each argument, from which the number of columns is counted
SAMPLES: dict[str, Any] = {"charged": "FePO4", "ion": "Li", "cell_content": "Li4Fe4P4O16", "space_group": 62}
SAMPLES |= {"a": 10.3, "b": 6.0, "c": 4.7, "alpha": 90, "beta": 90, "gamma": 90}
CIF = """data_LiF
_symmetry_space_group_name_H-M 'P 1'
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Li1 0 0 0
F1 0.5 0.5 0.5
"""


def write_descriptor_page() -> str:
    """Return the page: an overview, and a section for each descriptor."""
    names = registry.list_names("descriptor")
    functions = {name: registry.look_up("descriptor", name) for name in names}
    rows = [
        f"| [`{name}`](#{name}) | {_split_docstring(function)[0]} | {_list_arguments(function)} | "
        f"{count_columns(function)} |"
        for name, function in functions.items()
    ]
    table = ["| Name | Computes | Takes | Columns |", "|---|---|---|---|", *rows]
    sections = [line for name, function in functions.items() for line in _write_section(name, function)]
    return "\n".join([INTRODUCTION, *table, "", *sections]).rstrip() + "\n"


def _list_arguments(function: Callable[..., Any]) -> str:
    """Return the names of a descriptor's arguments."""
    return ", ".join(f"`{argument}`" for argument in inspect.signature(function).parameters)


def count_columns(function: Callable[..., Any]) -> int:
    """Count the columns of a descriptor, by computing it for one row."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.cif"
        path.write_text(CIF, encoding="utf-8")
        cells = {**dict.fromkeys(FORMULAS, "LiFePO4"), **dict.fromkeys(STRUCTURES, str(path)), **SAMPLES}
        columns = {name: pd.Series([cells[name]]) for name in inspect.signature(function).parameters}
        return int(function(**columns).shape[1])


def _write_section(name: str, function: Callable[..., Any]) -> list[str]:
    """Return the lines about one descriptor."""
    first, rest, arguments = _split_docstring(function)
    rows = [
        f"| `{argument}` | {_name_kind(argument)} | {arguments.get(argument, '')} |"
        for argument in inspect.signature(function).parameters
    ]
    about = [first + ".", *(["", rest] if rest else [])]
    return [f"## {name}", "", *about, "", "| Argument | Column of | Meaning |", "|---|---|---|", *rows, ""]


def _name_kind(argument: str) -> str:
    """Return what an argument's column holds."""
    if argument in FORMULAS:
        return "formulas"
    if argument in STRUCTURES:
        return "paths of CIF files"
    return "text" if isinstance(SAMPLES.get(argument), str) else "numbers"


def _split_docstring(function: Callable[..., Any]) -> tuple[str, str, dict[str, str]]:
    """Return the first sentence of a docstring, what follows, and the meaning of each argument."""
    text = inspect.getdoc(function) or ""
    about, _, later = text.partition("\nArgs:\n")
    first, _, rest = about.strip().partition("\n\n")
    block = re.split(r"\n(?=\S)", later)[0]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", block, re.MULTILINE)
    arguments = {name: " ".join(meaning.split()).rstrip(".") for name, meaning in found}
    first = re.sub(r", see `.*", "", " ".join(first.split()))
    return first.rstrip("."), " ".join(rest.split()), arguments
