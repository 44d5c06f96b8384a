"""Crystal structures of the rows of a data set, and what they are compared for."""

from collections.abc import Iterator

from pydantic import Field

from batterymi.config.datasets import FileName
from batterymi.config.parts import Name, Strict
from batterymi.config.sources import Table


class CellColumns(Strict):
    """Columns that say which cell a row has, without its sites."""

    cell_content: Name = Field(description="Formula with as many atoms as the unit cell has.")
    space_group: Name = Field("space_group", description="Number, 1 to 230.")
    cell: tuple[Name, Name, Name, Name, Name, Name] = Field(
        ("a", "b", "c", "alpha", "beta", "gamma"), description="Edges in Å, then angles in degrees."
    )


class GraphPretraining(Strict):
    """Pre-training of the graph network on formation energies; made by `snakemake graph_pretraining`."""

    epochs: int = Field(10, ge=1, le=1000, description="Times that each structure is seen.")
    largest_cell: int = Field(40, ge=2, le=400, description="Sites of a cell above which a structure is left out.")
    most: int = Field(6000, ge=20, le=1_000_000, description="Structures; all with Li first, then others by chance.")


class Structures(Strict):
    """An archive of CIF files, and the comparison of what models gain by them; made by `snakemake structures`."""

    archive: FileName = Field(description="A zip file of the study's data set, with CIF files in any folders.")
    name_column: Name = Field("id", description="Column of the files' names without `.cif`; a row may have none.")
    columns: CellColumns = Field(description="From which rows without a file get the sites of a similar compound.")
    partitions: int = Field(5, ge=2, le=50, description="Random partitions into folds, each compared by its own job.")
    pretraining: GraphPretraining = Field(GraphPretraining(), description="Of the graph network, on computed energies.")


def find_structure_problems(structures: Structures | None, table: Table) -> Iterator[str]:
    """Yield what is wrong with where structures are: they are files of a data set."""
    if structures is not None and table.dataset is None:
        yield (
            "structures: needs table.dataset, in whose archive the files are; a table of your own names CIF files in a "
            "column, which the descriptors structure, occupancy and site_graph take"
        )
