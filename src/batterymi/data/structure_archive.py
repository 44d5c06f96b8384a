"""Structures of the rows of a data set: their own CIF files in an archive, or by analogy with those of other rows."""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from batterymi.config.structures import Structures
from batterymi.errors import TableError
from batterymi.features.analogues import find_analogue, make_compound
from batterymi.features.formulas import parse_formula
from batterymi.features.site_records import SiteRecord, make_record
from batterymi.features.structures import StructureError, read_structure

OWN, ANALOGUE, NO_STRUCTURE = "file", "analogue", "none"
LARGEST, MOST_FILES = 2_000_000, 100_000  # bytes of one file; more is no CIF file of a crystal


@dataclass
class FoundStructures:
    """Structures of the rows of a table.

    Attributes:
        records: by line of the row.
        rows: a row for each line: `line`, `source` (`file`, `analogue` or `none`), `template` (line of the row whose
            sites an analogue has, or -1) and `deviation` of its composition.
        faults: lines of the report, one for each file that is no usable structure.
    """

    records: dict[int, SiteRecord] = field(default_factory=dict)
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    faults: list[str] = field(default_factory=list)


def find_structures(rows: pd.DataFrame, archive: Path, settings: Structures) -> FoundStructures:
    """Read the structures of rows, and find analogues for those without one.

    Analogues come from the same rows alone, so that rows of another split give nothing away, not even their sites.

    Args:
        rows: a table, with the column `line`.
        archive: zip file of CIF files.
        settings: which columns to go by.

    Raises:
        TableError: if the archive or a column is missing.
    """
    wanted = settings.columns
    needed = [settings.name_column, wanted.cell_content, wanted.space_group, *wanted.cell]
    if lacking := [name for name in needed if name not in rows]:
        raise TableError(f"structures: the table has no column '{lacking[0]}'; it has {', '.join(map(str, rows))}")
    lines = {str(name): int(line) for name, line in zip(rows[settings.name_column], rows["line"], strict=True)}
    found = FoundStructures()
    for name, read in read_archive(archive, set(lines)):
        if isinstance(read, str):
            found.faults.append(read)
        else:
            found.records[lines[name]] = read
    own = dict(found.records)
    groups = dict(zip(rows["line"].astype(int), rows[wanted.space_group].astype(int), strict=True))
    described = []
    for _, row in rows.iterrows():
        line = int(row["line"])
        described.append({"line": line, "source": OWN, "template": -1, "deviation": 0.0})
        if line in own:
            continue
        cell = [float(row[name]) for name in wanted.cell]
        compound = make_compound(groups[line], cell, parse_formula(str(row[wanted.cell_content])))
        analogue = find_analogue(compound, own, groups)
        described[-1]["source"] = NO_STRUCTURE
        if analogue is not None:
            found.records[line] = analogue.record
            described[-1] |= {"source": ANALOGUE, "template": analogue.template, "deviation": analogue.deviation}
    found.rows = pd.DataFrame(described)
    return found


def read_archive(archive: Path, names: set[str]) -> Iterator[tuple[str, SiteRecord | str]]:
    """Yield the CIF files of an archive that have one of some names, without `.cif`, in order of their names.

    Yields:
        The name, and the structure or, in one line, what is wrong with the file.

    Raises:
        TableError: if the archive cannot be read.
    """
    try:
        with zipfile.ZipFile(archive) as opened, tempfile.TemporaryDirectory() as folder:
            members = opened.infolist()
            if len(members) > MOST_FILES:
                raise TableError(f"{archive}: {len(members)} files; at most {MOST_FILES} are read")
            for member in sorted(members, key=lambda member: member.filename):
                path = PurePosixPath(member.filename)
                if path.suffix.lower() != ".cif" or path.stem not in names:
                    continue
                yield path.stem, _read_member(opened, member, Path(folder) / "structure.cif", archive)
    except FileNotFoundError:
        raise TableError(f"{archive}: there is no such file; fetch the data set again") from None
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise TableError(f"{archive}: cannot be read as a zip file: {error}") from None


def _read_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, copy: Path, archive: Path) -> SiteRecord | str:
    """Return the structure of one file of an archive, or what is wrong with it."""
    place = f"{archive.name}: {member.filename}"
    if member.file_size > LARGEST:
        return f"{place}: {member.file_size} bytes; a CIF file of a crystal has at most {LARGEST}"
    # read from a file of its own, under no name that the archive could choose
    copy.write_bytes(opened.read(member))
    try:
        return make_record(read_structure(copy).structure)
    except StructureError as error:
        return f"{place}: {error}"
