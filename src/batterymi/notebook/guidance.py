"""What a user of Python says of a table, as the options of a command say it."""

from collections.abc import Sequence
from types import NoneType
from typing import TypedDict

import pandas as pd

from batterymi.authoring.new_study import read_wishes
from batterymi.authoring.roles import Wishes
from batterymi.config.sources import Reading
from batterymi.errors import ConfigError
from batterymi.notebook.arguments import read_words, require

Words = str | Sequence[str] | pd.Series | pd.Index
SINGLE = ("id", "repeats", "sheet", "encoding", "decimal")  # what is said once


class Guidance(TypedDict, total=False):
    """What a user says of a table, as the options of `batterymi new-study`; each may be left out.

    Attributes:
        objective: columns, each alone or as `COLUMN:max`, `COLUMN:min`, `COLUMN:target:7.4`, `COLUMN:target:1:2.5`.
        factor: columns that designs vary, whatever they look like.
        id: the column that names the rows.
        group: columns whose equal values are kept together in validation.
        formula: columns of chemical formulas.
        ignore: columns that are not used.
        repeats: the column whose equal values are repeats of one measurement.
        fill_down: columns in which an empty cell means the one above.
        sheet: of a workbook.
        encoding: of a CSV file.
        decimal: what separates decimals, "." or ",".
    """

    objective: Words
    factor: Words
    id: str
    group: Words
    formula: Words
    ignore: Words
    repeats: str
    fill_down: Words
    sheet: str
    encoding: str
    decimal: str


def read_guidance(guidance: Guidance) -> tuple[Reading, Wishes, tuple[str, ...]]:
    """Return what is said of the reading, of the columns, and of those that are filled down.

    Raises:
        ConfigError: if an option is unknown, or cannot be.
    """
    known = Guidance.__annotations__
    if wrong := [name for name in guidance if name not in known]:
        raise ConfigError([f"from_csv: there is no option '{wrong[0]}'; there are {', '.join(known)}"])
    for name in SINGLE:
        require(f"from_csv: {name}", guidance.get(name), (str, NoneType), "a text")
    words = {name: read_words(f"from_csv: {name}", guidance.get(name)) for name in known if name not in SINGLE}
    decimal = guidance.get("decimal")
    if decimal not in (None, ".", ","):
        raise ConfigError([f"from_csv: decimal: found {decimal!r}; give '.' or ','"])
    reading = Reading.model_validate(
        {"sheet": guidance.get("sheet"), "encoding": guidance.get("encoding"), "decimal": decimal}
    )
    wishes = Wishes(
        factors=words["factor"],
        identity=guidance.get("id"),
        groups=words["group"],
        formulas=words["formula"],
        ignored=words["ignore"],
        repeats=guidance.get("repeats"),
    )
    return reading, read_wishes(words["objective"], wishes), words["fill_down"]
